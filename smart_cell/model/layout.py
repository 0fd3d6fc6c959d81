"""Geometry of a cell's furniture: slots inside their places and apart, belts, movers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

from smart_cell.model.description import CellDescription
from smart_cell.model.yaml_reading import Document, Location

Slots = Mapping[str, tuple[float, float]]
_TOUCH_M = 1e-6


class LayoutChecker:
    """Checks slots, belts, cameras and transporters; problems go to the document."""

    def __init__(self, document: Document, description: CellDescription) -> None:
        """Keep what is to be checked."""
        self.document = document
        self.d = description

    def check(self) -> None:
        """Add all problems to the document."""
        smallest = self._smallest_part()
        for name, tray in self.d.tray_types.items():
            place: Location = ("tray_types", name, "slots")
            self._inside(place, tray.slots, (tray.size_m[0], tray.size_m[1]), "tray")
            self._apart(place, tray.slots, (smallest, smallest), "the smallest part")
        for name, kind in self.d.bin_types.items():
            place = ("bin_types", name, "slots")
            self._inside(place, kind.slots, kind.inside_m, "bin")
            self._apart(place, kind.slots, (smallest, smallest), "the smallest part")
        self._tables()
        self._parts()
        self._conveyors()
        self._transporters()
        for name, camera in self.d.cameras.items():
            near, far = camera.range_m
            if not near < far:
                text = f"the nearest distance {near:g} must be less than the farthest {far:g}"
                self.document.say(("cameras", name, "range_m"), text)

    def _smallest_part(self) -> float:
        return min(min(part.shape.extents[:2]) for part in self.d.part_types.values())

    def _inside(self, place: Location, slots: Slots, size: tuple[float, float], what: str) -> None:
        for slot, (x, y) in slots.items():
            if abs(x) > size[0] / 2 or abs(y) > size[1] / 2:
                text = f"slot {slot!r} at ({x:g}, {y:g}) lies outside the {what}"
                limits = f"x within {size[0] / 2:g} m and y within {size[1] / 2:g} m of the centre"
                self.document.say((*place, slot), f"{text}: {limits}")

    def _apart(self, place: Location, slots: Slots, size: tuple[float, float], what: str) -> None:
        for (first, a), (second, b) in itertools.combinations(slots.items(), 2):
            close = (size[i] - abs(a[i] - b[i]) > _TOUCH_M for i in range(2))
            if all(close):
                text = f"slot {second!r} overlaps slot {first!r}"
                gap = f"{math.dist(a, b):.3g} m apart, less than {what} ({max(size):g} m)"
                self.document.say((*place, second), f"{text}: {gap}")

    def _tables(self) -> None:
        for name, table in self.d.tray_tables.items():
            place: Location = ("tray_tables", name, "slots")
            self._inside(place, table.slots, (table.size_m[0], table.size_m[1]), "table")
            tray = self.d.tray_types.get(table.tray_type)
            if tray is not None:
                self._apart(place, table.slots, (tray.size_m[0], tray.size_m[1]), "a tray")

    def _parts(self) -> None:
        for name, part in self.d.part_types.items():
            offset = [part.grasp_xy_m[i] - part.center_xy_m[i] for i in range(2)]
            if any(abs(offset[i]) > part.shape.extents[i] / 2 for i in range(2)):
                text = f"the grasp at {part.grasp_xy_m} lies outside the part's top"
                self.document.say(("part_types", name, "grasp_xy_m"), text)

    def _conveyors(self) -> None:
        for name, belt in self.d.conveyors.items():
            place: Location = ("conveyors", name)
            if not belt.pick_from_x_m < belt.pick_to_x_m:
                text = f"must be less than pick_to_x_m {belt.pick_to_x_m:g}"
                self.document.say((*place, "pick_from_x_m"), f"{text}; got {belt.pick_from_x_m:g}")
            for key in ("spawn_x_m", "pick_to_x_m"):
                at: float = getattr(belt, key)
                if at > belt.length_m:
                    text = f"{at:g} m lies beyond the belt's end at {belt.length_m:g} m"
                    self.document.say((*place, key), text)

    def _transporters(self) -> None:
        carried: dict[int, str] = {}
        for name, mover in self.d.transporters.items():
            place: Location = ("transporters", name)
            length = math.hypot(*mover.direction)
            if abs(length - 1.0) > 1e-3:
                text = f"must be a unit vector; its length is {length:.4g}"
                self.document.say((*place, "direction"), text)
            if mover.tray is not None and mover.tray in carried:
                text = f"tray {mover.tray} is already on {carried[mover.tray]!r}"
                self.document.say((*place, "tray"), text)
            elif mover.tray is not None:
                carried[mover.tray] = name
