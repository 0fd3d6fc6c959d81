"""Damped least squares from one start and from everywhere, and the meaning of a solution.

Twin of sc_ik_descend and sc_ik_wrap_near (csrc/sc_ik.c): what the C core finds must satisfy
``is_solution``; where this descent converges, the C core's solutions must contain its end. What the
closed forms (csrc/sc_closed.h) find must be ``all_solutions``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.kinematics import (
    cross_matrix,
    fk,
    fk_all,
    jacobian,
    rotation_vector,
)
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


def all_solutions(
    joints: Sequence[ChainJoint], target: Array, rng: np.random.Generator, starts: int = 2000
) -> Array:
    """Return the solutions for six turning joints, limits apart, by descents from everywhere.

    Newton's iteration from ``starts`` random positions at once, on the product of exponentials of
    the joints' screws (Lynch and Park 2017, chapter 4). Solutions with a small basin may be missed.

    Returns:
        Shape (k, 6), angles in (-pi, pi], no two within 1e-5 of each other in every joint.
    """
    zero = fk_all(joints, np.zeros(len(moving(joints))))
    frames = [
        parent @ joint.origin
        for joint, parent in zip(joints, zero, strict=False)
        if joint.kind != "fixed"
    ]
    axes = np.array([f[:3, :3] @ j.axis for f, j in zip(frames, moving(joints), strict=True)])
    points = np.array([f[:3, 3] for f in frames])
    q = rng.uniform(-np.pi, np.pi, (starts, len(axes)))
    for _ in range(30):
        poses, columns = _motions(axes, points, zero[-1], q)
        turn = target[:3, :3] @ poses[:, :3, :3].transpose(0, 2, 1)
        error = np.concatenate((target[:3, 3] - poses[:, :3, 3], _skew_part(turn)), axis=1)
        normal = columns.transpose(0, 2, 1) @ columns
        damping = 1e-3 * (error**2).sum(axis=1) + 1e-14
        normal += damping[:, None, None] * np.eye(len(axes))
        step = np.linalg.solve(normal, (columns.transpose(0, 2, 1) @ error[:, :, None]))[:, :, 0]
        q = q + np.clip(step, -0.7, 0.7)
    ends = [turned(one) for one in q if np.linalg.norm(pose_error(joints, one, target)) < ACCEPT]
    found: list[Array] = []
    for end in ends:
        if all(np.abs(turned(end - other)).max() > 1e-5 for other in found):
            found.append(end)
    return np.array(found).reshape(-1, len(axes))


def turned(angles: Array) -> Array:
    """Return the angles in (-pi, pi]."""
    result: Array = np.pi - (np.pi - angles) % FULL_TURN
    return result


def _skew_part(r: Array) -> Array:
    """Return axis times sine for rotations (m, 3, 3): good near zero, smaller far from it."""
    return 0.5 * np.stack(
        (r[:, 2, 1] - r[:, 1, 2], r[:, 0, 2] - r[:, 2, 0], r[:, 1, 0] - r[:, 0, 1]), axis=1
    )


def _motions(axes: Array, points: Array, zero: Array, q: Array) -> tuple[Array, Array]:
    """Return tip poses (m, 4, 4) and geometric Jacobians (m, 6, n) of positions (m, n)."""
    running = np.broadcast_to(np.eye(4), (len(q), 4, 4))
    lines = []
    for i, (axis, point) in enumerate(zip(axes, points, strict=True)):
        direction = running[:, :3, :3] @ axis
        lines.append((direction, running[:, :3, :3] @ point + running[:, :3, 3]))
        k = cross_matrix(axis)
        motion = np.tile(np.eye(4), (len(q), 1, 1))
        sine, cosine = np.sin(q[:, i])[:, None, None], np.cos(q[:, i])[:, None, None]
        motion[:, :3, :3] = np.eye(3) + sine * k + (1.0 - cosine) * (k @ k)
        motion[:, :3, 3] = point - motion[:, :3, :3] @ point
        running = running @ motion
    poses = running @ zero
    tip = poses[:, :3, 3]
    columns = [
        np.concatenate((np.cross(direction, tip - at), direction), axis=1)
        for direction, at in lines
    ]
    return poses, np.stack(columns, axis=2)
