"""ArmPort over ROS: joint states in, FollowJointTrajectory goals out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from control_msgs.action import FollowJointTrajectory
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMessage

from smart_cell.model.ports import JointState, JointTrajectory, MotionOutcome, MotionResult
from smart_cell.nodes import qos
from smart_cell.nodes.actions import GoalClient, GoalEnd, GoalOutcome
from smart_cell.nodes.bridge import Bridge, RosError
from smart_cell.nodes.clock import CellTime
from smart_cell.nodes.conversions import seconds
from smart_cell.nodes.trajectories import PREEMPTED, REJECTED, defaults, trajectory_to_goal

#: Cell time a goal may take longer than its trajectory and goal time [s].
_MARGIN = 5.0


class JointStates:
    """The newest state of every arm, from the one topic that carries all joints."""

    def __init__(self, bridge: Bridge, arms: Mapping[str, Sequence[str]]) -> None:
        """Subscribe; ``arms`` gives the joint names of each arm in chain order."""
        self._arms = {name: tuple(joints) for name, joints in arms.items()}
        self._states: dict[str, JointState] = {}
        self._layouts: dict[tuple[str, ...], dict[str, list[int]]] = {}
        bridge.subscribe(JointStateMessage, "/joint_states", qos.STREAM, self._on_state)

    def state(self, arm: str) -> JointState:
        """Return the newest state of an arm.

        Raises:
            RosError: None has come yet.
        """
        if arm not in self._states:
            raise RosError(f"no joint state of {arm} has come yet")
        return self._states[arm]

    def complete(self) -> bool:
        """Return whether there is a state of every arm."""
        return len(self._states) == len(self._arms)

    def _on_state(self, message: JointStateMessage) -> None:
        names = tuple(message.name)
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._layouts[names] = self._layout(names)
        time = seconds(message.header.stamp)
        position, velocity = np.array(message.position), np.array(message.velocity)
        for arm, indices in layout.items():
            self._states[arm] = JointState(
                time, self._arms[arm], position[indices], velocity[indices]
            )

    def _layout(self, names: tuple[str, ...]) -> dict[str, list[int]]:
        """Return where the joints of each arm stand, for the arms that are there as a whole."""
        index = {name: i for i, name in enumerate(names)}
        return {
            arm: [index[joint] for joint in joints]
            for arm, joints in self._arms.items()
            if all(joint in index for joint in joints)
        }


class RosArm:
    """One arm behind a FollowJointTrajectory server."""

    def __init__(
        self,
        bridge: Bridge,
        name: str,
        joint_names: Sequence[str],
        states: JointStates,
        client: GoalClient,
        clock: CellTime,
    ) -> None:
        """Know the arm; see :func:`follow_client` for the client."""
        self._bridge, self.name = bridge, name
        self._names, self._states = tuple(joint_names), states
        self._client, self._clock = client, clock
        self._running: set[asyncio.Future[GoalEnd]] = set()

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names in chain order."""
        return self._names

    def joint_state(self) -> JointState:
        """Return the latest measured state.

        Raises:
            RosError: None has come yet.
        """
        return self._states.state(self.name)

    async def ready(self, deadline: float) -> None:
        """Wait for the server and a first state.

        Raises:
            RosError: They are not there within ``deadline`` [s] of steady time.
        """
        await self._client.ready(deadline)
        await self._bridge.until_ready(
            self._states.complete, "the state of all joints on /joint_states", deadline
        )

    async def execute(self, trajectory: JointTrajectory) -> MotionResult:
        """Follow a trajectory and return when it has ended; cancelling stops along the path.

        Raises:
            RosError: The arm's node does not answer.
        """
        tolerances = defaults(len(self._names))
        goal = trajectory_to_goal(trajectory, tolerances)
        start = self._clock.now() if trajectory.start is None else trajectory.start
        deadline = start + float(trajectory.times[-1]) + tolerances.goal_time + _MARGIN
        running = asyncio.ensure_future(self._client.run(goal, deadline))
        self._running.add(running)
        try:
            await asyncio.wait({running})
        finally:
            self._running.discard(running)
            if not running.done():
                running.cancel()
                await asyncio.wait({running})
        if running.cancelled():
            return MotionResult(MotionOutcome.CANCELED, "stopped")
        return _result(running.result())

    async def stop(self) -> None:
        """Stop along the path; return when the arm stands."""
        running = tuple(self._running)
        for work in running:
            work.cancel()
        if running:
            await asyncio.wait(running)


def follow_client(
    bridge: Bridge, node: Node, name: str, clock: CellTime, lost: Callable[[], bool]
) -> GoalClient:
    """Return the client of an arm's FollowJointTrajectory server."""
    return GoalClient(
        bridge,
        node,
        FollowJointTrajectory,
        f"/{name}/follow_joint_trajectory",
        clock,
        lost,
    )


def _result(end: GoalEnd) -> MotionResult:
    if end.outcome is GoalOutcome.SUCCEEDED:
        return MotionResult(MotionOutcome.DONE)
    if end.outcome is GoalOutcome.REJECTED:
        return MotionResult(MotionOutcome.REJECTED, "the arm's node refuses the goal")
    text = end.result.error_string
    if end.outcome is GoalOutcome.CANCELED:
        return MotionResult(MotionOutcome.CANCELED, text)
    if text.startswith(PREEMPTED):
        return MotionResult(MotionOutcome.PREEMPTED, text)
    if text.startswith(REJECTED):
        return MotionResult(MotionOutcome.REJECTED, text)
    return MotionResult(MotionOutcome.ABORTED, text)
