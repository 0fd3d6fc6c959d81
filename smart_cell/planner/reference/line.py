"""The joint path under a straight line of the tool, by many small Newton steps.

Twin of csrc/sc_line_path.c. The timing (sc_line.c) needs no twin: what it promises, limits and
closeness to the line, is checked on the result itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.inverse_kinematics import pose_error
from smart_cell.planner.reference.kinematics import jacobian, rotation, rotation_vector
from smart_cell.planner.urdf import ChainJoint


def pose_on_line(start: Array, goal: Array, s: float) -> Array:
    """Return the pose at fraction ``s``: straight in position, about one axis in orientation."""
    result = np.eye(4)
    result[:3, 3] = start[:3, 3] + s * (goal[:3, 3] - start[:3, 3])
    turn = rotation_vector(goal[:3, :3] @ start[:3, :3].T)
    angle = float(np.linalg.norm(turn))
    axis = turn / angle if angle > 0.0 else np.array([1.0, 0.0, 0.0])
    result[:3, :3] = rotation(axis, s * angle) @ start[:3, :3]
    return result


def follow(
    joints: Sequence[ChainJoint], start: Array, goal: Array, q0: Array, points: int = 400
) -> Array:
    """Return the joint positions at ``points`` + 1 even fractions, shape (points + 1, n).

    Raises:
        ArithmeticError: Newton's method did not stay on the line.
    """
    path: list[Array] = [q0]
    for k in range(1, points + 1):
        target = pose_on_line(start, goal, k / points)
        q = path[-1].copy()
        for _ in range(6):
            inverse = np.asarray(np.linalg.pinv(jacobian(joints, q)), dtype=np.float64)
            q += inverse @ pose_error(joints, q, target)
        if np.linalg.norm(pose_error(joints, q, target)) > 1e-9:
            raise ArithmeticError(f"no solution at {k / points}")
        path.append(q)
    return np.array(path)


def fraction_of(start: Array, goal: Array, position: Array) -> float:
    """Return where on the line (0..1) the nearest point to a tip position is."""
    direction = goal[:3, 3] - start[:3, 3]
    return float((position - start[:3, 3]) @ direction / (direction @ direction))
