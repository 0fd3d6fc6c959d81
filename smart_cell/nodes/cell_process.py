"""The cell process: orders, orchestrator, the event log of all processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from smart_cell import __version__
from smart_cell.model.cell import Cell
from smart_cell.model.orders import Job
from smart_cell.nodes import environment, process

environment.prepare()

from smart_cell.nodes.bridge import Bridge, RosError  # noqa: E402
from smart_cell.nodes.cell_node import CellNode  # noqa: E402
from smart_cell.nodes.clock import RosClock  # noqa: E402
from smart_cell.nodes.events import RosEvents, gather  # noqa: E402
from smart_cell.nodes.heartbeat import Heartbeat, HeartbeatWatch  # noqa: E402
from smart_cell.nodes.remote_skills import RosParts, RosSkills  # noqa: E402
from smart_cell.nodes.remote_world import RosWorld  # noqa: E402
from smart_cell.recording.recorder import Recorder  # noqa: E402
from smart_cell.runtime.orchestrator import Orchestrator  # noqa: E402
from smart_cell.runtime.reach import Reach  # noqa: E402
from smart_cell.runtime.store import MemoryStore  # noqa: E402

#: Processes without which no order is worked.
WATCHED = ("simulation", "control")
#: Steady time between two reports of cell time to the supervisor [s].
_TICK = 0.25


class Sink:
    """Where the events of all processes end up: the supervisor's pipe, or a recorder of our own."""

    def __init__(self, recorder: Recorder | None) -> None:
        """Write to standard output, if there is no recorder."""
        self._recorder = recorder

    def event(self, time: float, kind: str, fields: Mapping[str, Any]) -> None:
        """Take an event."""
        if self._recorder is not None:
            self._recorder.log.record(time, kind, fields)
        else:
            self._write("event", time, kind, dict(fields))

    def up(self) -> None:
        """Take note that all processes are up."""
        if self._recorder is not None:
            self._recorder.started()
        else:
            self._write("up")

    def tick(self, time: float) -> None:
        """Take note of cell time [s]."""
        if self._recorder is not None:
            self._recorder.tick(time)
        else:
            self._write("time", time)

    @staticmethod
    def _write(*values: Any) -> None:
        with contextlib.suppress(BrokenPipeError):  # the supervisor has gone: so do we, in order
            sys.stdout.write(json.dumps(values, allow_nan=False) + "\n")
            sys.stdout.flush()


class CellNodes:
    """Everything of the cell process."""

    def __init__(self, bridge: Bridge, cell: Cell, job: Job, seed: int, sink: Sink) -> None:
        """Create all nodes; nothing runs yet."""
        self._bridge, self._cell, self._seed, self._sink = bridge, cell, seed, sink
        node = bridge.node("orchestrator_node")
        self.clock = RosClock(bridge)
        self.events = RosEvents(bridge, node, self.clock, sink.event)
        gather(bridge, sink.event)
        watch = HeartbeatWatch(bridge, WATCHED)
        self._heartbeat = Heartbeat(bridge, node)
        self._world = RosWorld(bridge, node, cell, self.clock, self.events, watch, cameras=False)
        self._parts = RosParts(bridge, self.clock)
        self._skills = RosSkills(
            bridge,
            node,
            cell.description.arms,
            self._parts,
            self.clock,
            lambda: "control" in watch.missing(),
        )
        self._watch = watch
        self._orchestrator = Orchestrator(
            cell, job, self._world.ports, self._parts, self._skills, MemoryStore(), Reach(cell)
        )
        self._node = CellNode(bridge, self._orchestrator, self.clock)

    async def run(self) -> int:
        """Wait for the other processes, work the orders, return the exit code."""
        await asyncio.gather(
            *(
                part.ready(process.BRING_UP_DEADLINE)
                for part in (self._world, self._parts, self._skills)
            )
        )
        try:
            await asyncio.wait_for(self._watch.all_alive(), process.BRING_UP_DEADLINE)
        except asyncio.TimeoutError:
            missing = " and ".join(self._watch.missing())
            raise RosError(f"no heartbeat of {missing} at bring-up") from None
        self._bridge.spawn(self._heartbeat.run(), "the heartbeat")
        if not await self.clock.begin(process.BRING_UP_DEADLINE):
            raise RosError("cell time has not begun although all processes are up")
        self._bridge.up = True
        self._sink.up()
        self.events.emit(
            "run_started", cell=self._cell.name, body="run", seed=self._seed, version=__version__
        )
        self._bridge.spawn(self._tick(), "the report of cell time")
        self._bridge.spawn(self._node.run(), "the cell node")
        outcome = await self._orchestrator.run()
        self._node.publish()
        self.events.emit("run_ended", ok=outcome.ok)
        return process.OK if outcome.ok else process.NOT_AS_ORDERED

    async def _tick(self) -> None:
        while True:
            self._sink.tick(self.clock.now())
            await asyncio.sleep(_TICK)


async def body(bridge: Bridge, options: process.Options, cell: Cell, job: Job) -> int:
    """Work the orders until all have ended or the process is to end; leave the report."""
    if options.timeout is not None:
        limits = [limit for limit in (job.time_limit_s, options.timeout) if limit is not None]
        job = job.model_copy(update={"time_limit_s": min(limits)})
    with contextlib.ExitStack() as stack:
        recorder = None
        if not options.pipe:
            folder = Path(options.report) if options.report else None
            recorder = stack.enter_context(Recorder(cell, job, folder, Console()))
        nodes = CellNodes(bridge, cell, job, options.seed, Sink(recorder))
        bridge.start()
        try:
            code = await nodes.run()
        finally:
            if bridge.failed.done():
                await process.tell(nodes.events, bridge.failed.result())
            await nodes.events.flush(0.2)
    if recorder is not None:
        recorder.print_summary()
        code = process.OK if recorder.report.ok else process.NOT_AS_ORDERED
    return code


def main() -> None:
    """Run the process and leave with its exit code."""
    process.leave(process.main("cell", body))


if __name__ == "__main__":
    main()
