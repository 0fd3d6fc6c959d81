"""The judge: collisions and lost parts are told, once each; what is meant is not told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from support.twin_bench import Bench, make_cell, make_job


def _part(kind: str = "cube", slot: str = "1") -> dict[str, Any]:
    return {"place": "left_bin", "slot": slot, "type": kind, "color": "red"}


def _grasp(bench: Bench) -> None:
    bench.run(0.3)
    bench.hand.switch(True)
    bench.go((-0.55, 0.0, 0.95))
    bench.straight((-0.55, 0.0, 0.848), speed=0.1)
    assert bench.hand.state().attached


def _pairs(bench: Bench) -> set[tuple[str, str]]:
    return {(event["a"], event["b"]) for event in bench.events.of("collision")}


def test_gripper_in_a_bin_floor_is_a_collision(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job())
    bench.go((-0.45, 0.0, 0.9))
    bench.straight((-0.45, 0.0, 0.797), speed=0.1)
    collision = bench.events.of("collision")[0]
    assert (collision["a"], collision["b"]) == ("hand", "left_bin")
    assert collision["force_n"] > 1.0
    assert 0.0 <= collision["depth_m"] < 0.005


def test_lasting_contact_is_one_collision_and_a_new_one_after_a_while(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job())
    bench.go((-0.45, 0.0, 0.9))
    bench.straight((-0.45, 0.0, 0.797), speed=0.1)
    bench.run(2.0)
    assert len(bench.events.of("collision")) == 1
    bench.straight((-0.45, 0.0, 0.9))
    bench.run(1.0)
    bench.straight((-0.45, 0.0, 0.797), speed=0.1)
    assert len(bench.events.of("collision")) == 2


def test_arm_through_a_post_is_a_collision(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["obstacles"]["post"]["pose"]["xyz"] = [-0.35, -0.25, 1.1]

    bench = Bench(make_cell(tmp_path, change), make_job())
    bench.go((-0.5, 0.0, 1.0))
    bench.go((-0.1, -0.5, 1.0))
    assert any("post" in pair for pair in _pairs(bench))


def test_held_part_against_a_bin_wall_is_a_collision(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job(parts=[_part()]))
    _grasp(bench)
    bench.straight((-0.55, 0.0, 0.87))
    bench.straight((-0.64, 0.0, 0.87), speed=0.1)
    assert ("left_bin", "red cube") in _pairs(bench)


def test_held_part_against_a_lying_one_is_a_collision(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job(parts=[_part(), _part("cube", "2")]))
    _grasp(bench)
    bench.straight((-0.55, 0.0, 0.87))
    bench.straight((-0.38, 0.0, 0.87), speed=0.1)
    assert ("red cube", "red cube") in _pairs(bench)


def test_pick_and_place_are_no_collision(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job(parts=[_part()]))
    _grasp(bench)
    bench.straight((-0.55, 0.0, 1.0))
    x, y, z = bench.cell.slot_pose("shuttle", "2").xyz
    bench.go((x, y, 1.0))
    bench.straight((x, y, z + 0.05 + 0.003), speed=0.1)
    bench.hand.switch(False)
    bench.run(0.2)
    bench.straight((x, y, 1.0))
    bench.run(0.3)
    assert bench.events.of("collision") == []
    assert bench.twin.truth()[0].location == "tray:shuttle"
    content = bench.twin.inspection.look("shuttle")
    assert [slot.slot for slot in content.slots] == ["2"]


def test_dropped_part_falls_to_the_floor_and_is_lost_once(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job(parts=[_part()]))
    _grasp(bench)
    bench.straight((-0.55, 0.0, 1.0))
    bench.go((-0.45, -0.35, 1.0))
    bench.hand.switch(False)
    bench.run(3.0)
    lost = bench.events.of("part_lost")
    assert len(lost) == 1
    assert (lost[0]["type"], lost[0]["color"]) == ("cube", "red")
    assert lost[0]["xyz"][2] < 0.1
    assert bench.twin.truth()[0].location == "lost"


def test_part_that_falls_off_the_world_is_lost(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job(parts=[_part()]))
    item = bench.twin.stock.parts()[0]
    bench.twin.physics.data.qpos[item.qpos : item.qpos + 3] = (3.0, 3.0, -30.0)
    bench.run(3.0)
    assert len(bench.events.of("part_lost")) == 1


def test_two_arms_that_meet_are_a_collision(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        second = {**document["arms"]["arm"], "gripper": "other_hand"}
        second["mount"] = {"xyz": [0.95, 0.0, 0.76], "rpy": [0.0, 0.0, np.pi]}
        document["grippers"]["other_hand"] = document["grippers"]["hand"]
        # Both arms are of the same file: joint names are unique in a cell.
        second["xacro_args"] = {"prefix": "other_"}
        document["arms"]["other"] = second

    bench = Bench(make_cell(tmp_path, change), make_job())
    bench.run(0.2)
    assert bench.events.of("collision") == []
    bench.go((0.56, -0.13, 1.08))
    owners = [{name.split("/")[0] for name in pair} for pair in _pairs(bench)]
    ours, theirs = {"arm", "hand"}, {"other", "other_hand"}
    assert any(pair & ours and pair & theirs for pair in owners), owners
