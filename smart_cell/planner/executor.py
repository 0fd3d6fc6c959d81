"""Executor: turns trajectories into set-points, one period after the other."""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import time
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, instance, number, vector
from smart_cell.planner.errors import MismatchError, PlannerError, SinkError
from smart_cell.planner.limits import Limits
from smart_cell.planner.sinks import Sink
from smart_cell.planner.trajectory import Trajectory, Violation, limit_error

#: SCHED_FIFO priority of a real-time thread where none is given: above ordinary device threads.
PRIORITY = 80
#: Below this a real-time thread could take a whole processor [s].
SHORTEST_PERIOD = 1e-4


class SetPoint(NamedTuple):
    """What the joints are to do at one moment.

    Attributes:
        time: Executor time [s].
        position: Shape (n,) [rad or m].
        velocity: Shape (n,).
        acceleration: Shape (n,).
        active: True while there is a trajectory to follow, also while it is held; False once
            it has ended or was stopped.
        path_time: Where on the trajectory [s]; 0 without one. Counted from the moment of the
            latest ``execute`` or ``replace``.
        speed: Rate of path time: 1 = as planned, 0 = standing on the path.
    """

    time: float
    position: Array
    velocity: Array
    acceleration: Array
    active: bool
    path_time: float
    speed: float


@dataclass(frozen=True)
class ThreadStatistics:
    """How an executor's real-time thread has kept its time.

    Attributes:
        cycles: Set-points sent, or tried to send.
        missed: Periods slept through by a wake-up that was later than a period.
        unsent: Set-points that the sink did not take: no receiver, no room.
        lag: How far executor time is behind the clock [s], until the arm stands.
        lateness_p50: Lateness of the wake-ups [s]: median, to 12.5 %, and
        lateness_p99: the higher quantiles of all cycles,
        lateness_p999: likewise, and
        lateness_max: the worst one, exactly.
        policy: ``SCHED_FIFO`` if that was permitted, else ``SCHED_OTHER``.
        priority: That of SCHED_FIFO, or 0.
        memory_locked: Whether the process' memory cannot be swapped out.
    """

    cycles: int
    missed: int
    unsent: int
    lag: float
    lateness_p50: float
    lateness_p99: float
    lateness_p999: float
    lateness_max: float
    policy: str
    priority: int
    memory_locked: bool


@contextlib.contextmanager
def _thread_told() -> Iterator[None]:
    """Turn the core's word that a thread did not take a command into our error."""
    try:
        yield
    except RuntimeError as error:
        text = f"the real-time thread did not take the command: {error}; join says why"
        raise PlannerError(text) from None


_running: weakref.WeakSet[Executor] = weakref.WeakSet()


@atexit.register
def _join_all() -> None:
    for executor in list(_running):
        with contextlib.suppress(PlannerError):
            executor.join()


