"""ARIAC trials with kitting orders, in the simulated cell: they score what can be scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from smart_cell.model.ariac import load_trial
from smart_cell.model.cell import Cell, load_cell
from smart_cell.recording.events import EventLog
from smart_cell.recording.invariants import Invariants
from smart_cell.simulation.body import simulate
from support.ariac import trial_file


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("ariac")


def run(cell: Cell, path: Path, seed: int = 0) -> list[dict[str, Any]]:
    """Work a trial; nothing may be violated. Return how the orders ended."""
    events: list[dict[str, Any]] = []
    log = EventLog()
    log.listen(lambda event: events.append(dict(event)))
    simulate(cell, load_trial(path, cell), seed, log)
    assert Invariants().read(events).finish() == ()
    return [event for event in events if event["kind"] == "order_ended"]


def points(ends: list[dict[str, Any]]) -> tuple[int, int]:
    """Return the sum of points and of what was possible."""
    scores = [end["score"] for end in ends]
    return sum(s["points"] for s in scores), sum(s["maximum"] for s in scores)


def task(agv: int, tray: int, *products: tuple[str, str, int]) -> dict[str, Any]:
    names = ("type", "color", "quadrant")
    return {
        "agv_number": agv,
        "tray_id": tray,
        "destination": "warehouse",
        "products": [dict(zip(names, product, strict=True)) for product in products],
    }


def trial(folder: Path, tasks: list[dict[str, Any]], **more: Any) -> Path:
    """Write a trial whose orders are announced at the start."""
    orders = [
        {
            "id": f"ORDER{i:03d}",
            "type": "kitting",
            "announcement": {"time_condition": 0},
            "priority": False,
            "kitting_task": content,
        }
        for i, content in enumerate(tasks)
    ]
    path = folder / "trial.yaml"
    path.write_text(yaml.safe_dump({"time_limit": -1, "orders": orders, **more}))
    return path


@pytest.mark.parametrize(
    ("name", "maximum"),
    [("kitting_2024.yaml", 9), ("four_pumps_2023.yaml", 17), ("conveyor_2024.yaml", 5)],
)
def test_nists_trial_does_not_reach_its_maximum(cell: Cell, name: str, maximum: int) -> None:
    ends = run(cell, trial_file(name))
    assert points(ends) == (maximum, maximum)
    assert {end["status"] for end in ends} == {"done"}


def test_trays_of_one_number_are_mixed_up(cell: Cell, tmp_path: Path) -> None:
    path = trial(
        tmp_path,
        [task(1, 4, ("battery", "red", 2)), task(2, 4, ("sensor", "blue", 3))],
        kitting_trays={"tray_ids": [4, 4], "slots": [1, 5]},
        parts={
            "bins": {
                "bin1": [{"type": "battery", "color": "red", "slots": [3]}],
                "bin6": [{"type": "sensor", "color": "blue", "slots": [5]}],
            }
        },
    )
    assert points(run(cell, path)) == (10, 10)


def test_wrong_and_surplus_parts_stay_on_a_tray(cell: Cell, tmp_path: Path) -> None:
    path = trial(
        tmp_path,
        [task(2, 7, ("regulator", "green", 1))],
        parts={
            "agvs": {
                "agv2": {
                    "tray_id": 7,
                    "parts": [
                        {"type": "pump", "color": "red", "quadrant": 1, "rotation": "pi/3"},
                        {"type": "battery", "color": "orange", "quadrant": 4},
                    ],
                }
            },
            "bins": {"bin2": [{"type": "regulator", "color": "green", "slots": [2, 5]}]},
        },
    )
    assert points(run(cell, path)) == (5, 5)


def test_what_is_missing_keeps_the_rest_from_being_delivered(cell: Cell, tmp_path: Path) -> None:
    path = trial(
        tmp_path,
        [task(4, 2, ("pump", "purple", 1), ("sensor", "red", 4))],
        kitting_trays={"tray_ids": [2], "slots": [6]},
        parts={"bins": {"bin5": [{"type": "pump", "color": "purple", "slots": [9]}]}},
    )
    (end,) = run(cell, path)
    assert (end["status"], end["score"]) == ("partial", {"points": 4, "maximum": 9})
    assert "no red sensor left" in end["reason"]
