"""The frames of a cell as transforms: what is fixed, and what moves with the arms' joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import TransformStamped

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.urdf import Joint
from smart_cell.nodes.conversions import stamp, transform_to_message


def cell_transforms(cell: Cell) -> list[TransformStamped]:
    """Return the fixed transforms of everything in a cell but the insides of its arms."""
    d = cell.description
    frames = {name: (name, "world") for name in d.frames}
    frames |= {name: (f"{name}/belt", "world") for name in d.conveyors}
    frames |= {name: (f"{name}/optical_frame", "world") for name in d.cameras}
    frames |= {name: (f"{name}/seat", "world") for name in d.transporters}
    frames |= {name: (name, "world") for name in (*d.bins, *d.tray_tables)}
    return [
        transform_to_message(cell.pose(name), parent, child, 0.0)
        for name, (child, parent) in frames.items()
    ]


@dataclass(frozen=True)
class _Moving:
    """A moving joint's message and what its transform is made of."""

    message: TransformStamped
    joint: Joint
    index: int


class ArmFrames:
    """The transforms of one arm's links; link names get the prefix ``<arm>/``."""

    def __init__(self, cell: Cell, name: str) -> None:
        """Read the arm's joints from the cell."""
        urdf = cell.urdf(name)
        described = cell.description.arms[name]
        gripper = cell.description.grippers[described.gripper]
        order = {joint: index for index, joint in enumerate(cell.joint_names(name))}
        mount = cell.pose(name)
        base = f"{name}/{described.base}"
        self.fixed = [
            transform_to_message(mount, "world", base, 0.0),
            transform_to_message(
                gripper.tcp.local(),
                f"{name}/{described.tip}",
                f"{described.gripper}/tcp",
                0.0,
            ),
        ]
        self._moving: list[_Moving] = []
        for joint in urdf.joints.values():
            message = transform_to_message(
                joint.origin, f"{name}/{joint.parent}", f"{name}/{joint.child}", 0.0
            )
            if joint.name in order:
                self._moving.append(_Moving(message, joint, order[joint.name]))
            else:
                self.fixed.append(message)

    def moving(self, position: Array, time: float) -> list[TransformStamped]:
        """Return the transforms over the moving joints; the messages are reused at the next call.

        Args:
            position: Joint positions in chain order, shape (n,) [rad, m].
            time: Cell time [s].
        """
        now = stamp(time)
        for moving in self._moving:
            pose = joint_pose(moving.joint, float(position[moving.index]))
            message = moving.message
            message.header.stamp = now
            translation, rotation = message.transform.translation, message.transform.rotation
            translation.x, translation.y, translation.z = pose.xyz
            rotation.x, rotation.y, rotation.z, rotation.w = pose.quaternion
        return [moving.message for moving in self._moving]


def joint_pose(joint: Joint, position: float) -> Pose:
    """Return the pose of a joint's child link in its parent link at ``position`` [rad, m]."""
    axis = joint.axis
    if joint.type == "prismatic":
        shift = (axis[0] * position, axis[1] * position, axis[2] * position)
        x, y, z = _rotated(joint.origin.quaternion, shift)
        ox, oy, oz = joint.origin.xyz
        return Pose((ox + x, oy + y, oz + z), joint.origin.quaternion)
    half = position / 2.0
    s = math.sin(half)
    turn = (axis[0] * s, axis[1] * s, axis[2] * s, math.cos(half))
    return Pose(joint.origin.xyz, _product(joint.origin.quaternion, turn))


def _product(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float, float]:
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def _rotated(quaternion: Sequence[float], vector: Sequence[float]) -> tuple[float, float, float]:
    v = np.asarray(vector, dtype=np.float64)
    axis, w = np.asarray(quaternion[:3], dtype=np.float64), quaternion[3]
    cross = 2.0 * np.cross(axis, v)
    x, y, z = v + w * cross + np.cross(axis, cross)
    return float(x), float(y), float(z)
