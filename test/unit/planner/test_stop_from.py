"""Trajectory.stop_from: on the path, inside the limits, quick."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import (
    BoundarySpeedError,
    Path,
    PlannerError,
    State,
    Trajectory,
    along,
    point_to_point,
)
from support.motion import limits

LIMITS = limits(3)
SPLINE = Path.through(np.random.default_rng(0).uniform(-2.0, 2.0, (5, 3)))
MOTIONS = {
    "point to point": point_to_point(State([0, 0, 0]), State([2.0, 1.0, -1.0]), LIMITS),
    "along": along(SPLINE, LIMITS),
}


def off(made: Trajectory, whole: Trajectory) -> float:
    """Largest distance of some positions from where the whole motion goes, between its samples."""
    times = np.linspace(0.0, whole.duration, 20_001)
    dense = whole.sample(times)[0]
    worst = 0.0
    for t in np.linspace(0.0, made.duration, 41):
        q = made.sample(float(t))[0]
        at = float(times[np.argmin(np.linalg.norm(dense - q, axis=1))])
        for _ in range(5):
            p, v, _, _ = whole.sample(at)
            at = float(np.clip(at + (q - p) @ v / max(float(v @ v), 1e-12), 0.0, whole.duration))
        worst = max(worst, float(np.abs(q - whole.sample(at)[0]).max()))
    return worst


@pytest.mark.parametrize("name", MOTIONS)
@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3, 0.5, 0.8, 0.97, 1.0])
def test_stop_is_on_the_path_within_the_limits(name: str, share: float) -> None:
    whole = MOTIONS[name]
    t = share * whole.duration
    made = whole.stop_from(t, LIMITS)
    for is_now, was in zip(made.sample(0.0)[:3], whole.sample(t)[:3], strict=True):
        assert is_now == pytest.approx(was, abs=1e-9)
    assert np.abs(made.end.velocity).max() < 1e-9
    assert np.abs(made.end.acceleration).max() < 1e-6
    assert made.limits_violation(LIMITS) is None
    assert made.duration <= whole.duration - t + 1e-9
    assert off(made, whole) < 1e-6


def test_stop_of_a_cruising_joint_takes_the_least_time() -> None:
    limit = limits(1, reach=99.0)
    whole = point_to_point(State([0.0]), State([20.0]), limit)
    made = whole.stop_from(5.0, limit)
    assert made.duration == pytest.approx(2.0 / 6.0 + 6.0 / 60.0, rel=0.01)


def test_where_no_stop_is_left_the_trajectory_s_own_end_or_an_error_is_the_answer() -> None:
    whole = MOTIONS["point to point"]
    late = whole.duration - 0.05
    assert whole.stop_from(late, LIMITS).duration == pytest.approx(0.05)
    open_end = along(SPLINE, LIMITS, end_speed=0.5)
    with pytest.raises(BoundarySpeedError):
        open_end.stop_from(open_end.duration - 0.01, LIMITS)
    with pytest.raises(BoundarySpeedError):
        open_end.stop_from(open_end.duration, LIMITS)


@pytest.mark.parametrize("t", [-0.1, 99.0, np.nan])
def test_bad_time_is_refused(t: float) -> None:
    with pytest.raises(PlannerError, match="t is"):
        MOTIONS["along"].stop_from(t, LIMITS)
    with pytest.raises(PlannerError, match="limits for 2 joints"):
        MOTIONS["along"].stop_from(0.0, limits(2))
