"""Cell time: waiters, the watch over ``/clock``, deadlines in cell time."""

from __future__ import annotations

import asyncio

import pytest
from rosgraph_msgs.msg import Clock

from smart_cell.nodes import clock as clock_module
from smart_cell.nodes import qos
from smart_cell.nodes.clock import CellTime, RosClock, by_cell_time
from smart_cell.nodes.conversions import stamp
from support.ros import bridge, run, until


def test_waiters_wake_early_late_or_out_of_order() -> None:
    async def test() -> None:
        clock, woken = CellTime(), list[float]()

        async def wait(time: float) -> None:
            await clock.sleep_until(time)
            woken.append(time)

        tasks = [asyncio.ensure_future(wait(time)) for time in (0.3, 0.1, 0.2, -1.0)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == [-1.0]
        for now, expected in (
            (0.05, [-1.0]),
            (0.2, [-1.0, 0.1, 0.2]),
            (9.0, [-1.0, 0.1, 0.2, 0.3]),
        ):
            clock.set(now)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert woken == expected
        await asyncio.gather(*tasks)

    run(test)


def test_work_goes_on_after_its_deadline_in_cell_time() -> None:
    async def test() -> None:
        clock = CellTime()
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        work = asyncio.ensure_future(by_cell_time(clock, never, 1.0))
        await asyncio.sleep(0)
        clock.set(1.0)
        with pytest.raises(asyncio.TimeoutError, match=r"cell time 1\.000 s"):
            await work
        assert never.cancelled()
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        done.set_result(5)
        assert await by_cell_time(clock, done, 2.0) == 5

    run(test)


def test_a_clock_that_stands_still_is_a_hang_and_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "STANDSTILL", 0.3)

    async def test() -> None:
        async with bridge("one") as one:
            clock = RosClock(one)
            source = one.publisher(one.node("source"), Clock, "/clock", qos.CLOCK_SOURCE)
            one.start()
            assert not await clock.begin(0.05)
            for tick in range(1, 60):
                source.publish(Clock(clock=stamp(tick * 0.01)))
                await asyncio.sleep(0.01)
            assert await clock.begin(1.0)
            assert not one.failed.done()
            await until(lambda: clock.now() >= 0.5, "cell time")
            fault = await asyncio.wait_for(asyncio.shield(one.failed), 2.0)
            assert (fault.source, fault.code) == ("simulation", "simulation_stopped")

    run(test)


def test_a_jump_back_of_cell_time_is_followed() -> None:
    async def test() -> None:
        async with bridge("one") as one:
            clock = RosClock(one)
            source = one.publisher(one.node("source"), Clock, "/clock", qos.CLOCK_SOURCE)
            one.start()
            loop = asyncio.get_running_loop()
            end = loop.time() + 5.0
            while clock.now() < 10.0 and loop.time() < end:
                source.publish(Clock(clock=stamp(10.0)))
                await asyncio.sleep(0.01)
            source.publish(Clock(clock=stamp(9.0)))
            fault = await asyncio.wait_for(asyncio.shield(one.failed), 2.0)
            assert fault.code == "clock_jump"
            assert clock.now() == 10.0

    run(test)
