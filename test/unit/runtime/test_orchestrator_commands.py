"""The orchestrator under orders, cancellations, stops and broken devices while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import MotionOutcome, MotionResult, SkillResult
from smart_cell.production.errors import OrderCode
from smart_cell.production.packml import State
from smart_cell.runtime.orchestrator import Orchestrator, Outcome
from support.fake_cell import FakeCell, kit, settle
from support.virtual_loop import run_virtual


@pytest.fixture(scope="module")
def kitting() -> Cell:
    return load_cell("kitting")


def each_its_side(arm: str, pose: Pose) -> bool:
    return -1.4 < pose.xyz[0] < 0.0 if arm == "left_arm" else 0.0 < pose.xyz[0] < 1.4


@pytest.fixture
def fake(kitting: Cell) -> FakeCell:
    return FakeCell(kitting, kitting.description.supply, each_its_side)


async def started(
    fake: FakeCell, seconds: float, count: int = 2, **fields: Any
) -> tuple[Orchestrator, asyncio.Task[Outcome]]:
    """Return an orchestrator that has worked on sample orders for some seconds."""
    orchestrator = fake.orchestrator(fake.cell.job().orders[:count], **fields)
    task = asyncio.ensure_future(orchestrator.run())
    await settle(fake.clock, seconds)
    return orchestrator, task


def test_stop_ends_the_skills_and_the_run(fake: FakeCell) -> None:
    async def main() -> None:
        orchestrator, task = await started(fake, 12.0)
        assert fake.running
        began = fake.clock.now()
        orchestrator.stop("Ctrl-C")
        outcome = await task
        assert outcome == Outcome(False, "Ctrl-C")
        assert fake.clock.now() - began < 1.0
        assert fake.running == {}
        assert orchestrator.state is State.STOPPED
        assert [entry.state.value for entry in orchestrator.book.entries()] == ["started"] * 2

    run_virtual(main())
    assert [event["reason"] for event in fake.events.of("stop")] == ["Ctrl-C"]


def test_cancelling_the_run_stops_the_skills(fake: FakeCell) -> None:
    async def main() -> None:
        orchestrator, task = await started(fake, 12.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert fake.running == {}
        assert orchestrator.state is State.STOPPED

    run_virtual(main())


def test_abort_ends_in_aborted_until_it_is_cleared(fake: FakeCell) -> None:
    async def main() -> None:
        orchestrator, task = await started(fake, 5.0)
        assert not orchestrator.command("clear").accepted
        assert orchestrator.command("abort").accepted
        assert (await task).reason == "abort commanded"
        assert orchestrator.state is State.ABORTED
        assert "possible: clear" in orchestrator.command("stop").message
        assert orchestrator.command("clear").accepted
        assert orchestrator.state is State.STOPPED
        assert "allowed: stop, abort, clear" in orchestrator.command("dance").message

    run_virtual(main())


def test_order_that_comes_while_the_cell_runs_is_worked(fake: FakeCell) -> None:
    async def main() -> None:
        orchestrator, task = await started(fake, 5.0, count=1)
        answer = await orchestrator.submit(kit("late", [("gear", "red", "1")]))
        assert answer.accepted
        again = await orchestrator.submit(kit("late", [("gear", "red", "1")]))
        assert again == answer
        other = await orchestrator.submit(kit("late", [("gear", "blue", "1")]))
        assert other.code is OrderCode.SAME_ORDER_UPDATE_ID
        assert (await task).ok
        late = await orchestrator.submit(kit("too-late", [("gear", "red", "1")]))
        assert late.code is OrderCode.NOT_ACCEPTING

    run_virtual(main())
    assert fake.status("late") == "done"
    assert fake.status("kit-1") == "done"


def test_bad_order_is_refused_and_the_others_go_on(fake: FakeCell) -> None:
    bad = kit("bad", [("gear", "pink", "1"), ("gear", "red", "9"), ("cog", "red", "2")])
    outcome = run_virtual(fake.work([bad, *fake.cell.job().orders[:1]]))
    assert outcome == Outcome(False, "bad refused")
    assert fake.status("kit-1") == "done"
    (refused,) = fake.events.of("order_refused")
    assert "products[0].color: no gear in 'pink'; colours: red, blue" in refused["reason"]
    assert "products[1].slot: no slot '9'; slots: 1, 2, 3, 4" in refused["reason"]
    assert "products[2].type: unknown part type 'cog'" in refused["reason"]


def test_slot_out_of_reach_is_refused_and_those_within_reach_are_named(kitting: Cell) -> None:
    # the back row of the trays (slots 3 and 4, y < -0.5) is out of everybody's reach
    fake = FakeCell(
        kitting,
        kitting.description.supply,
        lambda arm, pose: each_its_side(arm, pose) and pose.xyz[1] > -0.5,
    )
    order = kit("k", [("gear", "red", "1"), ("gear", "blue", "4")])
    assert not run_virtual(fake.work([order])).ok
    (refused,) = fake.events.of("order_refused")
    assert "products[1].slot: no arm that handles parts reaches slot '4'" in refused["reason"]
    assert "within reach: outfeed_left/1, outfeed_left/2, outfeed_right/1" in refused["reason"]


def test_order_whose_slots_no_single_tray_offers_fails_with_a_reason(kitting: Cell) -> None:
    def crossed(arm: str, pose: Pose) -> bool:
        """On the left tray only the front row is within reach, on the right one the back row."""
        front = pose.xyz[1] > -0.5
        return each_its_side(arm, pose) and (front if arm == "left_arm" else not front)

    fake = FakeCell(kitting, kitting.description.supply, crossed)
    order = kit("k", [("gear", "red", "1"), ("gear", "blue", "4")])
    assert not run_virtual(fake.work([order])).ok
    (end,) = fake.events.of("order_ended")
    assert "no transporter has a tray with all of its slots" in end["reason"]


def test_cancelled_order_ends_and_the_other_is_unaffected(fake: FakeCell) -> None:
    async def main() -> None:
        orchestrator, task = await started(fake, 14.0)
        assert (await orchestrator.cancel("kit-1")).accepted
        assert await task == Outcome(True)
        assert (await orchestrator.cancel("kit-1")).code is OrderCode.ORDER_ENDED
        assert (await orchestrator.cancel("nobody")).code is OrderCode.UNKNOWN_ORDER

    run_virtual(main())
    assert (fake.status("kit-1"), fake.status("kit-2")) == ("cancelled", "done")
    statuses = [e["status"] for e in fake.events.of("product_ended", order_id="kit-1")]
    assert "done" in statuses  # what was placed stays
    assert "failed" in statuses
    assert all(gripper.held is None for gripper in fake.grippers.values())


def test_order_is_cancelled_before_it_is_started(fake: FakeCell) -> None:
    async def main() -> None:
        orchestrator, task = await started(fake, 5.0, count=4)
        await orchestrator.cancel("kit-4")
        assert (await task).ok

    run_virtual(main())
    assert fake.events.of("order_started", order_id="kit-4") == []
    assert fake.status("kit-4") == "cancelled"


def test_next_order_does_not_inherit_the_parts_of_a_cancelled_one(fake: FakeCell) -> None:
    async def main() -> None:
        orders = [
            order.model_copy(update={"transporter": "outfeed_left"})
            for order in fake.cell.job().orders[:2]
        ]
        orchestrator = fake.orchestrator(orders)
        task = asyncio.ensure_future(orchestrator.run())
        await settle(fake.clock, 25.0)
        assert fake.transporters["outfeed_left"].content
        await orchestrator.cancel("kit-1")
        assert (await task).ok

    run_virtual(main())
    wanted = {p.slot: (p.type, p.color) for p in fake.cell.job().orders[1].products}
    _, content = fake.transporters["outfeed_left"].delivered[-1]
    assert {slot: (part.type, part.color) for slot, part in content.items()} == wanted


def test_time_limit_ends_what_is_open_as_failed(fake: FakeCell) -> None:
    async def main() -> None:
        _, task = await started(fake, 1.0, count=6, time_limit=40.0)
        assert not (await task).ok

    run_virtual(main())
    assert fake.events.all[-1]["t"] == pytest.approx(40.0, abs=0.5)
    reasons = {event["reason"] for event in fake.events.of("order_ended", status="failed")}
    assert reasons == {"the time limit of 40 s was reached"}


def test_broken_transporter_fails_its_order_and_the_others_use_another(fake: FakeCell) -> None:
    fake.transporters["outfeed_left"].broken = True
    outcome = run_virtual(fake.work(fake.cell.job().orders[:3]))
    assert not outcome.ok
    assert [fake.status(f"kit-{n}") for n in (1, 2, 3)] == ["failed", "done", "done"]
    (fault,) = fake.events.of("fault")
    assert fault["code"] == "transporter_failed"
    assert "drive fault" in fault["text"]


def test_orders_for_a_broken_transporter_fail_with_the_reason(fake: FakeCell) -> None:
    fake.transporters["outfeed_left"].broken = True
    orders = [
        order.model_copy(update={"transporter": "outfeed_left"})
        for order in fake.cell.job().orders[:2]
    ]
    assert not run_virtual(fake.work(orders)).ok
    (end,) = fake.events.of("order_ended", order_id="kit-2")
    assert "no transporter that can carry it works any more" in end["reason"]


def test_move_that_fails_once_is_repeated(fake: FakeCell) -> None:
    transporter = fake.transporters["outfeed_left"]
    move, failed = transporter.move, []

    async def once_broken(station: str) -> MotionResult:
        if not failed:
            failed.append(station)
            return MotionResult(MotionOutcome.ABORTED, "hiccup")
        return await move(station)

    transporter.move = once_broken  # type: ignore[method-assign]
    assert run_virtual(fake.work(fake.cell.job().orders[:1])).ok
    assert failed == ["out"]


def test_error_in_a_skill_that_is_not_ours_aborts_the_cell(fake: FakeCell) -> None:
    def script(arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult | None:
        raise ZeroDivisionError("a mistake in a skill")

    fake.script = script
    orchestrators = []

    async def main() -> None:
        orchestrators.append(fake.orchestrator(fake.cell.job().orders[:2]))
        await orchestrators[0].run()

    with pytest.raises(ZeroDivisionError):
        run_virtual(main())
    assert orchestrators[0].state is State.ABORTED
    assert fake.events.of("fault")[0]["code"] == "internal_error"


def test_every_step_is_committed_with_intent_and_end(fake: FakeCell) -> None:
    stored: list[tuple[str, str, str]] = []

    async def main() -> None:
        orchestrator = fake.orchestrator(fake.cell.job().orders[:1])
        worker = orchestrator._dispatcher._worker
        commit = worker._store.commit

        async def spy(kind: str, key: str, record: Mapping[str, Any]) -> None:
            stored.append((kind, key, record["state"]))
            await commit(kind, key, record)

        worker._store.commit = spy  # type: ignore[method-assign]
        assert (await orchestrator.run()).ok

    run_virtual(main())
    steps = [(key, state) for kind, key, state in stored if kind == "step"]
    keys = list(dict.fromkeys(key for key, _ in steps))
    assert len(keys) == 4
    for key in keys:
        assert [state for k, state in steps if k == key] == ["intent", "done"]


def test_inspection_that_does_not_answer_is_told_and_does_not_hang(fake: FakeCell) -> None:
    inspect, silent = fake.inspect, [False]

    async def mute(transporter: str) -> Any:
        if silent[0]:
            await asyncio.get_running_loop().create_future()
        return await inspect(transporter)

    fake.inspect = mute  # type: ignore[method-assign]

    def script(arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult | None:
        silent[0] = skill == "place"
        return None

    fake.script = script
    assert not run_virtual(fake.work(fake.cell.job().orders[:1])).ok
    assert fake.events.of("fault")[0]["code"] == "inspection_failed"
    assert "did not end before" in fake.events.of("order_ended")[0]["reason"]
