"""Motion between any two states against its twin, and against all limits."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.planner import DurationError, Limits, State, point_to_point
from smart_cell.planner.arrays import Array
from smart_cell.planner.reference import state_to_state as twin

SEEDS = st.integers(0, 2**32 - 1)


def random_limits(rng: np.random.Generator, n: int, decades: float) -> Limits:
    reach = np.full(n, np.inf)
    return Limits(-reach, reach, *10.0 ** rng.uniform(-decades, decades, (3, n)), np.ones(n))


def random_rates(rng: np.random.Generator, limits: Limits) -> tuple[Array, Array]:
    """Return velocities and accelerations that can be reached, and left, within the limits."""
    most = np.minimum(limits.acceleration, 0.9 * np.sqrt(2.0 * limits.jerk * limits.velocity))
    acceleration = rng.uniform(-1.0, 1.0, limits.dof) * most
    room = limits.velocity - acceleration**2 / (2.0 * limits.jerk)
    return rng.uniform(-1.0, 1.0, limits.dof) * room, acceleration


def random_pair(rng: np.random.Generator, limits: Limits) -> tuple[State, State]:
    """Return two states, often so near that they matter more than their distance."""
    (v0, a0), (v1, a1) = random_rates(rng, limits), random_rates(rng, limits)
    tau = np.minimum(limits.acceleration / limits.jerk, 1.0)
    near = tau * (np.abs(v0) + np.abs(v1) + limits.acceleration * tau)
    way = rng.normal(size=limits.dof) * rng.choice([near, np.ones(limits.dof)])
    return State(np.zeros(limits.dof), v0, a0), State(way, v1, a1)


def twin_joint(limits: Limits, start: State, goal: State) -> twin.Joint:
    rates = (limits.velocity, limits.acceleration, limits.jerk)
    ends = (start.velocity, start.acceleration, goal.velocity, goal.acceleration)
    way = float(goal.position[0] - start.position[0])
    return twin.Joint(*(float(x[0]) for x in (*rates, *ends)), way)


@given(seed=SEEDS, decades=st.sampled_from([0.3, 1.0]))
@settings(max_examples=60, deadline=None)
def test_minimum_and_blocked_durations_equal_the_twin_s(seed: int, decades: float) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, 1, decades)
    start, goal = random_pair(rng, limits)
    joint = twin_joint(limits, start, goal)
    made = point_to_point(start, goal, limits)
    expected = twin.minimum_time(joint, 500)
    assert abs(made.duration - expected) <= 1e-4 * expected
    times = made.duration * rng.uniform(1.0001, 3.0, 12)
    scale = limits.velocity[0] * float(times.max())
    for t, margin in zip(times, twin.margins(joint, times, 500), strict=True):
        if abs(margin) < 1e-4 * scale:
            continue
        try:
            stretched = point_to_point(start, goal, limits, duration=float(t))
        except DurationError as refused:
            found = (refused.before, refused.after)
            assert margin < 0.0
        else:
            found = None
            assert margin > 0.0
            assert abs(stretched.duration - t) <= 1e-12 * t
            assert stretched.limits_violation(limits, tolerance=1e-9) is None
        assert found is None or found[0] < t < found[1]


@given(seed=SEEDS, n=st.integers(1, 16), decades=st.sampled_from([0.5, 1.5]))
@settings(max_examples=150, deadline=None)
def test_joints_end_together_within_limits_at_the_first_common_time(
    seed: int, n: int, decades: float
) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, n, decades)
    start, goal = random_pair(rng, limits)
    made = point_to_point(start, goal, limits)
    assert made.limits_violation(limits, tolerance=1e-9) is None
    for level in ("position", "velocity", "acceleration"):
        assert (getattr(made.end, level) == getattr(goal, level)).all()
        at_start = getattr(made.start, level) - getattr(start, level)
        assert (np.abs(at_start) <= 1e-15).all()
    one_less = made.sample(made.duration * (1.0 - 1e-9))
    for got, wanted, rate in zip(
        one_less[:2],
        (goal.position, goal.velocity),
        (limits.velocity, limits.acceleration),
        strict=True,
    ):
        assert (np.abs(got - wanted) <= 3e-9 * (1e-3 + rate * made.duration)).all()
    singles = [
        Limits([-np.inf], [np.inf], *(np.array([x[i]]) for x in limits.packed[2:]), [1.0])
        for i in range(n)
    ]
    ends = [
        [State(*([x[i]] for x in (s.position, s.velocity, s.acceleration))) for s in (start, goal)]
        for i in range(n)
    ]
    alone = [point_to_point(*ends[i], singles[i]).duration for i in range(n)]
    assert made.duration >= max(alone) * (1.0 - 1e-14)
    for t in rng.uniform(max(alone), max(made.duration, *alone), 3) * (1.0 - 1e-9):
        refused = 0
        for i in range(n):
            try:
                point_to_point(*ends[i], singles[i], duration=float(t))
            except DurationError:
                refused += 1
        assert refused > 0


@given(seed=SEEDS, n=st.integers(1, 7), decades=st.sampled_from([0.5, 1.5]))
@settings(max_examples=100, deadline=None)
def test_start_anywhere_is_brought_back_and_stays_inside(seed: int, n: int, decades: float) -> None:
    rng = np.random.default_rng(seed)
    limits = random_limits(rng, n, decades)
    v0, a0 = rng.normal(size=(2, n)) * 2.0
    start = State(rng.normal(size=n), v0 * limits.velocity, a0 * limits.acceleration)
    goal = State(rng.normal(size=n), *random_rates(rng, limits))
    made = point_to_point(start, goal, limits)
    _, velocity, acceleration, jerk = made.sample(np.linspace(0.0, made.duration, 2000))
    assert (np.abs(jerk) <= limits.jerk * (1.0 + 1e-12)).all()
    end = made.duration
    back = (np.abs(a0) * limits.acceleration + 2.0 * limits.acceleration) / limits.jerk
    speed = np.abs(v0) * limits.velocity + a0**2 * limits.acceleration**2 / limits.jerk
    back = back + 2.0 * speed / limits.acceleration + 2.0 * np.sqrt(speed / limits.jerk)
    later = np.linspace(0.0, end, 2000)[:, None] > back
    assert (np.abs(velocity) <= limits.velocity * (1.0 + 1e-9))[later].all()
    assert (np.abs(acceleration) <= limits.acceleration * (1.0 + 1e-9))[later].all()
