"""Forward kinematics and Jacobian of a chain of joints, straight from the URDF's definition.

Twin of csrc/sc_chain.c. Nothing is folded: every joint contributes its origin, then its motion.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.urdf import ChainJoint


def cross_matrix(v: Array) -> Array:
    """Return the matrix of the cross product with ``v``, shape (3, 3)."""
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


def rotation(axis: Array, angle: float) -> Array:
    """Return the rotation by ``angle`` [rad] about the unit vector ``axis`` (Rodrigues)."""
    k = cross_matrix(axis)
    result: Array = np.eye(3) + np.sin(angle) * k + (1.0 - np.cos(angle)) * (k @ k)
    return result


def rotation_vector(r: Array) -> Array:
    """Return the axis times the angle [rad], 0 <= angle <= pi, of rotation ``r``."""
    cosine = np.clip((np.trace(r) - 1.0) / 2.0, -1.0, 1.0)
    sine_axis = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]]) / 2.0
    sine = float(np.linalg.norm(sine_axis))
    angle = float(np.arctan2(sine, cosine))
    if sine > 1e-6:
        result: Array = sine_axis * (angle / sine)
        return result
    if cosine > 0.0:
        return sine_axis
    # Close to half a turn: the axis is the eigenvector of the eigenvalue 1.
    values, vectors = np.linalg.eigh((r + r.T) / 2.0)
    axis: Array = vectors[:, int(np.argmax(values))]
    return axis * (angle if axis @ sine_axis >= 0.0 else -angle)


def joint_motion(joint: ChainJoint, q: float) -> Array:
    """Return the motion of a joint at position ``q`` in its own frame, shape (4, 4)."""
    result = np.eye(4)
    if joint.kind == "prismatic":
        result[:3, 3] = joint.axis * q
    elif joint.kind != "fixed":
        result[:3, :3] = rotation(joint.axis, q)
    return result


def fk_all(joints: Sequence[ChainJoint], q: Array) -> list[Array]:
    """Return the pose of every link in the base, the base itself first.

    Args:
        joints: All joints of the chain, fixed ones included.
        q: Positions of the moving ones, from the base.
    """
    positions = iter(q)
    poses = [np.eye(4)]
    for joint in joints:
        position = 0.0 if joint.kind == "fixed" else float(next(positions))
        poses.append(poses[-1] @ joint.origin @ joint_motion(joint, position))
    return poses


def fk(joints: Sequence[ChainJoint], q: Array) -> Array:
    """Return the pose of the tip in the base, shape (4, 4)."""
    return fk_all(joints, q)[-1]


def jacobian(joints: Sequence[ChainJoint], q: Array) -> Array:
    """Return the geometric Jacobian at the tip in base axes, shape (6, n), linear rows first."""
    poses = fk_all(joints, q)
    tip = poses[-1][:3, 3]
    columns = []
    for joint, parent in zip(joints, poses, strict=False):
        if joint.kind == "fixed":
            continue
        frame = parent @ joint.origin
        axis = frame[:3, :3] @ joint.axis
        if joint.kind == "prismatic":
            columns.append(np.concatenate((axis, np.zeros(3))))
        else:
            columns.append(np.concatenate((np.cross(axis, tip - frame[:3, 3]), axis)))
    return np.stack(columns, axis=1)
