"""Action servers and clients that own their goals' states, with a cancel path that is checked.

rclpy's traps behind this file: cancels are rejected by default and reported as success, results
are kept for 900 s, a goal of a killed server never ends, a wrong terminal state raises.
"""

from __future__ import annotations

import asyncio
import enum
import logging
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient, ActionServer, CancelResponse, GoalResponse
from rclpy.action.client import ClientGoalHandle
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node
from rclpy.task import Future as RosFuture
from unique_identifier_msgs.msg import UUID

from smart_cell.nodes.bridge import RESEND_AFTER, Bridge, NoAnswerError, RosError
from smart_cell.nodes.clock import CellTime, by_cell_time

log = logging.getLogger(__name__)

#: How long a server keeps a result [s]; clients ask for it as soon as the goal is accepted.
RESULT_TIMEOUT = 10
#: Steady time for a goal's acceptance and a cancel's answer [s].
ANSWER_DEADLINE = 5.0
#: Steady time in which a cancelled goal must have ended [s]: the longest stop, and more.
CANCEL_DEADLINE = 3.0
#: Steady time between two looks at whether the server has gone meanwhile [s].
_LOSS_PERIOD = 0.1


class GoalOutcome(enum.Enum):
    """Terminal state of a goal, as its client sees it."""

    SUCCEEDED = GoalStatus.STATUS_SUCCEEDED
    CANCELED = GoalStatus.STATUS_CANCELED
    ABORTED = GoalStatus.STATUS_ABORTED
    REJECTED = -1


@dataclass(frozen=True)
class GoalEnd:
    """How a goal ended, with the action's result message (None if it was rejected)."""

    outcome: GoalOutcome
    result: Any


class GoalHandler(Protocol):
    """What a goal server does with its goals."""

    def refuse(self, goal: Any) -> str | None:
        """Return why a goal is not taken, None if it is. Called on the executor's thread; quick."""

    async def execute(self, goal: Any, feedback: Callable[[Any], None]) -> GoalEnd:
        """Work on a goal; runs on the loop. The task is cancelled if the client cancels."""

    async def canceled(self, goal: Any) -> Any:
        """Return the result message of a goal whose ``execute`` was cancelled; all is at rest."""


class GoalServer:
    """An action server that runs each goal as a task on the loop and owns all its transitions."""

    def __init__(
        self, bridge: Bridge, node: Node, action_type: Any, name: str, handler: GoalHandler
    ) -> None:
        """Create the server.

        Args:
            bridge: The process' bridge.
            node: The node that serves.
            action_type: Type of the action.
            name: Name, relative to the node's namespace.
            handler: Takes or refuses goals and works on them.
        """
        self._bridge = bridge
        self._type = action_type
        self._name = f"{node.get_namespace().rstrip('/')}/{name}"
        self._handler = handler
        self._works: dict[bytes, asyncio.Task[GoalEnd]] = {}
        self._canceled_early: set[bytes] = set()
        self._server = ActionServer(
            node,
            action_type,
            name,
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_TIMEOUT,
        )

    def _on_goal(self, goal: Any) -> GoalResponse:
        reason = self._handler.refuse(goal)
        if reason is None:
            return GoalResponse.ACCEPT
        log.warning("%s refuses a goal: %s", self._name, reason)
        return GoalResponse.REJECT

    def _on_cancel(self, goal_handle: ServerGoalHandle) -> CancelResponse:
        self._bridge.to_loop(self._cancel, goal_handle)
        return CancelResponse.ACCEPT

    def _cancel(self, goal_handle: ServerGoalHandle) -> None:
        goal_id = bytes(goal_handle.goal_id.uuid)
        if goal_id in self._works:
            self._works[goal_id].cancel()
        elif goal_handle.is_active:
            self._canceled_early.add(goal_id)

    async def _execute(self, goal_handle: ServerGoalHandle) -> Any:
        end = await self._bridge.run_on_loop(
            lambda: self._work(goal_handle), f"a goal of {self._name}"
        )
        if end is not None and end.outcome is GoalOutcome.SUCCEEDED:
            goal_handle.succeed()
        elif goal_handle.is_cancel_requested:
            goal_handle.canceled()
        else:
            goal_handle.abort()
        return self._type.Result() if end is None else end.result

    async def _work(self, goal_handle: ServerGoalHandle) -> GoalEnd:
        goal_id = bytes(goal_handle.goal_id.uuid)
        goal = goal_handle.request
        if goal_id in self._canceled_early:
            self._canceled_early.discard(goal_id)
            return GoalEnd(GoalOutcome.CANCELED, await self._handler.canceled(goal))

        def feedback(message: Any) -> None:
            if goal_handle.is_active:
                goal_handle.publish_feedback(message)

        task = asyncio.ensure_future(self._handler.execute(goal, feedback))
        self._works[goal_id] = task
        try:
            await asyncio.wait({task})
        finally:
            del self._works[goal_id]
            if not task.done():
                task.cancel()
        if task.cancelled():
            return GoalEnd(GoalOutcome.CANCELED, await self._handler.canceled(goal))
        return task.result()


