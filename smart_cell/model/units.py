"""Suspicious values: lengths that look like millimetres, angles like degrees, wild speeds."""

from __future__ import annotations

import math
from collections.abc import Mapping

from smart_cell.model.description import Arm, CellDescription
from smart_cell.model.frames import placed
from smart_cell.model.urdf import Urdf
from smart_cell.model.yaml_reading import Document, Location

FARTHEST_M = 100.0
LARGEST_PART_M = 2.0
LARGEST_TRAY_M = 5.0
HEAVIEST_PART_KG = 500.0
LARGEST_LINK_M = 30.0
FASTEST_M_S = 10.0
LARGEST_ACCELERATION = {"revolute": 200.0, "prismatic": 100.0}
LARGEST_JERK = {"revolute": 20_000.0, "prismatic": 10_000.0}
FASTEST_JOINT = {"revolute": 20.0, "prismatic": 10.0}


class UnitChecker:
    """Looks for values that are allowed but unlikely; problems go to the document."""

    def __init__(
        self, document: Document, description: CellDescription, urdfs: Mapping[str, Urdf]
    ) -> None:
        """Keep what is to be checked."""
        self.document = document
        self.d = description
        self.urdfs = urdfs

    def check(self) -> None:
        """Add all problems to the document."""
        for location, _, pose in placed(self.d):
            for index, value in enumerate(pose.xyz):
                self._at_most((*location, "xyz", index), abs(value), FARTHEST_M, "m", "mm")
        self._types()
        self._devices()
        for name, arm in self.d.arms.items():
            self._arm(name, arm)

    def _types(self) -> None:
        for name, part in self.d.part_types.items():
            place: Location = ("part_types", name)
            self._at_most((*place, "shape"), max(part.shape.extents), LARGEST_PART_M, "m", "mm")
            self._at_most((*place, "mass_kg"), part.mass_kg, HEAVIEST_PART_KG, "kg", "g")
        for name, tray in self.d.tray_types.items():
            place = ("tray_types", name)
            self._at_most((*place, "size_m"), max(tray.size_m), LARGEST_TRAY_M, "m", "mm")
            self._at_most((*place, "mass_kg"), tray.mass_kg, HEAVIEST_PART_KG, "kg", "g")

    def _devices(self) -> None:
        for name, gripper in self.d.grippers.items():
            place: Location = ("grippers", name)
            self._at_most(
                (*place, "max_tilt_rad"), gripper.max_tilt_rad, math.pi / 2, "rad", "degrees"
            )
            for tool, described in gripper.tools.items():
                for key in ("radius_m", "press_m", "drop_m"):
                    value = getattr(described, key)
                    self._at_most((*place, "tools", tool, key), value, 0.5, "m", "mm")
            self._at_most((*place, "mass_kg"), gripper.mass_kg, HEAVIEST_PART_KG, "kg", "g")
        for name, camera in self.d.cameras.items():
            place = ("cameras", name)
            for index, angle in enumerate(camera.field_of_view_rad):
                self._below((*place, "field_of_view_rad", index), angle, math.pi, "rad", "degrees")
            self._at_most((*place, "range_m", 1), camera.range_m[1], FARTHEST_M, "m", "mm")
        for name, mover in self.d.transporters.items():
            place = ("transporters", name, "velocity_m_s")
            self._at_most(place, mover.velocity_m_s, FASTEST_M_S, "m/s", "mm/s")

    def _arm(self, name: str, arm: Arm) -> None:
        place: Location = ("arms", name)
        self._at_most((*place, "tool_speed_m_s"), arm.tool_speed_m_s, FASTEST_M_S, "m/s", "mm/s")
        height = arm.transfer_height_m
        self._at_most((*place, "transfer_height_m"), abs(height), FARTHEST_M, "m", "mm")
        urdf = self.urdfs.get(name)
        if urdf is None:
            return
        tables = (("acceleration", LARGEST_ACCELERATION, 2), ("jerk", LARGEST_JERK, 3))
        for key, largest, order in tables:
            for joint, value in getattr(arm.limits, key).items():
                kind = _kind(urdf, joint)
                if kind is None:
                    continue
                unit, wrong = ("m", "mm") if kind == "prismatic" else ("rad", "degrees")
                at = (*place, "limits", key, joint)
                self._at_most(at, value, largest[kind], f"{unit}/s^{order}", wrong)
        largest_link = max(
            (max(body.size_m) for link in urdf.links.values() for body in link.collisions),
            default=0.0,
        )
        self._at_most((*place, "urdf"), largest_link, LARGEST_LINK_M, "m", "mm")
        for item in urdf.joints.values():
            kind = _kind(urdf, item.name)
            if kind is not None and item.velocity > FASTEST_JOINT[kind]:
                text = (
                    f"joint {item.name!r} of the URDF moves at {item.velocity:g}: in rad/s or m/s?"
                )
                self.document.say((*place, "urdf"), f"suspicious unit: {text}")

    def _at_most(self, place: Location, value: float, limit: float, unit: str, wrong: str) -> None:
        if value > limit:
            self._suspect(place, value, limit, unit, wrong)

    def _below(self, place: Location, value: float, limit: float, unit: str, wrong: str) -> None:
        if value >= limit:
            self._suspect(place, value, limit, unit, wrong)

    def _suspect(self, place: Location, value: float, limit: float, unit: str, wrong: str) -> None:
        text = f"suspicious unit: {value:g} {unit} is more than {limit:g} {unit}; given in {wrong}?"
        self.document.say(place, text)


def _kind(urdf: Urdf, joint: str) -> str | None:
    """Return revolute or prismatic; the default of a limit table counts as revolute."""
    if joint == "default":
        return "revolute"
    described = urdf.joints.get(joint)
    if described is None or not described.moves:
        return None
    return "prismatic" if described.type == "prismatic" else "revolute"
