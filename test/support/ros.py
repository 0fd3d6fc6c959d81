"""What the tests of the ROS nodes share: bridges that close, a clock set by hand, deadlines."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from smart_cell.nodes.bridge import Bridge

DEADLINE = 20.0


@asynccontextmanager
async def bridge(name: str) -> AsyncIterator[Bridge]:
    """Give a bridge that is closed at the end."""
    result = Bridge(name)
    try:
        yield result
    finally:
        await result.close()
        del result
        gc.collect()  # the DDS participant goes with its last reference


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test's coroutine under a deadline."""
    asyncio.run(asyncio.wait_for(test(), DEADLINE))


async def until(condition: Callable[[], bool], what: str, deadline: float = 5.0) -> None:
    """Wait for a condition; fail the test if it does not come true in steady time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + deadline
    while not condition():
        assert loop.time() < end, f"{what} did not come true within {deadline} s"
        await asyncio.sleep(0.005)
