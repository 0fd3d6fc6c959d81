"""An asyncio loop in virtual time: when nothing is ready, time jumps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Never blocks: a wait moves the loop's time instead."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("deadlock: everything waits and no timer is set")
            self.loop.now += max(0.0, timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at time 0."""

    def __init__(self) -> None:
        self.now = 0.0
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now


class VirtualClock:
    """Cell time = the time of the running virtual loop."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep_until(self, time: float) -> None:
        await asyncio.sleep(max(0.0, time - self.now()))


def run_virtual(main: Coroutine[Any, Any, T], limit: float = 20_000.0) -> T:
    """Run a coroutine in virtual time; more than ``limit`` seconds of it are a failure."""
    loop = VirtualLoop()

    def hang(_: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        raise AssertionError(context)

    loop.set_exception_handler(hang)
    try:
        return loop.run_until_complete(asyncio.wait_for(main, limit))
    finally:
        left = [task for task in asyncio.all_tasks(loop) if not task.done()]
        loop.close()
        assert not left, f"tasks left behind: {left}"
