"""Skill ``move``: go to a ready pose, or home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.runtime.skills.base import Skill, SkillError


class Move(Skill):
    """Goes to the ready pose ``pose`` (external axes stay where they are), or to ``home``."""

    name = "move"
    parameters: ClassVar[Mapping[str, type]] = {"pose": str}

    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """See Skill.run."""
        pose = parameters["pose"]
        known = self.context.unit(arm).model.description.ready_poses
        if pose != "home" and pose not in known:
            names = ", ".join(("home", *known))
            raise SkillError(f"{arm} has no pose {pose!r}; it has: {names}")
        await self.context.motion.make_ready(arm)
        await self.context.motion.go(arm, pose)
        return SkillResult(SkillOutcome.DONE, data={"pose": pose})
