"""Skill ``discard``: put the held part or tray away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smart_cell.model.geometry import Array, least_distance
from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.runtime.motion.furniture import resting_on
from smart_cell.runtime.motion.moves import Errand, Held
from smart_cell.runtime.motion.segments import MotionRefusedError
from smart_cell.runtime.skills.base import Skill, SkillEnd, grasp_yaws, raised, straight_down
from smart_cell.runtime.skills.place import LOOK_PERIOD, release, standing

#: Distance between the places at which a part can be laid back onto a belt [m].
BELT_STEP = 0.1
#: From how long before to how long after a part is laid onto a belt nothing may ride by [s], and
#: how long an arm waits for such a gap.
GAP_BEFORE, GAP_AFTER, GAP_PATIENCE = 1.0, 0.6, 20.0
#: A place in a bin is free if no part is seen nearer than this share of the slots' spacing.
BIN_ROOM = 0.75
#: Free places in bins that are planned at once, and in all.
BIN_PLACES, MOST_BIN_PLACES = 6, 24


@dataclass(frozen=True)
class _Place:
    """Where a thing may be put: its location then, as in TrackedPart, and its frame, (4, 4)."""

    location: str
    pose: Array


class Discard(Skill):
    """Puts the held part or tray away, out of the way of others.

    It goes back to where it lay. A part from a belt or from a transporter's tray goes to a free
    place of a bin, else into a gap on a belt, and onto its tray only if there is no such place.
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
            at = (trip.contact @ held.grasp)[:3, 3]
            nearest = min(places, key=lambda place: float(np.linalg.norm(place.pose[:3, 3] - at)))
            await self._gap(held, nearest, trip.approach.waypoints.duration)
            await context.motion.run(arm, trip.approach)
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

    async def _gap(self, held: Held, place: _Place, approach: float) -> None:
        """Wait until nothing will ride by while the part is laid onto a belt.

        Args:
            held: The part.
            place: Where it goes; at once if that is no belt.
            approach: Duration of the way there [s].

        Raises:
            SkillEnd: BLOCKED, if there is no gap in time.
        """
        context = self.context
        if not place.location.startswith("conveyor:"):
            return
        deadline = context.now() + GAP_PATIENCE
        while True:
            arrival = context.now() + context.motion.lead + approach
            if not self._rides_by(held, place, arrival - GAP_BEFORE, arrival + GAP_AFTER):
                return
            if context.now() >= deadline:
                text = f"no gap for {held.name} on {place.location.partition(':')[2]}"
                raise SkillEnd(SkillOutcome.BLOCKED, text)
            await context.world.clock.sleep_until(context.now() + LOOK_PERIOD)

    def _rides_by(self, held: Held, place: _Place, begin: float, end: float) -> bool:
        """Return whether a part on the belt is near a place at any time in between."""
        tracker, types = self.context.tracker, self.context.cell.description.part_types
        near = max(types[held.type].shape.extents[:2])
        for part in tracker.parts():
            if part.location == place.location:
                room = near + max(types[part.type].shape.extents[:2])
                for time in np.arange(begin, end, LOOK_PERIOD):
                    at = tracker.predict(part.part_id, float(time)).xyz
                    if float(np.linalg.norm(np.subtract(at, place.pose[:3, 3])[:2])) < room:
                        return True
        return False

    # ------------------------------------------------------------------ where to

    def _choices(self, held: Held) -> Iterator[list[_Place]]:
        """Yield groups of places, the best group first; there is at least one."""
        location, origin = held.origin
        kind, _, name = location.partition(":")
        if kind in ("conveyor", "tray"):
            free = self._free_in_bins(held, origin)
            for first in range(0, min(len(free), MOST_BIN_PLACES), BIN_PLACES):
                yield free[first : first + BIN_PLACES]
            for belt in self.context.cell.description.conveyors:
                frame = self.context.cell.pose(belt).matrix()
                lying = origin if belt == name else frame @ standing(self.context, held)
                yield self._on_belt(belt, lying)
        if kind != "conveyor":
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
