"""Which processes a cell needs, as pure data: the launch file and the supervisor both start these.

Imports nothing beyond the standard library and PyYAML, so that a launch file can use it anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = "smart_cell"

#: Arguments of a bring-up: name, default, and what the launch file says about it.
ARGUMENTS: tuple[tuple[str, str, str], ...] = (
    ("cell", "kitting", "Name of a cell that ships, or path of a cell file."),
    ("orders", "", "Path of an order file; empty: the cell's own sample orders."),
    ("trial", "", "Path of an ARIAC trial file, instead of orders."),
    ("seed", "0", "Seed of everything random: 0 or above."),
    ("timeout", "", "Cell seconds after bring-up at which the run ends; empty: no limit."),
    ("report", "", "Folder for events.jsonl and the report; empty: none is written."),
)


@dataclass(frozen=True)
class ProcessSpec:
    """One process of a cell.

    Attributes:
        name: Name of the process, as in its heartbeat and in messages.
        package: ROS package that holds the executable.
        executable: Console script, in ``lib/<package>/`` and ``bin/``.
        module: The Python module behind it, for a start without an installed script.
        arguments: Its command line.
        environment: Variables set for it, beside those it inherits.
        task: True for the process whose end is the end of the run.
    """

    name: str
    package: str
    executable: str
    module: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    task: bool = False


def processes(
    cell: str = "kitting",
    *,
    orders: str = "",
    trial: str = "",
    seed: str = "0",
    timeout: str = "",
    report: str = "",
) -> tuple[ProcessSpec, ...]:
    """Return the processes of a cell in the order in which they are started.

    They are stopped in reverse order. All values are texts, as a launch file has them; the
    processes check them.

    Args:
        cell: Name or path of the cell.
        orders: Path of an order file; empty = the cell's own.
        trial: Path of an ARIAC trial; empty = none.
        seed: Seed of the run.
        timeout: Cell seconds after which the run ends; empty = no limit.
        report: Folder for the report; empty = none.
    """
    job = ["--cell", _absolute(cell)]
    for option, value in (("--orders", orders), ("--trial", trial)):
        if value:
            job += [option, str(Path(value).absolute())]
    job += ["--seed", seed]
    ending = [text for text in (timeout,) if text]
    run = [*job, *(["--timeout", *ending] if ending else [])]
    if report:
        run += ["--report", str(Path(report).absolute())]
    return (
        _process("simulation", job),
        _process("control", job),
        _process("cell", run, task=True),
    )


def _process(name: str, arguments: list[str], *, task: bool = False) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        package=PACKAGE,
        executable=f"{PACKAGE}_{name}",
        module=f"{PACKAGE}.nodes.{name}_process",
        arguments=tuple(arguments),
        environment={"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "PYTHONUNBUFFERED": "1"},
        task=task,
    )


def _absolute(cell: str) -> str:
    """Return a path made absolute, or a name as it is: processes may start in other folders."""
    path = Path(cell)
    is_path = path.is_file() or (path / "cell.yaml").is_file()
    return str(path.absolute()) if is_path else cell
