"""Executor: turns trajectories into set-points, one period after the other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, instance, number, vector
from smart_cell.planner.errors import MismatchError, PlannerError
from smart_cell.planner.limits import Limits
from smart_cell.planner.trajectory import Trajectory, Violation, limit_error


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


class Executor:
    """Owns the set-points of one arm, and never exceeds its limits nor leaves its path.

    Stepped by its owner: each ``step`` is one period of executor time, which begins at 0. Before
    the first motion ``reset`` (or a first ``step`` with a measurement) says where the arm stands.
    A trajectory that exceeds the limits is refused; plan with limits somewhat below the
    executor's where rounding or a controller's interpolation lies between. Stopping, holding and
    changing the speed act along the path: path time runs slower, by a law whose set-points keep
    all limits, checked before it begins. Where a trajectory already brakes at its limit there is
    nothing to gain, and it runs to its end.

    Safe to call from several threads; a call longer than about a microsecond releases the GIL.
    """

    __slots__ = ("_core", "_position_tolerance", "limits", "period")

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
    def rest_time(self) -> float:
        """When the present motion will have ended [s]; infinity while it is held."""
        return self._core.rest_time

    def reset(self, position: ArrayLike) -> None:
        """Say where the arm stands, at rest; a trajectory is dropped at once.

        Args:
            position: Shape (n,) [rad or m].

        Raises:
            PlannerError: Wrong shape or not finite.
        """
        self._core.reset(vector(position, self.limits.dof, "position"))

    def step(self, measured: ArrayLike | None = None) -> SetPoint:
        """Go one period further and return the set-point there.

        Args:
            measured: Measured joint positions, shape (n,); places an executor that has no
                position yet, and is not used otherwise.

        Raises:
            PlannerError: There is no position yet and no measurement.
        """
        core = self._core
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
        if core.mode in ("holding", "stopping"):
            raise PlannerError(f"the executor is {core.mode}; wait until it stands, or resume")
        when = core.time if at is None else number(at, "at")
        if not np.isfinite(when):
            raise PlannerError(f"at is {at}; it must be a time in seconds")
        if from_rest and core.mode == "moving" and core.rest_time > max(when, core.time):
            text = f"a motion is under way until {core.rest_time:.4g} s; use replace to change it"
            raise PlannerError(text)
        refusal = core.take(trajectory.core, when, self._position_tolerance, from_rest)
        if refusal is None:
            return
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
        return self._core.hold()[1]

    def resume(self) -> float:
        """Go on along a held path; returns when the motion will have ended [s]."""
        return self._core.resume()[1]

    def stop(self) -> float:
        """Stop along the path as soon as the limits allow, and drop the rest of it.

        Returns:
            Executor time at which the arm stands [s]; at the latest the end of the trajectory.
        """
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
        return self._core.set_speed(asked)[0]
