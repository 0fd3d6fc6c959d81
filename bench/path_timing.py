"""Motions on a given path: straight lines of the tool, and time-optimal timing of joint paths."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from harness import Arm, Row, measure, summary

from smart_cell.planner import Limits, Path, Trajectory, along, line

PEERS = {"toppra": "toppra", "copp-py": "copp_py"}

#: Published rates of a Panda; the jerk is scaled down as real cells do.
VELOCITY = np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61])
ACCELERATION = np.array([15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0])
JERK = np.array([7500.0, 3750.0, 5000.0, 6250.0, 7500.0, 10000.0, 10000.0])
#: Waypoints, cells and scale of the jerk limits.
SECOND_ORDER = ((5, 100), (10, 300), (20, 300), (20, 1000), (50, 1000))
THIRD_ORDER = ((10, 300, 0.05), (20, 300, 0.01), (20, 300, 0.05), (20, 1000, 0.05))
PATHS = 10


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms."""
    result = [straight_lines(arm, options) for arm in arms]
    for waypoints, cells in SECOND_ORDER:
        problem = Problem(waypoints, cells, 0.05, options.seed)
        result += second_order(problem, peers, options)
    for waypoints, cells, scale in THIRD_ORDER:
        problem = Problem(waypoints, cells, scale, options.seed)
        result += third_order(problem, peers, options)
    return result


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


class Problem:
    """Random paths through waypoints at even parameters, and the limits."""

    def __init__(self, waypoints: int, cells: int, scale: float, seed: int) -> None:
        """Draw the paths of one size."""
        rng = np.random.default_rng([seed, waypoints])
        self.waypoints = rng.uniform(-2.0, 2.0, (PATHS, waypoints, 7))
        self.parameters = np.linspace(0.0, 1.0, waypoints)
        self.paths = [Path.through(w, parameters=self.parameters) for w in self.waypoints]
        self.grid = np.linspace(0.0, 1.0, cells + 1)
        self.cells = cells
        self.name = f"{waypoints} waypoints, {cells} cells"
        reach = np.full(7, 1e3)
        self.limits = Limits(
            -reach, reach, VELOCITY, ACCELERATION, JERK * scale, np.full(7, np.inf)
        )

    def ours(self, i: int, *, jerk: bool) -> Trajectory:
        """From waypoints to the trajectory."""
        path = Path.through(self.waypoints[i], parameters=self.parameters)
        return along(path, self.limits, jerk=jerk, cells=self.cells)

    def facts(self, *, jerk: bool) -> dict[str, float]:
        """Mean duration, and how many of the trajectories exceed a limit."""
        made = [self.ours(i, jerk=jerk) for i in range(PATHS)]
        found = [m.limits_violation(self.limits, jerk=jerk, tolerance=1e-9) for m in made]
        return {
            "duration": float(np.mean([m.duration for m in made])),
            "violations": float(sum(f is not None for f in found)),
        }


def second_order(
    problem: Problem, peers: Mapping[str, Any], options: argparse.Namespace
) -> list[Row]:
    """Velocity and acceleration: from the waypoints to the trajectory."""
    result = []
    makers: list[tuple[str, Callable[[Problem, Any], Callable[[int], tuple[Any, float]]]]] = [
        ("toppra", _toppra),
        ("copp-py", _copp_second),
    ]
    facts = problem.facts(jerk=False)
    for module, maker in makers:
        theirs = maker(problem, peers[module]) if module in peers else None
        result.append(_row(problem, f"timing, {problem.name}", False, module, theirs, options))
        result[-1].facts = dict(facts)
        if theirs is not None:
            mean = float(np.mean([theirs(i)[1] for i in range(PATHS)]))
            result[-1].facts["peer duration"] = mean
    return result


def third_order(
    problem: Problem, peers: Mapping[str, Any], options: argparse.Namespace
) -> list[Row]:
    """Velocity, acceleration and jerk."""
    scale = problem.limits.jerk[0] / JERK[0]
    name = f"timing with jerk x {scale:g}, {problem.name}"
    theirs = _copp_third(problem, peers["copp-py"]) if "copp-py" in peers else None
    row = _row(problem, name, True, "copp-py", theirs, options)
    row.facts = problem.facts(jerk=True)
    row.facts["without jerk"] = problem.facts(jerk=False)["duration"]
    if theirs is not None:
        made = [theirs(i) for i in range(PATHS)]
        row.facts["peer duration"] = float(np.mean([time for _, time in made]))
        leaks = [_leak(problem, i, profile) for i, (profile, _) in enumerate(made)]
        row.facts["peer jerk / limit"] = float(np.max(leaks))
    return [row]


