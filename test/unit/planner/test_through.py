"""Motion through waypoints: through each, moving on, within all limits, short; or refused."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from smart_cell.planner import (
    LimitError,
    Limits,
    MismatchError,
    PlannerError,
    State,
    Trajectory,
    point_to_point,
    through,
)
from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.through import through_duration
from support.motion import integration_error, limits, worst_ratio

PIECES = 12


def crossings(made: Trajectory, count: int) -> Array:
    """Times at which the waypoints are passed: every stretch has the same number of pieces."""
    times = made.breaks[::PIECES]
    assert len(times) == count
    return times


def path(seed: int, count: int, n: int) -> Array:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, (count, n))


@pytest.mark.parametrize(("count", "n"), [(3, 1), (5, 7), (20, 6), (50, 7), (4, 16)])
def test_passes_each_waypoint_within_all_limits(count: int, n: int) -> None:
    points, limit = path(count, count, n), limits(n)
    made = through(points, limit)
    assert (made.sample(crossings(made, count))[0] == points).all()
    assert made.limits_violation(limit, tolerance=1e-9) is None
    assert worst_ratio(made, limit) <= 1.0 + 1e-9
    assert integration_error(made, 2000 * count) < 1e-4
    assert made.start.at_rest
    assert made.end.at_rest


def test_does_not_stop_at_waypoints_and_is_faster_than_with_stops() -> None:
    points, limit = path(3, 8, 7), limits(7)
    made = through(points, limit)
    speeds = np.linalg.norm(made.sample(crossings(made, 8)[1:-1])[1], axis=1)
    assert speeds.min() > 0.1
    stops = sum(point_to_point(State(a), State(b), limit).duration for a, b in pairwise(points))
    assert made.duration < 0.85 * stops


@pytest.mark.parametrize(
    ("seed", "count", "n", "jerk"), [(1, 4, 2, 60.0), (2, 6, 3, 30.0), (3, 3, 1, 1000.0)]
)
def test_is_as_short_as_the_twin_says(seed: int, count: int, n: int, jerk: float) -> None:
    points, limit = path(seed, count, n), limits(n, jerk=jerk)
    shortest = through_duration(points, limit)
    made = through(points, limit).duration
    # The twin looks at the velocity on its grid only; keeping it between costs some permille.
    assert shortest * (1.0 - 1e-4) <= made <= shortest * 1.01


def test_waypoints_on_a_straight_line_cost_no_more_than_a_twentieth() -> None:
    limit = limits(3, velocity=1.0)
    points = np.linspace([0.0, 0.0, 0.0], [2.0, -1.0, 0.5], 6)
    direct = point_to_point(State(points[0]), State(points[-1]), limit).duration
    assert direct <= through(points, limit).duration + 1e-9 <= 1.05 * direct


def test_two_waypoints_are_a_point_to_point_motion() -> None:
    points, limit = path(1, 2, 4), limits(4)
    direct = point_to_point(State(points[0]), State(points[1]), limit)
    assert through(points, limit).duration == direct.duration


def test_repeated_waypoints_are_passed_once() -> None:
    points, limit = path(1, 4, 3), limits(3)
    doubled = np.repeat(points, 2, axis=0)
    assert through(doubled, limit).duration == through(points, limit).duration


def test_moving_start_and_goal_are_kept() -> None:
    points, limit = path(5, 5, 4), limits(4)
    start = State(points[0], np.full(4, 0.3), np.full(4, 0.5))
    goal = State(points[-1], np.full(4, -0.4))
    made = through(points, limit, start=start, goal=goal)
    np.testing.assert_allclose(made.start.velocity, start.velocity, atol=1e-12)
    np.testing.assert_allclose(made.start.acceleration, start.acceleration, atol=1e-9)
    np.testing.assert_allclose(made.sample(made.duration)[1], goal.velocity, atol=1e-9)
    assert made.limits_violation(limit, tolerance=1e-9) is None
    assert (made.sample(crossings(made, 5))[0] == points).all()


@pytest.mark.parametrize("seed", range(6))
def test_position_limits_hold_between_waypoints(seed: int) -> None:
    """The range ends at the outermost waypoints; without limits the motion swings out beyond."""
    points, loose = path(seed, 7, 3), limits(3)
    low, high = points.min(axis=0), points.max(axis=0)
    tight = Limits(low, high, loose.velocity, loose.acceleration, loose.jerk, loose.effort)
    free, made = through(points, loose), through(points, tight)
    assert (free.extrema()[0] < low - 0.01).any() or (free.extrema()[1] > high + 0.01).any()
    assert made.limits_violation(tight, tolerance=1e-9) is None
    positions = made.sample(np.linspace(0.0, made.duration, 20000))[0]
    assert (positions >= low - 2e-9).all()
    assert (positions <= high + 2e-9).all()
    assert (made.sample(crossings(made, 7))[0] == points).all()
    assert made.duration < 1.3 * free.duration


def test_joints_of_very_different_limits_and_stretches() -> None:
    rng = np.random.default_rng(4)
    scale = 10.0 ** np.array([-2.0, 0.0, 2.0])
    limit = limits(3)
    limit = Limits(
        *(1e4 * limit.position_lower, 1e4 * limit.position_upper),
        *(limit.velocity * scale, limit.acceleration * scale, limit.jerk * scale, limit.effort),
    )
    points = np.cumsum(rng.normal(size=(9, 3)) * 10.0 ** rng.uniform(-5, 0, (9, 1)), axis=0)
    made = through(points, limit)
    assert made.limits_violation(limit, tolerance=1e-9) is None
    assert (made.sample(crossings(made, 9))[0] == points).all()


def test_stops_at_waypoints_where_nothing_else_is_found() -> None:
    """Waypoints at the ends of the ranges, while a slow joint makes one stretch very long."""
    rng = np.random.default_rng(4)
    steps = 10.0 ** rng.uniform(-4.0, 0.0, (4, 1))
    points = np.cumsum(rng.normal(size=(4, 4)) * steps, axis=0)
    rates = 10.0 ** rng.uniform(-2.0, 2.0, (3, 4))
    tight = Limits(points.min(axis=0), points.max(axis=0), *rates, np.ones(4))
    made = through(points, tight)
    assert made.limits_violation(tight, tolerance=1e-9) is None
    legs = [point_to_point(State(a), State(b), tight).duration for a, b in pairwise(points)]
    assert made.duration == pytest.approx(sum(legs))


def test_joint_that_stands_stays_where_it_is() -> None:
    points = path(6, 6, 3)
    points[:, 1] = 0.25
    made = through(points, limits(3))
    assert np.abs(made.sample(np.linspace(0.0, made.duration, 999))[0][:, 1] - 0.25).max() < 1e-3


@pytest.mark.parametrize("count", [3, 40])
def test_same_input_gives_the_same_bits(count: int) -> None:
    points, limit = path(7, count, 6), limits(6)
    assert (through(points, limit).coefficients == through(points, limit).coefficients).all()


@pytest.mark.parametrize(
    ("points", "error", "words"),
    [
        (np.zeros((3, 2)), PlannerError, "all waypoints are the same"),
        (np.zeros((1, 2)), PlannerError, "2 <= k"),
        (np.zeros((2, 3)), PlannerError, "must be \\(k, 2\\)"),
        (np.zeros(4), PlannerError, "must be \\(k, 2\\)"),
        (np.zeros((2001, 2)), PlannerError, "k <= 2000"),
        ([[0.0, 0.0], [np.nan, 0.0]], PlannerError, "waypoints"),
        ([[0.0, 0.0], [0.0, 9.5]], LimitError, "waypoints\\[1\\].*joint 1"),
    ],
)
def test_wrong_waypoints_are_refused(points: Array, error: type[PlannerError], words: str) -> None:
    with pytest.raises(error, match=words):
        through(points, limits(2))


def test_wrong_ends_are_refused() -> None:
    points, limit = path(1, 3, 2), limits(2)
    with pytest.raises(MismatchError, match="start is not at its waypoint"):
        through(points, limit, start=State(points[0] + 0.1))
    with pytest.raises(LimitError, match=r"goal\.velocity of joint 1 is 3") as caught:
        through(points, limit, goal=State(points[-1], [0.0, 3.0]))
    assert (caught.value.joint, caught.value.quantity, caught.value.limit) == (1, "velocity", 2.0)
    with pytest.raises(PlannerError, match="goal has 3 joints"):
        through(points, limit, goal=State([0.0, 0.0, 0.0]))


def test_start_that_can_not_stay_within_limits_is_refused() -> None:
    """At the velocity limit and still accelerating: the limit is passed whatever is done."""
    points, limit = path(1, 3, 2), limits(2)
    with pytest.raises(PlannerError):
        through(points, limit, start=State(points[0], [2.0, 0.0], [6.0, 0.0]))
