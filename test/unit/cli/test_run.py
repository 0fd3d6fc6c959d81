"""``smart-cell run``: what is made of the supervisor's word; the processes are not started here."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from smart_cell.bringup import ProcessSpec
from smart_cell.cli import reachability
from smart_cell.cli.main import execute
from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Pose
from smart_cell.nodes import supervisor
from smart_cell.nodes.supervisor import Listener, Outcome
from support.cells import order_data, write_cell
from support.events import run_events


class AllInReach:
    """Reach without limits."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def can_reach(self, arm: str, pose: Pose) -> bool:
        return True


@pytest.fixture
def supervised(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Outcome | Exception, list[dict[str, Any]]], list[Sequence[ProcessSpec]]]:
    """Return a function that puts a supervisor in place which tells of events and then ends."""
    monkeypatch.setattr(reachability, "_runtime_reach", AllInReach)

    def prepare(
        outcome: Outcome | Exception, events: list[dict[str, Any]]
    ) -> list[Sequence[ProcessSpec]]:
        started: list[Sequence[ProcessSpec]] = []

        async def supervise(
            specs: Sequence[ProcessSpec], listener: Listener, *_: object, **__: object
        ) -> Outcome:
            started.append(specs)
            listener.log("[cell] INFO: hello")
            listener.up()
            for event in events:
                fields = {k: v for k, v in event.items() if k not in ("t", "kind")}
                listener.event(event["t"], event["kind"], fields)
                listener.tick(event["t"])
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        monkeypatch.setattr(supervisor, "supervise", supervise)
        return started

    return prepare


def run(folder: Path, *options: str) -> int:
    cell = folder / "cell.yaml"
    if not cell.exists():
        write_cell(folder)
    return execute(["run", "--cell", str(cell), "--report", str(folder / "report"), *options])


def test_good_run(tmp_path: Path, supervised: Any, capsys: pytest.CaptureFixture[str]) -> None:
    started = supervised(Outcome(0), run_events())
    assert run(tmp_path, "--seed", "7", "--timeout", "60", "--no-panel") == 0
    arguments = started[0][-1].arguments
    assert arguments[arguments.index("--seed") + 1] == "7"
    assert arguments[arguments.index("--timeout") + 1] == "60.0"
    assert [spec.name for spec in started[0]] == ["simulation", "control", "cell"]
    captured = capsys.readouterr()
    assert "2 of 2 orders done" in captured.out
    assert "hello" in captured.out
    values = json.loads((tmp_path / "report" / "report.json").read_text())
    assert values["ok"] is True
    assert values["body"] == "simulate"


@pytest.mark.parametrize(
    ("outcome", "events", "code"),
    [
        (Outcome(0), run_events()[:5], 1),
        (Outcome(1), run_events()[:5], 1),
        (Outcome(3, "process control was killed by SIGKILL"), run_events()[:5], 3),
        (Outcome(130, "stopped by Ctrl-C"), run_events()[:5], 130),
        (Outcome(2), [], 2),
        (SmartCellError("process cell can not be started"), [], 3),
    ],
)
def test_exit_codes_and_the_report_that_is_always_left(
    tmp_path: Path,
    supervised: Any,
    capsys: pytest.CaptureFixture[str],
    outcome: Any,
    events: list[dict[str, Any]],
    code: int,
) -> None:
    supervised(outcome, events)
    assert run(tmp_path) == code
    reason = str(outcome) if isinstance(outcome, Exception) else outcome.reason
    error = capsys.readouterr().err
    assert reason in error
    assert "Traceback" not in error
    values = json.loads((tmp_path / "report" / "report.json").read_text())
    assert values["ok"] is False


def test_slow_run_is_warned_of(
    tmp_path: Path,
    supervised: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    supervised(Outcome(0), run_events())
    from smart_cell.recording import report

    whole = report.Report.as_dict
    monkeypatch.setattr(
        report.Report, "as_dict", lambda self, wall: {**whole(self, wall), "real_time_factor": 0.5}
    )
    assert run(tmp_path) == 0
    assert "warning: the run was slower than real time: factor 0.50" in capsys.readouterr().err


def test_bad_input_starts_nothing(
    tmp_path: Path, supervised: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    started = supervised(Outcome(0), [])
    orders = order_data()
    orders["orders"][0]["products"][0]["type"] = "ball"
    write_cell(tmp_path, orders=orders)
    assert run(tmp_path) == 2
    assert started == []
    assert "there is no part type 'ball'" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_report_folder_that_cannot_be_written(
    tmp_path: Path, supervised: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    started = supervised(Outcome(0), [])
    (tmp_path / "report").write_text("")
    assert run(tmp_path) == 2
    assert started == []
    assert "can not be written" in capsys.readouterr().err


def test_panel_is_said_to_be_missing(
    tmp_path: Path, supervised: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    supervised(Outcome(0), run_events())
    assert run(tmp_path, "--panel") == 0
    assert "no operator's panel" in capsys.readouterr().err
