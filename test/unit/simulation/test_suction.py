"""Suction: what is grasped, what is not, what breaks a grasp, what a released part does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.twin_bench import Bench, make_cell, make_job


def _part(kind: str = "cube", **other: Any) -> dict[str, Any]:
    return {"place": "left_bin", "slot": "1", "type": kind, "color": "red", **other}


def _bench(folder: Path, *parts: dict[str, Any], break_force: float = 120.0) -> Bench:
    def change(document: dict[str, Any]) -> None:
        document["grippers"]["hand"]["break_force_n"] = break_force

    return Bench(make_cell(folder, change), make_job(parts=list(parts)))


def _grasp(bench: Bench, xyz: tuple[float, float, float]) -> None:
    above = (xyz[0], xyz[1], xyz[2] + 0.1)
    bench.hand.switch(True)
    bench.go(above)
    bench.straight((xyz[0], xyz[1], xyz[2] - 0.003), speed=0.1)


def test_sleeping_part_is_grasped_and_lifted(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(3.0)
    tree = bench.twin.physics.model.body_treeid[bench.twin.stock.parts()[0].body]
    assert bench.twin.physics.data.tree_asleep[tree] >= 0, "it is to be asleep for this test"
    _grasp(bench, (-0.55, 0.0, 0.85))
    assert bench.hand.state().attached
    bench.straight((-0.55, 0.0, 1.0))
    truth = bench.twin.truth()[0]
    assert truth.location == "gripper:arm"
    assert truth.pose.xyz[2] == pytest.approx(1.0 - 0.05, abs=0.004)
    assert truth.pose.xyz[:2] == pytest.approx((-0.55, 0.0), abs=0.002)
    assert not bench.events.of("collision")


def test_held_part_does_not_slip_on_a_fast_motion(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(0.5)
    _grasp(bench, (-0.55, 0.0, 0.85))
    bench.straight((-0.55, 0.0, 1.0))
    before = bench.twin.truth()[0].pose.xyz[2] - bench.tip()[2]
    bench.go((-0.2, 0.5, 1.0))
    bench.go((-0.55, 0.0, 1.0))
    after = bench.twin.truth()[0].pose
    assert after.xyz[2] - bench.tip()[2] == pytest.approx(before, abs=5e-4)
    assert np.hypot(*(np.array(after.xyz[:2]) - bench.tip()[:2])) < 5e-4


def test_nothing_is_grasped_while_switched_off(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(0.5)
    bench.go((-0.55, 0.0, 0.95))
    bench.straight((-0.55, 0.0, 0.847), speed=0.1)
    bench.straight((-0.55, 0.0, 0.95))
    assert not bench.hand.state().attached
    assert bench.twin.truth()[0].location == "bin:left_bin"


def test_part_beside_the_cup_is_not_grasped(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(0.5)
    _grasp(bench, (-0.50, 0.0, 0.853))
    assert not bench.hand.state().attached


def test_tilted_part_is_not_grasped(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(0.5)
    item = bench.twin.stock.parts()[0]
    # Held in the air at 25 degrees, straight under the cup.
    data, model = bench.twin.physics.data, bench.twin.physics.model
    model.body_gravcomp[item.body] = 1.0
    half = np.radians(25.0) / 2
    data.qpos[item.qpos : item.qpos + 7] = (-0.55, 0, 0.90, np.cos(half), np.sin(half), 0, 0)
    bench.hand.switch(True)
    bench.go((-0.55, 0.0, 1.05))
    bench.straight((-0.55, -0.01, 0.955), speed=0.05)
    touched = bench.twin.physics.data.contact.geom
    assert not bench.hand.state().attached, f"contacts {touched}"


def test_cup_for_parts_does_not_take_a_tray(tmp_path: Path) -> None:
    supply = {"trays": [{"tray_id": 5, "table": "rack_table", "slot": "1"}]}
    bench = Bench(make_cell(tmp_path), make_job(**supply))
    bench.run(0.5)
    _grasp(bench, (0.55, 0.15, 0.802))
    assert not bench.hand.state().attached


def test_tool_is_changed_at_its_changer_only_and_then_takes_trays(tmp_path: Path) -> None:
    supply = {"trays": [{"tray_id": 5, "table": "rack_table", "slot": "1"}]}
    bench = Bench(make_cell(tmp_path), make_job(**supply))
    assert "not at a changer" in bench.hand.refit("plate")
    assert "wears" in bench.hand.refit("cup")
    assert "no tool" in bench.hand.refit("hammer")
    bench.go((-0.3, -0.45, 1.0))
    bench.straight((-0.3, -0.45, 0.80))
    assert bench.hand.refit("plate") == ""
    assert bench.hand.state().tool == "plate"
    bench.straight((-0.3, -0.45, 1.0))
    _grasp(bench, (0.55, 0.15, 0.802))
    assert bench.hand.state().attached
    bench.straight((0.55, 0.15, 0.95))
    assert not bench.events.of("collision")


def test_grasp_breaks_at_the_force_of_the_description(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part("brick"), break_force=40.0)
    bench.run(0.5)
    _grasp(bench, (-0.55, 0.0, 0.86))
    assert bench.hand.state().attached
    bench.straight((-0.55, 0.0, 1.05), speed=0.5)
    assert not bench.hand.state().attached
    bench.run(1.0)
    assert bench.twin.truth()[0].location == "bin:left_bin"


def test_force_of_a_hanging_part_is_its_weight(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part("brick"))
    bench.run(0.5)
    _grasp(bench, (-0.55, 0.0, 0.86))
    bench.straight((-0.55, 0.0, 1.05), speed=0.2)
    bench.run(0.5)
    assert bench.hand.suction.force_n == pytest.approx(5.0 * 9.81, rel=0.01)


def test_released_part_falls_and_lies_where_it_was_held(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(0.5)
    _grasp(bench, (-0.55, 0.0, 0.85))
    bench.straight((-0.35, 0.05, 0.95), speed=0.2)
    bench.straight((-0.35, 0.05, 0.855), speed=0.1)
    bench.hand.switch(False)
    assert not bench.hand.state().attached
    bench.run(0.2)
    bench.straight((-0.35, 0.05, 0.95))
    bench.run(0.5)
    truth = bench.twin.truth()[0]
    assert truth.location == "bin:left_bin"
    assert truth.pose.xyz == pytest.approx((-0.35, 0.05, 0.80), abs=2e-3)
    assert not bench.events.of("collision")
    bench.run(0.2)
    assert not bench.hand.suction.busy, "cup and part collide again once they are apart"


@pytest.mark.parametrize("held_s", [0.1, 2.0, 20.0])
def test_part_falls_however_long_it_was_held_still(tmp_path: Path, held_s: float) -> None:
    bench = _bench(tmp_path, _part())
    bench.run(1.0)
    rest = bench.twin.truth()[0].pose.xyz[2]
    _grasp(bench, (-0.55, 0.0, 0.85))
    bench.straight((-0.55, 0.0, 0.90))
    bench.run(held_s)
    bench.hand.switch(False)
    bench.run(1.0)
    assert bench.twin.truth()[0].pose.xyz[2] == pytest.approx(rest, abs=0.003)
