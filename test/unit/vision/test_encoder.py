"""A belt's encoder over time."""

from __future__ import annotations

import pytest

from smart_cell.model.ports import ConveyorState
from smart_cell.vision.encoder import BeltHistory


def history(*states: tuple[float, float, float]) -> BeltHistory:
    belt = BeltHistory()
    for time, speed, position in states:
        belt.add(ConveyorState(time, speed > 0.0, speed, position))
    return belt


def test_position_is_interpolated_between_readings_and_goes_on_after_the_last() -> None:
    belt = history((1.0, 0.2, 0.0), (2.0, 0.2, 0.2), (3.0, 0.1, 0.3))
    assert belt.position(1.5) == pytest.approx(0.1)
    assert belt.position(2.5) == pytest.approx(0.25)
    assert belt.position(5.0) == pytest.approx(0.5)
    assert belt.speed == 0.1


def test_nothing_is_known_before_the_first_reading() -> None:
    assert history().position(1.0) is None
    assert history((1.0, 0.2, 0.0)).position(0.9) is None
    assert not history().is_fresh(0.0)


def test_old_readings_come_too_late_to_count() -> None:
    belt = history((1.0, 0.2, 0.0), (2.0, 0.2, 0.2))
    belt.add(ConveyorState(1.5, True, 9.0, 9.0))
    assert belt.speed == 0.2
    assert belt.position(1.5) == pytest.approx(0.1)


def test_readings_are_fresh_for_300_ms_and_kept_for_some_seconds() -> None:
    belt = history(*((0.1 * i, 0.2, 0.02 * i) for i in range(100)))
    assert belt.is_fresh(9.9 + 0.29)
    assert not belt.is_fresh(9.9 + 0.31)
    assert belt.position(5.0) == pytest.approx(1.0)
    assert belt.position(1.0) is None
