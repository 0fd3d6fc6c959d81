"""Runs skills: checks parameters, tells events, turns errors into outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import SkillOutcome, SkillResult, World
from smart_cell.runtime.motion.segments import MotionRefusedError
from smart_cell.runtime.motion.service import MotionService
from smart_cell.runtime.motion.waiting import DeadlineError
from smart_cell.runtime.motion.zones import ZonesBusyError
from smart_cell.runtime.skills.base import Skill, SkillContext, SkillEnd, SkillError
from smart_cell.runtime.skills.discard import Discard
from smart_cell.runtime.skills.move import Move
from smart_cell.runtime.skills.pick import Pick
from smart_cell.runtime.skills.place import Place
from smart_cell.runtime.skills.tools import ChangeTool
from smart_cell.runtime.skills.trays import PickTray, PlaceTray
from smart_cell.vision.tracking import Tracker, UnknownPartError

ALL: tuple[type[Skill], ...] = (Pick, Place, Discard, PickTray, PlaceTray, ChangeTool, Move)


class Skills:
    """All skills of a cell's arms; the cell's SkillsPort. Used on one asyncio loop."""

    def __init__(
        self,
        cell: Cell,
        world: World,
        tracker: Tracker,
        motion: MotionService,
        skills: Sequence[type[Skill]] = ALL,
    ) -> None:
        """Make the skills."""
        self._context = SkillContext(cell, world, tracker, motion)
        self._skills = {kind.name: kind(self._context) for kind in skills}
        self._busy: dict[str, str] = {}

    async def run(self, arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        """Run a skill on an arm. Cancelling the awaiting task stops the arm along its path.

        Raises:
            SkillError: If the skill or a parameter is unknown, or the arm is busy.
            SmartCellError: If there is no such arm.
        """
        chosen = self._checked(arm, skill, parameters)
        emit = self._context.world.events.emit
        emit("skill_started", arm=arm, skill=skill, parameters=dict(parameters))
        self._busy[arm] = skill
        result = SkillResult(SkillOutcome.FAILED, "it raised an unexpected error")
        try:
            result = await self._outcome(chosen, arm, parameters)
        except asyncio.CancelledError:
            result = SkillResult(SkillOutcome.CANCELED, "cancelled")
            raise
        finally:
            del self._busy[arm]
            emit(
                "skill_ended",
                arm=arm,
                skill=skill,
                outcome=result.outcome.value,
                message=result.message,
            )
        return result

    async def _outcome(self, skill: Skill, arm: str, parameters: Mapping[str, Any]) -> SkillResult:
        try:
            return await skill.run(arm, **parameters)
        except SkillEnd as end:
            return end.result
        except (MotionRefusedError, ZonesBusyError, UnknownPartError) as error:
            return SkillResult(SkillOutcome.BLOCKED, str(error))
        except DeadlineError as error:
            return SkillResult(SkillOutcome.TIMEOUT, str(error))
        except SkillError:
            raise
        except SmartCellError as error:
            return SkillResult(SkillOutcome.FAILED, str(error))

    def _checked(self, arm: str, skill: str, parameters: Mapping[str, Any]) -> Skill:
        self._context.unit(arm)
        chosen = self._skills.get(skill)
        if chosen is None:
            raise SkillError(f"there is no skill {skill!r}; there are: {', '.join(self._skills)}")
        wanted = chosen.parameters
        for name in (*parameters, *wanted):
            if name not in wanted:
                known = ", ".join(wanted) or "none"
                raise SkillError(f"{skill} has no parameter {name!r}; it has: {known}")
            if name not in parameters:
                raise SkillError(f"{skill} needs the parameter {name!r}")
            value, kind = parameters[name], wanted[name]
            if not isinstance(value, kind) or isinstance(value, bool):
                raise SkillError(f"{skill}: {name} must be of type {kind.__name__}; got {value!r}")
        if arm in self._busy:
            raise SkillError(f"{arm} is busy with {self._busy[arm]}; it cannot begin {skill}")
        return chosen
