"""The report as one HTML page that needs nothing else: tables, and plots as inline SVG."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from smart_cell.recording.report import Report

WIDTH = 1040  # of a plot [px]
LEFT = 130
LANE = 24
PALETTE = ("#2f6f9f", "#3f9a6d", "#b7791f", "#7a5195", "#b04a5a", "#4d7f8a", "#8a6d3b", "#5a6b2f")
WAITING = "#d9b44a"
BAD = ' stroke="#b3392f" stroke-width="2.5"'
STATUS = {
    "done": "#2e7d4f",
    "partial": "#b7791f",
    "failed": "#b3392f",
    "cancelled": "#6b7280",
    "open": "#6b7280",
}
STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;
color:#1c2430;background:#fff}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.tiles{display:flex;flex-wrap:wrap;gap:.7rem;margin:1rem 0}
.tile{border:1px solid #d5dbe3;border-radius:8px;padding:.5rem .9rem;min-width:7rem}
.tile b{display:block;font-size:1.25rem}.tile span{color:#5b6675;font-size:.85rem}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e3e8ee;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
svg{width:100%;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:currentColor}
.grid{stroke:#9aa5b3;stroke-opacity:.35}.key{display:inline-block;margin-right:1rem}
.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.35rem}
.ok{color:#2e7d4f}.bad{color:#b3392f}.muted{color:#5b6675}
@media(prefers-color-scheme:dark){body{background:#12161c;color:#e4e8ee}
.tile{border-color:#38414d}th,td{border-color:#2b333d}.tile span,.muted{color:#9aa5b3}}
"""


