"""Scores of kitting orders against values worked out by hand from the published formula."""

from __future__ import annotations

from typing import Any

import pytest

from smart_cell.model.orders import KittingOrder
from smart_cell.model.ports import SlotContent, TrayContent
from smart_cell.production.scoring import Score, maximum, score, unsubmitted
from support.fake_cell import kit

ORDER = kit("o", [("battery", "blue", "3"), ("pump", "purple", "1")], "warehouse", tray_id=3)
BATTERY = SlotContent("3", "battery", "blue", flipped=False, correct_pose=True)
PUMP = SlotContent("1", "pump", "purple", flipped=False, correct_pose=True)


def changed(slot: SlotContent, **changes: Any) -> SlotContent:
    return SlotContent(**{**slot.__dict__, **changes})


def points(*slots: SlotContent, **fields: Any) -> int:
    where = fields.pop("station", "warehouse")
    rules = fields.pop("rules", "ariac2024")
    order: KittingOrder = fields.pop("order", ORDER)
    content = TrayContent(fields.pop("tray_id", 3), slots, **fields)
    return score(order, content, where, rules).points


def test_perfect_kit_has_tray_products_and_bonus() -> None:
    assert points(BATTERY, PUMP) == 1 + 3 + 3 + 2 == maximum(ORDER)


@pytest.mark.parametrize(("count", "most"), [(1, 5), (2, 9), (4, 17)])
def test_maximum_is_one_and_four_for_each_product(count: int, most: int) -> None:
    order = kit("o", [("pump", "red", str(n)) for n in range(count)], "warehouse")
    assert maximum(order) == most


def test_wrong_color_brings_two_and_no_bonus() -> None:
    assert points(changed(BATTERY, color="red"), PUMP) == 1 + 2 + 3


@pytest.mark.parametrize("change", [{"type": "sensor"}, {"flipped": True}, {"correct_pose": False}])
def test_wrong_type_flipped_or_out_of_place_brings_nothing(change: dict[str, Any]) -> None:
    assert points(changed(BATTERY, **change), PUMP) == 1 + 0 + 3


def test_missing_product_brings_nothing_and_costs_nothing() -> None:
    assert points(PUMP) == 1 + 3


def test_each_extra_part_costs_one() -> None:
    other = SlotContent("2", "pump", "red", flipped=False, correct_pose=True)
    assert points(BATTERY, PUMP, other) == 9 - 1
    assert points(BATTERY, PUMP, other, extra=2) == 9 - 3


def test_part_beside_the_slots_is_no_extra_part_while_products_are_missing() -> None:
    assert points(PUMP, extra=1) == 1 + 3


def test_wrong_tray_costs_one_and_brings_none() -> None:
    assert points(BATTERY, PUMP, tray_id=4) == 8 - 1


def test_score_is_never_below_zero() -> None:
    assert points(tray_id=4) == 0
    assert points(tray_id=None, extra=5) == 0


def test_wrong_destination_brings_nothing() -> None:
    assert points(BATTERY, PUMP, station="kitting") == 0


def test_any_tray_is_right_when_none_is_named() -> None:
    order = ORDER.model_copy(update={"tray_id": None})
    assert points(BATTERY, PUMP, order=order, tray_id=7) == 9
    assert points(order=order, tray_id=None) == 0


def test_priority_order_counts_three_times() -> None:
    order = ORDER.model_copy(update={"priority": 1})
    assert points(BATTERY, PUMP, order=order) == 27
    assert maximum(order) == 27
    assert unsubmitted(order) == Score(0, 27)


def test_trial_total_is_the_sum() -> None:
    urgent = ORDER.model_copy(update={"priority": 1})
    content = TrayContent(3, (BATTERY, PUMP))
    total = score(ORDER, content, "warehouse") + score(urgent, content, "warehouse")
    assert total == Score(36, 36)


def test_rules_of_2023_give_three_for_the_tray_and_partial_credit_for_flipped_parts() -> None:
    assert points(BATTERY, PUMP, rules="ariac2023") == 3 + 6 + 2
    assert points(changed(BATTERY, flipped=True), PUMP, rules="ariac2023") == 3 + 2 + 3
    both = changed(BATTERY, flipped=True, color="red")
    assert points(both, PUMP, rules="ariac2023") == 3 + 1 + 3
    assert points(PUMP, tray_id=4, rules="ariac2023") == 3
