"""The executor's real-time thread beside a bare C loop and a Python loop, under Python load.

Each case lasts a few seconds: the three take turns while 0, 1 or 2 Python threads compute. Times
are the lateness of wake-ups; a missed cycle is a period slept through. Whatever was sent is then
compared bit for bit with an executor that is stepped.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from harness import Arm, Row

from smart_cell.planner import (
    Executor,
    MemorySink,
    SetPointRecord,
    State,
    Trajectory,
    point_to_point,
)

PEERS: dict[str, str] = {}
PERIODS = (0.002, 0.001)
BUSY = (0, 1, 2)
ROUNDS = 2
SECONDS = 1.5  # of one turn


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the lateness of all cases; the first arm moves."""
    del peers, options
    with tempfile.TemporaryDirectory() as folder:
        program = build(Path(folder))
        cases = [(period, busy) for period in PERIODS for busy in BUSY]
        return [row for case in cases for row in compare_loops(arms[0], program, *case)]


def build(folder: Path) -> str | None:
    """Return the program of the bare loop; None without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    source, program = Path(__file__).with_name("bare_loop.c"), folder / "bare_loop"
    subprocess.run([compiler, "-O2", str(source), "-o", str(program)], check=True)
    return str(program)


@contextlib.contextmanager
def load(count: int) -> Iterator[None]:
    """Keep a number of Python threads computing."""
    done = threading.Event()

    def compute() -> None:
        total = 0
        while not done.is_set():
            total += sum(range(100))

    threads = [threading.Thread(target=compute, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        done.set()
        for thread in threads:
            thread.join()


def compare_loops(arm: Arm, program: str | None, period: float, busy: int) -> list[Row]:
    """Return the rows of one rate and load: beside the C loop, and beside the Python loop."""
    ours, bare, python = [], [], []
    equal = True
    with load(busy):
        for _ in range(ROUNDS):
            if program is not None:
                bare.append(bare_loop(program, period))
            figures, same = executor_loop(arm, period)
            ours.append(figures)
            equal = equal and same
            python.append(python_loop(period))
    name = f"set-points at {1 / period:.0f} Hz, {busy} busy Python threads"
    result = [lateness_row(name, arm, ours, "bare C loop", bare)]
    result.append(lateness_row(name, arm, ours, "Python loop", python))
    for row in result:
        row.facts["bit_equal"] = float(equal)
    return result


def lateness_row(
    name: str, arm: Arm, ours: list[np.ndarray], peer: str, theirs: list[np.ndarray]
) -> Row:
    """Return a row of (p50, p99, p99.9 [us], missed cycles, share missed) of each turn."""
    mine = np.mean(ours, axis=0)
    row = Row(name, arm.name, float(mine[0]), float(mine[1]), peer)
    row.facts = {
        "p999_us": round(float(mine[2]), 3),
        "missed": float(np.sum(ours, axis=0)[3]),
        "missed_percent": round(100 * float(mine[4]), 3),
    }
    if theirs:
        other = np.mean(theirs, axis=0)
        row.peer_median_us, row.peer_p99_us = float(other[0]), float(other[1])
        row.facts |= {
            "peer_p999_us": round(float(other[2]), 3),
            "peer_missed": float(np.sum(theirs, axis=0)[3]),
            "peer_missed_percent": round(100 * float(other[4]), 3),
        }
    return row


def figures_of(late: np.ndarray, period: float) -> np.ndarray:
    """Return the figures of wake-ups late by so many nanoseconds."""
    missed = int((late // round(period * 1e9)).sum())
    return np.array(
        [*np.percentile(late, (50, 99, 99.9)) * 1e-3, missed, missed / (len(late) + missed)]
    )


def bare_loop(program: str, period: float) -> np.ndarray:
    """Run the C loop for one turn."""
    arguments = [program, str(round(period * 1e9)), str(round(SECONDS / period))]
    done = subprocess.run(arguments, capture_output=True, check=True, text=True)
    return figures_of(np.array(done.stdout.split(), dtype=np.int64), period)


def python_loop(period: float) -> np.ndarray:
    """Run a loop of Python that sleeps until the next deadline, for one turn."""
    late = []
    step = round(period * 1e9)
    due, end = time.monotonic_ns() + step, time.monotonic_ns() + round(SECONDS * 1e9)
    while due < end:
        time.sleep(max(0.0, (due - time.monotonic_ns()) * 1e-9))  # noqa: TID251
        late.append(max(0, time.monotonic_ns() - due))
        due += step + late[-1] // step * step
    return figures_of(np.array(late), period)


def executor_loop(arm: Arm, period: float) -> tuple[np.ndarray, bool]:
    """Run the executor for one turn; also whether it sent what stepping gives."""
    limits = arm.robot.limits
    home, away = 0.5 * arm.low, 0.5 * arm.high
    there = point_to_point(State(home), State(away), limits)
    motion = Trajectory.join([there, point_to_point(State(away), State(home), limits)])
    made = Executor(limits, period)
    made.reset(home)
    sink = MemorySink(round(10 * SECONDS / period))
    made.start_thread(sink)
    made.execute(motion)
    begun = made.command_time
    pause = threading.Event()
    while made.time < SECONDS:
        pause.wait(0.05)
    numbers = made.statistics()
    made.join()
    found = np.array(
        [
            1e6 * numbers.lateness_p50,
            1e6 * numbers.lateness_p99,
            1e6 * numbers.lateness_p999,
            numbers.missed,
            numbers.missed / (numbers.cycles + numbers.missed),
        ]
    )
    found[0] = max(found[0], 1e-3)
    return found, is_stepped(sink.drain(), limits, period, home, motion, begun, made.command_time)


def is_stepped(
    records: list[SetPointRecord],
    limits: Any,
    period: float,
    home: np.ndarray,
    motion: Trajectory,
    begun: float,
    stopped: float,
) -> bool:
    """Return whether the records are the set-points of a stepped executor, bit for bit."""
    offline = Executor(limits, period)
    offline.reset(home)
    wanted = {record.time: record for record in records}
    while offline.time < records[-1].time:
        if offline.time == begun:
            offline.execute(motion)
        if offline.time == stopped:
            offline.stop()
        point = offline.step()
        record = wanted.get(point.time)
        if record is not None and not (
            np.array_equal(record.position, point.position)
            and np.array_equal(record.velocity, point.velocity)
            and np.array_equal(record.acceleration, point.acceleration)
        ):
            return False
    return True
