"""Kinematics of random chains: the C core equals its plain twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.planner import Robot
from smart_cell.planner.arrays import Array
from smart_cell.planner.reference import inverse_kinematics as twin_ik
from smart_cell.planner.reference import kinematics as twin
from smart_cell.planner.urdf import parse_chain
from support.robots import UR5E, random_axes, urdf
from support.structures import PARALLEL, WRISTS, arm

SEEDS = st.integers(0, 2**32 - 1)
SIX_AXES = (
    Robot.from_urdf_text(urdf(UR5E), "base", "tip"),
    parse_chain(urdf(UR5E), "base", "tip"),
)


def configuration(robot: Robot, rng: np.random.Generator) -> Array:
    low = np.maximum(robot.limits.position_lower, -2 * np.pi)
    high = np.minimum(robot.limits.position_upper, 2 * np.pi)
    return rng.uniform(low, high)


@given(seed=SEEDS, count=st.integers(1, 16))
@settings(max_examples=60, deadline=None)
def test_random_chain_equals_the_twin(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    text = urdf(random_axes(rng, count))
    robot, joints = Robot.from_urdf_text(text, "base", "tip"), parse_chain(text, "base", "tip")
    q = configuration(robot, rng)
    links = twin.fk_all(joints, q)
    assert np.abs(robot.fk_all(q) - np.array(links)).max() < 1e-12
    assert np.abs(robot.fk(q) - links[-1]).max() < 1e-12
    assert np.abs(robot.jacobian(q) - twin.jacobian(joints, q)).max() < 1e-12
    assert np.linalg.norm(links[-1][:3, 3]) < 1e3


@given(seed=SEEDS, count=st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_solutions_for_random_chains_are_solutions(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    text = urdf(random_axes(rng, count))
    robot, joints = Robot.from_urdf_text(text, "base", "tip"), parse_chain(text, "base", "tip")
    q = configuration(robot, rng)
    found = robot.ik(robot.fk(q), q)
    assert len(found) >= 1
    assert np.abs(found[0] - q).max() < 1e-6
    for solution in found:
        assert twin_ik.is_solution(joints, solution, robot.fk(q))


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_where_the_twin_descends_to_is_among_the_solutions(seed: int) -> None:
    robot, joints = SIX_AXES
    rng = np.random.default_rng(seed)
    target, start = robot.fk(configuration(robot, rng)), configuration(robot, rng)
    end = twin_ik.descend(joints, target, start)
    if end is None:
        return
    end = twin_ik.wrap_near(joints, end, start)
    found = robot.ik(target, start, max_solutions=64)
    assert np.abs(found - end).max(axis=1).min() < 1e-5


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_joints_stay_in_their_limits_whatever_the_seed(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width = rng.uniform(0.2, 2 * np.pi, 6)
    centre = rng.uniform(-3.0, 3.0, 6)
    robot = Robot.from_urdf_text(
        urdf(UR5E),
        "base",
        "tip",
        {"position_lower": centre - width, "position_upper": centre + width},
    )
    pose = robot.fk(configuration(robot, rng))
    start = configuration(robot, rng)
    found = robot.ik(pose, np.clip(start, centre - width, centre + width))
    assert ((found >= centre - width) & (found <= centre + width)).all()


@given(seed=SEEDS, name=st.sampled_from(WRISTS + PARALLEL), reverse=st.booleans())
@settings(max_examples=150, deadline=None)
def test_closed_form_contains_the_pose_it_was_made_of(seed: int, name: str, reverse: bool) -> None:
    rng = np.random.default_rng(seed)
    text = urdf(arm(name, rng, reverse=reverse))
    robot, joints = Robot.from_urdf_text(text, "base", "tip"), parse_chain(text, "base", "tip")
    q = configuration(robot, rng)
    if rng.random() < 0.3:  # special angles are where arms are singular
        q = np.where(rng.random(6) < 0.5, rng.choice([0.0, np.pi / 2, np.pi], 6), q)
    found = robot.ik(robot.fk(q), q)
    assert len(found) >= 1
    for solution in found:
        assert twin_ik.is_solution(joints, solution, robot.fk(q))


@given(seed=SEEDS, name=st.sampled_from(WRISTS + PARALLEL))
@settings(max_examples=60, deadline=None)
def test_closed_form_contains_what_the_twin_descends_to(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    text = urdf(arm(name, rng, limit=np.inf))
    robot, joints = Robot.from_urdf_text(text, "base", "tip"), parse_chain(text, "base", "tip")
    target = robot.fk(rng.uniform(-np.pi, np.pi, 6))
    end = twin_ik.descend(joints, target, rng.uniform(-np.pi, np.pi, 6))
    if end is None:
        return
    found = robot.ik(target, end)
    assert np.abs(found[0] - end).max() < 1e-4
