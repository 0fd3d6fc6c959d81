"""A transporter of the twin over ROS: state, moves between stations, tray lock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from smart_cell_msgs.action import MoveTransporter
from smart_cell_msgs.msg import TransporterState as TransporterStateMessage
from std_srvs.srv import SetBool

from smart_cell.model.ports import MotionOutcome, TransporterPort, TransporterState
from smart_cell.nodes import qos
from smart_cell.nodes.actions import GoalEnd, GoalOutcome, GoalServer
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import transporter_to_message

#: Cell time between two publications of an unchanged state, at rest and while it moves [s].
_REST_PERIOD = 0.5
_MOVING_PERIOD = 0.05
#: Code of a result that says why the transporter is not at the station.
NOT_THERE = 1


class TransporterNode:
    """One transporter. A move ends at its station: there is nothing to stop half way at."""

    def __init__(
        self, bridge: Bridge, name: str, transporter: TransporterPort, stations: tuple[str, ...]
    ) -> None:
        """Create the node ``/<transporter>/transporter_node`` and its entities."""
        self._transporter, self._stations = transporter, stations
        self._target = transporter.state().station
        self._feedback: list[Callable[[Any], None]] = []
        node = bridge.node("transporter_node", name)
        self._publisher = bridge.publisher(node, TransporterStateMessage, "state", qos.STATE)
        self._last: TransporterState | None = None
        bridge.serve(node, SetBool, "lock_tray", self._on_lock)
        GoalServer(bridge, node, MoveTransporter, "move", self)

    def publish(self) -> None:
        """Publish the state if it has changed, or is due."""
        state, last = self._transporter.state(), self._last
        period = _REST_PERIOD if state.station else _MOVING_PERIOD
        if (
            last is None
            or (state.station, state.tray_locked, state.tray_id)
            != (last.station, last.tray_locked, last.tray_id)
            or state.time >= last.time + period - 1e-9
        ):
            self._last = state
            self._publisher.publish(transporter_to_message(state, self._target))
            for feedback in self._feedback:
                feedback(MoveTransporter.Feedback(position=state.position))

    async def _on_lock(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        response.success = await self._transporter.set_tray_locked(request.data)
        if not response.success:
            response.message = "there is no tray to lock or unlock"
        return response

    # ------------------------------------------------------------------ goals (GoalHandler)

    def refuse(self, goal: MoveTransporter.Goal) -> str | None:
        """Return why a goal is not taken, None if it is."""
        if goal.station in self._stations:
            return None
        return f"no station {goal.station!r}; there are: {', '.join(self._stations)}"

    async def execute(self, goal: MoveTransporter.Goal, feedback: Callable[[Any], None]) -> GoalEnd:
        """Go to the goal's station."""
        self._target = goal.station
        self._feedback.append(feedback)
        try:
            # A cancel does not strand it between stations: it arrives, and the goal is done.
            end = await asyncio.shield(self._transporter.move(goal.station))
        finally:
            self._feedback.remove(feedback)
        if end.outcome is MotionOutcome.DONE:
            return GoalEnd(GoalOutcome.SUCCEEDED, MoveTransporter.Result())
        result = MoveTransporter.Result(code=NOT_THERE, message=end.message)
        return GoalEnd(GoalOutcome.ABORTED, result)

    async def canceled(self, goal: MoveTransporter.Goal) -> MoveTransporter.Result:
        """Return the result of a cancelled goal."""
        text = f"canceled; it goes on to station {goal.station!r}, where it can stand"
        return MoveTransporter.Result(code=NOT_THERE, message=text)
