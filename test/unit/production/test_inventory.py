"""Keepers of parts, and which parts may be taken."""

from __future__ import annotations

from typing import Any

import pytest

from smart_cell.model.geometry import Pose
from smart_cell.model.ports import TrackedPart
from smart_cell.production.errors import InventoryError
from smart_cell.production.inventory import Inventory, Survey

GEAR = ("gear", "red")


def part(part_id: str, **fields: Any) -> TrackedPart:
    values: dict[str, Any] = {
        "type": "gear", "color": "red", "pose": Pose(), "velocity": (0.0, 0.0, 0.0),
        "location": "bin:b1", "flipped": False, "time": 0.0, "last_seen": 0.0, **fields,
    }  # fmt: skip
    return TrackedPart(part_id, **values)


def test_part_has_one_keeper() -> None:
    inventory = Inventory()
    inventory.reserve("p1", "order/slot1")
    inventory.reserve("p1", "order/slot1")
    with pytest.raises(InventoryError, match="kept for order/slot1; order/slot2 cannot"):
        inventory.reserve("p1", "order/slot2")
    assert inventory.keeper("p1") == "order/slot1"


def test_only_the_keeper_gives_a_part_back() -> None:
    inventory = Inventory()
    inventory.reserve("p1", "a")
    with pytest.raises(InventoryError, match="kept for a, not for b"):
        inventory.release("p1", "b")
    inventory.release("p1", "a")
    with pytest.raises(InventoryError, match="kept for nobody"):
        inventory.release("p1", "a")
    assert inventory.keeper("p1") is None


def test_part_is_given_up_after_two_failures() -> None:
    inventory = Inventory()
    inventory.note_failure("p1")
    assert not inventory.given_up("p1")
    inventory.note_failure("p1")
    assert inventory.given_up("p1")
    assert not inventory.given_up("p2")


def test_parts_are_sorted_by_what_can_be_done_with_them() -> None:
    inventory = Inventory()
    inventory.reserve("kept", "x")
    inventory.note_failure("bad")
    inventory.note_failure("bad")
    survey = Survey(
        [
            part("ok"),
            part("belt", location="conveyor:c"),
            part("kept"),
            part("flipped", flipped=True),
            part("bad"),
            part("fallen", location="loose"),
            part("placed", location="tray:agv1"),
            part("blue", color="blue"),
        ],
        GEAR,
        inventory,
    )
    assert [item.part_id for item in survey.usable] == ["ok", "belt"]
    assert [item.part_id for item in survey.kept] == ["kept"]
    assert [item.part_id for item in survey.elsewhere] == ["fallen", "placed"]
    assert survey.reason() == (
        "no red gear left: 2 in view cannot be brought to the slot by any arm; "
        "1 in view upside down, and parts are not turned over yet; "
        "1 in view could not be taken twice; 2 on trays or fallen"
    )


def test_reason_says_that_none_is_seen() -> None:
    assert Survey([], GEAR, Inventory()).reason() == "no red gear left: none is in view"
