"""Space that several arms can reach, shared as named zones: one arm at a time, never a deadlock.

An arm asks for *all* zones of a round trip (ready pose, target, ready pose) in one request, before
it moves, while it holds none; the request is granted as a whole or waits as a whole. So no arm ever
waits while it holds something that another one waits for, and of Coffman's four conditions for a
deadlock (Coffman, Elphick, Shoshani 1971) "hold and wait" cannot occur. That also holds for zones
that are kept for ever by a dead arm: those who want them wait until their own deadline and are then
refused, and since they hold nothing while they wait, everyone else goes on.

Nobody starves: requests are served in the order of arrival, and a waiting request reserves its
zones against all later ones, so a request waits only for the holders and for finitely many earlier
requests. An arm that stands inside its zones (it was stopped on its way) keeps them and may move
inside them without asking; it may not ask for more before it has given them back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import Clock, EventSink
from smart_cell.runtime.motion.waiting import DeadlineError, before


class ZoneError(SmartCellError):
    """Zones were asked for or given back against the rules."""


class ZonesBusyError(SmartCellError):
    """The zones were not free before the deadline."""


@dataclass
class _Request:
    arm: str
    zones: tuple[str, ...]
    granted: asyncio.Event = field(default_factory=asyncio.Event)


class ZoneKeeper:
    """Who is in which zone. Owned by the motion service; used on one asyncio loop only."""

    def __init__(
        self,
        zones: Sequence[str],
        clock: Clock,
        events: EventSink,
        standing: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Start with all zones free, except those in which an arm stands at rest.

        Args:
            zones: Names of all zones; their order is the fixed order in which zones are taken.
            clock: Cell time.
            events: Where waiting is told.
            standing: Zones that an arm's resting place lies in, by arm: its own for ever.

        Raises:
            ZoneError: If two arms stand in one zone.
        """
        self._order = {name: rank for rank, name in enumerate(zones)}
        self._clock = clock
        self._events = events
        self._standing: dict[str, str] = {}
        for arm, names in (standing or {}).items():
            for zone in names:
                self._claim_for_standing(arm, zone)
        self._holder: dict[str, str] = {}
        self._queue: list[_Request] = []

    def _claim_for_standing(self, arm: str, zone: str) -> None:
        if zone not in self._order:
            raise ZoneError(f"unknown zone {zone!r}; known: {', '.join(self._order) or 'none'}")
        owner = self._standing.setdefault(zone, arm)
        if owner != arm:
            raise ZoneError(f"{owner} and {arm} both have their resting place in zone {zone!r}")

    def holder(self, zone: str) -> str | None:
        """Return the arm that has a zone now, or None."""
        return self._standing.get(zone) or self._holder.get(zone)

    def held(self, arm: str) -> tuple[str, ...]:
        """Return the zones that an arm has taken, in the fixed order, its resting place aside."""
        return tuple(zone for zone in self._order if self._holder.get(zone) == arm)

    def holds(self, arm: str, zones: Iterable[str]) -> bool:
        """Return whether an arm may enter all of ``zones`` now."""
        return all(self.holder(zone) == arm for zone in zones)

    async def take(self, arm: str, zones: Iterable[str], deadline: float) -> None:
        """Take all of ``zones`` at once; wait until they are free.

        Args:
            arm: Who asks. It must hold no zone, its resting place aside.
            zones: What it needs.
            deadline: Cell time [s] until which it waits.

        Raises:
            ZoneError: If a zone is unknown or the arm already holds or waits for some.
            ZonesBusyError: If the zones are not free before the deadline; the arm then holds none.
        """
        wanted = self._wanted(arm, zones)
        if not wanted:
            return
        request = _Request(arm, wanted)
        self._queue.append(request)
        self._serve()
        if request.granted.is_set():
            return
        self._events.emit("arm_waiting", arm=arm, **{"for": self._reason(wanted)})
        try:
            await before(self._clock, deadline, request.granted.wait(), f"zones for {arm}")
        except DeadlineError:
            reason = self._reason(wanted)
            self._withdraw(request)
            raise ZonesBusyError(f"{arm} got no free way before the deadline: {reason}") from None
        except asyncio.CancelledError:
            self._withdraw(request)
            raise
        finally:
            self._events.emit("arm_waiting_ended", arm=arm)

    def give_back(self, arm: str, zones: Iterable[str] | None = None) -> None:
        """Give back ``zones`` (None: all) that an arm has taken and left; others are ignored."""
        leaving = set(self.held(arm) if zones is None else zones)
        for zone in self.held(arm):
            if zone in leaving:
                del self._holder[zone]
        self._serve()

    def _wanted(self, arm: str, zones: Iterable[str]) -> tuple[str, ...]:
        asked = list(zones)
        unknown = [zone for zone in asked if zone not in self._order]
        if unknown:
            raise ZoneError(f"unknown zone {unknown[0]!r}; known: {', '.join(self._order)}")
        if self.held(arm) or any(request.arm == arm for request in self._queue):
            raise ZoneError(f"{arm} asks for zones while it holds or waits for others")
        asked.sort(key=self._order.__getitem__)
        return tuple(dict.fromkeys(zone for zone in asked if self._standing.get(zone) != arm))

    def _serve(self) -> None:
        reserved: set[str] = set()
        waiting: list[_Request] = []
        for request in self._queue:
            free = all(self.holder(zone) is None and zone not in reserved for zone in request.zones)
            if free:
                for zone in request.zones:
                    self._holder[zone] = request.arm
                request.granted.set()
            else:
                reserved.update(request.zones)
                waiting.append(request)
        self._queue = waiting

    def _withdraw(self, request: _Request) -> None:
        if request.granted.is_set():
            self.give_back(request.arm, request.zones)
        else:
            self._queue.remove(request)
            self._serve()

    def _reason(self, zones: Sequence[str]) -> str:
        told = [
            f"zone {zone} ({self.holder(zone) or 'asked for earlier by another arm'})"
            for zone in zones
            if self.holder(zone) is not None
            or any(zone in request.zones for request in self._queue)
        ]
        return ", ".join(told)
