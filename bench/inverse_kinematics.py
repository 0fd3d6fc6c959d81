"""Inverse kinematics: all solutions of random reachable poses."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from harness import Arm, Row, measure, summary

PEERS: dict[str, str] = {}


def rows(arms: Sequence[Arm], _: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms."""
    return [inverse_kinematics(arm, options) for arm in arms]


def inverse_kinematics(arm: Arm, options: argparse.Namespace) -> Row:
    """IK of random reachable poses, all solutions, random seeds; the peer extra has no solver."""
    robot = arm.robot
    rng = np.random.default_rng(options.seed)
    count = min(options.calls, 500)
    positions, seeds = rng.uniform(arm.low, arm.high, (2, count, robot.dof))
    poses = robot.fk(positions)
    found = [len(robot.ik(pose, seed)) for pose, seed in zip(poses, seeds, strict=True)]
    times = measure(count, max(1, options.rounds // 3), lambda i: robot.ik(poses[i], seeds[i]))
    row = summary("ik, all solutions", arm.name, times[0], None, None)
    row.facts = {
        "solved_fraction": float(np.mean(np.array(found) > 0)),
        "mean_solutions": float(np.mean(found)),
    }
    return row
