"""The deterministic body: twin and brain in one process, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Protocol

from smart_cell import __version__
from smart_cell.model.cell import Cell
from smart_cell.model.orders import Job
from smart_cell.model.ports import Clock, EventSink, World
from smart_cell.runtime.motion.service import MotionService
from smart_cell.runtime.orchestrator import Orchestrator, Outcome
from smart_cell.runtime.reach import Reach
from smart_cell.runtime.skills import Skills
from smart_cell.runtime.store import MemoryStore
from smart_cell.simulation.twin import Twin
from smart_cell.simulation.virtual_time import VirtualClock, VirtualTimeLoop
from smart_cell.vision.tracking import Tracker

#: Period of the conveyors' encoder readings [s].
ENCODER_PERIOD = 0.05
#: How long the arms may take to stop at the end [s].
STOP_DEADLINE = 5.0


class RunEvents(EventSink, Protocol):
    """An event sink that takes its times from the run's clock."""

    def attach(self, clock: Clock) -> object:
        """Take the time of events from ``clock`` from now on."""


class Body:
    """A cell in virtual time: its twin, its brain, and the loop that runs both.

    Attributes:
        twin: The simulated cell.
        world: The ports that the brain has.
        orchestrator: The brain.
    """

    def __init__(self, cell: Cell, job: Job, seed: int, events: RunEvents) -> None:
        """Assemble everything; nothing moves yet.

        Args:
            cell: The cell.
            job: What is to be done.
            seed: Seed of everything that is drawn.
            events: Gets all events; the clock is attached to it.
        """
        self._cell, self._seed, self._events = cell, seed, events
        self._built = False
        clock = VirtualClock(lambda: self.twin.time if self._built else 0.0)
        events.attach(clock)
        events.emit("run_started", cell=cell.name, body="simulate", seed=seed, version=__version__)
        delay = cell.description.latency.communication_s
        self.twin = twin = Twin(cell, job, seed, events, communication_s=delay)
        self._built = True
        self.world = World(
            clock=clock,
            events=events,
            arms=twin.arms,
            grippers=twin.grippers,
            conveyors=twin.conveyors,
            cameras=twin.cameras,
            transporters=twin.transporters,
            inspection=twin.inspection,
        )
        self._tracker = Tracker(cell, clock)
        motion = MotionService(cell, self.world, self._tracker)
        skills = Skills(cell, self.world, self._tracker, motion)
        self.orchestrator = Orchestrator(
            cell, job, self.world, self._tracker, skills, MemoryStore(), Reach(cell)
        )
        for camera in twin.cameras.values():
            camera.subscribe(self._tracker.on_detections)
        self._read_encoders()

    def _read_encoders(self) -> None:
        for name, conveyor in self.twin.conveyors.items():
            self._tracker.on_conveyor(name, conveyor.state())
        self.twin.physics.at(self.twin.time + ENCODER_PERIOD, self._read_encoders)

    async def _work(self) -> Outcome:
        """Let the brain work; however it ends, the arms stand afterwards."""
        try:
            return await self.orchestrator.run()
        finally:
            stopping = [asyncio.ensure_future(arm.stop()) for arm in self.twin.arms.values()]
            _, late = await asyncio.wait(stopping, timeout=STOP_DEADLINE)
            if late:
                moving = [name for name, arm in self.twin.arms.items() if arm.moving]
                text = f"did not stop within {STOP_DEADLINE:g} s: {', '.join(moving)}"
                self._events.emit("fault", source="simulation", code="arm_not_stopped", text=text)

    def run(self) -> Outcome:
        """Run until all orders have ended; return how.

        Raises:
            KeyboardInterrupt: Ctrl-C; the arms have been stopped along their paths before.
            SmartCellError: The run cannot go on.
        """
        loop = VirtualTimeLoop(self.twin)
        with _interrupts(loop, self.orchestrator) as interrupted:
            outcome = loop.run(self._work())
        self._events.emit("run_ended", ok=outcome.ok)
        if interrupted:
            raise KeyboardInterrupt
        return outcome


@contextlib.contextmanager
def _interrupts(loop: VirtualTimeLoop, orchestrator: Orchestrator) -> Iterator[list[int]]:
    """Let the first Ctrl-C end the run in order, and a second one at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    previous = signal.getsignal(signal.SIGINT)

    def on_signal(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            signal.signal(signal.SIGINT, previous)
            raise KeyboardInterrupt
        if not loop.is_closed():
            loop.call_soon_threadsafe(orchestrator.stop, "interrupted")

    signal.signal(signal.SIGINT, on_signal)
    try:
        yield received
    finally:
        signal.signal(signal.SIGINT, previous)


def simulate(
    cell: Cell, job: Job, seed: int, events: RunEvents, time_limit: float | None = None
) -> Outcome:
    """Work a job in simulation: the same cell, job and seed give the same events.

    Args:
        cell: The cell.
        job: What is to be done.
        seed: Seed of everything that is drawn.
        events: Gets all events; the clock is attached to it.
        time_limit: Cell time after which the run ends [s]; None = the job's own limit.

    Returns:
        How it ended.

    Raises:
        KeyboardInterrupt: Ctrl-C; the arms have been stopped along their paths before.
        SmartCellError: The run cannot go on.
    """
    if time_limit is not None:
        limits = [limit for limit in (job.time_limit_s, time_limit) if limit is not None]
        job = job.model_copy(update={"time_limit_s": min(limits)})
    return Body(cell, job, seed, events).run()
