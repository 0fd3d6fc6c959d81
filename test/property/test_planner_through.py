"""Motion through waypoints: always found from rest to rest, through each, within every limit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.planner import Limits, through
from smart_cell.planner.reference.through import through_duration
from support.motion import worst_ratio


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(1, 9),
    count=st.integers(3, 12),
    room=st.sampled_from([0.0, 1e-3, 1.0, np.inf]),
    decades=st.sampled_from([0.0, 2.0, 4.0]),
)
@settings(max_examples=80, deadline=None)
def test_motion_is_found_and_keeps_all_limits(
    seed: int, n: int, count: int, room: float, decades: float
) -> None:
    rng = np.random.default_rng(seed)
    steps = 10.0 ** rng.uniform(-decades, 0.0, (count, 1))
    points = np.cumsum(rng.normal(size=(count, n)) * steps, axis=0)
    rates = 10.0 ** rng.uniform(-decades / 2, decades / 2, (3, n))
    limits = Limits(points.min(axis=0) - room, points.max(axis=0) + room, *rates, np.ones(n))
    made = through(points, limits)
    assert made.limits_violation(limits, tolerance=1e-8) is None
    assert worst_ratio(made, limits, 2000) <= 1.0 + 1e-8
    positions = made.sample(made.breaks)[0]
    for point in points:
        assert (positions == point).all(axis=1).any()


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 5), n=st.integers(1, 2))
@settings(max_examples=12, deadline=None)
def test_duration_is_the_twins(seed: int, count: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1.0, 1.0, (count, n))
    rates = 10.0 ** rng.uniform([0.0, 0.5, 1.0], [0.5, 1.0, 2.0], (n, 3)).T
    limits = Limits(np.full(n, -50.0), np.full(n, 50.0), *rates, np.ones(n))
    # The twin looks at the velocity on its grid only; keeping it between costs up to some percent.
    assert through(points, limits).duration == pytest.approx(
        through_duration(points, limits), rel=0.02
    )
