"""The arms' skills over ROS: one ``<arm>/skill`` action server per arm."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

from smart_cell_msgs.action import Skill

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import Clock, EventSink, SkillOutcome, SkillResult, SkillsPort
from smart_cell.nodes.actions import GoalEnd, GoalOutcome, GoalServer
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import MessageError, json_object
from smart_cell.nodes.remote_skills import ENDED
from smart_cell.recording.events import plain

log = logging.getLogger(__name__)

#: Codes of the action's results, by outcome.
CODES = {outcome: code for code, outcome in enumerate(SkillOutcome)}
assert CODES[SkillOutcome.DONE] == 0


class MotionNode:
    """The skill server of one arm; it runs one skill at a time."""

    def __init__(
        self,
        bridge: Bridge,
        cell: Cell,
        arm: str,
        skills: SkillsPort,
        clock: Clock,
        events: EventSink,
        blocked: Callable[[], str],
        ended: Callable[[], None],
    ) -> None:
        """Create the node ``/<arm>/motion_node`` and its server.

        Args:
            bridge: The process' bridge.
            cell: The cell.
            arm: The arm.
            skills: Runs the skills.
            clock: Cell time.
            events: Gets the faults of skills.
            blocked: Why no skills are taken at present; empty if they are. Thread-safe.
            ended: Called after each skill, before its result is sent.
        """
        self._arm, self._skills, self._clock, self._events = arm, skills, clock, events
        self._blocked, self._ended = blocked, ended
        self._busy: asyncio.Task[SkillResult] | None = None
        self._why = ""
        GoalServer(bridge, bridge.node("motion_node", arm), Skill, "skill", self)

    def refuse(self, goal: Skill.Goal) -> str | None:
        """Return why a goal is not taken, None if it is."""
        if reason := self._blocked():
            return reason
        if goal.arm not in ("", self._arm):
            return f"the goal is for arm {goal.arm!r}, this is {self._arm!r}"
        if self._busy is not None:
            return f"{self._arm} runs another skill"
        if not goal.skill:
            return "the goal names no skill"
        try:
            json_object(goal.parameters or "{}", "the parameters")
        except MessageError as error:
            return str(error)
        return None

    async def execute(self, goal: Skill.Goal, feedback: Callable[[Any], None]) -> GoalEnd:
        """Run the goal's skill."""
        feedback(Skill.Feedback(phase=goal.skill))
        parameters = json_object(goal.parameters or "{}", "the parameters")
        task = asyncio.ensure_future(self._skills.run(self._arm, goal.skill, parameters))
        self._busy, self._why = task, ""
        try:
            result = await task
        except asyncio.CancelledError:
            if not self._why:
                raise
            result = SkillResult(SkillOutcome.CANCELED, self._why)
        except SmartCellError as error:
            log.error("%s: skill %s failed: %s", self._arm, goal.skill, error)
            self._events.emit("fault", source=self._arm, code="skill_failed", text=str(error))
            result = SkillResult(SkillOutcome.FAILED, str(error))
        finally:
            self._busy = None
        message = self._message(result)
        good = result.outcome is SkillOutcome.DONE
        return GoalEnd(GoalOutcome.SUCCEEDED if good else GoalOutcome.ABORTED, message)

    async def canceled(self, goal: Skill.Goal) -> Skill.Result:
        """Return the result of a cancelled skill, whose end means that the arm stands."""
        return self._message(SkillResult(SkillOutcome.CANCELED, "canceled"))

    def stop(self, reason: str) -> None:
        """Cancel the running skill, if any: the arm stops along its path."""
        if self._busy is not None:
            self._why = reason
            self._busy.cancel()

    async def until_idle(self) -> None:
        """Return when no skill runs."""
        if self._busy is not None:
            await asyncio.wait({self._busy})

    def _message(self, result: SkillResult) -> Skill.Result:
        self._ended()
        data = {**result.data, ENDED: self._clock.now()}
        return Skill.Result(
            code=CODES[result.outcome],
            outcome=result.outcome.value,
            message=result.message,
            data=json.dumps(plain(data, "data")),
        )
