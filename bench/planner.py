"""The planner beside its peers in one process: pinocchio (kinematics) and ruckig (point to point).

    python bench/planner.py [--json FILE] [--rounds N] [--calls N] [--seed N]

Ours and the peer's calls alternate block by block; every call is timed on its own, and medians and
99th percentiles over all rounds are shown. Before anything is timed the results are compared. A
peer that is not installed (extra `bench`) is named, and its columns stay empty.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from smart_cell import resources
from smart_cell.model.xml_reading import expand
from smart_cell.planner import Robot, State, line, point_to_point

PEERS = {"pin": "pinocchio", "ruckig": "ruckig"}
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "mbm"
Call = Callable[[int], object]


@dataclass
class Row:
    """One comparison; times in microseconds per call (or per item of a batch)."""

    name: str
    robot: str
    ours_median_us: float
    ours_p99_us: float
    peer: str | None = None
    peer_median_us: float | None = None
    peer_p99_us: float | None = None
    facts: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times the peer's median is ours."""
        return None if self.peer_median_us is None else self.peer_median_us / self.ours_median_us


@dataclass
class Arm:
    """A robot, as ours and as the text the peers read."""

    name: str
    robot: Robot
    text: str
    low: np.ndarray
    high: np.ndarray


def load_peers() -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Return the peers' modules, their versions, and the names of those that are missing."""
    modules: dict[str, Any] = {}
    versions: dict[str, str] = {}
    missing = []
    for package, module in PEERS.items():
        try:
            modules[package] = importlib.import_module(module)
            versions[package] = importlib.metadata.version(package)
        except ImportError as error:
            missing.append(f"{package} ({error})")
    return modules, versions, missing


def make_arm(name: str, text: str, base: str, tip: str) -> Arm:
    """Return a robot of a URDF text with ranges of at most a turn each way."""
    robot = Robot.from_urdf_text(text, base, tip, {"acceleration": 8.0, "jerk": 80.0})
    low = np.maximum(robot.limits.position_lower, -np.pi)
    high = np.minimum(robot.limits.position_upper, np.pi)
    return Arm(name, robot, text, low, high)


def load_arms() -> tuple[list[Arm], list[str]]:
    """Return the arms to measure, and which could not be read and why."""
    document, _ = expand(resources.find("urdf/ur5e_like.urdf.xacro"), {})
    arms = [make_arm("ur5e_like", document.toxml(), "base_link", "tool0")]
    skipped = []
    panda = SHARED / "panda" / "panda.urdf"
    if panda.is_file():
        arms.append(make_arm("panda", panda.read_text(), "panda_link0", "panda_link8"))
    else:
        skipped.append(f"panda: no file {panda}")
    return arms, skipped


def measure(calls: int, rounds: int, *functions: Call) -> list[np.ndarray]:
    """Return the times [us] of every call of each function, their blocks alternating."""
    times: list[list[int]] = [[] for _ in functions]
    for block in range(rounds + 1):
        for function, list_of in zip(functions, times, strict=True):
            for i in range(calls):
                begin = time.perf_counter_ns()
                function(i)
                end = time.perf_counter_ns()
                if block > 0:  # the first block only warms up
                    list_of.append(end - begin)
    return [np.array(one) * 1e-3 for one in times]


def summary(
    name: str, robot: str, ours: np.ndarray, peer: str | None, theirs: np.ndarray | None
) -> Row:
    """Return the row of two series of times."""
    row = Row(name, robot, float(np.median(ours)), float(np.percentile(ours, 99)), peer)
    if theirs is not None:
        row.peer_median_us = float(np.median(theirs))
        row.peer_p99_us = float(np.percentile(theirs, 99))
    return row


def compare(
    name: str, arm: Arm, options: argparse.Namespace, ours: Call, peer: str, theirs: Call | None
) -> Row:
    """Measure ours alone, or both alternating."""
    functions = [ours] if theirs is None else [ours, theirs]
    times = measure(options.calls, options.rounds, *functions)
    return summary(
        name, arm.name, times[0], None if theirs is None else peer, times[1] if theirs else None
    )


