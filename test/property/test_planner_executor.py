"""Executor: whatever is asked whenever, set-points stay on the path and within all limits."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smart_cell.planner import Executor, Limits, State, Trajectory, point_to_point
from smart_cell.planner.arrays import Array
from smart_cell.planner.reference import executor as twin
from support.motion import stepped_ratio

PERIOD = 0.004
SEEDS = st.integers(0, 2**32 - 1)


def random_motion(rng: np.random.Generator, n: int = 3) -> tuple[Trajectory, Limits]:
    """Return a motion of one or two legs at its limits."""
    rates = rng.uniform(0.5, 3.0, n), rng.uniform(2.0, 15.0, n), rng.uniform(20.0, 200.0, n)
    limits = Limits(np.full(n, -9.0), np.full(n, 9.0), *rates, np.ones(n))
    stations = [State(rng.uniform(-2.0, 2.0, n)) for _ in range(rng.integers(2, 4))]
    legs = [point_to_point(a, b, limits) for a, b in zip(stations[:-1], stations[1:], strict=True)]
    return Trajectory.join(legs), limits


def check(path: Trajectory, limits: Limits, positions: Array, path_times: list[float]) -> None:
    assert stepped_ratio(positions, PERIOD, limits) <= 1 + 1e-5
    on_path = path.sample(np.array(path_times))[0]
    assert np.abs(on_path - positions[-len(path_times) :]).max() < 1e-9
    assert (np.diff(path_times) >= -1e-12).all()


@given(seed=SEEDS, when=st.floats(0.0, 1.0))
@settings(max_examples=80, deadline=None)
def test_stop_at_any_phase_stays_on_the_path_within_limits(seed: int, when: float) -> None:
    path, limits = random_motion(np.random.default_rng(seed))
    made = Executor(limits, PERIOD)
    first = path.start.position
    made.reset(first)
    made.execute(path)
    positions, path_times = [first, first, first], []
    stop_at = int(when * path.duration / PERIOD)
    rest = np.inf
    for k in range(100_000):
        if k == stop_at:
            rest = made.stop()
            assert rest <= path.duration + 1e-9
        point = made.step()
        positions.append(point.position)
        if not point.active:
            break
        path_times.append(point.path_time)
    assert not point.active
    assert abs(point.time - rest) <= 2 * PERIOD
    assert not point.velocity.any()
    final = positions[-1]
    positions += [final, final, final]
    assert stepped_ratio(np.array(positions), PERIOD, limits) <= 1 + 1e-5
    if path_times:
        check(path, limits, np.array(positions[: 3 + len(path_times)]), path_times)


@given(
    seed=SEEDS,
    commands=st.lists(
        st.tuples(st.integers(0, 150), st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0])),
        min_size=1,
        max_size=5,
    ),
)
@settings(max_examples=60, deadline=None)
def test_any_sequence_of_speeds_stays_on_the_path_within_limits(
    seed: int, commands: list[tuple[int, float]]
) -> None:
    path, limits = random_motion(np.random.default_rng(seed))
    made = Executor(limits, PERIOD)
    first = path.start.position
    made.reset(first)
    made.execute(path)
    positions, path_times = [first, first, first], []

    def run(steps: int) -> None:
        for _ in range(steps):
            if not made.active:
                return
            point = made.step()
            positions.append(point.position)
            path_times.append(point.path_time)

    for steps, speed in commands:
        run(steps)
        made.set_speed(speed)
    run(300)
    made.set_speed(1.0)
    run(100_000)
    assert not made.active
    assert (positions[-1] == path.end.position).all()
    path_times[-1] = path.duration
    check(path, limits, np.array(positions), path_times)


@given(seed=SEEDS, when=st.floats(0.05, 0.9))
@settings(max_examples=25, deadline=None)
def test_stop_equals_the_twin(seed: int, when: float) -> None:
    path, limits = random_motion(np.random.default_rng(seed))
    made = Executor(limits, PERIOD)
    made.reset(path.start.position)
    made.execute(path)
    for _ in range(int(when * path.duration / PERIOD)):
        made.step()
    now = made.time
    rates = twin.Rates(limits.velocity, limits.acceleration, limits.jerk)
    expected = twin.stop(lambda t: np.array(path.sample(t)), path.breaks, rates, now, PERIOD)
    rest = made.stop()
    if expected is None:
        assert abs(rest - path.duration) < 1e-9
        return
    assert abs(rest - expected.start - expected.length) < 1e-6
    while made.active:
        point = made.step()
        if not point.active or point.time <= expected.start:
            continue
        law = expected.at(point.time)
        assert abs(point.path_time - law[0]) < 1e-7
        state = twin.by_executor_time(np.array(path.sample(law[0])), law)
        assert np.abs(point.position - state[0]).max() < 1e-6
        assert np.abs(point.velocity - state[1]).max() < 1e-5


@given(seed=SEEDS, when=st.floats(0.1, 0.9))
@settings(max_examples=40, deadline=None)
def test_replacement_by_the_rest_of_the_same_path_changes_nothing(seed: int, when: float) -> None:
    """From waypoints on the polynomials' own boundaries, as a controller would receive it."""
    path, limits = random_motion(np.random.default_rng(seed))
    assume(np.diff(path.breaks).min() > 1e-4)
    made = Executor(limits, PERIOD, tolerance=1e-3)
    made.reset(path.start.position)
    made.execute(path)
    for _ in range(int(when * path.duration / PERIOD / 2)):
        made.step()
    times, *rows = path.waypoints(0.05, exact=True)
    first = int(np.searchsorted(times, when * path.duration))
    switch = float(times[first])
    rest_of_path = Trajectory.from_waypoints(times[first:], *(row[first:] for row in rows))
    made.replace(rest_of_path, at=switch)
    while made.active:
        point = made.step()
        assert np.abs(point.position - path.sample(point.time)[0]).max() < 1e-7
