"""What stands in a scene: bins, tables, belts, changers, obstacles; and the transporters."""

from __future__ import annotations

import mujoco
import numpy as np

from smart_cell.model.description import BinType, Conveyor
from smart_cell.model.geometry import Pose
from smart_cell.simulation.frames import wxyz
from smart_cell.simulation.layers import AFFINITY, Class, Layer
from smart_cell.simulation.scene_builder import TIMESTEP, SceneBuilder, shape_of

_BELT = (0.15, 0.15, 0.17, 1.0)
_TABLE = (0.62, 0.52, 0.40, 1.0)
_GUIDE_THICKNESS = 0.02
_SEAT_THICKNESS = 0.004
_BODY_MASS = 100.0
# A tool changer is a hollow block around its point (ARIAC: 0.19 m square, z 0.635 to 0.73 for
# a point at 0.675).
_CHANGER_OUTER, _CHANGER_WALL, _CHANGER_BELOW, _CHANGER_ABOVE = 0.19, 0.01, 0.04, 0.055


def add_furniture(builder: SceneBuilder) -> None:
    """Add everything that stands still."""
    cell, description = builder.cell, builder.cell.description
    for name, bin_ in description.bins.items():
        _add_bin(builder, name, description.bin_types[bin_.type])
    for name, table in description.tray_tables.items():
        below = Pose((0.0, 0.0, -table.size_m[2] / 2))
        builder.add_static(name, Class.SURFACE, table.size_m, cell.pose(name) @ below, _TABLE)
    for name, belt in description.conveyors.items():
        _add_belt(builder, name, belt)
    for name in description.tool_changers:
        _add_changer(builder, name)
    bits = (int(Layer.STATIC), AFFINITY[Layer.STATIC])
    for name, obstacle in description.obstacles.items():
        builder.add_geom(
            *(builder.spec.worldbody, name, Class.OBSTACLE, shape_of(obstacle.shape)),
            cell.pose(name),
            bits=bits,
        )


def _add_frame(
    builder: SceneBuilder,
    name: str,
    pose: Pose,
    inner: tuple[float, float],
    wall: float,
    z: tuple[float, float],
) -> None:
    """Add four walls around an opening ``inner`` [m], from z[0] to z[1] of the pose's frame."""
    width, depth = inner
    height, middle = z[1] - z[0], (z[0] + z[1]) / 2
    for sign in (-1, 1):
        x = Pose((sign * (width + wall) / 2, 0.0, middle))
        y = Pose((0.0, sign * (depth + wall) / 2, middle))
        builder.add_static(name, Class.OBSTACLE, (wall, depth + 2 * wall, height), pose @ x)
        builder.add_static(name, Class.OBSTACLE, (width, wall, height), pose @ y)


def _add_bin(builder: SceneBuilder, name: str, kind: BinType) -> None:
    pose = builder.cell.pose(name)
    width, depth = kind.inside_m
    floor = Pose((0.0, 0.0, -kind.floor_thickness_m / 2))
    size = (width, depth, kind.floor_thickness_m)
    builder.add_static(name, Class.SURFACE, size, pose @ floor)
    span = (-kind.floor_thickness_m, kind.wall_height_m)
    _add_frame(builder, name, pose, (width, depth), kind.wall_thickness_m, span)


def _add_belt(builder: SceneBuilder, name: str, belt: Conveyor) -> None:
    pose = builder.cell.pose(name)
    size = (belt.length_m, belt.width_m, belt.height_m)
    centre = pose @ Pose((belt.length_m / 2, 0.0, -belt.height_m / 2))
    geom = builder.add_static(name, Class.SURFACE, size, centre, _BELT)
    # Compiled with a speed: MuJoCo ignores later speeds of a geom that was compiled without one.
    geom.surfacevel = [belt.speed_m_s, 0.0, 0.0, 0.0, 0.0, 0.0]
    builder.marks[f"belt:{name}"] = builder.marks.pop(geom.name)
    geom.name = f"belt:{name}"
    if belt.rails_m <= 0.0:
        return
    height = belt.height_m + belt.rails_m
    for sign in (-1, 1):
        y = sign * (belt.width_m + _GUIDE_THICKNESS) / 2
        side = pose @ Pose((belt.length_m / 2, y, belt.rails_m - height / 2))
        size = (belt.length_m, _GUIDE_THICKNESS, height)
        builder.add_static(name, Class.OBSTACLE, size, side)


def _add_changer(builder: SceneBuilder, name: str) -> None:
    inner = _CHANGER_OUTER - 2 * _CHANGER_WALL
    span = (-_CHANGER_BELOW, _CHANGER_ABOVE)
    pose = Pose(builder.cell.pose(name).xyz)
    _add_frame(builder, name, pose, (inner, inner), _CHANGER_WALL, span)


def add_transporter(builder: SceneBuilder, name: str) -> None:
    """Add a transporter: a driven slide that carries a seat and its body's boxes."""
    transporter = builder.cell.description.transporters[name]
    seat = builder.cell.pose(name)
    joint = f"transporter:{name}"
    body = builder.spec.worldbody.add_body(
        name=joint, pos=list(seat.xyz), quat=wxyz(seat), gravcomp=1.0
    )
    # It may sleep while it stands, with all that it carries, but not while it moves.
    body.sleep = mujoco.mjtSleepPolicy.mjSLEEP_ALLOWED
    body.explicitinertial = True
    body.mass, body.inertia = _BODY_MASS, [_BODY_MASS] * 3
    in_seat = transporter.pose.local().matrix()[:3, :3].T @ np.array(transporter.direction)
    body.add_joint(name=joint, type=mujoco.mjtJoint.mjJNT_SLIDE, axis=in_seat.tolist())
    bits = (int(Layer.CARRIER), AFFINITY[Layer.CARRIER])
    tray = builder.cell.description.tray_types[transporter.tray_type]
    plate = ("box", (tray.size_m[0], tray.size_m[1], _SEAT_THICKNESS))
    below = Pose((0.0, 0.0, -_SEAT_THICKNESS / 2))
    builder.add_geom(body, name, Class.SURFACE, plate, below, bits=bits)
    for box in transporter.body:
        shape = shape_of(box.shape)
        builder.add_geom(body, name, Class.SURFACE, shape, box.pose.local(), bits=bits)
    builder.add_drive(joint)
    builder.add_weld(f"lock:{name}", joint, 2 * TIMESTEP)
