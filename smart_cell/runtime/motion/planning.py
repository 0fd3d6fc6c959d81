"""Where planning is computed: in line with a modelled latency, or in a worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from smart_cell.model.ports import Clock


class Planning(Protocol):
    """How a computation is done for a coroutine."""

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns, or raise what it raises."""


class InlinePlanning:
    """Computes at once and lets a constant cell time pass: the deterministic run."""

    def __init__(self, clock: Clock, latency: float) -> None:
        """Keep the latency [s] that each computation is said to take."""
        self._clock = clock
        self._latency = latency

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns after the latency; what it raises comes after it, too."""
        until = self._clock.now() + self._latency
        try:
            return work()
        finally:
            await self._clock.sleep_until(until)


class ThreadedPlanning:
    """Computes in a worker thread: the run in real time. The planner releases the GIL."""

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns."""
        return await asyncio.to_thread(work)
