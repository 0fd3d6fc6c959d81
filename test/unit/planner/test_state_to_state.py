"""Motion between any two states: optimal, within limits, synchronised, and what it refuses."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from smart_cell.planner import (
    DurationError,
    LimitError,
    Limits,
    PlannerError,
    State,
    point_to_point,
    point_to_point_durations,
)
from smart_cell.planner.arrays import Array
from support.motion import integration_error, limits, worst_ratio

ONE = limits(1, 1.0, 2.0, 4.0)


def wide(velocity: Array, acceleration: Array, jerk: Array) -> Limits:
    """Return limits without a position range."""
    reach = np.full(len(velocity), np.inf)
    return Limits(-reach, reach, velocity, acceleration, jerk, np.ones(len(velocity)))


def test_known_durations_between_moving_states() -> None:
    # Cruising on at the limit; then stopping, which takes 1 s and 0.5 rad.
    made = point_to_point(State([0.0], [1.0]), State([3.0], [1.0]), ONE)
    assert made.duration == pytest.approx(3.0, rel=1e-14)
    made = point_to_point(State([0.0], [1.0]), State([0.5]), ONE)
    assert made.duration == pytest.approx(1.0, rel=1e-12)
    # An acceleration of 2 to 0 at full jerk: 0.5 s, from 0 to 0.5 rad/s.
    made = point_to_point(State([0.0], [0.0], [2.0]), State([1.0 / 6.0], [0.5]), ONE)
    assert made.duration == pytest.approx(0.5, rel=1e-12)


def test_both_ends_are_met_exactly() -> None:
    start = State([0.1, -0.3], [0.5, -1.0], [1.0, 2.0])
    goal = State([1.0, 2.0], [-0.7, 0.2], [-1.0, 0.5])
    limit = limits(2)
    made = point_to_point(start, goal, limit)
    for at, state in ((made.start, start), (made.end, goal)):
        assert at.position.tolist() == state.position.tolist()
        assert at.velocity.tolist() == state.velocity.tolist()
        assert at.acceleration.tolist() == state.acceleration.tolist()
    before = made.sample(made.duration * (1.0 - 1e-12))
    assert np.allclose(before[0], goal.position, atol=1e-9)
    assert np.allclose(before[1], goal.velocity, atol=1e-9)
    assert np.allclose(before[2], goal.acceleration, atol=1e-9)
    assert worst_ratio(made, limit) <= 1.0 + 1e-12
    assert integration_error(made) < 1e-6


def test_moving_state_can_be_where_it_will_be() -> None:
    state = State([0.3], [0.5], [1.0])
    assert point_to_point(state, state, ONE).duration == 0.0


def test_blocked_duration_is_refused_with_its_neighbours() -> None:
    """A joint that passes at speed is early, or stops and comes back."""
    start, goal = State([0.0], [1.0]), State([0.5], [1.0])
    with pytest.raises(DurationError, match="is blocked: possible are up to") as caught:
        point_to_point(start, goal, ONE, duration=1.5)
    error = caught.value
    assert error.minimum == pytest.approx(0.5)
    assert error.minimum <= error.before < 1.5 < error.after
    for possible in (error.before, error.after, error.after * 1.5, 100.0):
        made = point_to_point(start, goal, ONE, duration=possible)
        assert made.duration == pytest.approx(possible, rel=1e-12)
        assert made.limits_violation(ONE, tolerance=1e-9) is None
    for blocked in (error.before + 1e-6, error.after - 1e-6):
        with pytest.raises(DurationError, match="is blocked"):
            point_to_point(start, goal, ONE, duration=blocked)


def test_slow_joint_waits_for_a_duration_that_the_passing_one_can_take() -> None:
    start, goal = State([0.0, 0.0], [1.0, 0.0]), State([0.5, 1.0], [1.0, 0.0])
    limit = limits(2, 1.0, 2.0, 4.0)
    alone = point_to_point(State([0.0]), State([1.0]), ONE).duration
    made = point_to_point(start, goal, limit)
    with pytest.raises(DurationError) as caught:
        point_to_point(State([0.0], [1.0]), State([0.5], [1.0]), ONE, duration=alone)
    assert made.duration == pytest.approx(caught.value.after, rel=1e-12)
    assert made.limits_violation(limit, tolerance=1e-9) is None


@pytest.mark.parametrize("speed", [0.0, 0.4])
def test_straight_line_stays_one_where_it_takes_no_longer(speed: float) -> None:
    way = np.array([2.0, -1.0, 0.0, 0.5])
    limit = wide(*np.outer([1.0, 2.0, 4.0], [1.0, 1.0, 1.0, 0.3]))
    start, goal = State(np.ones(4), -0.1 * way), State(1.0 + way, speed * way)
    made = point_to_point(start, goal, limit)
    alone = point_to_point(State([1.0], [-0.2]), State([3.0], [2.0 * speed]), ONE)
    assert made.duration == alone.duration
    assert made.limits_violation(limit, tolerance=1e-9) is None
    position = made.sample(np.linspace(0.0, made.duration, 100))[0] - 1.0
    assert np.abs(position - np.outer(position[:, 0] / 2.0, way)).max() < 1e-14
    # The last joint is too slow for its part of the line.
    slower = wide(*np.outer([1.0, 2.0, 4.0], [1.0, 1.0, 1.0, 0.24]))
    assert point_to_point(start, goal, slower).duration == pytest.approx(made.duration, rel=0.05)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_lens_of_accelerations_of_one_sign_is_found(sign: float) -> None:
    """Both accelerations 1, velocities to match: no need to come down to zero acceleration."""
    start = State([0.0], [0.1 * sign], [1.0 * sign])
    quick = State([0.0185 * sign], [0.22 * sign], [1.0 * sign])
    made = point_to_point(start, quick, ONE)
    assert made.duration < 0.15
    t = np.linspace(0.0, made.duration, 200)
    assert (made.sample(t)[2] * sign > 0.0).all()
    assert made.limits_violation(ONE, tolerance=1e-9) is None


@pytest.mark.parametrize(
    ("velocity", "acceleration"),
    [(3.0, 0.0), (-3.0, 0.0), (0.0, 5.0), (0.0, -5.0), (3.0, 5.0), (3.0, -5.0), (0.9, 1.9)],
)
def test_start_outside_its_limits_is_brought_back(velocity: float, acceleration: float) -> None:
    limit = wide(np.array([1.0]), np.array([2.0]), np.array([4.0]))
    made = point_to_point(State([0.0], [velocity], [acceleration]), State([1.0]), limit)
    _, v, a, j = made.sample(np.linspace(0.0, made.duration, 5001))
    assert np.abs(j).max() <= 4.0 * (1.0 + 1e-12)
    outside = np.flatnonzero((np.abs(v) > 1.0 + 1e-9) | (np.abs(a) > 2.0 + 1e-9))
    first_inside = outside[-1] + 1 if len(outside) else 0
    assert (np.diff(outside) == 1).all() or np.abs(v[outside]).max() <= max(
        abs(velocity), abs(velocity) + acceleration**2 / 8.0
    )
    assert first_inside < 4500
    assert made.end.position.tolist() == [1.0]


def test_lowered_velocity_limit_is_met_without_speeding_up_again() -> None:
    lowered = wide(np.array([0.2]), np.array([2.0]), np.array([4.0]))
    made = point_to_point(State([0.0], [1.5]), State([5.0]), lowered)
    velocity = made.sample(np.linspace(0.0, made.duration, 3000))[1]
    assert (np.diff(velocity[:, 0]) <= 1e-12).all()
    # And so at every cycle of it.
    state, duration = State([0.0], [1.5]), made.duration
    for cycle in range(1, 1200):
        state = State(*point_to_point(state, State([5.0]), lowered).sample(1e-3)[:3])
        left = point_to_point(state, State([5.0]), lowered).duration
        assert left == pytest.approx(duration - cycle * 1e-3, abs=1e-9)


@pytest.mark.parametrize(
    ("state", "quantity", "value", "limit"),
    [
        (State([1.0], [1.1]), "velocity", 1.1, 1.0),
        (State([1.0], [-1.1]), "velocity", -1.1, -1.0),
        (State([1.0], None, [2.5]), "acceleration", 2.5, 2.0),
        (State([1.0], None, [-2.5]), "acceleration", -2.5, -2.0),
        (State([1.0], [0.9], [-2.0]), "velocity", 1.4, 1.0),
        (State([1.0], [-0.9], [2.0]), "velocity", -1.4, -1.0),
    ],
)
def test_goal_outside_its_limits_is_refused(
    state: State, quantity: str, value: float, limit: float
) -> None:
    with pytest.raises(LimitError, match=f"goal.{quantity}: joint 0") as caught:
        point_to_point(State([0.0]), state, ONE)
    error = caught.value
    assert (error.joint, error.quantity, error.limit) == (0, quantity, limit)
    assert error.value == pytest.approx(value)


def test_limits_of_all_decades_at_once() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        limit = wide(*10.0 ** rng.uniform(-2.0, 2.0, (3, 7)))
        most = np.minimum(limit.acceleration, np.sqrt(limit.jerk * limit.velocity))
        state = [
            State(
                rng.normal(size=7),
                rng.uniform(-0.5, 0.5, 7) * limit.velocity,
                rng.uniform(-most, most),
            )
            for _ in range(2)
        ]
        made = point_to_point(state[0], state[1], limit)
        assert made.limits_violation(limit, tolerance=1e-9) is None
        assert (made.end.position == state[1].position).all()


@pytest.mark.parametrize("scale", [0.0, 1e-12, 1e-9, 1e-6, 1e-3])
def test_tiny_motions_at_every_limit(scale: float) -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        limit = wide(*10.0 ** rng.uniform(-1.0, 1.0, (3, 3)))
        at = [rng.choice([-1.0, 0.0, 1.0], 3) * limit.velocity for _ in range(2)]
        goal = rng.normal(size=3) * scale
        made = point_to_point(State(np.zeros(3), at[0]), State(goal, at[1]), limit)
        assert made.limits_violation(limit, tolerance=1e-9) is None
        assert (made.end.position == goal).all()


@pytest.mark.parametrize("seed", range(4))
def test_replanning_at_every_cycle_never_fails(seed: int) -> None:
    """Moving goals, at 1 kHz: with their velocity and acceleration, without, and with jumps."""
    rng = np.random.default_rng(seed)
    n, period = 3, 1e-3
    limit = wide(*10.0 ** rng.uniform(-0.5, 1.0, (3, n)))
    rate, phase = rng.uniform(0.3, 3.0, (2, n))
    size = 0.3 * np.min(
        [limit.velocity / rate, limit.acceleration / rate**2, limit.jerk / rate**3], axis=0
    )
    state, jump = State(np.zeros(n)), np.zeros(n)
    for cycle in range(2500):
        angle = rate * cycle * period + phase
        if seed >= 2 and cycle % 400 == 0:
            jump = rng.normal(size=n)
        goal = State(
            size * np.sin(angle) + jump,
            size * rate * np.cos(angle),
            -size * rate**2 * np.sin(angle) if seed % 2 else None,
        )
        position, velocity, acceleration, jerk = point_to_point(state, goal, limit).sample(period)
        assert (np.abs(velocity) <= limit.velocity * (1.0 + 1e-9)).all()
        assert (np.abs(acceleration) <= limit.acceleration * (1.0 + 1e-9)).all()
        assert (np.abs(jerk) <= limit.jerk * (1.0 + 1e-9)).all()
        state = State(position, velocity, acceleration)


@pytest.mark.parametrize(("lower", "upper"), [(-0.08, 0.18), (-0.07, 0.18), (-0.08, 0.17)])
def test_waiting_joint_keeps_inside_its_range(lower: float, upper: float) -> None:
    """It has to come back while the other one takes its time, and has little room for that."""
    rates = [np.array([x, x]) for x in (1.0, 2.0, 4.0)]
    limit = Limits([lower, -9.0], [upper, 9.0], *rates, np.ones(2))
    made = point_to_point(State([0.0, 0.0], [0.5, 0.0]), State([0.1, 3.0], [0.5, 0.0]), limit)
    assert made.duration == pytest.approx(4.0, rel=1e-12)
    assert made.limits_violation(limit, tolerance=1e-9) is None


def test_asked_duration_keeps_inside_the_range_or_is_refused() -> None:
    limit = Limits([-0.05], [0.5], [1.0], [2.0], [4.0], [1.0])
    start, goal = State([0.0], [0.5]), State([0.1], [0.5])
    assert 0.19 < point_to_point(start, goal, limit).duration < 0.2
    with pytest.raises(LimitError, match=r"joint 0 would reach -0\.07.* its limit is -0.05"):
        point_to_point(start, goal, limit, duration=4.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_braking_distance_beyond_the_range_is_refused(sign: float) -> None:
    limit = Limits([-1.0], [1.0], [2.0], [2.0], [40.0], [1.0])
    with pytest.raises(LimitError, match="on the way") as caught:
        point_to_point(State([0.9 * sign], [1.5 * sign]), State([0.0]), limit)
    error = caught.value
    assert (error.joint, error.quantity, error.limit) == (0, "position", sign)
    assert error.value * sign > 1.4
    with pytest.raises(LimitError, match="on the way"):
        point_to_point(State([0.0]), State([0.9 * sign], [-1.5 * sign]), limit)


def test_state_is_a_checked_read_only_copy() -> None:
    source = np.array([1.0, 2.0])
    state = State(source, acceleration=[3, 4])
    source[0] = 9.0
    assert state.position.tolist() == [1.0, 2.0]
    assert state.acceleration.tolist() == [3.0, 4.0]
    with pytest.raises(ValueError, match="read-only"):
        state.position[0] = 0.0
    again = pickle.loads(pickle.dumps(state))
    assert again.position.tolist() == state.position.tolist()
    assert repr(state).startswith("State(position=array([1., 2.]), velocity=array([0., 0.])")


def test_durations_of_many_equal_those_of_each() -> None:
    rng = np.random.default_rng(5)
    limit = limits(3)
    starts, goals = rng.uniform(-1.0, 1.0, (2, 50, 3, 3))
    goals[7, 1, 2] = 3.0  # above its limit
    found = point_to_point_durations(starts, goals, limit)
    for k, (a, b) in enumerate(zip(starts, goals, strict=True)):
        if k == 7:
            assert found[k] == np.inf
        else:
            assert found[k] == point_to_point(State(*a), State(*b), limit).duration
    out = np.empty(50)
    assert point_to_point_durations(starts, goals, limit, out=out) is out
    assert (out == found).all()
    assert point_to_point_durations(starts[:0], goals[:0], limit).shape == (0,)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 2, 3), (2, 3, 4), (1, 3, 3)])
def test_durations_of_a_wrong_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PlannerError, match="has shape"):
        point_to_point_durations(np.zeros((2, 3, 3)), np.zeros(shape), limits(3))
    with pytest.raises(PlannerError, match=r"starts\[0, 0, 0\] is nan"):
        point_to_point_durations(np.full((1, 3, 3), np.nan), np.zeros((1, 3, 3)), limits(3))
