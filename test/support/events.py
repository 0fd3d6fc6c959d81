"""A small run as events, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from smart_cell.model.orders import Job, KittingOrder, Product
from smart_cell.model.supply import Supply


def order(order_id: str, priority: int = 0) -> KittingOrder:
    products = (
        Product(type="cube", color="red", slot="1"),
        Product(type="disc", color="green", slot="2"),
    )
    return KittingOrder(order_id=order_id, destination="out", products=products, priority=priority)


def job(scoring: Any = None) -> Job:
    return Job(orders=(order("a"), order("b", priority=1)), supply=Supply(), scoring=scoring)


def event(t: float, kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": t, "kind": kind, **fields}


def order_events(order_id: str, start: float, end: float, status: str = "done") -> list[Any]:
    ended = (
        {"part_id": "p1", "reason": ""}
        if status == "done"
        else {"part_id": "", "reason": "none left"}
    )
    second = "done" if status == "done" else "failed"
    return [
        event(start, "order_announced", order_id=order_id, order_kind="kitting", priority=0),
        event(start + 1.0, "order_started", order_id=order_id, transporter="shuttle"),
        event(
            end - 2.0,
            "product_ended",
            order_id=order_id,
            slot="1",
            product="red cube",
            status="done",
            part_id="p0",
            reason="",
        ),
        event(
            end - 1.0,
            "product_ended",
            order_id=order_id,
            slot="2",
            product="green disc",
            status=second,
            **ended,
        ),
        event(end, "order_ended", order_id=order_id, status=status, score=None, reason=""),
    ]


def run_events() -> list[dict[str, Any]]:
    """Return a run in which both orders are done; the arm works 4 s, waits 2 s of 20."""
    started = event(0.0, "run_started", cell="small", body="simulate", seed=7, version="0")
    arm = [
        event(5.0, "skill_started", arm="arm", skill="pick", parameters={"part_id": "p0"}),
        event(6.0, "arm_waiting", arm="arm", **{"for": "middle"}),
        event(8.0, "arm_waiting_ended", arm="arm"),
        event(9.0, "part_picked", arm="arm", part_id="p0", type="cube", color="red"),
        event(9.5, "skill_ended", arm="arm", skill="pick", outcome="done", message=""),
        event(10.0, "skill_started", arm="arm", skill="place", parameters={}),
        event(
            11.0,
            "part_placed",
            arm="arm",
            part_id="p0",
            type="cube",
            color="red",
            transporter="shuttle",
            slot="1",
        ),
        event(11.5, "skill_ended", arm="arm", skill="place", outcome="done", message=""),
    ]
    events = [started, *order_events("a", 1.0, 15.0), *arm, *order_events("b", 2.0, 21.0)]
    last = event(22.0, "run_ended", ok=True)
    return [*sorted(events, key=lambda e: e["t"]), last]
