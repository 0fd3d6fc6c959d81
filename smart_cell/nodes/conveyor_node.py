"""A conveyor of the twin over ROS: state and speed."""

from __future__ import annotations

import math

from smart_cell_msgs.msg import ConveyorState as ConveyorStateMessage
from smart_cell_msgs.srv import SetConveyorSpeed

from smart_cell.model.ports import ConveyorPort, ConveyorState
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import conveyor_to_message

#: Cell time between two publications of an unchanged speed [s].
_PERIOD = 0.05


class ConveyorNode:
    """One belt; its state is published when its speed changes, and twenty times a second."""

    def __init__(self, bridge: Bridge, name: str, belt: ConveyorPort, nominal: float) -> None:
        """Create the node ``/<conveyor>/conveyor_node``; ``nominal`` is the highest speed [m/s]."""
        self._name, self._belt, self._nominal = name, belt, nominal
        node = bridge.node("conveyor_node", name)
        self._publisher = bridge.publisher(node, ConveyorStateMessage, "state", qos.STATE)
        self._last: ConveyorState | None = None
        bridge.serve(node, SetConveyorSpeed, "set_speed", self._on_speed)

    def publish(self) -> None:
        """Publish the state if the speed has changed, or it is due."""
        state, last = self._belt.state(), self._last
        if (
            last is None
            or (state.running, state.speed) != (last.running, last.speed)
            or state.time >= last.time + _PERIOD - 1e-9
        ):
            self._last = state
            self._publisher.publish(conveyor_to_message(state, self._name))

    async def _on_speed(
        self, request: SetConveyorSpeed.Request, response: SetConveyorSpeed.Response
    ) -> SetConveyorSpeed.Response:
        speed = request.speed
        if not (math.isfinite(speed) and 0.0 <= speed <= self._nominal):
            response.message = f"speed is {speed:g} m/s; allowed is 0 to {self._nominal:g} m/s"
            return response
        await self._belt.set_speed(speed)
        response.success = True
        return response
