"""Waiting with a deadline in cell time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import Clock

T = TypeVar("T")


class DeadlineError(SmartCellError):
    """Something did not happen in time."""


async def before(clock: Clock, deadline: float, awaitable: Awaitable[T], what: str) -> T:
    """Return the awaitable's result, if it comes before a deadline.

    Args:
        clock: Cell time.
        deadline: Cell time [s] after which the awaitable is cancelled.
        awaitable: What to wait for; also cancelled if the caller is.
        what: What is waited for, for the message.

    Raises:
        DeadlineError: If the deadline passes first.
    """
    task = asyncio.ensure_future(awaitable)
    timer = asyncio.ensure_future(clock.sleep_until(deadline))
    try:
        await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled() and task.exception() is None:
            return task.result()  # it ended in the very moment of the deadline
        raise DeadlineError(f"{what} did not end before {deadline:.3f} s of cell time")
    finally:
        for pending in (task, timer):
            if not pending.done():
                pending.cancel()
                await asyncio.wait((pending,))
