"""Time-optimal motion along a given path."""

from __future__ import annotations

import math

import numpy as np

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, instance, number
from smart_cell.planner.errors import (
    BoundarySpeedError,
    LimitError,
    NotSupportedError,
    PathTimingError,
    PlannerError,
)
from smart_cell.planner.limits import Limits
from smart_cell.planner.path import Path
from smart_cell.planner.robot import Robot
from smart_cell.planner.trajectory import Trajectory

#: Most cells that may be asked for; the planner may double them twice.
_MOST_CELLS = 1000
_REFINEMENTS = 3
#: Search of a stop: the first reach tried [s], its growth, bisections, what is tried beyond.
_FIRST_REACH, _REACH_RATIO, _BISECTIONS, _FURTHER = 0.01, 2.0, 7, (1.04, 1.1, 1.2)
#: Most moments at which it may begin, and how far they are apart at least [s].
_BEGINS, _APART = 10, 1e-3
_STOP_CELLS = 60


def along(
    path: Path,
    limits: Limits,
    *,
    robot: Robot | None = None,
    torque: bool = False,
    tool_speed: float | None = None,
    start_speed: float = 0.0,
    end_speed: float = 0.0,
    jerk: bool = True,
    cells: int | None = None,
) -> Trajectory:
    """Return the time-optimal motion along a path: exactly on it, inside all limits.

    Velocity and acceleration (and tool speed) alone: reachability analysis (Pham & Pham 2018).
    With jerk: a barrier method on the squared path speed with the joints' true jerk. The path is
    cut into cells; what the motion exceeds inside one is measured exactly and the problem solved
    again, so that the result has no violation. Between all samples the joints are within 1e-6 rad
    of the path.

    Args:
        path: The path; n joints.
        limits: Limits of its joints.
        robot: The chain, for ``tool_speed``.
        torque: Keep the limits of effort, too; not possible yet.
        tool_speed: Largest speed of the tip [m/s], > 0; None = no limit.
        start_speed: ds/dt at the start, >= 0; d2s/dt2 is 0 there with ``jerk``.
        end_speed: The same at the end.
        jerk: False leaves the limits of jerk out: shorter, with steps of the acceleration.
        cells: Least number of cells, 10..1000; None = by the path, 20 for each of its segments.
            More cells come closer to the optimum and take as much longer.

    Raises:
        LimitError: The path leaves a joint's position limits.
        BoundarySpeedError: ``start_speed`` or ``end_speed`` is too high for the limits.
        PathTimingError: The path has no usable timing, for example where it stands still.
        NotSupportedError: ``torque`` is asked for.
        PlannerError: Different numbers of joints, or a value out of range.
    """
    instance(path, Path, "path")
    instance(limits, Limits, "limits")
    if torque:
        raise NotSupportedError("torque must be False: the limits of effort are not kept yet")
    if limits.dof != path.dof:
        raise PlannerError(f"limits for {limits.dof} joints, path of {path.dof}")
    chain, fastest = _tool(robot, tool_speed, path.dof)
    speeds = [_speed(start_speed, "start_speed"), _speed(end_speed, "end_speed")]
    count = 0 if cells is None else cells
    if cells is not None and not 10 <= cells <= _MOST_CELLS:
        raise PlannerError(f"cells is {cells}; it must be in 10..{_MOST_CELLS}")
    for _ in range(_REFINEMENTS):
        spline, status, used, *_, highest, worst = _core.along(
            path.core, limits.packed, chain, fastest, speeds[0], 0.0, speeds[1], jerk, count
        )
        if spline is not None:
            return Trajectory(spline)
        if status != "not converged":
            break
        count = 2 * used
    if status == "joint position limit":
        raise _position_error(limits, worst)
    if status == "limit exceeded":
        raise _speed_error(speeds, highest)
    raise _timing_error(status, used or count)


def stop(trajectory: Trajectory, t: float, limits: Limits) -> Trajectory:
    """Return the quickest stop along the trajectory's own path; see ``Trajectory.stop_from``."""
    instance(limits, Limits, "limits")
    if limits.dof != trajectory.dof:
        raise PlannerError(f"limits for {limits.dof} joints, trajectory of {trajectory.dof}")
    at = number(t, "t")
    if not 0.0 <= at <= trajectory.duration:
        raise PlannerError(f"t is {t}; it must be in 0..{trajectory.duration:.9g} s")
    position, velocity, acceleration, _ = trajectory.sample(at)
    if at == trajectory.duration or not (velocity.any() or acceleration.any()):
        if not _rests(velocity, limits):
            raise BoundarySpeedError(end="start", speed=1.0, highest=None)
        zero = np.zeros((1, trajectory.dof))
        return Trajectory.from_waypoints([0.0], position[None], zero, zero)
    found = _stops_soon(trajectory, at, limits)
    if _rests(trajectory.sample(trajectory.duration)[1], limits):
        rest = Trajectory(_core.part(trajectory.core, at, trajectory.duration))
        if rest.limits_violation(limits) is None:
            found.append(rest)
    if not found:
        raise BoundarySpeedError(end="start", speed=1.0, highest=None)
    return min(found, key=lambda one: one.duration)


