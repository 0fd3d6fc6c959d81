"""The orchestrator on a cell without physics, in virtual time: whole orders, retries, ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import SkillOutcome, SkillResult, TrackedPart
from smart_cell.model.supply import BeltPart, BeltSupply, PartPlacement, Supply, TrayPlacement
from support.fake_cell import FakeCell, after, kit
from support.virtual_loop import run_virtual

BLUE_BATTERY = ("battery", "blue")
PURPLE_PUMP = ("pump", "purple")


@pytest.fixture(scope="module")
def kitting() -> Cell:
    return load_cell("kitting")


@pytest.fixture(scope="module")
def ariac() -> Cell:
    return load_cell("ariac")


def each_its_side(arm: str, pose: Pose) -> bool:
    """The kitting cell's arms: the left one reaches x in -1.4..0, the right one 0..1.4."""
    return -1.4 < pose.xyz[0] < 0.0 if arm == "left_arm" else 0.0 < pose.xyz[0] < 1.4


def anything(arm: str, pose: Pose) -> bool:
    return True


def nist(arm: str, pose: Pose) -> bool:
    """The ARIAC robots: the floor robot reaches x >= -2.55, the ceiling robot nothing low."""
    return pose.xyz[0] >= -2.55 if arm == "floor_robot" else pose.xyz[2] > 0.75


def in_bins(*kinds: tuple[str, str, str, str], trays: bool = True, flipped: bool = False) -> Supply:
    """Parts in bins (bin, slot, type, colour) and trays 3 and 8 on the tables."""
    return Supply(
        trays=(
            (
                TrayPlacement(tray_id=3, table="kts1", slot="1"),
                TrayPlacement(tray_id=8, table="kts2", slot="4"),
            )
            if trays
            else ()
        ),
        parts=tuple(
            PartPlacement(place=b, slot=s, type=t, color=c, flipped=flipped) for b, s, t, c in kinds
        ),
    )


SMOKE = in_bins(
    *(("bin2", slot, *PURPLE_PUMP) for slot in "1379"),
    *(("bin6", slot, *BLUE_BATTERY) for slot in "1379"),
)


def smoke_kit(order_id: str = "MMB30H56", **fields: Any) -> Any:
    fields = {"transporter": "agv4", "tray_id": 3, **fields}
    return kit(order_id, [(*BLUE_BATTERY, "3"), (*PURPLE_PUMP, "1")], "warehouse", **fields)


def failing(skill: str, outcome: SkillOutcome, times: int, arm: str | None = None) -> Any:
    """A script: the first ``times`` runs of a skill end badly."""
    left = [times]

    def script(who: str, what: str, _: Mapping[str, Any]) -> SkillResult | None:
        if what == skill and arm in (None, who) and left[0] > 0:
            left[0] -= 1
            return SkillResult(outcome, "scripted")
        return None

    return script


def test_six_sample_kits_from_the_belt_are_delivered(kitting: Cell) -> None:
    job = kitting.job()
    fake = FakeCell(kitting, job.supply, each_its_side)
    outcome = run_virtual(fake.work(job.orders))
    assert outcome.ok, outcome.reason
    delivered = [tray for t in fake.transporters.values() for tray in t.delivered]
    assert len(delivered) == 6
    found = sorted(
        tuple(sorted((slot, part.type, part.color) for slot, part in content.items()))
        for _, content in delivered
    )
    wanted = sorted(
        tuple(sorted((p.slot, p.type, p.color) for p in order.products)) for order in job.orders
    )
    assert found == wanted
    assert all(t.station == t.cell.description.transporters[t.name].home or t.delivered
               for t in fake.transporters.values())  # fmt: skip


def test_same_job_gives_the_same_events_twice(kitting: Cell) -> None:
    job = kitting.job()
    logs = []
    for _ in range(2):
        fake = FakeCell(kitting, job.supply, each_its_side)
        run_virtual(fake.work(job.orders))
        logs.append(fake.events.all)
    assert logs[0] == logs[1]


def test_events_of_an_order_come_in_their_order(kitting: Cell) -> None:
    job = kitting.job()
    fake = FakeCell(kitting, job.supply, each_its_side)
    run_virtual(fake.work(job.orders[:1]))
    kinds = [event["kind"] for event in fake.events.all]
    assert kinds == [
        *["state"] * 3,
        "state",
        "order_announced",
        "order_started",
        "tray_locked",
        *["product_assigned"] * 4,
        "transporter_arrived",
        "order_submitted",
        *["product_ended"] * 4,
        "order_ended",
        *["state"] * 2,
    ]
    names = [event["name"] for event in fake.events.of("state")]
    assert names == ["Resetting", "Idle", "Starting", "Execute", "Stopping", "Stopped"]


