"""An arm of the twin behind FollowJointTrajectory: goals, tolerances, joint states, transforms."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from control_msgs.action import FollowJointTrajectory
from sensor_msgs.msg import JointState as JointStateMessage
from smart_cell_msgs.msg import ArmStatus
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectoryPoint

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array
from smart_cell.model.ports import JointState, JointTrajectory, MotionOutcome, MotionResult
from smart_cell.nodes import qos
from smart_cell.nodes.actions import GoalEnd, GoalOutcome, GoalServer
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.clock import CellTime
from smart_cell.nodes.conversions import MessageError, doubles, header, joint_state_to_message
from smart_cell.nodes.frames import ArmFrames
from smart_cell.nodes.trajectories import (
    PREEMPTED,
    REJECTED,
    Tolerances,
    tolerances_from_goal,
    trajectory_from_goal,
)
from smart_cell.simulation.arms import VirtualArm

#: Every how many publications of the joint state a goal gets feedback.
_FEEDBACK_EVERY = 5
Result: Any = FollowJointTrajectory.Result


@dataclass
class _Active:
    """A goal that is worked on.

    Attributes:
        motion: The arm's work on it.
        fault: Error code and text, once the node itself has ended the motion.
    """

    trajectory: JointTrajectory
    tolerances: Tolerances
    feedback: Callable[[Any], None]
    motion: asyncio.Future[MotionResult]
    fault: tuple[int, str] | None = None


class ArmNode:
    """One arm; offers what ros2_control's joint_trajectory_controller offers for a real one.

    A goal replaces the running one at its own start (``header.stamp``, 0 = now). Cancelling, a
    violated path tolerance and a lost heartbeat stop the arm along its path.
    """

    def __init__(
        self,
        bridge: Bridge,
        cell: Cell,
        arm: VirtualArm,
        clock: CellTime,
        blocked: Callable[[], str],
    ) -> None:
        """Create the node ``/<arm>/arm_node`` and its entities.

        Args:
            bridge: The process' bridge.
            cell: The cell.
            arm: The arm of the twin.
            clock: Cell time.
            blocked: Why no goals are taken at present; empty if they are. Thread-safe.
        """
        self._arm, self._clock, self._blocked = arm, clock, blocked
        self._bridge = bridge
        self.frames = ArmFrames(cell, arm.name)
        node = bridge.node("arm_node", arm.name)
        self._states = bridge.publisher(node, JointStateMessage, "joint_states", qos.STREAM)
        self._status = bridge.publisher(node, ArmStatus, "status", qos.STATE)
        self._description = bridge.publisher(node, String, "robot_description", qos.LATCHED)
        self._description.publish(String(data=cell.urdf_text(arm.name)))
        # Filled on the executor's thread, read on the loop: a goal is read once, not twice.
        self._taken: deque[tuple[Any, JointTrajectory, Tolerances]] = deque(maxlen=16)
        self._active: list[_Active] = []
        self._publications = 0
        GoalServer(bridge, node, FollowJointTrajectory, "follow_joint_trajectory", self)

    # ------------------------------------------------------------------ goals (GoalHandler)

    def refuse(self, goal: FollowJointTrajectory.Goal) -> str | None:
        """Return why a goal is not taken, None if it is."""
        if reason := self._blocked():
            return reason
        names = self._arm.joint_names
        try:
            trajectory = trajectory_from_goal(goal, names, *self._arm.set_point())
            tolerances = tolerances_from_goal(goal, names)
        except MessageError as error:
            return str(error)
        self._taken.append((goal, trajectory, tolerances))
        return None

    async def execute(
        self, goal: FollowJointTrajectory.Goal, feedback: Callable[[Any], None]
    ) -> GoalEnd:
        """Follow the goal's trajectory."""
        _, trajectory, tolerances = next(e for e in tuple(self._taken) if e[0] is goal)
        motion = asyncio.ensure_future(self._arm.execute(trajectory))
        active = _Active(trajectory, tolerances, feedback, motion)
        self._active.append(active)
        try:
            end = await motion
            if end.outcome is MotionOutcome.DONE:
                return await self._settle(active)
            return self._ended(active, end)
        except asyncio.CancelledError:
            if active.fault is None:
                raise
            await self._arm.stop()
            return _aborted(*active.fault)
        finally:
            self._active.remove(active)

    async def canceled(self, goal: FollowJointTrajectory.Goal) -> Any:
        """Return the result of a cancelled goal when the arm stands."""
        await self._arm.stop()
        return Result(error_code=Result.SUCCESSFUL, error_string="canceled; stopped along the path")

    def _ended(self, active: _Active, end: MotionResult) -> GoalEnd:
        if active.fault is not None:
            return _aborted(*active.fault)
        if end.outcome is MotionOutcome.PREEMPTED:
            return _aborted(Result.INVALID_GOAL, f"{PREEMPTED}: {end.message}")
        if end.outcome is MotionOutcome.REJECTED:
            return _aborted(Result.INVALID_GOAL, f"{REJECTED}: {end.message}")
        return _aborted(Result.INVALID_GOAL, end.message or end.outcome.value)

    async def _settle(self, active: _Active) -> GoalEnd:
        """Wait until the arm is within the goal tolerance, as long as the goal allows."""
        target = active.trajectory.positions[-1]
        end = self._clock.now() + active.tolerances.goal_time
        while True:
            error = np.abs(self._arm.joint_state().position - target)
            if np.all(error <= active.tolerances.goal):
                return GoalEnd(GoalOutcome.SUCCEEDED, Result(error_code=Result.SUCCESSFUL))
            if self._clock.now() >= end:
                text = self._violation(error, active.tolerances.goal, "its goal")
                return _aborted(Result.GOAL_TOLERANCE_VIOLATED, text)
            await self._clock.sleep_until(self._clock.now() + 0.01)

    def _violation(self, error: Array, tolerance: Array, what: str) -> str:
        worst = int(np.argmax(error - tolerance))
        name = self._arm.joint_names[worst]
        return f"{name} is {error[worst]:.4f} from {what}; the tolerance is {tolerance[worst]:.4f}"

    # ------------------------------------------------------------------ from the process

    async def stop(self, reason: str) -> None:
        """Stop along the path, end all goals with ``reason``, return when the arm stands."""
        for active in self._active:
            self._break(active, Result.INVALID_GOAL, reason)
        await self._arm.stop()

    def tell_status(self) -> None:
        """Publish whether goals are taken."""
        reason = self._blocked()
        self._status.publish(
            ArmStatus(
                header=header(self._clock.now()),
                arm=self._arm.name,
                ready=not reason,
                reason=reason,
            )
        )

    def publish(self) -> JointState:
        """Publish and return the joint state; hold the running goal to its path tolerance."""
        state = self._arm.joint_state()
        self._states.publish(joint_state_to_message([state]))
        if not self._active:
            return state
        self._publications += 1
        wanted, velocity = self._arm.set_point()
        error = np.abs(wanted - state.position)
        for active in self._active:
            start = active.trajectory.start
            if start is not None and start > state.time:
                continue
            if np.any(error > active.tolerances.path):
                text = self._violation(error, active.tolerances.path, "its path")
                self._break(active, Result.PATH_TOLERANCE_VIOLATED, text)
            elif self._publications % _FEEDBACK_EVERY == 0:
                active.feedback(self._feedback(state, wanted, velocity))
        return state

    def _break(self, active: _Active, code: int, text: str) -> None:
        if active.fault is None:
            active.fault = (code, text)
            active.motion.cancel()

    def _feedback(
        self, state: JointState, wanted: Array, velocity: Array
    ) -> FollowJointTrajectory.Feedback:
        return FollowJointTrajectory.Feedback(
            header=header(state.time),
            joint_names=list(state.names),
            desired=_point(wanted, velocity),
            actual=_point(state.position, state.velocity),
            error=_point(wanted - state.position, velocity - state.velocity),
        )


def _point(position: Array, velocity: Array) -> JointTrajectoryPoint:
    return JointTrajectoryPoint(positions=doubles(position), velocities=doubles(velocity))


def _aborted(code: int, text: str) -> GoalEnd:
    return GoalEnd(GoalOutcome.ABORTED, Result(error_code=code, error_string=text))
