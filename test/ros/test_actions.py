"""Action wrappers: states are owned, cancels are real, nothing waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from action_msgs.msg import GoalInfo
from action_msgs.srv import CancelGoal
from smart_cell_msgs.action import MoveTransporter
from unique_identifier_msgs.msg import UUID

from smart_cell.nodes.actions import GoalClient, GoalEnd, GoalOutcome, GoalServer
from smart_cell.nodes.bridge import RosError
from smart_cell.nodes.clock import CellTime
from support.ros import bridge, run, until


class Handler:
    """Works on a goal until it is let go; station ``nowhere`` is refused, ``broken`` raises."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.canceled_goals: list[str] = []
        self.go = asyncio.Event()

    def refuse(self, goal: MoveTransporter.Goal) -> str | None:
        return "no such station" if goal.station == "nowhere" else None

    async def execute(self, goal: MoveTransporter.Goal, feedback: Callable[[Any], None]) -> GoalEnd:
        self.begun.append(goal.station)
        feedback(MoveTransporter.Feedback(position=0.5))
        if goal.station == "broken":
            raise ValueError("broken on purpose")
        await self.go.wait()
        if goal.station == "abort":
            return GoalEnd(GoalOutcome.ABORTED, MoveTransporter.Result(code=7, message="no"))
        return GoalEnd(GoalOutcome.SUCCEEDED, MoveTransporter.Result(message="there"))

    async def canceled(self, goal: MoveTransporter.Goal) -> MoveTransporter.Result:
        self.canceled_goals.append(goal.station)
        return MoveTransporter.Result(code=1, message="canceled")


@asynccontextmanager
async def pair() -> AsyncIterator[tuple[Handler, GoalClient, CellTime]]:
    """Give a server's handler and a client of it."""
    async with bridge("one") as one:
        handler, clock = Handler(), CellTime()
        GoalServer(one, one.node("server"), MoveTransporter, "move", handler)
        client = GoalClient(one, one.node("client"), MoveTransporter, "move", clock, lambda: False)
        one.start()
        await client.ready(10.0)
        yield handler, client, clock


def goal(station: str) -> MoveTransporter.Goal:
    return MoveTransporter.Goal(station=station)


@pytest.mark.parametrize(
    ("station", "outcome", "message"),
    [("s1", GoalOutcome.SUCCEEDED, "there"), ("abort", GoalOutcome.ABORTED, "no")],
)
def test_a_goals_end_is_told_wrongly(station: str, outcome: GoalOutcome, message: str) -> None:
    async def test() -> None:
        async with pair() as (handler, client, _):
            handler.go.set()
            heard: list[float] = []
            end = await client.run(goal(station), 10.0, lambda note: heard.append(note.position))
            assert (end.outcome, end.result.message) == (outcome, message)
            await until(lambda: heard == [0.5], "feedback")

    run(test)


def test_a_refused_goal_is_executed() -> None:
    async def test() -> None:
        async with pair() as (handler, client, _):
            end = await client.run(goal("nowhere"), 10.0)
            assert end.outcome is GoalOutcome.REJECTED
            assert handler.begun == []

    run(test)


def test_cancelling_the_task_leaves_the_goal_running() -> None:
    async def test() -> None:
        async with pair() as (handler, client, _):
            task = asyncio.ensure_future(client.run(goal("s1"), 10.0))
            await until(lambda: handler.begun == ["s1"], "the goal's begin")
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert handler.canceled_goals == ["s1"]

    run(test)


def test_cancelling_before_the_acceptance_is_known_leaves_the_goal_running() -> None:
    async def test() -> None:
        async with pair() as (handler, client, _):
            task = asyncio.ensure_future(client.run(goal("s1"), 10.0))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert handler.canceled_goals == ["s1"]

    run(test)


def test_a_goal_outlives_its_deadline_in_cell_time() -> None:
    async def test() -> None:
        async with pair() as (handler, client, clock):
            task = asyncio.ensure_future(client.run(goal("s1"), 2.5))
            await until(lambda: handler.begun == ["s1"], "the goal's begin")
            clock.set(2.49)
            assert not task.done()
            clock.set(2.5)
            with pytest.raises(RosError, match=r"had not ended by cell time 2\.50 s"):
                await task
            assert handler.canceled_goals == ["s1"]

    run(test)


def test_an_exception_in_a_handler_leaves_the_client_waiting() -> None:
    async def test() -> None:
        async with pair() as (_, client, _):
            end = await client.run(goal("broken"), 10.0)
            assert end.outcome is GoalOutcome.ABORTED

    run(test)


def test_results_of_old_goals_are_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smart_cell.nodes.actions.RESULT_TIMEOUT", 1)

    async def test() -> None:
        async with bridge("one") as one:
            handler = Handler()
            handler.go.set()
            server = GoalServer(one, one.node("server"), MoveTransporter, "move", handler)
            node = one.node("client")
            client = GoalClient(one, node, MoveTransporter, "move", CellTime(), lambda: False)
            one.start()
            await client.ready(10.0)
            for _ in range(20):
                assert (await client.run(goal("s"), 10.0)).outcome is GoalOutcome.SUCCEEDED
            await until(lambda: not server._server._goal_handles, "results are forgotten", 10.0)

    run(test)


def test_a_foreign_cancel_is_reported_but_not_done() -> None:
    async def test() -> None:
        async with pair() as (handler, client, _), bridge("other") as other:
            canceler = other.node("other").create_client(CancelGoal, "/move/_action/cancel_goal")
            other.start()
            await other.until_ready(canceler.service_is_ready, "cancel service", 10.0)
            # A first answer may be lost; this one says that there is no such goal.
            nothing = CancelGoal.Request(goal_info=GoalInfo(goal_id=UUID(uuid=[1] * 16)))
            assert not (await other.call(canceler, nothing)).goals_canceling
            task = asyncio.ensure_future(client.run(goal("s1"), 10.0))
            await until(lambda: handler.begun == ["s1"], "the goal's begin")
            response = await other.call(canceler, CancelGoal.Request())
            assert len(response.goals_canceling) == 1
            end = await task
            assert (end.outcome, end.result.message) == (GoalOutcome.CANCELED, "canceled")

    run(test)
