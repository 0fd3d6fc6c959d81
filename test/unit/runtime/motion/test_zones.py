"""Zones: exclusive, all at once, fair, without deadlock, by random schedules too."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.runtime.motion.zones import ZoneError, ZoneKeeper, ZonesBusyError
from support.virtual_loop import VirtualClock, run_virtual

ZONES = ("a", "b", "c", "d")


class Log:
    def __init__(self) -> None:
        self.kinds: list[tuple[str, str]] = []

    def emit(self, kind: str, **fields: Any) -> None:
        self.kinds.append((kind, fields["arm"]))


def keeper(standing: dict[str, tuple[str, ...]] | None = None) -> tuple[ZoneKeeper, Log]:
    log = Log()
    return ZoneKeeper(ZONES, VirtualClock(), log, standing), log


Job = tuple[int, tuple[str, ...], int, int]
jobs = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.lists(st.sampled_from(ZONES), min_size=1, max_size=4, unique=True).map(tuple),
        st.integers(0, 30),
        st.integers(1, 20),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=120, deadline=None)
@given(schedule=jobs, dead=st.sets(st.integers(0, 3), max_size=1))
def test_random_schedules_end_without_two_arms_in_one_zone(
    schedule: list[Job], dead: set[int]
) -> None:
    """Every trip ends: with its zones, or refused because a dead arm keeps one of them."""
    inside: dict[str, str] = {}
    refused: list[str] = []
    done: list[str] = []

    async def arm(zones: ZoneKeeper, number: int) -> None:
        name = f"arm{number}"
        for _, wanted, pause, work in [job for job in schedule if job[0] == number]:
            await asyncio.sleep(pause)
            try:
                await zones.take(name, wanted, VirtualClock().now() + 5000.0)
            except ZonesBusyError:
                refused.append(name)
                continue
            for zone in wanted:
                assert zone not in inside
                inside[zone] = name
            await asyncio.sleep(work)
            if number in dead:
                return  # it stands there for ever
            for zone in wanted:
                del inside[zone]
            zones.give_back(name)
            done.append(name)

    async def main() -> None:
        zones, _ = keeper()
        await asyncio.gather(*(arm(zones, number) for number in range(4)))
        if not dead:
            assert not refused
            assert len(done) == len(schedule)
            assert all(zones.holder(zone) is None for zone in ZONES)

    run_virtual(main(), limit=1_000_000.0)


def test_requests_are_served_in_order_and_reserve_their_zones() -> None:
    order: list[str] = []

    async def trip(zones: ZoneKeeper, name: str, wanted: str, at: float) -> None:
        await asyncio.sleep(at)
        await zones.take(name, wanted, 1000.0)
        order.append(name)
        await asyncio.sleep(10.0)
        zones.give_back(name)

    async def main() -> None:
        zones, _ = keeper()
        trips = [("x", "ab", 0.0), ("y", "bc", 1.0), ("z", "c", 2.0), ("w", "d", 3.0)]
        await asyncio.gather(*(trip(zones, *each) for each in trips))

    run_virtual(main())
    # z could have had c at once, but then y, who came first, would wait for it.
    assert order == ["x", "w", "y", "z"]


def test_waiting_ends_at_the_deadline_and_names_who_is_in_the_way() -> None:
    async def main() -> None:
        zones, log = keeper()
        await zones.take("x", "ab", 1.0)
        with pytest.raises(ZonesBusyError, match=r"zone b \(x\)"):
            await zones.take("y", "bc", 5.0)
        assert VirtualClock().now() == pytest.approx(5.0)
        assert zones.held("y") == ()
        assert log.kinds == [("arm_waiting", "y"), ("arm_waiting_ended", "y")]
        await zones.take("z", "c", 6.0)  # what y had reserved is free again
        assert zones.held("z") == ("c",)

    run_virtual(main())


def test_cancelled_request_leaves_nothing_behind() -> None:
    async def main() -> None:
        zones, _ = keeper()
        await zones.take("x", "a", 1.0)
        waiting = asyncio.ensure_future(zones.take("y", "ab", 100.0))
        await asyncio.sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await zones.take("z", "b", 2.0)
        assert zones.holder("b") == "z"

    run_virtual(main())


def test_nothing_may_be_asked_for_while_something_is_held() -> None:
    async def main() -> None:
        zones, _ = keeper()
        await zones.take("x", "a", 1.0)
        with pytest.raises(ZoneError, match="while it holds"):
            await zones.take("x", "b", 1.0)
        with pytest.raises(ZoneError, match="unknown zone 'q'"):
            await zones.take("y", "q", 1.0)

    run_virtual(main())


def test_resting_place_is_an_arms_own_for_ever() -> None:
    async def main() -> None:
        zones, _ = keeper({"x": ("d",)})
        await zones.take("x", "ad", 1.0)
        assert zones.held("x") == ("a",)
        zones.give_back("x")
        assert zones.holder("d") == "x"
        with pytest.raises(ZonesBusyError, match=r"zone d \(x\)"):
            await zones.take("y", "d", 2.0)

    run_virtual(main())
    with pytest.raises(ZoneError, match="both have their resting place"):
        keeper({"x": ("d",), "y": ("d",)})


def test_zones_are_given_back_one_by_one() -> None:
    async def main() -> None:
        zones, _ = keeper()
        await zones.take("x", np.array(["c", "a"]).tolist(), 1.0)
        assert zones.held("x") == ("a", "c")
        zones.give_back("x", ["c", "b"])
        assert zones.held("x") == ("a",)
        assert zones.holds("x", ["a"])
        assert not zones.holds("x", ["c"])

    run_virtual(main())