def _row(
    problem: Problem,
    name: str,
    jerk: bool,
    peer: str,
    theirs: Callable[[int], Any] | None,
    options: argparse.Namespace,
) -> Row:
    rounds = max(1, options.rounds // 2) if jerk else options.rounds
    functions: list[Callable[[int], object]] = [lambda i: problem.ours(i, jerk=jerk)]
    functions += [] if theirs is None else [theirs]
    times = measure(PATHS, rounds, *functions)
    return summary(name, "panda limits", times[0], peer, times[1] if theirs else None)


def _toppra(problem: Problem, toppra: Any) -> Callable[[int], tuple[Any, float]]:
    """Spline, constraints, solution and trajectory, as its documentation shows."""
    import toppra.algorithm as algo
    import toppra.constraint as constraint

    toppra.setup_logging("ERROR")

    def call(i: int) -> tuple[Any, float]:
        path = toppra.SplineInterpolator(
            problem.parameters, problem.waypoints[i], bc_type="natural"
        )
        limits = [
            constraint.JointVelocityConstraint(np.stack((-VELOCITY, VELOCITY), axis=1)),
            constraint.JointAccelerationConstraint(
                np.stack((-ACCELERATION, ACCELERATION), axis=1),
                discretization_scheme=constraint.DiscretizationType.Interpolation,
            ),
        ]
        solver = algo.TOPPRA(
            limits, path, gridpoints=problem.grid, parametrizer="ParametrizeConstAccel"
        )
        made = solver.compute_trajectory()
        return made, float(made.duration) if made is not None else float("nan")

    return call


def _copp_robot(problem: Problem, copp: Any, i: int, *, jerk: bool) -> Any:
    samples = problem.paths[i].sample(problem.grid)
    robot = copp.Robot(7, capacity=len(problem.grid))
    robot.append_s(problem.grid)
    robot.set_q(*samples[:3], 0, dddq=samples[3] if jerk else None)
    n = len(problem.grid)
    robot.add_velocity_limits(VELOCITY, -VELOCITY, start_idx_s=0, length=n)
    robot.add_acceleration_limits(ACCELERATION, -ACCELERATION, start_idx_s=0, length=n)
    if jerk:
        limit = problem.limits.jerk
        robot.add_jerk_limits(limit, -limit, start_idx_s=0, length=n)
    return robot


def _copp_second(problem: Problem, copp: Any) -> Callable[[int], tuple[Any, float]]:
    """Only its solver and its integration of the time; path and rows are there already."""
    solver = copp.solver.topp2_ra
    robots = [_copp_robot(problem, copp, i, jerk=False) for i in range(PATHS)]
    last = len(problem.grid) - 1

    def call(i: int) -> tuple[Any, float]:
        made = solver.solve(
            solver.Problem(robots[i].constraints, idx_s_interval=(0, last), a_boundary=(0.0, 0.0)),
            solver.Options(),
        )
        return made, copp.interpolation.s_to_t_topp2(problem.grid, made, 0.0)[0]

    return call


def _copp_third(problem: Problem, copp: Any) -> Callable[[int], tuple[Any, float]]:
    """Only its second-order solution and two conic ones; path and rows are there already."""
    second, third = copp.solver.topp2_ra, copp.solver.topp3_socp
    robots = [_copp_robot(problem, copp, i, jerk=True) for i in range(PATHS)]
    last = len(problem.grid) - 1

    def call(i: int) -> tuple[Any, float]:
        rows = robots[i].constraints
        a = second.solve(
            second.Problem(rows, idx_s_interval=(0, last), a_boundary=(0.0, 0.0)),
            second.Options(),
        )
        profile = third.solve(third.Problem(rows, a))
        profile = third.solve(third.Problem(rows, profile.a, b_linearization=profile.b))
        return profile, copp.interpolation.s_to_t_topp3(problem.grid, profile)[0]

    return call


def _leak(problem: Problem, i: int, profile: Any) -> float:
    """The peer's largest jerk over its limit, at its nodes and between them, by its own law.

    Its law: a is quadratic in each cell. The two outer cells at both ends are left out.
    """
    a, b = np.asarray(profile.a)[:-1, None], np.asarray(profile.b)[:-1, None]
    ds = np.diff(problem.grid)
    c = np.diff(profile.b)[:, None] / ds[:, None]
    worst = 0.0
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = share * ds[:, None]
        here, rate = a + 2.0 * b * x + c * x * x, b + c * x
        _, d1, d2, d3 = problem.paths[i].sample(problem.grid[:-1] + share * ds)
        jerk = np.sqrt(np.maximum(here, 0.0)) * (d3 * here + 3.0 * d2 * rate + d1 * c)
        worst = max(worst, float(np.abs(jerk / problem.limits.jerk)[2:-2].max()))
    return worst
