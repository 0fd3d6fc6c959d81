"""State-to-state motion beside ruckig: three sets of random problems, and re-planning.

Sets A, B and C are seven joints: A with ruckig's own random limits and states, B with the limits of
a Franka Panda between moving states, C with the same from rest to rest. Every duration is compared,
and every motion of ours is checked against its limits.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from harness import Arm, Row, measure, summary

from smart_cell.planner import (
    Limits,
    PlannerError,
    State,
    Trajectory,
    point_to_point,
    point_to_point_durations,
)

PEERS = {"ruckig": "ruckig"}

_VELOCITY = np.array([2.175] * 4 + [2.61] * 3)
_ACCELERATION = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0])
_JERK = 500.0 * _ACCELERATION
_LOW = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
_HIGH = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
#: Cycles of re-planning per call that was asked for.
_CYCLES = 20


@dataclass
class Problem:
    """One problem: nine rows, position, velocity, acceleration of start and goal, and limits."""

    rows: np.ndarray

    def __post_init__(self) -> None:
        """Make what both sides may prepare: limits, and rows as lists, which both read best."""
        reach = np.full(self.rows.shape[1], np.inf)
        self.limits = Limits(-reach, reach, *self.rows[6:], np.ones(len(reach)))
        self.lists = [row.tolist() for row in self.rows]

    def ours(self) -> Trajectory:
        """Plan; making both states is part of it."""
        rows = self.lists
        return point_to_point(State(*rows[0:3]), State(*rows[3:6]), self.limits)


def is_inside(v: np.ndarray, a: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """Return whether velocities can be reached from, and left to, inside the limits."""
    turn = a * a / (2.0 * rates[2])
    return (np.abs(a) <= rates[1]) & (np.abs(v) + turn <= rates[0])


def set_a(rng: np.random.Generator) -> np.ndarray:
    """Return one problem of ruckig's own benchmark."""

    def some(share: float) -> np.ndarray:
        return np.where(rng.random(7) < share, rng.normal(0.0, 0.8, 7), 0.0)

    while True:
        rows = [rng.normal(0.0, 4.0, 7), some(0.9), some(0.8)]
        rows += [rng.normal(0.0, 4.0, 7), some(0.7), some(0.6)]
        rates = rng.uniform(0.1, 12.0, (3, 7))
        rates[0] += np.abs(rows[4])
        rates[1] += np.abs(rows[5])
        if is_inside(rows[4], rows[5], rates).all():
            return np.vstack((rows, rates))


def set_b(rng: np.random.Generator, moving: float = 0.9) -> np.ndarray:
    """Return one problem between states that move at up to ``moving`` of the limits."""
    rates = np.vstack((_VELOCITY, _ACCELERATION, _JERK))
    rows = []
    for _ in range(2):
        inside = np.zeros(7, bool)
        v, a = np.zeros((2, 7))
        while not inside.all():
            v = np.where(inside, v, moving * rng.uniform(-1.0, 1.0, 7) * _VELOCITY)
            a = np.where(inside, a, moving * rng.uniform(-1.0, 1.0, 7) * _ACCELERATION)
            inside = is_inside(v, a, rates)
        rows += [rng.uniform(_LOW, _HIGH), v, a]
    return np.vstack((rows, rates))


def set_c(rng: np.random.Generator) -> np.ndarray:
    """Return one problem from rest to rest."""
    return set_b(rng, 0.0)


class Ruckig:
    """The peer, counting what it cannot solve."""

    def __init__(self, module: Any) -> None:
        """Make its objects once, as its documentation does."""
        self.module = module
        self.generator = module.Ruckig(7)
        self.given, self.result = module.InputParameter(7), module.Trajectory(7)

    def solve(self, problem: Problem) -> float:
        """Return the duration, NaN where it fails; setting its inputs is part of it."""
        given, rows = self.given, problem.lists
        given.current_position, given.current_velocity, given.current_acceleration = rows[0:3]
        given.target_position, given.target_velocity, given.target_acceleration = rows[3:6]
        given.max_velocity, given.max_acceleration, given.max_jerk = rows[6:9]
        try:
            failed = self.generator.calculate(given, self.result) < 0
        except self.module.RuckigError:
            failed = True
        return float("nan") if failed else self.result.duration


