"""The body in virtual time: whole small runs, repeated, interrupted, limited."""

from __future__ import annotations

import io
import json
import signal
from typing import Any

import numpy as np
import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.orders import Job
from smart_cell.recording.events import EventLog
from smart_cell.simulation.body import Body, simulate

PARTS = [
    {"type": "gear", "color": "red", "offset": 0.4, "count": 3},
    {"type": "valve", "color": "red", "offset": -0.6, "rotation_rad": 1.0, "count": 3},
]


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("kitting")


def _job(order: str = "sequential", **product: Any) -> Job:
    products = [
        {"type": "gear", "color": "red", "slot": "1", **product},
        {"type": "valve", "color": "red", "slot": "4"},
    ]
    return Job.model_validate(
        {
            "orders": [{"order_id": "one", "destination": "out", "products": products}],
            "supply": {
                "belts": [
                    {
                        "conveyor": "infeed",
                        "period_s": 3.0,
                        "half_spread_m": 0.05,
                        "order": order,
                        "parts": PARTS,
                    }
                ]
            },
        }
    )


def _log(cell: Cell, seed: int) -> str:
    stream = io.StringIO()
    outcome = simulate(cell, _job("random"), seed, EventLog(stream))
    assert outcome.ok, outcome.reason
    return stream.getvalue()


def test_same_seed_gives_the_same_log_and_another_one_another(cell: Cell) -> None:
    first = _log(cell, 3)
    assert first == _log(cell, 3)
    assert first.splitlines()[1:] != _log(cell, 4).splitlines()[1:]


def test_log_of_a_run_is_whole_and_clean(cell: Cell) -> None:
    events = [json.loads(line) for line in _log(cell, 0).splitlines()]
    kinds = [event["kind"] for event in events]
    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert events[-1]["ok"] is True
    assert not {"collision", "part_lost", "fault", "spawn_delayed"} & set(kinds)
    assert kinds.count("part_placed") == 2
    assert kinds.count("tray_delivered") == 1
    times = [event["t"] for event in events]
    assert times == sorted(times)


def test_interrupt_stops_the_arms_on_their_way_and_ends_the_run(cell: Cell) -> None:
    events: list[Any] = []
    log = EventLog(listeners=[events.append])
    body = Body(cell, _job(), 0, log)
    speeds: list[float] = []

    def interrupt() -> None:
        moving = [abs(arm.joint_state().velocity).max() for arm in body.twin.arms.values()]
        if max(moving) < 0.2:
            body.twin.physics.at(body.twin.time + 0.02, interrupt)
            return
        speeds.append(float(max(moving)))
        signal.raise_signal(signal.SIGINT)

    body.twin.physics.at(1.0, interrupt)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        body.run()
    assert signal.getsignal(signal.SIGINT) is before
    assert speeds
    assert speeds[0] >= 0.2
    for arm in body.twin.arms.values():
        assert not arm.moving
        assert np.abs(arm.set_point()[1]).max() == 0.0
    assert events[-1]["kind"] == "run_ended"
    assert events[-1]["ok"] is False
    assert any(event["kind"] == "stop" for event in events)


def test_time_limit_ends_a_run_whose_parts_never_come(cell: Cell) -> None:
    events: list[Any] = []
    job = _job(color="blue")
    outcome = simulate(cell, job, 0, EventLog(listeners=[events.append]), time_limit=20.0)
    assert not outcome.ok
    assert events[-1]["t"] < 40.0
    ended = [event for event in events if event["kind"] == "order_ended"]
    assert [event["order_id"] for event in ended] == ["one"]
    assert ended[0]["status"] != "done"
    assert ended[0]["reason"]
