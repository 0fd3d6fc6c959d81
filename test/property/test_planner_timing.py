"""Paths and their timing: the C core equals its twins, and no limit is ever exceeded."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.planner import BoundarySpeedError, Limits, Path, along
from smart_cell.planner.reference import path as twin_path
from smart_cell.planner.reference import timing as twin
from support.motion import worst_ratio

SEEDS = st.integers(0, 2**32 - 1)


def random_limits(rng: np.random.Generator, n: int, decades: float) -> Limits:
    rates = 10.0 ** rng.uniform(-decades / 2, decades / 2, (3, n))
    rates *= np.array([[1.0], [5.0], [50.0]])
    return Limits(np.full(n, -1e3), np.full(n, 1e3), *rates, np.ones(n))


@given(seed=SEEDS, count=st.integers(2, 12), n=st.integers(1, 16))
@settings(max_examples=60, deadline=None)
def test_spline_equals_the_twin(seed: int, count: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(count, n))
    at = np.cumsum(rng.uniform(0.1, 2.0, count))
    path = Path.through(points, parameters=at)
    for s in rng.uniform(at[0], at[-1], 8):
        expected = twin_path.spline_position(points, at, float(s))
        assert np.abs(path.sample(float(s - at[0]))[0] - expected).max() < 1e-9


@given(seed=SEEDS, n=st.integers(2, 16), deviation=st.floats(1e-4, 0.3))
@settings(max_examples=60, deadline=None)
def test_rounded_corner_equals_the_twin(seed: int, n: int, deviation: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(3, n))
    path = Path.polyline(points, deviation)
    steps = np.diff(points, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    before, after = steps / lengths[:, None]
    leg = min(
        0.5 * float(lengths.min()), deviation / (6 / 32 * float(np.linalg.norm(after - before)))
    )
    for u in rng.uniform(0.0, 1.0, 5):
        expected = twin_path.corner_position(points[1], before, after, leg, float(u))
        found = path.sample(float(lengths[0] - leg + 2.0 * leg * u))[0]
        assert np.abs(found - expected).max() < 1e-9
    assert np.linalg.norm(path.sample(float(lengths[0]))[0] - points[1]) <= deviation * (1 + 1e-9)


@given(
    seed=SEEDS,
    n=st.integers(1, 16),
    count=st.integers(2, 8),
    decades=st.sampled_from([0.3, 1.0, 2.0]),
    rounded=st.booleans(),
    jerk=st.booleans(),
)
@settings(max_examples=120, deadline=None)
def test_no_limit_is_exceeded(
    seed: int, n: int, count: int, decades: float, rounded: bool, jerk: bool
) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, n, decades)
    points = np.cumsum(rng.normal(size=(count, n)), axis=0)
    path = Path.polyline(points, 0.1) if rounded else Path.through(points)
    made = along(path, limits, jerk=jerk)
    assert made.limits_violation(limits, tolerance=1e-9, jerk=jerk) is None
    assert (made.end.position == points[-1]).all()
    if jerk:
        assert worst_ratio(made, limits, 2000) <= 1 + 1e-9


@given(seed=SEEDS, ends=st.sampled_from([(0.2, 0.0), (0.0, 0.2), (0.1, 0.3)]), jerk=st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_limit_is_exceeded_between_moving_ends(
    seed: int, ends: tuple[float, float], jerk: bool
) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, 4, 0.5)
    path = Path.through(rng.normal(size=(5, 4)))
    try:
        made = along(path, limits, start_speed=ends[0], end_speed=ends[1], jerk=jerk)
    except BoundarySpeedError:
        return
    assert made.limits_violation(limits, tolerance=1e-8, jerk=jerk) is None
    assert np.abs(made.start.velocity - ends[0] * path.sample(0.0)[1]).max() < 1e-9


@given(seed=SEEDS, n=st.integers(1, 7), ends=st.sampled_from([(0.0, 0.0), (0.1, 0.05)]))
@settings(max_examples=12, deadline=None)
def test_second_order_takes_the_twin_s_time(seed: int, n: int, ends: tuple[float, float]) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, n, 0.5)
    path = Path.through(rng.normal(size=(4, n)))
    made = along(
        path, limits, start_speed=ends[0], end_speed=ends[1], jerk=False, cells=600
    ).duration
    expected = twin.duration(path, limits, 600, *ends)
    assert 0.998 * expected <= made <= 1.005 * expected
