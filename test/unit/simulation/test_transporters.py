"""Transporters and inspection: what is carried, locked, delivered and found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smart_cell.model.ports import MotionOutcome, MotionResult, SlotContent
from support.twin_bench import Bench, make_cell, make_job


def _part(slot: str, kind: str = "cube", **other: Any) -> dict[str, Any]:
    return {"place": "shuttle", "slot": slot, "type": kind, "color": "red", **other}


def _bench(folder: Path, *parts: dict[str, Any], **transporter: Any) -> Bench:
    def change(document: dict[str, Any]) -> None:
        document["transporters"]["shuttle"].update(transporter)

    return Bench(make_cell(folder, change), make_job(parts=list(parts)))


def _shuttle(bench: Bench) -> Any:
    return bench.twin.transporters["shuttle"]


def _move(bench: Bench, station: str) -> MotionResult:
    results: list[MotionResult] = []
    _shuttle(bench).start(station, results.append)
    bench.until(lambda: bool(results), 10.0)
    return results[0]


def test_sleeping_tray_and_parts_ride_along(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part("1"), _part("2", "disc", color="green"), _part("4"))
    bench.run(3.0)
    physics, ids = bench.twin.physics, bench.twin.physics.scene.transporters["shuttle"]
    assert physics.data.tree_asleep[ids.tree] >= 0, "it is to be asleep for this test"
    before = [np.array(truth.pose.xyz) for truth in bench.twin.truth()]
    assert _move(bench, "out").outcome is MotionOutcome.DONE
    bench.run(0.5)
    after = [np.array(truth.pose.xyz) for truth in bench.twin.truth()]
    for a, b in zip(before, after, strict=True):
        assert b - a == pytest.approx((0.0, -1.4, 0.0), abs=1.5e-3)
    assert [truth.location for truth in bench.twin.truth()] == ["tray:shuttle"] * 3
    state = _shuttle(bench).state()
    assert (state.station, state.tray_id, state.tray_locked) == ("out", 1, True)
    assert state.position == pytest.approx(1.4, abs=1e-4)
    assert not bench.events.of("part_lost")
    assert not bench.events.of("collision")


def test_state_on_the_way_has_no_station_and_a_second_move_is_refused(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    results: list[MotionResult] = []
    _shuttle(bench).start("out", results.append)
    bench.run(1.0)
    state = _shuttle(bench).state()
    assert state.station == ""
    assert state.velocity > 0.5
    again: list[MotionResult] = []
    _shuttle(bench).start("fill", again.append)
    assert again[0].outcome is MotionOutcome.REJECTED
    bench.until(lambda: bool(results), 5.0)
    assert results[0].outcome is MotionOutcome.DONE


def test_unknown_station_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    results: list[MotionResult] = []
    _shuttle(bench).start("moon", results.append)
    assert results[0].outcome is MotionOutcome.REJECTED
    assert "fill, out" in results[0].message


def test_delivered_tray_and_parts_leave_when_the_transporter_departs(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part("1"))
    _move(bench, "out")
    assert bench.events.of("tray_delivered") == [{"transporter": "shuttle", "tray_id": 1}]
    assert len(bench.twin.truth()) == 1
    _move(bench, "fill")
    assert bench.twin.truth() == ()
    assert _shuttle(bench).state().tray_id is None
    assert not _shuttle(bench).state().tray_locked
    assert not _shuttle(bench).lock(True), "there is no tray to lock"


def test_replenished_transporter_comes_back_with_an_empty_tray(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part("1"), replenishes=True)
    _move(bench, "out")
    _move(bench, "fill")
    assert bench.twin.truth() == ()
    state = _shuttle(bench).state()
    assert (state.tray_id, state.tray_locked) == (1, True)
    assert bench.twin.inspection.look("shuttle").slots == ()


def test_unlocked_tray_can_be_locked_again(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    assert _shuttle(bench).lock(False)
    assert not _shuttle(bench).state().tray_locked
    bench.run(1.0)
    assert _shuttle(bench).state().tray_id == 1
    assert _shuttle(bench).lock(True)
    assert _shuttle(bench).state().tray_locked


def test_inspection_tells_each_slot(tmp_path: Path) -> None:
    bench = _bench(
        tmp_path,
        _part("1"),
        _part("2", rotation_rad=0.7),
        _part("3", flipped=True),
        _part("4", "disc", color="green", rotation_rad=0.5),
    )
    bench.run(1.0)
    content = bench.twin.inspection.look("shuttle")
    assert content.tray_id == 1
    assert content.extra == 0
    assert content.slots == (
        SlotContent("1", "cube", "red", flipped=False, correct_pose=True),
        SlotContent("2", "cube", "red", flipped=False, correct_pose=False),
        SlotContent("3", "cube", "red", flipped=True, correct_pose=True),
        SlotContent("4", "disc", "green", flipped=False, correct_pose=True),
    )


def test_inspection_of_a_part_beside_its_slot(tmp_path: Path) -> None:
    bench = _bench(tmp_path, _part("1"), _part("2"), _part("3"))
    bench.run(0.2)
    items, data = bench.twin.stock.parts(), bench.twin.physics.data
    data.qpos[items[0].qpos] += 0.019
    data.qpos[items[1].qpos] += 0.024
    x, y = bench.cell.slot_pose("shuttle", "4").xyz[:2]
    data.qpos[items[2].qpos : items[2].qpos + 2] = (x - 0.07, y + 0.01)
    bench.run(0.2)
    content = bench.twin.inspection.look("shuttle")
    assert [(slot.slot, slot.correct_pose) for slot in content.slots] == [("1", True), ("2", False)]
    assert content.extra == 1, "a part between the slots belongs to none"


def test_inspection_without_a_tray_finds_nothing(tmp_path: Path) -> None:
    bench = _bench(tmp_path, tray=None)
    content = bench.twin.inspection.look("shuttle")
    assert (content.tray_id, content.slots, content.extra) == (None, (), 0)
