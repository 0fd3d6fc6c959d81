"""Inverse kinematics of random reachable poses: all solutions, and one from a random seed.

EAIK is a closed form without limits and seeds: all branches in (-pi, pi]. The numerical peers are
asked for one solution inside the limits, from the same random seeds.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from harness import Arm, Call, Row, make_arm, measure, summary

from smart_cell.planner.urdf import parse_chain

PEERS = {"eaik": "eaik.IK_HP", "roboticstoolbox-python": "roboticstoolbox", "pytracik": "pytracik"}
#: Position [m] and orientation [rad] errors below which a solution of any solver counts.
ACCURACY = 1e-6
#: What TRAC-IK may take for one pose [s].
TIMEOUT = 0.005
#: Joints of a KUKA KR 6 R900 by its maker's drawing: xyz, axis and range [degrees] of each.
KR6_R900 = (
    ((0, 0, 0), (0, 0, -1), -170, 170),
    ((0.025, 0, 0.4), (0, 1, 0), -190, 45),
    ((0.455, 0, 0), (0, 1, 0), -120, 156),
    ((0, 0, 0.035), (-1, 0, 0), -185, 185),
    ((0.42, 0, 0), (0, 1, 0), -120, 120),
    ((0, 0, 0), (-1, 0, 0), -350, 350),
)


def kr6_r900() -> Arm:
    """Return the arm with a spherical wrist and offsets."""
    parts = ['<robot name="kr6"><link name="base"/>']
    parent = "base"
    for i, (xyz, axis, low, high) in enumerate(KR6_R900):
        origin, along = (" ".join(str(value) for value in three) for three in (xyz, axis))
        parts.append(
            f'<link name="l{i}"/><joint name="a{i + 1}" type="revolute"><parent link="{parent}"/>'
            f'<child link="l{i}"/><origin xyz="{origin}"/><axis xyz="{along}"/>'
            f'<limit lower="{np.radians(low)}" upper="{np.radians(high)}" velocity="5" '
            'effort="100"/></joint>'
        )
        parent = f"l{i}"
    parts.append(
        '<link name="tool0"/><joint name="flange" type="fixed"><parent link="l5"/>'
        '<child link="tool0"/><origin xyz="0.08 0 0" rpy="0 1.5707963267948966 0"/></joint></robot>'
    )
    return make_arm("kr6_r900", "".join(parts), "base", "tool0")


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms."""
    result = []
    for arm in (*arms, kr6_r900()):
        questions = Questions(arm, options)
        result.append(all_solutions(questions, peers.get("eaik"), options))
        result += one_solution(questions, peers, options)
        result.append(batch(questions, options))
    return result


class Questions:
    """Random reachable poses of an arm and random seeds."""

    def __init__(self, arm: Arm, options: argparse.Namespace) -> None:
        """Draw them."""
        rng = np.random.default_rng(options.seed)
        self.arm = arm
        self.count = min(options.calls, 1000)
        shape = (2, self.count, arm.robot.dof)
        positions, seeds = rng.uniform(arm.low, arm.high, shape)
        self.poses = list(arm.robot.fk(positions))
        self.seeds = list(seeds)
        self.positions = positions
        self.seed = options.seed

    def solved(self, index: int, q: np.ndarray | None) -> bool:
        """Return whether a solver's answer reaches the pose inside the limits."""
        robot = self.arm.robot
        if q is None or len(q) != robot.dof or not np.isfinite(q).all():
            return False
        at, pose = robot.fk(q), self.poses[index]
        inside = (q >= robot.limits.position_lower - 1e-9) & (
            q <= robot.limits.position_upper + 1e-9
        )
        turned = np.linalg.norm(at[:3, :3] - pose[:3, :3]) / np.sqrt(2.0)
        moved = np.linalg.norm(at[:3, 3] - pose[:3, 3])
        return bool(inside.all() and moved < ACCURACY and turned < ACCURACY)