def _rests(velocity: Array, limits: Limits) -> bool:
    return bool((np.abs(velocity) <= 1e-6 * limits.velocity).all())


def _stops_soon(trajectory: Trajectory, t: float, limits: Limits) -> list[Trajectory]:
    """Return stops, by how far on the path they go, that begin as early as any can."""
    for begin in _begins(trajectory, t):
        found = _stops(trajectory, begin, limits)
        if found and begin > t:
            before = _core.part(trajectory.core, t, begin)
            return [Trajectory(_core.join(before, one.core)) for one in found]
        if found:
            return found
    return []


def _begins(trajectory: Trajectory, t: float) -> list[float]:
    """Return when a stop may begin: at ``t``, or, where limits forbid every change, a little later.

    Where some joints are at a limit of jerk and others at one of acceleration, the motion can only
    go on as it does until the jerk changes.
    """
    begins = [t]
    for moment in trajectory.breaks[1:-1]:
        if len(begins) < _BEGINS and moment >= begins[-1] + _APART:
            begins.append(float(moment))
    return begins


def _stops(trajectory: Trajectory, t: float, limits: Limits) -> list[Trajectory]:
    """Return stops along the trajectory, by how far on it they go, in its own time."""
    rest = trajectory.duration - t

    def attempt(reach: float) -> Trajectory | None:
        path = _core.part(trajectory.core, t, t + reach)
        made = _core.along(path, limits.packed, None, math.inf, 1.0, 0.0, 0.0, True, _STOP_CELLS)[0]
        return None if made is None else Trajectory(made)

    short, reach = 0.0, min(_FIRST_REACH, rest)
    best = attempt(reach)
    while best is None and reach < rest:
        short, reach = reach, min(_REACH_RATIO * reach, rest)
        best = attempt(reach)
    if best is None:
        return []
    for _ in range(_BISECTIONS):
        middle = 0.5 * (short + reach)
        made = attempt(middle)
        if made is None:
            short = middle
        else:
            reach = middle
            best = min(best, made, key=lambda one: one.duration)
    further = (attempt(reach * factor) for factor in _FURTHER if reach * factor < rest)
    return [best, *(made for made in further if made is not None)]


def _speed(value: float, name: str) -> float:
    speed = number(value, name)
    if not (math.isfinite(speed) and speed >= 0.0):
        raise PlannerError(f"{name} is {value}; it must be finite and >= 0")
    return speed


def _tool(
    robot: Robot | None, tool_speed: float | None, dof: int
) -> tuple[_core.Chain | None, float]:
    if robot is not None:
        instance(robot, Robot, "robot")
        if robot.dof != dof:
            raise PlannerError(f"robot has {robot.dof} joints, path has {dof}")
    if tool_speed is None:
        return None, math.inf
    fastest = number(tool_speed, "tool_speed")
    if not (math.isfinite(fastest) and fastest > 0.0):
        raise PlannerError(f"tool_speed is {tool_speed}; it must be > 0 m/s")
    if robot is None:
        raise PlannerError("tool_speed needs the robot")
    return robot.core, fastest


def _timing_error(status: str, cells: int) -> PathTimingError:
    if status == "workspace too small":
        return PathTimingError("the path has more segments than can be timed", cells=cells)
    return PathTimingError(
        f"no timing of the path with {cells} cells: {status}; it may stand still somewhere, or "
        f"turn more sharply than the cells can tell",
        cells=cells,
    )


def _position_error(
    limits: Limits, worst: tuple[int, str, float, float, float] | None
) -> LimitError:
    assert worst is not None
    joint, quantity, value, limit, s = worst
    return LimitError(
        f"the path takes {limits.joint_label(joint)} to {value:.9g} at s = {s:.6g}; its limit is "
        f"{limit:.9g}",
        joint=joint,
        quantity=quantity,
        value=value,
        limit=limit,
    )


def _speed_error(speeds: list[float], highest: float) -> BoundarySpeedError:
    at_end = highest < 0.0 or speeds[0] == 0.0
    return BoundarySpeedError(
        end="end" if at_end else "start",
        speed=speeds[1 if at_end else 0],
        highest=abs(highest) if highest != 0.0 else None,
    )
