"""Trajectory: joint motion over time as piecewise quintic polynomials in the C core."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, as_floats, check_finite, frozen, number, output
from smart_cell.planner.errors import LimitError, MismatchError, PlannerError
from smart_cell.planner.limits import Limits, State

_LEVELS = ("position", "velocity", "acceleration")
#: Shortest distance of two waypoints that ``waypoints(exact=True)`` returns [s].
_SHORTEST = 3e-5
_NANOSECOND = 1e-9


@dataclass(frozen=True)
class Violation:
    """Where a trajectory exceeds a limit.

    Attributes:
        joint: Index of the joint, from 0.
        quantity: ``position``, ``velocity``, ``acceleration``, ``jerk``, or ``continuity``: a jump
            of position, velocity or acceleration between two segments.
        value: The largest value, or the size of the jump.
        limit: The limit it exceeds, or the largest jump that rounding explains.
        time: When [s].
    """

    joint: int
    quantity: str
    value: float
    limit: float
    time: float


class Trajectory:
    """Position of n joints over time; starts at 0, ends at ``duration``.

    Made by the planner's functions, ``from_waypoints`` and ``join``. Immutable and safe to share
    between threads.
    """

    __slots__ = ("_made",)

    def __init__(self, made: _core.Spline | _core.Motion) -> None:
        """Wrap a spline of the C core, or a motion that becomes one when it is first looked at."""
        self._made = made

    def __repr__(self) -> str:
        """Return size and duration."""
        return f"Trajectory({self.dof} joints, {self.duration:.6g} s)"

    @property
    def _spline(self) -> _core.Spline:
        made = self._made
        if isinstance(made, _core.Motion):
            made = self._made = made.spline()
        return made

    @property
    def core(self) -> _core.Spline:
        """The spline in the C core, for the planner's own functions."""
        return self._spline

    @property
    def duration(self) -> float:
        """Duration [s]."""
        return self._made.duration

    @property
    def dof(self) -> int:
        """Number of joints."""
        return self._made.dof

    @property
    def start(self) -> State:
        """The state at 0."""
        return State(*self.sample(0.0)[:3])

    @property
    def end(self) -> State:
        """The state at ``duration``."""
        return State(*self.sample(self.duration)[:3])

    def sample(self, t: ArrayLike, out: Array | None = None) -> tuple[Array, Array, Array, Array]:
        """Return position, velocity, acceleration and jerk at ``t``.

        Outside [0, duration] the nearer end's position is held, and the rest is zero.

        Args:
            t: Time [s], a number or shape (m,).
            out: Where to write all four, shape (4, n) or (4, m, n); None = a new array.

        Returns:
            Four arrays of shape (n,), or (m, n): the parts of ``out``.

        Raises:
            PlannerError: ``t`` or ``out`` has another shape, or ``t`` is NaN.
        """
        times = as_floats(t, "t")
        if times.ndim > 1 or np.isnan(times).any():
            raise PlannerError(f"t must be a number or a vector without NaN; got {t!r}")
        result = output(out, (4, *times.shape, self._spline.dof))
        if times.ndim == 0:
            self._spline.sample_one(float(times), result)
        else:
            self._spline.sample(times, result)
        return result[0], result[1], result[2], result[3]

    def waypoints(self, period: float, *, exact: bool = False) -> tuple[Array, Array, Array, Array]:
        """Return samples for a controller that interpolates between waypoints.

        Args:
            period: Time between two waypoints [s], > 0; the last one is at ``duration``, so the
                last step may be shorter.
            exact: Put waypoints on the polynomials' own boundaries, at most ``period`` apart and
                on whole nanoseconds (but the last), instead of every ``period``. Quintic
                interpolation then gives back this very trajectory, its jerk to some 1e-6; where
                boundaries lie within 0.1 ms, to some percent (three digits are lost for every
                factor of ten between waypoints).

        Returns:
            times (k,) from 0 to ``duration``, strictly ascending; positions, velocities,
            accelerations (k, n).

        Raises:
            PlannerError: ``period`` is not positive, or gives more than 10 million waypoints.
        """
        step = number(period, "period")
        if not (np.isfinite(step) and step > 0.0):
            raise PlannerError(f"period is {period}; it must be > 0 s")
        if self.duration / step > 1e7:
            raise PlannerError(f"period {period} s gives more than 10 million waypoints")
        times = self._exact_times(step) if exact else self._regular_times(step)
        position, velocity, acceleration, _ = self.sample(times)
        return times, position, velocity, acceleration

    def _regular_times(self, period: float) -> Array:
        duration = self.duration
        count = int(np.ceil(duration / period - 1e-9))
        times = np.append(np.arange(count) * period, duration)
        return times if duration > 0.0 else times[-1:]

    def _exact_times(self, period: float) -> Array:
        duration = self.duration
        times = [0.0]
        for boundary in self.breaks[1:-1]:
            rounded = round(float(boundary) / _NANOSECOND) * _NANOSECOND
            if rounded - times[-1] >= _SHORTEST and duration - rounded >= _SHORTEST:
                times.append(rounded)
        if duration > 0.0:
            times.append(duration)
        fine = [0.0]
        for low, high in zip(times, times[1:], strict=False):
            parts = max(1, int(np.ceil((high - low) / period - 1e-9)))
            steps = low + (high - low) / parts * np.arange(1, parts)
            fine.extend((np.round(steps / _NANOSECOND) * _NANOSECOND).tolist())
            fine.append(high)
        return np.array(fine)

    @property
    def breaks(self) -> Array:
        """Boundaries of the polynomial segments [s], shape (segments + 1,)."""
        return self._parts()[0]

    @property
    def coefficients(self) -> Array:
        """Coefficients c[k, i, p] of joint i in segment k: sum of c x^p, x = t - breaks[k]."""
        return self._parts()[1]

    def _parts(self) -> tuple[Array, Array, Array]:
        segments, dof = self._spline.segments, self._spline.dof
        parts = np.empty(segments + 1), np.empty((segments, dof, 6)), np.empty((3, dof))
        self._spline.copy_out(*parts)
        return parts

    def extrema(self) -> tuple[Array, Array, Array, Array, Array]:
        """Return lowest and highest position, largest speed, acceleration and jerk, each (n,).

        Exact (from the polynomials' derivatives), not sampled.
        """
        out = np.empty((5, self.dof))
        self._spline.extrema(out)
        return out[0], out[1], out[2], out[3], out[4]

    def limits_violation(
        self, limits: Limits, *, tolerance: float = 1e-6, jerk: bool = True
    ) -> Violation | None:
        """Return the worst excess over the limits, or None.

        Exact: extrema of the polynomials, and jumps between segments.

        Args:
            limits: Limits of as many joints.
            tolerance: Relative excess that is still accepted.
            jerk: False leaves out jerk and jumps of the acceleration.

        Raises:
            PlannerError: ``limits`` are for another number of joints.
        """
        if limits.dof != self.dof:
            raise PlannerError(f"limits for {limits.dof} joints, trajectory of {self.dof}")
        found = self._spline.check(limits.packed, tolerance, jerk)
        return None if found is None else Violation(*found)

    def check_limits(self, limits: Limits, *, tolerance: float = 1e-6, jerk: bool = True) -> None:
        """Raise if the trajectory exceeds a limit; see ``limits_violation``.

        Raises:
            LimitError: With joint, quantity, value, limit and time.
            PlannerError: ``limits`` are for another number of joints.
        """
        found = self.limits_violation(limits, tolerance=tolerance, jerk=jerk)
        if found is not None:
            raise limit_error(found, limits)

    def stop_from(self, t: float, limits: Limits) -> Trajectory:
        """Return the quickest stop along the same path from the state at ``t``.

        It begins with position, velocity and acceleration of this trajectory at ``t``, stays
        within 1e-6 rad of where this trajectory goes from there, and ends at rest, at most at
        its end. Time-optimal to some percent, over the distances it may take; some 50 ms.

        Args:
            t: When the stop begins [s], 0..duration.
            limits: Limits that this trajectory keeps.

        Raises:
            BoundarySpeedError: There is no stop before the trajectory's end, which is not at rest.
            PlannerError: ``t`` is out of range, or ``limits`` are for another number of joints.
        """
        from smart_cell.planner.timing import stop  # which makes trajectories

        return stop(self, t, limits)

    @staticmethod
    def from_waypoints(
        times: ArrayLike,
        positions: ArrayLike,
        velocities: ArrayLike,
        accelerations: ArrayLike | None = None,
    ) -> Trajectory:
        """Return the trajectory through waypoints, as joint_trajectory_controller interpolates.

        Quintic between two waypoints if accelerations are given, cubic otherwise.

        Args:
            times: Strictly ascending [s], shape (k,), k >= 1; the first one counts as the start.
            positions: Shape (k, n) [rad or m].
            velocities: Shape (k, n).
            accelerations: Shape (k, n); None = cubic interpolation.

        Raises:
            PlannerError: Wrong shapes, numbers that are not finite, times not ascending, or values
                beyond all measure in between.
        """
        at = as_floats(times, "times")
        if at.ndim != 1 or len(at) < 1:
            raise PlannerError(f"times has shape {at.shape}; it must be (k,), k >= 1")
        check_finite(at, "times")
        late = np.flatnonzero(~(np.diff(at) > 0.0))
        if len(late):
            i = int(late[0])
            raise PlannerError(f"times[{i + 1}] is {at[i + 1]:g}, not after times[{i}] {at[i]:g}")
        rows: list[Array | None] = []
        for name, value in (
            ("positions", positions),
            ("velocities", velocities),
            ("accelerations", accelerations),
        ):
            rows.append(None if value is None else _rows(value, len(at), name))
        first = rows[0]
        assert first is not None
        for name, array in zip(("velocities", "accelerations"), rows[1:], strict=True):
            if array is not None and array.shape != first.shape:
                raise PlannerError(f"{name} has shape {array.shape}, positions {first.shape}")
        if rows[1] is None:
            raise PlannerError("velocities are missing")
        try:
            return Trajectory(_core.waypoints(first.shape[1], at, first, rows[1], rows[2]))
        except ValueError:
            text = "the interpolation between the waypoints goes beyond the range of numbers"
            raise PlannerError(text) from None

    @staticmethod
    def join(trajectories: Sequence[Trajectory], *, tolerance: float = 1e-9) -> Trajectory:
        """Return the trajectories one after the other.

        Args:
            trajectories: At least one; each begins in the state in which the one before ends.
            tolerance: Largest difference of position, velocity and acceleration, relative to the
                larger of the value and 1.

        Raises:
            MismatchError: Two states differ.
            PlannerError: No trajectory, or different numbers of joints.
        """
        if not trajectories:
            raise PlannerError("there is no trajectory to join")
        result = trajectories[0]
        for following in trajectories[1:]:
            if following.dof != result.dof:
                raise PlannerError(f"trajectories of {result.dof} and {following.dof} joints")
            before, after = result.sample(result.duration), following.sample(0.0)
            _compare(before, after, tolerance)
            result = Trajectory(_core.join(result.core, following.core))
        return result


