"""Arms: trajectories in, servo set-points out; starts, replacement, stops along the path."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array
from smart_cell.model.ports import JointState, JointTrajectory, MotionOutcome, MotionResult
from smart_cell.planner import Executor, Limits, PlannerError, SetPoint, Trajectory
from smart_cell.simulation.completion import complete
from smart_cell.simulation.drive import Drive
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.scene_arms import largest_inertias
from smart_cell.simulation.scene_builder import TIMESTEP

_PAYLOAD_KG = 5.0
# A controller's own limits lie a little above those that motions are planned with: interpolation
# between waypoints overshoots a little.
_MARGIN = 1.05
_START_TOLERANCE = 0.005
Done = Callable[[MotionResult], None]


class VirtualArm:
    """One arm, external axes included; the ArmPort, and its synchronous face for other hosts.

    It follows trajectories as joint_trajectory_controller does: quintics between waypoints, a start
    in the future is waited for, a start in the past is skipped into, a new trajectory takes over at
    its start. Cancelling and ``stop`` slow down along the path.
    """

    def __init__(
        self, physics: Physics, cell: Cell, name: str, limits: Limits, communication_s: float = 0.0
    ) -> None:
        """Stand at home.

        Args:
            physics: The simulation.
            cell: The cell.
            name: The arm.
            limits: Limits with which motions are planned.
            communication_s: Modelled delay of commands [s].
        """
        self._physics, self.name = physics, name
        self._communication = communication_s
        ids = physics.scene.arms[name]
        self._names = ids.joints
        home = np.array(cell.description.arms[name].home)
        physics.data.qpos[ids.qpos] = home
        ranges = np.stack([limits.position_lower, limits.position_upper])
        inertia = largest_inertias(physics.model, ids, _PAYLOAD_KG, ranges)
        self._drive = Drive(physics, ids.qpos[0], ids.dofs[0], ids.actuators[0], inertia)
        own = limits.scaled(velocity=_MARGIN, acceleration=_MARGIN)
        self._executor = Executor(
            own, TIMESTEP, position_tolerance=_START_TOLERANCE, jerk_limited=False
        )
        self._executor.reset(home)
        zero = np.zeros(len(home))
        self._point = SetPoint(0.0, home, zero, zero, False, 0.0, 1.0)
        self._running: Done | None = None
        self._next: tuple[float, Done] | None = None
        self._stopping = False
        self._stopped: list[Callable[[], None]] = []

    # ------------------------------------------------------------------ state

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names in chain order."""
        return self._names

    @property
    def moving(self) -> bool:
        """Whether there is a motion to follow or to end."""
        return self._executor.active or self._running is not None or self._stopping

    def joint_state(self) -> JointState:
        """Return the measured state."""
        return JointState(
            self._physics.time, self._names, self._drive.position(), self._drive.velocity()
        )

    def set_point(self) -> tuple[Array, Array]:
        """Return the position and velocity that the arm is to have now, each of shape (n,)."""
        return self._point.position, self._point.velocity

    # ------------------------------------------------------------------ commands

    def start(self, trajectory: JointTrajectory, done: Done) -> None:
        """Follow a trajectory; ``done`` is called once, when it has ended or is refused."""
        reason = self._refusal(trajectory)
        if reason:
            done(MotionResult(MotionOutcome.REJECTED, f"{self.name}: {reason}"))
            return
        now = self._physics.time
        start = now if trajectory.start is None else trajectory.start
        at = self._executor.time + (start - now)
        try:
            motion = Trajectory.from_waypoints(
                trajectory.times,
                trajectory.positions,
                trajectory.velocities,
                trajectory.accelerations,
            )
            if self._executor.active:
                self._executor.replace(motion, at)
            else:
                self._executor.execute(motion, at)
        except PlannerError as error:
            done(MotionResult(MotionOutcome.REJECTED, f"{self.name}: {error}"))
            return
        if self._next is not None:
            self._end(self._next[1], MotionOutcome.PREEMPTED, "another trajectory came")
            self._next = None
        if self._running is None:
            self._running = done
        else:
            self._next = (max(start, now), done)
            self._promote()

    def halt(self, stopped: Callable[[], None] = lambda: None) -> None:
        """Stop along the path; ``stopped`` is called when the arm stands."""
        self._stopped.append(stopped)
        if self._executor.active:
            self._executor.stop()
        self._stopping = True

    def cancel(self, done: Done) -> None:
        """Stop along the path if ``done`` belongs to the motion that runs or waits to run."""
        if self._running is done or (self._next is not None and self._next[1] is done):
            self.halt()

    def set_speed(self, scale: float) -> bool:
        """Run at a share of the planned speed, 0 to 1; see ``Executor.set_speed``."""
        return self._executor.set_speed(scale)

    def _refusal(self, trajectory: JointTrajectory) -> str:
        """Return why a trajectory cannot be taken; empty if it can."""
        if self._stopping:
            return "the arm is stopping"
        if trajectory.joint_names != self._names:
            return (
                f"the joints are {', '.join(self._names)}, in this order; "
                f"got {', '.join(trajectory.joint_names)}"
            )
        if len(trajectory.times) < 1 or trajectory.positions.shape != (
            len(trajectory.times),
            len(self._names),
        ):
            return f"positions of shape {trajectory.positions.shape} do not fit"
        return ""

    # ------------------------------------------------------------------ each step

    def update(self) -> None:
        """Give the servos their set-point; called before each step while ``moving``."""
        self._promote()
        point = self._point
        if self._executor.active:
            self._drive.follow(point.position, point.velocity, point.acceleration)
            self._point = self._executor.step()
            return
        self._drive.hold(point.position)
        running, self._running = self._running, None
        later, self._next = self._next, None
        outcome = MotionOutcome.CANCELED if self._stopping else MotionOutcome.DONE
        self._stopping = False
        for done in (running, later[1] if later else None):
            if done is not None:
                self._end(done, outcome, "" if outcome is MotionOutcome.DONE else "stopped")
        stopped, self._stopped = self._stopped, []
        for callback in stopped:
            callback()

    def _promote(self) -> None:
        """Let the trajectory that has taken over be the one that runs."""
        if self._next is None or self._stopping or self._physics.time < self._next[0] - 1e-9:
            return
        before, (_, self._running) = self._running, self._next
        self._next = None
        if before is not None:
            self._end(before, MotionOutcome.PREEMPTED, "another trajectory took over")

    @staticmethod
    def _end(done: Done, outcome: MotionOutcome, message: str) -> None:
        done(MotionResult(outcome, message))

    # ------------------------------------------------------------------ the port

    async def execute(self, trajectory: JointTrajectory) -> MotionResult:
        """Follow a trajectory and return when it has ended; cancelling stops along the path."""
        future: asyncio.Future[MotionResult] = asyncio.get_running_loop().create_future()

        def done(result: MotionResult) -> None:
            complete(future, result)

        def arrive() -> None:
            if not future.cancelled():
                self.start(trajectory, done)

        self._physics.at(self._physics.time + self._communication, arrive)
        try:
            return await future
        except asyncio.CancelledError:
            self.cancel(done)
            raise

    async def stop(self) -> None:
        """Stop along the path; return when the arm stands."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._physics.at(
            self._physics.time + self._communication,
            lambda: self.halt(lambda: complete(future, None)),
        )
        await future
