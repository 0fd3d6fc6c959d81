"""Results that a device gives later, to whichever asyncio loop waits for them."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def complete(future: asyncio.Future[T], value: T) -> None:
    """Set a future's result, from the loop's own thread or from another one."""
    loop = future.get_loop()
    try:
        here = asyncio.get_running_loop()
    except RuntimeError:
        here = None
    if here is loop:
        _settle(future, value)
    elif not loop.is_closed():
        loop.call_soon_threadsafe(_settle, future, value)
