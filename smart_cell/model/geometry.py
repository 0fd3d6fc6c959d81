"""Poses: positions and orientations in space, as immutable values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """Position and orientation of one frame in another.

    Attributes:
        xyz: Position [m].
        quaternion: Orientation as x, y, z, w; unit length.
    """

    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0)
    quaternion: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0)

    @staticmethod
    def from_rpy(xyz: Sequence[float], rpy: Sequence[float] = (0.0, 0.0, 0.0)) -> Pose:
        """Return the pose at ``xyz`` [m] with fixed-axis roll, pitch, yaw [rad] (as in URDF)."""
        cr, cp, cy = (float(np.cos(angle / 2)) for angle in rpy)
        sr, sp, sy = (float(np.sin(angle / 2)) for angle in rpy)
        quaternion = (
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        )
        return Pose((float(xyz[0]), float(xyz[1]), float(xyz[2])), quaternion)

    @staticmethod
    def from_matrix(matrix: Array) -> Pose:
        """Return the pose of a homogeneous matrix, shape (4, 4) (Shepperd 1978)."""
        r = matrix[:3, :3]
        candidates = np.array([r[0, 0], r[1, 1], r[2, 2], np.trace(r)])
        q = np.empty(4)
        largest = int(np.argmax(candidates))
        if largest == 3:
            q[3] = 1.0 + candidates[3]
            q[:3] = (r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1])
        else:
            i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
            q[i] = 1.0 + r[i, i] - r[j, j] - r[k, k]
            q[j] = r[j, i] + r[i, j]
            q[k] = r[k, i] + r[i, k]
            q[3] = r[k, j] - r[j, k]
        q /= np.linalg.norm(q)
        x, y, z = (float(value) for value in matrix[:3, 3])
        return Pose((x, y, z), (float(q[0]), float(q[1]), float(q[2]), float(q[3])))

    def matrix(self) -> Array:
        """Return the homogeneous matrix, shape (4, 4)."""
        x, y, z, w = self.quaternion
        result = np.eye(4)
        result[:3, :3] = (
            (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
            (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
        )
        result[:3, 3] = self.xyz
        return result

    def __matmul__(self, other: Pose) -> Pose:
        """Return ``other``, which is given in this frame, in this frame's parent."""
        return Pose.from_matrix(self.matrix() @ other.matrix())

    def inverse(self) -> Pose:
        """Return the parent's pose in this frame."""
        matrix = self.matrix()
        result = np.eye(4)
        result[:3, :3] = matrix[:3, :3].T
        result[:3, 3] = -matrix[:3, :3].T @ matrix[:3, 3]
        return Pose.from_matrix(result)

    @property
    def yaw(self) -> float:
        """Rotation about z [rad], in (-pi, pi], of the frame's x axis projected onto the plane."""
        x, y, z, w = self.quaternion
        return float(np.arctan2(2 * (x * y + z * w), 1 - 2 * (y * y + z * z)))


def least_distance(points: Iterable[tuple[float, float]], alone: float) -> float:
    """Return the distance between the two closest of some points; ``alone`` if there is one."""
    given = list(points)
    distances = [math.dist(a, b) for i, a in enumerate(given) for b in given[i + 1 :]]
    return min(distances, default=alone)
