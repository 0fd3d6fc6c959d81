"""A camera of the twin over ROS: its detections."""

from __future__ import annotations

from vision_msgs.msg import Detection3DArray

from smart_cell.model.ports import CameraPort, Detections
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import detections_to_message

#: Most frames that are published in a second of cell time [1/s].
MAX_RATE = 10.0


class CameraNode:
    """One logical camera: publishes its frames, at most :data:`MAX_RATE` of them."""

    def __init__(self, bridge: Bridge, name: str, camera: CameraPort) -> None:
        """Create the node ``/<camera>/vision_node`` and its publisher."""
        node = bridge.node("vision_node", name)
        self._publisher = bridge.publisher(node, Detection3DArray, "detections", qos.STREAM)
        self._next = 0.0
        camera.subscribe(self._on_frame)

    def _on_frame(self, frame: Detections) -> None:
        if frame.time < self._next - 1e-6:
            return
        self._next = frame.time + 1.0 / MAX_RATE
        self._publisher.publish(detections_to_message(frame))
