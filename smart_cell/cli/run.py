"""``smart-cell run``: the work over real ROS 2 processes, in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from smart_cell import bringup
from smart_cell.cli.exits import NOT_AS_ORDERED, OK, UNREADABLE
from smart_cell.cli.session import prepare, recorder
from smart_cell.recording.progress import SLOW
from smart_cell.recording.recorder import Recorder


class RunListener:
    """Takes what the supervisor tells into the recording. Called on the supervisor's loop."""

    def __init__(self, recording: Recorder) -> None:
        """Keep the recording."""
        self._recording = recording

    def event(self, time: float, kind: str, fields: Mapping[str, Any]) -> None:
        """Record an event of the run."""
        self._recording.log.record(time, kind, fields)

    def tick(self, time: float) -> None:
        """Keep the display alive."""
        self._recording.tick(time)

    def up(self) -> None:
        """Begin to count wall time: before this is bring-up."""
        self._recording.started()

    def log(self, line: str) -> None:
        """Show a line that a process has written."""
        self._recording.note(line)


def run(
    source: tuple[str, ...],
    seed: int,
    report: Path | None,
    timeout: float | None,
    *,
    strict: bool = False,
) -> int:
    """Work the orders with real processes and return the exit code.

    Args:
        source: Cell (name or file), file of orders, file of a trial; the latter two may be empty.
        seed: Seed of everything that is random.
        report: Folder for the report; None = none.
        timeout: Cell seconds after bring-up at which the run ends; None = no limit.
        strict: Refuse what is only a warning in trials.

    Raises:
        InputError: The input has problems.
        SmartCellError: A process cannot be started.
    """
    cell, job = prepare(source, strict=strict)
    from smart_cell.nodes.supervisor import supervise  # only once the input is good

    name, orders, trial = source
    # The report is written here: so it is left even when a process is killed.
    specs = bringup.processes(
        name,
        orders=orders,
        trial=trial,
        seed=str(seed),
        timeout="" if timeout is None else repr(timeout),
    )
    with recorder(cell, job, report) as recording:
        outcome = asyncio.run(supervise(specs, RunListener(recording), cell.name))
    if outcome.code == UNREADABLE:
        return outcome.code
    recording.print_summary()
    _warn_if_slow(recording)
    if outcome.reason:
        typer.echo(f"smart-cell: {outcome.reason}", err=True)
    if outcome.code == OK and not recording.report.ok:
        return NOT_AS_ORDERED
    return outcome.code


def _warn_if_slow(recording: Recorder) -> None:
    factor = recording.values()["real_time_factor"]
    if factor is not None and factor < SLOW:
        text = f"the run was slower than real time: factor {factor:.2f}, below {SLOW}"
        typer.echo(
            f"smart-cell: warning: {text}; its results stand, they are in cell time", err=True
        )
