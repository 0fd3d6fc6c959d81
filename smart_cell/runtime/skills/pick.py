"""Skill ``pick``: a part that lies still, or one on a running belt."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import SkillOutcome, SkillResult, TrackedPart
from smart_cell.runtime.motion.belt import WORTH_CORRECTING, BeltPick, BeltTarget
from smart_cell.runtime.motion.furniture import resting_on
from smart_cell.runtime.motion.moves import Errand, Held
from smart_cell.runtime.motion.segments import MotionRefusedError
from smart_cell.runtime.motion.service import rides
from smart_cell.runtime.motion.solids import Solid
from smart_cell.runtime.skills.base import (
    ATTACH_TIME,
    GRASP_YAWS,
    Skill,
    SkillEnd,
    grasp_yaws,
    straight_down,
)
from smart_cell.vision.tracking import UnknownPartError

#: A motion that begins later than this is planned again shortly before it does [s].
EARLY, SHORTLY = 1.0, 0.6
#: How long an arm waits for a part to come into its reach [s].
PATIENCE = 30.0
#: Until this long before the contact the meeting point is watched [s], and how often.
LAST_CORRECTION, WATCH_PERIOD = 0.15, 0.1
#: How long after the meeting the cup is pressed on firmly [s]; shorter than the dwell.
PRESSED = 0.1
#: Pauses shorter than this are none [s].
LEAST_PAUSE = 0.001


class Pick(Skill):
    """Picks the part with the tracker's name ``part_id``."""

    name = "pick"
    parameters: ClassVar[Mapping[str, type]] = {"part_id": str}

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        context, part_id = self.context, str(parameters["part_id"])
        if context.tool(arm).grasps != "parts":
            return SkillResult(SkillOutcome.BLOCKED, f"{arm} wears no tool for parts")
        context.empty(arm)
        await context.motion.make_ready(arm)
        part = context.tracker.part(part_id)
        if rides(part):
            attached = await self._from_belt(arm, part_id)
        else:
            attached = await self._from_rest(arm, part_id)
        if not attached:
            text = f"the vacuum sensor of {arm} did not see part {part_id} in time"
            return SkillResult(SkillOutcome.NOT_ATTACHED, text)
        held = context.holding(arm, "part")
        yaw = float(np.arctan2(held.grasp[1, 0], held.grasp[0, 0]))
        return SkillResult(SkillOutcome.DONE, data={"part_id": part_id, "grasp_yaw": yaw})

    # ------------------------------------------------------------------ lying still

    async def _from_rest(self, arm: str, part_id: str) -> bool:
        context = self.context
        async with context.motion.trip(arm, lambda: self._errand(arm, part_id)) as trip:
            await context.switch(arm, True)
            await context.motion.run(arm, trip.approach)
            attached = await context.attached(arm, True, context.now() + ATTACH_TIME)
            if attached:
                self._note_held(arm, context.tracker.part(part_id))
            else:
                await context.switch(arm, False)
            retreat = context.motion.run(arm, trip.retreat)
            await context.motion.with_leaving(arm, trip.retreat, retreat)
        return attached

    def _errand(self, arm: str, part_id: str) -> Errand:
        context = self.context
        part = context.tracker.part(part_id)
        contacts = grasp_yaws(self._contact(arm, part))
        body = context.motion.part_body(part)
        after = tuple(_carried(body, contact) for contact in contacts)
        touch = (part_id, *resting_on(part.location))
        around = context.motion.around()
        return Errand(contacts, None, after, around, touch, target=part_id)

    def _contact(self, arm: str, part: TrackedPart) -> Array:
        """Where the contact face belongs for a grasp on top of a part, pressed on."""
        description = self.context.cell.description.part_types[part.type]
        x, y = description.grasp_xy_m
        top = 0.0 if part.flipped else description.height
        place = (part.pose @ Pose((x, y, top))).matrix()
        down = straight_down(place)
        down[2, 3] -= self.context.tool(arm).press_m
        return down

    def _note_held(self, arm: str, part: TrackedPart) -> None:
        """Note that an arm holds a part now, as it lies now."""
        context = self.context
        pose = part.pose.matrix()
        grasp = np.linalg.inv(context.contact_now(arm)) @ pose
        body = context.motion.part_body(part)
        context.unit(arm).held = Held(
            kind="part",
            name=part.part_id,
            type=part.type,
            color=part.color,
            flipped=part.flipped,
            grasp=grasp,
            solid=replace(body, frame=grasp @ np.linalg.inv(pose) @ body.frame),
            origin=(part.location, pose),
        )
        context.tracker.picked(
            part.part_id, lambda: Pose.from_matrix(context.contact_now(arm) @ grasp)
        )
        context.world.events.emit(
            "part_picked",
            arm=arm,
            part_id=part.part_id,
            type=part.type,
            color=part.color,
            **{"from": part.location},
        )

    # ------------------------------------------------------------------ riding on a belt

    async def _from_belt(self, arm: str, part_id: str) -> bool:
        context = self.context
        deadline = context.now() + PATIENCE
        while True:
            later = 0.0
            async with context.motion.belt_pick(arm, lambda: self._target(arm, part_id)) as pick:
                ahead = pick.start - context.now()
                if 0.0 < ahead <= EARLY:
                    return await self._ride(arm, part_id, pick)
                # Planned for longer than was thought, so that it ought to have begun: once more.
                later = pick.start - SHORTLY if ahead > 0.0 else context.now()
            if later > deadline:
                text = f"part {part_id} comes into the reach of {arm} only in {later:.0f} s"
                raise SkillEnd(SkillOutcome.BLOCKED, text)
            await context.world.clock.sleep_until(later)

    def _target(self, arm: str, part_id: str) -> BeltTarget:
        context = self.context
        part = context.tracker.part(part_id)
        if not context.tracker.is_current(part_id):
            text = f"the encoder under part {part_id} is silent: its place is not known"
            raise SkillEnd(SkillOutcome.BLOCKED, text)
        name = part.location.partition(":")[2]
        if not rides(part):
            raise SkillEnd(SkillOutcome.BLOCKED, f"part {part_id} no longer rides on a belt")
        belt = context.cell.description.conveyors[name]
        frame = context.cell.pose(name)
        x = (frame.inverse() @ part.pose).xyz[0]
        velocity = np.array(part.velocity)
        speed = float(np.linalg.norm(velocity))
        neighbours = tuple(
            context.motion.part_body(other)
            for other in context.tracker.parts()
            if other.part_id != part_id and other.location == part.location
        )
        return BeltTarget(
            contact=self._contact(arm, part),
            yaws=GRASP_YAWS,
            time=part.time,
            velocity=velocity,
            earliest=part.time + (belt.pick_from_x_m - x) / speed,
            latest=part.time + (belt.pick_to_x_m - x) / speed,
            part=context.motion.part_body(part),
            neighbours=neighbours,
            touch=(part_id, *resting_on(part.location)),
        )

    async def _ride(self, arm: str, part_id: str, pick: BeltPick) -> bool:
        """Execute a pick from a belt; return whether the part is held."""
        context = self.context
        motions = [asyncio.ensure_future(self._moving(arm, pick))]
        try:
            await context.switch(arm, True)
            pick = await self._watch(arm, part_id, pick, motions)
            attached = await context.attached(arm, True, pick.lift_at)
            if attached:
                await context.world.clock.sleep_until(pick.contact_at + PRESSED)
                self._note_held(arm, context.tracker.part(part_id))
            else:
                await context.switch(arm, False)
            ending = asyncio.gather(*motions)
            await context.motion.with_leaving(arm, pick.retreat, ending, pick.lift_at)
        finally:
            await _end(motions)
        return attached

    async def _moving(self, arm: str, pick: BeltPick) -> None:
        motion = self.context.motion
        await motion.execute(arm, pick.waypoints, pick.start)

    async def _watch(
        self, arm: str, part_id: str, pick: BeltPick, motions: list[asyncio.Task[None]]
    ) -> BeltPick:
        """Until shortly before the contact, correct the motion if the part is elsewhere.

        Returns:
            The pick that runs then.

        Raises:
            SkillEnd: BLOCKED if the part is not where it can be met, before the descent.
            SmartCellError: If the motion fails.
        """
        context = self.context
        last = pick.contact_at - LAST_CORRECTION
        while last - context.now() > LEAST_PAUSE:
            await context.world.clock.sleep_until(min(context.now() + WATCH_PERIOD, last))
            if motions[-1].done():
                motions[-1].result()
                return pick
            try:
                shift = self._shift(arm, part_id, pick)
                if float(np.linalg.norm(shift)) <= WORTH_CORRECTING:
                    continue
                found = await context.motion.correct(arm, pick, self._target(arm, part_id), shift)
            except (MotionRefusedError, UnknownPartError, SkillEnd) as error:
                if context.now() < pick.descent_at:
                    text = f"part {part_id} is not where it was to be met: {error}"
                    raise SkillEnd(SkillOutcome.BLOCKED, text) from None
                return pick
            if found is not pick:
                pick = found
                motions.append(asyncio.ensure_future(self._replaced(arm, pick)))
        return pick

    async def _replaced(self, arm: str, pick: BeltPick) -> None:
        await self.context.motion.follow(arm, pick.waypoints, pick.start)

    def _shift(self, arm: str, part_id: str, pick: BeltPick) -> Array:
        """How far the meeting point has moved in the plane since ``pick`` was planned [m], (3,)."""
        target = self._target(arm, part_id)
        planned = pick.ride.contact[:3, 3] + np.array(pick.ride.shift)
        shift: Array = target.at(pick.contact_at)[:3, 3] - planned
        shift[2] = 0.0
        return shift


def _carried(body: Solid, contact: Array) -> Solid:
    """A body in the world as one in the frame of a contact face."""
    return replace(body, frame=np.linalg.inv(contact) @ body.frame)


async def _end(motions: list[asyncio.Task[None]]) -> None:
    """Cancel what still runs: the arm stops along its path."""
    for motion in motions:
        if not motion.done():
            motion.cancel()
    await asyncio.gather(*motions, return_exceptions=True)
