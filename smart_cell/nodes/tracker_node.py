"""The tracker over ROS: detections and belt states in, tracked parts and trays out."""

from __future__ import annotations

from functools import partial

from smart_cell_msgs.msg import Parts

from smart_cell.model.ports import Clock
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import parts_to_message
from smart_cell.nodes.remote_world import RosWorld
from smart_cell.vision.tracking import Tracker

#: Cell time between two publications [s].
PERIOD = 0.1


class TrackerNode:
    """Feeds the tracker and publishes what it knows, ten times a second."""

    def __init__(self, bridge: Bridge, tracker: Tracker, world: RosWorld, clock: Clock) -> None:
        """Create the node ``/tracker_node`` and connect the tracker."""
        self._tracker, self._clock = tracker, clock
        self._publisher = bridge.publisher(bridge.node("tracker_node"), Parts, "parts", qos.STATE)
        for camera in world.ports.cameras.values():
            camera.subscribe(tracker.on_detections)
        for name, conveyor in world.conveyors.items():
            conveyor.listen(partial(tracker.on_conveyor, name))

    def publish(self) -> None:
        """Publish the tracker's view of now."""
        tracker = self._tracker
        self._publisher.publish(
            parts_to_message(tracker.parts(), tracker.trays(), self._clock.now())
        )

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self.publish()
            await self._clock.sleep_until(self._clock.now() + PERIOD)
