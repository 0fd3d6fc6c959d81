"""Inverse kinematics: branches, limits, the seed's order, unreachable and singular poses."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import LimitError, PlannerError, Robot
from smart_cell.planner.arrays import Array
from support.robots import ROBOTS, UR5E, urdf

ROBOT = {name: Robot.from_urdf_text(urdf(axes), "base", "tip") for name, axes in ROBOTS.items()}


def random_positions(robot: Robot, count: int, seed: int) -> Array:
    low = np.maximum(robot.limits.position_lower, -2 * np.pi)
    high = np.minimum(robot.limits.position_upper, 2 * np.pi)
    return np.random.default_rng(seed).uniform(low, high, (count, robot.dof))


def check(robot: Robot, pose: Array, found: Array) -> None:
    for q in found:
        at = robot.fk(q)
        assert np.linalg.norm(at[:3, 3] - pose[:3, 3]) < 1e-8
        assert np.linalg.norm(at[:3, :3] - pose[:3, :3]) < 2e-8
        assert (q >= robot.limits.position_lower).all()
        assert (q <= robot.limits.position_upper).all()


@pytest.mark.parametrize("name", ROBOTS)
def test_every_reachable_pose_is_solved(name: str) -> None:
    robot = ROBOT[name]
    for q in random_positions(robot, 300, 1):
        pose = robot.fk(q)
        found = robot.ik(pose)
        assert len(found) > 0
        check(robot, pose, found)


@pytest.mark.campaign
def test_ten_thousand_poses_of_a_six_axis_arm_are_solved() -> None:
    robot = ROBOT["ur5e"]
    positions = random_positions(robot, 10_000, 2)
    failures = sum(len(robot.ik(robot.fk(q))) == 0 for q in positions)
    assert failures <= 1


def test_six_axis_arm_has_its_eight_branches() -> None:
    robot = ROBOT["ur5e"]
    pose = robot.fk([0.3, -1.2, 1.6, -1.9, -1.3, 0.4])
    found = robot.ik(pose, [0.3, -1.2, 1.6, -1.9, -1.3, 0.4])
    check(robot, pose, found)
    assert len(found) == 8
    turned = np.angle(np.exp(1j * (found[:, None] - found[None])))  # full turns apart is the same
    distance = np.abs(turned).max(axis=2) + 10.0 * np.eye(8)
    assert distance.min() > 0.1


def test_the_configuration_that_made_the_pose_is_among_the_solutions() -> None:
    robot = ROBOT["ur5e"]
    missing = 0
    for q in random_positions(robot, 300, 3):
        found = robot.ik(robot.fk(q))
        turned = np.angle(np.exp(1j * (found - q)))
        missing += not (np.abs(turned).max(axis=1) < 1e-5).any()
    assert missing <= 1


def test_nearest_to_the_seed_comes_first_and_in_the_nearest_turn() -> None:
    robot = ROBOT["ur5e"]
    for q in random_positions(robot, 50, 4):
        found = robot.ik(robot.fk(q), q)
        assert np.abs(found[0] - q).max() < 1e-8
        distance = np.linalg.norm(found - q, axis=1)
        assert (np.diff(distance) >= 0.0).all()
        assert (np.abs(found - q) <= 2 * np.pi).all()
        assert (robot.ik(robot.fk(q), q, max_solutions=1) == found[:1]).all()


def test_held_joints_keep_the_seed_value() -> None:
    robot = ROBOT["gantry"]
    for q in random_positions(robot, 20, 5):
        found = robot.ik(robot.fk(q), q, hold=("j0", "j1", "j2"))
        assert len(found) > 0
        assert (found[:, :3] == q[:3]).all()
        check(robot, robot.fk(q), found)


def test_rail_carries_the_arm_to_poses_far_away() -> None:
    robot = ROBOT["rail"]
    pose = robot.fk([3.5, 0.3, -1.2, 1.6, -1.9, -1.3, 0.4])
    seed = np.array([-3.5, 0.0, -1.2, 1.6, -1.9, -1.3, 0.4])
    assert len(robot.ik(pose, seed, hold=("j0",))) == 0
    found = robot.ik(pose, seed)
    assert len(found) > 0
    check(robot, pose, found)


@pytest.mark.parametrize("name", ROBOTS)
def test_unreachable_pose_has_no_solution(name: str) -> None:
    robot = ROBOT[name]
    pose = np.eye(4)
    pose[:3, 3] = (0.0, 0.0, 50.0)
    assert robot.ik(pose).shape == (0, robot.dof)


def test_pose_between_reach_and_bound_has_no_solution() -> None:
    robot = ROBOT["ur5e"]
    pose = robot.fk(np.zeros(6))
    pose[:3, 3] *= 0.98 * robot.reach / np.linalg.norm(pose[:3, 3])
    assert robot.ik(pose).shape == (0, 6)


@pytest.mark.parametrize(
    "q",
    [np.zeros(6), [0, -np.pi / 2, 0, -np.pi / 2, 0, 0], [0.4, -1.0, 1.5, -0.5, 0.0, 0.2]],
    ids=["stretched", "upright", "wrist"],
)
def test_singular_pose_is_solved(q: Array) -> None:
    robot = ROBOT["ur5e"]
    found = robot.ik(robot.fk(q))
    assert len(found) > 0
    check(robot, robot.fk(q), found)


def test_narrow_limits_leave_only_the_branch_inside() -> None:
    q = np.array([0.3, -1.2, 1.6, -1.9, -1.3, 0.4])
    robot = Robot.from_urdf_text(
        urdf(UR5E), "base", "tip", {"position_lower": q - 0.3, "position_upper": q + 0.3}
    )
    found = robot.ik(robot.fk(q))
    assert found.shape == (1, 6)
    assert np.abs(found[0] - q).max() < 1e-6


def test_same_question_same_answer_and_batches_equal_single_calls() -> None:
    robot = ROBOT["panda"]
    poses = robot.fk(random_positions(robot, 5, 6))
    batch = robot.ik(poses)
    assert len(batch) == 5
    for pose, found in zip(poses, batch, strict=True):
        assert found.tobytes() == robot.ik(pose).tobytes()


def test_seed_outside_the_limits_is_clipped_into_them() -> None:
    robot = ROBOT["panda"]
    pose = robot.fk([0.0, -0.5, 0.0, -2.0, 0.0, 1.6, 0.8])
    wild = np.array([9.0, -9.0, 0.0, 3.0, 0.0, -5.0, 0.8])
    clipped = np.clip(wild, robot.limits.position_lower, robot.limits.position_upper)
    found = robot.ik(pose, wild)
    assert len(found) > 0
    check(robot, pose, found)
    assert found.tobytes() == robot.ik(pose, clipped).tobytes()


def test_bad_arguments_are_refused() -> None:
    robot = ROBOT["ur5e"]
    pose = robot.fk(np.zeros(6))
    with pytest.raises(PlannerError, match="rigid"):
        robot.ik(pose * 2.0)
    with pytest.raises(PlannerError, match=r"pose\[1\] is not a rigid"):
        robot.ik(np.stack((pose, pose * 1.1)))
    with pytest.raises(PlannerError, match=r"pose\[0, 0\] is nan"):
        robot.ik(np.full((4, 4), np.nan))
    with pytest.raises(PlannerError, match="pose has shape"):
        robot.ik(np.zeros(6))
    with pytest.raises(LimitError, match="seed: joint 'j2'"):
        robot.ik(pose, [0, 0, 7, 0, 0, 0], hold=("j2",))
    with pytest.raises(PlannerError, match="max_solutions is 0"):
        robot.ik(pose, max_solutions=0)
    with pytest.raises(PlannerError, match="no joint 'rail'"):
        robot.ik(pose, hold=("rail",))
