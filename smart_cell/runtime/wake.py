"""A bell that wakes one waiting coroutine, with a deadline."""

from __future__ import annotations

import asyncio

from smart_cell.model.ports import Clock


class Bell:
    """Remembers that it was rung until somebody has waited for it. Used on one asyncio loop."""

    def __init__(self, clock: Clock) -> None:
        """``clock`` gives the deadlines."""
        self._clock = clock
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Wake who waits, or who waits next."""
        self._event.set()

    async def wait(self, deadline: float) -> None:
        """Return when the bell is rung, at the latest at cell time ``deadline`` [s]."""
        rung = asyncio.ensure_future(self._event.wait())
        timer = asyncio.ensure_future(self._clock.sleep_until(deadline))
        try:
            await asyncio.wait((rung, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (rung, timer):
                task.cancel()
            await asyncio.gather(rung, timer, return_exceptions=True)
        self._event.clear()
