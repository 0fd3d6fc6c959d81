"""Starts the processes of a cell in order, watches them, and brings them down in reverse order.

Pure asyncio, no rclpy: it works on when ROS does not. The processes die with it (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from smart_cell.bringup import ProcessSpec
from smart_cell.model.errors import SmartCellError
from smart_cell.nodes import environment, shared_memory
from smart_cell.nodes.process import FAILED, INTERRUPTED, NOT_AS_ORDERED, OK, UNREADABLE

#: Steady time that a process gets to end after it was told to [s]; all of them: below 5 s.
_END_DEADLINES = {"cell": 1.6, "control": 1.2}
_END_DEADLINE = 1.8
#: Steady time in which the other processes notice by themselves that one has gone [s].
_NOTICE = 3.0
#: Longest line that a process may write.
_LINE_LIMIT = 1 << 22


class Listener(Protocol):
    """Who is told what happens; all calls come on the supervisor's loop."""

    def event(self, time: float, kind: str, fields: Mapping[str, Any]) -> None:
        """Take an event of the run."""

    def tick(self, time: float) -> None:
        """Take note of cell time [s], several times a second."""

    def up(self) -> None:
        """Take note that all processes are up and cell time begins."""

    def log(self, line: str) -> None:
        """Take a line that a process has written for people."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        code: Exit code of ``smart-cell run``.
        reason: One sentence why, if the run did not come to its own end.
    """

    code: int
    reason: str = ""


@dataclass
class _Child:
    """A started process."""

    spec: ProcessSpec
    process: asyncio.subprocess.Process
    readers: list[asyncio.Task[None]] = field(default_factory=list)
    last_error: str = ""

    @property
    def ended(self) -> bool:
        return self.process.returncode is not None


async def supervise(specs: Sequence[ProcessSpec], listener: Listener, cell: str) -> Outcome:
    """Run the processes until the one with the task ends, one fails, or Ctrl-C (SIGINT, SIGTERM).

    Args:
        specs: The processes, in the order of their start.
        listener: Is told what happens.
        cell: Name of the cell: its ROS domain is used, unless ROS_DOMAIN_ID names another.

    Returns:
        The exit code and the reason.

    Raises:
        SmartCellError: A process cannot be started, the ROS domain is in use by another run, or
            ROS 2 is not installed.
    """
    if importlib.util.find_spec("rclpy") is None:
        raise SmartCellError(
            "ROS 2 is not installed for this Python (no module rclpy): install it, or pip install "
            "smart_cell[ros]; without it there is `smart-cell simulate`"
        )
    with environment.claimed_domain(cell) as domain:
        shared_memory.remove_dead()
        listener.log(f"the cell's processes talk in ROS_DOMAIN_ID={domain}")
        supervisor = _Supervisor(listener, domain)
        try:
            return await supervisor.run(specs)
        finally:
            await supervisor.end()
            shared_memory.remove_dead()


