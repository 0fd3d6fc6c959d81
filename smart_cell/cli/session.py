"""What simulate and run share: reading the input, warnings, the recorder and the exit code."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from smart_cell.cli.exits import NOT_AS_ORDERED, OK
from smart_cell.cli.reachability import order_reachability, standing
from smart_cell.model.cell import Cell, load_cell, load_orders
from smart_cell.model.errors import InputError, Problem
from smart_cell.model.loading import load_trial
from smart_cell.model.orders import Job
from smart_cell.model.yaml_reading import read_yaml
from smart_cell.recording.recorder import Recorder

FILE_WIDTH = 120  # of tables where standard output is no terminal


def prepare(source: tuple[str, ...], *, strict: bool = False) -> tuple[Cell, Job]:
    """Read and check everything that a run needs; print the warnings on standard error.

    Args:
        source: Cell (name or file), file of orders, file of a trial; the latter two may be empty.
        strict: Refuse what is only a warning in trials.

    Raises:
        InputError: With all problems of the first file that has any.
    """
    name, orders, trial = source
    cell = load_cell(name)
    unfit = standing(cell, read_yaml(cell.path))
    if unfit:
        raise InputError(unfit)
    warnings: list[Problem] = list(cell.warnings)
    if trial:
        job = load_trial(trial, cell, strict=strict, warnings=warnings)
    elif orders:
        job = cell.job(load_orders(orders, cell, warnings))
    else:
        job = cell.job()
    file = trial or orders or str(cell.orders_path())
    unreachable = order_reachability(cell, job.orders, read_yaml(file))
    if unreachable:
        raise InputError(unreachable)
    for warning in sorted(set(warnings)):
        typer.echo(str(warning), err=True)
    return cell, job


def recorder(cell: Cell, job: Job, report: Path | None) -> Recorder:
    """Return the recorder of a run that shows itself in the terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    return Recorder(cell, job, report, console)


def exit_code(recorder: Recorder) -> int:
    """Show the final table; return the exit code of a run that came to its end."""
    recorder.print_summary()
    return OK if recorder.report.ok else NOT_AS_ORDERED