def test_tray_is_fetched_with_a_tool_change_and_scores_the_maximum(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    outcome = run_virtual(fake.work([smoke_kit()], "ariac2024"))
    assert outcome.ok, outcome.reason
    skills = [(arm, skill) for arm, skill, _ in fake.skills_run]
    assert {arm for arm, _ in skills} == {"floor_robot"}
    assert [skill for _, skill in skills][:4] == [
        "change_tool",
        "pick_tray",
        "place_tray",
        "change_tool",
    ]
    (end,) = fake.events.of("order_ended")
    assert end["score"] == {"points": 9, "maximum": 9}
    assert fake.skills_run[1][2] == {"tray": "t1"}


def test_ceiling_robot_picks_only_what_the_floor_robot_cannot_reach(ariac: Cell) -> None:
    # bin3 slot 1 is beyond the floor robot, bin2 is not
    supply = in_bins(("bin3", "1", *PURPLE_PUMP), ("bin2", "1", *BLUE_BATTERY))
    fake = FakeCell(ariac, supply, nist)
    assert run_virtual(fake.work([smoke_kit()])).ok
    who = {event["slot"]: event["arm"] for event in fake.events.of("product_assigned")}
    assert who == {"1": "ceiling_robot", "3": "floor_robot"}


def test_filled_tray_that_fits_is_used_as_it_is(ariac: Cell) -> None:
    supply = Supply(
        trays=(TrayPlacement(tray_id=3, table="kts1", slot="1"),),
        loaded_trays={"agv4": 3},
        parts=(
            PartPlacement(place="agv4", slot="1", type="pump", color="purple"),
            PartPlacement(place="agv4", slot="3", type="battery", color="blue"),
        ),
    )
    fake = FakeCell(ariac, supply, nist)
    assert run_virtual(fake.work([smoke_kit()], "ariac2024")).ok
    assert fake.skills_run == []
    (end,) = fake.events.of("order_ended")
    assert end["score"] == {"points": 9, "maximum": 9}


def test_wrong_tray_on_the_transporter_leaves_before_the_right_one_is_fetched(ariac: Cell) -> None:
    supply = SMOKE.model_copy(update={"loaded_trays": {"agv4": 5}})
    fake = FakeCell(ariac, supply, nist)
    assert run_virtual(fake.work([smoke_kit()], "ariac2024")).ok
    assert [tray for tray, _ in fake.transporters["agv4"].delivered] == [5, 3]


def test_not_attached_is_retried_with_another_instance(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    fake.script = failing("pick", SkillOutcome.NOT_ATTACHED, 2)
    assert run_virtual(fake.work([smoke_kit()])).ok
    tried = [event["part_id"] for event in fake.events.of("product_assigned")]
    assert len(tried) == len(set(tried)) == 4


def test_three_failures_make_the_kit_partial_with_the_reason(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)

    def script(arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult | None:
        part = fake.static.get(str(parameters.get("part_id")))
        if skill == "pick" and part is not None and part.type == "pump":
            return SkillResult(SkillOutcome.NOT_ATTACHED, "no vacuum")
        return None

    fake.script = script
    outcome = run_virtual(fake.work([smoke_kit()], "ariac2024"))
    assert not outcome.ok
    assert fake.status("MMB30H56") == "partial"
    (product,) = fake.events.of("product_ended", slot="1")
    assert product["status"] == "failed"
    assert "3 attempts failed" in product["reason"]
    assert "no vacuum" in product["reason"]
    (end,) = fake.events.of("order_ended")
    assert end["score"] == {"points": 4, "maximum": 9}


def test_part_that_is_lost_on_the_way_is_replaced(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    lost = failing("place", SkillOutcome.LOST, 1)

    def script(arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult | None:
        result = lost(arm, skill, parameters)
        if result is not None:
            fake.grippers["floor_gripper"].held = None
        return result

    fake.script = script
    assert run_virtual(fake.work([smoke_kit()], "ariac2024")).ok
    assert len(fake.events.of("product_assigned")) == 3


def test_bins_without_the_part_end_partial_and_say_so(ariac: Cell) -> None:
    supply = in_bins(("bin2", "1", *PURPLE_PUMP))
    fake = FakeCell(ariac, supply, nist)
    run_virtual(fake.work([smoke_kit()]))
    (product,) = fake.events.of("product_ended", slot="3")
    assert product["reason"] == "no blue battery left: none is in view"
    assert fake.status("MMB30H56") == "partial"
    assert fake.clock is not None
    assert fake.events.all[-1]["t"] < 60.0


def test_flipped_parts_are_not_used_and_the_reason_says_so(ariac: Cell) -> None:
    supply = in_bins(("bin2", "1", *PURPLE_PUMP), ("bin6", "1", *BLUE_BATTERY), flipped=True)
    fake = FakeCell(ariac, supply, nist)
    run_virtual(fake.work([smoke_kit()]))
    (product,) = fake.events.of("product_ended", slot="3")
    assert "1 in view upside down" in product["reason"]
    assert fake.status("MMB30H56") == "failed"
    assert "0 products are on the tray" in fake.events.of("order_ended")[0]["reason"]


def test_part_beyond_every_arm_is_told_as_such(ariac: Cell) -> None:
    supply = in_bins(("bin3", "1", *PURPLE_PUMP), ("bin2", "1", *BLUE_BATTERY))
    fake = FakeCell(ariac, supply, lambda arm, pose: arm == "floor_robot" and nist(arm, pose))
    run_virtual(fake.work([smoke_kit()]))
    (product,) = fake.events.of("product_ended", slot="1")
    assert "1 in view cannot be brought to the slot by any arm" in product["reason"]


def belt(*kinds: tuple[str, str], **fields: Any) -> Supply:
    parts = tuple(BeltPart(type=t, color=c) for t, c in kinds)
    return Supply(belts=(BeltSupply(conveyor="infeed", period_s=2.0, parts=parts, **fields),))


def test_belt_that_never_brings_the_part_does_not_hang(kitting: Cell) -> None:
    fake = FakeCell(kitting, belt(("gear", "red"), ("housing", "blue")), each_its_side)
    order = kit("k", [("gear", "red", "1"), ("valve", "green", "2")])
    run_virtual(fake.work([order]))
    assert fake.status("k") == "partial"
    assert fake.events.all[-1]["t"] < 120.0


def test_belt_supply_that_has_ended_is_not_waited_for(kitting: Cell) -> None:
    fake = FakeCell(kitting, belt(("gear", "red"), limit=2), each_its_side)
    order = kit("k", [("gear", "red", slot) for slot in "1234"])
    run_virtual(fake.work([order]))
    assert fake.status("k") == "partial"
    ended = fake.events.of("product_ended", order_id="k")
    assert [event["status"] for event in ended].count("done") == 2
    assert fake.events.all[-1]["t"] < 120.0


def test_part_that_comes_late_on_the_belt_is_waited_for(kitting: Cell) -> None:
    kinds = [("housing", "blue")] * 29 + [("gear", "red")]
    fake = FakeCell(kitting, belt(*kinds), each_its_side)
    assert run_virtual(fake.work([kit("k", [("gear", "red", "1")])])).ok


def test_two_orders_on_one_transporter_come_one_after_the_other(kitting: Cell) -> None:
    job = kitting.job()
    fake = FakeCell(kitting, job.supply, each_its_side)
    orders = [order.model_copy(update={"transporter": "outfeed_left"}) for order in job.orders[:2]]
    assert run_virtual(fake.work(orders)).ok
    first_end = fake.events.of("order_ended", order_id="kit-1")[0]["t"]
    assert fake.events.of("order_started", order_id="kit-2")[0]["t"] > first_end


def test_orders_on_different_transporters_run_side_by_side(kitting: Cell) -> None:
    job = kitting.job()
    fake = FakeCell(kitting, job.supply, each_its_side)
    assert run_virtual(fake.work(job.orders[:2])).ok
    started = [event["t"] for event in fake.events.of("order_started")]
    assert started[0] == started[1]
    assert {e["arm"] for e in fake.events.of("product_assigned")} == {"left_arm", "right_arm"}


def test_priority_order_is_served_first_at_the_next_step_boundary(ariac: Cell) -> None:
    late = smoke_kit("urgent", transporter="agv1", tray_id=8, priority=1,
                     announcement=after(placed=("agv4", "battery", "blue")))  # fmt: skip
    fake = FakeCell(ariac, SMOKE, nist)
    products = [(*BLUE_BATTERY, "1"), (*BLUE_BATTERY, "2"), (*PURPLE_PUMP, "3")]
    first = kit("first", products, "warehouse", transporter="agv4", tray_id=3)
    assert run_virtual(fake.work([first, late], "ariac2024")).ok
    submitted = [event["order_id"] for event in fake.events.of("order_submitted")]
    assert submitted == ["urgent", "first"]
    scores = [event["score"]["points"] for event in fake.events.of("order_ended")]
    assert scores == [27, 13]


def test_order_waits_for_the_submission_of_another(ariac: Cell) -> None:
    second = smoke_kit("second", transporter="agv1", tray_id=8,
                       announcement=after(submitted="MMB30H56"))  # fmt: skip
    fake = FakeCell(ariac, SMOKE, nist)
    assert run_virtual(fake.work([second, smoke_kit()])).ok
    submitted = fake.events.of("order_submitted", order_id="MMB30H56")[0]["t"]
    assert fake.events.of("order_announced", order_id="second")[0]["t"] >= submitted


def test_order_is_announced_at_its_time(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    assert run_virtual(fake.work([smoke_kit(announcement=after(time_s=100.0))])).ok
    assert fake.events.of("order_announced")[0]["t"] == 100.0


def test_order_whose_condition_never_comes_fails_and_does_not_hang(ariac: Cell) -> None:
    never = smoke_kit("never", announcement=after(submitted="unknown"))
    fake = FakeCell(ariac, SMOKE, nist)
    assert not run_virtual(fake.work([smoke_kit(), never])).ok
    assert fake.status("MMB30H56") == "done"
    assert "never announced" in fake.events.of("order_ended", order_id="never")[0]["reason"]


def test_missing_tray_fails_the_order_with_a_reason(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    fake.tray_list.clear()
    assert not run_virtual(fake.work([smoke_kit()])).ok
    assert "no tray 3 on a table" in fake.events.of("order_ended")[0]["reason"]


def test_arm_whose_skills_fail_twice_is_disabled_and_the_other_goes_on(kitting: Cell) -> None:
    job = kitting.job()
    fake = FakeCell(kitting, job.supply, anything)
    fake.script = failing("pick", SkillOutcome.FAILED, 1000, "left_arm")
    assert run_virtual(fake.work(job.orders)).ok
    faults = [event["code"] for event in fake.events.of("fault", source="left_arm")]
    assert faults == ["skill_failed", "skill_failed", "arm_disabled"]


def test_orders_fail_with_a_reason_when_no_arm_is_left(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    fake.script = failing("pick_tray", SkillOutcome.FAILED, 1000)
    assert not run_virtual(
        fake.work([smoke_kit(), smoke_kit("b", transporter="agv1", tray_id=8)])
    ).ok
    for order_id in ("MMB30H56", "b"):
        reason = fake.events.of("order_ended", order_id=order_id)[0]["reason"]
        assert "no arm that handles trays works any more" in reason


def test_skill_that_never_ends_is_cut_off_by_its_deadline(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    fake.duration = 1e6
    assert not run_virtual(fake.work([smoke_kit()])).ok
    assert fake.status("MMB30H56") == "failed"
    assert "did not end before" in fake.events.of("fault", code="skill_failed")[0]["text"]


def test_blocked_part_is_tried_again_by_and_by_without_counting_as_a_failure(ariac: Cell) -> None:
    supply = in_bins(("bin2", "1", *PURPLE_PUMP), ("bin6", "1", *BLUE_BATTERY))
    fake = FakeCell(ariac, supply, nist)
    fake.script = failing("pick", SkillOutcome.BLOCKED, 4)
    assert run_virtual(fake.work([smoke_kit()])).ok


def test_part_that_is_always_blocked_ends_partial(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    fake.script = failing("pick", SkillOutcome.BLOCKED, 100_000)
    assert not run_virtual(fake.work([smoke_kit()])).ok
    assert "pick: blocked (scripted)" in fake.events.of("product_ended")[0]["reason"]


def test_crooked_part_is_taken_out_and_put_back(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    spoil_once(fake, lambda part: fake.crooked.add(part.part_id) or part)
    assert run_virtual(fake.work([smoke_kit()], "ariac2024")).ok
    assert fake.events.of("order_ended")[0]["score"]["points"] == 9
    assert [skill for _, skill, _ in fake.skills_run].count("place") == 3


def test_wrong_part_in_a_slot_is_taken_out_and_replaced(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    spoil_once(fake, lambda part: replace(part, color="red"))
    assert run_virtual(fake.work([smoke_kit()], "ariac2024")).ok
    assert fake.events.of("order_ended")[0]["score"]["points"] == 9
    assert [skill for _, skill, _ in fake.skills_run].count("discard") == 1


def test_wrong_part_that_cannot_be_taken_out_is_told(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    spoil_once(fake, lambda part: replace(part, color="red"))
    fake.reach._reaches = lambda arm, pose: nist(arm, pose)
    keep = fake.script

    def script(arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult | None:
        if skill == "pick" and any(
            p.part_id == parameters["part_id"] for p in fake.transporters["agv4"].content.values()
        ):
            return SkillResult(SkillOutcome.NOT_ATTACHED, "slips")
        return keep(arm, skill, parameters)

    fake.script = script
    assert not run_virtual(fake.work([smoke_kit()])).ok
    assert fake.status("MMB30H56") == "partial"
    reasons = [e["reason"] for e in fake.events.of("product_ended") if e["status"] == "failed"]
    assert len(reasons) == 1
    assert "instead of" in reasons[0]
    assert "slips" in reasons[0]


def spoil_once(fake: FakeCell, change: Callable[[TrackedPart], TrackedPart]) -> None:
    """After the first placing, the part in the slot is another than was meant."""
    transporter, todo = fake.transporters["agv4"], [1]

    def script(arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult | None:
        if todo and transporter.content:
            todo.clear()
            slot, part = next(iter(transporter.content.items()))
            transporter.content[slot] = change(part)
        return None

    fake.script = script


def test_part_that_no_camera_saw_but_that_lies_in_its_slot_is_not_doubled(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    finish = fake._do

    def unseen(gripper: Any, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        result = finish(gripper, skill, parameters)
        return SkillResult(SkillOutcome.LOST, "not seen") if skill == "place" else result

    fake._do = unseen  # type: ignore[method-assign]
    assert run_virtual(fake.work([smoke_kit()], "ariac2024")).ok
    assert len(fake.events.of("product_assigned")) == 2


def test_part_that_can_only_be_put_back_makes_the_kit_partial(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    spoil_once(fake, lambda part: replace(part, color="red"))
    finish, came_from = fake._do, {}

    def put_back(gripper: Any, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        content = fake.transporters["agv4"].content
        if skill == "pick":
            came_from.clear()
            came_from.update(
                {s: p for s, p in content.items() if p.part_id == parameters["part_id"]}
            )
        if skill == "discard":
            content.update(came_from)
        return finish(gripper, skill, parameters)

    fake._do = put_back  # type: ignore[method-assign]
    assert not run_virtual(fake.work([smoke_kit()])).ok
    (failed,) = [e for e in fake.events.of("product_ended") if e["status"] == "failed"]
    assert "instead of" in failed["reason"]
    assert "could only be put back" in failed["reason"]


def test_arm_that_still_holds_a_part_after_a_failed_pick_puts_it_away(ariac: Cell) -> None:
    fake = FakeCell(ariac, SMOKE, nist)
    finish, once = fake._do, [SkillOutcome.BLOCKED]

    def stuck(gripper: Any, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        result = finish(gripper, skill, parameters)
        return SkillResult(once.pop(), "no way back") if skill == "pick" and once else result

    fake._do = stuck  # type: ignore[method-assign]
    assert run_virtual(fake.work([smoke_kit()])).ok
    assert [skill for _, skill, _ in fake.skills_run].count("discard") == 1


def test_tray_that_stays_at_an_assembly_station_leaves_before_the_next_order(ariac: Cell) -> None:
    first = smoke_kit("first")
    first = first.model_copy(update={"destination": "assembly_front"})
    second = smoke_kit("second", tray_id=8)
    fake = FakeCell(ariac, SMOKE, nist)
    assert run_virtual(fake.work([first, second], "ariac2024")).ok
    stops = [e["station"] for e in fake.events.of("transporter_arrived", transporter="agv4")]
    assert stops[:4] == ["assembly_front", "warehouse", "kitting", "warehouse"]
    scores = [event["score"]["points"] for event in fake.events.of("order_ended")]
    assert scores == [9, 9]
