"""What all comparisons share: robots, peers, alternating measurement, rows and their table."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from smart_cell import resources
from smart_cell.model.xml_reading import expand
from smart_cell.planner import Robot

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


def load_peers(
    wanted: Mapping[str, str],
) -> tuple[dict[str, Any], dict[str, str], list[str]]:
    """Return the peers' modules, their versions, and the names of those that are missing.

    Args:
        wanted: Module by package.
    """
    modules: dict[str, Any] = {}
    versions: dict[str, str] = {}
    missing = []
    for package, module in wanted.items():
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
