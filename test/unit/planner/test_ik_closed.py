"""Closed forms: what is recognised, all branches, limits, singularities, free axes, one or many."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from smart_cell.planner import LimitError, PlannerError, Robot
from smart_cell.planner.arrays import Array
from smart_cell.planner.reference import inverse_kinematics as twin
from smart_cell.planner.urdf import parse_chain
from support.robots import KR6_R900, M20ID, PANDA, RAIL, ROBOTS, UR5E, Axis, urdf
from support.structures import PARALLEL, WRISTS, arm

#: Arms of the two structures with ranges as they are sold.
SIX = {"ur5e": UR5E, "kr6_r900": KR6_R900, "m20id": M20ID}
ROBOT = {
    name: Robot.from_urdf_text(urdf(axes), "base", "tip")
    for name, axes in {**ROBOTS, **SIX}.items()
}


def positions(robot: Robot, count: int, seed: int) -> Array:
    low = np.maximum(robot.limits.position_lower, -2 * np.pi)
    high = np.minimum(robot.limits.position_upper, 2 * np.pi)
    return np.random.default_rng(seed).uniform(low, high, (count, robot.dof))


def check(robot: Robot, poses: Array, found: list[Array]) -> None:
    for pose, solutions in zip(poses, found, strict=True):
        at = robot.fk(solutions)
        assert np.abs(at[:, :3, 3] - pose[:3, 3]).max(initial=0.0) < 1e-9
        assert np.abs(at[:, :3, :3] - pose[:3, :3]).max(initial=0.0) < 1e-9
        assert (solutions >= robot.limits.position_lower).all()
        assert (solutions <= robot.limits.position_upper).all()


def contains(found: Array, q: Array, within: float) -> bool:
    return bool((np.abs(twin.turned(found - q)).max(axis=1) < within).any())


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("ur5e", "parallel axes"),
        ("kr6_r900", "spherical wrist"),
        ("m20id", "spherical wrist"),
        ("panda", "spherical wrist, search over j6"),
        ("rail", "parallel axes, search over j0"),
        ("gantry", "parallel axes, search over j0, j1, j2"),
        ("scara", "numerical"),
        ("five", "numerical"),
    ],
)
def test_structure_is_seen_in_the_axes(name: str, method: str) -> None:
    assert ROBOT[name].ik_method == method


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("name", WRISTS + PARALLEL)
def test_random_arm_of_a_structure_loses_no_pose_and_no_branch(name: str, reverse: bool) -> None:
    rng = np.random.default_rng(sum(name.encode()) + reverse)
    for limit in (2.0 * np.pi, np.inf, 1.5 * np.pi):
        robot = Robot.from_urdf_text(
            urdf(arm(name, rng, reverse=reverse, limit=limit)), "base", "tip"
        )
        assert robot.ik_method == ("spherical wrist" if name in WRISTS else "parallel axes")
        q = rng.uniform(-np.pi, np.pi, (300, 6))
        poses = robot.fk(q)
        found = robot.ik(poses, rng.uniform(-np.pi, np.pi, (300, 6)))
        check(robot, poses, found)
        assert all(contains(some, one, 1e-5) for some, one in zip(found, q, strict=True))
        assert all(len(some) % 2 == 0 for some in found)  # branches come in pairs


@pytest.mark.parametrize("name", [*WRISTS, *PARALLEL])
def test_descents_from_everywhere_find_the_same_solutions(name: str) -> None:
    rng = np.random.default_rng(3)
    text = urdf(arm(name, rng, reverse=name in ("planar", "ur"), limit=np.inf))
    robot, joints = Robot.from_urdf_text(text, "base", "tip"), parse_chain(text, "base", "tip")
    pose = robot.fk(rng.uniform(-np.pi, np.pi, 6))
    found = robot.ik(pose)
    expected = twin.all_solutions(joints, pose, rng, 1500)
    assert len(found) == len(expected)
    assert all(contains(found, q, 1e-6) for q in expected)


@pytest.mark.campaign
@pytest.mark.parametrize("name", SIX)
def test_a_hundred_thousand_poses_are_solved(name: str) -> None:
    robot = ROBOT[name]
    q, seeds = positions(robot, 100_000, 1), positions(robot, 100_000, 2)
    poses = robot.fk(q)
    found = robot.ik(poses, seeds)
    check(robot, poses, found)
    assert all(contains(some, one, 1e-4) for some, one in zip(found, q, strict=True))


@pytest.mark.parametrize("name", SIX)
def test_poses_at_limits_and_singularities_are_solved(name: str) -> None:
    robot, rng = ROBOT[name], np.random.default_rng(4)
    low, high = robot.limits.position_lower, robot.limits.position_upper
    special = np.array([0.0, np.pi / 2, -np.pi / 2, np.pi])
    for q in positions(robot, 300, 5):
        changed = rng.random(6) < 0.5
        for values in (
            rng.choice(special, 6),
            rng.choice(special, 6) + 10.0 ** rng.uniform(-12, -3),
            np.where(rng.random(6) < 0.5, low, high),
        ):
            pose = robot.fk(np.clip(np.where(changed, values, q), low, high))
            found = robot.ik(pose, q)
            assert len(found) > 0
            check(robot, pose[None], [found])


@pytest.mark.parametrize("name", SIX)
def test_order_is_by_distance_and_fewer_solutions_are_the_first_ones(name: str) -> None:
    robot = ROBOT[name]
    for q, seed in zip(positions(robot, 50, 6), positions(robot, 50, 7), strict=True):
        found = robot.ik(robot.fk(q), seed)
        assert (np.diff(np.linalg.norm(found - seed, axis=1)) >= -1e-12).all()
        for most in (1, 3):
            assert robot.ik(robot.fk(q), seed, most).tobytes() == found[:most].tobytes()
        for solution in found:  # no other copy by full turns is nearer
            for step in (-2 * np.pi, 2 * np.pi):
                other = solution + step
                inside = (other >= robot.limits.position_lower) & (
                    other <= robot.limits.position_upper
                )
                assert (~inside | (np.abs(other - seed) >= np.abs(solution - seed) - 1e-9)).all()


def test_range_that_excludes_zero_gets_the_copy_inside() -> None:
    lower, upper = np.full(6, 2.0), np.full(6, 7.0)
    robot = Robot.from_urdf_text(
        urdf(UR5E), "base", "tip", {"position_lower": lower, "position_upper": upper}
    )
    for q in np.random.default_rng(8).uniform(lower, upper, (200, 6)):
        found = robot.ik(robot.fk(q))
        assert contains(found, q, 1e-6)
        check(robot, robot.fk(q)[None], [found])


@pytest.mark.parametrize("digits", [4, 5])
def test_rounded_angles_of_a_file_are_no_obstacle(digits: int) -> None:
    axes = tuple(
        Axis(a.kind, a.xyz, tuple(round(x, digits) for x in a.rpy), a.axis)  # type: ignore[arg-type]
        for a in UR5E
    )
    robot = Robot.from_urdf_text(urdf(axes), "base", "tip")
    assert robot.ik_method == "parallel axes"
    q = np.random.default_rng(9).uniform(-np.pi, np.pi, (500, 6))
    found = robot.ik(robot.fk(q))
    check(robot, robot.fk(q), found)
    assert all(contains(some, one, 1e-5) for some, one in zip(found, q, strict=True))


@pytest.mark.parametrize("name", ["panda", "rail", "gantry"])
def test_free_axis_is_searched_from_the_seed_outwards(name: str) -> None:
    robot = ROBOT[name]
    q, seeds = positions(robot, 200, 10), positions(robot, 200, 11)
    poses = robot.fk(q)
    for most in (1, 16):
        found = robot.ik(poses, seeds, most)
        assert all(1 <= len(some) <= most for some in found)
        check(robot, poses, found)
        for some, seed in zip(found, seeds, strict=True):
            assert (np.diff(np.linalg.norm(some - seed, axis=1)) >= -1e-12).all()
    for one, pose in zip(q, poses, strict=True):
        assert np.abs(robot.ik(pose, one, 1) - one).max() < 1e-6


def test_held_free_axis_leaves_the_six_axis_problem() -> None:
    rail, six = ROBOT["rail"], ROBOT["ur5e"]
    for q in positions(rail, 100, 12):
        found = rail.ik(rail.fk(q), q, hold=("j0",))
        alone = six.ik(six.fk(q[1:]), q[1:])
        assert found.shape == (len(alone), 7)
        assert (found[:, 0] == q[0]).all()
        assert np.abs(found[:, 1:] - alone).max() < 1e-6


def test_held_middle_joint_of_seven_is_kept() -> None:
    robot = ROBOT["panda"]
    for q in positions(robot, 30, 13):
        found = robot.ik(robot.fk(q), q, hold=("j3",))
        assert (found[:, 3] == q[3]).all()
        assert contains(found, q, 1e-5)


def test_batch_gives_what_single_calls_give_with_a_seed_each() -> None:
    robot = ROBOT["kr6_r900"]
    q, seeds = positions(robot, 1500, 14), positions(robot, 1500, 15)
    poses = robot.fk(q)
    for pose, seed, found in zip(poses, seeds, robot.ik(poses, seeds, 4), strict=True):
        assert found.tobytes() == robot.ik(pose, seed, 4).tobytes()
    assert robot.ik(np.empty((0, 4, 4))) == []


def test_reachable_answers_for_one_and_for_many() -> None:
    robot = ROBOT["kr6_r900"]
    poses = robot.fk(positions(robot, 50, 16))
    poses[::2, :3, 3] += 5.0
    expected = [len(robot.ik(pose)) > 0 for pose in poses]
    assert expected == [False, True] * 25
    assert robot.reachable(poses).tolist() == expected
    assert robot.reachable(poses[1]) is True
    assert robot.reachable(poses[0]) is False
    assert robot.reachable(np.empty((0, 4, 4))).shape == (0,)


def test_held_joints_restrict_what_is_reachable() -> None:
    robot = ROBOT["rail"]
    q = np.array([3.5, 0.3, -1.2, 1.6, -1.9, -1.3, 0.4])
    seed = np.concatenate(([-3.5], q[1:]))
    assert robot.reachable(robot.fk(q), seed)
    assert not robot.reachable(robot.fk(q), seed, hold=("j0",))
    assert robot.reachable(robot.fk(q), q, hold=robot.joint_names)
    assert not robot.reachable(robot.fk(q), seed, hold=robot.joint_names)


def test_bad_seeds_are_refused_by_name() -> None:
    robot = ROBOT["ur5e"]
    poses = robot.fk(np.zeros((3, 6)))
    with pytest.raises(PlannerError, match="seed has 2 rows for 3 poses"):
        robot.ik(poses, np.zeros((2, 6)))
    with pytest.raises(PlannerError, match=r"seed\[1\]\[2\] is nan"):
        robot.ik(poses, np.where(np.arange(18).reshape(3, 6) == 8, np.nan, 0.0))
    with pytest.raises(PlannerError, match=r"seed\[0\] has shape"):
        robot.ik(poses, np.zeros((3, 5)))
    with pytest.raises(LimitError, match=r"seed\[2\]: joint 'j1'"):
        robot.ik(poses, np.where(np.arange(18).reshape(3, 6) == 13, 9.0, 0.0), hold=("j1",))
    with pytest.raises(PlannerError, match="max_solutions is True"):
        robot.ik(poses[0], max_solutions=True)


def test_threads_get_the_same_answers() -> None:
    robot = Robot.from_urdf_text(urdf(RAIL), "base", "tip")
    poses = robot.fk(positions(robot, 40, 17))
    expected = [found.tobytes() for found in robot.ik(poses)]
    answers: list[list[bytes]] = []
    workers = [
        threading.Thread(target=lambda: answers.append([a.tobytes() for a in robot.ik(poses)]))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert answers == [expected] * 4


def test_nearly_every_random_pose_of_seven_axes_is_solved() -> None:
    robot = Robot.from_urdf_text(urdf(PANDA), "base", "tip")
    q, seeds = positions(robot, 10_000, 18), positions(robot, 10_000, 19)
    assert robot.reachable(robot.fk(q), seeds).mean() >= 0.999
