"""The motion service: plans and executes the motions of all arms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Array
from smart_cell.model.ports import JointTrajectory, MotionOutcome, TrackedPart, World
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.belt import BeltPick, BeltPlanner, BeltTarget
from smart_cell.runtime.motion.clearance import Clearance, at_positions
from smart_cell.runtime.motion.furniture import (
    Surroundings,
    all_travels,
    base_solids,
    fixed_solids,
    part_solid,
    transporter_solids,
)
from smart_cell.runtime.motion.moves import Around, Errand, Held, MovePlanner, Section, Trip
from smart_cell.runtime.motion.planning import InlinePlanning, Planning
from smart_cell.runtime.motion.segments import MotionRefusedError, Waypoints
from smart_cell.runtime.motion.solids import Solid
from smart_cell.runtime.motion.standing import resting_zones, zone_boxes
from smart_cell.runtime.motion.waiting import DeadlineError, before
from smart_cell.runtime.motion.zones import ZoneKeeper
from smart_cell.vision.tracking import Tracker

#: A motion begins only if every joint is this near to its beginning [rad, m].
START_TOLERANCE = 0.01
#: A motion may take this much longer than planned, relative and absolute [s].
LATE_SHARE, LATE = 0.1, 0.5
#: How long an arm may take to stop [s].
STOP_TIME = 5.0
#: How long an arm waits for its zones [s].
ZONE_PATIENCE = 60.0
#: Plans for one errand before giving up: the world changes while an arm waits for its way.
MOST_PLANS = 5

P = TypeVar("P", Trip, BeltPick)


class MotionFailedError(SmartCellError):
    """A motion did not end as it should."""


@dataclass
class ArmUnit:
    """One arm with everything that moves it.

    Attributes:
        model: Its kinematics.
        moves: Its planner.
        belts: Its planner for moving belts.
        held: What the gripper holds, as far as is known.
        commanded: Where the last motion ended; None if it did not end as planned.
    """

    model: ArmModel
    moves: MovePlanner
    belts: BeltPlanner
    held: Held | None = None
    commanded: Array | None = None


class MotionService:
    """Moves the arms of a cell so that they cannot collide. Used on one asyncio loop.

    Each arm is used by one coroutine at a time (a skill). Zones are taken for a whole round trip
    and given back when the arm stands at a ready pose outside them.
    """

    def __init__(
        self, cell: Cell, world: World, tracker: Tracker, planning: Planning | None = None
    ) -> None:
        """Read the cell.

        Args:
            cell: The cell.
            world: Its devices.
            tracker: What lies in the cell.
            planning: How planning is computed; None = in line, with the cell's constant latency.
        """
        self._cell = cell
        self._world = world
        self._tracker = tracker
        latency = cell.description.latency
        self._planning = planning or InlinePlanning(world.clock, latency.planning_s)
        #: How long before its start a motion must be asked for [s].
        self.lead = latency.planning_s + 2 * latency.communication_s + 0.05
        zones = zone_boxes(cell)
        models = {name: ArmModel(cell, name) for name in cell.description.arms}
        fixed = fixed_solids(cell)
        standing = {name: resting_zones(model, zones) for name, model in models.items()}
        self.zones = ZoneKeeper([z.name for z in zones], world.clock, world.events, standing)
        owners = {zone: name for name, names in standing.items() for zone in names}
        self._units: dict[str, ArmUnit] = {}
        for name, model in models.items():
            clearance = Clearance(model, (*fixed, *base_solids(models, name)))
            moves = MovePlanner(model, clearance, zones, owners)
            self._units[name] = ArmUnit(model, moves, BeltPlanner(moves))

    def unit(self, arm: str) -> ArmUnit:
        """Return an arm.

        Raises:
            SmartCellError: If there is no such arm.
        """
        if arm not in self._units:
            raise SmartCellError(f"there is no arm {arm!r}; there are: {', '.join(self._units)}")
        return self._units[arm]

    # ------------------------------------------------------------------ what is where

    def position(self, arm: str) -> Array:
        """Return where an arm stands: where its last motion ended, if it still is there."""
        unit = self.unit(arm)
        measured = self._world.arms[arm].joint_state().position
        if unit.commanded is not None:
            if float(np.max(np.abs(measured - unit.commanded))) < START_TOLERANCE:
                return unit.commanded
        return np.array(measured, dtype=float)

    def around(self) -> Around:
        """Return what stands and lies around now; what rides on a running belt does not lie."""
        travels, trays = {}, []
        for name, port in self._world.transporters.items():
            state = port.state()
            description = self._cell.description.transporters[name]
            home = description.stations[description.home].position_m
            travels[name] = all_travels(state.position, state.station, home)
            if state.tray_id is not None:
                trays.append(name)
        standing = transporter_solids(self._cell, Surroundings(travels, frozenset(trays)))
        lying = tuple(self.part_body(part) for part in self._tracker.parts() if not rides(part))
        return Around(standing, lying)

    def part_body(self, part: TrackedPart) -> Solid:
        """Return the body of a tracked part in the world, named as its part_id."""
        solid = part_solid(self._cell, part.type, part.pose.matrix())
        return Solid(part.part_id, solid.frame, solid.half, solid.disc, solid.ball)

    # ------------------------------------------------------------------ planning

    @asynccontextmanager
    async def trip(self, arm: str, errand: Callable[[], Errand]) -> AsyncIterator[Trip]:
        """Plan a trip, take its zones, and give them back at the end.

        Args:
            arm: Which arm; it stands at a ready pose.
            errand: What for; asked again after each waiting, since the world may have changed.

        Raises:
            MotionRefusedError: If no way is clear.
            ZonesBusyError: If the way was not free in time.
        """
        unit = self.unit(arm)

        def prepare() -> Callable[[], Trip]:
            start, wanted = self.position(arm), errand()
            return lambda: unit.moves.trip(start, wanted)

        try:
            yield await self._planned(arm, prepare)
        finally:
            self._leave_if_standing(arm)

    @asynccontextmanager
    async def belt_pick(
        self, arm: str, target: Callable[[], BeltTarget]
    ) -> AsyncIterator[BeltPick]:
        """Plan a pick from a running belt, take its zones, and give them back at the end.

        Args:
            arm: Which arm; it stands at a ready pose.
            target: The part, by the latest estimate.

        Raises:
            MotionRefusedError: If the part cannot be met.
            ZonesBusyError: If the way was not free in time.
        """
        unit = self.unit(arm)

        def prepare() -> Callable[[], BeltPick]:
            start, now = self.position(arm), self._world.clock.now() + self.lead
            wanted, around = target(), self.around()
            return lambda: unit.belts.plan(start, wanted, now, around)

        try:
            yield await self._planned(arm, prepare)
        finally:
            self._leave_if_standing(arm)

    async def _planned(self, arm: str, prepare: Callable[[], Callable[[], P]]) -> P:
        """Plan until a plan's zones are had without waiting: the world changes meanwhile."""
        deadline = self._world.clock.now() + ZONE_PATIENCE
        for _ in range(MOST_PLANS):
            found: P = await self._planning(prepare())
            if await self._enter(arm, found.zones, deadline):
                return found
        raise MotionRefusedError(f"{arm}: the ways kept changing while it waited for one")

    async def correct(self, arm: str, pick: BeltPick, target: BeltTarget, shift: Array) -> BeltPick:
        """Return the running pick, changed to meet its part elsewhere.

        The pick itself is returned if the planning took too long.

        Raises:
            MotionRefusedError: If that is not possible any more, or needs other zones.
        """
        unit, around = self.unit(arm), self.around()
        now = self._world.clock.now() + self.lead
        found: BeltPick = await self._planning(
            lambda: unit.belts.corrected(pick, target, shift, now, around)
        )
        if self._world.clock.now() >= now:
            return pick
        if not self.zones.holds(arm, found.zones):
            raise MotionRefusedError(f"{arm}: the corrected way needs other zones")
        return found

    async def _enter(self, arm: str, zones: Sequence[str], deadline: float) -> bool:
        """Have the zones; True if that took no time, so that the plan still holds."""
        if self.zones.holds(arm, zones):
            return True
        self.leave(arm)
        begin = self._world.clock.now()
        await self.zones.take(arm, zones, deadline)
        return self._world.clock.now() <= begin

    def leave(self, arm: str) -> None:
        """Give back the zones that the arm, standing still, is not in (any more)."""
        inside = self._inside(arm)
        self.zones.give_back(arm, [zone for zone in self.zones.held(arm) if zone not in inside])

    def _leave_if_standing(self, arm: str) -> None:
        """Give zones back after a trip; an arm that was stopped on its way keeps them all."""
        if self.unit(arm).commanded is not None:
            self.leave(arm)

    def _inside(self, arm: str) -> dict[str, float]:
        unit = self.unit(arm)
        held = unit.held.solid if unit.held is not None else None
        measured = self._world.arms[arm].joint_state().position
        return unit.moves.zones(at_positions(unit.model, np.array(measured)[None], held))

    # ------------------------------------------------------------------ moving

    async def run(self, arm: str, section: Section) -> None:
        """Execute a section; return when the arm stands at its end.

        Raises:
            MotionFailedError: If the arm is not at its beginning, or does not end at its end.
        """
        await self.execute(arm, section.waypoints)

    async def execute(self, arm: str, way: Waypoints, start: float | None = None) -> None:
        """Execute a motion that begins where the arm stands.

        Args:
            arm: Which arm.
            way: The motion.
            start: Cell time of its beginning [s]; None = now.

        Raises:
            MotionFailedError: If the arm is not at its beginning, or it does not end well.
        """
        self._check_start(arm, way)
        await self.follow(arm, way, start)

    async def follow(self, arm: str, way: Waypoints, start: float | None = None) -> bool:
        """Execute a motion, or let it replace the running one.

        Returns:
            True if it ended, False if another motion took its place.

        Raises:
            MotionFailedError: If it ended in another way.
        """
        unit, clock = self.unit(arm), self._world.clock
        begin = clock.now() if start is None else max(start, clock.now())
        deadline = begin + way.duration * (1.0 + LATE_SHARE) + LATE
        message: JointTrajectory = way.message(unit.model.joint_names, start)
        unit.commanded = None
        running = self._world.arms[arm].execute(message)
        try:
            result = await before(clock, deadline, running, f"motion of {arm}")
        except DeadlineError as error:
            raise MotionFailedError(f"{arm}: {error}") from None
        if result.outcome is MotionOutcome.PREEMPTED:
            return False
        if result.outcome is not MotionOutcome.DONE:
            raise MotionFailedError(
                f"{arm}: the motion was {result.outcome.value}: {result.message or 'no reason'}"
            )
        unit.commanded = way.end
        return True

    def _check_start(self, arm: str, way: Waypoints) -> None:
        measured = self._world.arms[arm].joint_state()
        off = np.abs(measured.position - way.start)
        joint = int(np.argmax(off))
        if float(off[joint]) > START_TOLERANCE:
            raise MotionFailedError(
                f"{arm}: {measured.names[joint]} stands at {measured.position[joint]:.4f}, the "
                f"motion begins at {way.start[joint]:.4f}: more than {START_TOLERANCE} apart"
            )

    async def make_ready(self, arm: str) -> None:
        """Bring an arm that stands somewhere to a ready pose, by the zones that it has.

        It never waits for a zone: it may hold some, and whoever holds must not wait.

        Raises:
            MotionRefusedError: If there is no clear way, or it needs zones that others have.
            MotionFailedError: If the motion fails.
        """
        unit = self.unit(arm)
        if unit.commanded is None:
            await self.halt(arm)
            unit.commanded = self.position(arm)
        if unit.moves.is_ready(self.position(arm)) and not self._inside(arm):
            self.leave(arm)
            return
        await self.go(arm, None)

    async def halt(self, arm: str) -> None:
        """Stop an arm along its path; return when it stands.

        Raises:
            MotionFailedError: If it does not.
        """
        clock = self._world.clock
        stopping = self._world.arms[arm].stop()
        try:
            await before(clock, clock.now() + STOP_TIME, stopping, f"stop of {arm}")
        except DeadlineError as error:
            raise MotionFailedError(f"{arm}: {error}") from None

    async def go(self, arm: str, name: str | None) -> None:
        """Go to a ready pose by name, to ``home``, or (None) to the nearest ready pose.

        Raises:
            MotionRefusedError: If there is no clear way, or it needs zones that others have.
            MotionFailedError: If the motion fails.
        """
        unit, start, around = self.unit(arm), self.position(arm), self.around()
        held = unit.held.solid if unit.held is not None else None
        section: Section = await self._planning(
            lambda: unit.moves.to_ready(start, name, held, around)
        )
        if not self.zones.holds(arm, section.zones):
            free = [zone for zone in section.zones if self.zones.holder(zone) is None]
            if self.zones.held(arm) or len(free) < len(section.zones):
                raise MotionRefusedError(
                    f"{arm}: the way to a ready pose leads through zones that others have: "
                    f"{', '.join(section.zones)}"
                )
            await self.zones.take(arm, section.zones, self._world.clock.now())
        try:
            await self.run(arm, section)
        finally:
            self._leave_if_standing(arm)

    async def leave_on_the_way(self, arm: str, section: Section, begin: float) -> None:
        """Give zones back while a section runs, as soon as the arm has left each.

        Args:
            arm: Which arm.
            section: What it executes, the last section of a trip.
            begin: Cell time at which that began [s].
        """
        for zone, time in sorted(section.zones.items(), key=lambda item: item[1]):
            await self._world.clock.sleep_until(begin + time + 0.1)
            if zone not in self._inside(arm):
                self.zones.give_back(arm, [zone])

    async def with_leaving(
        self, arm: str, section: Section, motion: Awaitable[object], begin: float | None = None
    ) -> None:
        """Await a motion and give zones back while it runs.

        Args:
            arm: Which arm.
            section: The last section of the motion.
            motion: Ends when the arm stands.
            begin: Cell time at which the section begins [s]; None = now.
        """
        start = self._world.clock.now() if begin is None else begin
        leaving = asyncio.ensure_future(self.leave_on_the_way(arm, section, start))
        try:
            await motion
        finally:
            leaving.cancel()
            await asyncio.wait((leaving,))


def rides(part: TrackedPart) -> bool:
    """Return whether a part lies on a running belt."""
    return part.location.startswith("conveyor:") and any(part.velocity)
