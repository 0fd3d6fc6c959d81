"""Damped least squares from one start, and the meaning of a solution.

Twin of sc_ik_descend and sc_ik_wrap_near (csrc/sc_ik.c): what the C core finds must satisfy
``is_solution``; where this descent converges, the C core's solutions must contain its end.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.kinematics import fk, jacobian, rotation_vector
from smart_cell.planner.urdf import ChainJoint

ACCEPT = 1e-9
FULL_TURN = 2.0 * np.pi


def moving(joints: Sequence[ChainJoint]) -> list[ChainJoint]:
    """Return the joints that move."""
    return [joint for joint in joints if joint.kind != "fixed"]


def turns_fully(joint: ChainJoint) -> bool:
    """Return whether the joint can turn a full circle."""
    return joint.kind != "prismatic" and joint.upper - joint.lower >= FULL_TURN - 1e-6


def pose_error(joints: Sequence[ChainJoint], q: Array, target: Array) -> Array:
    """Return what leads from the pose at ``q`` to ``target``: translation, rotation vector."""
    at = fk(joints, q)
    turn = rotation_vector(target[:3, :3] @ at[:3, :3].T)
    return np.concatenate((target[:3, 3] - at[:3, 3], turn))


def is_solution(joints: Sequence[ChainJoint], q: Array, target: Array) -> bool:
    """Return whether ``q`` reaches ``target`` within 1e-8 m and rad inside the limits."""
    error = pose_error(joints, q, target)
    inside = all(
        joint.lower <= value <= joint.upper for joint, value in zip(moving(joints), q, strict=True)
    )
    return inside and bool(np.linalg.norm(error[:3]) < 1e-8 and np.linalg.norm(error[3:]) < 1e-8)


def descend(
    joints: Sequence[ChainJoint], target: Array, start: Array, steps: int = 40
) -> Array | None:
    """Return the end of the Levenberg-Marquardt iteration from ``start``, or None.

    The damping follows Sugihara (2011), T-RO 27(5): proportional to the squared residual.
    """
    axes = moving(joints)
    lower = np.array([-np.inf if turns_fully(j) else j.lower for j in axes])
    upper = np.array([np.inf if turns_fully(j) else j.upper for j in axes])
    q = start.copy()
    for _ in range(steps):
        error = pose_error(joints, q, target)
        if np.linalg.norm(error) < 1e-11:
            break
        free = np.ones(len(q), dtype=bool)
        for _ in range(2):  # a second time without the joints that would leave their limits
            matrix = jacobian(joints, q) * free
            damping = 5e-4 * float(error @ error) + 1e-14
            step = matrix.T @ np.linalg.solve(matrix @ matrix.T + damping * np.eye(6), error)
            free = ~(((q <= lower) & (step < 0.0)) | ((q >= upper) & (step > 0.0)))
        q = np.clip(q + np.clip(step * free, -0.7, 0.7), lower, upper)
    return q if np.linalg.norm(pose_error(joints, q, target)) < ACCEPT else None


def wrap_near(joints: Sequence[ChainJoint], q: Array, near: Array) -> Array:
    """Return the copy of ``q``, joint by joint a full turn away at most, nearest to ``near``."""
    result = q.copy()
    for i, joint in enumerate(moving(joints)):
        if not turns_fully(joint):
            continue
        copies = q[i] + FULL_TURN * np.arange(-6, 7)
        allowed = copies[(copies >= joint.lower - 1e-9) & (copies <= joint.upper + 1e-9)]
        result[i] = allowed[np.argmin(np.abs(allowed - near[i]))]
    return result
