"""Skill ``change_tool``: straight down into a tool changer, change, straight up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.runtime.motion.moves import Errand
from smart_cell.runtime.motion.waiting import before
from smart_cell.runtime.skills.base import (
    DEVICE_TIME,
    Skill,
    SkillEnd,
    SkillError,
    grasp_yaws,
)


class ChangeTool(Skill):
    """Changes to the tool ``tool`` at the nearest changer that has it."""

    name = "change_tool"
    parameters: ClassVar[Mapping[str, type]] = {"tool": str}

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        context, tool = self.context, str(parameters["tool"])
        tools = context.unit(arm).model.gripper.tools
        if tool not in tools:
            raise SkillError(f"{arm} has no tool {tool!r}; it has: {', '.join(tools)}")
        if context.gripper(arm).state().tool == tool:
            return SkillResult(SkillOutcome.DONE, f"{arm} wears {tool} already", {"tool": tool})
        context.empty(arm)
        await context.motion.make_ready(arm)
        async with context.motion.trip(arm, lambda: self._errand(tool)) as trip:
            await context.motion.run(arm, trip.approach)
            deadline = context.now() + DEVICE_TIME
            change = context.gripper(arm).change_tool(tool)
            done = await before(context.world.clock, deadline, change, f"tool change of {arm}")
            retreat = context.motion.run(arm, trip.retreat)
            await context.motion.with_leaving(arm, trip.retreat, retreat)
        if not done:
            return SkillResult(SkillOutcome.FAILED, f"the changer refused to fit {tool}")
        return SkillResult(SkillOutcome.DONE, data={"tool": tool})

    def _errand(self, tool: str) -> Errand:
        changers = self.context.cell.description.tool_changers
        names = [name for name, changer in changers.items() if changer.tool == tool]
        if not names:
            raise SkillEnd(SkillOutcome.BLOCKED, f"no tool changer of the cell has {tool}")
        contacts = tuple(
            contact
            for name in names
            for contact in grasp_yaws(self.context.cell.pose(name).matrix())
        )
        around = self.context.motion.around()
        return Errand(contacts, None, (None,) * len(contacts), around, ())
