"""The checker of invariants: a clean log passes, and each violation is found."""

from __future__ import annotations

from typing import Any

import pytest

from smart_cell.recording.invariants import Invariants

SLOT = {"slot": "1", "type": "gear", "color": "red", "flipped": False, "correct_pose": True}


def log() -> list[dict[str, Any]]:
    """One order of one product, worked without a flaw."""
    events: list[tuple[str, dict[str, Any]]] = [
        ("order_announced", {"order_id": "k", "products": [{"product": "red gear", "slot": "1"}]}),
        ("order_started", {"order_id": "k", "transporter": "out"}),
        ("skill_started", {"arm": "a", "skill": "pick"}),
        ("part_picked", {"arm": "a", "part_id": "p1"}),
        ("skill_ended", {"arm": "a", "skill": "pick", "outcome": "done"}),
        ("skill_started", {"arm": "a", "skill": "place"}),
        ("part_placed", {"arm": "a", "part_id": "p1", "type": "gear", "color": "red",
                         "transporter": "out", "slot": "1"}),
        ("skill_ended", {"arm": "a", "skill": "place", "outcome": "done"}),
        ("order_submitted", {"order_id": "k", "content": [SLOT], "extra": 0}),
        ("product_ended", {"order_id": "k", "slot": "1", "status": "done", "part_id": "p1",
                           "reason": None}),
        ("order_ended", {"order_id": "k", "status": "done", "reason": None}),
    ]  # fmt: skip
    return [{"t": float(t), "kind": kind, **fields} for t, (kind, fields) in enumerate(events)]


def changed(kind: str, **changes: Any) -> list[dict[str, Any]]:
    return [{**event, **changes} if event["kind"] == kind else event for event in log()]


def extra(kind: str, at: float = 6.5, **fields: Any) -> list[dict[str, Any]]:
    return sorted([*log(), {"t": at, "kind": kind, **fields}], key=lambda event: event["t"])


def without(kind: str) -> list[dict[str, Any]]:
    return [event for event in log() if event["kind"] != kind]


def test_flawless_log_has_no_violation() -> None:
    checker = Invariants().read(log())
    assert checker.finish() == ()
    assert checker.statuses() == {"k": "done"}


@pytest.mark.parametrize(
    ("events", "text"),
    [
        (extra("collision", a="arm", b="table", force_n=20.0, depth_m=0.001),
         "collision of arm and table"),
        (extra("part_lost", type="gear", color="red", xyz=[0, 0, 0]), "a red gear was lost"),
        (changed("part_placed", color="blue"), "a blue gear was placed in slot 1 of out"),
        (changed("part_placed", transporter="other"), "a red gear was placed in slot 1 of other"),
        (extra("part_picked", 3.5, arm="a", part_id="p2"), "picked p2 while it held p1"),
        (extra("skill_started", 3.5, arm="a", skill="place"), "started place during pick"),
        (changed("order_submitted", content=[{**SLOT, "color": "blue"}]),
         "submitted with a blue gear"),
        (changed("order_submitted", content=[]), "not right in slots 1"),
        (changed("order_submitted", content=[{**SLOT, "flipped": True}]), "not right in slots 1"),
        (changed("order_submitted", extra=1), "1 extra parts"),
        (without("order_submitted"), "was not submitted"),
        (without("order_ended"), "has not ended"),
        (without("product_ended"), "without telling of all its products"),
        (extra("order_ended", 11.0, order_id="k", status="failed", reason="x"),
         "and again as failed"),
        (changed("product_ended", status="failed"), "failed without a reason"),
        (changed("order_ended", status="partial"), "ended as partial without a reason"),
        (extra("product_ended", 9.5, order_id="j", slot="2", status="done", part_id="p1",
               reason=None), "part p1 serves k slot 1 and j slot 2"),
        (extra("order_started", 1.5, order_id="j", transporter="out"), "second order beside k"),
        ([*log(), {"t": 1.0, "kind": "state", "name": "Stopped"}], "time runs backwards"),
    ],
)  # fmt: skip
def test_violation_is_found(events: list[dict[str, Any]], text: str) -> None:
    assert any(text in line for line in Invariants().read(events).finish())
