"""Nodes of control and cell with stand-ins behind them: skills, parts, orders, events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from smart_cell_msgs.msg import CellState, Orders, Parts
from smart_cell_msgs.srv import CancelOrder, Command, SubmitOrder

from smart_cell.model.cell import load_cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.orders import KittingOrder
from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge, Fault
from smart_cell.nodes.cell_node import MALFORMED_ORDER, CellNode
from smart_cell.nodes.clock import CellTime
from smart_cell.nodes.conversions import parts_to_message
from smart_cell.nodes.events import RosEvents, gather
from smart_cell.nodes.motion_node import CODES, MotionNode
from smart_cell.nodes.remote_skills import RosParts, RosSkills
from smart_cell.production.errors import Acknowledgement, OrderCode
from smart_cell.production.packml import State
from smart_cell.runtime.orchestrator import CommandAnswer
from support.ros import bridge, run, until

ARM = "left_arm"


@dataclass
class Skills:
    """Ends each skill as its parameters say; ``wait`` goes on until it is cancelled."""

    running: bool = False
    stopped: bool = False

    async def run(self, arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        if skill == "break":
            raise SmartCellError("broken on purpose")
        if skill == "wait":
            self.running = True
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self.stopped = True
        return SkillResult(SkillOutcome(skill), parameters.get("why", ""), {"n": 1})


@dataclass
class Rig:
    bridge: Bridge
    clock: CellTime
    skills: Skills
    remote: RosSkills
    parts: RosParts
    node: MotionNode
    heard: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    blocked: str = ""


async def rig(one: Bridge) -> Rig:
    """Return a skill server with its client."""
    clock, skills = CellTime(), Skills()
    clock.set(3.0)
    server = one.node("server")
    events = RosEvents(one, server, clock)
    publisher = one.publisher(server, Parts, "/parts", qos.STATE)
    parts = RosParts(one, clock)
    result: Rig
    node = MotionNode(
        one,
        load_cell("kitting"),
        ARM,
        skills,
        clock,
        events,
        lambda: result.blocked,
        lambda: publisher.publish(parts_to_message([], [], clock.now())),
    )
    remote = RosSkills(one, one.node("client"), [ARM], parts, clock, lambda: False)
    result = Rig(one, clock, skills, remote, parts, node)
    events_of_others = result.heard
    one.process = "listener"  # so that its own events count as another process'
    gather(one, lambda time, kind, fields: events_of_others.append((kind, fields)))
    one.start()
    publisher.publish(parts_to_message([], [], 3.0))
    await remote.ready(10.0)
    await parts.ready(10.0)
    return result


@pytest.mark.parametrize("outcome", list(SkillOutcome))
def test_a_skills_end_is_told_wrongly(outcome: SkillOutcome) -> None:
    async def test() -> None:
        async with bridge("control") as one:
            it = await rig(one)
            end = await it.remote.run(ARM, outcome.value, {"why": "because"})
            assert (end.outcome, end.message, dict(end.data)) == (outcome, "because", {"n": 1})

    run(test)


def test_two_outcomes_have_one_code() -> None:
    assert len(set(CODES.values())) == len(SkillOutcome)
    assert CODES[SkillOutcome.DONE] == 0


def test_a_cancelled_skill_goes_on() -> None:
    async def test() -> None:
        async with bridge("control") as one:
            it = await rig(one)
            task = asyncio.ensure_future(it.remote.run(ARM, "wait", {}))
            await until(lambda: it.skills.running, "the skill runs")
            refused = await it.remote.run(ARM, "done", {})
            assert refused.outcome is SkillOutcome.FAILED
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert it.skills.stopped

    run(test)


def test_a_stop_of_the_process_leaves_the_skills_client_waiting() -> None:
    async def test() -> None:
        async with bridge("control") as one:
            it = await rig(one)
            task = asyncio.ensure_future(it.remote.run(ARM, "wait", {}))
            await until(lambda: it.skills.running, "the skill runs")
            it.node.stop("the process ends")
            end = await asyncio.wait_for(task, 5.0)
            assert (end.outcome, end.message) == (SkillOutcome.CANCELED, "the process ends")

    run(test)


def test_a_failing_skill_is_not_told_as_a_fault() -> None:
    async def test() -> None:
        async with bridge("control") as one:
            it = await rig(one)
            end = await it.remote.run(ARM, "break", {})
            assert (end.outcome, end.message) == (SkillOutcome.FAILED, "broken on purpose")
            await until(lambda: bool(it.heard), "the fault")
            kind, fields = it.heard[0]
            assert (kind, fields["code"], fields["source"]) == ("fault", "skill_failed", ARM)

    run(test)


def test_a_blocked_process_takes_skills() -> None:
    async def test() -> None:
        async with bridge("control") as one:
            it = await rig(one)
            it.blocked = "process cell is not alive"
            assert (await it.remote.run(ARM, "done", {})).outcome is SkillOutcome.FAILED

    run(test)


def test_a_fault_is_not_gathered() -> None:
    async def test() -> None:
        async with bridge("control") as one:
            it = await rig(one)
            events = RosEvents(one, one.node("other"), it.clock)
            one.process = "listener"
            object.__setattr__(events, "_source", "simulation")
            events.fault(Fault("simulation", "x", "broken"))
            await until(lambda: len(it.heard) == 1, "the fault")
            assert it.heard[0][1] == {"source": "simulation", "code": "x", "text": "broken"}

    run(test)


# ---------------------------------------------------------------------- orders


@dataclass
class Entry:
    order: KittingOrder
    state: Any
    reason: str = ""

    @property
    def order_id(self) -> str:
        return self.order.order_id


@dataclass
class Book:
    kept: list[Entry] = field(default_factory=list)

    def entries(self) -> list[Entry]:
        return self.kept


@dataclass
class Status:
    value: str


@dataclass
class Brain:
    """Stands in for the orchestrator: keeps what comes."""

    book: Book = field(default_factory=Book)
    state: State = State.EXECUTE

    async def submit(self, order: KittingOrder) -> Acknowledgement:
        if any(entry.order_id == order.order_id for entry in self.book.kept):
            code = OrderCode.SAME_ORDER_UPDATE_ID
            return Acknowledgement(False, code, "other content", order.order_id, 0)
        self.book.kept.append(Entry(order, Status("open")))
        return Acknowledgement(True, OrderCode.ACCEPTED, "", order.order_id, 0)

    async def cancel(self, order_id: str) -> Acknowledgement:
        return Acknowledgement(False, OrderCode.UNKNOWN_ORDER, "no such order", order_id, 0)

    def command(self, name: str) -> CommandAnswer:
        return CommandAnswer(name == "stop", "" if name == "stop" else "allowed: stop")


ORDER = {
    "order_id": "o1",
    "destination": "out",
    "products": [{"type": "gear", "color": "red", "slot": "1"}],
}


def test_orders_are_not_taken_refused_or_shown_over_ros() -> None:
    async def test() -> None:
        async with bridge("cell") as one:
            clock, brain = CellTime(), Brain()
            node = CellNode(one, brain, clock)  # type: ignore[arg-type]
            client = one.node("client")
            submit = client.create_client(SubmitOrder, "submit_order")
            cancel = client.create_client(CancelOrder, "cancel_order")
            command = client.create_client(Command, "command")
            orders, states = list[Orders](), list[CellState]()
            one.subscribe(Orders, "/orders", qos.STATE, orders.append)
            one.subscribe(CellState, "/state", qos.STATE, states.append)
            one.start()
            for service in (submit, cancel, command):
                await one.until_ready(service.service_is_ready, service.srv_name, 10.0)
            answer = await one.call(submit, SubmitOrder.Request(order=json.dumps(ORDER)))
            assert (answer.accepted, answer.code) == (True, 0)
            answer = await one.call(submit, SubmitOrder.Request(order=json.dumps(ORDER)))
            assert (answer.accepted, answer.code) == (False, 1001)
            for text, reason in (
                ("order_id: [", "order:2:1: not YAML"),
                ("just words", "must hold keys and values"),
                ('{"order_id": "o2", "colour": 1}', "order:1:20: colour: unknown key"),
                ('{"order_id": "o2", "order_id": "o3"}', "given twice"),
                ("x" * 200_001, "allowed are 200000"),
                ("[" * 5000, "nested deeper"),
            ):
                answer = await one.call(submit, SubmitOrder.Request(order=text))
                assert (answer.accepted, answer.code) == (False, MALFORMED_ORDER)
                assert reason in answer.message
            answer = await one.call(cancel, CancelOrder.Request(order_id="nobody"))
            assert (answer.accepted, answer.code) == (False, 1005)
            assert (await one.call(command, Command.Request(command="stop"))).accepted
            assert not (await one.call(command, Command.Request(command="dance"))).accepted
            node.publish()
            await until(lambda: bool(orders and states), "orders and state")
            assert [(o.order_id, o.status) for o in orders[0].orders] == [("o1", "open")]
            assert states[0].state == CellState.EXECUTE

    run(test)
