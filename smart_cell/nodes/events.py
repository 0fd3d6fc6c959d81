"""Events over ROS: each process publishes its own, the cell process gathers all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from smart_cell_msgs.msg import Event

from smart_cell.model.ports import Clock
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge, Fault
from smart_cell.nodes.conversions import event_to_message, json_object, seconds
from smart_cell.recording.events import plain

#: Called with cell time [s], kind and fields of an event.
Listener = Callable[[float, str, Mapping[str, Any]], None]


class RosEvents:
    """The EventSink of a process: publishes on ``events``. Loop thread only."""

    def __init__(
        self,
        bridge: Bridge,
        node: Node,
        clock: Clock | None = None,
        listener: Listener | None = None,
    ) -> None:
        """Create the publisher.

        Args:
            bridge: The process' bridge.
            node: The node that publishes.
            clock: Cell time; None until :meth:`attach`, events then have the time 0.
            listener: Told of this process' own events, too.
        """
        self._source = bridge.process
        self._clock = clock
        self._listener = listener
        self._publisher = bridge.publisher(node, Event, "/events", qos.EVENTS)

    def attach(self, clock: Clock) -> None:
        """Take cell time from ``clock`` from now on."""
        self._clock = clock

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Record an event at the present cell time. Fields are JSON values."""
        time = 0.0 if self._clock is None else self._clock.now()
        values = plain(fields, kind)
        self._publisher.publish(event_to_message(time, self._source, kind, values))
        if self._listener is not None:
            self._listener(time, kind, values)

    def fault(self, fault: Fault) -> None:
        """Record a fault."""
        self.emit("fault", source=fault.source, code=fault.code, text=fault.text)

    async def flush(self, deadline: float) -> None:
        """Wait until all readers have everything, at most ``deadline`` [s] of steady time."""
        await asyncio.to_thread(
            self._publisher.wait_for_all_acked, Duration(nanoseconds=round(deadline * 1e9))
        )


def gather(bridge: Bridge, listener: Listener) -> None:
    """Have ``listener`` told of the events of all other processes."""

    def on_event(message: Event) -> None:
        if message.source != bridge.process:
            fields = json_object(message.data, f"the data of event {message.kind}")
            listener(seconds(message.header.stamp), message.kind, fields)

    bridge.subscribe(Event, "/events", qos.EVENTS, on_event)
