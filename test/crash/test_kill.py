"""Each process of a cell is killed in mid-motion, and Ctrl-C: arms stand, nothing is left."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import JointState

from smart_cell.nodes import qos, shared_memory
from support.ros import bridge

pytestmark = pytest.mark.alone

#: Until an arm moves: bring-up, and the first part comes along the belt.
MOTION_DEADLINE = 60.0
MOVING = 0.25
STANDING = 0.01
START = "from smart_cell.cli.main import main; main()"
NAMES = ("simulation", "control", "cell")


class Run:
    """A running `smart-cell run`, and what its arms do."""

    def __init__(self, errors: Path) -> None:
        self._errors = errors
        with errors.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, "run", "--timeout", "100"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": "400"},
            )
        self.children: dict[str, int] = {}
        self.speed = 0.0

    def on_state(self, message: JointState) -> None:
        self.speed = float(np.abs(message.velocity).max())

    def text(self) -> str:
        return self._errors.read_text(encoding="utf-8", errors="replace")

    def find_children(self) -> None:
        pid = self.process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split():
            command = Path(f"/proc/{child}/cmdline").read_bytes().decode()
            for name in NAMES:
                if f"smart_cell.nodes.{name}_process" in command:
                    self.children[name] = int(child)

    def alive(self) -> list[str]:
        return [name for name, pid in self.children.items() if _is_alive(pid)]


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def _left_files() -> set[str]:
    """Return the middleware's files that no living process has mapped: those that were left."""
    found = {path.name for path in Path("/dev/shm").iterdir() if "fast" in path.name}
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                found -= _mapped(int(process.name))
    return found


@contextmanager
def running() -> Iterator[Run]:
    """Give a run, and end by pid what is left of it."""
    # What the test before has left by killing would count as this run's.
    shared_memory.remove_dead()
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "output")
        try:
            yield run
        finally:
            for pid in (run.process.pid, *run.children.values()):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            run.process.wait(5.0)


async def _in_motion(run: Run) -> None:
    """Return when all processes are there and an arm moves fast."""
    loop = asyncio.get_running_loop()
    end = loop.time() + MOTION_DEADLINE
    while run.speed < MOVING:
        assert run.process.poll() is None, run.text()
        assert loop.time() < end, f"no arm moves\n{run.text()}"
        await asyncio.sleep(0.005)
    run.find_children()
    assert set(run.children) == set(NAMES)


async def _exit(run: Run, deadline: float) -> float:
    """Return how long the run took to end."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    while run.process.poll() is None:
        assert loop.time() < begin + deadline, f"still runs after {deadline} s\n{run.text()}"
        await asyncio.sleep(0.01)
    return loop.time() - begin


async def _gone(run: Run, deadline: float) -> None:
    """Return when all children have ended."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    while run.alive():
        assert loop.time() < end, f"{run.alive()} still run after {deadline} s"
        await asyncio.sleep(0.01)


def _strike(
    run: Run,
    victim: str,
    number: signal.Signals,
    deadline: float,
    before: Callable[[], None] = lambda: None,
) -> None:
    """Send a signal to a process in mid-motion and wait for the end; ``before`` comes before it."""

    async def act() -> None:
        async with bridge("observer") as observer:
            observer.subscribe(JointState, "/joint_states", qos.STREAM, run.on_state)
            observer.start()
            await _in_motion(run)
            before()
            os.kill(run.children.get(victim, run.process.pid), number)
            await _exit(run, deadline)

    asyncio.run(act())


@pytest.mark.parametrize("victim", NAMES)
def test_a_killed_process_leaves_arms_moving_or_processes_running(victim: str) -> None:
    with running() as run:
        _strike(run, victim, signal.SIGKILL, 10.0)
        text = run.text()
        assert run.process.returncode == 3, text
        assert len(re.findall(f"process {victim} was killed by SIGKILL", text)) >= 1, text
        assert run.alive() == []
        if victim == "simulation":
            assert "[control] ERROR: simulation stopped: /clock" in text, text
            assert "[cell] ERROR: simulation stopped: /clock" in text, text
        else:
            assert run.speed < STANDING, f"last speed seen {run.speed}\n{text}"


def test_processes_outlive_a_killed_supervisor() -> None:
    with running() as run:
        _strike(run, "supervisor", signal.SIGKILL, 1.0)
        asyncio.run(_gone(run, 10.0))


def test_ctrl_c_leaves_processes_or_shared_memory() -> None:
    with running() as run:
        own: set[str] = set()

        def look() -> None:
            own.update(*(_mapped(pid) for pid in run.children.values()))

        _strike(run, "supervisor", signal.SIGINT, 5.0, look)
        assert run.process.returncode == 130, run.text()
        assert run.alive() == []
        assert run.speed < STANDING, f"last speed seen {run.speed}\n{run.text()}"
        text = run.text()
        assert "does not end" not in text, text
    assert own
    assert not own & _left_files(), text


def test_files_of_killed_processes_outlive_the_next_start() -> None:
    with running() as run:
        own: set[str] = set()

        def look() -> None:
            own.update(*(_mapped(pid) for pid in run.children.values()))

        _strike(run, "supervisor", signal.SIGKILL, 1.0, look)
        for pid in run.children.values():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        asyncio.run(_gone(run, 5.0))
    assert own & _left_files(), (
        "killed processes leave files; if they do not, this test says nothing"
    )

    async def removed() -> None:
        # The kernel lets go of a killed process' locks when its last thread has gone.
        loop = asyncio.get_running_loop()
        end = loop.time() + 5.0
        while own & _left_files():
            assert loop.time() < end, f"{own & _left_files()} are left"
            shared_memory.remove_dead()
            await asyncio.sleep(0.05)

    asyncio.run(removed())


def _mapped(pid: int) -> set[str]:
    """Return the names of the middleware's files that a process has mapped."""
    text = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    return set(re.findall(r"/dev/shm/(\S*fast\S*)", text))
