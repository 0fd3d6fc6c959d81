"""Checks of a motion as seen from outside: by its samples, without the planner's own checker."""

from __future__ import annotations

import numpy as np

from smart_cell.planner import Limits, Trajectory
from smart_cell.planner.arrays import Array


def limits(
    n: int, velocity: float = 2.0, acceleration: float = 6.0, jerk: float = 60.0, reach: float = 9.0
) -> Limits:
    """Return equal limits for n joints."""
    ones = np.ones(n)
    return Limits(
        -reach * ones, reach * ones, velocity * ones, acceleration * ones, jerk * ones, ones
    )


def worst_ratio(trajectory: Trajectory, limit: Limits, count: int = 3001) -> float:
    """Return the largest value over its limit among ``count`` samples, positions left out."""
    _, *rates = trajectory.sample(np.linspace(0.0, trajectory.duration, count))
    allowed = (limit.velocity, limit.acceleration, limit.jerk)
    return max(float((np.abs(r) / a).max()) for r, a in zip(rates, allowed, strict=True))


def stepped_ratio(positions: Array, period: float, limit: Limits) -> float:
    """Return the same of set-points, by differences of their positions, shape (m, n)."""
    rates = [np.diff(positions, k, axis=0) / period**k for k in (1, 2, 3)]
    allowed = (limit.velocity, limit.acceleration, limit.jerk)
    return max(float((np.abs(r) / a).max()) for r, a in zip(rates, allowed, strict=True))


def integration_error(trajectory: Trajectory, count: int = 20001) -> float:
    """Return how far position, velocity, acceleration are from the integrals of their rates."""
    t = np.linspace(0.0, trajectory.duration, count)
    sampled = trajectory.sample(t)
    worst = 0.0
    for level, rate in zip(sampled[:2], sampled[1:3], strict=True):
        steps = (rate[1:] + rate[:-1]) / 2.0 * np.diff(t)[:, None]
        integral = level[0] + np.vstack((np.zeros(steps.shape[1]), np.cumsum(steps, axis=0)))
        worst = max(worst, float(np.abs(integral - level).max()))
    return worst
