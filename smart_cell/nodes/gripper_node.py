"""A gripper of the twin over ROS: state, switch, tool change."""

from __future__ import annotations

from smart_cell_msgs.msg import GripperState as GripperStateMessage
from smart_cell_msgs.srv import Command
from std_srvs.srv import SetBool

from smart_cell.model.ports import GripperPort, GripperState
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import gripper_to_message

#: Cell time between two publications of an unchanged state [s].
_PERIOD = 0.1


class GripperNode:
    """One gripper; its state is published at each change, and ten times a second."""

    def __init__(
        self, bridge: Bridge, name: str, gripper: GripperPort, tools: tuple[str, ...]
    ) -> None:
        """Create the node ``/<gripper>/gripper_node`` and its entities."""
        self._gripper, self._tools = gripper, tools
        node = bridge.node("gripper_node", name)
        self._publisher = bridge.publisher(node, GripperStateMessage, "state", qos.STATE)
        self._last: GripperState | None = None
        bridge.serve(node, SetBool, "set_enabled", self._on_enable)
        bridge.serve(node, Command, "change_tool", self._on_change_tool)

    def publish(self) -> None:
        """Publish the state if it has changed, or is due."""
        state, last = self._gripper.state(), self._last
        if (
            last is None
            or (state.enabled, state.attached, state.tool)
            != (last.enabled, last.attached, last.tool)
            or state.time >= last.time + _PERIOD - 1e-9
        ):
            self._last = state
            self._publisher.publish(gripper_to_message(state))

    async def _on_enable(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        await self._gripper.set_enabled(request.data)
        response.success = True
        return response

    async def _on_change_tool(
        self, request: Command.Request, response: Command.Response
    ) -> Command.Response:
        if request.command not in self._tools:
            response.message = f"no tool {request.command!r}; there are: {', '.join(self._tools)}"
            return response
        response.accepted = await self._gripper.change_tool(request.command)
        if not response.accepted:
            response.message = f"not standing at a changer that holds {request.command!r}"
        return response
