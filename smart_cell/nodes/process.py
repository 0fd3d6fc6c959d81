"""What the three processes share: arguments, signals, faults, ordered end, exit codes."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from smart_cell.model.cell import Cell, load_cell, load_orders
from smart_cell.model.errors import InputError, SmartCellError
from smart_cell.model.loading import load_trial
from smart_cell.model.orders import Job
from smart_cell.nodes import environment

if TYPE_CHECKING:
    from smart_cell.nodes.bridge import Bridge, Fault

log = logging.getLogger(__name__)

OK, NOT_AS_ORDERED, UNREADABLE, FAILED, INTERRUPTED = 0, 1, 2, 3, 130

#: Steady time that a process has from the wish to end until it has ended [s].
END_DEADLINE = 4.0
#: Steady time for everything that must be there before work begins [s].
BRING_UP_DEADLINE = 40.0
#: Longest steady time for which a fault may keep from being told to the other processes [s].
_FLUSH_DEADLINE = 0.3
_PR_SET_PDEATHSIG = 1
#: Nice value of the processes, where it is permitted.
PRIORITY = -10


@dataclass(frozen=True)
class Options:
    """Command line of a process.

    Attributes:
        cell: Name or path of the cell.
        orders: Path of an order file; empty = none.
        trial: Path of an ARIAC trial; empty = none.
        seed: Seed of the run.
        timeout: Cell seconds after bring-up at which the run ends; None = no limit.
        report: Folder for the report; empty = none.
        pipe: Write events as JSON lines to standard output, for the supervisor.
        parent: Process with which this one dies; 0 = none.
    """

    cell: str
    orders: str
    trial: str
    seed: int
    timeout: float | None
    report: str
    pipe: bool
    parent: int


def parse(name: str, arguments: Sequence[str] | None = None) -> Options:
    """Return the options of process ``name``; leaves with exit code 2 if they are wrong.

    What launch and ros2 run append from ``--ros-args`` on is rclpy's, and left out.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = argparse.ArgumentParser(
        prog=f"smart_cell_{name}", description=f"The {name} process of a robot cell."
    )
    parser.add_argument("--cell", default="kitting", help="name or file of the cell")
    parser.add_argument("--orders", default="", help="file of orders")
    parser.add_argument("--trial", default="", help="file of an ARIAC trial")
    parser.add_argument("--seed", type=_seed, default=0, help="seed of everything random")
    parser.add_argument("--timeout", type=_timeout, help="cell seconds until the run ends")
    parser.add_argument("--report", default="", help="folder for the report")
    parser.add_argument("--pipe", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=int, default=0, help=argparse.SUPPRESS)
    values = parser.parse_args(_without_ros_arguments(given))
    if values.orders and values.trial:
        parser.error("give --orders or --trial, not both")
    return Options(**vars(values))


def _without_ros_arguments(arguments: list[str]) -> list[str]:
    """Return the arguments outside of ``--ros-args ... --``."""
    kept: list[str] = []
    ros = False
    for argument in arguments:
        if argument == "--ros-args":
            ros = True
        elif ros and argument == "--":
            ros = False
        elif not ros:
            kept.append(argument)
    return kept


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{value} is not in 0..{2**32 - 1}")
    return value


def _timeout(text: str) -> float:
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a time above 0 [s]")
    return value


def load(options: Options) -> tuple[Cell, Job]:
    """Return the cell and its job.

    Raises:
        InputError: With all problems of a file.
    """
    cell = load_cell(options.cell)
    if options.trial:
        return cell, load_trial(options.trial, cell)
    if options.orders:
        return cell, cell.job(load_orders(options.orders, cell))
    return cell, cell.job()


def main(name: str, body: Callable[[Bridge, Options, Cell, Job], Awaitable[int]]) -> int:
    """Run a process and return its exit code.

    Args:
        name: Name of the process.
        body: Does the work and returns the exit code. It is cancelled when the process is to end,
            by a signal or a fault, and then stops what it has begun, in order.
    """
    logging.basicConfig(
        level=logging.INFO, format=f"[{name}] %(levelname)s: %(message)s", stream=sys.stderr
    )
    options = parse(name)
    try:
        die_with(options.parent)
        cell, job = load(options)
        _raise_priority()
        environment.prepare()
        return asyncio.run(_host(name, lambda bridge: body(bridge, options, cell, job)))
    except InputError as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    except SmartCellError as error:
        log.error("%s", error)
        return FAILED


def leave(code: int) -> NoReturn:
    """End the process at once: everything is closed, and tearing modules down takes a second."""
    gc.collect()  # the DDS participant goes with its last reference, and its shared memory with it
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def die_with(parent: int) -> None:
    """Have the kernel end this process in order (SIGTERM) when ``parent`` dies; 0 = never.

    Raises:
        SmartCellError: The parent has died already, or the kernel refuses.
    """
    if parent == 0:
        return
    gone = SmartCellError("the supervisor has gone")
    if os.getppid() != parent:
        raise gone
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        raise SmartCellError(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        raise gone


def _raise_priority() -> None:
    """Go before other work on a busy machine, if permitted: heartbeats have to be on time."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)


async def _host(name: str, body: Callable[[Bridge], Awaitable[int]]) -> int:
    """Run ``body`` until it ends, a signal comes or the process has a fault."""
    from smart_cell.nodes.bridge import Bridge

    bridge = Bridge(name)
    stop: asyncio.Future[int] = bridge.loop.create_future()

    def on_signal() -> None:
        if not stop.done():
            stop.set_result(OK)

    # Whoever sends one of these brings the cell down in order: that is no failure.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: bridge.to_loop(on_signal))
    work = asyncio.ensure_future(body(bridge))
    try:
        ends: set[asyncio.Future[Any]] = {work, bridge.failed, stop}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        watchdog = threading.Timer(END_DEADLINE, _give_up, (name,))
        watchdog.daemon = True
        watchdog.start()
        code = await _end(work, bridge, stop)
    finally:
        with contextlib.suppress(SmartCellError):
            await bridge.close()
        # ros2 launch sends SIGINT once more than the terminal; and the handlers keep the bridge.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    return code


async def _end(work: asyncio.Future[int], bridge: Bridge, stop: asyncio.Future[int]) -> int:
    """End the work in order; return the exit code."""
    fault = bridge.failed.result() if bridge.failed.done() else None
    if fault is not None:
        log.error("%s", fault.text)
    if not work.done():
        work.cancel()
        await asyncio.wait({work})
    if fault is None and bridge.failed.done() and not stop.done():
        fault = bridge.failed.result()
    if fault is not None:
        return FAILED
    if not work.cancelled():
        error = work.exception()
        if error is None:
            return work.result()
        if not isinstance(error, SmartCellError):
            log.error("%s: %s", type(error).__name__, error, exc_info=error)
        else:
            log.error("%s", error)
        return UNREADABLE if isinstance(error, InputError) else FAILED
    return stop.result() if stop.done() else FAILED


def _give_up(name: str) -> None:
    """End a process that does not end by itself."""
    sys.stderr.write(f"[{name}] ERROR: not ended after {END_DEADLINE:g} s, leaving at once\n")
    sys.stderr.flush()
    os._exit(FAILED)


async def tell(events: object, fault: Fault) -> None:
    """Publish a fault as an event and give the other processes the time to get it."""
    from smart_cell.nodes.events import RosEvents

    assert isinstance(events, RosEvents)
    events.fault(fault)
    await events.flush(_FLUSH_DEADLINE)
