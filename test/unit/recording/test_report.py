"""The report: every number of it, computed by hand from a small run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from smart_cell.recording.page import page
from smart_cell.recording.report import Report, length, merged
from support.events import event, job, order_events, run_events

KEYS = [
    *("smart_cell", "cell", "body", "seed", "ok", "orders", "score", "makespan_s"),
    *("lower_bound_s", "parts_per_hour", "arms", "collisions", "parts_lost", "faults", "stops"),
    *("wall_s", "real_time_factor"),
]


def report(events: list[dict[str, Any]], scoring: Any = None) -> Report:
    result = Report(["arm", "lazy"], job(scoring).orders, scoring)
    for item in events:
        result.add(item)
    return result


def test_keys_are_those_that_are_promised() -> None:
    values = report(run_events()).as_dict(2.0)
    assert list(values) == KEYS
    assert list(values["orders"][0]) == [
        *("order_id", "kind", "priority", "status", "announced_s", "started_s", "ended_s"),
        *("score", "products"),
    ]
    assert list(values["orders"][0]["products"][0]) == [
        *("product", "slot", "status", "part_id", "reason"),
    ]
    assert list(values["arms"]["arm"]) == ["busy_s", "idle_s", "waiting_s", "picks"]
    json.dumps(values, allow_nan=False)


def test_numbers_of_a_small_run() -> None:
    values = report(run_events()).as_dict(2.0)
    assert (values["cell"], values["body"], values["seed"]) == ("small", "simulate", 7)
    assert values["ok"] is True
    assert values["makespan_s"] == 20.0  # 1 s to 21 s
    assert values["parts_per_hour"] == 4 * 3600 / 20.0
    assert values["arms"]["arm"] == {"busy_s": 4.0, "idle_s": 14.0, "waiting_s": 2.0, "picks": 1}
    assert values["arms"]["lazy"] == {"busy_s": 0.0, "idle_s": 20.0, "waiting_s": 0.0, "picks": 0}
    assert (values["wall_s"], values["real_time_factor"]) == (2.0, 11.0)
    assert values["lower_bound_s"] is None
    assert values["score"] is None
    assert values["orders"][0]["announced_s"] == 1.0
    assert values["orders"][0]["started_s"] == 2.0
    assert values["orders"][0]["ended_s"] == 15.0
    product = values["orders"][0]["products"][0]
    assert product == {
        "product": "red cube",
        "slot": "1",
        "status": "done",
        "part_id": "p0",
        "reason": None,
    }


def test_times_of_an_arm_add_up_to_the_makespan_when_work_goes_beyond_it() -> None:
    events = run_events()
    events.insert(1, event(0.5, "skill_started", arm="lazy", skill="move", parameters={}))
    events.insert(2, event(0.6, "arm_waiting", arm="lazy", **{"for": "x"}))
    values = report(events).as_dict()
    arm = values["arms"]["lazy"]
    assert arm == {"busy_s": 0.0, "idle_s": 0.0, "waiting_s": 20.0, "picks": 0}
    for arm in values["arms"].values():
        total = arm["busy_s"] + arm["idle_s"] + arm["waiting_s"]
        assert total == pytest.approx(values["makespan_s"], abs=1e-9)


@pytest.mark.parametrize(
    "extra",
    [
        event(21.5, "collision", a="arm", b="post", force_n=5.0, depth_m=0.001),
        event(21.5, "part_lost", type="cube", color="red", xyz=[0.0, 0.0, 0.0]),
    ],
)
def test_collision_or_lost_part_makes_a_run_not_ok(extra: dict[str, Any]) -> None:
    values = report([*run_events(), extra]).as_dict()
    assert values["ok"] is False
    told = [*values["collisions"], *values["parts_lost"]]
    assert told == [{key: value for key, value in extra.items() if key != "kind"}]


def test_faults_and_stops_are_listed() -> None:
    extra = [
        event(3.0, "fault", source="arm", code="x", text="y"),
        event(4.0, "stop", reason="operator"),
    ]
    values = report([*run_events(), *extra]).as_dict()
    assert values["faults"] == [{"t": 3.0, "source": "arm", "code": "x", "text": "y"}]
    assert values["stops"] == [{"t": 4.0, "reason": "operator"}]


@pytest.mark.parametrize("status", ["partial", "failed"])
def test_order_that_did_not_end_as_it_should_makes_a_run_not_ok(status: str) -> None:
    events = [*order_events("a", 0.0, 9.0), *order_events("b", 0.0, 10.0, status)]
    values = report(events).as_dict()
    assert values["ok"] is False
    assert values["orders"][1]["status"] == status
    assert values["orders"][1]["products"][1]["reason"] == "none left"


def test_run_that_ends_early_leaves_open_orders_and_counts_up_to_its_end() -> None:
    values = report([e for e in run_events() if e["t"] < 12.0]).as_dict()
    assert values["ok"] is False
    assert [order["status"] for order in values["orders"]] == ["open", "open"]
    assert values["makespan_s"] == 10.5  # from 1 s to the last event at 11.5 s
    assert values["arms"]["arm"]["busy_s"] == 4.0


def test_order_that_was_never_announced_is_open() -> None:
    values = report(order_events("a", 0.0, 9.0)).as_dict()
    assert values["orders"][1]["status"] == "open"
    assert values["orders"][1]["announced_s"] is None
    assert values["ok"] is False


def test_run_without_any_event_still_has_a_report() -> None:
    values = report([]).as_dict(1.0)
    assert (values["makespan_s"], values["parts_per_hour"], values["ok"]) == (0.0, 0.0, False)


def test_refused_order_fails_with_its_reason_and_does_not_stretch_the_makespan() -> None:
    events = [
        *order_events("a", 0.0, 9.0),
        event(20.0, "order_refused", order_id="b", reason="no such slot"),
    ]
    values = report(events).as_dict()
    assert values["orders"][1]["status"] == "failed"
    assert values["orders"][1]["products"][0]["reason"] == "no such slot"
    assert values["makespan_s"] == 9.0


def test_refused_repetition_does_not_change_the_order() -> None:
    events = [*run_events(), event(22.0, "order_refused", order_id="a", reason="other content")]
    assert report(events).as_dict()["orders"][0]["status"] == "done"


def test_scores_are_summed_and_open_orders_count_with_nothing() -> None:
    events = order_events("a", 0.0, 9.0)
    events[-1]["score"] = {"points": 9, "maximum": 9}
    values = report(events, "ariac2024").as_dict()
    # b has priority: three times 1 + 4 * 2 points
    assert values["orders"][1]["score"] == {"points": 0, "maximum": 27}
    assert values["score"] == {"points": 9, "maximum": 36}


def test_order_submitted_while_the_cell_runs_is_reported() -> None:
    announced = event(
        3.0,
        "order_announced",
        order_id="late",
        order_kind="kitting",
        priority=2,
        products=[{"product": "red cube", "slot": "1"}],
    )
    values = report([*run_events(), announced]).as_dict()
    late = values["orders"][2]
    assert (late["order_id"], late["priority"], late["status"]) == ("late", 2, "open")
    assert late["products"][0]["product"] == "red cube"


def test_union_of_intervals() -> None:
    union = merged([(5.0, 6.0), (0.0, 2.0), (1.0, 3.0), (9.0, 20.0)], (0.5, 10.0))
    assert union == [(0.5, 3.0), (5.0, 6.0), (9.0, 10.0)]
    assert length(union) == 4.5


def test_page_stands_alone_and_escapes_what_it_shows() -> None:
    events = run_events()
    for item in events:
        if item.get("skill") == "pick":
            item["skill"] = "<script>alert(1)</script>"
    collected = report([*events, event(5.0, "fault", source="<b>", code="&", text="'")])
    text = page(collected, collected.as_dict(2.0))
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "&lt;b&gt;" in text
    assert "http://" not in text
    assert "https://" not in text
    assert text.count("<svg") == 3


@pytest.mark.parametrize("events", [[], run_events()[:1], run_events()[:3]])
def test_page_of_a_run_that_hardly_began(events: list[dict[str, Any]]) -> None:
    collected = report(events)
    assert page(collected, collected.as_dict()).endswith("</html>\n")
