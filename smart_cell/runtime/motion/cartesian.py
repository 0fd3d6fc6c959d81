"""Tool motions given over time, turned into joint motions: sampled through inverse kinematics.

Positions come from inverse kinematics with continuity, velocities and accelerations from the
Jacobian: qd = J^-1 v, qdd = J^-1 (a - Jd qd). The result is checked against all joint limits, jerk
included, as the controller will interpolate it (quintics between the samples).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smart_cell.model.geometry import Array
from smart_cell.planner import LimitError, Trajectory
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.segments import MotionRefusedError, Waypoints, with_external

#: Samples between two full solutions of the inverse kinematics.
_STRIDE = 12
#: Newton steps that bring the samples in between onto the path, and the residual they must reach.
_STEPS = 5
_RESIDUAL = 1e-7
#: Largest step of a joint between two full solutions [rad, m]: more is another configuration.
_JUMP = 0.5
#: Relative excess over a limit that rounding may cause.
_TOLERANCE = 0.01


class TooFastError(MotionRefusedError):
    """A motion exceeds limits; ``slower`` is by how much longer it should take (an estimate)."""

    def __init__(self, message: str, slower: float) -> None:
        """Keep the factor."""
        self.slower = slower
        super().__init__(message)


#: Power of time with which a quantity falls when a motion is made longer.
_POWERS = {"velocity": 1.0, "acceleration": 2.0, "jerk": 3.0}


@dataclass(frozen=True)
class ToolMotion:
    """Motion of the contact face in the world with a fixed orientation.

    Attributes:
        times: From 0, equally spaced [s], shape (m,).
        rotation: Orientation of the contact face, (3, 3).
        positions: Shape (m, 3) [m].
        velocities: Shape (m, 3).
        accelerations: Shape (m, 3).
    """

    times: Array
    rotation: Array
    positions: Array
    velocities: Array
    accelerations: Array


def smooth(share: Array) -> tuple[Array, Array, Array, Array]:
    """Return the quintic from 0 to 1 at rest at both ends, its derivatives and its integral.

    Args:
        share: 0..1; outside the ends are held.

    Returns:
        Value, first and second derivative, integral from 0; each in the shape of ``share``.
    """
    u = np.clip(share, 0.0, 1.0)
    value = u**3 * (10.0 - 15.0 * u + 6.0 * u**2)
    first = 30.0 * u**2 * (1.0 - u) ** 2
    second = 60.0 * u * (1.0 - u) * (1.0 - 2.0 * u)
    integral = u**4 * (2.5 - 3.0 * u + u**2) + np.maximum(share - 1.0, 0.0)
    return value, first, second, integral


def follow(arm: ArmModel, external: Array, motion: ToolMotion, start: Array) -> Waypoints:
    """Return the joint motion that moves the contact face as given, external axes standing.

    Args:
        arm: The arm; its hand has six joints or more.
        external: Positions of the external axes.
        motion: What the contact face does.
        start: Position of the arm proper at the start, already there.

    Raises:
        MotionRefusedError: If the path leaves the reach, changes the configuration, or a limit
            of position, velocity, acceleration or jerk is exceeded.
    """
    carrier = arm.carrier(external)
    tips = np.broadcast_to(np.eye(4), (len(motion.times), 4, 4)).copy()
    tips[:, :3, :3] = motion.rotation
    tips[:, :3, 3] = motion.positions
    tips = np.linalg.inv(carrier) @ tips @ np.linalg.inv(arm.tcp)
    hands = _refined(arm, tips, _knots(arm, tips, start))
    turn = carrier[:3, :3].T
    velocities, accelerations = _rates(
        arm, hands, motion.times, motion.velocities @ turn.T, motion.accelerations @ turn.T
    )
    found = Waypoints(motion.times, hands, velocities, accelerations)
    check_limits(arm, found)
    return with_external(arm, external, found)


def check_limits(arm: ArmModel, hand: Waypoints) -> None:
    """Refuse a motion of the arm proper that exceeds a limit as the controller interpolates it.

    Raises:
        MotionRefusedError: With joint, quantity, value and limit; TooFastError if slower would do.
    """
    try:
        Trajectory.from_waypoints(
            hand.times, hand.positions, hand.velocities, hand.accelerations
        ).check_limits(arm.hand_limits, tolerance=_TOLERANCE)
    except LimitError as error:
        text = f"{arm.name}: {error}"
        power = _POWERS.get(error.quantity)
        if power is None:
            raise MotionRefusedError(text) from None
        raise TooFastError(text, abs(error.value / error.limit) ** (1.0 / power)) from None


def _knots(arm: ArmModel, tips: Array, start: Array) -> Array:
    """Solve every ``_STRIDE``-th pose by continuation and interpolate: first guesses, (m, n)."""
    marks = np.unique(np.append(np.arange(0, len(tips), _STRIDE), len(tips) - 1))
    solved = [np.asarray(start, dtype=float)]
    for mark in marks[1:]:
        found = arm.hand.ik(tips[mark], seed=solved[-1], max_solutions=1)
        if not len(found):
            raise MotionRefusedError(f"{arm.name} cannot follow the path: it leaves its reach")
        if float(np.max(np.abs(found[0] - solved[-1]))) > _JUMP:
            raise MotionRefusedError(f"{arm.name} cannot follow the path in one configuration")
        solved.append(found[0])
    rows = np.array(solved)
    index = np.arange(len(tips))
    return np.column_stack([np.interp(index, marks, column) for column in rows.T])


def _refined(arm: ArmModel, tips: Array, guess: Array) -> Array:
    """Bring all guesses onto the path at once by Newton steps."""
    q = np.ascontiguousarray(guess)
    for _ in range(_STEPS):
        error = _difference(arm.hand.fk(q), tips)
        if float(np.max(np.abs(error))) < _RESIDUAL:
            break
        q = q + _solved(arm.hand.jacobian(q), error)
    if float(np.max(np.abs(_difference(arm.hand.fk(q), tips)))) > _RESIDUAL:
        raise MotionRefusedError(f"{arm.name} cannot follow the path: it passes a singularity")
    return q


def _difference(reached: Array, wanted: Array) -> Array:
    """Small displacement from reached to wanted poses in base axes: linear, angular; (m, 6)."""
    turn = wanted[:, :3, :3] @ np.swapaxes(reached[:, :3, :3], 1, 2)
    angular = 0.5 * np.stack(
        [
            turn[:, 2, 1] - turn[:, 1, 2],
            turn[:, 0, 2] - turn[:, 2, 0],
            turn[:, 1, 0] - turn[:, 0, 1],
        ],
        axis=1,
    )
    return np.hstack([wanted[:, :3, 3] - reached[:, :3, 3], angular])


def _solved(jacobian: Array, twist: Array) -> Array:
    """Joint rates of least norm for twists: (m, 6, n), (m, 6) -> (m, n)."""
    transposed = np.swapaxes(jacobian, 1, 2)
    gram = jacobian @ transposed
    try:
        rates: Array = (transposed @ np.linalg.solve(gram, twist[..., None]))[..., 0]
    except np.linalg.LinAlgError:
        raise MotionRefusedError("the path passes a singularity") from None
    return rates


def _rates(
    arm: ArmModel, q: Array, times: Array, velocities: Array, accelerations: Array
) -> tuple[Array, Array]:
    """Joint velocities and accelerations for linear tool velocities and accelerations (m, 3)."""
    zero = np.zeros_like(velocities)
    jacobian = arm.hand.jacobian(q)
    tip = np.hstack([velocities, zero])
    qd = _solved(jacobian, tip)
    drift = np.gradient(jacobian, times, axis=0) if len(times) > 1 else np.zeros_like(jacobian)
    rest = np.hstack([accelerations, zero]) - np.einsum("mij,mj->mi", drift, qd)
    return qd, _solved(jacobian, rest)
