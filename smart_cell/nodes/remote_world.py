"""All ports of a cell over ROS, put together for the processes that have no simulation."""

from __future__ import annotations

import asyncio
from typing import Protocol

from rclpy.node import Node

from smart_cell.model.cell import Cell
from smart_cell.model.ports import World
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.clock import CellTime
from smart_cell.nodes.events import RosEvents
from smart_cell.nodes.heartbeat import HeartbeatWatch
from smart_cell.nodes.remote_arm import JointStates, RosArm, follow_client
from smart_cell.nodes.remote_devices import (
    RosCamera,
    RosConveyor,
    RosGripper,
    RosInspection,
    RosTransporter,
)


class _Device(Protocol):
    """What can be waited for."""

    async def ready(self, deadline: float) -> None:
        """Wait until it is there, ``deadline`` [s] of steady time."""


class RosWorld:
    """The cell's devices behind ROS.

    Attributes:
        ports: The devices as the brain takes them.
    """

    def __init__(
        self,
        bridge: Bridge,
        node: Node,
        cell: Cell,
        clock: CellTime,
        events: RosEvents,
        watch: HeartbeatWatch,
        *,
        cameras: bool,
    ) -> None:
        """Create all clients and subscriptions.

        Args:
            bridge: The process' bridge.
            node: The node that asks.
            cell: The cell.
            clock: Cell time.
            events: The process' events.
            watch: Knows whether the simulation process is alive.
            cameras: Whether this process looks at the cameras; else it has none.
        """
        d = cell.description

        def lost() -> bool:
            return "simulation" in watch.missing()

        joints = {name: cell.joint_names(name) for name in d.arms}
        states = JointStates(bridge, joints)
        self._arms = {
            name: RosArm(
                bridge,
                name,
                joints[name],
                states,
                follow_client(bridge, node, name, clock, lost),
                clock,
            )
            for name in d.arms
        }
        grippers = {name: RosGripper(bridge, node, name, clock) for name in d.grippers}
        self.conveyors = {name: RosConveyor(bridge, node, name, clock) for name in d.conveyors}
        self.transporters = {
            name: RosTransporter(bridge, node, name, clock, lost) for name in d.transporters
        }
        seeing = d.cameras if cameras else ()
        inspection = RosInspection(bridge, node)
        self._waits: list[_Device] = [
            *self._arms.values(),
            *grippers.values(),
            *self.conveyors.values(),
            *self.transporters.values(),
            inspection,
        ]
        self.ports = World(
            clock=clock,
            events=events,
            arms=self._arms,
            grippers=grippers,
            conveyors=self.conveyors,
            cameras={name: RosCamera(bridge, name) for name in seeing},
            transporters=self.transporters,
            inspection=inspection,
        )

    async def ready(self, deadline: float) -> None:
        """Wait for all devices.

        Raises:
            RosError: One is not there within ``deadline`` [s] of steady time.
        """
        await asyncio.gather(*(device.ready(deadline) for device in self._waits))
