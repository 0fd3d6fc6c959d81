"""Skills ``pick_tray`` and ``place_tray``: empty trays from a table to a transporter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import SkillOutcome, SkillResult, TrackedTray
from smart_cell.runtime.motion.furniture import resting_on
from smart_cell.runtime.motion.moves import Errand, Held
from smart_cell.runtime.motion.solids import Solid
from smart_cell.runtime.skills.base import (
    ATTACH_TIME,
    RELEASE_TIME,
    Skill,
    SkillContext,
    SkillEnd,
    grasp_yaws,
    raised,
    straight_down,
)


class PickTray(Skill):
    """Fetches the tray with the tracker's name ``tray`` from its table."""

    name = "pick_tray"
    parameters: ClassVar[Mapping[str, type]] = {"tray": str}

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        context, name = self.context, str(parameters["tray"])
        if context.tool(arm).grasps != "trays":
            return SkillResult(SkillOutcome.BLOCKED, f"{arm} wears no tool for trays")
        context.empty(arm)
        await context.motion.make_ready(arm)
        async with context.motion.trip(arm, lambda: self._errand(arm, name)) as trip:
            await context.switch(arm, True)
            await context.motion.run(arm, trip.approach)
            attached = await context.attached(arm, True, context.now() + ATTACH_TIME)
            if attached:
                self._note_held(arm, name)
            else:
                await context.switch(arm, False)
            retreat = context.motion.run(arm, trip.retreat)
            await context.motion.with_leaving(arm, trip.retreat, retreat)
        if not attached:
            text = f"the vacuum sensor of {arm} saw no tray {name}"
            return SkillResult(SkillOutcome.NOT_ATTACHED, text)
        held = context.holding(arm, "tray")
        return SkillResult(SkillOutcome.DONE, data={"tray_id": int(held.name)})

    def _tray(self, name: str) -> TrackedTray:
        for tray in self.context.tracker.trays():
            if tray.name == name and tray.location.startswith("tray_table:"):
                return tray
        raise SkillEnd(SkillOutcome.BLOCKED, f"tray {name} is seen on no tray table")

    def _errand(self, arm: str, name: str) -> Errand:
        context, tray = self.context, self._tray(name)
        top = raised(tray.pose.matrix(), -context.tool(arm).press_m)
        contacts = grasp_yaws(top)
        after = tuple(
            tray_body(context, tray.type, np.linalg.inv(contact) @ tray.pose.matrix())
            for contact in contacts
        )
        touch = resting_on(tray.location)
        return Errand(contacts, None, after, context.motion.around(), touch)

    def _note_held(self, arm: str, name: str) -> None:
        context, tray = self.context, self._tray(name)
        pose = tray.pose.matrix()
        grasp = np.linalg.inv(context.contact_now(arm)) @ pose
        context.unit(arm).held = Held(
            kind="tray",
            name=str(tray.tray_id),
            type=tray.type,
            color="",
            flipped=False,
            grasp=grasp,
            solid=tray_body(context, tray.type, grasp),
            origin=(tray.location, pose),
        )


class PlaceTray(Skill):
    """Puts the held tray onto the seat of ``transporter``, with the seat's yaw."""

    name = "place_tray"
    parameters: ClassVar[Mapping[str, type]] = {"transporter": str}

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        context, name = self.context, str(parameters["transporter"])
        held = context.holding(arm, "tray")
        await context.motion.make_ready(arm)
        async with context.motion.trip(arm, lambda: self._errand(arm, held, name)) as trip:
            await context.motion.run(arm, trip.approach)
            context.holding(arm, "tray")
            await context.switch(arm, False)
            released = await context.attached(arm, False, context.now() + RELEASE_TIME)
            if released:
                context.unit(arm).held = None
                number = int(held.name)
                context.world.events.emit("tray_placed", transporter=name, tray_id=number)
                retreat = context.motion.run(arm, trip.retreat)
                await context.motion.with_leaving(arm, trip.retreat, retreat)
        if not released:
            text = f"the vacuum sensor of {arm} still sees tray {held.name} after the release"
            return SkillResult(SkillOutcome.FAILED, text)
        return SkillResult(SkillOutcome.DONE, data={"transporter": name, "tray_id": int(held.name)})

    def _errand(self, arm: str, held: Held, name: str) -> Errand:
        context = self.context
        state = context.transporter(name)
        if state.tray_id is not None:
            text = f"{name} already carries tray {state.tray_id}"
            raise SkillEnd(SkillOutcome.BLOCKED, text)
        height = context.cell.description.tray_types[held.type].size_m[2]
        drop = context.tool(arm).drop_m
        wanted = context.seat(name) @ Pose((0.0, 0.0, height + drop)).matrix()
        contact = straight_down(wanted @ np.linalg.inv(held.grasp))
        touch = resting_on(f"seat:{name}")
        return Errand((contact,), held.solid, (None,), context.motion.around(), touch)


def tray_body(context: SkillContext, tray_type: str, frame: Array) -> Solid:
    """Return a tray's body, its frame (on its top) being ``frame``."""
    size = context.cell.description.tray_types[tray_type].size_m
    center = frame @ Pose((0.0, 0.0, -size[2] / 2)).matrix()
    return Solid.box("tray", center, size)