class GoalClient:
    """A client that waits under deadlines, and whose cancel ends when the goal has."""

    def __init__(
        self,
        bridge: Bridge,
        node: Node,
        action_type: Any,
        name: str,
        clock: CellTime,
        lost: Callable[[], bool],
    ) -> None:
        """Create the client.

        Args:
            bridge: The process' bridge.
            node: The node that asks.
            action_type: Type of the action.
            name: Name, relative to the node's namespace.
            clock: For the deadlines of goals.
            lost: Whether the server's process is known to have gone; then no answer is waited for.
        """
        self._bridge = bridge
        self._client = ActionClient(node, action_type, name)
        self.name = name if name.startswith("/") else f"{node.get_namespace().rstrip('/')}/{name}"
        self._clock = clock
        self._lost = lost

    async def ready(self, deadline: float) -> None:
        """Wait for the server.

        Raises:
            RosError: It is not there within ``deadline`` [s] of steady time.
        """
        await self._bridge.until_ready(
            self._client.server_is_ready, f"action server {self.name}", deadline
        )

    async def run(
        self, goal: Any, deadline: float, feedback: Callable[[Any], None] | None = None
    ) -> GoalEnd:
        """Send a goal and return how it ended; cancelling the awaiting task cancels the goal.

        Args:
            goal: Goal message.
            deadline: Cell time by which it must have ended [s].
            feedback: Called on the loop with each feedback message.

        Raises:
            RosError: The server did not answer, or the goal did not end in time (it is cancelled).
        """
        on_feedback = None
        if feedback is not None:
            deliver = feedback
            on_feedback = lambda message: self._bridge.to_loop(deliver, message.feedback)  # noqa: E731
        sending = asyncio.ensure_future(self._send(goal, on_feedback))
        try:
            handle = await asyncio.shield(sending)
        except asyncio.CancelledError:
            await self._after_cancel(self._abandon(sending))
            raise
        if not handle.accepted:
            return GoalEnd(GoalOutcome.REJECTED, None)
        return await self._result(handle, deadline)

    async def _send(self, goal: Any, on_feedback: Callable[[Any], None] | None) -> ClientGoalHandle:
        """Send a goal, again under the same id if no answer comes: the server takes an id once."""
        goal_id = UUID(uuid=list(uuid.uuid4().bytes))

        def request() -> RosFuture:
            return self._client.send_goal_async(
                goal, feedback_callback=on_feedback, goal_uuid=goal_id
            )

        what = f"a goal for {self.name}"
        try:
            return await self._bridge.ask(request, what, RESEND_AFTER)
        except NoAnswerError:
            log.warning("%s has not been answered, sending it again", what)
        handle = await self._bridge.ask(request, what, ANSWER_DEADLINE)
        if not handle.accepted:
            raise RosError(f"{what}: unknown whether it was taken, its answer was lost")
        return handle

    async def _result(self, handle: ClientGoalHandle, deadline: float) -> GoalEnd:
        ending = asyncio.ensure_future(
            self._bridge.ask(handle.get_result_async, f"the result of {self.name}", None)
        )
        try:
            response = await by_cell_time(self._clock, asyncio.shield(ending), deadline)
        except asyncio.CancelledError:
            await self._after_cancel(self._cancel(handle, ending))
            raise
        except asyncio.TimeoutError:
            await self._cancel(handle, ending)
            raise RosError(
                f"a goal of {self.name} had not ended by cell time {deadline:.2f} s; cancelled"
            ) from None
        return GoalEnd(_outcome(response.status), response.result)

    async def _abandon(self, sending: asyncio.Future[ClientGoalHandle]) -> None:
        """Cancel a goal whose acceptance is not known yet."""
        handle = await sending
        if handle.accepted:
            ending = asyncio.ensure_future(
                self._bridge.ask(handle.get_result_async, f"the result of {self.name}", None)
            )
            await self._cancel(handle, ending)

    async def _after_cancel(self, work: Awaitable[None]) -> None:
        """Finish a cancellation although this task is cancelled; a failure of it is logged."""
        task = asyncio.ensure_future(work)
        try:
            await asyncio.shield(task)
        except RosError as error:
            log.error("%s", error)

    async def _cancel(self, handle: ClientGoalHandle, ending: asyncio.Future[Any]) -> None:
        """Cancel a goal and wait until it has ended."""
        try:
            if self._lost():
                return
            response = await self._bridge.ask_again(
                handle.cancel_goal_async, f"the cancel of {self.name}", ANSWER_DEADLINE
            )
            ids = [bytes(info.goal_id.uuid) for info in response.goals_canceling]
            if bytes(handle.goal_id.uuid) not in ids and not ending.done():
                log.info("%s: nothing to cancel, the goal has just ended", self.name)
            await self._ended_or_lost(ending)
        finally:
            ending.cancel()

    async def _ended_or_lost(self, ending: asyncio.Future[Any]) -> None:
        """Wait for the end of a cancelled goal; there is none if the server's process goes.

        Raises:
            RosError: The server lives, and the goal has not ended in time.
        """
        deadline = self._bridge.loop.time() + CANCEL_DEADLINE
        while not ending.done() and not self._lost():
            if self._bridge.loop.time() > deadline:
                raise RosError(
                    f"a cancelled goal of {self.name} had not ended {CANCEL_DEADLINE:g} s later"
                )
            await asyncio.wait({ending}, timeout=_LOSS_PERIOD)


def _outcome(status: int) -> GoalOutcome:
    try:
        return GoalOutcome(status)
    except ValueError:
        raise RosError(f"a goal ended with the unexpected status {status}") from None
