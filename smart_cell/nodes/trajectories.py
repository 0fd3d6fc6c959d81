"""FollowJointTrajectory goals <-> our trajectories and tolerances; what is refused, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance
from trajectory_msgs.msg import JointTrajectory as TrajectoryMessage
from trajectory_msgs.msg import JointTrajectoryPoint

from smart_cell.model.geometry import Array
from smart_cell.model.ports import JointTrajectory
from smart_cell.nodes.conversions import MessageError, doubles, duration, seconds, stamp

#: Most points that one goal may have.
MAX_POINTS = 20_000
#: How the error string of a goal begins that another one has replaced.
PREEMPTED = "preempted"
#: How it begins if the arm cannot follow the trajectory.
REJECTED = "rejected"


@dataclass(frozen=True)
class Tolerances:
    """What a goal is held to, by joint in chain order; none of it is zero or infinite.

    Attributes:
        path: Shape (n,): largest distance from the set-point on the way [rad, m].
        goal: Shape (n,): largest distance from the last point at the end [rad, m].
        goal_time: How long after the trajectory's end the goal tolerance may be met [s].
    """

    path: Array
    goal: Array
    goal_time: float


def defaults(count: int) -> Tolerances:
    """Return what a goal of ``count`` joints is held to where it says nothing of its own."""
    return Tolerances(path=np.full(count, 0.15), goal=np.full(count, 0.02), goal_time=1.0)


def trajectory_to_goal(
    trajectory: JointTrajectory, tolerances: Tolerances
) -> FollowJointTrajectory.Goal:
    """Return a goal message for a trajectory."""
    message = TrajectoryMessage(joint_names=list(trajectory.joint_names))
    if trajectory.start is not None:
        message.header.stamp = stamp(trajectory.start)
    for time, position, velocity, acceleration in zip(
        trajectory.times,
        trajectory.positions,
        trajectory.velocities,
        trajectory.accelerations,
        strict=True,
    ):
        message.points.append(
            JointTrajectoryPoint(
                positions=doubles(position),
                velocities=doubles(velocity),
                accelerations=doubles(acceleration),
                time_from_start=duration(float(time)),
            )
        )
    return FollowJointTrajectory.Goal(
        trajectory=message,
        path_tolerance=_tolerance_messages(trajectory.joint_names, tolerances.path),
        goal_tolerance=_tolerance_messages(trajectory.joint_names, tolerances.goal),
        goal_time_tolerance=duration(tolerances.goal_time),
    )


def trajectory_from_goal(
    goal: FollowJointTrajectory.Goal, joint_names: Sequence[str], position: Array, velocity: Array
) -> JointTrajectory:
    """Return the trajectory of a goal, joints in chain order.

    Args:
        goal: Points without velocities are passed at rest; missing accelerations are 0.
        joint_names: The arm's joints in chain order.
        position: Set-point of the arm, shape (n,): the first point if the goal's comes after 0.
        velocity: Its velocity, shape (n,).

    Raises:
        MessageError: The goal is no trajectory of this arm; says what, where and what is allowed.
    """
    message = goal.trajectory
    if goal.multi_dof_trajectory.points:
        raise MessageError("multi_dof_trajectory is not supported, use trajectory")
    if sorted(message.joint_names) != sorted(joint_names):
        raise MessageError(
            f"joint_names is {list(message.joint_names)}; the arm's joints are {list(joint_names)}"
        )
    if not 1 <= len(message.points) <= MAX_POINTS:
        raise MessageError(f"{len(message.points)} points; allowed are 1 to {MAX_POINTS}")
    order = [list(message.joint_names).index(name) for name in joint_names]
    times = np.array([seconds(point.time_from_start) for point in message.points])
    columns = {
        field: _column(message.points, field, order)
        for field in ("positions", "velocities", "accelerations")
    }
    begins_later = times[0] > 0.0
    if begins_later:
        times = np.concatenate([[0.0], times])
        rest = np.zeros_like(position)
        for field, first in (
            ("positions", position),
            ("velocities", velocity),
            ("accelerations", rest),
        ):
            columns[field] = np.vstack([first, columns[field]])
    _check_times(times, begins_later)
    start = seconds(message.header.stamp)
    return JointTrajectory(
        joint_names=tuple(joint_names),
        times=times,
        positions=columns["positions"],
        velocities=columns["velocities"],
        accelerations=columns["accelerations"],
        start=start if start > 0.0 else None,
    )


def tolerances_from_goal(
    goal: FollowJointTrajectory.Goal, joint_names: Sequence[str]
) -> Tolerances:
    """Return what a goal asks to be held to; 0 and what it does not name are :func:`defaults`.

    Raises:
        MessageError: A tolerance is negative ("no limit"), infinite, or of an unknown joint.
    """
    standard = defaults(len(joint_names))
    time = seconds(goal.goal_time_tolerance)
    if time < 0.0:
        raise MessageError(f"goal_time_tolerance is {time:g} s; it must not be negative")
    return Tolerances(
        path=_merge(goal.path_tolerance, "path_tolerance", joint_names, standard.path),
        goal=_merge(goal.goal_tolerance, "goal_tolerance", joint_names, standard.goal),
        goal_time=time if time > 0.0 else standard.goal_time,
    )


def _tolerance_messages(names: Sequence[str], values: Array) -> list[JointTolerance]:
    return [
        JointTolerance(name=name, position=float(value))
        for name, value in zip(names, values, strict=True)
    ]


def _column(points: Sequence[Any], field: str, order: Sequence[int]) -> Array:
    rows = [getattr(point, field) for point in points]
    if field != "positions" and not any(len(row) for row in rows):
        return np.zeros((len(rows), len(order)))
    for index, row in enumerate(rows):
        if len(row) != len(order):
            raise MessageError(
                f"points[{index}].{field} has {len(row)} values; the arm has {len(order)} joints"
            )
    values = np.array(rows, dtype=np.float64)[:, order]
    if not np.all(np.isfinite(values)):
        index = int(np.argwhere(~np.isfinite(values))[0][0])
        raise MessageError(f"points[{index}].{field} holds a value that is not a finite number")
    return values


def _check_times(times: Array, begins_later: bool) -> None:
    steps = np.diff(times)
    if np.any(steps <= 0.0):
        index = int(np.argmax(steps <= 0.0)) + (0 if begins_later else 1)
        raise MessageError(f"points[{index}].time_from_start is not later than the point before it")
    if times[0] < 0.0:
        raise MessageError(f"points[0].time_from_start is {times[0]:g} s; it must not be negative")


def _merge(
    messages: Sequence[JointTolerance], what: str, names: Sequence[str], standard: Array
) -> Array:
    values: Mapping[str, float] = {message.name: message.position for message in messages}
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise MessageError(f"{what} names {unknown}; the arm's joints are {list(names)}")
    for name, value in values.items():
        if not (0.0 <= value < math.inf):
            raise MessageError(
                f"{what} of {name} is {value:g}; it must be a finite number above 0, or 0 for the "
                "default: motions without a limit are refused"
            )
    return np.array(
        [values.get(name, 0.0) or fallback for name, fallback in zip(names, standard, strict=True)]
    )
