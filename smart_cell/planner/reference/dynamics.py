"""Inverse dynamics of a chain of joints by virtual power, straight from the URDF's definition.

Twin of the recursion in csrc/sc_kernels_lanes.h, which it shares nothing with: everything is in
base axes, and each body's force and moment act on the joints through the body's own Jacobian
(Kane's equations; Kane and Levinson 1985, "Dynamics: Theory and Applications", chapter 6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.kinematics import cross_matrix, joint_motion
from smart_cell.planner.urdf import ChainJoint


def central(moments: Array) -> tuple[float, Array, Array]:
    """Return mass, centre of mass and inertia about it, of a pseudo-inertia; no mass: zeros."""
    mass = float(moments[3, 3])
    centre = moments[:3, 3] / mass if mass > 0.0 else np.zeros(3)
    second = moments[:3, :3] - mass * np.outer(centre, centre)
    return mass, centre, np.trace(second) * np.eye(3) - second


class Motion:
    """The motion of one link's frame, in base axes, and how each joint takes part in it."""

    def __init__(self, n: int) -> None:
        self.pose = np.eye(4)
        self.angular = np.zeros((3, n))  # angular velocity per joint speed
        self.linear = np.zeros((3, n))  # of the frame's origin
        self.velocity = np.zeros(3)
        self.acceleration = np.zeros(3)
        self.turning = np.zeros(3)  # angular velocity
        self.angular_acceleration = np.zeros(3)

    def shift(self, step: Array) -> None:
        """Move the point that is looked at by ``step``, fixed in the frame."""
        w = self.turning
        self.linear = self.linear - cross_matrix(step) @ self.angular
        self.velocity = self.velocity + np.cross(w, step)
        self.acceleration = (
            self.acceleration
            + np.cross(self.angular_acceleration, step)
            + np.cross(w, np.cross(w, step))
        )


def _links(
    joints: Sequence[ChainJoint], q: Array, qd: Array, qdd: Array
) -> Iterator[tuple[ChainJoint, Motion]]:
    motion, i = Motion(len(q)), 0
    for joint in joints:
        motion.shift(motion.pose[:3, :3] @ joint.origin[:3, 3])
        motion.pose = motion.pose @ joint.origin
        axis = motion.pose[:3, :3] @ joint.axis
        w = motion.turning
        if joint.kind == "prismatic":
            motion.shift(axis * q[i])
            motion.linear[:, i] = axis
            motion.velocity = motion.velocity + axis * qd[i]
            motion.acceleration = (
                motion.acceleration + axis * qdd[i] + 2.0 * np.cross(w, axis * qd[i])
            )
        elif joint.kind != "fixed":
            motion.angular[:, i] = axis
            motion.angular_acceleration = (
                motion.angular_acceleration + axis * qdd[i] + np.cross(w, axis * qd[i])
            )
            motion.turning = w + axis * qd[i]
        if joint.kind != "fixed":
            motion.pose = motion.pose @ joint_motion(joint, float(q[i]))
            i += 1
        yield joint, motion


def inverse_dynamics(
    joints: Sequence[ChainJoint],
    q: Array,
    qd: Array,
    qdd: Array,
    payload: Array | None = None,
    gravity: Array | tuple[float, float, float] = (0.0, 0.0, -9.81),
) -> Array:
    """Return the joint torques [N m] or forces [N], shape (n,).

    Args:
        joints: All joints of the chain, fixed ones included.
        q: Positions of the moving ones, from the base.
        qd: Velocities.
        qdd: Accelerations.
        payload: Pseudo-inertia in the tip frame, shape (4, 4).
        gravity: In base axes [m/s^2].
    """
    torques = np.zeros(len(q))
    for joint, motion in _links(joints, q, qd, qdd):
        moments = joint.inertia
        if payload is not None and joint is joints[-1]:
            moments = moments + payload
        mass, centre, inertia = central(moments)
        rotation = motion.pose[:3, :3]
        inertia = rotation @ inertia @ rotation.T
        w = motion.turning
        step = rotation @ centre
        motion.shift(step)
        force = mass * (motion.acceleration - np.asarray(gravity))
        moment = inertia @ motion.angular_acceleration + np.cross(w, inertia @ w)
        torques += motion.linear.T @ force + motion.angular.T @ moment
        motion.shift(-step)
    return torques
