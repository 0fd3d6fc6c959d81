"""The simulation process: the twin in real time, with all of its devices behind ROS."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from smart_cell.model.cell import Cell
from smart_cell.model.orders import Job
from smart_cell.nodes import environment, process

environment.prepare()

from rosgraph_msgs.msg import Clock as ClockMessage  # noqa: E402
from sensor_msgs.msg import JointState as JointStateMessage  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

from smart_cell.nodes import qos  # noqa: E402
from smart_cell.nodes.arm_node import ArmNode  # noqa: E402
from smart_cell.nodes.bridge import Bridge, RosError  # noqa: E402
from smart_cell.nodes.camera_node import CameraNode  # noqa: E402
from smart_cell.nodes.clock import CellTime  # noqa: E402
from smart_cell.nodes.conversions import joint_state_to_message, stamp  # noqa: E402
from smart_cell.nodes.conveyor_node import ConveyorNode  # noqa: E402
from smart_cell.nodes.events import RosEvents  # noqa: E402
from smart_cell.nodes.frames import cell_transforms  # noqa: E402
from smart_cell.nodes.gripper_node import GripperNode  # noqa: E402
from smart_cell.nodes.heartbeat import Heartbeat, HeartbeatWatch  # noqa: E402
from smart_cell.nodes.inspection_node import InspectionNode  # noqa: E402
from smart_cell.nodes.transporter_node import TransporterNode  # noqa: E402
from smart_cell.simulation.twin import Twin  # noqa: E402

log = logging.getLogger(__name__)

#: Processes without which the arms do not move.
WATCHED = ("control", "cell")
#: Cell time that is simulated at a stretch; the period of ``/clock`` [s].
STRETCH = 0.01
#: Stretches between two publications of joint states and transforms: 50 Hz.
_STATES_EVERY = 2
#: Steady time that is caught up after a delay: nothing is faster than real time for long [s].
_CATCH_UP = 0.02
#: Steady time between two publications of the states before cell time runs [s].
_WAITING_PERIOD = 0.1
#: Joint speed below which an arm stands [rad/s, m/s], and how long it is shown to stand [s].
_STANDING = 1e-3
_SHOWN = 0.2


class SimulationNodes:
    """The twin's devices as nodes, and the loop that steps the twin."""

    def __init__(self, bridge: Bridge, cell: Cell, job: Job, seed: int) -> None:
        """Build the twin and all nodes; nothing runs yet."""
        self._bridge = bridge
        self._root = node = bridge.node("simulation_node")
        self.clock = CellTime()
        self.events = RosEvents(bridge, node, self.clock)
        self.twin = twin = Twin(cell, job, seed, self.events)
        self.watch = HeartbeatWatch(bridge, WATCHED)
        self.watch.on_change(self._on_heartbeat)
        self._blocked = "the processes " + " and ".join(WATCHED) + " are not up yet"
        self._heartbeat = Heartbeat(bridge, node)
        self._clock = bridge.publisher(node, ClockMessage, "/clock", qos.CLOCK_SOURCE)
        self._states = bridge.publisher(node, JointStateMessage, "joint_states", qos.STREAM)
        self._tf = bridge.publisher(node, TFMessage, "/tf", qos.STREAM)
        self._tf_static = bridge.publisher(node, TFMessage, "/tf_static", qos.LATCHED)
        self._arms = [
            ArmNode(bridge, cell, arm, self.clock, lambda: self._blocked)
            for arm in twin.arms.values()
        ]
        self._devices = _device_nodes(bridge, cell, twin)
        fixed = [transform for arm in self._arms for transform in arm.frames.fixed]
        self._tf_static.publish(TFMessage(transforms=[*cell_transforms(cell), *fixed]))
        self._stretches = 0
        self._shutting = False

    async def run(self) -> None:
        """Show the cell at time 0 until the other processes are up, then step it for ever."""
        waiting = asyncio.ensure_future(self.watch.all_alive())
        begin = self._bridge.loop.time()
        self._heartbeat.start()
        while not waiting.done():
            if self._bridge.loop.time() > begin + process.BRING_UP_DEADLINE:
                waiting.cancel()
                missing = " and ".join(self.watch.missing())
                raise RosError(
                    f"no heartbeat of {missing} {process.BRING_UP_DEADLINE:g} s after the start"
                )
            self._publish()
            self._heartbeat.turn()
            await asyncio.wait({waiting}, timeout=_WAITING_PERIOD)
        self._bridge.up = True
        log.info("cell time begins")
        await self._pace(lambda: False)

    async def stop(self, reason: str) -> None:
        """Stop all arms along their paths, and show that they stand."""
        self._block(reason)
        self._shutting = True
        stopping = asyncio.gather(*(arm.stop(reason) for arm in self._arms))
        shown = 0

        def done() -> bool:
            nonlocal shown
            shown = shown + 1 if stopping.done() and self._all_stand() else 0
            return shown * STRETCH >= _SHOWN

        await self._pace(done)
        await stopping
        self._heartbeat.stop()

    def _all_stand(self) -> bool:
        return all(
            abs(arm.joint_state().velocity).max() < _STANDING for arm in self.twin.arms.values()
        )

    async def _pace(self, done: Any) -> None:
        """Step the twin, at most as fast as steady time runs, until ``done()``."""
        loop = self._bridge.loop
        due = loop.time()
        while not done():
            self._stretch()
            due = max(due + STRETCH, loop.time() - _CATCH_UP)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _stretch(self) -> None:
        """Simulate one stretch and say what has come of it."""
        twin = self.twin
        end = (self._stretches + 1) * STRETCH - 1e-9
        while twin.time < end:
            twin.step()
        self._stretches += 1
        self.clock.set(twin.time)
        self._clock.publish(ClockMessage(clock=stamp(twin.time)))
        for device in self._devices:
            device.publish()
        if self._stretches % _STATES_EVERY == 0:
            self._publish_states()
        self._heartbeat.turn()

    def _publish(self) -> None:
        self._publish_states()
        for device in self._devices:
            device.publish()

    def _publish_states(self) -> None:
        states = [arm.publish() for arm in self._arms]
        self._states.publish(joint_state_to_message(states))
        moving = [
            transform
            for arm, state in zip(self._arms, states, strict=True)
            for transform in arm.frames.moving(state.position, state.time)
        ]
        self._tf.publish(TFMessage(transforms=moving))

    # ------------------------------------------------------------------ heartbeats

    def _on_heartbeat(self, name: str, alive: bool) -> None:
        missing = self.watch.missing()
        if not missing:
            self._block("")
        elif not alive and not self._shutting:
            reason = f"the heartbeat of process {' and '.join(missing)} is lost"
            self._block(reason)
            for arm in self._arms:
                self._bridge.spawn(arm.stop(reason), "a stop after a lost heartbeat")

    def _block(self, reason: str) -> None:
        if self._shutting:
            return
        self._blocked = reason
        for arm in self._arms:
            arm.tell_status()


