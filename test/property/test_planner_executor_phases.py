"""Executor: a thousand stops and a thousand changes of speed, at any phase, stay on the path."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from smart_cell.planner import Executor, Limits, State, Trajectory, point_to_point
from support.motion import stepped_ratio

PERIOD = 0.004
MOTIONS = 25
PHASES = 40
DEVIATION = 1e-6  # [rad]


def random_motion(rng: np.random.Generator) -> tuple[Trajectory, Limits]:
    """Return a motion of one or two legs at, or somewhat below, the limits of its joints."""
    n = int(rng.integers(1, 7))
    rates = rng.uniform(1.0, 3.0, n), rng.uniform(4.0, 15.0, n), rng.uniform(40.0, 200.0, n)
    limits = Limits(np.full(n, -9.0), np.full(n, 9.0), *rates, np.ones(n))
    below = limits.scaled(*rng.choice([0.7, 1.0], 3))
    stations = [State(rng.uniform(-1.5, 1.5, n)) for _ in range(rng.integers(2, 4))]
    legs = [point_to_point(a, b, below) for a, b in zip(stations[:-1], stations[1:], strict=True)]
    return Trajectory.join(legs), limits


def deviation(
    path: Trajectory, limits: Limits, phase: float, command: Callable[[Executor], object]
) -> float:
    """Return the largest distance of a joint from the path, a command being given on the way."""
    made = Executor(limits, PERIOD)
    first = path.start.position
    made.reset(first)
    made.execute(path)
    at = int(phase * path.duration / PERIOD)
    positions, times = [first, first, first], []
    point = None
    for k in range(100_000):
        if k == at:
            command(made)
        point = made.step()
        positions.append(point.position)
        if not point.active:
            break
        times.append(point.path_time)
    assert point is not None
    assert not point.active
    assert not point.velocity.any()
    assert stepped_ratio(np.array([*positions, *positions[-1:] * 3]), PERIOD, limits) <= 1 + 1e-5
    assert (np.diff(times) >= -1e-12).all()
    on_path = path.sample(np.array(times))[0]
    return float(np.abs(on_path - positions[3 : 3 + len(times)]).max()) if times else 0.0


@pytest.mark.parametrize("seed", range(MOTIONS))
def test_stops_at_random_phases_do_not_leave_the_path(seed: int) -> None:
    rng = np.random.default_rng((31, seed))
    path, limits = random_motion(rng)
    for phase in rng.uniform(0.0, 1.0, PHASES):
        assert deviation(path, limits, float(phase), Executor.stop) <= DEVIATION


@pytest.mark.parametrize("seed", range(MOTIONS))
def test_changes_of_speed_at_random_phases_do_not_leave_the_path(seed: int) -> None:
    rng = np.random.default_rng((32, seed))
    path, limits = random_motion(rng)
    for phase, scale in rng.uniform((0.0, 0.1), 1.0, (PHASES, 2)):
        worst = deviation(path, limits, float(phase), lambda m, s=scale: m.set_speed(float(s)))
        assert worst <= DEVIATION
