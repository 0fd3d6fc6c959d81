"""The loop in virtual time: exact, never blocking, deterministic, and never stuck silently."""

from __future__ import annotations

import asyncio
import time

import pytest

from smart_cell.simulation.completion import complete
from smart_cell.simulation.virtual_time import StallError, VirtualClock, VirtualTimeLoop


class World:
    """Counts steps of 2 ms, and calls back at one of them."""

    def __init__(self) -> None:
        self.steps = 0
        self.callbacks: dict[int, object] = {}

    @property
    def time(self) -> float:
        return self.steps * 0.002

    def step(self) -> None:
        self.steps += 1
        callback = self.callbacks.get(self.steps)
        if callable(callback):
            callback()


def _run(main: object, world: World, **options: float) -> object:
    return VirtualTimeLoop(world, **options).run(main)  # type: ignore[arg-type]


def test_an_hour_passes_without_waiting() -> None:
    world = World()
    clock = VirtualClock(lambda: world.time)

    async def main() -> float:
        await clock.sleep_until(3600.0)
        return clock.now()

    begin = time.monotonic()
    assert _run(main(), world) == pytest.approx(3600.0)
    assert time.monotonic() - begin < 60.0


def test_timers_fire_in_order_at_their_step() -> None:
    world = World()
    told: list[tuple[str, float]] = []

    async def sleeper(name: str, until: float) -> None:
        await VirtualClock(lambda: world.time).sleep_until(until)
        told.append((name, world.time))

    async def main() -> None:
        await asyncio.gather(sleeper("c", 0.5), sleeper("a", 0.1), sleeper("b", 0.1 + 1e-4))

    _run(main(), world)
    assert [name for name, _ in told] == ["a", "b", "c"]
    assert [at for _, at in told] == pytest.approx([0.1, 0.102, 0.5])


def test_sleep_never_ends_early_not_even_by_a_rounding_error() -> None:
    world = World()
    clock = VirtualClock(lambda: world.time)

    async def main() -> None:
        for step in (1, 7, 150, 151, 1000):
            until = step * 0.002 + 1e-12
            while clock.now() < until:  # spins for ever if time stands still
                await clock.sleep_until(until)
            assert world.steps == step + 1

    _run(main(), world)


def test_time_that_is_past_does_not_wait() -> None:
    world = World()

    async def main() -> int:
        await VirtualClock(lambda: world.time).sleep_until(-1.0)
        return world.steps

    assert _run(main(), world) == 0


def test_sleep_never_returns_before_its_time_by_rounding() -> None:
    world = World()
    clock = VirtualClock(lambda: world.time)

    async def main() -> None:
        for _ in range(10):
            until = clock.now() + 1e-10
            await clock.sleep_until(until)
            assert clock.now() >= until

    _run(main(), world)
    assert world.steps == 10


def test_device_answer_wakes_its_waiter_at_once() -> None:
    world = World()

    async def main() -> tuple[str, float]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        world.callbacks[250] = lambda: complete(future, "there")
        return await asyncio.wait_for(future, 10.0), world.time

    assert _run(main(), world) == ("there", pytest.approx(0.5))


def test_wait_for_times_out_in_cell_time() -> None:
    world = World()

    async def main() -> float:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.get_running_loop().create_future(), 5.0)
        return world.time

    assert _run(main(), world) == pytest.approx(5.0)


def test_waiting_for_nothing_is_an_error_that_names_the_task() -> None:
    world = World()

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.set_name("the sleeper")
        await asyncio.get_running_loop().create_future()

    with pytest.raises(StallError, match="the sleeper"):
        _run(main(), world, stall_limit=2.0)
    assert world.time == pytest.approx(2.0)


def test_tasks_left_behind_are_cancelled_and_finish() -> None:
    world = World()
    told: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(0.1)
            told.append("tidied")

    async def main() -> None:
        told.append("begun")
        main.task = asyncio.ensure_future(tidy())  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)

    _run(main(), world)
    assert told == ["begun", "tidied"]


def test_error_of_the_main_coroutine_comes_out() -> None:
    async def main() -> None:
        await asyncio.sleep(1.0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        _run(main(), World())


def test_complete_reaches_a_loop_from_outside() -> None:
    world = World()
    loop = VirtualTimeLoop(world)
    future: asyncio.Future[int] = loop.create_future()
    complete(future, 7)
    complete(future, 8)

    async def main() -> int:
        return await future

    assert loop.run(main()) == 7
