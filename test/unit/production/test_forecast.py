"""How long parts from belts are waited for."""

from __future__ import annotations

from typing import Any

import pytest

from smart_cell.model.cell import load_cell
from smart_cell.model.supply import BeltPart, BeltSupply, Supply
from smart_cell.production.forecast import Forecast

DESCRIPTION = load_cell("kitting").description
INFEED = DESCRIPTION.conveyors["infeed"]
TRAVERSE = (INFEED.pick_to_x_m - INFEED.spawn_x_m) / INFEED.speed_m_s
GEAR = ("gear", "red")


def forecast(*parts: BeltPart, **fields: Any) -> Forecast:
    belt = BeltSupply(conveyor="infeed", period_s=2.0, parts=parts, **fields)
    return Forecast(DESCRIPTION, Supply(belts=(belt,)))


def gear(**fields: Any) -> BeltPart:
    return BeltPart(type="gear", color="red", **fields)


def housings(count: int) -> BeltPart:
    return BeltPart(type="housing", color="blue", count=count)


def test_one_cycle_and_the_way_are_waited_for() -> None:
    latest = forecast(gear(), housings(9)).latest(GEAR, since=100.0, start=0.0)
    assert latest == pytest.approx(100.0 + 11 * 2.0 + TRAVERSE)


def test_belt_without_the_part_is_not_waited_for() -> None:
    assert forecast(housings(9)).latest(GEAR, 0.0, 0.0) is None
    assert forecast(gear(flipped=True)).latest(GEAR, 0.0, 0.0) is None
    assert Forecast(DESCRIPTION, Supply()).latest(GEAR, 0.0, 0.0) is None


def test_supply_with_a_limit_is_waited_for_until_its_last_part_has_passed() -> None:
    limited = forecast(gear(), limit=5)
    assert limited.latest(GEAR, since=9.0, start=0.0) == pytest.approx(10.0 + TRAVERSE)
    assert limited.latest(GEAR, since=12.0 + TRAVERSE, start=0.0) is None


def test_supply_that_does_not_repeat_ends() -> None:
    once = forecast(gear(), housings(3), repeats=False)
    assert once.latest(GEAR, since=10.0 + TRAVERSE, start=0.0) is None
    assert once.latest(GEAR, since=7.0, start=0.0) == pytest.approx(8.0 + TRAVERSE)


def test_random_supply_is_waited_for_until_a_miss_is_next_to_impossible() -> None:
    latest = forecast(gear(), housings(9), order="random").latest(GEAR, 0.0, 0.0)
    assert latest is not None
    draws = (latest - TRAVERSE) / 2.0 - 1
    assert 0.9**draws <= 1e-6 < 0.9 ** (draws - 1)
    assert forecast(gear(), order="random").latest(GEAR, 0.0, 0.0) == pytest.approx(4.0 + TRAVERSE)
