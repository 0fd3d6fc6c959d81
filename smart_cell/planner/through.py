"""Motion through waypoints: exactly through each, without stopping there."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, as_floats, check_finite, instance
from smart_cell.planner.errors import LimitError, MismatchError, PlannerError
from smart_cell.planner.limits import Limits, State
from smart_cell.planner.motion import point_to_point
from smart_cell.planner.trajectory import Trajectory, Violation, limit_error

#: Most waypoints.
MOST = 2000
#: How far start and goal may be from the first and the last waypoint [rad or m].
SAME = 1e-9


def through(
    waypoints: ArrayLike,
    limits: Limits,
    *,
    start: State | None = None,
    goal: State | None = None,
) -> Trajectory:
    """Return a short motion exactly through all waypoints that does not stop at them.

    All limits are kept, jerk included, everywhere. The motion is the best one (up to some 1e-4)
    of those whose jerk is constant on twelve equal pieces of each stretch between two waypoints;
    that is some percent longer than the time-optimal one. Direct collocation, solved by an
    interior point method; about 1 ms per stretch of a seven-axis arm. Waypoints that repeat the
    one before them are passed once. Where none of these motions stays inside the position limits
    (waypoints at the very end of a range, and joints that differ much in speed) the motion stops
    at each waypoint.

    Args:
        waypoints: Joint positions, shape (k, n), 2 <= k <= 2000.
        limits: Limits of the joints; acceleration and jerk are those of both directions.
        start: State at the first waypoint; None = at rest there.
        goal: State at the last waypoint; None = at rest there.

    Raises:
        LimitError: A waypoint, or the velocity or acceleration of start or goal, is outside the
            limits; or every motion that was found leaves them (with a moving start or goal).
        MismatchError: ``start`` or ``goal`` is not at the first or last waypoint.
        PlannerError: Wrong shapes or values, all waypoints are the same, or no motion was found
            for a start or goal that moves.
    """
    instance(limits, Limits, "limits")
    points = _points(waypoints, limits)
    ends = np.zeros((4, limits.dof))
    for row, name, state, point in ((0, "start", start, points[0]), (2, "goal", goal, points[-1])):
        if state is not None:
            _check_end(name, state, point, limits)
            ends[row], ends[row + 1] = state.velocity, state.acceleration
    if len(points) == 2 and not ends.any():
        return _stopping(points, limits)
    spline, violation = _core.through(limits.dof, points, ends, limits.packed)
    if spline is not None:
        return Trajectory(spline)
    if not ends.any():
        return _stopping(points, limits)
    if violation is not None:
        raise limit_error(Violation(*violation), limits)
    raise PlannerError(
        "no motion through the waypoints was found: with the velocity and acceleration of start "
        "or goal the limits can not be kept, or only just"
    )


def _stopping(points: Array, limits: Limits) -> Trajectory:
    """Return the motion that rests at each waypoint: always possible."""
    states = [State(point) for point in points]
    legs = [point_to_point(a, b, limits) for a, b in itertools.pairwise(states)]
    return Trajectory.join(legs)


def _points(waypoints: ArrayLike, limits: Limits) -> Array:
    """Return the waypoints without repetitions, checked."""
    array = as_floats(waypoints, "waypoints")
    if array.ndim != 2 or array.shape[1] != limits.dof or not 2 <= len(array) <= MOST:
        raise PlannerError(
            f"waypoints have shape {array.shape}; it must be (k, {limits.dof}), 2 <= k <= {MOST}"
        )
    check_finite(array, "waypoints")
    for index, point in enumerate(array):
        limits.check_position(point, f"waypoints[{index}]")
    differs = np.any(np.diff(array, axis=0) != 0.0, axis=1)
    points: Array = np.ascontiguousarray(array[np.concatenate([[True], differs])])
    if len(points) < 2:
        raise PlannerError("all waypoints are the same")
    return points


def _check_end(name: str, state: State, point: Array, limits: Limits) -> None:
    instance(state, State, name)
    if state.dof != limits.dof:
        raise PlannerError(f"{name} has {state.dof} joints, limits have {limits.dof}")
    off = np.abs(state.position - point)
    joint = int(np.argmax(off))
    if off[joint] > SAME:
        raise MismatchError(
            f"{name} is not at its waypoint: {limits.joint_label(joint)} at "
            f"{state.position[joint]:.9g}, waypoint at {point[joint]:.9g}",
            joint=joint,
            quantity="position",
            value=float(state.position[joint]),
            expected=float(point[joint]),
        )
    for quantity in ("velocity", "acceleration"):
        values, most = getattr(state, quantity), getattr(limits, quantity)
        joint = int(np.argmax(np.abs(values) / most))
        if abs(values[joint]) > most[joint]:
            raise LimitError(
                f"{name}.{quantity} of {limits.joint_label(joint)} is {values[joint]:.9g}; "
                f"its limit is {most[joint]:.9g}",
                joint=joint,
                quantity=quantity,
                value=float(values[joint]),
                limit=float(most[joint]),
            )
