"""The report of a run, computed from its events alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from smart_cell import __version__
from smart_cell.model.orders import KittingOrder
from smart_cell.production.scoring import unsubmitted
from smart_cell.recording.events import Event

GOOD_ENDS = ("done", "cancelled")
DIGITS = 6  # of times in the report [s]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Activity:
    """What an arm did from ``start`` to ``end`` [s]: a skill's name, or ``waiting``."""

    what: str
    start: float
    end: float
    outcome: str = ""


@dataclass
class ArmRecord:
    """What is known of one arm."""

    picks: int = 0
    activities: list[Activity] = field(default_factory=list)
    skill: tuple[str, float] | None = None
    waiting_since: float | None = None


@dataclass
class ProductRecord:
    """One product of an order."""

    product: str
    slot: str
    status: str = "open"
    part_id: str | None = None
    reason: str | None = None


@dataclass
class OrderRecord:
    """One order; times are None until they are known."""

    order_id: str
    kind: str = "kitting"
    priority: int = 0
    status: str = "open"
    announced: float | None = None
    started: float | None = None
    ended: float | None = None
    score: dict[str, Any] | None = None
    reason: str | None = None
    transporter: str = ""
    products: list[ProductRecord] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether the order failed before it was announced."""
        return self.announced is None and self.status == "failed"

    def product(self, slot: str) -> ProductRecord | None:
        """Return the product of a slot."""
        return next((item for item in self.products if item.slot == slot), None)


class Report:
    """Collects the events of one run and makes the report of them.

    Args:
        arms: Names of the cell's arms.
        orders: The orders that the run was given; one that is never announced is ``open``.
        scoring: How orders are scored; None = not at all.
    """

    def __init__(
        self,
        arms: Iterable[str] = (),
        orders: Sequence[KittingOrder] = (),
        scoring: Literal["ariac2024", "ariac2023"] | None = None,
    ) -> None:
        """Start with no events."""
        self.cell = ""
        self.body = ""
        self.seed = 0
        self.begin: float | None = None
        self.last = 0.0
        self.arms = {name: ArmRecord() for name in arms}
        self.orders: dict[str, OrderRecord] = {}
        self.collisions: list[dict[str, Any]] = []
        self.parts_lost: list[dict[str, Any]] = []
        self.faults: list[dict[str, Any]] = []
        self.stops: list[dict[str, Any]] = []
        self.placed: list[float] = []
        self._given = {order.order_id: order for order in orders}
        self._scoring = scoring
        for order in orders:
            self.orders[order.order_id] = _from_order(order)

    def add(self, event: Event) -> None:
        """Take in one event; kinds that the report has no use for are passed over."""
        self.last = max(self.last, event["t"])
        if self.begin is None:
            self.begin = event["t"]
        handler = _HANDLERS.get(event["kind"])
        if handler is not None:
            handler(self, event)

    def arm(self, name: str) -> ArmRecord:
        """Return the record of an arm, a new one if need be."""
        return self.arms.setdefault(name, ArmRecord())

    def order(self, order_id: str) -> OrderRecord:
        """Return the record of an order, a new one if need be."""
        return self.orders.setdefault(order_id, OrderRecord(order_id))

    @property
    def window(self) -> Interval:
        """First announcement and last order's end [s]; the run's end while an order is open."""
        announced = [o.announced for o in self.orders.values() if o.announced is not None]
        if not announced:
            return (self.last, self.last)
        ends = [o.ended for o in self.orders.values() if not o.refused]
        known = [end for end in ends if end is not None]
        end = max(known) if len(known) == len(ends) else self.last
        return (min(announced), max(end, min(announced)))

    @property
    def ok(self) -> bool:
        """Whether every order ended as it should, nothing collided and nothing was lost."""
        ends = [order.status in GOOD_ENDS for order in self.orders.values()]
        return bool(ends) and all(ends) and not self.collisions and not self.parts_lost

    def activities(self, name: str) -> tuple[Activity, ...]:
        """Return what an arm did; what still goes on ends with the run."""
        arm = self.arm(name)
        result = list(arm.activities)
        if arm.skill is not None:
            result.append(Activity(arm.skill[0], arm.skill[1], self.last))
        if arm.waiting_since is not None:
            result.append(Activity("waiting", arm.waiting_since, self.last))
        return tuple(result)

    def score(self) -> dict[str, Any] | None:
        """Return points and maximum of all orders together, as far as they are scored."""
        scores = [order.score for order in self._scored()]
        known = [score for score in scores if score is not None]
        if not known:
            return None
        return {key: sum(score[key] for score in known) for key in ("points", "maximum")}

    def _scored(self) -> list[OrderRecord]:
        """Return the orders; one that has not ended gets no points of its maximum."""
        for order_id, record in self.orders.items():
            given = self._given.get(order_id)
            if record.score is None and given is not None and self._scoring is not None:
                nothing = unsubmitted(given, self._scoring)
                record.score = {"points": nothing.points, "maximum": nothing.maximum}
        return list(self.orders.values())

    def as_dict(self, wall_s: float | None = None) -> dict[str, Any]:
        """Return the report with the keys of ``report.json``.

        Args:
            wall_s: How long the run took by the clock on the wall [s]; None = not known.
        """
        start, end = self.window
        makespan = round(end - start, DIGITS)
        done = sum(p.status == "done" for o in self.orders.values() for p in o.products)
        cell_s = self.last - (self.last if self.begin is None else self.begin)
        return {
            "smart_cell": __version__,
            "cell": self.cell,
            "body": self.body,
            "seed": self.seed,
            "ok": self.ok,
            "orders": [_order_dict(order) for order in self._scored()],
            "score": self.score(),
            "makespan_s": makespan,
            "lower_bound_s": None,
            "parts_per_hour": round(3600.0 * done / makespan, 3) if makespan > 0.0 else 0.0,
            "arms": {name: self._arm_dict(name, makespan) for name in self.arms},
            "collisions": self.collisions,
            "parts_lost": self.parts_lost,
            "faults": self.faults,
            "stops": self.stops,
            "wall_s": None if wall_s is None else round(wall_s, 3),
            "real_time_factor": round(cell_s / wall_s, 3) if wall_s else None,
        }

    def _arm_dict(self, name: str, makespan: float) -> dict[str, Any]:
        activities = self.activities(name)
        waits = merged([(a.start, a.end) for a in activities if a.what == "waiting"], self.window)
        works = merged([(a.start, a.end) for a in activities if a.what != "waiting"], self.window)
        waiting = round(length(waits), DIGITS)
        busy = round(length(merged([*works, *waits], self.window)) - length(waits), DIGITS)
        idle = round(makespan - busy - waiting, DIGITS)
        return {
            "busy_s": busy,
            "idle_s": max(idle, 0.0),
            "waiting_s": waiting,
            "picks": self.arm(name).picks,
        }


def merged(intervals: Iterable[Interval], window: Interval) -> list[Interval]:
    """Return the union of intervals inside a window, as intervals that do not touch."""
    result: list[Interval] = []
    for start, end in sorted(intervals):
        start, end = max(start, window[0]), min(end, window[1])
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((start, end))
    return result


def length(intervals: Iterable[Interval]) -> float:
    """Return the sum of the lengths of intervals."""
    return sum(end - start for start, end in intervals)


def _from_order(order: KittingOrder) -> OrderRecord:
    products = [ProductRecord(f"{p.color} {p.type}", p.slot) for p in order.products]
    return OrderRecord(order.order_id, order.kind, order.priority, products=products)


def _order_dict(order: OrderRecord) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "kind": order.kind,
        "priority": order.priority,
        "status": order.status,
        "announced_s": order.announced,
        "started_s": order.started,
        "ended_s": order.ended,
        "score": order.score,
        "products": [
            {
                "product": product.product,
                "slot": product.slot,
                "status": product.status,
                "part_id": product.part_id,
                "reason": product.reason,
            }
            for product in order.products
        ],
    }


def _run_started(report: Report, event: Event) -> None:
    report.cell, report.body, report.seed = event["cell"], event["body"], event["seed"]
    report.begin = event["t"]


def _announced(report: Report, event: Event) -> None:
    order = report.order(event["order_id"])
    order.announced = event["t"]
    order.kind = event.get("order_kind", order.kind)
    order.priority = event.get("priority", order.priority)
    listed = [(p["product"], p["slot"]) for p in event.get("products", ())]
    if listed and listed != [(p.product, p.slot) for p in order.products]:
        order.products = [ProductRecord(product, slot) for product, slot in listed]


def _refused(report: Report, event: Event) -> None:
    order = report.order(event["order_id"])
    if order.announced is None and order.status == "open":
        order.status, order.reason, order.ended = "failed", event.get("reason"), event["t"]
        for product in order.products:
            product.status, product.reason = "failed", order.reason


def _started(report: Report, event: Event) -> None:
    order = report.order(event["order_id"])
    order.started = event["t"] if order.started is None else order.started
    order.transporter = event.get("transporter", "")


def _ended(report: Report, event: Event) -> None:
    order = report.order(event["order_id"])
    order.ended, order.status = event["t"], event["status"]
    order.score, order.reason = event.get("score"), event.get("reason")


def _product_ended(report: Report, event: Event) -> None:
    order = report.order(event["order_id"])
    product = order.product(event["slot"])
    if product is None:
        product = ProductRecord(event["product"], event["slot"])
        order.products.append(product)
    product.status, product.part_id = event["status"], event.get("part_id") or None
    product.reason = event.get("reason") or None


def _skill_started(report: Report, event: Event) -> None:
    report.arm(event["arm"]).skill = (event["skill"], event["t"])


def _skill_ended(report: Report, event: Event) -> None:
    arm = report.arm(event["arm"])
    if arm.skill is not None:
        name, start = arm.skill
        arm.activities.append(Activity(name, start, event["t"], event.get("outcome", "")))
        arm.skill = None


def _waiting(report: Report, event: Event) -> None:
    arm = report.arm(event["arm"])
    if arm.waiting_since is None:
        arm.waiting_since = event["t"]


def _waiting_ended(report: Report, event: Event) -> None:
    arm = report.arm(event["arm"])
    if arm.waiting_since is not None:
        arm.activities.append(Activity("waiting", arm.waiting_since, event["t"]))
        arm.waiting_since = None


def _picked(report: Report, event: Event) -> None:
    report.arm(event["arm"]).picks += 1


def _placed(report: Report, event: Event) -> None:
    report.placed.append(event["t"])


def _without_kind(event: Event) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "kind"}


def _collision(report: Report, event: Event) -> None:
    report.collisions.append(_without_kind(event))


def _part_lost(report: Report, event: Event) -> None:
    report.parts_lost.append(_without_kind(event))


def _fault(report: Report, event: Event) -> None:
    report.faults.append(_without_kind(event))


def _stop(report: Report, event: Event) -> None:
    report.stops.append(_without_kind(event))


_HANDLERS: Mapping[str, Callable[[Report, Event], None]] = {
    "run_started": _run_started,
    "order_announced": _announced,
    "order_refused": _refused,
    "order_started": _started,
    "order_ended": _ended,
    "product_ended": _product_ended,
    "skill_started": _skill_started,
    "skill_ended": _skill_ended,
    "arm_waiting": _waiting,
    "arm_waiting_ended": _waiting_ended,
    "part_picked": _picked,
    "part_placed": _placed,
    "collision": _collision,
    "part_lost": _part_lost,
    "fault": _fault,
    "stop": _stop,
}
