"""Logical cameras: what they see, where, when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smart_cell.model.ports import Detections
from support.twin_bench import BELT_SUPPLY, Bench, make_cell, make_job

PARTS = [
    {"place": "left_bin", "slot": "1", "type": "cube", "color": "red", "rotation_rad": 0.5},
    {"place": "left_bin", "slot": "2", "type": "brick", "color": "red", "flipped": True},
    {"place": "shuttle", "slot": "1", "type": "cube", "color": "blue"},
]


def _bench(folder: Path, **camera: Any) -> Bench:
    def change(document: dict[str, Any]) -> None:
        document["cameras"]["eye"].update(camera)

    return Bench(make_cell(folder, change), make_job(parts=PARTS))


def _frames(bench: Bench) -> list[tuple[float, Detections]]:
    frames: list[tuple[float, Detections]] = []
    camera = bench.twin.cameras["eye"]
    camera.subscribe(lambda frame: frames.append((bench.twin.time, frame)))
    return frames


def test_frames_come_at_their_rate_after_their_latency(tmp_path: Path) -> None:
    bench = _bench(tmp_path, rate_hz=8.0, latency_s=0.06)
    frames = _frames(bench)
    bench.run(1.0)
    exposures = [frame.time for _, frame in frames]
    assert exposures == pytest.approx(np.arange(1, 8) / 8.0, abs=0.002)
    for delivered, frame in frames:
        assert delivered - frame.time == pytest.approx(0.06, abs=0.002)


def test_true_poses_in_the_optical_frame(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    frames = _frames(bench)
    bench.run(1.0)
    eye = bench.cell.pose("eye")
    items = frames[-1][1].items
    assert [(item.type, item.color, item.flipped) for item in items] == [
        ("cube", "red", False),
        ("brick", "red", True),
    ]
    for item, truth in zip(items, bench.twin.truth(), strict=False):
        world = eye @ item.pose
        assert world.xyz == pytest.approx(truth.pose.xyz, abs=1e-5)
        assert np.abs(world.matrix() - truth.pose.matrix()).max() < 1e-5
    assert (eye @ items[0].pose).yaw == pytest.approx(0.5, abs=1e-3)
    assert (eye @ items[1].pose).xyz[2] == pytest.approx(0.86, abs=1e-3), "frame on the upper side"


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"range_m": [0.4, 1.05]}, ["brick"]),
        ({"range_m": [1.2, 1.5]}, []),
        ({"field_of_view_rad": [0.1, 0.6]}, []),
        ({"field_of_view_rad": [0.6, 0.1]}, ["cube", "brick"]),
    ],
)
def test_view_ends_at_range_and_angle(tmp_path: Path, change: Any, seen: list[str]) -> None:
    bench = _bench(tmp_path, **change)
    bench.run(0.2)
    assert [item.type for item in bench.twin.cameras["eye"].look().items] == seen


def test_tray_is_seen_with_its_number(tmp_path: Path) -> None:
    bench = _bench(tmp_path, pose={"xyz": [0.45, -0.35, 1.9], "rpy": [np.pi, 0.0, 0.0]})
    bench.run(0.2)
    items = bench.twin.cameras["eye"].look().items
    assert [(item.kind, item.type, item.tray_id) for item in items] == [
        ("part", "cube", None),
        ("tray", "tray", 1),
    ]
    assert items[1].pose.xyz[2] == pytest.approx(1.9 - 0.802, abs=1e-3)


def test_held_part_is_hidden_behind_the_gripper(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    bench.run(0.3)
    bench.hand.switch(True)
    bench.go((-0.55, 0.0, 0.95))
    bench.straight((-0.55, 0.0, 0.848), speed=0.1)
    assert bench.hand.state().attached
    assert [item.type for item in bench.twin.cameras["eye"].look().items] == ["brick"]


def test_part_on_a_belt_is_seen_where_it_was_at_exposure(tmp_path: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["cameras"]["eye"]["pose"]["xyz"] = [-1.2, 0.5, 1.9]

    bench = Bench(make_cell(tmp_path, change), make_job(belts=[{**BELT_SUPPLY, "limit": 1}]))
    frames = _frames(bench)
    bench.run(2.0)
    eye = bench.cell.pose("eye")
    seen = [(frame.time, eye @ frame.items[0].pose) for _, frame in frames if frame.items]
    assert len(seen) > 10
    for time, pose in seen:
        assert pose.xyz[0] + 1.4 == pytest.approx(0.2 * time, abs=1e-3)
