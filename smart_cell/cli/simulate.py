"""``smart-cell simulate``: the deterministic run in the embedded simulation."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import typer

from smart_cell.cli.exits import INTERRUPTED
from smart_cell.cli.session import exit_code, prepare, recorder


def simulate(
    source: tuple[str, ...], seed: int, report: Path | None, *, strict: bool = False
) -> int:
    """Work the orders in virtual time and return the exit code.

    Args:
        source: Cell (name or file), file of orders, file of a trial; the latter two may be empty.
        seed: Seed of everything that is random.
        report: Folder for the report; None = none.
        strict: Refuse what is only a warning in trials.

    Raises:
        InputError: The input has problems.
        SmartCellError: The run failed.
    """
    cell, job = prepare(source, strict=strict)
    from smart_cell.simulation import body  # MuJoCo, only once the input is good

    recording = recorder(cell, job, report)
    try:
        with recording, _terminated_like_interrupted():
            body.simulate(cell, job, seed, recording.log)
    except KeyboardInterrupt:
        recording.print_summary()
        typer.echo("smart-cell: interrupted", err=True)
        return INTERRUPTED
    return exit_code(recording)


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM end the run as Ctrl-C does, so that it leaves its report too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
