"""Ten random kitting jobs in the simulated cell: the log must not violate any invariant."""

from __future__ import annotations

from typing import Any

import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.recording.events import EventLog
from smart_cell.recording.invariants import Invariants
from smart_cell.simulation.body import simulate
from support.random_jobs import random_job


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("kitting")


@pytest.mark.parametrize("seed", range(10))
def test_random_job_violates_nothing_and_ends_as_its_supply_allows(cell: Cell, seed: int) -> None:
    case = random_job(cell, seed)
    events: list[dict[str, Any]] = []
    log = EventLog()
    log.listen(lambda event: events.append(dict(event)))
    simulate(cell, case.job, seed, log)
    checker = Invariants().read(events)
    assert checker.finish() == ()
    for order_id, expected in case.expected.items():
        allowed = {"done"} if expected == "done" else {"partial", "failed"}
        assert checker.statuses()[order_id] in allowed
