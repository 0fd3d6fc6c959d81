"""Rest-to-rest motion of one joint under limits of velocity, acceleration and jerk.

Twin of csrc/sc_profile.c, and of sc_otg.c from rest to rest, by another way: the minimum time is
found by bisection on the peak velocity, and the state by adding up the seven phases.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


def ramp_time(v: float, a: float, j: float) -> float:
    """Return the shortest time from rest to velocity ``v``; the average velocity is v / 2."""
    return v / a + a / j if v * j >= a * a else 2.0 * math.sqrt(v / j)


def peak_velocity(length: float, v: float, a: float, j: float) -> float:
    """Return the highest peak velocity: ``v``, or where speeding up and braking use up the way."""
    low, high = 0.0, v
    if v * ramp_time(v, a, j) <= length:
        return v
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle * ramp_time(middle, a, j) <= length:
            low = middle
        else:
            high = middle
    return low


def minimum_time(distance: float, v: float, a: float, j: float) -> float:
    """Return the minimum time [s] for a signed distance."""
    length = abs(distance)
    if length == 0.0:
        return 0.0
    peak = peak_velocity(length, v, a, j)
    return ramp_time(peak, a, j) + length / peak


@dataclass(frozen=True)
class Phase:
    """A time of constant jerk."""

    duration: float
    jerk: float


def phases(distance: float, v: float, a: float, j: float, duration: float) -> list[Phase]:
    """Return the phases of the motion that takes ``duration`` by a lower peak velocity.

    ``duration`` is at least the minimum time.
    """
    length = abs(distance)
    if length == 0.0:
        return [Phase(duration, 0.0)]
    low, high = 0.0, peak_velocity(length, v, a, j)
    for _ in range(200):  # the time falls while the peak velocity grows
        middle = 0.5 * (low + high)
        if middle == 0.0 or ramp_time(middle, a, j) + length / middle > duration:
            low = middle
        else:
            high = middle
    peak = high
    total = ramp_time(peak, a, j)
    t_jerk = a / j if peak * j >= a * a else math.sqrt(peak / j)
    t_accel = max(0.0, total - 2.0 * t_jerk)
    cruise = max(0.0, duration - 2.0 * total)
    sign = math.copysign(1.0, distance)
    ramp = [Phase(t_jerk, sign * j), Phase(t_accel, 0.0), Phase(t_jerk, -sign * j)]
    brake = [Phase(phase.duration, -phase.jerk) for phase in ramp]
    return [*ramp, Phase(cruise, 0.0), *brake]


def state(plan: list[Phase], t: float) -> tuple[float, float, float]:
    """Return distance, velocity and acceleration at ``t``, from rest at 0."""
    p = v = a = 0.0
    for phase in plan:
        h = min(phase.duration, max(0.0, t))
        p += h * (v + h * (a / 2.0 + h * phase.jerk / 6.0))
        v += h * (a + h * phase.jerk / 2.0)
        a += h * phase.jerk
        t -= phase.duration
    return p, v, a
