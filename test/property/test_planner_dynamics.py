"""Inverse dynamics of random chains: the C core equals its plain twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.planner import Payload, Robot
from smart_cell.planner.reference import dynamics as twin
from smart_cell.planner.urdf import parse_chain
from support.robots import random_axes, urdf, with_masses

SEEDS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, count=st.integers(1, 16))
@settings(max_examples=60, deadline=None)
def test_random_chain_equals_the_twin(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    text = with_masses(rng, urdf(random_axes(rng, count)))
    robot, joints = Robot.from_urdf_text(text, "base", "tip"), parse_chain(text, "base", "tip")
    q, qd, qdd = rng.uniform(-3.0, 3.0, (3, robot.dof))
    gravity = rng.normal(size=3) * 10.0
    payload = Payload(float(rng.uniform(0.0, 5.0)), rng.normal(size=3) * 0.2, np.eye(3) * 0.1)
    pairs = (
        (robot.inverse_dynamics(q, qd, qdd), twin.inverse_dynamics(joints, q, qd, qdd)),
        (
            robot.inverse_dynamics(q, qd, qdd, payload, gravity=gravity),
            twin.inverse_dynamics(joints, q, qd, qdd, payload.moments, gravity),
        ),
    )
    for ours, expected in pairs:
        assert np.abs(ours - expected).max() < 1e-12 * max(1.0, float(np.abs(expected).max()))


@given(seed=SEEDS, count=st.integers(1, 16))
@settings(max_examples=40, deadline=None)
def test_torques_are_affine_in_the_acceleration_with_a_symmetric_matrix(
    seed: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    text = with_masses(rng, urdf(random_axes(rng, count)))
    robot = Robot.from_urdf_text(text, "base", "tip")
    q, qd, qdd = rng.uniform(-3.0, 3.0, (3, robot.dof))
    at_rest = robot.inverse_dynamics(q, qd, 0.0)
    n = robot.dof
    mass = robot.inverse_dynamics(np.tile(q, (n, 1)), qd, np.eye(n)) - at_rest
    scale = max(1.0, float(np.abs(mass).max()), float(np.abs(at_rest).max()))
    assert np.abs(mass - mass.T).max() < 1e-11 * scale
    assert np.linalg.eigvalsh(mass).min() > -1e-11 * scale
    assert np.abs(robot.inverse_dynamics(q, qd, qdd) - at_rest - qdd @ mass).max() < 1e-10 * scale
