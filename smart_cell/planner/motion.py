"""Motions between two states of the joints, and straight lines of the tool."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import (
    Array,
    as_floats,
    check_finite,
    instance,
    number,
    output,
    pose_matrix,
    vector,
)
from smart_cell.planner.errors import (
    DurationError,
    LimitError,
    LineError,
    MismatchError,
    PlannerError,
)
from smart_cell.planner.limits import Limits, State
from smart_cell.planner.robot import Robot
from smart_cell.planner.trajectory import Trajectory

#: Longest duration that may be asked for [s].
_LONGEST = 1e6


def point_to_point(
    start: State, goal: State, limits: Limits, *, duration: float | None = None
) -> Trajectory:
    """Return the time-optimal jerk-limited motion between two states, all joints ending together.

    The smallest duration that every joint can take: a joint can be unable to take some that are
    longer than its own minimum, because it would have to stop and come back (a blocked interval).
    Piecewise cubic, exact. Where the states allow a straight line in joint space, and it takes no
    longer, all joints move in the proportion of their ways. A start outside its limits of velocity
    or acceleration is brought back inside first: as fast as the jerk allows, or without going
    further than the limit, whatever is quicker for the whole. A joint whose motion would leave its
    position limits turns round before them, or takes longer.

    Source: the plateau velocity as the unknown (Kroeger 2010; Alpers 2021), synchronisation and
    brake of Berscheid & Kroeger 2021; the durations are theirs.

    Args:
        start: Where the joints are, and how they move.
        goal: Where they will be, and how they will move there.
        limits: Limits of the joints.
        duration: Asked duration [s], kept exactly; None = the minimum.

    Raises:
        LimitError: Start or goal is outside the position limits, or a joint cannot stop, or run up
            to the goal, inside them; or the goal's velocity or
            acceleration is outside its limit, or can only be reached from outside (then the value
            is the velocity that the joint had when its acceleration was zero).
        DurationError: ``duration`` is too short, or in a blocked interval.
        PlannerError: Different numbers of joints, or ``duration`` is not in 0..1e6 s.
    """
    try:
        made = _core.point_to_point(start, goal, limits.packed, duration)
    except (AttributeError, TypeError, ValueError):
        _check_arguments(start, goal, limits, duration)
        raise
    if isinstance(made, _core.Motion):
        return Trajectory(made)
    raise _refusal(limits, duration or 0.0, made)


def point_to_point_durations(
    starts: ArrayLike, goals: ArrayLike, limits: Limits, *, out: Array | None = None
) -> Array:
    """Return the minimum durations of many motions between two states, without the motions.

    Each is the duration of ``point_to_point``: to choose among goals, or to find a meeting time.
    Runs without the interpreter lock, about 0.2 us per joint.

    Args:
        starts: Position, velocity and acceleration of each start, shape (m, 3, n).
        goals: The same of each goal, shape (m, 3, n).
        limits: Limits of the n joints.
        out: Where to write, shape (m,); None = a new array.

    Returns:
        Durations [s], shape (m,); infinite where ``point_to_point`` refuses with a LimitError.

    Raises:
        PlannerError: Wrong shapes, or a number that is not finite.
    """
    instance(limits, Limits, "limits")
    rows = [as_floats(starts, "starts"), as_floats(goals, "goals")]
    for name, array in zip(("starts", "goals"), rows, strict=True):
        if array.shape != (len(rows[0]) if rows[0].ndim else 0, 3, limits.dof):
            raise PlannerError(f"{name} has shape {array.shape}; it must be (m, 3, {limits.dof})")
        check_finite(array, name)
    result = output(out, (len(rows[0]),))
    _core.durations(rows[0], rows[1], limits.packed, result)
    return result


def _check_arguments(start: State, goal: State, limits: Limits, duration: float | None) -> None:
    instance(limits, Limits, "limits")
    for name, state in (("start", start), ("goal", goal)):
        instance(state, State, name)
        if state.dof != limits.dof:
            raise PlannerError(f"{name} has {state.dof} joints, limits have {limits.dof}")
        limits.check_position(state.position, f"{name}.position")
    if duration is not None and not 0.0 < number(duration, "duration") <= _LONGEST:
        raise PlannerError(f"duration is {duration}; it must be > 0 s, and at most {_LONGEST:g} s")


def _refusal(
    limits: Limits,
    asked: float,
    why: tuple[float, float, float] | tuple[int, str, float, float],
) -> PlannerError:
    if len(why) == 3:
        return DurationError(asked, why[0], before=why[1], after=why[2])
    joint, quantity, value, limit = why
    label = limits.joint_label(joint)
    if quantity == "position":
        text = f"{label} would reach {value:.9g} on the way; its limit is {limit:.9g}"
    else:
        text = f"goal.{quantity}: {label} has {value:.9g} at or before it; its limit is {limit:.9g}"
    return LimitError(
        text,
        joint=joint,
        quantity=quantity,
        value=value,
        limit=limit,
    )


def line(
    robot: Robot,
    pose_a: ArrayLike,
    pose_b: ArrayLike,
    *,
    seed: ArrayLike | None = None,
    limits: Limits | None = None,
    tool_speed: float = 1.0,
    tool_acceleration: float = 5.0,
    tool_jerk: float = 50.0,
    rotation_speed: float = math.pi,
    rotation_acceleration: float = 5.0 * math.pi,
    rotation_jerk: float = 50.0 * math.pi,
    hold: Sequence[str] | None = None,
) -> Trajectory:
    """Return the straight-line motion of the tip from ``pose_a`` to ``pose_b``, rest to rest.

    The position goes straight, the orientation turns about one fixed axis in proportion (slerp).
    The joints stay on one inverse kinematics branch, and the motion is as slow as every limit of
    the tool and of the joints, jerk included, asks. Between all samples the tip is within 1e-5 m
    of the line.

    Args:
        robot: The chain.
        pose_a: Start pose of the tip in the base, shape (4, 4).
        pose_b: End pose.
        seed: Joint positions at ``pose_a``, shape (n,). If their pose is within 1e-6 m and rad of
            ``pose_a`` the motion begins exactly there; else at the solution within 0.1 rad.
            None = the first solution of ``robot.ik(pose_a)`` from which the line is possible.
        limits: Limits of the joints; None = the robot's.
        tool_speed: Largest speed of the tip along the line [m/s].
        tool_acceleration: Largest acceleration along the line [m/s^2].
        tool_jerk: Largest jerk along the line [m/s^3].
        rotation_speed: Largest speed of turning [rad/s].
        rotation_acceleration: [rad/s^2].
        rotation_jerk: [rad/s^3].
        hold: Names of joints that keep their position. None = for a chain with more than six
            joints that begins with external axes (a prismatic joint among the first n - 6),
            these first n - 6 joints; otherwise none. A redundant chain takes the least joint
            motion.

    Raises:
        LineError: The line is not possible; the error says why, and where on it (without
            ``seed``: of the first solution), or that ``pose_a`` is out of reach.
        MismatchError: ``seed`` is not near ``pose_a``.
        LimitError: ``seed`` is outside the limits.
        PlannerError: Wrong shapes, values that are not positive, or an unknown joint name.
    """
    instance(robot, Robot, "robot")
    lim = robot.limits if limits is None else limits
    instance(lim, Limits, "limits")
    if lim.dof != robot.dof:
        raise PlannerError(f"limits for {lim.dof} joints; the robot has {robot.dof}")
    start, goal = pose_matrix(pose_a, "pose_a"), pose_matrix(pose_b, "pose_b")
    if seed is None:
        found = robot.ik(start)
        inside = (found >= lim.position_lower) & (found <= lim.position_upper)
        seeds = found[inside.all(axis=1)]
        if not len(seeds):
            text = "no straight line: pose_a is unreachable"
            raise LineError(text, reason="unreachable", fraction=0.0, joint=None)
    else:
        seeds = vector(seed, robot.dof, "seed")[None]
        lim.check_position(seeds[0], "seed")
    tool = as_floats(
        [
            *(tool_speed, tool_acceleration, tool_jerk),
            *(rotation_speed, rotation_acceleration, rotation_jerk),
        ],
        "the limits of the tool",
    )
    if not (np.isfinite(tool) & (tool > 0.0)).all():
        raise PlannerError(f"the limits of the tool must be finite and > 0; got {tool.tolist()}")
    held = robot.mask(robot.external_joints if hold is None else hold)
    if held == (1 << robot.dof) - 1:
        raise PlannerError("hold names every joint; at least one must be free")
    failures: list[PlannerError] = []
    for joints in seeds:
        spline, status, fraction, joint = _core.line(
            robot.core, start, goal, joints, lim.packed, tool, held
        )
        if spline is not None:
            return Trajectory(spline)
        failures.append(_line_error(robot, start, goal, joints, status, fraction, joint))
    raise failures[0]


def _line_error(
    robot: Robot,
    start: Array,
    goal: Array,
    seed: Array,
    status: str,
    fraction: float,
    joint: int,
) -> PlannerError:
    if status == "states do not match":
        is_at = robot.fk(seed)[:3, 3]
        off = float(np.linalg.norm(is_at - start[:3, 3]))
        return MismatchError(
            f"seed is not near pose_a: its tip is {off:.6g} m away, or turned",
            joint=0,
            quantity="position",
            value=off,
            expected=0.0,
        )
    point = start[:3, 3] + fraction * (goal[:3, 3] - start[:3, 3])
    where = ", ".join(f"{x:.4f}" for x in point)
    text = f"no straight line: {status}"
    at_limit = joint if status == "joint position limit" else None
    if at_limit is not None:
        text += f" of {robot.limits.joint_label(at_limit)}"
    return LineError(
        f"{text} at {100.0 * fraction:.1f} % of the line, tip at ({where}) m",
        reason=status,
        fraction=fraction,
        joint=at_limit,
    )
