"""The control process: motion, skills, tracker; the devices are behind ROS."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from smart_cell.model.cell import Cell
from smart_cell.model.orders import Job
from smart_cell.nodes import environment, process

environment.prepare()

from smart_cell.nodes.bridge import Bridge, RosError  # noqa: E402
from smart_cell.nodes.clock import RosClock  # noqa: E402
from smart_cell.nodes.events import RosEvents  # noqa: E402
from smart_cell.nodes.heartbeat import Heartbeat, HeartbeatWatch  # noqa: E402
from smart_cell.nodes.motion_node import MotionNode  # noqa: E402
from smart_cell.nodes.remote_world import RosWorld  # noqa: E402
from smart_cell.nodes.tracker_node import TrackerNode  # noqa: E402
from smart_cell.runtime.motion.planning import ThreadedPlanning  # noqa: E402
from smart_cell.runtime.motion.service import MotionService  # noqa: E402
from smart_cell.runtime.skills import Skills  # noqa: E402
from smart_cell.vision.tracking import Tracker  # noqa: E402

#: Processes without which no arm moves.
WATCHED = ("simulation", "cell")
#: Cell time that a goal may be under way beyond what the cell's description says [s].
COMMUNICATION = 0.08


class TimedPlanning:
    """Plans in worker threads, and knows how long that has taken of late."""

    #: What a planning is taken to need before any has been measured [s].
    FIRST = 0.4
    #: How much longer than the longest of the last ones the next may take.
    MARGIN = 1.25

    def __init__(self, clock: RosClock, told: Callable[[float], None]) -> None:
        """Know nothing yet; ``told`` gets the time to give to the next planning [s]."""
        self._clock, self._told = clock, told
        self._plan = ThreadedPlanning()
        self._last: deque[float] = deque([self.FIRST], maxlen=12)

    async def __call__(self, work: Callable[[], Any]) -> Any:
        """Return what ``work`` returns."""
        begin = self._clock.now()
        try:
            return await self._plan(work)
        finally:
            self._last.append(self._clock.now() - begin)
            self._told(self.MARGIN * max(self._last))


class ControlNodes:
    """Everything of the control process."""

    def __init__(self, bridge: Bridge, cell: Cell) -> None:
        """Create all nodes; nothing runs yet."""
        self._bridge = bridge
        node = bridge.node("control_node")
        self.clock = RosClock(bridge)
        self.events = RosEvents(bridge, node, self.clock)
        self._watch = HeartbeatWatch(bridge, WATCHED)
        self._watch.on_change(self._on_heartbeat)
        self._heartbeat = Heartbeat(bridge, node)
        self._world = RosWorld(
            bridge, node, cell, self.clock, self.events, self._watch, cameras=True
        )
        ports = self._world.ports
        tracker = Tracker(cell, self.clock)
        self._tracker = TrackerNode(bridge, tracker, self._world, self.clock)
        latency = cell.description.latency

        def give(planning: float) -> None:
            motion.lead = planning + 2 * latency.communication_s + COMMUNICATION

        motion = MotionService(cell, ports, tracker, TimedPlanning(self.clock, give))
        give(TimedPlanning.FIRST)
        skills = Skills(cell, ports, tracker, motion)
        self._blocked = "the cell process is not up yet"
        self._arms = [
            MotionNode(
                bridge,
                cell,
                arm,
                skills,
                self.clock,
                self.events,
                lambda: self._blocked,
                self._tracker.publish,
            )
            for arm in cell.description.arms
        ]

    async def run(self) -> None:
        """Wait for the devices, then serve until cancelled."""
        await self._world.ready(process.BRING_UP_DEADLINE)
        self._tracker.publish()
        self._bridge.spawn(self._heartbeat.run(), "the heartbeat")
        if not await self.clock.begin(process.BRING_UP_DEADLINE):
            raise RosError(
                f"cell time has not begun {process.BRING_UP_DEADLINE:g} s after bring-up"
            )
        self._bridge.up = True
        await self._tracker.run()

    async def stop(self, reason: str) -> None:
        """Cancel all skills; return when the arms stand."""
        self._blocked = reason
        for arm in self._arms:
            arm.stop(reason)
        await asyncio.gather(*(arm.until_idle() for arm in self._arms))

    def _on_heartbeat(self, name: str, alive: bool) -> None:
        # Arms are stopped where they are moved, in arm_node; a process that stays away is a fault.
        missing = self._watch.missing()
        self._blocked = f"process {' and '.join(missing)} is not alive" if missing else ""


async def body(bridge: Bridge, options: process.Options, cell: Cell, job: Job) -> int:
    """Run motion and tracker until the process is to end; then stop the arms."""
    nodes = ControlNodes(bridge, cell)
    bridge.start()
    try:
        await nodes.run()
    finally:
        if bridge.failed.done():
            await process.tell(nodes.events, bridge.failed.result())
        await nodes.stop("the control process ends")
    return process.OK


def main() -> None:
    """Run the process and leave with its exit code."""
    process.leave(process.main("control", body))


if __name__ == "__main__":
    main()