def page(report: Report, values: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        report: The collected run, for the plots.
        values: The content of ``report.json``, for the numbers.
    """
    title = f"{values['cell'] or 'cell'}: {values['body'] or 'run'}, seed {values['seed']}"
    verdict = (
        '<span class="ok">everything ended as it should</span>'
        if values["ok"]
        else '<span class="bad">not everything ended as it should</span>'
    )
    body = [
        f"<h1>{_text(title)}</h1><p>{verdict} <span class=muted>smart_cell "
        f"{_text(values['smart_cell'])}</span></p>",
        _tiles(values),
        "<h2>Orders</h2>" + _orders(values["orders"]),
        "<h2>When orders were worked</h2>" + order_plot(report),
        "<h2>What the arms did</h2>" + arm_plot(report) + _arms(values["arms"]),
        "<h2>Parts placed</h2>" + placed_plot(report),
        "<h2>Trouble</h2>" + _trouble(values),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head><body>"
        + "\n".join(body)
        + "</body></html>\n"
    )


def _text(value: object) -> str:
    return html.escape(str(value))


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _tiles(values: Mapping[str, Any]) -> str:
    orders = values["orders"]
    done = sum(order["status"] == "done" for order in orders)
    parts = sum(p["status"] == "done" for order in orders for p in order["products"])
    tiles = [
        ("orders done", f"{done} of {len(orders)}"),
        ("parts", str(parts)),
        ("makespan", f"{_number(values['makespan_s'])} s"),
        ("parts per hour", _number(values["parts_per_hour"])),
        ("collisions", str(len(values["collisions"]))),
        ("parts lost", str(len(values["parts_lost"]))),
    ]
    if values["score"] is not None:
        tiles.insert(0, ("score", "{points:g} of {maximum:g}".format(**values["score"])))
    if values["real_time_factor"] is not None:
        tiles.append(("real-time factor", _number(values["real_time_factor"], 2)))
    cells = (f"<div class=tile><b>{_text(v)}</b><span>{_text(k)}</span></div>" for k, v in tiles)
    return f"<div class=tiles>{''.join(cells)}</div>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    def row(tag: str, cells: Sequence[str]) -> str:
        marked = (
            f"<{tag}{' class=n' if index in numbers else ''}>{cell}</{tag}>"
            for index, cell in enumerate(cells)
        )
        return f"<tr>{''.join(marked)}</tr>"

    lines = [row("th", heads), *(row("td", cells) for cells in rows)]
    return f"<table>{''.join(lines)}</table>"


def _status(status: str) -> str:
    return f'<b style="color:{STATUS.get(status, "inherit")}">{_text(status)}</b>'


def _orders(orders: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for order in orders:
        score = order["score"]
        products = "<br>".join(
            f"{_text(p['slot'])}: {_text(p['product'])} {_status(p['status'])} "
            f"<span class=muted>{_text(p['reason'] or '')}</span>"
            for p in order["products"]
        )
        rows.append(
            (
                _text(order["order_id"]),
                _status(order["status"]),
                *(_number(order[key]) for key in ("announced_s", "started_s", "ended_s")),
                "-" if score is None else f"{score['points']:g} of {score['maximum']:g}",
                products,
            )
        )
    heads = ("order", "status", "announced s", "started s", "ended s", "score", "products")
    return _table(heads, rows, (2, 3, 4, 5))


def _arms(arms: Mapping[str, Mapping[str, Any]]) -> str:
    keys = ("busy_s", "idle_s", "waiting_s")
    rows = [
        (_text(name), *(_number(arm[key]) for key in keys), str(arm["picks"]))
        for name, arm in arms.items()
    ]
    return _table(("arm", "busy s", "idle s", "waiting s", "picks"), rows, (1, 2, 3, 4))


def _trouble(values: Mapping[str, Any]) -> str:
    rows = []
    for what in ("collisions", "parts_lost", "faults", "stops"):
        for item in values[what]:
            told = ", ".join(f"{key} {value}" for key, value in item.items() if key != "t")
            rows.append((_number(item["t"], 3), _text(what.replace("_", " ")), _text(told)))
    if not rows:
        return "<p>None: no collision, no lost part, no fault, no stop.</p>"
    return _table(("t s", "what", "details"), rows, (0,))


class _Axis:
    """The time axis that plots share."""

    def __init__(self, report: Report) -> None:
        self.start = 0.0 if report.begin is None else report.begin
        self.end = max(report.last, self.start + 1e-3)

    def x(self, time: float) -> float:
        share = (min(max(time, self.start), self.end) - self.start) / (self.end - self.start)
        return LEFT + share * (WIDTH - LEFT - 20)

    def ticks(self) -> list[float]:
        step = 10.0 ** math.floor(math.log10((self.end - self.start) / 4))
        while (self.end - self.start) / step > 12:
            step *= 2.5 if f"{step:e}".startswith("2") else 2
        first = math.ceil(self.start / step)
        return [first * step + i * step for i in range(int((self.end - first * step) / step) + 1)]

    def svg(self, height: int, content: Iterable[str], label: str) -> str:
        lines = [
            f'<line class="grid" x1="{self.x(t):.1f}" x2="{self.x(t):.1f}" y1="0" '
            f'y2="{height}"/><text x="{self.x(t):.1f}" y="{height + 15}" '
            f'text-anchor="middle">{t:g}</text>'
            for t in self.ticks()
        ]
        return (
            f'<svg viewBox="0 0 {WIDTH} {height + 34}" role="img" aria-label="{_text(label)}">'
            f"{''.join(lines)}{''.join(content)}"
            f'<text x="{WIDTH - 20}" y="{height + 31}" text-anchor="end">cell time, s</text></svg>'
        )


def _bar(
    axis: _Axis, lane: float, start: float, end: float, color: str, tip: str, *, bad: bool = False
) -> str:
    x = axis.x(start)
    width = max(axis.x(end) - x, 0.8)
    return (
        f'<rect x="{x:.1f}" y="{lane * LANE + 4:.1f}" width="{width:.1f}" height="{LANE - 8}" '
        f'rx="2" fill="{color}"{BAD if bad else ""}><title>{_text(tip)}</title></rect>'
    )


def _lane_name(lane: int, name: str) -> str:
    return f'<text x="0" y="{lane * LANE + 16}">{_text(name[:20])}</text>'


def order_plot(report: Report) -> str:
    """Return a plot of the orders over time: announced (light), worked (full)."""
    axis = _Axis(report)
    content: list[str] = []
    for lane, order in enumerate(report.orders.values()):
        content.append(_lane_name(lane, order.order_id))
        end = report.last if order.ended is None else order.ended
        color = STATUS.get(order.status, "#6b7280")
        if order.announced is not None:
            begun = end if order.started is None else order.started
            tip = f"{order.order_id}: announced at {order.announced:.1f} s"
            content.append(_bar(axis, lane, order.announced, begun, color + "55", tip))
        if order.started is not None:
            tip = f"{order.order_id}: {order.status}, {order.started:.1f} to {end:.1f} s"
            content.append(_bar(axis, lane, order.started, end, color, tip))
    return axis.svg(max(1, len(report.orders)) * LANE, content, "orders over time")


def arm_plot(report: Report) -> str:
    """Return a plot of what each arm did over time, by skill, with its key."""
    axis = _Axis(report)
    content: list[str] = []
    colors: dict[str, str] = {}
    for lane, name in enumerate(report.arms):
        content.append(_lane_name(lane, name))
        activities = sorted(report.activities(name), key=lambda a: (a.what == "waiting", a.start))
        for item in activities:
            if item.what == "waiting":
                color = WAITING
            else:
                color = colors.setdefault(item.what, PALETTE[len(colors) % len(PALETTE)])
            tip = f"{item.what} {item.outcome}, {item.start:.2f} to {item.end:.2f} s"
            bad = item.outcome not in ("", "done")
            content.append(_bar(axis, lane, item.start, item.end, color, tip, bad=bad))
    named = [*colors.items(), ("waiting", WAITING), ("ended badly (outlined)", "#b3392f")]
    key = "".join(
        f'<span class=key><i style="background:{color}"></i>{_text(what)}</span>'
        for what, color in named
    )
    plot = axis.svg(max(1, len(report.arms)) * LANE, content, "what the arms did over time")
    return f"<p>{key}</p>{plot}"


def placed_plot(report: Report) -> str:
    """Return a plot of the number of parts placed over time."""
    axis = _Axis(report)
    height, top = 160, max(1, len(report.placed))
    points = [f"{axis.x(axis.start):.1f},{height}"]
    for count, time in enumerate(report.placed, start=1):
        x = axis.x(time)
        points.append(f"{x:.1f},{height - (count - 1) / top * (height - 12):.1f}")
        points.append(f"{x:.1f},{height - count / top * (height - 12):.1f}")
    points.append(f"{axis.x(axis.end):.1f},{points[-1].split(',')[1]}")
    content = [
        f'<polyline points="{" ".join(points)}" fill="none" stroke="{PALETTE[0]}" '
        'stroke-width="2"/>',
        f'<text x="0" y="16">{len(report.placed)} parts</text><text x="0" y="{height}">0</text>',
    ]
    return axis.svg(height, content, "parts placed over time")
