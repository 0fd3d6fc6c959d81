"""The executor's speed law, and the search for a change of speed that keeps all limits.

Twin of csrc/sc_law.c and sc_executor.c: one path, from (executor time, path time) = (0, 0), at
full speed. Path time sigma(t) changes its rate with a slope that grows evenly, stays, and goes back
evenly; p(sigma(t)) never leaves the path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from smart_cell.planner.arrays import Array

DELAYS = 100
LENGTHS = 44
LENGTH_RATIO = 1.12
REFINEMENTS = 3
#: Shares of a change's time in which its slope grows, and in which it goes back to zero.
SHAPES = ((0.5, 0.5), (0.25, 0.25), (0.25, 0.5), (0.5, 0.25), (0.125, 0.125))
#: Position, velocity, acceleration and jerk by path time, shape (4, n), from path time.
Path = Callable[[float], Array]


@dataclass(frozen=True)
class Rates:
    """Limits of velocity, acceleration and jerk, each (n,)."""

    velocity: Array
    acceleration: Array
    jerk: Array


@dataclass(frozen=True)
class Change:
    """A change of rate from ``rate`` to ``final`` between ``start`` and ``start + length``."""

    start: float
    sigma: float
    rate: float
    slope: float
    final: float
    length: float
    shape: tuple[float, float]

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """Times at which the rate's second derivative jumps."""
        first, last = (share * self.length for share in self.shape)
        end = self.start + self.length
        return self.start, self.start + first, end - last, end

    def at(self, t: float) -> tuple[float, float, float, float]:
        """Return sigma and its first three derivatives at ``t`` >= ``start``."""
        first, last = (share * self.length for share in self.shape)
        spans = (first, self.length - first - last, last)
        change = self.final - self.rate - self.slope * first / 2.0
        steepest = change / (spans[0] / 2.0 + spans[1] + spans[2] / 2.0)
        slopes = (self.slope, steepest, steepest, 0.0)
        sigma, rate, x = self.sigma, self.rate, t - self.start
        for span, c1, after in zip(spans, slopes[:-1], slopes[1:], strict=True):
            c2 = (after - c1) / span if span > 0.0 else 0.0
            y = min(x, span)
            sigma += y * (rate + y * (c1 / 2.0 + y * c2 / 6.0))
            rate += y * (c1 + y * c2 / 2.0)
            if x < span:
                return sigma, rate, c1 + x * c2, c2
            x -= span
        return sigma + x * self.final, self.final, 0.0, 0.0


def by_executor_time(state: Array, law: tuple[float, float, float, float]) -> Array:
    """Return position and derivatives by executor time from those by path time (chain rule)."""
    _, r, r1, r2 = law
    p, v, a, j = state
    return np.array(
        [p, v * r, a * r**2 + v * r1, j * r**3 + 3.0 * a * r * r1 + v * r2], dtype=np.float64
    )


def keeps(state: Array, law: tuple[float, float, float, float], rates: Rates) -> bool:
    """Return whether the limits hold for a state by path time under a law."""
    _, v, a, j = by_executor_time(state, law)
    return bool(
        -1e-12 <= law[1] <= 1.0 + 1e-9
        and (np.abs(v) <= rates.velocity * (1 + 1e-6)).all()
        and (np.abs(a) <= rates.acceleration * (1 + 1e-6)).all()
        and (np.abs(j) <= rates.jerk * (1 + 1e-6)).all()
    )


def when_at(change: Change, sigma: float, low: float, high: float) -> float:
    """Return the executor time between ``low`` and ``high`` at which path time is ``sigma``."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        if change.at(middle)[0] < sigma:
            low = middle
        else:
            high = middle
    return high


def feasible(
    path: Path, breaks: Array, rates: Rates, change: Change, now: float, period: float
) -> bool:
    """Return whether all limits hold during the change.

    At both ends, on the grid of half periods, and on both sides of every boundary in ``breaks`` and
    of every corner of the change.
    """
    end = change.start + change.length
    step = period / 2.0
    first = int(np.floor((change.start - now) / step)) + 1
    last = int(np.ceil((end - now) / step))
    grid = [now + k * step for k in range(first, last + 1)]
    corners = [t + side for t in change.corners[1:3] for side in (-1e-11, 1e-11)]
    times = [change.start, *(t for t in grid if t < end), *corners, np.nextafter(end, 0.0)]
    for t in times:
        law = change.at(t)
        if not keeps(path(law[0]), law, rates):
            return False
    final = change.at(end)[0]
    for boundary in breaks[(breaks > change.sigma) & (breaks < final)]:
        law = change.at(when_at(change, float(boundary), change.start, end))
        for side in (-1e-11, 1e-11):
            if not keeps(path(float(boundary) + side), law, rates):
                return False
    return True


def stop_time(v: float, a: float, most_a: float, most_j: float) -> float:
    """Return the least time in which a joint comes to rest, the path aside."""
    if v + a * abs(a) / (2.0 * most_j) < 0.0:
        v, a = -v, -a
    peak = float(np.sqrt(max(0.0, most_j * v + a * a / 2.0)))
    if peak <= most_a:
        return (a + 2.0 * peak) / most_j
    held = v + (a * a / 2.0 - most_a * most_a) / most_j
    return (a + 2.0 * most_a) / most_j + held / most_a


def shortest_stop(fits: Callable[[Change], bool], change: Change, end: float) -> Change | None:
    """Return the shortest change that fits and is over before ``end``; or None.

    Longer ones are tried until one fits, then those between it and the one before.
    """
    first = change.length
    for _ in range(LENGTHS):
        if not change.start + change.length < end:
            return None
        if fits(change):
            break
        change = replace(change, length=change.length * LENGTH_RATIO)
    else:
        return None
    low = change.length / LENGTH_RATIO
    for _ in range(REFINEMENTS if change.length > first else 0):
        shorter = replace(change, length=0.5 * (low + change.length))
        if fits(shorter):
            change = shorter
        else:
            low = shorter.length
    return change


def stop(path: Path, breaks: Array, rates: Rates, now: float, period: float) -> Change | None:
    """Return the change to rate 0 that is over first, before the path ends; or None.

    The path has been followed at full speed since time 0.
    """
    best: Change | None = None
    duration = end = float(breaks[-1])
    delay = max(period, (duration - now) / DELAYS)

    def fits(change: Change) -> bool:
        reached = change.at(change.start + change.length)[0]
        return reached < duration and feasible(path, breaks, rates, change, now, period)

    for k in range(DELAYS + 1):
        begin = now + k * delay
        _, v, a, _ = path(begin)
        joints = zip(v, a, rates.acceleration, rates.jerk, strict=True)
        length = max(2.0 * period, *(stop_time(*joint) for joint in joints))
        for shape in SHAPES:
            change = Change(begin, begin, 1.0, 0.0, 0.0, length, shape)
            found = shortest_stop(fits, change, end)
            if found is not None:
                best, end = found, begin + found.length
    return best