def all_solutions(ask: Questions, eaik: Any, options: argparse.Namespace) -> Row:
    """All solutions inside the limits, beside EAIK's branches where it knows the structure."""
    robot = ask.arm.robot
    found = [robot.ik(pose, seed) for pose, seed in zip(ask.poses, ask.seeds, strict=True)]
    peer = eaik_solver(ask.arm, eaik) if eaik is not None and robot.dof == 6 else None
    functions: list[Call] = [lambda i: robot.ik(ask.poses[i], ask.seeds[i])]
    if peer is not None:
        solve, shift = peer
        shifted = [np.asfortranarray(pose @ shift) for pose in ask.poses]
        functions.append(lambda i: solve(shifted[i]))
    times = measure(ask.count, max(1, options.rounds // 2), *functions)
    name = None if peer is None else "eaik"
    row = summary("ik, all solutions", ask.arm.name, times[0], name, times[-1] if name else None)
    row.facts = {"mean_solutions": float(np.mean([len(one) for one in found]))}
    row.facts["percent_of_100000_solved"] = solved_of_many(ask)
    if peer is not None:
        exact = [sum(not nearest for nearest in solve(pose).is_LS) for pose in shifted]
        row.facts["peer_mean_without_limits"] = float(np.mean(exact))
    return row


def solved_of_many(ask: Questions) -> float:
    """Return the percentage of 100,000 further reachable poses that have a solution."""
    robot, rng = ask.arm.robot, np.random.default_rng(ask.seed + 1)
    q, seeds = rng.uniform(ask.arm.low, ask.arm.high, (2, 100_000, robot.dof))
    return 100.0 * float(np.mean([len(one) > 0 for one in robot.ik(robot.fk(q), seeds, 1)]))


def eaik_solver(arm: Arm, module: Any) -> tuple[Callable[[np.ndarray], Any], np.ndarray] | None:
    """Return EAIK's call and what a pose is multiplied with for it; None if it has no solution.

    EAIK wants axes and offsets of a zero position in which the tip has the base's axes.
    """
    joints = parse_chain(arm.text, arm.robot.base, arm.robot.tip)
    at, axes, offsets, last = np.eye(4), [], [], np.zeros(3)
    for joint in joints:
        at = at @ joint.origin
        if joint.kind != "fixed":
            axes.append(at[:3, :3] @ joint.axis)
            offsets.append(at[:3, 3] - last)
            last = at[:3, 3]
    offsets.append(at[:3, 3] - last)
    robot = module.HPRobot(np.array(axes), np.array(offsets))
    if not robot.hasKnownDecomposition():
        return None
    shift = np.eye(4)
    shift[:3, :3] = at[:3, :3].T
    return robot.IK, shift


def one_solution(
    ask: Questions, peers: Mapping[str, Any], options: argparse.Namespace
) -> list[Row]:
    """One solution from a random seed, beside each numerical peer."""
    robot = ask.arm.robot
    result = []
    solvers = {
        "ik_LM": (toolbox_solver, peers.get("roboticstoolbox-python")),
        "TRAC-IK": (trac_ik_solver, peers.get("pytracik")),
    }

    def ours(i: int) -> object:
        return robot.ik(ask.poses[i], ask.seeds[i], 1)

    for name, (make, module) in solvers.items():
        theirs = None if module is None else make(ask, module)
        functions: list[Call] = [ours] if theirs is None else [ours, theirs]
        times = measure(ask.count, max(1, options.rounds // 3), *functions)
        peer, peer_times = (None, None) if theirs is None else (name, times[1])
        row = summary("ik, one solution", ask.arm.name, times[0], peer, peer_times)
        row.facts = {"solved_percent": percentage(ask, lambda i: next(iter(ours(i)), None))}
        if theirs is not None:
            row.facts["peer_solved_percent"] = percentage(ask, theirs)
        result.append(row)
    return result


def percentage(ask: Questions, solve: Callable[[int], Any]) -> float:
    """Return how many of the poses a solver reaches [%]."""
    return 100.0 * float(np.mean([ask.solved(i, solve(i)) for i in range(ask.count)]))


def toolbox_solver(ask: Questions, module: Any) -> Callable[[int], Any]:
    """Return the roboticstoolbox's compiled Levenberg-Marquardt solver."""
    joints = parse_chain(ask.arm.text, ask.arm.robot.base, ask.arm.robot.tip)
    chain, k = module.ETS(), 0
    for joint in joints:
        chain = chain * module.ET.SE3(joint.origin)
        if joint.kind != "fixed":
            limits = ask.arm.robot.limits
            turn = frame_onto(joint.axis)
            chain = chain * module.ET.SE3(turn)
            make = module.ET.tz if joint.kind == "prismatic" else module.ET.Rz
            chain = chain * make(qlim=[limits.position_lower[k], limits.position_upper[k]])
            chain = chain * module.ET.SE3(turn.T)
            k += 1

    def solve(i: int) -> np.ndarray | None:
        answer = chain.ik_LM(ask.poses[i], q0=ask.seeds[i], tol=0.1 * ACCURACY**2)
        return np.asarray(answer.q) if answer.success else None

    return solve


def frame_onto(axis: np.ndarray) -> np.ndarray:
    """Return a rotation, (4, 4), that brings z onto the axis."""
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    result = np.eye(4)
    result[:3, 0] = np.cross(helper, axis) / np.linalg.norm(np.cross(helper, axis))
    result[:3, 1] = np.cross(axis, result[:3, 0])
    result[:3, 2] = axis
    return result


def trac_ik_solver(ask: Questions, module: Any) -> Callable[[int], Any]:
    """Return TRAC-IK, asked for the first solution it finds."""
    robot = ask.arm.robot
    # A safety controller without soft limits gives its joint no range there.
    text = re.sub(r"<safety_controller[^>]*/>", "", ask.arm.text)
    solver = module.TRAC_IK(
        robot.base, robot.tip, text, TIMEOUT, 0.5 * ACCURACY, module.SolveType.Speed
    )

    def solve(i: int) -> np.ndarray | None:
        pose = ask.poses[i]
        x, y, z, w = quaternion(pose[:3, :3])
        answer = module.ik(solver, ask.seeds[i], *pose[:3, 3], x, y, z, w)
        return np.asarray(answer[1:]) if answer[0] > 0.0 else None  # first: whether it is one

    return solve


def quaternion(r: np.ndarray) -> tuple[float, float, float, float]:
    """Return x, y, z, w of a rotation (the largest component from the diagonal)."""
    trace = [r[0, 0] - r[1, 1] - r[2, 2], r[1, 1] - r[0, 0] - r[2, 2]]
    trace += [r[2, 2] - r[0, 0] - r[1, 1], r[0, 0] + r[1, 1] + r[2, 2]]
    k = int(np.argmax(trace))
    skew = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]])
    q = np.empty(4)
    if k == 3:
        q[:3], q[3] = skew, 1.0 + trace[3]
    else:
        q[:3] = r[k] + r[:, k]
        q[k] = 1.0 + trace[k]
        q[3] = skew[k]
    q /= np.linalg.norm(q)
    return float(q[0]), float(q[1]), float(q[2]), float(q[3])


def batch(ask: Questions, options: argparse.Namespace) -> Row:
    """All solutions of all poses in one call, per pose."""
    robot, poses, seeds = ask.arm.robot, np.array(ask.poses), np.array(ask.seeds)
    times = measure(1, max(5, options.rounds), lambda _: robot.ik(poses, seeds))
    return summary("ik, batch, per pose", ask.arm.name, times[0] / ask.count, None, None)
