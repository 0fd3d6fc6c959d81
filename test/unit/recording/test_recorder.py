"""The recorder: files that are there however a run ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smart_cell.recording.recorder import Recorder, RecordingError
from support.cells import small_cell
from support.events import job, run_events


def feed(recorder: Recorder) -> None:
    for item in run_events():
        fields = {key: value for key, value in item.items() if key not in ("t", "kind")}
        recorder.log.record(item["t"], item["kind"], fields)


def test_files_of_a_whole_run(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "report"
    with Recorder(small_cell(tmp_path), job(), folder) as recorder:
        feed(recorder)
    lines = (folder / "events.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == run_events()
    values = json.loads((folder / "report.json").read_text())
    assert values["ok"] is True
    assert values["arms"]["arm"]["picks"] == 1
    assert "<svg" in (folder / "report.html").read_text()


def test_files_are_left_by_a_run_that_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    values = json.loads((tmp_path / "report" / "report.json").read_text())
    assert values["ok"] is False
    assert [order["status"] for order in values["orders"]] == ["open", "open"]
    assert (tmp_path / "report" / "report.html").is_file()


def interrupted(folder: Path) -> None:
    with Recorder(small_cell(folder), job(), folder / "report") as recorder:
        recorder.log.record(0.0, "run_started", {"cell": "small", "body": "run", "seed": 0})
        raise KeyboardInterrupt


def test_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(small_cell(tmp_path), job(), tmp_path / "file" / "report")
    with pytest.raises(RecordingError, match="can not be written"):
        recorder.__enter__()


def test_run_without_a_folder_leaves_nothing(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    before = sorted(tmp_path.iterdir())
    with Recorder(cell, job()) as recorder:
        feed(recorder)
    assert recorder.values()["ok"] is True
    assert sorted(tmp_path.iterdir()) == before
