"""Ports of the devices beside the arms, over ROS: what is commanded is also seen in the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rclpy.node import Node
from smart_cell_msgs.action import MoveTransporter
from smart_cell_msgs.msg import ConveyorState as ConveyorStateMessage
from smart_cell_msgs.msg import GripperState as GripperStateMessage
from smart_cell_msgs.msg import TransporterState as TransporterStateMessage
from smart_cell_msgs.srv import Command, QualityCheck, SetConveyorSpeed
from std_srvs.srv import SetBool
from vision_msgs.msg import Detection3DArray

from smart_cell.model.ports import (
    ConveyorState,
    Detections,
    GripperState,
    MotionOutcome,
    MotionResult,
    TransporterState,
    TrayContent,
)
from smart_cell.nodes import qos
from smart_cell.nodes.actions import GoalClient, GoalOutcome
from smart_cell.nodes.bridge import Bridge, RosError
from smart_cell.nodes.clock import CellTime, by_cell_time
from smart_cell.nodes.conversions import (
    conveyor_from_message,
    detections_from_message,
    gripper_from_message,
    transporter_from_message,
    tray_content_from_json,
)

S = TypeVar("S")

#: Cell time after which a commanded change must be seen in the state [s].
_SEEN = 2.0
#: Longest drive of a transporter between two stations [s].
_LONGEST_DRIVE = 120.0


class Latest(Generic[S]):
    """The newest state on a topic, and waiting for a state of some kind."""

    def __init__(
        self,
        bridge: Bridge,
        topic: str,
        message_type: type,
        convert: Callable[[Any], S],
        clock: CellTime,
    ) -> None:
        """Subscribe to a state topic."""
        self._bridge, self._topic, self._convert, self._clock = bridge, topic, convert, clock
        self._value: S | None = None
        self._waiting: list[tuple[Callable[[S], bool], asyncio.Future[None]]] = []
        self._listeners: list[Callable[[S], None]] = []
        bridge.subscribe(message_type, topic, qos.STATE, self._on_message)

    def get(self) -> S:
        """Return the newest state.

        Raises:
            RosError: None has come yet.
        """
        if self._value is None:
            raise RosError(f"nothing has come on {self._topic} yet")
        return self._value

    def listen(self, listener: Callable[[S], None]) -> None:
        """Have ``listener`` called with each state."""
        self._listeners.append(listener)

    async def ready(self, deadline: float) -> None:
        """Wait for the first state.

        Raises:
            RosError: None has come within ``deadline`` [s] of steady time.
        """
        await self._bridge.until_ready(lambda: self._value is not None, self._topic, deadline)

    async def until(self, condition: Callable[[S], bool], deadline: float) -> bool:
        """Wait for a state that fulfils a condition; False if none comes by ``deadline``."""
        if condition(self.get()):
            return True
        future: asyncio.Future[None] = self._bridge.loop.create_future()
        entry = (condition, future)
        self._waiting.append(entry)
        try:
            await by_cell_time(self._clock, future, deadline)
        except asyncio.TimeoutError:
            return False
        finally:
            self._waiting.remove(entry)
        return True

    async def seen(self, condition: Callable[[S], bool], what: str) -> None:
        """Wait until a commanded change shows.

        Raises:
            RosError: It does not.
        """
        if not await self.until(condition, self._clock.now() + _SEEN):
            raise RosError(f"{what} has not shown on {self._topic} within {_SEEN:g} s")

    def _on_message(self, message: Any) -> None:
        value = self._value = self._convert(message)
        for condition, future in self._waiting:
            if not future.done() and condition(value):
                future.set_result(None)
        for listener in self._listeners:
            listener(value)


class RosGripper:
    """One gripper."""

    def __init__(self, bridge: Bridge, node: Node, name: str, clock: CellTime) -> None:
        """Create the clients."""
        self._bridge = bridge
        self._state = Latest(
            bridge, f"/{name}/state", GripperStateMessage, gripper_from_message, clock
        )
        self._enable = node.create_client(SetBool, f"/{name}/set_enabled")
        self._tool = node.create_client(Command, f"/{name}/change_tool")

    async def ready(self, deadline: float) -> None:
        """Wait for the device. Raises RosError after ``deadline`` [s] of steady time."""
        for client in (self._enable, self._tool):
            await self._bridge.until_ready(client.service_is_ready, client.srv_name, deadline)
        await self._state.ready(deadline)

    def state(self) -> GripperState:
        """Return the latest state."""
        return self._state.get()

    async def set_enabled(self, enabled: bool) -> None:
        """Switch the suction on or off; return when the device has acknowledged.

        Raises:
            RosError: It does not.
        """
        response = await self._bridge.call(self._enable, SetBool.Request(data=enabled))
        if not response.success:
            raise RosError(f"{self._enable.srv_name}: {response.message}")
        await self._state.seen(lambda state: state.enabled == enabled, "the switch")

    async def wait_attached(self, attached: bool, deadline: float) -> bool:
        """Wait until the sensor reads ``attached``; False if it does not before ``deadline``."""
        return await self._state.until(lambda state: state.attached == attached, deadline)

    async def change_tool(self, tool: str) -> bool:
        """Change to ``tool`` while standing at its changer; False if refused.

        Raises:
            RosError: The device does not answer.
        """
        worn = self.state().tool
        response = await self._bridge.call(self._tool, Command.Request(command=tool))
        # Asked twice, for want of an answer, the device refuses what it has done already.
        done_before = worn != tool and self.state().tool == tool
        if not (response.accepted or done_before):
            return False
        await self._state.seen(lambda state: state.tool == tool, f"tool {tool}")
        return True


class RosConveyor:
    """One belt."""

    def __init__(self, bridge: Bridge, node: Node, name: str, clock: CellTime) -> None:
        """Create the client."""
        self._bridge = bridge
        self._state = Latest(
            bridge, f"/{name}/state", ConveyorStateMessage, conveyor_from_message, clock
        )
        self._speed = node.create_client(SetConveyorSpeed, f"/{name}/set_speed")

    async def ready(self, deadline: float) -> None:
        """Wait for the device. Raises RosError after ``deadline`` [s] of steady time."""
        await self._bridge.until_ready(self._speed.service_is_ready, self._speed.srv_name, deadline)
        await self._state.ready(deadline)

    def listen(self, listener: Callable[[ConveyorState], None]) -> None:
        """Have ``listener`` called on the loop with each state."""
        self._state.listen(listener)

    def state(self) -> ConveyorState:
        """Return the latest state."""
        return self._state.get()

    async def set_speed(self, speed: float) -> None:
        """Set the speed [m/s], 0 to the nominal one.

        Raises:
            RosError: Refused, or no answer.
        """
        response = await self._bridge.call(self._speed, SetConveyorSpeed.Request(speed=speed))
        if not response.success:
            raise RosError(f"{self._speed.srv_name}: {response.message}")


class RosCamera:
    """One logical camera."""

    def __init__(self, bridge: Bridge, name: str) -> None:
        """Subscribe to the detections."""
        self._callbacks: list[Callable[[Detections], None]] = []

        def on_message(message: Detection3DArray) -> None:
            frame = detections_from_message(message, name)
            for callback in self._callbacks:
                callback(frame)

        bridge.subscribe(Detection3DArray, f"/{name}/detections", qos.STREAM, on_message)

    def subscribe(self, callback: Callable[[Detections], None]) -> None:
        """Have ``callback`` called on the loop with each frame."""
        self._callbacks.append(callback)


class RosTransporter:
    """One transporter."""

    def __init__(
        self, bridge: Bridge, node: Node, name: str, clock: CellTime, lost: Callable[[], bool]
    ) -> None:
        """Create the clients."""
        self._bridge, self._clock = bridge, clock
        self._state = Latest(
            bridge,
            f"/{name}/state",
            TransporterStateMessage,
            transporter_from_message,
            clock,
        )
        self._lock = node.create_client(SetBool, f"/{name}/lock_tray")
        self._move = GoalClient(bridge, node, MoveTransporter, f"/{name}/move", clock, lost)

    async def ready(self, deadline: float) -> None:
        """Wait for the device. Raises RosError after ``deadline`` [s] of steady time."""
        await self._bridge.until_ready(self._lock.service_is_ready, self._lock.srv_name, deadline)
        await self._move.ready(deadline)
        await self._state.ready(deadline)

    def listen(self, listener: Callable[[TransporterState], None]) -> None:
        """Have ``listener`` called on the loop with each state."""
        self._state.listen(listener)

    def state(self) -> TransporterState:
        """Return the latest state."""
        return self._state.get()

    async def move(self, station: str) -> MotionResult:
        """Go to a station; return on arrival.

        Raises:
            RosError: The device does not answer.
        """
        deadline = self._clock.now() + _LONGEST_DRIVE
        end = await self._move.run(MoveTransporter.Goal(station=station), deadline)
        if end.outcome is GoalOutcome.SUCCEEDED:
            await self._state.seen(lambda state: state.station == station, f"station {station}")
            return MotionResult(MotionOutcome.DONE)
        if end.outcome is GoalOutcome.REJECTED:
            return MotionResult(MotionOutcome.REJECTED, f"station {station!r} is refused")
        outcome = MotionOutcome[end.outcome.name]
        return MotionResult(outcome, end.result.message)

    async def set_tray_locked(self, locked: bool) -> bool:
        """Lock or unlock the tray; False if there is none to lock.

        Raises:
            RosError: The device does not answer.
        """
        response = await self._bridge.call(self._lock, SetBool.Request(data=locked))
        if response.success:
            await self._state.seen(lambda state: state.tray_locked == locked, "the tray lock")
        return bool(response.success)


class RosInspection:
    """The quality check."""

    def __init__(self, bridge: Bridge, node: Node) -> None:
        """Create the client."""
        self._bridge = bridge
        self._check = node.create_client(QualityCheck, "/quality_check")

    async def ready(self, deadline: float) -> None:
        """Wait for the device. Raises RosError after ``deadline`` [s] of steady time."""
        await self._bridge.until_ready(self._check.service_is_ready, self._check.srv_name, deadline)

    async def inspect(self, transporter: str) -> TrayContent:
        """Look at the tray on a transporter.

        Raises:
            RosError: The device does not answer.
            MessageError: Its answer is no report.
        """
        request = QualityCheck.Request(transporter=transporter)
        response = await self._bridge.call(self._check, request)
        return tray_content_from_json(response.report_json)
