"""Motions on a given path: straight lines of the tool."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from harness import Arm, Row, measure, summary

from smart_cell.planner import line

PEERS: dict[str, str] = {}


def rows(arms: Sequence[Arm], _: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms."""
    return [straight_lines(arm, options) for arm in arms]


def straight_lines(arm: Arm, options: argparse.Namespace) -> Row:
    """LIN motions of 10 cm from one ready position."""
    robot = arm.robot
    ready = {6: [0.0, -1.2, 1.8, -2.2, -1.57, 0.3], 7: [0.0, -0.5, 0.0, -2.0, 0.0, 1.6, 0.8]}
    seed = ready[robot.dof]
    start = robot.fk(seed)
    rng = np.random.default_rng(options.seed)
    goals = np.repeat(start[None], 50, axis=0)
    direction = rng.normal(size=(50, 3))
    goals[:, :3, 3] += 0.1 * direction / np.linalg.norm(direction, axis=1, keepdims=True)
    times = measure(
        50, max(1, options.rounds // 2), lambda i: line(robot, start, goals[i], seed=seed)
    )
    return summary("line of 0.1 m", arm.name, times[0], None, None)
