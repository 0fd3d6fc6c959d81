"""Interpolation between waypoints, sampling, and limits by dense sampling.

Twin of csrc/sc_spline.c, sc_poly.c and sc_check.c; the polynomials come from solving their
boundary conditions as a linear system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smart_cell.planner.arrays import Array


def derivative_row(x: float, order: int, size: int) -> list[float]:
    """Return d^order/dx^order of 1, x, x^2 ... at ``x``."""
    row = []
    for power in range(size):
        factor = 1.0
        for k in range(order):
            factor *= power - k
        row.append(factor * x ** (power - order) if power >= order else 0.0)
    return row


def interpolate(before: Array, after: Array, h: float) -> Array:
    """Return the polynomial's coefficients between two states ``h`` seconds apart.

    Args:
        before: Position, velocity and possibly acceleration at 0, shape (2,) or (3,).
        after: The same at ``h``.
        h: Duration [s], > 0.
    """
    size = 2 * len(before)
    rows = [derivative_row(0.0, order, size) for order in range(len(before))]
    rows += [derivative_row(1.0, order, size) for order in range(len(before))]
    scale = h ** np.arange(len(before))
    unit = np.linalg.solve(np.array(rows), np.concatenate((before * scale, after * scale)))
    result: Array = unit / h ** np.arange(size)
    return result


@dataclass(frozen=True)
class Piecewise:
    """A trajectory: ``coefficients[k][i]`` of joint i between ``breaks[k]`` and ``breaks[k+1]``."""

    breaks: Array
    coefficients: list[list[Array]]

    def state(self, t: float) -> Array:
        """Return position, velocity, acceleration and jerk at ``t``, shape (4, n)."""
        inside = self.breaks[0] <= t <= self.breaks[-1]
        clipped = float(np.clip(t, self.breaks[0], self.breaks[-1]))
        k = int(np.searchsorted(self.breaks, clipped, side="right")) - 1
        k = min(k, len(self.coefficients) - 1)
        x = clipped - float(self.breaks[k])
        rows = []
        for order in range(4):
            values = [
                float(np.dot(derivative_row(x, order, len(c)), c)) for c in self.coefficients[k]
            ]
            rows.append(values if inside or order == 0 else [0.0] * len(values))
        return np.array(rows)


def from_waypoints(
    times: Array, positions: Array, velocities: Array, accelerations: Array | None
) -> Piecewise:
    """Return the interpolation that joint_trajectory_controller makes, from time 0 on."""
    levels = [positions, velocities] + ([] if accelerations is None else [accelerations])
    coefficients = []
    for k in range(len(times) - 1):
        h = float(times[k + 1] - times[k])
        coefficients.append(
            [
                interpolate(
                    np.array([level[k, i] for level in levels]),
                    np.array([level[k + 1, i] for level in levels]),
                    h,
                )
                for i in range(positions.shape[1])
            ]
        )
    return Piecewise(times - times[0], coefficients)


def sampled_extrema(trajectory: Piecewise, count: int) -> Array:
    """Return lowest and highest position, largest speed, acceleration and jerk by sampling.

    Shape (5, n). Sampling only ever sees less than the truth.
    """
    samples = np.array(
        [trajectory.state(t) for t in np.linspace(0.0, trajectory.breaks[-1], count)]
    )
    position = samples[:, 0]
    rates = np.abs(samples[:, 1:]).max(axis=0)
    return np.vstack((position.min(axis=0), position.max(axis=0), rates))
