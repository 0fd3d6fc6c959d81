"""Progress of a run in the terminal: live where there is a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from smart_cell.recording.events import Event
from smart_cell.recording.report import OrderRecord, Report

REFRESH_PERIOD = 0.1  # of the live display, by steady time [s]
MAX_ORDER_ROWS = 20
SLOW = 0.9  # real-time factor below which ``run`` says so
COLORS = {"done": "green", "partial": "yellow", "failed": "red", "cancelled": "dim", "open": "cyan"}


class Progress:
    """Shows a run as its events come.

    It is a listener of the event log and reads the report that is fed before it. It never blocks
    and starts no thread: the live display is drawn when an event comes or ``tick`` is called.

    Args:
        console: Where to draw.
        report: The report of the same run; must get each event first.
        steady: Steady time [s].
    """

    def __init__(
        self, console: Console, report: Report, steady: Callable[[], float] = time.monotonic
    ) -> None:
        """Start; a live display appears with the first event."""
        self._console = console
        self._report = report
        self._steady = steady
        self._begin = steady()
        self._drawn = -1.0
        self._now = 0.0
        self._last = Text("")
        self._live: Live | None = None

    def __enter__(self) -> Progress:
        """Open the live display if there is a terminal."""
        if self._console.is_terminal:
            self._live = Live(
                self._view(), console=self._console, auto_refresh=False, transient=True
            )
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the live display."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def add(self, event: Event) -> None:
        """Take in one event."""
        told = sentence(event, self._report)
        if told is not None:
            line = Text.assemble((f"{event['t']:8.1f} s  ", "dim"), told)
            if self._live is None:
                self._console.print(line, soft_wrap=True)
            self._last = line
        self.tick(event["t"])

    def note(self, line: str) -> None:
        """Show a line that is no event."""
        self._console.print(Text(line, style="dim"), soft_wrap=True)

    def started(self) -> None:
        """Count steady time from now on, for the real-time factor."""
        self._begin = self._steady()

    def tick(self, now: float) -> None:
        """Draw again if it is time; ``now`` is the cell time [s]."""
        self._now = now
        if self._live is None or self._steady() - self._drawn < REFRESH_PERIOD:
            return
        self._drawn = self._steady()
        self._live.update(self._view(), refresh=True)

    def _factor(self) -> float:
        begin = self._report.begin
        wall = self._steady() - self._begin
        return 0.0 if begin is None or wall <= 0.0 else (self._now - begin) / wall

    def _view(self) -> Group:
        report = self._report
        head = f"{report.cell or 'cell'}   t {self._now:.1f} s   {self._factor():.1f} x real time"
        orders = Table(box=None, pad_edge=False)
        for name in ("order", "status", "parts", "transporter"):
            orders.add_column(name)
        records = [o for o in report.orders.values() if o.status == "open"]
        ended = [o for o in report.orders.values() if o.status != "open"]
        for record in (*ended, *records)[-MAX_ORDER_ROWS:]:
            orders.add_row(
                record.order_id, _status(record), _parts(record), record.transporter or "-"
            )
        arms = Table(box=None, pad_edge=False)
        for name in ("arm", "doing", "picks"):
            arms.add_column(name)
        for name, arm in report.arms.items():
            doing = "idle" if arm.skill is None else arm.skill[0]
            waiting = "" if arm.waiting_since is None else " (waiting)"
            arms.add_row(name, doing + waiting, str(arm.picks))
        return Group(Text(head, style="bold"), orders, arms, self._last)


def _status(record: OrderRecord) -> Text:
    status = record.status
    if status == "open":
        status = "waits" if record.announced is None else "ready"
        status = "in work" if record.started is not None else status
    return Text(status, style=COLORS.get(record.status, ""))


def _parts(record: OrderRecord) -> str:
    done = sum(product.status == "done" for product in record.products)
    return f"{done}/{len(record.products)}"


def _ended(event: Event, report: Report) -> str:
    record = report.orders.get(event["order_id"])
    parts = "" if record is None else f", {_parts(record)} parts"
    score = event.get("score")
    points = "" if not score else f", {score['points']:g} of {score['maximum']:g} points"
    reason = f": {event['reason']}" if event.get("reason") else ""
    return f"order {event['order_id']} {event['status']}{parts}{points}{reason}"


def _product(event: Event) -> str | None:
    if event["status"] == "done":
        return None
    product = f"{event.get('product', 'product')} for slot {event['slot']}"
    return f"order {event['order_id']}: {product} {event['status']}: {event.get('reason')}"


_SENTENCES: Mapping[str, str] = {
    "order_announced": "order {order_id} announced",
    "order_refused": "order {order_id} refused: {reason}",
    "order_started": "order {order_id} started on {transporter}",
    "order_submitted": "order {order_id} submitted at {station}",
    "part_placed": "{arm} placed a {color} {type} in slot {slot} of {transporter}",
    "tray_placed": "tray {tray_id} placed on {transporter}",
    "spawn_delayed": "a {type} could not enter: {reason}",
    "collision": "collision of {a} and {b}: {force_n:.0f} N",
    "part_lost": "a {color} {type} is lost",
    "fault": "fault of {source} ({code}): {text}",
    "stop": "stop: {reason}",
    "state": "cell is {name}",
}
_STYLES = {"collision": "bold red", "part_lost": "red", "fault": "red", "order_refused": "red"}


def sentence(event: Event, report: Report) -> Text | None:
    """Return what an event tells a reader; None if it is not worth a line."""
    kind = event["kind"]
    text: str | None
    if kind == "order_ended":
        text = _ended(event, report)
        return Text(text, style=COLORS.get(event["status"], ""))
    if kind == "product_ended":
        text = _product(event)
        return None if text is None else Text(text, style="yellow")
    template = _SENTENCES.get(kind)
    if template is None:
        return None
    return Text(template.format_map(_Fields(event)), style=_STYLES.get(kind, ""))


class _Fields(dict[str, Any]):
    """Fields of an event; one that is not there is shown as a question mark."""

    def __missing__(self, key: str) -> Any:
        return 0.0 if key == "force_n" else "?"


def summary(values: Mapping[str, Any]) -> Group:
    """Return the table that ends a run.

    Args:
        values: The content of ``report.json``.
    """
    orders = Table(title="Orders", title_justify="left", box=None, pad_edge=False)
    for name, side in (("order", "left"), ("status", "left"), ("parts", "right")):
        orders.add_column(name, justify="left" if side == "left" else "right")
    orders.add_column("from s", justify="right")
    orders.add_column("to s", justify="right")
    scored = values["score"] is not None
    if scored:
        orders.add_column("score", justify="right")
    for order in values["orders"]:
        done = sum(p["status"] == "done" for p in order["products"])
        cells = [
            order["order_id"],
            Text(order["status"], style=COLORS.get(order["status"], "")),
            f"{done}/{len(order['products'])}",
            _seconds(order["announced_s"]),
            _seconds(order["ended_s"]),
        ]
        orders.add_row(*cells, *([_score(order["score"])] if scored else []))
    arms = Table(title="Arms", title_justify="left", box=None, pad_edge=False)
    arms.add_column("arm")
    for name in ("busy s", "idle s", "waiting s", "picks"):
        arms.add_column(name, justify="right")
    for name, arm in values["arms"].items():
        times = (_seconds(arm[key]) for key in ("busy_s", "idle_s", "waiting_s"))
        arms.add_row(name, *times, str(arm["picks"]))
    return Group(orders, Text(""), arms, Text(""), _totals(values))


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _score(score: Mapping[str, Any] | None) -> str:
    return "-" if score is None else f"{score['points']:g}/{score['maximum']:g}"


def _totals(values: Mapping[str, Any]) -> Group:
    done = sum(order["status"] == "done" for order in values["orders"])
    parts = sum(p["status"] == "done" for order in values["orders"] for p in order["products"])
    facts = [
        f"{done} of {len(values['orders'])} orders done, {parts} parts",
        f"makespan {values['makespan_s']:.1f} s",
        f"{values['parts_per_hour']:.0f} parts/h",
    ]
    if values["score"] is not None:
        facts.insert(0, f"score {_score(values['score'])}")
    if values["real_time_factor"] is not None:
        facts.append(f"real-time factor {values['real_time_factor']:.2f}")
    trouble = [
        f"{len(values[key])} {what}"
        for key, what in (
            ("collisions", "collisions"),
            ("parts_lost", "parts lost"),
            ("faults", "faults"),
            ("stops", "stops"),
        )
    ]
    verdict = (
        Text("everything ended as it should", style="bold green")
        if values["ok"]
        else Text("not everything ended as it should", style="bold red")
    )
    return Group(Text(", ".join(facts)), Text(", ".join(trouble)), verdict)
