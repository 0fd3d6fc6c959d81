"""Heartbeats: a process proves that its work goes on; others notice soon if it does not."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable

from rclpy.node import Node
from std_msgs.msg import Empty

from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge, Fault

log = logging.getLogger(__name__)

#: Time between two heartbeats [s]: four in a lease.
PERIOD = qos.HEARTBEAT_LEASE / 4
#: Steady time without a turn of the work loop after which the loop counts as hung [s].
HUNG = 0.8
#: Steady time after which a process that was lost and has not come back is given up [s].
GIVE_UP = 1.5


class Heartbeat:
    """The heartbeat of this process, MANUAL_BY_TOPIC: silent means dead or hung.

    The work loop says with :meth:`turn`, after its work, that it is alive; a thread of its own
    publishes that on time for as long as the last turn is not older than :data:`HUNG`. A
    computation that holds the loop for a moment, or a busy machine, is then not taken for a death,
    while a killed or stopped process is missed within the lease and a hung loop within
    :data:`HUNG` and the lease.
    """

    def __init__(self, bridge: Bridge, node: Node) -> None:
        """Create the publisher; nothing is said before :meth:`start`."""
        self._publisher = bridge.publisher(
            node, Empty, f"/heartbeat/{bridge.process}", qos.HEARTBEAT
        )
        self._node = node
        self._turned = time.monotonic()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        bridge.on_close(self.stop)

    def start(self) -> None:
        """Begin to beat."""
        self.turn()
        self._publisher.publish(Empty())
        self._thread.start()

    def turn(self) -> None:
        """Say that a turn of the work loop is done."""
        self._turned = time.monotonic()

    def stop(self) -> None:
        """Say goodbye: beat no more. Safe to call twice."""
        if self._end.is_set():
            return
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(1.0)
        self._node.destroy_publisher(self._publisher)

    async def run(self) -> None:
        """Beat for an asyncio loop whose work is done by its tasks, until cancelled."""
        self.start()
        while True:
            self.turn()
            await asyncio.sleep(PERIOD)

    def _beat(self) -> None:
        while not self._end.wait(PERIOD):
            if time.monotonic() - self._turned < HUNG:
                self._publisher.publish(Empty())


class HeartbeatWatch:
    """Watches the heartbeats of other processes. Loop thread only.

    A process that was alive and falls silent for the lease is *lost*: the callbacks are told at
    once. If it stays away for :data:`GIVE_UP`, that is a fault of this process, too. One that says
    goodbye by closing its publisher is not alive either, but no fault: whoever started it knows
    why it went.
    """

    def __init__(self, bridge: Bridge, processes: Iterable[str]) -> None:
        """Subscribe to the heartbeats of ``processes``."""
        self._bridge = bridge
        self._alive = dict.fromkeys(processes, False)
        self._watchers: list[Callable[[str, bool], None]] = []
        self._complete: asyncio.Future[None] = bridge.loop.create_future()
        self._giving_up: dict[str, asyncio.TimerHandle] = {}
        for process in self._alive:
            self._subscribe(process)
        self._look()

    def on_change(self, callback: Callable[[str, bool], None]) -> None:
        """Have ``callback(process, alive)`` called at each change."""
        self._watchers.append(callback)

    def missing(self) -> tuple[str, ...]:
        """Return the watched processes that are not alive now."""
        return tuple(process for process, alive in self._alive.items() if not alive)

    async def all_alive(self) -> None:
        """Return when all watched processes have been alive at the same time, once."""
        await asyncio.shield(self._complete)

    def _subscribe(self, process: str) -> None:
        self._bridge.subscribe(
            Empty,
            f"/heartbeat/{process}",
            qos.HEARTBEAT,
            lambda message: None,
            liveliness=lambda alive, silent: self._changed(process, alive > 0, silent > 0),
        )

    def _changed(self, process: str, alive: bool, silent: bool) -> None:
        if self._alive[process] == alive:
            return
        self._alive[process] = alive
        if alive:
            if process in self._giving_up:
                log.warning("the heartbeat of process %s is back", process)
                self._giving_up.pop(process).cancel()
        elif silent:
            log.warning("the heartbeat of process %s is lost", process)
            self._giving_up[process] = self._bridge.loop.call_later(GIVE_UP, self._give_up, process)
        for watcher in self._watchers:
            watcher(process, alive)
        self._look()

    def _look(self) -> None:
        if not self._complete.done() and not self.missing():
            self._complete.set_result(None)

    def _give_up(self, process: str) -> None:
        text = f"process {process} has given no heartbeat for {GIVE_UP + qos.HEARTBEAT_LEASE:.1f} s"
        self._bridge.fail(Fault(process, "heartbeat_lost", text))
