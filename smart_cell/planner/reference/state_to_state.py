"""Time-optimal jerk-limited motion of one joint between two states, by dense search.

Twin of csrc/sc_otg_*.c by a plainer way: the motions of highest and of lowest displacement are
listed as two long tables over all plateaus and valleys, and their times and displacements are added
up phase by phase. Which durations are possible is read off these tables.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from smart_cell.planner.arrays import Array

#: Jerk and duration of one phase.
Phase = tuple[float, float]


@dataclass(frozen=True)
class Joint:
    """Limits, and what is to be done: ``displacement`` from (v0, a0) to (v1, a1)."""

    velocity: float
    acceleration: float
    jerk: float
    v0: float
    a0: float
    v1: float
    a1: float
    displacement: float

    def mirrored(self) -> Joint:
        """Return the same joint, counted the other way."""
        return Joint(
            self.velocity,
            self.acceleration,
            self.jerk,
            *(-self.v0, -self.a0, -self.v1, -self.a1, -self.displacement),
        )


def pulse(joint: Joint, v0: float, a0: float, v1: float, a1: float) -> list[Phase] | None:
    """Return the phases +j 0 -j from one velocity and acceleration to others, if there are any."""
    j, most = joint.jerk, joint.acceleration
    square = j * (v1 - v0) + (a0 * a0 + a1 * a1) / 2.0
    peak = math.sqrt(max(square, 0.0))
    if square < -1e-12 * (a0 * a0 + a1 * a1) or peak < max(a0, a1) - 1e-9 * most:
        return None
    peak = min(max(peak, a0, a1), most)
    hold = max(0.0, (square - peak * peak) / (j * peak)) if peak > 0.0 else 0.0
    return [(j, (peak - a0) / j), (0.0, hold), (-j, (peak - a1) / j)]


def run(phases: list[Phase], v: float, a: float) -> tuple[float, float]:
    """Return duration and displacement of phases."""
    time = way = 0.0
    for j, t in phases:
        way += t * (v + t * (a / 2.0 + t * j / 6.0))
        v += t * (a + t * j / 2.0)
        a += t * j
        time += t
    return time, way


def upper_motions(joint: Joint, count: int) -> list[list[list[Phase]]]:
    """Return the motions of highest displacement: connected families in the order of their times.

    Pulses up and down over a plateau, after (or before) pulses with a valley in between at which
    the acceleration keeps its sign.
    """
    j = joint.jerk
    families: list[list[list[Phase]]] = [[]]

    def add(first: list[Phase] | None, second: list[Phase] | None) -> None:
        if first is not None and second is not None:
            families[-1].append(first + second)
        elif families[-1]:
            families.append([])

    # A valley before the end, where a1 > 0, or after the start, where a0 < 0.
    for z in np.linspace(max(joint.a1, 0.0), 0.0, count) if joint.a1 > 0.0 else ():
        middle = joint.v1 - (joint.a1**2 - z * z) / (2.0 * j)
        add(pulse(joint, joint.v0, joint.a0, middle, z), [(j, (joint.a1 - z) / j)])
    families.append([])
    for z in np.linspace(max(-joint.a0, 0.0), 0.0, count) if joint.a0 < 0.0 else ():
        middle = joint.v0 - (joint.a0**2 - z * z) / (2.0 * j)
        down = pulse(joint.mirrored(), -middle, z, -joint.v1, -joint.a1)
        add([(j, (-joint.a0 - z) / j)], None if down is None else [(-k, t) for k, t in down])
    families.append([])
    lowest = max(
        joint.v0 + joint.a0 * abs(joint.a0) / (2.0 * j),
        joint.v1 - joint.a1 * abs(joint.a1) / (2.0 * j),
    )
    # Denser where the displacement changes fastest with the plateau: at the lowest ones.
    for part in np.linspace(0.0, 1.0, count):
        v = lowest + (joint.velocity - lowest) * part**2
        down = pulse(joint.mirrored(), -v, 0.0, -joint.v1, -joint.a1)
        add(
            pulse(joint, joint.v0, joint.a0, v, 0.0),
            None if down is None else [(-k, t) for k, t in down],
        )
    return [family for family in families if family]


def table(joint: Joint, longest: float, count: int) -> list[Array]:
    """Return times and highest displacements, a (k, 2) table per connected family."""
    tables = []
    for family in upper_motions(joint, count):
        rows = [run(phases, joint.v0, joint.a0) for phases in family]
        tables.append(np.array(rows))
    last = tables[-1]
    time, way = last[-1]
    if time < longest:  # on the highest plateau
        more = [longest, way + joint.velocity * (longest - time)]
        tables[-1] = np.vstack((last, more))
    return tables


def margins(joint: Joint, times: Array, count: int = 2000) -> Array:
    """Return how far inside the possible displacements the wanted one is, for each duration.

    Negative where the duration is impossible; -inf where the velocities alone cannot be met.
    """
    longest = float(times.max()) * 2.0
    above = _bound(table(joint, longest, count), times) - joint.displacement
    below = _bound(table(joint.mirrored(), longest, count), times) + joint.displacement
    result: Array = np.minimum(above, below)
    return result


def _bound(tables: list[Array], times: Array) -> Array:
    best = np.full(len(times), -math.inf)
    for rows in tables:
        inside = (times >= rows[0, 0]) & (times <= rows[-1, 0])
        value = np.interp(times, rows[:, 0], rows[:, 1])
        best[inside] = np.maximum(best[inside], value[inside])
    return best


def minimum_time(joint: Joint, count: int = 4000) -> float:
    """Return the minimum time [s]: where a table first meets the wanted displacement."""
    found = math.inf
    for one in (joint, joint.mirrored()):
        for rows in table(one, 0.0, count):
            over = rows[:, 1] - one.displacement
            crossing = np.flatnonzero(np.signbit(over[:-1]) != np.signbit(over[1:]))
            for k in crossing[:1]:
                part = over[k] / (over[k] - over[k + 1])
                found = min(found, float(rows[k, 0] + part * (rows[k + 1, 0] - rows[k, 0])))
        time, way = table(one, 0.0, 2)[-1][-1]
        if way <= one.displacement:
            found = min(found, float(time + (one.displacement - way) / one.velocity))
    return found
