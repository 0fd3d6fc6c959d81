"""Round trips of a shipped cell's arms, planned and checked as the motion service does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Array, Pose
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.clearance import Clearance, Samples, occupied, sample
from smart_cell.runtime.motion.furniture import (
    Surroundings,
    base_solids,
    fixed_solids,
    part_solid,
    transporter_solids,
)
from smart_cell.runtime.motion.moves import Around, Errand, MovePlanner, Trip
from smart_cell.runtime.motion.solids import Solid

YAWS = (0.0, np.pi / 2, np.pi, -np.pi / 2)


class TripStudy:
    """One cell, empty but for the trays it starts with; every transporter at home."""

    def __init__(self, name: str) -> None:
        """Load the cell."""
        self.cell: Cell = load_cell(name)
        self.arms = {arm: ArmModel(self.cell, arm) for arm in self.cell.description.arms}

    @cached_property
    def zones(self) -> tuple[Solid, ...]:
        """The zones' boxes in the world."""
        zones = self.cell.description.zones.items()
        return tuple(
            Solid.box(name, self.cell.pose(name).matrix(), zone.size_m) for name, zone in zones
        )

    @cached_property
    def around(self) -> Around:
        """Transporters at home."""
        return Around(transporter_solids(self.cell, Surroundings.at_home(self.cell)))

    def own_zones(self, arm: str) -> tuple[str, ...]:
        """Return the zones in which an arm is at its home position."""
        return self.zones_at(arm, self.arms[arm].home)

    def zones_at(self, arm: str, q: Array, carried: Solid | None = None) -> tuple[str, ...]:
        """Return the zones in which an arm is at a joint position."""
        inside = occupied(sample(self.arms[arm], np.zeros(1), q[None], carried), self.zones)[0]
        return tuple(z.name for z, within in zip(self.zones, inside, strict=True) if within)

    @cached_property
    def planners(self) -> dict[str, MovePlanner]:
        """The planner of each arm."""
        fixed = fixed_solids(self.cell)
        owners = {zone: name for name in self.arms for zone in self.own_zones(name)}
        found = {}
        for name, arm in self.arms.items():
            clearance = Clearance(arm, (*fixed, *base_solids(self.arms, name)))
            found[name] = MovePlanner(arm, clearance, self.zones, owners)
        return found

    def rest(self, arm: str) -> Array:
        """Return the folded position at the external axes' home."""
        model = self.arms[arm]
        return model.full(model.external_part(model.home), model.ready(model.description.folded))

    def pick(self, arm: str, part_type: str, frame: Pose, touch: Sequence[str]) -> Trip:
        """Return the trip that fetches a part whose frame is at ``frame``.

        Raises:
            MotionRefusedError: There is none.
        """
        contacts, held = self._grasps(part_type, frame)
        errand = Errand(contacts, None, held, self.around, tuple(touch))
        return self.planners[arm].trip(self.rest(arm), errand)

    def place(self, arm: str, part_type: str, frame: Pose, touch: Sequence[str]) -> Trip:
        """Return the trip that brings a part to ``frame``.

        Raises:
            MotionRefusedError: There is none.
        """
        contacts, held = self._grasps(part_type, frame)
        errand = Errand(contacts, held[0], (None,) * len(held), self.around, tuple(touch))
        return self.planners[arm].trip(self.rest(arm), errand)

    def carry_tray(self, arm: str, frame: Pose, touch: Sequence[str], *, fetch: bool) -> Trip:
        """Return the trip that fetches a tray from ``frame``, or brings one there.

        Raises:
            MotionRefusedError: There is none.
        """
        (kind,) = self.cell.description.tray_types.values()
        contacts = down(frame)
        middle = (frame @ Pose((0.0, 0.0, -kind.size_m[2] / 2))).matrix()
        held = tuple(Solid.box("tray", np.linalg.inv(c) @ middle, kind.size_m) for c in contacts)
        if fetch:
            errand = Errand(contacts, None, held, self.around, tuple(touch))
        else:
            errand = Errand(contacts[:1], held[0], (None,), self.around, tuple(touch))
        return self.planners[arm].trip(self.rest(arm), errand)

    def touch(self, arm: str, point: Pose, touch: Sequence[str]) -> Trip:
        """Return the trip of the empty tool to a point.

        Raises:
            MotionRefusedError: There is none.
        """
        contacts = down(point)
        errand = Errand(contacts, None, (None,) * len(contacts), self.around, tuple(touch))
        return self.planners[arm].trip(self.rest(arm), errand)

    def samples(self, arm: str, trip: Trip) -> list[Samples]:
        """Return the samples of both halves of a trip, without what is carried."""
        ways = (trip.approach.waypoints, trip.retreat.waypoints)
        return [sample(self.arms[arm], way.times, way.positions) for way in ways]

    def _grasps(self, part_type: str, frame: Pose) -> tuple[tuple[Array, ...], tuple[Solid, ...]]:
        part = self.cell.description.part_types[part_type]
        contacts = down(frame @ Pose((*part.grasp_xy_m, part.height)))
        held = tuple(
            part_solid(self.cell, part_type, np.linalg.inv(contact) @ frame.matrix())
            for contact in contacts
        )
        return contacts, held


def down(point: Pose) -> tuple[Array, ...]:
    """Return the poses of a contact face at a point, tool down, in four yaws."""
    return tuple((point @ Pose.from_rpy((0, 0, 0), (np.pi, 0, yaw))).matrix() for yaw in YAWS)
