"""Where in the cell a pose lies: in which bin, on which belt, tray or table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array, Pose

LOOSE = "loose"


@dataclass(frozen=True)
class _Area:
    """A box in which what lies belongs to a place: bounds in the place's frame [m]."""

    location: str
    world_to_frame: Array
    lower: Array
    upper: Array

    def contains(self, point: Array) -> bool:
        local = self.world_to_frame[:3, :3] @ point + self.world_to_frame[:3, 3]
        return bool(np.all(local >= self.lower) and np.all(local <= self.upper))


def _area(location: str, frame: Pose, lower: tuple[float, ...], upper: tuple[float, ...]) -> _Area:
    return _Area(location, frame.inverse().matrix(), np.array(lower), np.array(upper))


class Places:
    """The areas of a cell in which parts and trays lie. Immutable."""

    #: How far below its surface a thing may seem to lie, and how far above its frame may be [m].
    BELOW = 0.03

    def __init__(self, cell: Cell) -> None:
        """Collect belts, bins, tray tables and the transporters' trays at their home stations."""
        tallest = max(part.height for part in cell.description.part_types.values())
        self._above = tallest + self.BELOW
        self._part_areas = self._belts(cell) + self._bins(cell) + self._trays(cell)
        self._tray_areas = self._tables(cell) + self._seats(cell)

    def of_part(self, pose: Pose) -> str:
        """Return ``conveyor:<name>``, ``bin:<name>``, ``tray:<transporter>`` or ``loose``."""
        return self._find(self._part_areas, pose)

    def of_tray(self, pose: Pose) -> str:
        """Return ``tray_table:<name>``, ``transporter:<name>`` or ``loose``."""
        return self._find(self._tray_areas, pose)

    @staticmethod
    def _find(areas: tuple[_Area, ...], pose: Pose) -> str:
        point = np.array(pose.xyz)
        for area in areas:
            if area.contains(point):
                return area.location
        return LOOSE

    def _belts(self, cell: Cell) -> tuple[_Area, ...]:
        return tuple(
            _area(
                f"conveyor:{name}",
                cell.pose(name),
                (-0.1, -belt.width_m / 2 - 0.02, -self.BELOW),
                (belt.length_m + 0.1, belt.width_m / 2 + 0.02, self._above),
            )
            for name, belt in cell.description.conveyors.items()
        )

    def _bins(self, cell: Cell) -> tuple[_Area, ...]:
        found = []
        for name, item in cell.description.bins.items():
            x, y = cell.description.bin_types[item.type].inside_m
            found.append(
                _area(
                    f"bin:{name}",
                    cell.pose(name),
                    (-x / 2, -y / 2, -self.BELOW),
                    (x / 2, y / 2, self._above),
                )
            )
        return tuple(found)

    def _trays(self, cell: Cell) -> tuple[_Area, ...]:
        found = []
        for name, item in cell.description.transporters.items():
            x, y, z = cell.description.tray_types[item.tray_type].size_m
            found.append(
                _area(
                    f"tray:{name}",
                    seat_pose(cell, name, item.stations[item.home].position_m),
                    (-x / 2 - 0.02, -y / 2 - 0.02, z - self.BELOW),
                    (x / 2 + 0.02, y / 2 + 0.02, z + self._above),
                )
            )
        return tuple(found)

    def _tables(self, cell: Cell) -> tuple[_Area, ...]:
        found = []
        for name, table in cell.description.tray_tables.items():
            x, y = table.size_m[:2]
            z = cell.description.tray_types[table.tray_type].size_m[2]
            found.append(
                _area(
                    f"tray_table:{name}",
                    cell.pose(name),
                    (-x / 2, -y / 2, z - self.BELOW),
                    (x / 2, y / 2, z + self.BELOW),
                )
            )
        return tuple(found)

    def _seats(self, cell: Cell) -> tuple[_Area, ...]:
        found = []
        for name, item in cell.description.transporters.items():
            z = cell.description.tray_types[item.tray_type].size_m[2]
            found.append(
                _area(
                    f"transporter:{name}",
                    seat_pose(cell, name, item.stations[item.home].position_m),
                    (-0.15, -0.15, z - self.BELOW),
                    (0.15, 0.15, z + self.BELOW),
                )
            )
        return tuple(found)


def seat_pose(cell: Cell, transporter: str, travel: float) -> Pose:
    """Return the world pose of a transporter's tray seat.

    Args:
        cell: The cell.
        transporter: Name of the transporter.
        travel: Where it stands along its track [m].
    """
    item = cell.description.transporters[transporter]
    parent = Pose() if item.pose.parent == "world" else cell.pose(item.pose.parent)
    shift = parent.matrix()[:3, :3] @ (np.array(item.direction) * travel)
    pose = cell.pose(transporter)
    x, y, z = (float(value) for value in np.array(pose.xyz) + shift)
    return Pose((x, y, z), pose.quaternion)
