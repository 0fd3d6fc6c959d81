"""Files of orders: every wrong reference is found, at its place, all at once."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from smart_cell.model.errors import InputError, Problem
from smart_cell.model.loading import load_orders
from smart_cell.model.orders import OrderFile
from support.cells import order_data, small_cell


def read(folder: Path, data: Any) -> tuple[OrderFile | None, tuple[Problem, ...]]:
    cell = small_cell(folder)
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    warnings: list[Problem] = []
    try:
        return load_orders(path, cell, warnings), tuple(warnings)
    except InputError as error:
        return None, error.problems


CASES: dict[str, tuple[tuple[str | int, ...], Any, str]] = {
    "type": (
        (0, "products", 0, "type"),
        "ball",
        "there is no part type 'ball'; allowed: cube, disc",
    ),
    "color": (
        (0, "products", 0, "color"),
        "green",
        "no cube in colour 'green'; allowed: red, blue",
    ),
    "slot": ((0, "products", 0, "slot"), "9", "the tray has no slot '9'; allowed: 1, 2"),
    "transporter": ((0, "transporter"), "shutle", "did you mean 'shuttle'?"),
    "destination": ((0, "destination"), "moon", "there is no station 'moon'; allowed: here, out"),
    "tray": ((0, "tray_id"), 7, "there is no tray 7; there are: 1, 2"),
    "negative_priority": ((0, "priority"), -1, "greater than or equal to 0; got -1"),
    "negative_time": ((0, "announcement"), {"time_s": -1.0}, "greater than or equal to 0"),
    "two_conditions": ((0, "announcement"), {"time_s": 1.0, "submitted": "b"}, "at most one"),
    "unknown_awaited": ((1, "announcement"), {"submitted": "z"}, "order 'z', which is not in"),
    "circle": ((0, "announcement"), {"submitted": "b"}, "wait for each other: a -> b -> a"),
    "awaits_itself": ((0, "announcement"), {"submitted": "a"}, "wait for each other: a -> a"),
    "placed_transporter": (
        (0, "announcement"),
        {"placed": ["x", "cube", "red"]},
        "there is no transporter 'x'",
    ),
    "placed_part": (
        (0, "announcement"),
        {"placed": ["shuttle", "cube", "green"]},
        "no cube in colour 'green'",
    ),
    "no_products": ((0, "products"), [], "orders[0].products"),
    "kind": ((0, "kind"), "assembly", "must be 'kitting'"),
    "bad_id": ((0, "order_id"), "a b", "orders[0].order_id"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_problem_is_found_at_its_place(tmp_path: Path, name: str) -> None:
    path, value, words = CASES[name]
    data = order_data()
    target: Any = data["orders"]
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    orders, found = read(tmp_path, data)
    assert orders is None
    assert any(words in problem.message for problem in found), found
    assert all(problem.line > 0 for problem in found)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    data = order_data()
    data["orders"][0]["products"][0]["type"] = "ball"
    data["orders"][1]["priority"] = -4
    data["orders"].append({**copy.deepcopy(data["orders"][0]), "order_id": "c", "destination": "x"})
    _, found = read(tmp_path, data)
    assert {p.message.split(":")[0] for p in found} == {
        "orders[0].products[0].type",
        "orders[1].priority",
        "orders[2].products[0].type",
        "orders[2].destination",
    }


def test_repeated_order_with_the_same_content_is_taken_once(tmp_path: Path) -> None:
    data = order_data()
    data["orders"].append(copy.deepcopy(data["orders"][0]))
    orders, found = read(tmp_path, data)
    assert orders is not None
    assert [order.order_id for order in orders.orders] == ["a", "b"]
    assert [p.warning for p in found] == [True]


def test_repeated_order_with_other_content_is_refused(tmp_path: Path) -> None:
    data = order_data()
    data["orders"].append({**copy.deepcopy(data["orders"][0]), "priority": 3})
    orders, found = read(tmp_path, data)
    assert orders is None
    assert "order 'a' is already given with other content" in found[0].message


def test_slots_may_be_written_as_numbers(tmp_path: Path) -> None:
    data = order_data()
    data["orders"][0]["products"][0]["slot"] = 1
    orders, _ = read(tmp_path, data)
    assert orders is not None
    assert orders.orders[0].products[0].slot == "1"


def test_supply_of_the_file_decides_which_trays_there_are(tmp_path: Path) -> None:
    data = order_data()
    data["orders"][0]["tray_id"] = 7
    data["supply"] = {"trays": [{"tray_id": 7, "table": "stack", "slot": 1}]}
    orders, found = read(tmp_path, data)
    assert orders is not None
    assert found == ()


def test_problems_of_the_supply_are_found(tmp_path: Path) -> None:
    data = order_data()
    data["supply"] = {"parts": [{"place": "bin", "slot": 7, "type": "cube", "color": "red"}]}
    _, found = read(tmp_path, data)
    assert found[0].message.startswith("supply.parts[0].slot: there is no slot of 'bin' '7'")


@pytest.mark.parametrize("data", [{}, {"orders": []}, {"orders": 3}, {"orders": [3]}, [], 3, "x"])
def test_other_things_than_orders_are_refused(tmp_path: Path, data: Any) -> None:
    orders, found = read(tmp_path, data)
    assert orders is None
    assert found


def test_a_list_of_wrong_items_is_not_called_empty(tmp_path: Path) -> None:
    data = order_data()
    data["orders"] = [{**data["orders"][0], "priority": -1}]
    _, found = read(tmp_path, data)
    assert [problem.message.split(":")[0] for problem in found] == ["orders[0].priority"]
