"""Cell time in processes without a simulation: one subscription of ``/clock`` per process."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable
from typing import TypeVar

from rosgraph_msgs.msg import Clock as ClockMessage

from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge, Fault
from smart_cell.nodes.conversions import seconds

T = TypeVar("T")

#: Steady time for which ``/clock`` may stand still before it is a fault [s].
STANDSTILL = 1.0


class CellTime:
    """A Clock port that is set from outside, which wakes who waits. Loop thread only."""

    def __init__(self) -> None:
        """Stand at 0."""
        self._now = 0.0
        self._waiters: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        """Return the cell time [s]."""
        return self._now

    def set(self, time: float) -> None:
        """Move to ``time`` [s] and wake those who waited for it."""
        self._now = time
        while self._waiters and self._waiters[0][0] <= time + 1e-9:
            future = heapq.heappop(self._waiters)[2]
            if not future.done():
                future.set_result(None)

    async def sleep_until(self, time: float) -> None:
        """Return when cell time has reached ``time`` [s]; at once if it is past."""
        if time <= self._now:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (time, next(self._numbers), future))
        await future


class RosClock(CellTime):
    """Cell time as ``/clock`` tells it.

    Standing still for more than a second of steady time after it has begun is the fault "simulation
    stopped"; a jump back is one too. Before the first message nothing is watched: bring-up has its
    own deadline.
    """

    def __init__(self, bridge: Bridge) -> None:
        """Subscribe; the watch begins with the first message."""
        super().__init__()
        self._bridge = bridge
        self._last_change: float | None = None
        self._begun: asyncio.Future[None] = bridge.loop.create_future()
        bridge.subscribe(ClockMessage, "/clock", qos.CLOCK, self._on_clock)

    async def begin(self, deadline: float) -> bool:
        """Wait until cell time runs; False if it does not in ``deadline`` [s] of steady time."""
        try:
            await asyncio.wait_for(asyncio.shield(self._begun), deadline)
        except asyncio.TimeoutError:
            return False
        return True

    def _on_clock(self, message: ClockMessage) -> None:
        time = seconds(message.clock)
        if time < self.now():
            text = f"cell time jumped back from {self.now():.3f} s to {time:.3f} s"
            self._bridge.fail(Fault("simulation", "clock_jump", text))
            return
        if self._last_change is None:
            self._bridge.spawn(self._watch(), "the watch over /clock")
            self._begun.set_result(None)
        if time > self.now() or self._last_change is None:
            self._last_change = self._bridge.loop.time()
        self.set(time)

    async def _watch(self) -> None:
        assert self._last_change is not None
        while True:
            silent = self._bridge.loop.time() - self._last_change
            if silent > STANDSTILL:
                break
            await asyncio.sleep(STANDSTILL - silent + 0.01)
        text = f"simulation stopped: /clock has stood at {self.now():.2f} s for {silent:.1f} s"
        self._bridge.fail(Fault("simulation", "simulation_stopped", text))


async def by_cell_time(clock: CellTime, work: Awaitable[T], deadline: float) -> T:
    """Return what ``work`` returns, if it does before cell time ``deadline`` [s].

    Raises:
        asyncio.TimeoutError: It does not; ``work`` has been cancelled.
    """
    task = asyncio.ensure_future(work)
    alarm = asyncio.ensure_future(clock.sleep_until(deadline))
    try:
        await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise asyncio.TimeoutError(f"not done by cell time {deadline:.3f} s")
    finally:
        alarm.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
