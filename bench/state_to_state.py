"""Point-to-point motion beside ruckig."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from harness import Arm, Row, compare

from smart_cell.planner import State, point_to_point

PEERS = {"ruckig": "ruckig"}


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms."""
    return [rest_to_rest(arm, peers.get("ruckig"), options) for arm in arms]


def rest_to_rest(arm: Arm, ruckig: Any, options: argparse.Namespace) -> Row:
    """Point to point between random positions; ours includes making both states."""
    limits, n = arm.robot.limits, arm.robot.dof
    rng = np.random.default_rng(options.seed)
    starts, goals = rng.uniform(arm.low, arm.high, (2, options.calls, n))

    def ours(i: int) -> Any:
        return point_to_point(State(starts[i]), State(goals[i]), limits)

    if ruckig is None:
        return compare("point to point", arm, options, ours, "ruckig", None)
    generator = ruckig.Ruckig(n)
    given, result = ruckig.InputParameter(n), ruckig.Trajectory(n)
    given.max_velocity = limits.velocity.tolist()
    given.max_acceleration = limits.acceleration.tolist()
    given.max_jerk = limits.jerk.tolist()

    def theirs(i: int) -> Any:
        given.current_position = starts[i]
        given.target_position = goals[i]
        generator.calculate(given, result)
        return result

    ratios = np.array([ours(i).duration / theirs(i).duration for i in range(options.calls)])
    row = compare("point to point", arm, options, ours, "ruckig", theirs)
    row.facts = {
        "duration_ratio_median": float(np.median(ratios)),
        "duration_ratio_worst": float(ratios.max()),
        "duration_ratio_best": float(ratios.min()),
    }
    return row
