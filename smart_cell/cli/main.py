"""The ``smart-cell`` command: its subcommands, options and exit codes."""

from __future__ import annotations

import enum
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from smart_cell import __version__
from smart_cell.cli.exits import FAILED, INTERRUPTED, OK, UNREADABLE

# Heavy parts (pydantic, numpy, MuJoCo) are imported by the commands that need them.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Describe, simulate and run a robot cell.",
)
_UsageError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)


class Schema(str, enum.Enum):
    """The formats whose JSON Schema can be had."""

    CELL = "cell"
    ORDERS = "orders"


CellOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE", help="The cell: 'kitting' if not given, 'ariac' with --trial."
    ),
]
OrdersOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Orders; else the cell's own sample orders.")
]
TrialOption = Annotated[str | None, typer.Option(metavar="FILE", help="An ARIAC trial to run.")]
StrictOption = Annotated[
    bool, typer.Option("--strict", help="Refuse a trial that would only bring warnings.")
]
SeedOption = Annotated[
    int, typer.Option(min=0, max=2**32 - 1, help="Seed of everything that is random.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Leave events.jsonl, report.json and report.html there."),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smart-cell {__version__}")
        raise typer.Exit(OK)


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Describe, simulate and run a robot cell."""


@app.command()
def check(
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILE...", help="Cells, orders, trials, recipes, URDF."),
    ] = None,
    cell: CellOption = None,
    strict: StrictOption = False,
    schema: Annotated[
        Schema | None, typer.Option(help="Print the JSON Schema of a format instead.")
    ] = None,
) -> int:
    """Print all problems of files as file:line:column: message.

    Exit code: 0 clean, 1 problems, 2 a file that can not be read.
    """
    from smart_cell.cli import check as command

    if schema is not None:
        return command.print_schema(schema.value)
    if not files:
        raise typer.BadParameter("give at least one file to check", param_hint="FILE...")
    return command.check(files, cell, strict=strict)


@app.command()
def simulate(
    cell: CellOption = None,
    orders: OrdersOption = None,
    trial: TrialOption = None,
    seed: SeedOption = 0,
    report: ReportOption = None,
    strict: StrictOption = False,
) -> int:
    """Work orders in the embedded simulation, in virtual time.

    Exit code: 0 all orders ended as they should, 1 not, 2 unreadable input or wrong usage, 3 a
    device failed, 130 Ctrl-C.
    """
    from smart_cell.cli import simulate as command

    return command.simulate(_source(cell, orders, trial), seed, report, strict=strict)


@app.command()
def run(
    cell: CellOption = None,
    orders: OrdersOption = None,
    trial: TrialOption = None,
    seed: SeedOption = 0,
    report: ReportOption = None,
    strict: StrictOption = False,
    timeout: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="S", help="Cell seconds after bring-up to end the run."),
    ] = None,
    panel: Annotated[
        bool, typer.Option("--panel/--no-panel", help="The operator's panel (not in this version).")
    ] = False,
) -> int:
    """Work orders over real ROS 2 processes, in real time.

    Exit code: 0 all orders ended as they should, 1 not, 2 unreadable input or wrong usage, 3 a
    process or device failed, 130 Ctrl-C.
    """
    from smart_cell.cli import run as command

    if panel:
        typer.echo("smart-cell: warning: this version has no operator's panel", err=True)
    return command.run(_source(cell, orders, trial), seed, report, timeout, strict=strict)


@app.command(context_settings={"ignore_unknown_options": True})  # joint values may be negative
def plan(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET...",
            help="Two or more: 'home', a ready pose's name, or values such as 0,-1.2,1.8,0,0,0.",
        ),
    ],
    cell: CellOption = None,
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="The arm; may be left out if there is one.")
    ] = None,
    straight: Annotated[
        bool, typer.Option("--line", help="Straight lines of the tool instead of joint motion.")
    ] = False,
    scale: Annotated[
        float, typer.Option(min=0.01, max=1.0, help="Share of the velocity limits to use.")
    ] = 1.0,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write position to jerk as a page.")
    ] = None,
) -> int:
    """Plan one arm's motion offline and show it against its limits; obstacles are not looked at.

    Exit code: 0 planned, 1 the motion is not possible, 2 unreadable input or wrong usage.
    """
    from smart_cell.cli import plan as command

    if len(targets) < 2:
        raise typer.BadParameter("give at least two targets", param_hint="TARGET...")
    return command.plan(cell or "kitting", arm, targets, plot, straight=straight, scale=scale)


def _source(cell: str | None, orders: str | None, trial: str | None) -> tuple[str, ...]:
    """Return cell, orders and trial; the latter two empty if not given."""
    if orders is not None and trial is not None:
        raise typer.BadParameter("give --orders or --trial, not both", param_hint="--trial")
    chosen = cell if cell is not None else "ariac" if trial is not None else "kitting"
    return (chosen, orders or "", trial or "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and leave the process with its exit code."""
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; says on standard error why it failed."""
    try:
        result = app(list(arguments), standalone_mode=False)
        return result if isinstance(result, int) else OK
    except _UsageError as error:
        show = getattr(error, "show", None)
        if show is not None:
            show()
        return UNREADABLE
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("smart-cell: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads: the interpreter's own complaint is not wanted either
        return FAILED
    except Exception as error:
        return _told(error)


def _told(error: Exception) -> int:
    """Say what went wrong; a traceback only for what is our own defect."""
    from smart_cell.model.errors import InputError, SmartCellError

    if isinstance(error, InputError):
        typer.echo(str(error), err=True)
        return UNREADABLE
    if isinstance(error, SmartCellError):
        from smart_cell.recording.recorder import RecordingError

        typer.echo(f"smart-cell: {error}", err=True)
        return UNREADABLE if isinstance(error, RecordingError) else FAILED
    traceback.print_exc()
    typer.echo("smart-cell: this is a defect of smart_cell, please report it", err=True)
    return FAILED
