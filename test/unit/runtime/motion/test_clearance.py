"""The clearance check against brute force, and what may be touched."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Array, Pose
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.clearance import (
    MARGIN,
    STEP,
    Clearance,
    Samples,
    Touch,
    at_positions,
    occupied,
    sample,
)
from smart_cell.runtime.motion.furniture import base_solids, fixed_solids
from smart_cell.runtime.motion.solids import Batch, Solid, gaps


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("kitting")


@pytest.fixture(scope="module")
def arm(cell: Cell) -> ArmModel:
    return ArmModel(cell, "left_arm")


@pytest.fixture(scope="module")
def solids(cell: Cell, arm: ArmModel) -> tuple[Solid, ...]:
    others = {name: ArmModel(cell, name) for name in cell.description.arms}
    return (*fixed_solids(cell), *base_solids(others, arm.name))


@pytest.fixture(scope="module")
def clearance(arm: ArmModel, solids: tuple[Solid, ...]) -> Clearance:
    return Clearance(arm, solids)


def bodies_at(arm: ArmModel, samples: Samples, index: int) -> list[Solid]:
    """All moving bodies at one sample, in the world, one by one."""
    found = []
    for body in samples.bodies:
        frame = samples.frames[index, body.joint] @ body.solid.frame
        solid = body.solid
        found.append(Solid(solid.name, frame, solid.half, solid.disc, solid.ball))
    return found


def brute_force(arm: ArmModel, samples: Samples, solids: tuple[Solid, ...]) -> int | None:
    """The first sample at which any body is too near to any solid, without any short cut."""
    for index in range(len(samples.times)):
        bodies = bodies_at(arm, samples, index)
        pairs = [(a, b) for a in bodies for b in solids]
        distance = gaps(Batch.of([a for a, _ in pairs]), Batch.of([b for _, b in pairs]), MARGIN)
        if np.any(distance < MARGIN):
            return index
    return None


def random_motion(arm: ArmModel, rng: np.random.Generator) -> tuple[Array, Array]:
    start = arm.home + rng.uniform(-1.4, 1.4, arm.dof)
    goal = start + rng.uniform(-0.5, 0.5, arm.dof)
    share = np.linspace(0.0, 1.0, 60)[:, None]
    return np.linspace(0.0, 0.5, 60), start + share * (goal - start)


def test_same_verdict_as_brute_force(
    arm: ArmModel, clearance: Clearance, solids: tuple[Solid, ...]
) -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(12):
        samples = sample(arm, *random_motion(arm, rng))
        hit = clearance._against(samples, solids, MARGIN, None)
        expected = brute_force(arm, samples, solids)
        if expected is None:
            assert hit is None
        else:
            hits += 1
            assert hit is not None
            assert hit.time == samples.times[expected]
            assert hit.depth > -MARGIN
    assert 2 <= hits <= 10


def test_no_point_moves_farther_than_the_step(arm: ArmModel) -> None:
    rng = np.random.default_rng(4)
    carried = Solid.box("part", Pose((0.0, 0.0, 0.1)).matrix(), (0.3, 0.2, 0.1))
    for _ in range(6):
        samples = sample(arm, *random_motion(arm, rng), carried)
        for body in samples.bodies:
            frames = samples.frames[:, body.joint] @ body.solid.frame
            for corner in np.array([[1, 1, 1], [-1, 1, -1], [1, -1, -1], [-1, -1, 1]]):
                points = frames[:, :3, :3] @ (corner * body.solid.extent) + frames[:, :3, 3]
                moved = np.linalg.norm(np.diff(points, axis=0), axis=1)
                assert moved.max() <= STEP * 1.02


def test_samples_keep_the_ends(arm: ArmModel) -> None:
    times, positions = random_motion(arm, np.random.default_rng(5))
    samples = sample(arm, times, positions)
    np.testing.assert_allclose(samples.positions[0], positions[0])
    np.testing.assert_allclose(samples.positions[-1], positions[-1])
    assert samples.times[-1] == times[-1]


def test_home_and_ready_poses_are_clear(arm: ArmModel, clearance: Clearance) -> None:
    rows = np.stack([arm.home, *(arm.ready(name) for name in arm.description.ready_poses)])
    assert clearance.first_hit(at_positions(arm, rows, None)) is None


def lowered(arm: ArmModel, depth: float) -> Array:
    """The arm over the belt, its contact face ``depth`` above the belt's top."""
    seed = arm.ready("belt")
    contact = arm.contact(seed)
    contact[2, 3] = 0.80 + depth
    return arm.solve(contact, np.zeros(0), seed, most=1)[0]


