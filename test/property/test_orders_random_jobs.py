"""The generator of random jobs: seeded, and all that it makes can be taken in."""

from __future__ import annotations

import pytest

from smart_cell.model.cell import load_cell
from smart_cell.production.validation import check_order
from support.random_jobs import random_job


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_jobs_are_repeatable_differ_by_seed_and_fit_the_cell(name: str) -> None:
    cell = load_cell(name)
    cases = [random_job(cell, seed) for seed in range(60)]
    assert cases == [random_job(cell, seed) for seed in range(60)]
    assert len({case.job.model_dump_json() for case in cases}) == 60
    for case in cases:
        trays = [tray.tray_id for tray in case.job.supply.trays]
        for order in case.job.orders:
            assert check_order(order, cell.description, trays) == ()
    ends = [end for case in cases for end in case.expected.values()]
    assert 0.02 < ends.count("partial") / len(ends) < 0.3