def _device_nodes(bridge: Bridge, cell: Cell, twin: Twin) -> list[Any]:
    """Return the nodes of all devices but the arms; those that publish a state."""
    d = cell.description
    for name, camera in twin.cameras.items():
        CameraNode(bridge, name, camera)
    InspectionNode(bridge, twin.inspection, tuple(twin.transporters))
    return [
        *(
            GripperNode(bridge, name, gripper, tuple(d.grippers[name].tools))
            for name, gripper in twin.grippers.items()
        ),
        *(
            ConveyorNode(bridge, name, belt, d.conveyors[name].speed_m_s)
            for name, belt in twin.conveyors.items()
        ),
        *(
            TransporterNode(bridge, name, transporter, tuple(d.transporters[name].stations))
            for name, transporter in twin.transporters.items()
        ),
    ]


async def body(bridge: Bridge, options: process.Options, cell: Cell, job: Job) -> int:
    """Run the simulation until the process is to end; then stop the arms."""
    nodes = SimulationNodes(bridge, cell, job, options.seed)
    bridge.start()
    try:
        await nodes.run()
    finally:
        if bridge.failed.done():
            await process.tell(nodes.events, bridge.failed.result())
        await nodes.stop("the simulation process ends")
    return process.OK


def main() -> None:
    """Run the process and leave with its exit code."""
    process.leave(process.main("simulation", body))


if __name__ == "__main__":
    main()
