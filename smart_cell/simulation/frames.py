"""Poses between the cell description (quaternions x, y, z, w) and MuJoCo (w, x, y, z)."""

from __future__ import annotations

import math

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.description import PlacedPose
from smart_cell.model.geometry import Array, Pose


def placed(cell: Cell, pose: PlacedPose) -> Pose:
    """Return the world pose of something that stands in a named frame of the cell."""
    if pose.parent == "world":
        return pose.local()
    return cell.pose(pose.parent) @ pose.local()


def wxyz(pose: Pose) -> list[float]:
    """Return a pose's orientation as MuJoCo writes it."""
    x, y, z, w = pose.quaternion
    return [w, x, y, z]


def to_qpos(pose: Pose) -> Array:
    """Return a pose as the seven coordinates of a free joint."""
    return np.array([*pose.xyz, *wxyz(pose)])


def from_qpos(q: Array) -> Pose:
    """Return the pose of the seven coordinates of a free joint."""
    x, y, z, w, a, b, c = (float(value) for value in q)
    return Pose((x, y, z), (a, b, c, w))


def yawed(x: float, y: float, z: float, yaw: float) -> Pose:
    """Return the pose at a point [m], turned about z [rad]."""
    return Pose.from_rpy((x, y, z), (0.0, 0.0, yaw))


def part_pose(place: Pose, yaw: float, height: float, *, flipped: bool) -> Pose:
    """Return the frame of a part that stands at ``place``, turned by ``yaw`` [rad].

    A flipped part is rolled by pi about its frame and lifted by its height [m].
    """
    turned = place @ yawed(0.0, 0.0, 0.0, yaw)
    if not flipped:
        return turned
    return turned @ Pose((0.0, 0.0, height), (1.0, 0.0, 0.0, 0.0))


def quaternion_agreement(a: Pose, b: Pose) -> float:
    """Return |q.q| of two orientations: 1 = equal, cos(angle / 2) in general."""
    return abs(math.fsum(p * q for p, q in zip(a.quaternion, b.quaternion, strict=True)))
