"""Second-order timing of a path by reachability, every step a bisection.

Twin of csrc/sc_timing_reach.c. It looks at the limits at the nodes only, so that it is a little
quicker than what keeps them in between. Third order needs no twin: on a straight path the optimum
is the seven-phase profile (reference/profile.py), and what it promises is checked on the result.
"""

from __future__ import annotations

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.limits import Limits
from smart_cell.planner.path import Path

_BISECTIONS = 60


class Rows:
    """Bounds of b = d2s/dt2 at the nodes, for a given a = (ds/dt)^2."""

    def __init__(self, path: Path, limits: Limits, cells: int) -> None:
        """Sample the path at evenly spaced nodes."""
        self.s = np.linspace(0.0, path.length, cells + 1)
        _, self.d1, self.d2, _ = path.sample(self.s)
        self.limits = limits
        with np.errstate(divide="ignore"):
            self.cap = ((limits.velocity / np.abs(self.d1)) ** 2).min(axis=1)

    def bounds(self, k: int, a: float) -> tuple[float, float]:
        """Return the range of b at node ``k`` that keeps node and next node; maybe empty."""
        step = 2.0 * (self.s[k + 1] - self.s[k])
        low, high = -np.inf, np.inf
        for slope, curve in (
            (self.d1[k], self.d2[k]),
            (self.d1[k + 1] + step * self.d2[k + 1], self.d2[k + 1]),
        ):
            for i, limit in enumerate(self.limits.acceleration):
                if abs(slope[i]) < 1e-12:
                    if abs(curve[i] * a) > limit:
                        return np.inf, -np.inf
                    continue
                ends = sorted((sign * limit - curve[i] * a) / slope[i] for sign in (-1.0, 1.0))
                low, high = max(low, ends[0]), min(high, ends[1])
        return low, high


def controllable(rows: Rows, end: float) -> Array:
    """Return the largest a at every node from which the end is reached."""
    highest = np.zeros(len(rows.s))
    highest[-1] = end
    for k in range(len(rows.s) - 2, -1, -1):
        step = 2.0 * (rows.s[k + 1] - rows.s[k])

        def possible(a: float, k: int = k, step: float = step) -> bool:
            low, high = rows.bounds(k, a)
            low, high = max(low, -a / step), min(high, (highest[k + 1] - a) / step)
            return bool(low <= high)

        good, bad = 0.0, min(float(rows.cap[k]), 1e6)
        if possible(bad):
            good = bad
        for _ in range(_BISECTIONS):
            middle = 0.5 * (good + bad)
            good, bad = (middle, bad) if possible(middle) else (good, middle)
        highest[k] = good
    return highest


def duration(path: Path, limits: Limits, cells: int, start: float = 0.0, end: float = 0.0) -> float:
    """Return the shortest time with a linear between the nodes; start and end: ds/dt."""
    rows = Rows(path, limits, cells)
    highest = controllable(rows, end * end)
    a, total = start * start, 0.0
    for k in range(cells):
        step = 2.0 * (rows.s[k + 1] - rows.s[k])
        reached = max(min(a + step * rows.bounds(k, a)[1], float(highest[k + 1])), 0.0)
        total += step / (np.sqrt(a) + np.sqrt(reached))
        a = reached
    return total
