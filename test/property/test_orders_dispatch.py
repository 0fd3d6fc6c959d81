"""The dispatcher's choice and whole runs on random jobs: invariants that hold for any of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.model.cell import load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.production.dispatch import Option, ReadyStep, assign
from support.fake_cell import FakeCell, kit
from support.virtual_loop import run_virtual

KITTING = load_cell("kitting")
ARMS = ("a", "b", "c")

STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=5
).map(lambda rows: [ReadyStep(f"s{i}", p, r) for i, (p, r) in enumerate(rows)])  # fmt: skip


@given(steps=STEPS, data=st.data())
@settings(max_examples=300)
def test_choice_is_a_matching_that_leaves_nothing_possible_undone(
    steps: list[ReadyStep], data: st.DataObject
) -> None:
    options = data.draw(
        st.lists(
            st.builds(
                Option,
                st.sampled_from([step.step_id for step in steps]),
                st.sampled_from(ARMS),
                st.sampled_from(["p", "q", "r"]),
                st.sampled_from([5.0, 9.0, float("inf")]),
                st.sampled_from([1.0, 2.0]),
            ),
            max_size=15,
        )
    )
    preferences = {arm: data.draw(st.integers(0, 1)) for arm in ARMS}
    free = [arm for arm in ARMS if data.draw(st.booleans())]
    chosen = assign(steps, options, preferences, free)
    for names in ([o.step_id for o in chosen], [o.arm for o in chosen], [o.thing for o in chosen]):
        assert len(names) == len(set(names))
    used = {o.step_id for o in chosen} | {o.arm for o in chosen} | {o.thing for o in chosen}
    for option in options:
        asked = min(preferences[o.arm] for o in options if o.step_id == option.step_id)
        if option.arm in free and preferences[option.arm] == asked:
            assert {option.step_id, option.arm, option.thing} & used
        else:
            assert option not in chosen
    ranks = {step.step_id: (-step.priority, step.rank) for step in steps}
    assert [ranks[o.step_id] for o in chosen] == sorted(ranks[o.step_id] for o in chosen)
    assert assign(steps, options[::-1], preferences, free) == chosen


def each_its_side(arm: str, pose: Pose) -> bool:
    return -1.4 < pose.xyz[0] < 0.0 if arm == "left_arm" else 0.0 < pose.xyz[0] < 1.4


@given(seed=st.integers(0, 10_000), unreliable=st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=40)
def test_random_job_with_unreliable_skills_always_ends_and_never_doubles_a_part(
    seed: int, unreliable: float
) -> None:
    rng = np.random.default_rng(seed)
    fake = FakeCell(KITTING, KITTING.description.supply, each_its_side)
    supplied = KITTING.description.supply.belts[0].parts
    kinds = list(dict.fromkeys((part.type, part.color) for part in supplied))
    orders = []
    for number in range(int(rng.integers(1, 5))):
        slots = [str(slot) for slot in rng.permutation(4)[: rng.integers(1, 5)] + 1]
        products = [(*kinds[int(rng.integers(len(kinds)))], slot) for slot in slots]
        where = [None, "outfeed_left", "outfeed_right"][int(rng.integers(3))]
        priority = int(rng.integers(2))
        orders.append(kit(f"k{number}", products, transporter=where, priority=priority))
    bad = [SkillOutcome.NOT_ATTACHED, SkillOutcome.BLOCKED, SkillOutcome.FAILED]

    def script(arm: str, skill: str, parameters: object) -> SkillResult | None:
        if skill == "pick" and rng.random() < unreliable:
            return SkillResult(bad[int(rng.integers(3))], "scripted")
        return None

    fake.script = script
    outcome = run_virtual(fake.work(orders))
    ends = {event["order_id"]: event["status"] for event in fake.events.of("order_ended")}
    assert sorted(ends) == sorted(order.order_id for order in orders)
    assert outcome.ok == (set(ends.values()) == {"done"})
    if not unreliable:
        assert outcome.ok, outcome.reason
    done = [event for event in fake.events.of("product_ended", status="done")]
    assert len({event["part_id"] for event in done}) == len(done)
    delivered = [c for t in fake.transporters.values() for _, c in t.delivered]
    for order in orders:
        if ends[order.order_id] == "done":
            wanted = {p.slot: (p.type, p.color) for p in order.products}
            assert wanted in [{s: (p.type, p.color) for s, p in c.items()} for c in delivered]
