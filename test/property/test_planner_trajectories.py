"""Trajectories: the C core equals its twins, and no limit is ever exceeded."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smart_cell.planner import Limits, LineError, Robot, State, Trajectory, line, point_to_point
from smart_cell.planner.reference import line as twin_line
from smart_cell.planner.reference import profile
from smart_cell.planner.reference import trajectory as twin
from smart_cell.planner.urdf import parse_chain
from support.motion import worst_ratio
from support.robots import UR5E, urdf

SEEDS = st.integers(0, 2**32 - 1)
UR5E_TEXT = urdf(UR5E)
ROBOT = Robot.from_urdf_text(UR5E_TEXT, "base", "tip", {"acceleration": 10.0, "jerk": 100.0})
JOINTS = parse_chain(UR5E_TEXT, "base", "tip")


def random_limits(rng: np.random.Generator, n: int, decades: float) -> Limits:
    rates = 10.0 ** rng.uniform(-decades / 2, decades / 2, (3, n))
    return Limits(np.full(n, -50.0), np.full(n, 50.0), *rates, np.ones(n))


def is_straight(made: Trajectory) -> bool:
    """Return whether all joints move in one proportion (a single joint has its own profile)."""
    if made.dof == 1 or made.duration == 0.0:
        return False
    way = made.end.position - made.start.position
    rows = made.sample(np.linspace(0.0, made.duration, 50))[0] - made.start.position
    slowest = np.argmax(np.abs(way))
    return bool(np.allclose(rows, np.outer(rows[:, slowest] / way[slowest], way), atol=1e-9))


@given(seed=SEEDS, n=st.integers(1, 16), decades=st.sampled_from([0.5, 2.0, 4.0]))
@settings(max_examples=150, deadline=None)
def test_point_to_point_equals_the_twin_within_limits(seed: int, n: int, decades: float) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, n, decades)
    start = rng.uniform(-20.0, 20.0, n)
    goal = start + rng.choice([0.0, 1e-6, 1e-2, 1.0, 20.0], n) * rng.uniform(-1.0, 1.0, n)
    made = point_to_point(State(start), State(goal), limits)
    rates = list(zip(limits.velocity, limits.acceleration, limits.jerk, strict=True))
    minimum = max(
        profile.minimum_time(float(g - s), *map(float, rate))
        for s, g, rate in zip(start, goal, rates, strict=True)
    )
    assert abs(made.duration - minimum) <= 1e-9 * minimum
    assert made.limits_violation(limits, tolerance=1e-7) is None
    assert worst_ratio(made, limits, 500) <= 1 + 1e-7
    assert (made.end.position == goal).all()
    if is_straight(made):
        return
    for i in rng.choice(n, min(n, 3), replace=False):
        plan = profile.phases(float(goal[i] - start[i]), *map(float, rates[i]), minimum)
        for t in rng.uniform(0.0, minimum, 5):
            p, v, _ = profile.state(plan, float(t))
            position, velocity, _, _ = made.sample(float(t))
            assert abs(position[i] - start[i] - p) < 1e-8 * max(1.0, abs(goal[i] - start[i]))
            assert abs(velocity[i] - v) < 1e-7 * limits.velocity[i]


@given(seed=SEEDS, factor=st.floats(1.0, 1e3))
@settings(max_examples=80, deadline=None)
def test_stretched_motion_takes_the_asked_time_within_limits(seed: int, factor: float) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, 4, 2.0)
    start, goal = State(rng.uniform(-9, 9, 4)), State(rng.uniform(-9, 9, 4))
    asked = point_to_point(start, goal, limits).duration * factor
    made = point_to_point(start, goal, limits, duration=asked)
    assert abs(made.duration - asked) <= 1e-12 * asked
    assert made.limits_violation(limits, tolerance=1e-7) is None


@given(seed=SEEDS, quintic=st.booleans(), count=st.integers(2, 8))
@settings(max_examples=80, deadline=None)
def test_waypoints_sampling_and_extrema_equal_the_twin(
    seed: int, quintic: bool, count: int
) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 2.0, count))
    rows = rng.normal(size=(3, count, 2))
    accelerations = rows[2] if quintic else None
    made = Trajectory.from_waypoints(times, rows[0], rows[1], accelerations)
    same = twin.from_waypoints(times, rows[0], rows[1], accelerations)
    for t in rng.uniform(-0.1, made.duration + 0.1, 20):
        expected = same.state(float(t))
        scale = np.maximum(1.0, np.abs(expected))
        assert (np.abs(np.array(made.sample(float(t))) - expected) < 1e-7 * scale).all()
    exact = np.array(made.extrema())
    sampled = twin.sampled_extrema(same, 400)
    slack = 1e-6 * np.maximum(1.0, np.abs(exact))
    assert (exact[0] <= sampled[0] + slack[0]).all()
    assert (exact[1:] >= sampled[1:] - slack[1:]).all()
    dense = made.sample(np.linspace(0.0, made.duration, 20_000))
    assert (exact[0] >= dense[0].min(axis=0) - 1e-2).all()
    assert (exact[1] <= dense[0].max(axis=0) + 1e-2).all()
    assert (exact[2] <= np.abs(dense[1]).max(axis=0) + 2e-2 * (1.0 + exact[3])).all()


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_line_equals_the_twin_s_path_within_limits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    q = np.array([0.0, -1.2, 1.8, -2.2, -1.57, 0.3]) + rng.normal(size=6) * 0.4
    start = ROBOT.fk(q)
    goal = start.copy()
    goal[:3, 3] += rng.normal(size=3) * 0.1
    turn = rng.normal(size=3)
    goal[:3, :3] = twin_line.rotation(turn / np.linalg.norm(turn), 0.3) @ goal[:3, :3]
    try:
        made = line(ROBOT, start, goal, seed=q)
    except LineError:
        assume(False)
        return
    assert made.limits_violation(ROBOT.limits, tolerance=1e-9) is None
    path = twin_line.follow(JOINTS, start, goal, q, 40)
    assert np.abs(made.end.position - path[-1]).max() < 1e-7
    for t in rng.uniform(0.0, made.duration, 5):
        position = made.sample(float(t))[0]
        pose = ROBOT.fk(position)
        s = twin_line.fraction_of(start, goal, pose[:3, 3])
        k = min(int(s * 40), 39)
        between = path[k] + (s * 40 - k) * (path[k + 1] - path[k])
        assert np.abs(position - between).max() < 3e-3
        on_line = twin_line.pose_on_line(start, goal, s)
        assert np.linalg.norm(pose[:3, 3] - on_line[:3, 3]) < 1e-5
        assert np.abs(pose[:3, :3] - on_line[:3, :3]).max() < 1e-4