class _Supervisor:
    """The processes of one run."""

    def __init__(self, listener: Listener, domain: int) -> None:
        self._listener, self._domain = listener, domain
        self._children: list[_Child] = []
        self._files: set[str] = set()
        self._time = 0.0
        self._stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, specs: Sequence[ProcessSpec]) -> Outcome:
        with _signals(self._on_signal):
            for spec in specs:
                self._children.append(await self._start(spec))
            ends: set[asyncio.Future[Any]] = {
                asyncio.ensure_future(child.process.wait()) for child in self._children
            }
            await asyncio.wait({*ends, self._stop}, return_when=asyncio.FIRST_COMPLETED)
            outcome = await self._outcome()
            self._tell_failure(outcome)
            await self.end()
            for end in ends:
                end.cancel()
        return outcome

    async def end(self) -> None:
        """End what still runs, in reverse order; kill what does not end in its time."""
        self._note_files()
        for child in reversed(self._children):
            if not child.ended:
                with contextlib.suppress(ProcessLookupError):
                    child.process.terminate()
                await self._wait(child, _END_DEADLINES.get(child.spec.name, _END_DEADLINE))
            if not child.ended:
                self._listener.log(f"process {child.spec.name} does not end, killing it")
                with contextlib.suppress(ProcessLookupError):
                    child.process.kill()
                await child.process.wait()
            if child.readers:
                await asyncio.wait(child.readers, timeout=1.0)
                for reader in child.readers:
                    reader.cancel()
                child.readers.clear()
        shared_memory.remove_of(self._files)

    def _note_files(self) -> None:
        """Note which shared-memory files the processes use, to know them when they have gone."""
        for child in self._children:
            self._files |= shared_memory.mapped_by(child.process.pid)

    # ------------------------------------------------------------------ start

    async def _start(self, spec: ProcessSpec) -> _Child:
        command = [sys.executable, "-m", spec.module, *spec.arguments]
        command += ["--parent", str(os.getpid())]
        if spec.task:
            command.append("--pipe")
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(spec),
                start_new_session=True,
                limit=_LINE_LIMIT,
            )
        except OSError as error:
            raise SmartCellError(f"process {spec.name} can not be started: {error}") from None
        child = _Child(spec, process)
        assert process.stdout is not None
        assert process.stderr is not None
        on_output = self._on_report if spec.task else self._listener.log
        child.readers = [
            asyncio.ensure_future(_read(process.stdout, on_output)),
            asyncio.ensure_future(_read(process.stderr, lambda line: self._on_log(child, line))),
        ]
        return child

    def _environment(self, spec: ProcessSpec) -> dict[str, str]:
        result = {**spec.environment, **os.environ}
        environment.prepare(result)
        result["ROS_DOMAIN_ID"] = str(self._domain)
        return result

    # ------------------------------------------------------------------ what comes in

    def _on_signal(self) -> None:
        if not self._stop.done():
            self._stop.set_result(None)

    def _on_log(self, child: _Child, line: str) -> None:
        if " ERROR: " in line:
            child.last_error = line.split(" ERROR: ", 1)[1]
        self._listener.log(line)

    def _on_report(self, line: str) -> None:
        try:
            report = json.loads(line)
            kind, values = report[0], report[1:]
        except (ValueError, LookupError, TypeError):
            self._listener.log(line)
            return
        if kind == "event":
            self._time = max(self._time, values[0])
            self._listener.event(*values)
        elif kind == "time":
            self._time = max(self._time, values[0])
            self._listener.tick(values[0])
        elif kind == "up":
            self._note_files()
            self._listener.up()

    # ------------------------------------------------------------------ the end

    async def _outcome(self) -> Outcome:
        """Return how the run ended, after the other processes have noticed it if one has failed."""
        if self._stop.done():
            return Outcome(INTERRUPTED, "stopped by Ctrl-C")
        for child in self._children:
            if child.spec.task and child.process.returncode in (OK, NOT_AS_ORDERED, UNREADABLE):
                return Outcome(child.process.returncode)
        gone = [child for child in self._children if child.ended]
        outcome = _failure(gone)
        alive = [child for child in self._children if not child.ended]
        if alive and outcome.code != UNREADABLE:
            everyone = asyncio.ensure_future(_ended(alive))
            ends: set[asyncio.Future[Any]] = {everyone, self._stop}
            await asyncio.wait(ends, timeout=_NOTICE, return_when=asyncio.FIRST_COMPLETED)
            everyone.cancel()
        return outcome

    def _tell_failure(self, outcome: Outcome) -> None:
        """Put into the event log what the processes can no longer say."""
        if outcome.code == INTERRUPTED:
            self._listener.event(self._time, "stop", {"reason": outcome.reason})
        elif outcome.code == FAILED:
            fields = {"source": "supervisor", "code": "process_failed", "text": outcome.reason}
            self._listener.event(self._time, "fault", fields)

    async def _wait(self, child: _Child, deadline: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(child.process.wait(), deadline)


async def _ended(children: Sequence[_Child]) -> None:
    """Return when all of these processes have ended."""
    for child in children:
        await child.process.wait()


def _failure(gone: Sequence[_Child]) -> Outcome:
    """Return what to say of processes that have gone; of the killed ones first."""
    child = min(gone, key=lambda child: (child.process.returncode or 0) >= 0)
    code, name = child.process.returncode or 0, child.spec.name
    if code == UNREADABLE:
        return Outcome(UNREADABLE)
    if code < 0:
        with contextlib.suppress(ValueError):
            number = signal.Signals(-code).name
            return Outcome(FAILED, f"process {name} was killed by {number}; the cell is stopped")
        return Outcome(FAILED, f"process {name} was killed by signal {-code}; the cell is stopped")
    if child.last_error:
        return Outcome(FAILED, f"process {name} failed: {child.last_error}")
    return Outcome(FAILED, f"process {name} ended with code {code} before the run did")


async def _read(stream: asyncio.StreamReader, take: Callable[[str], None]) -> None:
    """Give each line of a stream to ``take``, to its end."""
    while line := await stream.readline():
        take(line.decode("utf-8", errors="replace").rstrip("\n"))


@contextlib.contextmanager
def _signals(callback: Callable[[], None]) -> Iterator[None]:
    """Call ``callback`` for SIGINT and SIGTERM while the context lasts."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, callback)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
