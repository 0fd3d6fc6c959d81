"""Skill ``place``: put the held part into a slot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.runtime.motion.furniture import resting_on
from smart_cell.runtime.motion.moves import Errand, Held
from smart_cell.runtime.skills.base import (
    RELEASE_TIME,
    Skill,
    SkillContext,
    SkillEnd,
    as_pose,
    raised,
    straight_down,
)
from smart_cell.vision.tracking import UnknownPartError

#: How long a camera may take to see a placed part [s], and how far off it may lie [m].
SEEN_TIME, SEEN_WITHIN = 2.0, 0.02
#: How often the tracker is looked at meanwhile [s].
LOOK_PERIOD = 0.05


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
