"""Progress and final table: what a reader sees, with and without a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from smart_cell.recording.progress import Progress, summary
from smart_cell.recording.report import Report
from support.events import event, job, run_events


class Steady:
    """Steady time that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def shown(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120, _environ={})
    report, steady = Report(["arm"], job().orders), Steady()
    with Progress(console, report, steady) as progress:
        for item in run_events():
            report.add(item)
            steady.time += 0.2
            progress.add(item)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_plain_lines_where_there_is_no_terminal() -> None:
    text = shown(terminal=False)
    assert "\x1b" not in text
    lines = text.splitlines()
    assert lines[0].split() == ["1.0", "s", "order", "a", "announced"]
    assert "arm placed a red cube in slot 1 of shuttle" in text
    assert "order b done, 2/2 parts" in text


def test_live_display_where_there_is_a_terminal() -> None:
    text = shown(terminal=True)
    assert "\x1b" in text
    assert "pick" in text
    assert "in work" in text


def test_display_is_drawn_no_more_often_than_its_period() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, _environ={})
    report, steady = Report(["arm"], job().orders), Steady()
    with Progress(console, report, steady) as progress:
        progress.tick(0.0)
        file = console.file
        assert isinstance(file, io.StringIO)
        before = len(file.getvalue())
        for number in range(100):
            progress.tick(number * 0.01)
        assert len(file.getvalue()) == before
        steady.time = 0.2
        progress.tick(1.0)
        assert len(file.getvalue()) > before


def test_event_with_missing_fields_is_shown_all_the_same() -> None:
    console = Console(file=io.StringIO(), width=120, _environ={})
    report = Report()
    progress = Progress(console, report)
    for kind in ("collision", "fault", "part_lost", "stop", "order_refused"):
        progress.add(event(0.0, kind))
    file = console.file
    assert isinstance(file, io.StringIO)
    assert file.getvalue().count("?") > 4


def table(scoring: bool) -> str:
    report = Report(["arm"], job().orders)
    for item in run_events():
        if scoring and item["kind"] == "order_ended":
            item["score"] = {"points": 9, "maximum": 9}
        report.add(item)
    console = Console(file=io.StringIO(), width=120, _environ={})
    console.print(summary(report.as_dict(2.0)))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_final_table() -> None:
    text = table(scoring=False)
    assert "2 of 2 orders done, 4 parts, makespan 20.0 s, 720 parts/h" in text
    assert "real-time factor 11.00" in text
    assert "0 collisions, 0 parts lost, 0 faults, 0 stops" in text
    assert "everything ended as it should" in text
    assert "score" not in text
    assert ["arm", "4.0", "14.0", "2.0", "1"] in [line.split() for line in text.splitlines()]


def test_final_table_of_a_trial_has_the_score() -> None:
    assert "score 18/18" in table(scoring=True)
