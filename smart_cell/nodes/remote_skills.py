"""The control process as the cell process sees it: PartsPort and SkillsPort over ROS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rclpy.node import Node
from smart_cell_msgs.action import Skill
from smart_cell_msgs.msg import Parts

from smart_cell.model.ports import SkillOutcome, SkillResult, TrackedPart, TrackedTray
from smart_cell.nodes.actions import GoalClient, GoalOutcome
from smart_cell.nodes.bridge import Bridge, RosError
from smart_cell.nodes.clock import CellTime
from smart_cell.nodes.conversions import json_object, parts_from_message, seconds
from smart_cell.nodes.remote_devices import Latest

#: Longest skill [s]; skills have deadlines of their own, far below.
_LONGEST_SKILL = 600.0
#: Key of a skill's data that says when it ended, in cell time [s].
ENDED = "ended_s"
_View = tuple[float, tuple[TrackedPart, ...], tuple[TrackedTray, ...]]


def _view(message: Parts) -> _View:
    return (seconds(message.header.stamp), *parts_from_message(message))


class RosParts:
    """The tracker's view, as last published."""

    def __init__(self, bridge: Bridge, clock: CellTime) -> None:
        """Subscribe."""
        self._latest = Latest(bridge, "/parts", Parts, _view, clock)
        self._clock = clock

    async def ready(self, deadline: float) -> None:
        """Wait for the first view. Raises RosError after ``deadline`` [s] of steady time."""
        await self._latest.ready(deadline)

    async def newer_than(self, time: float) -> None:
        """Wait for a view of cell time ``time`` [s] or later; for one second, then go on."""
        await self._latest.until(lambda view: view[0] >= time - 1e-6, self._clock.now() + 1.0)

    def parts(self) -> tuple[TrackedPart, ...]:
        """Return all known parts, by part_id."""
        return self._latest.get()[1]

    def trays(self) -> tuple[TrackedTray, ...]:
        """Return all known trays, by tray_id."""
        return self._latest.get()[2]


class RosSkills:
    """The arms' skills behind ``<arm>/skill``."""

    def __init__(
        self,
        bridge: Bridge,
        node: Node,
        arms: Iterable[str],
        parts: RosParts,
        clock: CellTime,
        lost: Callable[[], bool],
    ) -> None:
        """Create the clients."""
        self._clients = {
            arm: GoalClient(bridge, node, Skill, f"/{arm}/skill", clock, lost) for arm in arms
        }
        self._parts, self._clock = parts, clock

    async def ready(self, deadline: float) -> None:
        """Wait for the servers. Raises RosError after ``deadline`` [s] of steady time."""
        for client in self._clients.values():
            await client.ready(deadline)

    async def run(self, arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        """Run a skill on an arm. Cancelling the awaiting task stops the arm along its path.

        It returns with the tracker's view of the time at which the skill ended, or of a later one.

        Raises:
            RosError: The control process does not answer.
        """
        goal = Skill.Goal(arm=arm, skill=skill, parameters=json.dumps(dict(parameters)))
        end = await self._clients[arm].run(goal, self._clock.now() + _LONGEST_SKILL)
        if end.outcome is GoalOutcome.REJECTED:
            return SkillResult(SkillOutcome.FAILED, f"{arm}: skill {skill!r} is refused")
        if not end.result.outcome:
            raise RosError(f"{arm}: skill {skill!r} ended without a result")
        data = (
            json_object(end.result.data, "the data of a skill's result") if end.result.data else {}
        )
        ended = data.pop(ENDED, None)
        if ended is not None:
            await self._parts.newer_than(ended)
        return SkillResult(SkillOutcome(end.result.outcome), end.result.message, data)
