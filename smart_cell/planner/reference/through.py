"""Motion through waypoints: direct collocation by a dense interior point method, rest to rest."""

from __future__ import annotations

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.limits import Limits

PIECES = 12
FREE = PIECES - 3


def pieces() -> tuple[Array, Array, Array, Array]:
    """Return jerk, acceleration, velocity and position as linear maps of a normalised stretch.

    Columns: distance, velocity and acceleration at the beginning, at the end, then the free ones.
    Rows: the pieces; inner nodes; inner nodes and middles of pieces; inner nodes.
    """

    def response(t: Array) -> tuple[Array, Array, Array]:
        begin = np.maximum(t[:, None] - np.arange(PIECES) / PIECES, 0.0)
        end = np.maximum(t[:, None] - np.arange(1, PIECES + 1) / PIECES, 0.0)
        return begin - end, (begin**2 - end**2) / 2.0, (begin**3 - end**3) / 6.0

    acceleration, velocity, position = response(np.ones(1))
    at_end = np.vstack((position, velocity, acceleration))
    wanted = np.array([[1, -1, -0.5, 0, 0], [0, -1, -1, 1, 0], [0, 0, -1, 0, 1]])
    jerk = np.hstack((np.linalg.pinv(at_end) @ wanted, np.linalg.svd(at_end)[2][3:].T))

    def added(rows: Array, v: Array, a: Array) -> Array:
        result: Array = rows @ jerk
        result[:, 1] += v
        result[:, 2] += a
        return result

    nodes = np.arange(1, PIECES) / PIECES
    both = np.arange(1, 2 * PIECES) / (2 * PIECES)
    return (
        jerk,
        added(response(nodes)[0], 0.0 * nodes, 0.0 * nodes + 1.0),
        added(response(both)[1], 0.0 * both + 1.0, both),
        added(response(nodes)[2], nodes, nodes**2 / 2.0),
    )


class _Problem:
    """Rows (shares of the limits) and their slopes for a vector of unknowns.

    Unknowns: log times (m,), velocity and acceleration at the inner waypoints as shares of their
    limits (m - 1, 2, n), the free ones (m, n, FREE).
    """

    def __init__(self, waypoints: Array, limits: Limits) -> None:
        self.points = waypoints
        self.limits = limits
        self.m, self.n = len(waypoints) - 1, waypoints.shape[1]
        self.maps = pieces()
        self.size = self.m + (self.m - 1) * 2 * self.n + self.m * self.n * FREE
        jerk, acceleration, velocity, _ = (np.abs(rows[:, 0]).max() for rows in self.maps)
        way = np.abs(np.diff(waypoints, axis=0))
        times = np.maximum.reduce(
            [
                np.cbrt(way * jerk / limits.jerk),
                np.sqrt(way * acceleration / limits.acceleration),
                way * velocity / limits.velocity,
            ]
        ).max(axis=1)
        self.start = np.zeros(self.size)
        self.start[: self.m] = np.log(1.05 * times)

    def columns(self, k: int, i: int) -> list[int]:
        """Return the index of each local unknown: velocity, acceleration at both ends, free.

        -1: it is fixed to zero.
        """
        knots = [
            self.m + (knot * 2 + order) * self.n + i if 0 <= knot < self.m - 1 else -1
            for knot in (k - 1, k)
            for order in (0, 1)
        ]
        first = self.m + (self.m - 1) * 2 * self.n + (k * self.n + i) * FREE
        return [*knots, *range(first, first + FREE)]

    def rows(self, x: Array) -> tuple[Array, Array]:
        """Return all rows, (r,), and their slopes, (r, size)."""
        values, slopes = [], []
        for k in range(self.m):
            h = np.exp(x[k])
            for i in range(self.n):
                which = self.columns(k, i)
                local = np.array([0.0 if j < 0 else x[j] for j in which])
                way = self.points[k + 1, i] - self.points[k, i]
                rates = self.rates(i)
                for order in (3, 2, 1, 0):
                    unit = 1.0 / (rates[order] * h**order)
                    v, a, u = (rates[kind] * h**kind * unit for kind in (1, 2, 3))
                    scale = np.array([unit, v, a, v, a] + [u] * FREE)
                    power = np.array([0, 1, 2, 1, 2] + [3] * FREE) - order
                    slope = self.maps[3 - order] * scale
                    parts = slope * np.concatenate(([way], local))
                    offset = (self.points[k, i] - self.middle(i)) / rates[0] if order == 0 else 0.0
                    values.append(parts.sum(axis=1) + offset)
                    full = np.zeros((len(slope), self.size))
                    for j, column in zip(which, slope[:, 1:].T, strict=True):
                        if j >= 0:
                            full[:, j] = column
                    full[:, k] = parts @ power
                    slopes.append(full)
        knots = slice(self.m, self.m + (self.m - 1) * 2 * self.n)
        values.append(x[knots])
        slopes.append(np.eye(self.size)[knots])
        return np.concatenate(values), np.vstack(slopes)

    def rates(self, i: int) -> tuple[float, float, float, float]:
        """Return half the position range, velocity, acceleration and jerk limit of a joint."""
        lim = self.limits
        half = (lim.position_upper[i] - lim.position_lower[i]) / 2.0
        return half, lim.velocity[i], lim.acceleration[i], lim.jerk[i]

    def middle(self, i: int) -> float:
        """Return the middle of a joint's position range; 0 if it has none."""
        middle = (self.limits.position_upper[i] + self.limits.position_lower[i]) / 2.0
        return float(middle) if np.isfinite(middle) else 0.0


def through_duration(waypoints: Array, limits: Limits, gap: float = 1e-5) -> float:
    """Return the shortest duration with PIECES pieces per stretch, limits looked at on their grid.

    Primal-dual interior point method, without the constraints' curvature (Nocedal & Wright 2006,
    sections 14.2 and 19.3).

    Args:
        waypoints: Shape (k, n), neighbours different; at rest at both ends.
        limits: Limits of the joints.
        gap: Relative complementarity at the end.

    Raises:
        ArithmeticError: Not converged.
    """
    problem = _Problem(waypoints, limits)
    m, x = problem.m, problem.start.copy()
    g, slope = problem.rows(x)
    slack = np.maximum(np.concatenate((1.0 - g, 1.0 + g)), 0.1)
    dual = np.exp(x[:m]).sum() / len(slack) / slack
    for _ in range(100):
        total = np.exp(x[:m]).sum()
        both = np.vstack((slope, -slope))
        apart = np.concatenate((g, -g)) + slack - 1.0
        if slack @ dual < gap * total and np.abs(apart).max() < 1e-7:
            return float(total)
        target = 0.2 * (slack @ dual) / len(slack)
        hessian = (both.T * (dual / slack)) @ both
        gradient = both.T @ ((target + dual * apart) / slack)
        hessian[range(m), range(m)] += np.exp(x[:m])
        gradient[:m] += np.exp(x[:m])
        step = -np.linalg.solve(hessian, gradient)
        slack_step = -apart - both @ step
        dual_step = (target - dual * slack_step) / slack - dual
        primal = min(1.0, 0.95 / max(1e-9, (-slack_step / slack).max()))
        primal = min(primal, 0.5 / max(1e-9, np.abs(step[:m]).max()))
        x += primal * step
        slack += primal * slack_step
        dual += min(1.0, 0.95 / max(1e-9, (-dual_step / dual).max())) * dual_step
        g, slope = problem.rows(x)
    raise ArithmeticError("through_duration: not converged")
