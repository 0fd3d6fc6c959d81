"""Point to point from rest to rest: time-optimal, synchronised, exact, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import (
    DurationError,
    LimitError,
    Limits,
    PlannerError,
    State,
    point_to_point,
)
from smart_cell.planner.reference import profile
from support.motion import integration_error, limits, worst_ratio


def test_known_durations() -> None:
    """Three shapes of the profile, by hand: with v 1, a 2, j 4 speeding up takes 1 s."""
    one = limits(1, 1.0, 2.0, 4.0)
    for distance, seconds in ((3.0, 4.0), (1.0, 2.0), (0.125, 1.0)):
        made = point_to_point(State([0.0]), State([-distance]), one)
        assert made.duration == pytest.approx(seconds, rel=1e-12)
    # Constant acceleration without cruising: v (v / a + a / j) = d.
    made = point_to_point(State([0.0]), State([0.75 * 1.25]), limits(1, 9.0, 1.0, 2.0))
    assert made.duration == pytest.approx(2.5, rel=1e-12)


def test_the_slowest_joint_decides_and_all_end_together() -> None:
    limit = limits(3)
    made = point_to_point(State([0, 0, 0]), State([3.0, 0.5, -0.01]), limit)
    assert made.duration == pytest.approx(profile.minimum_time(3.0, 2.0, 6.0, 60.0), rel=1e-12)
    assert worst_ratio(made, limit) <= 1 + 1e-9
    before_end = made.sample(made.duration * 0.9)[1]
    assert (np.abs(before_end) > 0.0).all()
    assert integration_error(made) < 1e-6


def test_motion_never_leaves_the_span_between_start_and_goal() -> None:
    made = point_to_point(State([0.3, -1.0]), State([0.31, 2.0]), limits(2))
    lowest, highest, *_ = made.extrema()
    assert (lowest >= [0.3 - 1e-12, -1.0 - 1e-12]).all()
    assert (highest <= [0.31 + 1e-12, 2.0 + 1e-12]).all()


def test_no_motion_takes_no_time() -> None:
    made = point_to_point(State([1.0, 2.0]), State([1.0, 2.0]), limits(2))
    assert made.duration == 0.0
    assert made.sample(0.0)[0].tolist() == [1.0, 2.0]
    assert made.waypoints(0.01)[0].tolist() == [0.0]
    waiting = point_to_point(State([1.0]), State([1.0]), limits(1), duration=2.0)
    assert waiting.duration == 2.0


@pytest.mark.parametrize("distance", [1e-15, 1e-12, 1e-9, 1e-6, 1e-3, 1.0, 8.0])
def test_tiny_and_large_motions_end_exactly_within_limits(distance: float) -> None:
    limit = limits(2)
    made = point_to_point(State([0.0, 0.0]), State([distance, -distance / 3]), limit)
    assert made.end.position.tolist() == [distance, -distance / 3]
    assert made.limits_violation(limit, tolerance=1e-9) is None
    expected = profile.minimum_time(distance, 2.0, 6.0, 60.0)
    assert made.duration == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("sliver", [1e-15, 1e-13, 1e-10])
def test_joints_of_nearly_equal_moves_keep_their_jerk(sliver: float) -> None:
    limit = limits(3)
    goal = [1.0, 1.0 - sliver, -1.0 + sliver]
    made = point_to_point(State([0.0] * 3), State(goal), limit)
    assert made.limits_violation(limit, tolerance=1e-9) is None
    assert worst_ratio(made, limit) <= 1 + 1e-9


@pytest.mark.parametrize("velocity", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("acceleration", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("jerk", [1e-3, 1.0, 1e6])
def test_decades_of_limits(velocity: float, acceleration: float, jerk: float) -> None:
    limit = Limits(
        [-9.0] * 2, [9.0] * 2, [velocity, 1.0], [acceleration, 1.0], [jerk, 10.0], [1.0] * 2
    )
    made = point_to_point(State([0.0, 1.0]), State([2.0, -1.5]), limit)
    expected = max(
        profile.minimum_time(2.0, velocity, acceleration, jerk),
        profile.minimum_time(2.5, 1.0, 1.0, 10.0),
    )
    assert made.duration == pytest.approx(expected, rel=1e-9)
    assert made.limits_violation(limit, tolerance=1e-6) is None


def test_asked_duration_is_kept_exactly_or_refused() -> None:
    limit = limits(2)
    for seconds in (2.2, 10.0, 1e4):
        made = point_to_point(State([0, 0]), State([3.0, 1.0]), limit, duration=seconds)
        assert made.duration == pytest.approx(seconds, rel=1e-12)
        assert made.limits_violation(limit, tolerance=1e-9) is None
    with pytest.raises(DurationError, match="shorter than the") as caught:
        point_to_point(State([0, 0]), State([3.0, 1.0]), limit, duration=1.0)
    assert caught.value.minimum == pytest.approx(profile.minimum_time(3.0, 2.0, 6.0, 60.0))


@pytest.mark.parametrize("duration", [0.0, -1.0, 2e6, np.nan, np.inf])
def test_bad_duration_is_refused(duration: float) -> None:
    with pytest.raises(PlannerError, match="duration is"):
        point_to_point(State([0.0]), State([1.0]), limits(1), duration=duration)


def test_goal_outside_its_limits_names_joint_value_and_limit() -> None:
    with pytest.raises(LimitError, match=r"goal.position: joint 1 at 9.5 is above its limit 9"):
        point_to_point(State([0.0, 0.0]), State([0.0, 9.5]), limits(2))
    with pytest.raises(LimitError, match=r"start.position: joint 0 at -9.5 is below"):
        point_to_point(State([-9.5, 0.0]), State([0.0, 0.0]), limits(2))


def test_different_numbers_of_joints_are_refused() -> None:
    with pytest.raises(PlannerError, match="goal has 3 joints, limits have 2"):
        point_to_point(State([0, 0]), State([0, 0, 0]), limits(2))


def test_continuous_joint_has_no_position_limit() -> None:
    limit = Limits([-np.inf], [np.inf], [1.0], [1.0], [1.0], [1.0])
    assert point_to_point(State([0.0]), State([1000.0]), limit).end.position[0] == 1000.0


def test_wrong_types_are_named() -> None:
    with pytest.raises(PlannerError, match="goal must be a State; got a list"):
        point_to_point(State([0.0]), [1.0], limits(1))  # type: ignore[arg-type]
    with pytest.raises(PlannerError, match="limits must be a Limits; got a NoneType"):
        point_to_point(State([0.0]), State([1.0]), None)  # type: ignore[arg-type]
