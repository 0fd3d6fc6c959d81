"""Skills ``place`` and ``discard``: put the held part into a slot, or away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from smart_cell.model.geometry import Array, Pose, least_distance
from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.runtime.motion.furniture import resting_on
from smart_cell.runtime.motion.moves import Errand, Held
from smart_cell.runtime.motion.segments import MotionRefusedError
from smart_cell.runtime.skills.base import (
    RELEASE_TIME,
    Skill,
    SkillContext,
    SkillEnd,
    as_pose,
    grasp_yaws,
    raised,
    straight_down,
)
from smart_cell.vision.tracking import UnknownPartError

#: How long a camera may take to see a placed part [s], and how far off it may lie [m].
SEEN_TIME, SEEN_WITHIN = 2.0, 0.02
#: How often the tracker is looked at meanwhile [s].
LOOK_PERIOD = 0.05
#: Distance between the places at which a part can be laid back onto a belt [m].
BELT_STEP = 0.1
#: A place in a bin is free if no part is seen nearer than this share of the slots' spacing.
BIN_ROOM = 0.75
#: Free places in bins that are planned at once, and in all.
BIN_PLACES, MOST_BIN_PLACES = 6, 24


@dataclass(frozen=True)
class _Place:
    """Where a thing may be put: its location then, as in TrackedPart, and its frame, (4, 4)."""

    location: str
    pose: Array


class Place(Skill):
    """Puts the held part onto slot ``slot`` of the tray on ``transporter``."""

    name = "place"
    parameters: ClassVar[Mapping[str, type]] = {"transporter": str, "slot": str}

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        context = self.context
        name, slot = str(parameters["transporter"]), str(parameters["slot"])
        held = context.holding(arm, "part")
        await context.motion.make_ready(arm)
        location = f"tray:{name}"
        async with context.motion.trip(arm, lambda: self._errand(arm, held, name, slot)) as trip:
            await context.motion.run(arm, trip.approach)
            pose = await release(context, arm, held, location)
            context.world.events.emit(
                "part_placed",
                arm=arm,
                part_id=held.name,
                type=held.type,
                color=held.color,
                transporter=name,
                slot=slot,
            )
            released_at = context.now()
            retreat = context.motion.run(arm, trip.retreat)
            await context.motion.with_leaving(arm, trip.retreat, retreat)
        if not await self._seen(held, pose, released_at):
            text = f"no camera sees part {held.name} in slot {slot} of {name}"
            return SkillResult(SkillOutcome.LOST, text)
        data = {"part_id": held.name, "transporter": name, "slot": slot}
        return SkillResult(SkillOutcome.DONE, data=data)

    def _errand(self, arm: str, held: Held, name: str, slot: str) -> Errand:
        context = self.context
        state = context.transporter(name)
        if state.tray_id is None:
            raise SkillEnd(SkillOutcome.BLOCKED, f"there is no tray on {name}")
        in_seat = context.cell.pose(name).inverse() @ context.cell.slot_pose(name, slot)
        wanted = context.seat(name) @ in_seat.matrix() @ standing(context, held)
        wanted = raised(wanted, context.tool(arm).drop_m)
        contact = straight_down(wanted @ np.linalg.inv(held.grasp))
        touch = resting_on(f"tray:{name}")
        return Errand((contact,), held.solid, (None,), context.motion.around(), touch)

    async def _seen(self, held: Held, pose: Pose, since: float) -> bool:
        """Wait until a camera has seen the part where it was put; True if none looks there."""
        context = self.context
        if not context.tracker.is_in_view(pose):
            return True
        deadline = context.now() + SEEN_TIME
        while True:
            try:
                part = context.tracker.part(held.name)
            except UnknownPartError:
                return False
            off = np.subtract(part.pose.xyz[:2], pose.xyz[:2])
            if part.last_seen > since:
                return bool(np.linalg.norm(off) <= SEEN_WITHIN)
            if context.now() >= deadline:
                return False
            await context.world.clock.sleep_until(context.now() + LOOK_PERIOD)


class Discard(Skill):
    """Puts the held part or tray away, out of the way of others.

    It goes back to where it came from, or back onto its belt. A part that was on a transporter's
    tray is not wanted there: it goes to a free place of a bin, else onto a belt, and only if there
    is no such place back onto the tray.
    """

    name = "discard"

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        context = self.context
        unit = context.unit(arm)
        held = context.holding(arm, unit.held.kind if unit.held is not None else "part")
        await context.motion.make_ready(arm)
        refusal: MotionRefusedError | None = None
        for places in self._choices(held):
            try:
                location = await self._put(arm, held, places)
            except MotionRefusedError as error:
                refusal = refusal or error
                continue
            return SkillResult(SkillOutcome.DONE, data={"name": held.name, "to": location})
        assert refusal is not None
        raise refusal

    async def _put(self, arm: str, held: Held, places: Sequence[_Place]) -> str:
        """Put the held thing to one of some places; return its location then."""
        context = self.context
        async with context.motion.trip(arm, lambda: self._errand(arm, held, places)) as trip:
            await context.motion.run(arm, trip.approach)
            at = (trip.contact @ held.grasp)[:3, 3]
            nearest = min(places, key=lambda place: float(np.linalg.norm(place.pose[:3, 3] - at)))
            await release(context, arm, held, nearest.location)
            retreat = context.motion.run(arm, trip.retreat)
            await context.motion.with_leaving(arm, trip.retreat, retreat)
        return nearest.location

    def _errand(self, arm: str, held: Held, places: Sequence[_Place]) -> Errand:
        context = self.context
        drop = context.tool(arm).drop_m
        back = np.linalg.inv(held.grasp)
        contacts = [straight_down(raised(place.pose, drop) @ back) for place in places]
        if held.kind == "part":
            contacts = [turned for contact in contacts for turned in grasp_yaws(contact)]
        touch = {name: None for place in places for name in resting_on(place.location)}
        around = context.motion.around()
        return Errand(tuple(contacts), held.solid, (None,) * len(contacts), around, tuple(touch))

    # ------------------------------------------------------------------ where to

    def _choices(self, held: Held) -> Iterator[list[_Place]]:
        """Yield groups of places, the best group first; there is at least one."""
        location, origin = held.origin
        kind, _, name = location.partition(":")
        if kind == "conveyor":
            yield self._on_belt(name, origin)
            return
        if kind == "tray":
            free = self._free_in_bins(held, origin)
            for first in range(0, min(len(free), MOST_BIN_PLACES), BIN_PLACES):
                yield free[first : first + BIN_PLACES]
            for belt in self.context.cell.description.conveyors:
                frame = self.context.cell.pose(belt).matrix()
                yield self._on_belt(belt, frame @ standing(self.context, held))
        yield [_Place(location, origin)]

    def _free_in_bins(self, held: Held, near: Array) -> list[_Place]:
        """Places for a part in bins where none is seen, the nearest first."""
        cell, parts = self.context.cell, self.context.tracker.parts()
        found = []
        for name, item in cell.description.bins.items():
            slots = cell.description.bin_types[item.type].slots
            room = least_distance(slots.values(), alone=0.2) * BIN_ROOM
            location = f"bin:{name}"
            lying = [part.pose.xyz[:2] for part in parts if part.location == location]
            for slot in slots:
                pose = cell.slot_pose(name, slot)
                if all(np.linalg.norm(np.subtract(pose.xyz[:2], at)) > room for at in lying):
                    found.append(_Place(location, pose.matrix() @ standing(self.context, held)))
        return sorted(found, key=lambda place: float(np.linalg.norm((place.pose - near)[:3, 3])))

    def _on_belt(self, conveyor: str, origin: Array) -> list[_Place]:
        """Places on a belt, from its end, in the part's lateral position and height."""
        belt = self.context.cell.description.conveyors[conveyor]
        frame = self.context.cell.pose(conveyor).matrix()
        local = np.linalg.inv(frame) @ origin
        count = int((belt.pick_to_x_m - belt.pick_from_x_m) / BELT_STEP)
        places = []
        for step in range(count + 1):
            pose = local.copy()
            pose[0, 3] = belt.pick_to_x_m - step * BELT_STEP
            places.append(_Place(f"conveyor:{conveyor}", frame @ pose))
        return places


async def release(context: SkillContext, arm: str, held: Held, location: str) -> Pose:
    """Let go of a held thing at the end of a lowering; return where it lies then.

    Raises:
        SkillEnd: LOST if it fell before; FAILED if the sensor still sees it.
    """
    context.holding(arm, held.kind)
    lies = raised(context.contact_now(arm) @ held.grasp, -context.tool(arm).drop_m)
    await context.switch(arm, False)
    if not await context.attached(arm, False, context.now() + RELEASE_TIME):
        text = f"the vacuum sensor of {arm} still sees {held.name} after the release"
        raise SkillEnd(SkillOutcome.FAILED, text)
    context.unit(arm).held = None
    pose = as_pose(lies)
    if held.kind == "part":
        context.tracker.placed(held.name, location, pose)
    return pose


def standing(context: SkillContext, held: Held) -> Array:
    """Return a part's frame on a surface: lifted by its height and rolled if it is flipped."""
    if not held.flipped:
        return np.eye(4)
    height = context.cell.description.part_types[held.type].height
    return Pose((0.0, 0.0, height), (1.0, 0.0, 0.0, 0.0)).matrix()