def test_hit_names_link_obstacle_time_and_depth(arm: ArmModel, clearance: Clearance) -> None:
    over, inside = lowered(arm, 0.1), lowered(arm, -0.02)
    share = np.linspace(0.0, 1.0, 40)[:, None]
    samples = sample(arm, np.linspace(0.0, 2.0, 40), over + share * (inside - over))
    hit = clearance.first_hit(samples)
    assert hit is not None
    assert (hit.link, hit.obstacle) == ("left_gripper", "infeed")
    assert 1.0 < hit.time < 1.9
    assert "infeed" in str(hit)


def test_meant_touch_is_exempt_for_the_tool_only(arm: ArmModel, clearance: Clearance) -> None:
    touching = at_positions(arm, lowered(arm, 0.001)[None], None)
    assert clearance.first_hit(touching) is not None
    meant = Touch.at(["infeed"], 0.80)
    assert clearance.first_hit(touching, touch=meant) is None
    assert clearance.first_hit(touching, touch=Touch.at(["pedestal_left"], 0.80)) is not None
    wrist_under = at_positions(arm, lowered(arm, -0.25)[None], None)
    hit = clearance.first_hit(wrist_under, touch=meant)
    assert hit is not None
    assert hit.link != "left_gripper"


def test_meant_touch_is_exempt_near_the_target_height_only(
    arm: ArmModel, clearance: Clearance
) -> None:
    carried = Solid.box("part", Pose((0.0, 0.0, 0.1)).matrix(), (0.05, 0.05, 0.2))
    touching = at_positions(arm, lowered(arm, 0.15)[None], carried)
    assert clearance.first_hit(touching, touch=Touch.at(["infeed"], 0.80)) is not None
    assert clearance.first_hit(touching, touch=Touch.at(["infeed"], 0.95)) is None


def test_carried_part_is_checked_against_lying_parts(arm: ArmModel, clearance: Clearance) -> None:
    q = lowered(arm, 0.12)
    size = (0.05, 0.05, 0.05)
    carried = Solid.box("part", Pose((0.0, 0.0, 0.025)).matrix(), size)
    lying = Solid.box("p7", arm.contact(q) @ Pose((0.049, 0.0, 0.025)).matrix(), size)
    samples = at_positions(arm, q[None], carried)
    assert clearance.first_hit(samples) is None
    hit = clearance.first_hit(samples, lying=[lying])
    assert hit is not None
    assert (hit.link, hit.obstacle) == ("part", "p7")
    assert hit.depth == pytest.approx(0.001, abs=1e-4)


def test_arm_does_not_pass_through_itself(arm: ArmModel, clearance: Clearance) -> None:
    folded_up = arm.home.copy()
    folded_up[2] = 3.05
    hit = clearance._itself(at_positions(arm, folded_up[None], None))
    assert hit is not None
    assert hit.obstacle.startswith("its own")


def test_occupied_tells_which_box_at_which_sample(arm: ArmModel) -> None:
    q = lowered(arm, 0.1)
    x, y, z = arm.contact(q)[:3, 3]
    here = Solid.box("here", Pose((x, y, z - 0.05)).matrix(), (0.1, 0.1, 0.1))
    elsewhere = Solid.box("elsewhere", Pose((x, y + 2.0, z)).matrix(), (0.1, 0.1, 0.1))
    inside = occupied(at_positions(arm, np.stack([arm.home, q]), None), [here, elsewhere])
    np.testing.assert_array_equal(inside, [[False, False], [True, False]])
