"""Reachability: each thing that no arm with the duty reaches is reported at its place."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from smart_cell.cli.reachability import (
    cell_reachability,
    grasp_pose,
    order_reachability,
    seat_pose,
    standing,
)
from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.errors import Problem
from smart_cell.model.geometry import Pose
from smart_cell.model.yaml_reading import read_yaml
from support.cells import cell_data, order_data, small_cell, write_cell


class Reach:
    """Reach by a rule over arm and position."""

    def __init__(self, rule: Callable[[str, Pose], bool]) -> None:
        self.rule = rule

    def can_reach(self, arm: str, pose: Pose) -> bool:
        assert pose.matrix()[2, 2] == pytest.approx(-1.0)  # the cup looks down
        return self.rule(arm, pose)


def found(cell: Cell, rule: Callable[[str, Pose], bool]) -> list[Problem]:
    return list(cell_reachability(cell, read_yaml(cell.path), Reach(rule)))


def near(xyz: tuple[float, float, float]) -> Callable[[str, Pose], bool]:
    return lambda _, pose: math.dist(pose.xyz, xyz) > 0.08


def test_nothing_is_reported_when_all_is_in_reach(tmp_path: Path) -> None:
    assert found(small_cell(tmp_path), lambda *_: True) == []


@pytest.mark.parametrize(
    ("xyz", "words"),
    [
        ((0.1, -1.0, 0.72), "bins.bin: slot '2' is out of reach"),
        ((1.0, 0.1, 0.63), "transporters.shuttle: slot '2' of its tray at 'here'"),
        ((0.2 - 1.0, 0.0, 0.7), "tray_tables.stack.slots.2: slot '2' is out of reach"),
        ((0.0, 1.0, 0.5), "tool_changers.rack: is out of reach of every arm that changes tools"),
    ],
)
def test_place_out_of_reach_is_reported(
    tmp_path: Path, xyz: tuple[float, float, float], words: str
) -> None:
    problems = found(small_cell(tmp_path), near(xyz))
    assert [p.message.startswith(words) for p in problems] == [True]
    assert problems[0].line > 0


def test_belt_is_reported_only_if_its_whole_stretch_is_out_of_reach(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    assert found(cell, lambda _, pose: pose.xyz[1] > 0.9 or abs(pose.xyz[0]) > 0.05) == []
    problems = found(cell, lambda _, pose: pose.xyz[2] < 0.8)
    assert any("conveyors.belt.pick_from_x_m: the whole pick stretch" in str(p) for p in problems)


def test_arm_that_reaches_nothing_is_reported(tmp_path: Path) -> None:
    data = cell_data()
    data["arms"]["far"] = {**data["arms"]["arm"], "gripper": "second"}
    data["grippers"]["second"] = dict(data["grippers"]["cup"])
    cell = load_cell(write_cell(tmp_path, data))
    problems = found(cell, lambda arm, _: arm == "arm")
    assert [p.message for p in problems] == [
        "arms.far: the arm can reach no slot, belt or tray that it has a duty for"
    ]


def test_duty_counts(tmp_path: Path) -> None:
    data = cell_data()
    data["arms"]["arm"]["duties"] = ["parts"]
    cell = load_cell(write_cell(tmp_path, data))
    messages = [p.message for p in found(cell, lambda *_: True)]
    assert len(messages) == 2  # both slots of the tray table
    assert all("duty 'trays' (there is none)" in message for message in messages)


def test_transporter_without_a_tray_needs_a_seat_in_reach(tmp_path: Path) -> None:
    data = cell_data()
    data["transporters"]["shuttle"]["tray"] = None
    orders = order_data()
    orders["orders"][1].pop("tray_id")
    cell = load_cell(write_cell(tmp_path, data, orders))
    problems = found(cell, near((1.0, 0.0, 0.61)))
    assert [p.message[:33] for p in problems] == ["transporters.shuttle: its seat is"]


def test_slots_are_tried_where_the_transporter_is_filled(tmp_path: Path) -> None:
    data = cell_data()
    data["transporters"]["shuttle"]["home"] = "out"
    cell = load_cell(write_cell(tmp_path, data))
    seat = seat_pose(cell, "shuttle", "out")
    # one metre along x of the frame `table`, which is turned by a quarter
    np.testing.assert_allclose(seat.xyz, (1.0, 1.0, 0.6), atol=1e-12)
    problems = found(cell, near((1.0, 1.1, 0.63)))
    assert "slot '2' of its tray at 'out'" in problems[0].message


def test_orders_for_slots_out_of_reach_are_reported_at_the_product(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    path = cell.orders_path()
    assert path is not None
    orders = cell.job().orders
    document = read_yaml(path)
    assert order_reachability(cell, orders, document, Reach(lambda *_: True)) == ()
    problems = order_reachability(cell, orders, document, Reach(near((1.0, 0.1, 0.63))))
    assert [p.message.split(":")[0] for p in problems] == ["orders[1].products[0]"]
    assert "slot '2' on shuttle is out of reach" in problems[0].message
    assert problems[0].line > 0


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_arms_of_the_cells_that_ship_reach_everything(name: str) -> None:
    cell = load_cell(name)
    assert cell_reachability(cell, read_yaml(cell.path)) == ()
    path = cell.orders_path()
    assert path is not None
    assert order_reachability(cell, cell.job().orders, read_yaml(path)) == ()


def test_arm_that_stands_in_something_is_told_at_its_position(tmp_path: Path) -> None:
    cell = load_cell("kitting")
    data = yaml.safe_load(cell.path.read_text())
    mount = data["arms"]["left_arm"]["mount"]["xyz"]
    data["obstacles"]["block"] = {
        "pose": {"xyz": [mount[0], mount[1], mount[2] + 0.15]},
        "shape": {"box_m": [0.4, 0.4, 0.1]},
    }
    path = tmp_path / "cell.yaml"
    path.write_text(yaml.safe_dump(data))
    problems = standing(load_cell(path), read_yaml(path))
    assert problems[0].message.startswith("arms.left_arm.home: ")
    assert "is in block" in problems[0].message
    assert problems[0].line > 0
    assert all("left_arm" in p.message for p in problems)


def test_zone_in_which_two_arms_rest_is_told(tmp_path: Path) -> None:
    cell = load_cell("kitting")
    data = yaml.safe_load(cell.path.read_text())
    data["zones"]["middle"]["size_m"] = [20.0, 20.0, 20.0]
    path = tmp_path / "cell.yaml"
    path.write_text(yaml.safe_dump(data))
    problems = standing(load_cell(path), read_yaml(path))
    assert [p.message for p in problems] == [
        "arms.right_arm.home: it rests in zone 'middle', in which left_arm rests, too"
    ]


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_arms_of_the_cells_that_ship_stand_free(name: str) -> None:
    cell = load_cell(name)
    assert standing(cell, read_yaml(cell.path)) == ()


def test_arm_that_is_moved_away_is_found_by_its_real_reach(tmp_path: Path) -> None:
    cell = load_cell("kitting")
    data = yaml.safe_load(cell.path.read_text())
    data["arms"]["left_arm"]["mount"]["xyz"][1] -= 1.0
    path = tmp_path / "cell.yaml"
    path.write_text(yaml.safe_dump(data))
    problems = cell_reachability(load_cell(path), read_yaml(path))
    messages = "\n".join(p.message for p in problems)
    assert "transporters.outfeed_left: slot '1' of its tray" in messages
    assert "arms.left_arm: the arm can reach no slot" in messages
    assert "right" not in messages.replace("right_arm)", "")


def test_grasp_looks_down_on_the_top(tmp_path: Path) -> None:
    pose = grasp_pose(Pose((1.0, 2.0, 3.0)), 0.5)
    assert pose.xyz == (1.0, 2.0, 3.5)
    np.testing.assert_allclose(pose.matrix()[:3, 2], (0.0, 0.0, -1.0), atol=1e-12)
