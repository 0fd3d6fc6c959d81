"""Motion through waypoints: beside ruckig that stops at each, and an offline optimum."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from collocation import Collocation
from harness import Arm, Row, measure, summary

from smart_cell.planner import Limits, through

PEERS = {"ruckig": "ruckig", "scipy": "scipy"}
COUNTS = (5, 10, 20, 50)
#: Motions per number of waypoints; offline optima are worked out for the smaller ones.
MOTIONS = 10
OFFLINE_COUNTS, OFFLINE_PIECES = (5, 10), 24


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of the Panda, or of the arm that is there."""
    arm = arms[-1] if len(arms) < 2 else arms[1]
    return [through_row(arm, count, peers, options) for count in COUNTS]


def through_row(arm: Arm, count: int, peers: Mapping[str, Any], options: argparse.Namespace) -> Row:
    """Motions through random waypoints: time to plan, and duration over the references'."""
    limits = arm.robot.limits
    rng = np.random.default_rng(options.seed)
    low, high = 0.6 * arm.low + 0.4 * arm.high, 0.4 * arm.low + 0.6 * arm.high
    paths = rng.uniform(low, high, (MOTIONS, count, arm.robot.dof))
    times = measure(MOTIONS, max(1, options.rounds // 2), lambda i: through(paths[i], limits))
    row = summary(f"through {count} waypoints", arm.name, times[0], None, None)
    made = np.array([through(path, limits).duration for path in paths])
    row.facts = {"duration_median_s": float(np.median(made))}
    if "ruckig" in peers:
        stops = np.array([stopping(path, limits, peers["ruckig"]) for path in paths])
        row.facts["over_ruckig_stopping_median"] = float(np.median(made / stops))
    if "scipy" in peers and count in OFFLINE_COUNTS:
        best = np.array([Collocation(path, limits, OFFLINE_PIECES).duration() for path in paths])
        row.facts["over_offline_optimum_median"] = float(np.median(made / best))
        row.facts["over_offline_optimum_worst"] = float((made / best).max())
    return row


def stopping(path: np.ndarray, limits: Limits, ruckig: Any) -> float:
    """Return how long ruckig takes from rest to rest at each waypoint [s]."""
    n = path.shape[1]
    generator = ruckig.Ruckig(n)
    given, result = ruckig.InputParameter(n), ruckig.Trajectory(n)
    given.max_velocity = limits.velocity.tolist()
    given.max_acceleration = limits.acceleration.tolist()
    given.max_jerk = limits.jerk.tolist()
    total = 0.0
    for start, goal in zip(path, path[1:], strict=False):
        given.current_position, given.target_position = start, goal
        generator.calculate(given, result)
        total += result.duration
    return total
