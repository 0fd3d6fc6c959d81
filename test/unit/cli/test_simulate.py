"""``smart-cell simulate``: exit codes, the report that is always left, bad input; a fake body."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from smart_cell.cli import reachability
from smart_cell.cli.main import execute
from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Pose
from smart_cell.model.orders import Job
from smart_cell.recording.events import EventLog
from smart_cell.simulation import body
from support.ariac import TRIAL, trial_file
from support.cells import order_data, write_cell
from support.events import run_events

Body = Callable[[Cell, Job, int, EventLog], Any]


class Reach:
    """Reach of everything but what lies further out than x."""

    farthest = 100.0

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def can_reach(self, arm: str, pose: Pose) -> bool:
        return pose.xyz[1] < self.farthest


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Job, int]]:
    """Put a body in place that tells of a good run; return what it was called with."""
    calls: list[tuple[Job, int]] = []

    def simulate(cell: Cell, job: Job, seed: int, events: EventLog) -> None:
        calls.append((job, seed))
        feed(events)

    monkeypatch.setattr(reachability, "_runtime_reach", Reach)
    monkeypatch.setattr(body, "simulate", simulate)
    return calls


def feed(events: EventLog, count: int | None = None) -> None:
    for event in run_events()[:count]:
        fields = {key: value for key, value in event.items() if key not in ("t", "kind")}
        events.record(event["t"], event["kind"], fields)


def simulate(folder: Path, *options: str) -> int:
    cell = folder / "cell.yaml"
    if not cell.exists():
        write_cell(folder)
    return execute(["simulate", "--cell", str(cell), "--report", str(folder / "report"), *options])


def report(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "report" / "report.json").read_text())
    return values


def test_good_run_ends_with_0(
    tmp_path: Path, fake: list[tuple[Job, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulate(tmp_path, "--seed", "7") == 0
    assert fake[0][1] == 7
    out = capsys.readouterr().out
    assert "everything ended as it should" in out
    assert str(tmp_path / "report" / "report.html") in out
    assert report(tmp_path)["ok"] is True


@pytest.mark.parametrize(
    ("error", "code"),
    [(None, 1), (KeyboardInterrupt(), 130), (SmartCellError("arm broken"), 3), (OSError("x"), 3)],
)
def test_run_that_ends_early_leaves_its_report(
    tmp_path: Path,
    fake: list[tuple[Job, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException | None,
    code: int,
) -> None:
    def broken(cell: Cell, job: Job, seed: int, events: EventLog) -> None:
        feed(events, 6)
        if error is not None:
            raise error

    monkeypatch.setattr(body, "simulate", broken)
    assert simulate(tmp_path) == code
    assert report(tmp_path)["ok"] is False
    if isinstance(error, SmartCellError):
        assert "arm broken" in capsys.readouterr().err


def test_termination_ends_a_run_like_ctrl_c(
    tmp_path: Path, fake: list[tuple[Job, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def terminated(cell: Cell, job: Job, seed: int, events: EventLog) -> None:
        feed(events, 6)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(body, "simulate", terminated)
    before = signal.getsignal(signal.SIGTERM)
    assert simulate(tmp_path) == 130
    assert signal.getsignal(signal.SIGTERM) is before
    assert report(tmp_path)["ok"] is False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "ball"}, "there is no part type 'ball'"),
        ({"slot": "9"}, "the tray has no slot '9'"),
        ({"count": -3}, "unknown key"),
    ],
)
def test_bad_orders_are_refused_with_place_and_2(
    tmp_path: Path,
    fake: list[tuple[Job, int]],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, Any],
    words: str,
) -> None:
    orders = order_data()
    orders["orders"][0]["products"][0].update(change)
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(orders))
    assert simulate(tmp_path, "--orders", str(path)) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith(f"{path}:")
    assert fake == []


def test_order_for_an_unreachable_slot_is_refused(
    tmp_path: Path,
    fake: list[tuple[Job, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Reach, "farthest", 0.05)
    assert simulate(tmp_path) == 2
    assert "slot '2' on shuttle is out of reach of every arm" in capsys.readouterr().err
    assert fake == []


def test_large_missing_and_foreign_files_are_refused_with_2(
    tmp_path: Path, fake: list[tuple[Job, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"orders:\n" + b"# fill\n" * 1_500_000)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(bytes(range(256)))
    for name in (large, binary, tmp_path / "none.yaml", tmp_path):
        assert simulate(tmp_path, "--orders", str(name)) == 2
        error = capsys.readouterr().err
        assert str(name) in error
        assert "Traceback" not in error
    assert execute(["simulate", "--cell", "nothing"]) == 2
    assert "ariac, kitting" in capsys.readouterr().err
    assert fake == []


def test_trial_chooses_the_ariac_cell_and_prints_warnings(
    tmp_path: Path, fake: list[tuple[Job, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL.replace("'pi/6'", "1.57"))
    execute(["simulate", "--trial", str(path)])
    assert fake[0][0].scoring == "ariac2024"
    assert f"{path}:23:19: warning: " in capsys.readouterr().err
    assert execute(["simulate", "--trial", str(path), "--strict"]) == 2


def test_malformed_trial_ends_with_2_and_names_the_line(
    fake: list[tuple[Job, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    path = trial_file("malformed_2023.yaml")
    assert execute(["simulate", "--cell", "ariac", "--trial", str(path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{path}:82:")
    assert len(error.splitlines()) == 1
    assert fake == []