class Executor:
    """Owns the set-points of one arm, and never exceeds its limits nor leaves its path.

    Stepped by its owner, or by its own real-time thread (``start_thread``): each ``step`` is one
    period of executor time, which begins at 0. Before the first motion ``reset`` (or a first
    ``step`` with a measurement) says where the arm stands.
    A trajectory that exceeds the limits is refused; plan with limits somewhat below the
    executor's where rounding or a controller's interpolation lies between. Stopping, holding and
    changing the speed act along the path: path time runs slower, by a law whose set-points keep
    all limits, checked before it begins. Where a trajectory already brakes at its limit there is
    nothing to gain, and it runs to its end.

    While the thread runs, commands are computed beside it for a moment one or a few periods ahead,
    and taken by the thread at that moment (``command_time``): the set-points are bit for bit those
    of an executor that is stepped and gets the commands then. A command returns when it is taken.

    Safe to call from several threads; a call longer than about a microsecond releases the GIL.
    """

    __slots__ = (
        "__weakref__",
        "_core",
        "_position_tolerance",
        "_process",
        "_sink",
        "limits",
        "period",
    )

    def __init__(
        self,
        limits: Limits,
        period: float,
        *,
        tolerance: float = 1e-6,
        position_tolerance: float = 1e-3,
        jerk_limited: bool = True,
    ) -> None:
        """Make an executor at time 0 without a position.

        Args:
            limits: Limits of the joints.
            period: Time of one step [s], > 0.
            tolerance: Relative excess over a limit that counts as rounding, 0..0.1.
            position_tolerance: How far from the set-point a trajectory may begin, and how far from
                it the set-points may be while the difference fades out [rad or m].
            jerk_limited: False accepts any jerk, and jumps of the acceleration, as
                joint_trajectory_controller does; then stops and speed changes keep the limits of
                velocity and acceleration only.

        Raises:
            PlannerError: A value out of range.
        """
        for name, value, low, high in (
            ("period", period, 1e-6, 1.0),
            ("tolerance", tolerance, 0.0, 0.1),
            ("position_tolerance", position_tolerance, 0.0, 0.1),
        ):
            if not low <= number(value, name) <= high:
                raise PlannerError(f"{name} is {value}; it must lie in {low:g}..{high:g}")
        instance(limits, Limits, "limits")
        self.limits = limits
        self.period = float(period)
        self._position_tolerance = float(position_tolerance)
        self._core = _core.Executor(
            limits.dof, limits.packed, self.period, float(tolerance), jerk_limited
        )
        self._sink: Sink | None = None
        self._process = 0

    @property
    def time(self) -> float:
        """Time of the latest set-point [s]: periods stepped so far times ``period``."""
        return self._core.time

    @property
    def mode(self) -> str:
        """``idle``, ``moving``, ``holding`` or ``stopping``."""
        return self._core.mode

    @property
    def active(self) -> bool:
        """Whether there is a trajectory to follow."""
        return self._core.mode != "idle"

    @property
    def speed(self) -> float:
        """The speed asked by ``set_speed``, 0..1."""
        return self._core.speed

    @property
    def command_time(self) -> float:
        """Executor time at which the latest command took effect [s]; 0 before the first."""
        return self._core.command_time

    @property
    def rest_time(self) -> float:
        """When the present motion will have ended [s]; infinity while it is held."""
        return self._core.rest_time

    def reset(self, position: ArrayLike) -> None:
        """Say where the arm stands, at rest; a trajectory is dropped at once.

        Args:
            position: Shape (n,) [rad or m].

        Raises:
            PlannerError: Wrong shape or not finite, or the real-time thread is running.
        """
        self._check_stepped()
        self._core.reset(vector(position, self.limits.dof, "position"))

    def step(self, measured: ArrayLike | None = None) -> SetPoint:
        """Go one period further and return the set-point there.

        Args:
            measured: Measured joint positions, shape (n,); places an executor that has no
                position yet, and is not used otherwise.

        Raises:
            PlannerError: There is no position yet and no measurement, or the real-time thread is
                running.
        """
        core = self._core
        self._check_stepped()
        if not core.placed:
            if measured is None:
                raise PlannerError("the executor has no position yet: call reset(position) first")
            self.reset(measured)
        out = np.empty((3, self.limits.dof))
        time, active, path_time, speed = core.step(out)
        return SetPoint(time, out[0], out[1], out[2], active, path_time, speed)

    def execute(self, trajectory: Trajectory, at: float | None = None) -> None:
        """Follow a trajectory that begins where the arm stands, or will stand at ``at``.

        Args:
            trajectory: Begins at the position of the set-point (within ``position_tolerance``)
                and ends at rest.
            at: Executor time at which it begins, whatever the speed; None = now. After a motion
                that is still under way it begins at the same point of the path if the speed is
                changed before. A time in the past enters it that much later: its state there must
                be near the set-point.

        Raises:
            MismatchError: It begins elsewhere, or does not end at rest.
            LimitError: It, or the transition to it, exceeds a limit.
            PlannerError: Another motion has not ended at ``at`` (use ``replace``), the executor is
                holding or stopping, has no position yet, or has another number of joints.
        """
        self._take(trajectory, at, from_rest=True)

    def replace(self, trajectory: Trajectory, at: float | None = None) -> None:
        """Go on with another trajectory from a future state of the present one.

        Until ``at`` the present trajectory goes on. If its speed is changed before, the switch
        happens at the same point of the path.

        Args:
            trajectory: Begins in the state (at full speed) that the present one has at ``at``,
                and ends at rest. Differences fade out within the limits, if that stays within
                ``position_tolerance`` of the new path.
            at: Executor time at which it begins; None = now; the past as in ``execute``.

        Raises:
            MismatchError: It begins elsewhere, or does not end at rest.
            LimitError: It, or the transition to it, exceeds a limit.
            PlannerError: The executor is holding or stopping, has no position yet, or has another
                number of joints.
        """
        self._take(trajectory, at, from_rest=False)

    def _take(self, trajectory: Trajectory, at: float | None, *, from_rest: bool) -> None:
        core = self._core
        instance(trajectory, Trajectory, "trajectory")
        if trajectory.dof != self.limits.dof:
            raise PlannerError(
                f"a trajectory of {trajectory.dof} joints; the executor has {self.limits.dof}"
            )
        if not core.placed:
            raise PlannerError("the executor has no position yet: call reset(position) first")
        when = math.nan if at is None else number(at, "at")
        if at is not None and not math.isfinite(when):
            raise PlannerError(f"at is {at}; it must be a time in seconds")
        with _thread_told():
            refusal = core.take(trajectory.core, when, self._position_tolerance, from_rest)
        if refusal is None:
            return
        if refusal[0] == "mode":
            mode, rest = refusal[1]
            if mode == "moving":
                text = f"a motion is under way until {rest:.4g} s; use replace to change it"
                raise PlannerError(text)
            raise PlannerError(f"the executor is {mode}; wait until it stands, or resume")
        kind, (joint, quantity, value, expected, time) = refusal
        if kind == "limit":
            raise limit_error(Violation(joint, quantity, value, expected, time), self.limits)
        label = self.limits.joint_label(joint)
        if quantity == "position":
            text = f"the trajectory begins with {label} at {value:.9g}; the set-point is "
            text += f"{expected:.9g}, allowed difference {self._position_tolerance:g}"
        elif quantity == "velocity" and not from_rest:
            text = f"the trajectory begins with {quantity} {value:.6g} of {label}; the set-point's "
            text += f"is {expected:.6g}, too far apart to fade out within "
            text += f"{self._position_tolerance:g} of the path"
        else:
            text = f"{quantity} of {label} is {value:.6g} where it must be at rest"
        raise MismatchError(text, joint=joint, quantity=quantity, value=value, expected=expected)

    def hold(self) -> float:
        """Slow down to a stand along the path, and keep the rest of it for ``resume``.

        Returns:
            Executor time at which the arm stands [s]; at the latest the end of the trajectory.
        """
        with _thread_told():
            return self._core.hold()[1]

    def resume(self) -> float:
        """Go on along a held path; returns when the motion will have ended [s]."""
        with _thread_told():
            return self._core.resume()[1]

    def stop(self) -> float:
        """Stop along the path as soon as the limits allow, and drop the rest of it.

        Returns:
            Executor time at which the arm stands [s]; at the latest the end of the trajectory.
        """
        with _thread_told():
            return self._core.stop()[1]

    def set_speed(self, scale: float) -> bool:
        """Run path time at ``scale`` of the planned speed, from 0 to 1; holds for later motions.

        Returns:
            False if the present motion leaves no room for the change before its end; it then
            counts from the next motion on.

        Raises:
            PlannerError: ``scale`` is not in 0..1.
        """
        asked = number(scale, "scale")
        if not 0.0 <= asked <= 1.0:
            raise PlannerError(f"scale is {scale}; it must lie in 0..1")
        with _thread_told():
            return self._core.set_speed(asked)[0]

    def start_thread(
        self,
        sink: Sink,
        priority: int | None = None,
        *,
        spin: float = 5e-5,
        watchdog: float | None = None,
    ) -> None:
        """Give the steps to a real-time thread that sends a set-point to ``sink`` every period.

        The thread wakes at absolute times, under SCHED_FIFO where that is permitted, and neither
        takes the GIL nor waits for a lock. Every set-point sent is one period of executor time
        after the one before, whatever the clock does: after missed cycles none is left out, none
        is repeated, and executor time lags behind the clock until the arm stands, when it is made
        good. If the sink fails, the arm is stopped along its path and the thread ends.

        The memory of the process is locked, where permitted, until the process ends. At the end
        of the process a thread that still runs is joined.

        Args:
            sink: Where the set-points go, until ``join``.
            priority: Of SCHED_FIFO, 1..99; 0 asks for ordinary scheduling; None = 80. Where it is
                not permitted, scheduling is ordinary, and ``statistics`` say so.
            spin: How long before each deadline the thread stays awake [s], 0..0.001, at most half
                a period of it.
            watchdog: How long after its deadline a set-point may come before the receiver is to
                stop the arm [s], 0..3600; None = one period.

        Raises:
            PlannerError: There is no position yet, a thread is running, the sink cannot be used,
                the period is below 0.1 ms, or a value is out of range.
        """
        instance(sink, Sink, "sink")
        asked = PRIORITY if priority is None else priority
        instance(asked, int, "priority")
        if not 0 <= asked <= 99:
            raise PlannerError(f"priority is {priority}; it must lie in 0..99")
        grace = self.period if watchdog is None else number(watchdog, "watchdog")
        for name, value, high in (
            ("spin", number(spin, "spin"), 1e-3),
            ("watchdog", grace, 3600.0),
        ):
            if not 0.0 <= value <= high:
                raise PlannerError(f"{name} is {value}; it must lie in 0..{high:g}")
        if self.period < SHORTEST_PERIOD:
            text = f"the period is {self.period} s; a thread needs at least {SHORTEST_PERIOD} s"
            raise PlannerError(text)
        self._check_stepped()
        if not self._core.placed:
            raise PlannerError("the executor has no position yet: call reset(position) first")
        target = sink.acquire(self.limits.dof, self.period)
        try:
            self._core.start(target, asked, min(float(spin), self.period / 2.0), grace)
        except (RuntimeError, ValueError, OSError) as error:
            sink.release()
            raise PlannerError(f"the real-time thread could not be started: {error}") from None
        self._sink = sink
        self._process = os.getpid()
        _running.add(self)

    def join(self, timeout: float = 30.0) -> None:
        """Stop the arm along its path, send its last set-point, and end the real-time thread.

        Afterwards the executor stands, and may be stepped or given another thread.

        Args:
            timeout: How long the stop may take [s], >= 0. After it the thread goes on; join again.

        Raises:
            SinkError: The sink had failed; the thread has ended.
            PlannerError: No thread was started, the arm does not stand yet, or ``timeout`` is
                out of range.
        """
        core = self._core
        if not number(timeout, "timeout") >= 0.0:
            raise PlannerError(f"timeout is {timeout}; it must not be negative")
        if not core.started or self._process != os.getpid():
            raise PlannerError("there is no real-time thread to join")
        deadline = time.monotonic() + float(timeout)
        with contextlib.suppress(RuntimeError):  # it may be ending by itself
            core.stop()
        core.leave()
        while not core.wait(0.1):
            if time.monotonic() > deadline:
                raise PlannerError(f"the arm does not stand after {timeout} s; join again")
        failure = core.finish()
        _running.discard(self)
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.release()
        if failure != 0:
            text = f"the sink failed: {os.strerror(failure)}; the arm was stopped along its path"
            raise SinkError(text, code=failure)

    def statistics(self) -> ThreadStatistics:
        """Return how the thread keeps, or its latest one kept, its time.

        Raises:
            PlannerError: No thread was started yet.
        """
        values = self._core.statistics()
        if values is None:
            raise PlannerError("no real-time thread was started yet")
        cycles, missed, unsent, lag, p50, p99, p999, worst, priority, locked = values
        policy = "SCHED_FIFO" if priority > 0 else "SCHED_OTHER"
        lag_time = lag * self.period
        return ThreadStatistics(
            cycles, missed, unsent, lag_time, p50, p99, p999, worst, policy, priority, locked
        )

    def _check_stepped(self) -> None:
        if self._core.started:
            raise PlannerError("the executor's real-time thread is running: join it first")
