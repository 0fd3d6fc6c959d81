"""An asyncio event loop in virtual time: where others wait, it steps the twin."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from smart_cell.model.errors import SmartCellError

T = TypeVar("T")

#: Longest cell time in which nothing but the world itself moves before the run counts as stuck [s].
STALL_LIMIT = 600.0


class StallError(SmartCellError):
    """Everything waits, and nothing will ever end the waiting."""


class World(Protocol):
    """What the loop steps."""

    @property
    def time(self) -> float:
        """Cell time [s]."""

    def step(self) -> None:
        """Advance by one time step; may make callbacks of the loop ready."""


class _Stepper:
    """Stands in for the loop's selector: instead of waiting for input it steps the world."""

    def __init__(self, loop: VirtualTimeLoop, world: World, stall_limit: float) -> None:
        self._loop, self._world, self._stall_limit = loop, world, stall_limit

    def select(self, timeout: float | None) -> list[Any]:
        """Step until ``timeout`` [s] has passed or something is ready; None = until it is."""
        world, loop = self._world, self._loop
        limit = world.time + (self._stall_limit if timeout is None else timeout)
        while not loop.anything_ready() and world.time < limit - loop.RESOLUTION:
            world.step()
        if timeout is None and not loop.anything_ready():
            raise StallError(
                f"nothing can go on at {world.time:.3f} s: no timer is set, and in "
                f"{self._stall_limit:g} s no device has answered; waiting: {loop.waiting()}"
            )
        return []


class VirtualTimeLoop(asyncio.BaseEventLoop):
    """An event loop whose time is cell time. It never blocks and is deterministic.

    When nothing is ready, the world is stepped to the next timer, or until a device's answer made
    something ready. There are no threads, sockets, signals or subprocesses on it.
    """

    #: Timers that are due within this of the present time are due now [s].
    RESOLUTION = 1e-9

    def __init__(self, world: World, stall_limit: float = STALL_LIMIT) -> None:
        """Make a loop that steps ``world``.

        Args:
            world: What is stepped; its owner is the loop from now on.
            stall_limit: Cell time without any timer and without any answer after which
                ``StallError`` is raised [s].
        """
        super().__init__()
        self._world = world
        self._clock_resolution = self.RESOLUTION
        self._selector = _Stepper(self, world, stall_limit)
        self._failure: BaseException | None = None

    def time(self) -> float:
        """Return the cell time [s]."""
        return self._world.time

    def anything_ready(self) -> bool:
        """Whether callbacks wait to be run."""
        return bool(self._ready)  # type: ignore[attr-defined]

    def waiting(self) -> str:
        """Return what the tasks of this loop are, for messages."""
        names = sorted(task.get_name() for task in asyncio.all_tasks(self))
        return ", ".join(names) or "no task"

    def _process_events(self, event_list: list[Any]) -> None:
        """Do nothing: there is no input."""

    def _write_to_self(self) -> None:
        """Do nothing: nobody waits in a selector."""

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, then end all other tasks, and close the loop.

        Raises:
            StallError: Nothing can go on any more.
            BaseException: What the coroutine raises.
        """
        try:
            return self.run_until_complete(main)
        finally:
            try:
                self._end_tasks()
                self.run_until_complete(self.shutdown_asyncgens())
            finally:
                self.close()

    def _end_tasks(self) -> None:
        tasks = sorted(asyncio.all_tasks(self), key=lambda task: task.get_name())
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))


class VirtualClock:
    """The Clock port on a loop in virtual time."""

    def __init__(self, time: Callable[[], float]) -> None:
        """Read the cell time from ``time``."""
        self._time = time

    def now(self) -> float:
        """Return the cell time [s]."""
        return self._time()

    async def sleep_until(self, time: float) -> None:
        """Return when cell time has reached ``time`` [s]; at once if it is past."""
        while (delay := time - self._time()) > 0.0:
            # A timer within the loop's resolution is due at once, and time would stand still.
            await asyncio.sleep(max(delay, 2.0 * VirtualTimeLoop.RESOLUTION))