def compare_set(
    name: str, problems: list[Problem], peer: Ruckig | None, options: argparse.Namespace
) -> Row:
    """Solve all of a set, compare, then time both."""
    failures = violations = 0
    ours = np.full(len(problems), np.nan)
    for i, problem in enumerate(problems):
        try:
            made = problem.ours()
        except PlannerError:
            failures += 1
            continue
        ours[i] = made.duration
        starts_inside = is_inside(problem.rows[1], problem.rows[2], problem.rows[6:]).all()
        if starts_inside and made.limits_violation(problem.limits, tolerance=1e-9) is not None:
            violations += 1
    facts = {"failures": float(failures), "violations": float(violations)}
    functions = [lambda i: problems[i].ours()]
    if peer is not None:
        theirs = np.array([peer.solve(problem) for problem in problems])
        relative = ours / theirs - 1.0
        facts["peer_failures"] = float(np.isnan(theirs).sum())
        facts["longer_than_1e-9"] = float((relative > 1e-9).sum())
        facts["longest_relative"] = float(np.nanmax(relative))
        facts["shortest_relative"] = float(np.nanmin(relative))
        functions.append(lambda i: peer.solve(problems[i]))
    times = measure(len(problems), options.rounds, *functions)
    row = summary(name, "7 joints", times[0], "ruckig" if peer else None, times[-1])
    row.facts = facts
    return row


def batch(name: str, problems: list[Problem], options: argparse.Namespace) -> Row:
    """Time the durations of many problems with the same limits, per problem."""
    starts, goals = (np.array([p.rows[k : k + 3] for p in problems]) for k in (0, 3))
    limits, out = problems[0].limits, np.empty(len(problems))

    def all_of_them(_: int) -> None:
        point_to_point_durations(starts, goals, limits, out=out)

    times = measure(10, options.rounds, all_of_them)[0] / len(problems)
    row = summary(f"durations, batch, set {name}", "7 joints", times, None, None)
    row.facts = {"problems": float(len(problems)), "impossible": float(np.isinf(out).sum())}
    return row


def replanning(peer: Ruckig | None, options: argparse.Namespace) -> Row:
    """Re-plan at every millisecond towards a goal that moves, each side from its own states.

    The times are of planning and of sampling the next cycle's state.
    """
    cycles, period = options.calls * _CYCLES, 1e-3
    rng = np.random.default_rng(options.seed)
    rate, phase = rng.uniform(0.3, 3.0, (2, 7))
    rates = np.vstack((_VELOCITY, _ACCELERATION, _JERK))
    size = 0.3 * np.min([rates[k] / rate ** (k + 1) for k in range(3)], axis=0)
    errors = {"failures": 0.0, "peer_failures": 0.0}
    here = [np.zeros((3, 7)), np.zeros((3, 7))]

    def problem(i: int, side: int) -> Problem:
        angle = rate * period * i + phase
        goal = [size * np.sin(angle), size * rate * np.cos(angle)]
        goal.append(-size * rate**2 * np.sin(angle))
        if i % 700 == 0:  # somewhere else
            here[side][0] += np.random.default_rng(i).normal(size=7)
        return Problem(np.vstack((here[side], goal, rates)))

    def ours(one: Problem) -> None:
        try:
            here[0] = np.array(one.ours().sample(period)[:3])
        except PlannerError:
            errors["failures"] += 1.0

    def theirs(one: Problem) -> None:
        if peer is not None and np.isfinite(peer.solve(one)):
            here[1] = np.array(peer.result.at_time(period))
        else:
            errors["peer_failures"] += 1.0

    functions = [ours] if peer is None else [ours, theirs]
    times = [np.empty(cycles) for _ in functions]
    for i in range(cycles):
        for side, function in enumerate(functions):
            one = problem(i, side)
            begin = time.perf_counter_ns()
            function(one)
            times[side][i] = (time.perf_counter_ns() - begin) * 1e-3
    row = summary(
        f"re-plan, {cycles} cycles", "7 joints", times[0], "ruckig" if peer else None, times[-1]
    )
    row.facts = errors if peer else {"failures": errors["failures"]}
    return row


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons; the robots do not matter here."""
    peer = Ruckig(peers["ruckig"]) if "ruckig" in peers else None
    result = []
    for name, make in (("A", set_a), ("B", set_b), ("C", set_c)):
        rng = np.random.default_rng(options.seed)
        problems = [Problem(make(rng)) for _ in range(options.calls)]
        result.append(compare_set(f"state to state, set {name}", problems, peer, options))
        if name != "A":  # whose limits differ from problem to problem
            result.append(batch(name, problems, options))
    result.append(replanning(peer, options))
    return result