def _rows(value: ArrayLike, count: int, name: str) -> Array:
    array = as_floats(value, name)
    if array.ndim != 2 or array.shape[0] != count or not 1 <= array.shape[1] <= _core.MAX_DOF:
        raise PlannerError(
            f"{name} has shape {array.shape}; it must be ({count}, n), n from 1 to {_core.MAX_DOF}"
        )
    check_finite(array, name)
    return frozen(array.view())


def _compare(before: tuple[Array, ...], after: tuple[Array, ...], tolerance: float) -> None:
    for level, name in enumerate(_LEVELS):
        difference = np.abs(after[level] - before[level])
        allowed = tolerance * np.maximum(1.0, np.abs(before[level]))
        if (difference > allowed).any():
            joint = int(np.argmax(difference - allowed))
            value, expected = float(after[level][joint]), float(before[level][joint])
            raise MismatchError(
                f"{name} of joint {joint} begins at {value:.9g}, the trajectory before it ends at "
                f"{expected:.9g}",
                joint=joint,
                quantity=name,
                value=value,
                expected=expected,
            )


def limit_error(found: Violation, limits: Limits) -> LimitError:
    """Return the error that tells of a violation."""
    label = limits.joint_label(found.joint)
    if found.quantity == "continuity":
        text = f"{label} jumps by {found.value:.6g} at {found.time:.6g} s"
    else:
        text = (
            f"{found.quantity} of {label} reaches {found.value:.6g} at {found.time:.6g} s; "
            f"the limit is {found.limit:.6g}"
        )
    return LimitError(
        text,
        joint=found.joint,
        quantity=found.quantity,
        value=found.value,
        limit=found.limit,
        time=found.time,
    )
