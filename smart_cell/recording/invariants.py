"""Checks an event log against what must hold in every run, whatever was ordered and went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Event = Mapping[str, Any]


@dataclass
class _Order:
    """What the log said of one order."""

    products: dict[str, str] = field(default_factory=dict)
    transporter: str = ""
    started: bool = False
    submitted: Event | None = None
    status: str = ""
    results: dict[str, Event] = field(default_factory=dict)


class Invariants:
    """Reads a log event by event and collects what must not be. Nothing but the log is used.

    Checked: no collision and no lost part; a slot gets only the product that was ordered for it; a
    part serves one product; an arm does one skill at a time and picks with an empty gripper; each
    order ends once, with all its products, and as ``done`` only if the inspection at its
    submission found exactly what was ordered.
    """

    def __init__(self) -> None:
        """Begin before the first event."""
        self.violations: list[str] = []
        self._orders: dict[str, _Order] = {}
        self._used: dict[str, str] = {}
        self._skills: dict[str, str] = {}
        self._holding: dict[str, str] = {}
        self._at = 0.0

    def read(self, events: Iterable[Event]) -> Invariants:
        """Take events in; return the checker itself."""
        for event in events:
            if event["t"] < self._at:
                self._say(f"time runs backwards from {self._at} s at {event['kind']}")
            self._at = event["t"]
            handler = _HANDLERS.get(event["kind"])
            if handler is not None:
                handler(self, event)
        return self

    def finish(self) -> tuple[str, ...]:
        """Check what must hold at the end; return all violations."""
        for order_id, order in self._orders.items():
            if not order.status:
                self._say(f"order {order_id} was announced and has not ended")
        return tuple(self.violations)

    def statuses(self) -> dict[str, str]:
        """Return how each order ended; empty = not."""
        return {order_id: order.status for order_id, order in self._orders.items()}

    # ------------------------------------------------------------------ events

    def _announced(self, event: Event) -> None:
        order = self._orders.setdefault(event["order_id"], _Order())
        if order.products:
            self._say(f"order {event['order_id']} was announced twice")
        order.products = {item["slot"]: item["product"] for item in event["products"]}

    def _started(self, event: Event) -> None:
        order = self._orders.setdefault(event["order_id"], _Order())
        for order_id, other in self._orders.items():
            if other.started and not other.status and other.transporter == event["transporter"]:
                self._say(f"{event['transporter']} is given a second order beside {order_id}")
        order.started, order.transporter = True, event["transporter"]

    def _placed(self, event: Event) -> None:
        self._holding.pop(event["arm"], None)
        product = f"{event['color']} {event['type']}"
        where = f"slot {event['slot']} of {event['transporter']}"
        wanted = [
            order.products.get(event["slot"])
            for order in self._orders.values()
            if order.started and not order.status and order.transporter == event["transporter"]
        ]
        if product not in wanted:
            self._say(f"a {product} was placed in {where}, ordered: {wanted}")

    def _picked(self, event: Event) -> None:
        held = self._holding.get(event["arm"])
        if held is not None:
            self._say(f"{event['arm']} picked {event['part_id']} while it held {held}")
        self._holding[event["arm"]] = event["part_id"]

    def _skill_started(self, event: Event) -> None:
        running = self._skills.get(event["arm"])
        if running is not None:
            self._say(f"{event['arm']} started {event['skill']} during {running}")
        self._skills[event["arm"]] = event["skill"]

    def _skill_ended(self, event: Event) -> None:
        if self._skills.pop(event["arm"], None) != event["skill"]:
            self._say(f"{event['arm']} ended {event['skill']}, which it had not started")
        done = event["outcome"] == "done"
        if (event["skill"] == "discard" and done) or (event["skill"] == "pick" and not done):
            self._holding.pop(event["arm"], None)
        if event["outcome"] == "lost":
            self._holding.pop(event["arm"], None)

    def _product_ended(self, event: Event) -> None:
        order = self._orders.setdefault(event["order_id"], _Order())
        name = f"{event['order_id']} slot {event['slot']}"
        if event["slot"] in order.results:
            self._say(f"the product of {name} ended twice")
        order.results[event["slot"]] = event
        part_id = event["part_id"]
        if event["status"] == "done" and part_id is not None:
            if part_id in self._used:
                self._say(f"part {part_id} serves {self._used[part_id]} and {name}")
            self._used[part_id] = name
        if event["status"] != "done" and not event["reason"]:
            self._say(f"the product of {name} failed without a reason")

    def _submitted(self, event: Event) -> None:
        order = self._orders.setdefault(event["order_id"], _Order())
        order.submitted = event
        for slot in event["content"]:
            found = f"{slot['color']} {slot['type']}"
            wanted = order.products.get(slot["slot"])
            if found != wanted:
                self._say(
                    f"order {event['order_id']} was submitted with a {found} "
                    f"in slot {slot['slot']} (ordered: {wanted or 'nothing'})"
                )

    def _ended(self, event: Event) -> None:
        order_id, status = event["order_id"], event["status"]
        order = self._orders.setdefault(order_id, _Order())
        if order.status:
            self._say(f"order {order_id} ended as {order.status} and again as {status}")
        order.status = status
        if order.started and set(order.results) != set(order.products):
            self._say(f"order {order_id} ended without telling of all its products")
        if status in ("partial", "failed") and not event["reason"]:
            self._say(f"order {order_id} ended as {status} without a reason")
        if status == "done":
            self._check_done(order_id, order)

    def _check_done(self, order_id: str, order: _Order) -> None:
        if order.submitted is None:
            self._say(f"order {order_id} is done and was not submitted")
            return
        right = {
            slot["slot"]
            for slot in order.submitted["content"]
            if slot["correct_pose"] and not slot["flipped"]
        }
        missing = sorted(set(order.products) - right)
        if missing:
            self._say(f"order {order_id} is done, but not right in slots {', '.join(missing)}")
        if order.submitted["extra"]:
            self._say(f"order {order_id} was delivered with {order.submitted['extra']} extra parts")

    def _collision(self, event: Event) -> None:
        self._say(f"collision of {event['a']} and {event['b']} ({event['force_n']:.0f} N)")

    def _lost(self, event: Event) -> None:
        self._say(f"a {event['color']} {event['type']} was lost at {event['xyz']}")

    def _say(self, text: str) -> None:
        self.violations.append(f"{self._at:.3f} s: {text}")


_HANDLERS: dict[str, Callable[[Invariants, Event], None]] = {
    "order_announced": Invariants._announced,
    "order_started": Invariants._started,
    "order_submitted": Invariants._submitted,
    "order_ended": Invariants._ended,
    "product_ended": Invariants._product_ended,
    "part_placed": Invariants._placed,
    "part_picked": Invariants._picked,
    "skill_started": Invariants._skill_started,
    "skill_ended": Invariants._skill_ended,
    "collision": Invariants._collision,
    "part_lost": Invariants._lost,
}
