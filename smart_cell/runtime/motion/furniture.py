"""The solid bodies of a cell that stand around its arms, from the description alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.description import Shape
from smart_cell.model.geometry import Array, Pose
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.solids import Solid
from smart_cell.vision.places import seat_pose

#: Thickness of a belt's side guides [m].
RAIL_THICKNESS = 0.01
#: A tool changer is a hollow block around its point: outer edge, wall, below and above it [m].
CHANGER = (0.19, 0.01, 0.04, 0.055)
#: Half edge length of the ground plate, a box whose top is z = 0 [m].
GROUND = 100.0


@dataclass(frozen=True)
class Surroundings:
    """What moves by itself: where each transporter stands, and whether a tray is on it.

    Attributes:
        travels: Positions along its track at which a transporter must be reckoned with [m], by
            name.
        trays: Transporters that carry a tray.
    """

    travels: Mapping[str, tuple[float, ...]]
    trays: frozenset[str] = frozenset()

    @staticmethod
    def at_home(cell: Cell) -> Surroundings:
        """Return every transporter at its home station, with the tray it starts with."""
        items = cell.description.transporters
        return Surroundings(
            {name: (item.stations[item.home].position_m,) for name, item in items.items()},
            frozenset(name for name, item in items.items() if item.tray is not None),
        )


def fixed_solids(cell: Cell) -> tuple[Solid, ...]:
    """Return floor, obstacles, bins, tray tables and belts, in the world."""
    ground = Pose((0.0, 0.0, -1.0)).matrix()
    return (
        Solid.box("floor", ground, (2 * GROUND, 2 * GROUND, 2.0)),
        *_obstacles(cell),
        *_bins(cell),
        *_tray_tables(cell),
        *_belts(cell),
        *_changers(cell),
    )


def base_solids(arms: Mapping[str, ArmModel], besides: str) -> tuple[Solid, ...]:
    """Return the bodies of all arms but one that no joint ever moves, in the world."""
    return tuple(
        Solid(
            f"{arm.name}/{body.solid.name}",
            arm.mount @ body.solid.frame,
            body.solid.half,
            body.solid.disc,
            body.solid.ball,
        )
        for arm in arms.values()
        if arm.name != besides
        for body in arm.bodies
        if body.joint == 0
    )


def transporter_solids(cell: Cell, surroundings: Surroundings) -> tuple[Solid, ...]:
    """Return the transporters' bodies and trays where they stand, in the world."""
    found: list[Solid] = []
    for name, item in cell.description.transporters.items():
        tray = cell.description.tray_types[item.tray_type]
        for travel in surroundings.travels.get(name, ()):
            seat = seat_pose(cell, name, travel).matrix()
            for body in item.body:
                found.append(_shaped(name, seat @ body.pose.local().matrix(), body.shape))
            if name in surroundings.trays:
                center = seat @ Pose((0.0, 0.0, tray.size_m[2] / 2)).matrix()
                found.append(Solid.box(f"{name}/tray", center, tray.size_m))
    return tuple(found)


def part_solid(cell: Cell, part_type: str, frame: Array) -> Solid:
    """Return a part's body.

    Args:
        cell: The cell.
        part_type: Which type.
        frame: The part's frame in whatever frame the body is wanted in, (4, 4); that of a flipped
            part is rolled, so its body needs no other treatment.
    """
    part = cell.description.part_types[part_type]
    x, y = part.center_xy_m
    center = frame @ Pose((x, y, part.height / 2)).matrix()
    return _shaped(part_type, center, part.shape)


def _shaped(name: str, frame: Array, shape: Shape) -> Solid:
    if shape.box_m is not None:
        return Solid.box(name, frame, shape.box_m)
    assert shape.cylinder_m is not None
    return Solid.cylinder(name, frame, *shape.cylinder_m)


def _moved(frame: Array, x: float, y: float, z: float) -> Array:
    moved: Array = frame @ Pose((x, y, z)).matrix()
    return moved


def _obstacles(cell: Cell) -> Iterator[Solid]:
    for name, item in cell.description.obstacles.items():
        yield _shaped(name, cell.pose(name).matrix(), item.shape)


def _bins(cell: Cell) -> Iterator[Solid]:
    for name, item in cell.description.bins.items():
        kind = cell.description.bin_types[item.type]
        frame = cell.pose(name).matrix()
        x, y = kind.inside_m
        wall, high, floor = kind.wall_thickness_m, kind.wall_height_m, kind.floor_thickness_m
        outer = (x + 2 * wall, y + 2 * wall)
        yield Solid.box(f"{name}/floor", _moved(frame, 0, 0, -floor / 2), (*outer, floor))
        for side in (-1.0, 1.0):
            across = _moved(frame, side * (x + wall) / 2, 0, high / 2)
            yield Solid.box(f"{name}/wall", across, (wall, outer[1], high))
            along = _moved(frame, 0, side * (y + wall) / 2, high / 2)
            yield Solid.box(f"{name}/wall", along, (x, wall, high))


def _tray_tables(cell: Cell) -> Iterator[Solid]:
    for name, table in cell.description.tray_tables.items():
        center = _moved(cell.pose(name).matrix(), 0, 0, -table.size_m[2] / 2)
        yield Solid.box(name, center, table.size_m)


def _belts(cell: Cell) -> Iterator[Solid]:
    for name, belt in cell.description.conveyors.items():
        frame = cell.pose(name).matrix()
        middle = belt.length_m / 2
        body = _moved(frame, middle, 0, -belt.height_m / 2)
        yield Solid.box(name, body, (belt.length_m, belt.width_m, belt.height_m))
        if belt.rails_m > 0.0:
            for side in (-1.0, 1.0):
                aside = side * (belt.width_m + RAIL_THICKNESS) / 2
                rail = _moved(frame, middle, aside, belt.rails_m / 2)
                size = (belt.length_m, RAIL_THICKNESS, belt.rails_m)
                yield Solid.box(f"{name}/rail", rail, size)


def _changers(cell: Cell) -> Iterator[Solid]:
    outer, wall, below, above = CHANGER
    aside, middle = (outer - wall) / 2, (above - below) / 2
    for name in cell.description.tool_changers:
        frame = cell.pose(name).matrix()
        for side in (-1.0, 1.0):
            size = (wall, outer, below + above)
            yield Solid.box(name, _moved(frame, side * aside, 0, middle), size)
            size = (outer - 2 * wall, wall, below + above)
            yield Solid.box(name, _moved(frame, 0, side * aside, middle), size)


def resting_on(location: str) -> tuple[str, ...]:
    """Return the names of the solids that a thing lying at a location rests on.

    Args:
        location: As in TrackedPart and TrackedTray; or ``seat:<transporter>`` for the seat itself.
    """
    kind, _, name = location.partition(":")
    if kind == "bin":
        return (f"{name}/floor",)
    if kind in ("conveyor", "tray_table"):
        return (name,)
    if kind == "tray":
        return (f"{name}/tray",)
    if kind in ("seat", "transporter"):
        return (name,)
    return ()


def all_travels(position: float, station: str, home: float) -> tuple[float, ...]:
    """Return where to reckon with a transporter: where it stands; while it moves also at home."""
    if station or np.isclose(position, home):
        return (position,)
    return (position, home)
