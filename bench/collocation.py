"""The offline reference for motion through waypoints: direct collocation, on a finer grid.

Sequential linear programs by scipy.

Every stretch has the same number of pieces of constant jerk. With the durations given, the limits'
least common scale is a linear program for each joint; with the dynamics linearised in the durations
(in a trust region), the least sum of durations is one for all joints. The two alternate. Velocities
are looked at on the grid only, so the result is a little too short, if anything.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from smart_cell.planner import Limits

ITERATIONS = 40
FIRST_REGION, LARGEST_REGION, SMALLEST_REGION = 0.3, 0.5, 1e-4
Array = Any


class Collocation:
    """One problem: waypoints from rest to rest."""

    def __init__(self, waypoints: Array, limits: Limits, pieces: int) -> None:
        """Keep the problem; ``waypoints`` has shape (k, n)."""
        self.points = np.asarray(waypoints, dtype=float)
        self.rates = (limits.velocity, limits.acceleration, limits.jerk)
        self.pieces = pieces
        self.m, self.n = len(self.points) - 1, self.points.shape[1]
        self.count = self.m * pieces
        # A joint's unknowns: velocity, acceleration, position at the nodes, jerk of the pieces.
        nodes = np.arange(self.count + 1)
        self.v, self.a, self.p = nodes, nodes + self.count + 1, nodes + 2 * (self.count + 1)
        self.u = np.arange(self.count) + 3 * (self.count + 1)
        self.size = 4 * self.count + 3

    def duration(self) -> float:
        """Return the shortest duration that was found [s]."""
        way = np.abs(np.diff(self.points, axis=0))
        times = 3.0 * np.maximum(way / self.rates[0], np.cbrt(8.0 * way / self.rates[2])).max(
            axis=1
        )
        times, states, total = self.feasible(times)
        region = FIRST_REGION
        for _ in range(ITERATIONS):
            try:
                candidate, found, new = self.feasible(self.improved(times, states, region))
            except ArithmeticError:
                new = np.inf
            if new >= total:
                region *= 0.4
                if region < SMALLEST_REGION:
                    break
                continue
            gain, times, states, total = total - new, candidate, found, new
            region = min(1.5 * region, LARGEST_REGION)
            if gain < 1e-5 * total:
                break
        return total

    def equations(self, times: Array) -> tuple[Any, Any, Any]:
        """Return rows, columns and values of the dynamics of one joint."""
        d = np.repeat(times / self.pieces, self.pieces)
        one, row = np.ones(self.count), np.arange(self.count)
        entries = [
            *((row, self.p[1:], one), (row, self.p[:-1], -one), (row, self.v[:-1], -d)),
            *((row, self.a[:-1], -(d**2) / 2), (row, self.u, -(d**3) / 6)),
            *((row + self.count, self.v[1:], one), (row + self.count, self.v[:-1], -one)),
            *((row + self.count, self.a[:-1], -d), (row + self.count, self.u, -(d**2) / 2)),
            *((row + 2 * self.count, self.a[1:], one), (row + 2 * self.count, self.a[:-1], -one)),
            (row + 2 * self.count, self.u, -d),
        ]
        rows, columns, values = (np.concatenate(parts) for parts in zip(*entries, strict=True))
        return rows, columns, values

    def bounds(self, joint: int, scale: float) -> tuple[Array, Array]:
        """Return the bounds of a joint's unknowns; waypoints and rest at both ends are fixed."""
        low = np.empty(self.size)
        for index, rate in zip((self.v, self.a, self.u), self.rates, strict=True):
            low[index] = -scale * rate[joint]
        high = -low
        low[self.p], high[self.p] = -np.inf, np.inf
        at = self.p[:: self.pieces]
        low[at] = high[at] = self.points[:, joint]
        for index in (self.v, self.a):
            low[index[[0, -1]]] = high[index[[0, -1]]] = 0.0
        return low, high

    def feasible(self, times: Array) -> tuple[Array, list[Array], float]:
        """Return durations with the same shares in which all limits are kept, and the motion."""
        states = [self.gentlest(joint, times) for joint in range(self.n)]
        factor = 0.0
        for joint, x in enumerate(states):
            shares = [
                np.abs(x[index]).max() / rate[joint]
                for index, rate in zip((self.v, self.a, self.u), self.rates, strict=True)
            ]
            factor = max(factor, shares[0], shares[1] ** 0.5, shares[2] ** (1 / 3))
        for x in states:
            x[self.v] /= factor
            x[self.a] /= factor**2
            x[self.u] /= factor**3
        return factor * times, states, float(factor * times.sum())

    def gentlest(self, joint: int, times: Array) -> Array:
        """Return the motion of one joint in these durations that uses the least share of limits."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_matrix

        rows, columns, values = self.equations(times)
        equal = csr_matrix((values, (rows, columns)), shape=(3 * self.count, self.size + 1))
        rated = np.concatenate((self.v, self.a, self.u))
        most = np.concatenate(
            [
                np.full(len(i), r[joint])
                for i, r in zip((self.v, self.a, self.u), self.rates, strict=True)
            ]
        )
        row = np.arange(2 * len(rated))
        upper = csr_matrix(
            (
                np.concatenate((np.ones(len(rated)), -np.ones(len(rated)), -most, -most)),
                (
                    np.concatenate((row, row)),
                    np.concatenate((rated, rated, np.full(len(row), self.size))),
                ),
            ),
            shape=(len(row), self.size + 1),
        )
        low, high = self.bounds(joint, np.inf)
        for method in ("highs-ipm", "highs-ds"):
            result = linprog(
                np.append(np.zeros(self.size), 1.0),
                A_ub=upper,
                b_ub=np.zeros(len(row)),
                A_eq=equal,
                b_eq=np.zeros(3 * self.count),
                bounds=np.column_stack((np.append(low, 0.0), np.append(high, np.inf))),
                method=method,
            )
            if result.x is not None:
                return result.x[: self.size]
        raise ArithmeticError(f"collocation: {result.message}")

    def improved(self, times: Array, states: list[Array], region: float) -> Array:
        """Return the durations of least sum, to first order, at most a share ``region`` away."""
        from scipy.optimize import linprog
        from scipy.sparse import csr_matrix

        d = np.repeat(times / self.pieces, self.pieces)
        stretch = self.n * self.size + np.repeat(np.arange(self.m), self.pieces)
        parts, right, low, high = [], [], [], []
        for joint, x in enumerate(states):
            rows, columns, values = self.equations(times)
            parts.append((rows + 3 * self.count * joint, columns + self.size * joint, values))
            v, a, u = x[self.v[:-1]], x[self.a[:-1]], x[self.u]
            slopes = (v + a * d + u * d**2 / 2, a + u * d, u)
            for level, slope in enumerate(slopes):
                row = np.arange(self.count) + self.count * (3 * joint + level)
                parts.append((row, stretch, -slope / self.pieces))
                right.append(-slope * d)
            bounds = self.bounds(joint, 1.0)
            low.append(bounds[0])
            high.append(bounds[1])
        rows, columns, values = (np.concatenate(part) for part in zip(*parts, strict=True))
        size = self.n * self.size + self.m
        result = linprog(
            np.concatenate((np.zeros(self.n * self.size), np.ones(self.m))),
            A_eq=csr_matrix((values, (rows, columns)), shape=(3 * self.count * self.n, size)),
            b_eq=np.concatenate(right),
            bounds=np.column_stack(
                (
                    np.concatenate((*low, times * (1.0 - region))),
                    np.concatenate((*high, times * (1.0 + region))),
                )
            ),
            method="highs-ipm",
        )
        return times if result.x is None else result.x[self.n * self.size :]
