"""Properties of the twin's senses: cameras, inspection and poses agree with what is put there."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.model.geometry import Pose
from smart_cell.simulation.frames import from_qpos, part_pose, quaternion_agreement, to_qpos
from support.twin_bench import Bench, make_cell, make_job

ANGLE = st.floats(-math.pi, math.pi)
SHIFT = st.floats(-0.035, 0.035)


@lru_cache(maxsize=1)
def _bench() -> Bench:
    part = {"place": "shuttle", "slot": "1", "type": "cube", "color": "red"}
    bench = Bench(make_cell(Path(mkdtemp())), make_job(parts=[part]))
    bench.run(0.1)
    return bench


def _put(bench: Bench, pose: Pose) -> None:
    item = bench.twin.stock.parts()[0]
    bench.twin.physics.data.qpos[item.qpos : item.qpos + 7] = to_qpos(pose)


@given(x=SHIFT, y=SHIFT, yaw=ANGLE, flipped=st.booleans())
@settings(max_examples=200, deadline=None)
def test_inspection_agrees_with_the_tolerances(
    x: float, y: float, yaw: float, flipped: bool
) -> None:
    bench = _bench()
    place = bench.cell.slot_pose("shuttle", "1") @ Pose((x, y, 0.0))
    _put(bench, part_pose(place, yaw, 0.05, flipped=flipped))
    content = bench.twin.inspection.look("shuttle")
    near, turned = math.hypot(x, y), math.cos(yaw / 2)
    if abs(near - 0.02) < 1e-4 or abs(abs(turned) - 0.95) < 1e-6:
        return
    assert [slot.slot for slot in content.slots] == ["1"]
    assert content.slots[0].flipped is flipped
    assert content.slots[0].correct_pose is (near < 0.02 and abs(turned) > 0.95)
    assert content.extra == 0


@given(x=st.floats(-0.8, 0.0), y=st.floats(-0.4, 0.4), z=st.floats(0.5, 1.6), yaw=ANGLE, roll=ANGLE)
@settings(max_examples=200, deadline=None)
def test_camera_sees_exactly_what_is_in_its_pyramid(
    x: float, y: float, z: float, yaw: float, roll: float
) -> None:
    bench = _bench()
    pose = Pose.from_rpy((x, y, z), (roll, 0.0, yaw))
    _put(bench, pose)
    eye = bench.cell.pose("eye")
    local = eye.inverse() @ pose
    depth = local.xyz[2]
    slope = math.tan(0.3)
    edges = (
        depth - 0.4,
        1.5 - depth,
        depth * slope - abs(local.xyz[0]),
        depth * slope - abs(local.xyz[1]),
    )
    if min(abs(edge) for edge in edges) < 1e-9:
        return
    seen = bench.twin.cameras["eye"].look().items
    assert bool(seen) == (min(edges) > 0.0)
    if seen:
        world = eye @ seen[0].pose
        assert np.abs(world.matrix() - pose.matrix()).max() < 1e-9
        assert seen[0].flipped == (pose.matrix()[2, 2] < 0.0) or abs(pose.matrix()[2, 2]) < 1e-9


@given(xyz=st.tuples(SHIFT, SHIFT, SHIFT), rpy=st.tuples(ANGLE, ANGLE, ANGLE))
def test_coordinates_of_a_free_joint_give_back_the_pose(
    xyz: tuple[float, float, float], rpy: tuple[float, float, float]
) -> None:
    pose = Pose.from_rpy(xyz, rpy)
    assert np.abs(from_qpos(to_qpos(pose)).matrix() - pose.matrix()).max() < 1e-12


@given(angle=ANGLE)
def test_agreement_is_the_cosine_of_half_the_angle(angle: float) -> None:
    turned = Pose.from_rpy((0.0, 0.0, 0.0), (0.0, 0.0, angle))
    assert abs(quaternion_agreement(turned, Pose()) - abs(math.cos(angle / 2))) < 1e-12
