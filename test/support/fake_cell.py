"""A cell without physics: parts, trays, transporters and skills that do what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Pose
from smart_cell.model.orders import Announcement, Job, KittingOrder, Product
from smart_cell.model.ports import (
    ConveyorState,
    GripperState,
    MotionOutcome,
    MotionResult,
    SkillOutcome,
    SkillResult,
    SlotContent,
    TrackedPart,
    TrackedTray,
    TransporterState,
    TrayContent,
    World,
)
from smart_cell.model.supply import Supply
from smart_cell.runtime.orchestrator import Orchestrator, Outcome
from smart_cell.runtime.store import MemoryStore
from support.virtual_loop import VirtualClock

Script = Callable[[str, str, Mapping[str, Any]], SkillResult | None]


class Events:
    """Keeps what is emitted."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.all: list[dict[str, Any]] = []

    def emit(self, kind: str, **fields: Any) -> None:
        self.all.append({"t": round(self._clock.now(), 6), "kind": kind, **fields})

    def of(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        return [
            event
            for event in self.all
            if event["kind"] == kind and all(event[k] == v for k, v in fields.items())
        ]


class FakeReach:
    """Reaches what a function says; travel is the distance at 1 m/s."""

    def __init__(self, reaches: Callable[[str, Pose], bool]) -> None:
        self._reaches = reaches

    def can_reach(self, arm: str, pose: Pose) -> bool:
        return self._reaches(arm, pose)

    def travel_time(self, arm: str, start: Pose | None, goal: Pose) -> float:
        if start is None:
            return 0.5
        return sum((a - b) ** 2 for a, b in zip(start.xyz, goal.xyz, strict=True)) ** 0.5


@dataclass
class FakeGripper:
    tool: str
    held: TrackedPart | TrackedTray | None = None

    def state(self) -> GripperState:
        return GripperState(0.0, self.held is not None, self.held is not None, self.tool)


@dataclass
class FakeTransporter:
    """Moves in 2 s; at a delivering station the tray has gone when it leaves for another one."""

    clock: VirtualClock
    cell: Cell
    name: str
    tray_id: int | None
    station: str = ""
    locked: bool = False
    content: dict[str, TrackedPart] = field(default_factory=dict)
    delivered: list[tuple[int | None, dict[str, TrackedPart]]] = field(default_factory=list)
    broken: bool = False

    def state(self) -> TransporterState:
        return TransporterState(self.clock.now(), self.station, 0.0, 0.0, self.locked, self.tray_id)

    async def move(self, station: str) -> MotionResult:
        description = self.cell.description.transporters[self.name]
        if self.broken:
            return MotionResult(MotionOutcome.ABORTED, "drive fault")
        if self.station and description.stations[self.station].delivers:
            self.delivered.append((self.tray_id, dict(self.content)))
            self.content.clear()
            self.tray_id = description.tray if description.replenishes else None
            self.locked = False
        self.station = ""
        await self.clock.sleep_until(self.clock.now() + 2.0)
        self.station = station
        return MotionResult(MotionOutcome.DONE)

    async def set_tray_locked(self, locked: bool) -> bool:
        self.locked = locked and self.tray_id is not None
        return self.tray_id is not None


class FakeConveyor:
    """A belt that never stops."""

    def __init__(self, clock: VirtualClock, speed: float) -> None:
        self._clock, self._speed = clock, speed

    def state(self) -> ConveyorState:
        now = self._clock.now()
        return ConveyorState(now, True, self._speed, self._speed * now)

    async def set_speed(self, speed: float) -> None:
        raise NotImplementedError


class FakeCell:
    """All ports of a cell, the tracker and the skills.

    Attributes:
        script: Asked before each skill; what it returns is the skill's end, None = it succeeds.
        duration: Of each skill [s].
        crooked: Parts that the inspection finds out of place until they are picked.
    """

    def __init__(self, cell: Cell, supply: Supply, reaches: Callable[[str, Pose], bool]) -> None:
        self.cell, self.supply = cell, supply
        self.clock = VirtualClock()
        self.events = Events(self.clock)
        self.reach = FakeReach(reaches)
        self.script: Script = lambda arm, skill, parameters: None
        self.duration = 2.0
        self.crooked: set[str] = set()
        self.running: dict[str, str] = {}
        self.overlaps: list[str] = []
        self.skills_run: list[tuple[str, str, Mapping[str, Any]]] = []
        self.static: dict[str, TrackedPart] = {}
        self.taken: dict[str, TrackedPart] = {}
        d = cell.description
        self.grippers = {
            arm.gripper: FakeGripper(d.grippers[arm.gripper].tool) for arm in d.arms.values()
        }
        self.transporters = {
            name: FakeTransporter(
                self.clock, cell, name, supply.loaded_trays.get(name, item.tray), item.home
            )
            for name, item in d.transporters.items()
        }
        self.tray_list = {
            f"t{number}": TrackedTray(
                f"t{number}",
                tray.tray_id,
                d.tray_tables[tray.table].tray_type,
                cell.slot_pose(tray.table, tray.slot),
                f"tray_table:{tray.table}",
                0.0,
            )
            for number, tray in enumerate(supply.trays, 1)
        }
        for index, item in enumerate(supply.parts):
            part = TrackedPart(
                f"p{index:03d}", item.type, item.color, cell.slot_pose(item.place, item.slot),
                (0.0, 0.0, 0.0), f"bin:{item.place}", item.flipped, 0.0, 0.0,
            )  # fmt: skip
            if item.place in d.transporters:
                part = replace(part, location=f"tray:{item.place}")
                self.transporters[item.place].content[item.slot] = part
            else:
                self.static[part.part_id] = part
        self.world = World(
            clock=self.clock,
            events=self.events,
            arms={},
            grippers=self.grippers,  # type: ignore[arg-type]
            conveyors={n: FakeConveyor(self.clock, c.speed_m_s) for n, c in d.conveyors.items()},
            cameras={},
            transporters=self.transporters,
            inspection=self,
        )

    # ---------------------------------------------------------------- tracker

    def parts(self) -> tuple[TrackedPart, ...]:
        on_trays = [p for t in self.transporters.values() for p in t.content.values()]
        known = [*self.static.values(), *self._belt_parts(), *on_trays]
        return tuple(sorted(known, key=lambda part: part.part_id))

    def trays(self) -> tuple[TrackedTray, ...]:
        return tuple(self.tray_list.values())

    def _belt_parts(self) -> list[TrackedPart]:
        """Parts that were fed and have neither left the belt nor been taken."""
        now, found = self.clock.now(), []
        for belt in self.supply.belts:
            conveyor = self.cell.description.conveyors[belt.conveyor]
            cycle = [part for part in belt.parts for _ in range(part.count)]
            fed = int(now / belt.period_s) + 1
            fed = min(fed, belt.limit) if belt.limit is not None else fed
            fed = fed if belt.repeats else min(fed, len(cycle))
            for index in range(fed):
                x = conveyor.spawn_x_m + conveyor.speed_m_s * (now - index * belt.period_s)
                part_id = f"{belt.conveyor}-{index:05d}"
                if x > conveyor.length_m or part_id in self.taken:
                    continue
                item = cycle[index % len(cycle)]
                pose = self.cell.pose(belt.conveyor) @ Pose((x, 0.0, 0.0))
                found.append(
                    TrackedPart(
                        part_id,
                        item.type,
                        item.color,
                        pose,
                        (0.0, 0.0, 0.0),
                        f"conveyor:{belt.conveyor}",
                        item.flipped,
                        now,
                        now,
                    )  # fmt: skip
                )
        return found

    # ---------------------------------------------------------------- inspection

    async def inspect(self, transporter: str) -> TrayContent:
        await self.clock.sleep_until(self.clock.now() + 0.02)
        port = self.transporters[transporter]
        slots = tuple(
            SlotContent(slot, part.type, part.color, part.flipped, part.part_id not in self.crooked)
            for slot, part in port.content.items()
        )
        return TrayContent(port.tray_id, slots)

    # ---------------------------------------------------------------- skills

    async def run(self, arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        if arm in self.running:
            self.overlaps.append(f"{arm}: {skill} while {self.running[arm]}")
        self.running[arm] = skill
        self.skills_run.append((arm, skill, dict(parameters)))
        try:
            await self.clock.sleep_until(self.clock.now() + self.duration)
            scripted = self.script(arm, skill, parameters)
            if scripted is not None:
                return scripted
            return self._do(
                self.grippers[self.cell.description.arms[arm].gripper], skill, parameters
            )
        finally:
            del self.running[arm]

    def _do(self, gripper: FakeGripper, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        data: dict[str, Any] = {}
        if skill == "pick":
            assert gripper.held is None, "picks while it holds something"
            part = next((p for p in self.parts() if p.part_id == parameters["part_id"]), None)
            if part is None:
                return SkillResult(SkillOutcome.NOT_ATTACHED, "it has gone")
            self._take(part)
            gripper.held = part
        elif skill == "place":
            assert isinstance(gripper.held, TrackedPart)
            transporter = self.transporters[parameters["transporter"]]
            assert transporter.locked
            assert parameters["slot"] not in transporter.content, "the slot is taken"
            location = f"tray:{parameters['transporter']}"
            pose = self.cell.slot_pose(parameters["transporter"], parameters["slot"])
            transporter.content[parameters["slot"]] = replace(
                gripper.held, location=location, pose=pose
            )
            gripper.held = None
        elif skill == "pick_tray":
            gripper.held = self.tray_list.pop(parameters["tray"])
            data["tray_id"] = gripper.held.tray_id
        elif skill == "place_tray":
            assert isinstance(gripper.held, TrackedTray)
            self.transporters[parameters["transporter"]].tray_id = gripper.held.tray_id
            gripper.held = None
        elif skill == "change_tool":
            gripper.tool = parameters["tool"]
        else:
            assert skill == "discard"
            if isinstance(gripper.held, TrackedPart) and gripper.held.location.startswith("tray:"):
                away = replace(gripper.held, location="bin:away")
                self.static[away.part_id] = away
            gripper.held = None
        return SkillResult(SkillOutcome.DONE, data=data)

    def _take(self, part: TrackedPart) -> None:
        self.taken[part.part_id] = part
        self.static.pop(part.part_id, None)
        self.crooked.discard(part.part_id)
        for transporter in self.transporters.values():
            for slot in [s for s, p in transporter.content.items() if p.part_id == part.part_id]:
                del transporter.content[slot]

    # ---------------------------------------------------------------- whole runs

    def orchestrator(
        self,
        orders: Sequence[KittingOrder],
        scoring: str | None = None,
        time_limit: float | None = None,
    ) -> Orchestrator:
        """Return an orchestrator on this cell; to be called on the loop."""
        job = Job(
            orders=tuple(orders), supply=self.supply, scoring=scoring, time_limit_s=time_limit
        )  # type: ignore[arg-type]
        return Orchestrator(self.cell, job, self.world, self, self, MemoryStore(), self.reach)

    async def work(self, orders: Sequence[KittingOrder], scoring: str | None = None) -> Outcome:
        """Work orders to their end."""
        outcome = await self.orchestrator(orders, scoring).run()
        assert not self.overlaps, self.overlaps
        return outcome

    def status(self, order_id: str) -> str:
        """Return how an order ended, by the events."""
        (event,) = self.events.of("order_ended", order_id=order_id)
        return str(event["status"])


def kit(
    order_id: str, products: Sequence[tuple[str, str, str]], destination: str = "out", **fields: Any
) -> KittingOrder:
    """Return a kitting order; products are type, colour, slot."""
    items = tuple(Product(type=t, color=c, slot=s) for t, c, s in products)
    return KittingOrder(order_id=order_id, destination=destination, products=items, **fields)


def after(**condition: Any) -> Announcement:
    """Return an announcement condition."""
    return Announcement(**condition)


async def settle(clock: VirtualClock, seconds: float) -> None:
    """Let cell time pass."""
    await clock.sleep_until(clock.now() + seconds)
    await asyncio.sleep(0)