def kinematics(arm: Arm, pin: Any, options: argparse.Namespace) -> list[Row]:
    """FK and Jacobian: single calls and a batch."""
    robot = arm.robot
    rng = np.random.default_rng(options.seed)
    q = rng.uniform(arm.low, arm.high, (options.calls, robot.dof))
    batch = rng.uniform(arm.low, arm.high, (1000, robot.dof))
    pose, jacobian = np.empty((4, 4)), np.empty((6, robot.dof))
    poses, jacobians = np.empty((1000, 4, 4)), np.empty((1000, 6, robot.dof))
    their: dict[str, Call | None] = dict.fromkeys(("fk", "jacobian", "fk batch", "jacobian batch"))
    if pin is not None:
        their = pinocchio_calls(arm, pin, q, batch)
    rows = [
        compare("fk", arm, options, lambda i: robot.fk(q[i], pose), "pin", their["fk"]),
        compare(
            "jacobian",
            arm,
            options,
            lambda i: robot.jacobian(q[i], jacobian),
            "pin",
            their["jacobian"],
        ),
    ]
    few = argparse.Namespace(**{**vars(options), "calls": max(5, options.calls // 100)})
    for name, ours in (
        ("fk batch", lambda _: robot.fk(batch, poses)),
        ("jacobian batch", lambda _: robot.jacobian(batch, jacobians)),
    ):
        row = compare(f"{name} of 1000, each", arm, few, ours, "pin, a loop", their[name])
        for key in ("ours_median_us", "ours_p99_us", "peer_median_us", "peer_p99_us"):
            value = getattr(row, key)
            setattr(row, key, None if value is None else value / 1000)
        rows.append(row)
    return rows


def pinocchio_calls(arm: Arm, pin: Any, q: np.ndarray, batch: np.ndarray) -> dict[str, Call | None]:
    """Return pinocchio's calls, after a check that both compute the same."""
    full = pin.buildModelFromXML(arm.text)
    keep = set(arm.robot.joint_names)
    locked = [i for i, name in enumerate(full.names) if i > 0 and name not in keep]
    model = pin.buildReducedModel(full, locked, pin.neutral(full))
    data = model.createData()
    frame = model.getFrameId(arm.robot.tip)
    base = model.getFrameId(arm.robot.base)
    axes = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
    if model.nq != arm.robot.dof:
        raise SystemExit(f"pinocchio reads {model.nq} joints of {arm.name}, not {arm.robot.dof}")

    def fk(x: np.ndarray) -> Any:
        pin.forwardKinematics(model, data, x)
        return pin.updateFramePlacement(model, data, frame)

    def jacobian(x: np.ndarray) -> Any:
        return pin.computeFrameJacobian(model, data, x, frame, axes)

    for x in q[:50]:
        tip = fk(x).homogeneous
        root = pin.updateFramePlacement(model, data, base)
        if np.abs(arm.robot.fk(x) - root.inverse().homogeneous @ tip).max() > 1e-9:
            raise SystemExit(f"fk of {arm.name} differs from pinocchio's")
        turned = np.kron(np.eye(2), root.rotation.T) @ jacobian(x)
        if np.abs(arm.robot.jacobian(x) - turned).max() > 1e-9:
            raise SystemExit(f"the jacobian of {arm.name} differs from pinocchio's")
    return {
        "fk": lambda i: fk(q[i]),
        "jacobian": lambda i: jacobian(q[i]),
        "fk batch": lambda _: [fk(x) for x in batch],
        "jacobian batch": lambda _: [jacobian(x) for x in batch],
    }


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


def show(rows: list[Row], missing: list[str], skipped: list[str]) -> None:
    """Print the table and what is missing."""
    console = Console(width=None if sys.stdout.isatty() else 120)
    table = Table(title="planner, microseconds per call: median / 99th percentile")
    for title, side in (
        ("what", "left"),
        ("robot", "left"),
        ("ours", "right"),
        ("peer", "right"),
        ("peer / ours", "right"),
        ("facts", "left"),
    ):
        table.add_column(title, justify=side)  # type: ignore[arg-type]
    for row in rows:
        peer = "-"
        if row.peer_median_us is not None:
            peer = f"{row.peer}: {row.peer_median_us:.3g} / {row.peer_p99_us:.3g}"
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        facts = ", ".join(f"{key} {value:.10g}" for key, value in row.facts.items())
        ours = f"{row.ours_median_us:.3g} / {row.ours_p99_us:.3g}"
        table.add_row(row.name, row.robot, ours, peer, ratio, facts)
    console.print(table)
    for name in missing:
        console.print(f"peer missing: {name}")
    for name in skipped:
        console.print(f"skipped: {name}")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (default 7)")
    parser.add_argument("--calls", type=int, default=1000, help="calls per round (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random inputs")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.calls < 50:
        parser.error("--rounds must be at least 1, --calls at least 50")
    return options


def main(arguments: list[str]) -> int:
    """Run all comparisons."""
    options = parse(arguments)
    modules, versions, missing = load_peers()
    arms, skipped = load_arms()
    rows: list[Row] = []
    for arm in arms:
        rows += kinematics(arm, modules.get("pin"), options)
        rows.append(inverse_kinematics(arm, options))
        rows.append(rest_to_rest(arm, modules.get("ruckig"), options))
        rows.append(straight_lines(arm, options))
    show(rows, missing, skipped)
    if options.json is not None:
        report = {
            "machine": {"processor": platform.processor() or platform.machine()},
            "python": platform.python_version(),
            "peers": versions,
            "missing": missing,
            "skipped": skipped,
            "options": {"rounds": options.rounds, "calls": options.calls, "seed": options.seed},
            "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
