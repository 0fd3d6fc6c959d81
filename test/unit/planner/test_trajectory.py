"""Trajectory: sampling, waypoints, joining, and the exact check against limits."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import LimitError, MismatchError, PlannerError, State, Trajectory
from smart_cell.planner import point_to_point as ptp
from support.motion import limits

LIMITS = limits(2)


def motion() -> Trajectory:
    return ptp(State([0.0, 1.0]), State([1.0, -2.0]), LIMITS)


def test_outside_the_duration_the_ends_are_held() -> None:
    made = motion()
    for t, where in (
        (-1.0, [0.0, 1.0]),
        (made.duration + 1e-9, [1.0, -2.0]),
        (np.inf, [1.0, -2.0]),
    ):
        position, *rates = made.sample(t)
        assert position.tolist() == where
        assert not np.any(rates)


def test_the_end_is_exact() -> None:
    position, velocity, acceleration, _ = motion().sample(motion().duration)
    assert position.tolist() == [1.0, -2.0]
    assert velocity.tolist() == [0.0, 0.0]
    assert acceleration.tolist() == [0.0, 0.0]


def test_vector_of_times_equals_single_samples() -> None:
    made = motion()
    times = np.random.default_rng(1).uniform(-0.1, made.duration + 0.1, 200)
    together = made.sample(times)
    for k, t in enumerate(times):
        for rows, row in zip(together, made.sample(t), strict=True):
            assert (rows[k] == row).all()


@pytest.mark.parametrize("t", [0.3, [0.1, 0.2, 0.3]])
def test_samples_are_written_into_out(t: float | list[float]) -> None:
    made = motion()
    out = np.empty((4, *np.shape(t), 2))
    written = made.sample(t, out)
    assert all(np.shares_memory(out, part) for part in written)
    assert (out == np.array(made.sample(t))).all()
    with pytest.raises(PlannerError, match="out must be"):
        made.sample(t, np.empty((4, 5, 2)))


def test_nan_and_tables_of_times_are_refused() -> None:
    for bad in (np.nan, [0.0, np.nan], [[0.0]], "now"):
        with pytest.raises(PlannerError, match="t must be"):
            motion().sample(bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("period", [0.001, 0.008, 0.3, 100.0])
def test_waypoints_begin_at_zero_end_at_duration_and_ascend(period: float) -> None:
    made = motion()
    for exact in (False, True):
        times, positions, velocities, accelerations = made.waypoints(period, exact=exact)
        assert times[0] == 0.0
        assert times[-1] == made.duration
        assert (np.diff(times) > 0.0).all()
        assert np.diff(times).max() <= period * (1 + 1e-6)
        assert positions[-1].tolist() == [1.0, -2.0]
        assert positions.shape == velocities.shape == accelerations.shape == (len(times), 2)


def test_exact_waypoints_give_back_the_trajectory_with_its_jerk() -> None:
    made = motion()
    again = Trajectory.from_waypoints(*made.waypoints(0.008, exact=True))
    t = np.linspace(0.0, made.duration, 5000)
    assert np.abs(made.sample(t)[0] - again.sample(t)[0]).max() < 1e-10
    assert again.limits_violation(LIMITS, tolerance=1e-5) is None
    plain = Trajectory.from_waypoints(*made.waypoints(0.008))
    found = plain.limits_violation(LIMITS)  # interpolation across a step of the jerk overshoots
    assert found is not None
    assert found.quantity == "jerk"


@pytest.mark.parametrize("period", [0.0, -1.0, np.nan, np.inf, 1e-9])
def test_bad_period_is_refused(period: float) -> None:
    with pytest.raises(PlannerError, match="period"):
        motion().waypoints(period)


def test_cubic_without_accelerations_and_quintic_with() -> None:
    times, p, v = [5.0, 7.0], [[0.0], [1.0]], [[0.0], [0.0]]
    cubic = Trajectory.from_waypoints(times, p, v)
    quintic = Trajectory.from_waypoints(times, p, v, [[0.0], [0.0]])
    assert cubic.duration == quintic.duration == 2.0
    assert cubic.sample(0.5)[0][0] == pytest.approx(3 / 16 - 2 / 64)
    assert quintic.sample(0.5)[0][0] == pytest.approx(10 / 64 - 15 / 256 + 6 / 1024)
    assert cubic.sample(0.0)[2][0] == pytest.approx(1.5)


def test_single_waypoint_stands() -> None:
    made = Trajectory.from_waypoints([3.0], [[1.0, 2.0]], [[0.0, 0.0]])
    assert made.duration == 0.0
    assert made.sample(0.0)[0].tolist() == [1.0, 2.0]
    assert made.waypoints(0.1)[0].tolist() == [0.0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([0, 0], [[0], [1]], [[0], [0]]), r"times\[1\] is 0, not after"),
        (([0, np.nan], [[0], [1]], [[0], [0]]), r"times\[1\] is nan"),
        (([0, 1], [[0], [1], [2]], [[0], [0]]), r"positions has shape \(3, 1\)"),
        (([0, 1], [[0], [1]], [[0, 0], [0, 0]]), "velocities has shape"),
        (([0, 1], [[0], [1]], [[0], [0]], [[0], [np.inf]]), r"accelerations\[1, 0\] is inf"),
        (([0, 1], [[0], [1]], None), "velocities are missing"),
        (([], [], []), "times has shape"),
        (([0, 1e-300], [[0], [1]], [[0], [0]]), "beyond the range of numbers"),
        (([0.0], np.zeros((1, 17)), np.zeros((1, 17))), "n from 1 to 16"),
    ],
)
def test_bad_waypoints_are_refused(arguments: tuple[object, ...], said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        Trajectory.from_waypoints(*arguments)  # type: ignore[arg-type]


def test_join_follows_one_with_the_other() -> None:
    there, back = motion(), ptp(State([1.0, -2.0]), State([0.0, 1.0]), LIMITS)
    both = Trajectory.join([there, back])
    assert both.duration == pytest.approx(there.duration + back.duration)
    t = np.linspace(0.0, back.duration, 100)
    assert np.abs(both.sample(there.duration + t)[0] - back.sample(t)[0]).max() < 1e-12
    assert both.end.position.tolist() == [0.0, 1.0]
    assert Trajectory.join([there]).duration == there.duration


def test_join_of_states_that_differ_names_the_joint() -> None:
    with pytest.raises(MismatchError, match="position of joint 1 begins at -2.1") as caught:
        Trajectory.join([motion(), ptp(State([1.0, -2.1]), State([0.0, 0.0]), LIMITS)])
    assert (caught.value.joint, caught.value.quantity) == (1, "position")
    with pytest.raises(PlannerError, match="2 and 1 joints"):
        Trajectory.join([motion(), Trajectory.from_waypoints([0], [[0.0]], [[0.0]])])
    with pytest.raises(PlannerError, match="no trajectory"):
        Trajectory.join([])


def test_violation_names_joint_quantity_value_limit_and_time() -> None:
    made = motion()
    assert made.limits_violation(LIMITS) is None
    found = made.limits_violation(limits(2, velocity=1.0))
    assert found is not None
    assert (found.joint, found.quantity, found.limit) == (1, "velocity", 1.0)
    assert found.value == pytest.approx(np.abs(made.sample(found.time)[1][1]))
    with pytest.raises(LimitError, match="velocity of joint 1 reaches 2 .* the limit is 1"):
        made.check_limits(limits(2, velocity=1.0))
    with pytest.raises(PlannerError, match="limits for 3 joints"):
        made.check_limits(limits(3))


def test_excess_between_samples_is_found() -> None:
    # A quintic bump whose peak lies between any coarse samples.
    bump = Trajectory.from_waypoints([0, 1, 2], [[0], [1], [0]], [[0], [3], [0]], [[0], [0], [0]])
    position = bump.sample(np.linspace(0.0, 2.0, 200_001))[0]
    lowest, highest, *_ = bump.extrema()
    assert highest[0] == pytest.approx(position.max(), abs=1e-9)
    assert lowest[0] == pytest.approx(position.min(), abs=1e-9)
    found = bump.limits_violation(limits(1, 99, 999, 9999, reach=float(highest[0]) - 1e-5))
    assert found is not None
    assert found.quantity == "position"


def test_jump_of_the_acceleration_counts_only_with_jerk() -> None:
    jumps = Trajectory.from_waypoints([0, 1, 2], [[0], [0.1], [0.2]], [[0], [0.1], [0]])
    generous = limits(1, 99, 999, 9999)
    found = jumps.limits_violation(generous)
    assert found is not None
    assert found.quantity == "continuity"
    assert jumps.limits_violation(generous, jerk=False) is None
