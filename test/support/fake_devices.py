"""A cell without physics: arms follow their trajectories exactly, cups grasp by geometry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import (
    ConveyorState,
    Detection,
    Detections,
    GripperState,
    JointState,
    JointTrajectory,
    MotionOutcome,
    MotionResult,
    TransporterState,
    World,
)
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.service import MotionService
from smart_cell.runtime.skills import Skills
from smart_cell.vision.places import seat_pose
from smart_cell.vision.tracking import Tracker
from support.virtual_loop import VirtualClock

#: How far a cup may be below a part's top to grasp it [m], and aside.
NEAR_Z, NEAR_XY = 0.0045, 0.015
TICK = 0.004


@dataclass
class Thing:
    """A real part or tray. ``pose`` is at encoder travel 0 if it rides on a belt."""

    kind: str
    type: str
    color: str
    pose: Array
    tray_id: int | None = None
    belt: str | None = None
    holder: str | None = None
    grasp: Array = field(default_factory=lambda: np.eye(4))


class Events:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def emit(self, kind: str, **fields: Any) -> None:
        self.told.append((kind, fields))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]

    def last(self, kind: str) -> dict[str, Any]:
        return [fields for name, fields in self.told if name == kind][-1]


class FakeArm:
    """Follows trajectories exactly, by linear interpolation; stops dead when cancelled."""

    def __init__(self, model: ArmModel, clock: VirtualClock) -> None:
        self.model, self.clock = model, clock
        self.joint_names = model.joint_names
        self.position = model.home.copy()
        self.running: tuple[JointTrajectory, float] | None = None
        self.outcomes: list[MotionResult] = []
        self.executed: list[JointTrajectory] = []
        self.stuck = False

    def joint_state(self) -> JointState:
        q = self._at(self.clock.now())
        return JointState(self.clock.now(), self.joint_names, q, np.zeros(len(q)))

    def _at(self, time: float) -> Array:
        if self.running is None:
            return self.position
        trajectory, start = self.running
        columns = trajectory.positions.T
        return np.array([np.interp(time - start, trajectory.times, c) for c in columns])

    async def execute(self, trajectory: JointTrajectory) -> MotionResult:
        now = self.clock.now()
        start = now if trajectory.start is None else trajectory.start
        if self.outcomes:
            return self.outcomes.pop(0)
        assert np.abs(self._at(max(start, now)) - _point(trajectory, now - start)).max() < 0.005
        mine = (trajectory, start)
        self.running = mine
        self.executed.append(trajectory)
        try:
            end = start + float(trajectory.times[-1]) + (1e6 if self.stuck else 0.0)
            while self.clock.now() < end - 1e-9:
                await self.clock.sleep_until(min(end, self.clock.now() + 0.05))
                if self.running is not mine:
                    return MotionResult(MotionOutcome.PREEMPTED, "replaced")
        except asyncio.CancelledError:
            if self.running is mine:
                self._freeze()
            raise
        self._freeze()
        return MotionResult(MotionOutcome.DONE)

    def _freeze(self) -> None:
        self.position = self._at(self.clock.now())
        self.running = None

    async def stop(self) -> None:
        self._freeze()


def _point(trajectory: JointTrajectory, time: float) -> Array:
    return np.array([np.interp(time, trajectory.times, c) for c in trajectory.positions.T])


class FakeGripper:
    """Grasps what its cup touches while it is switched on."""

    def __init__(self, bench: FakeBench, arm: str, tool: str) -> None:
        self.bench, self.arm, self.tool = bench, arm, tool
        self.enabled = False
        self.held: Thing | None = None

    def state(self) -> GripperState:
        return GripperState(self.bench.clock.now(), self.enabled, self.held is not None, self.tool)

    async def set_enabled(self, enabled: bool) -> None:
        self.enabled = enabled
        if not enabled and self.held is not None:
            self.let_go()

    def let_go(self) -> None:
        assert self.held is not None
        pose = self.bench.pose(self.held)
        self.held.pose, self.held.holder, self.held = pose, None, None

    async def wait_attached(self, attached: bool, deadline: float) -> bool:
        clock = self.bench.clock
        while True:
            if attached and self.held is None and self.enabled:
                self._try()
            if (self.held is not None) == attached:
                return True
            if clock.now() >= deadline - 1e-9:
                return False
            await clock.sleep_until(min(deadline, clock.now() + TICK))

    def _try(self) -> None:
        contact = self.bench.contact(self.arm)
        model = self.bench.models[self.arm]
        grasps = model.gripper.tools[self.tool].grasps
        for thing in self.bench.things:
            if thing.holder is None and f"{thing.kind}s" == grasps:
                top = self.bench.top(thing)
                off = top - contact[:3, 3]
                if -1e-4 < off[2] < NEAR_Z and np.linalg.norm(off[:2]) < NEAR_XY:
                    thing.grasp = np.linalg.inv(contact) @ self.bench.pose(thing)
                    thing.holder, self.held, thing.belt = self.arm, thing, None
                    return

    async def change_tool(self, tool: str) -> bool:
        point = self.bench.contact(self.arm)[:3, 3]
        for name, changer in self.bench.cell.description.tool_changers.items():
            near = np.linalg.norm(point - self.bench.cell.pose(name).xyz) <= changer.tolerance_m
            if near and changer.tool == tool:
                self.tool = tool
                return True
        return False


class FakeConveyor:
    """Runs at its speed; ``silent`` keeps the tracker from hearing of it."""

    def __init__(self, clock: VirtualClock, speed: float) -> None:
        self.clock, self.speed = clock, speed
        self.since, self.travel = 0.0, 0.0
        self.silent = False

    def position(self) -> float:
        return self.travel + self.speed * (self.clock.now() - self.since)

    def state(self) -> ConveyorState:
        return ConveyorState(self.clock.now(), self.speed != 0.0, self.speed, self.position())

    async def set_speed(self, speed: float) -> None:
        self.travel, self.since, self.speed = self.position(), self.clock.now(), speed


class FakeTransporter:
    """Stands where it is told to."""

    def __init__(
        self, clock: VirtualClock, station: str, position: float, tray: int | None
    ) -> None:
        self.clock, self.station, self.travel, self.tray_id = clock, station, position, tray

    def state(self) -> TransporterState:
        return TransporterState(
            self.clock.now(), self.station, self.travel, 0.0, True, self.tray_id
        )


class FakeBench:
    """A cell of fakes with real tracker, motion service and skills. Made on a running loop."""

    def __init__(self, cell: Cell, running: bool = True) -> None:
        """Make everything; ``running`` belts run at their nominal speed."""
        self.cell, self.clock, self.events = cell, VirtualClock(), Events()
        d = cell.description
        self.models = {name: ArmModel(cell, name) for name in d.arms}
        self.things: list[Thing] = []
        self.arms = {name: FakeArm(model, self.clock) for name, model in self.models.items()}
        self.grippers = {
            arm.gripper: FakeGripper(self, name, d.grippers[arm.gripper].tool)
            for name, arm in d.arms.items()
        }
        self.conveyors = {
            name: FakeConveyor(self.clock, c.speed_m_s if running else 0.0)
            for name, c in d.conveyors.items()
        }
        self.transporters = {
            name: FakeTransporter(self.clock, t.home, t.stations[t.home].position_m, t.tray)
            for name, t in d.transporters.items()
        }
        self.world = World(
            clock=self.clock,
            events=self.events,
            arms=self.arms,
            grippers=self.grippers,
            conveyors=self.conveyors,
            cameras={},
            transporters=self.transporters,  # type: ignore[arg-type]
            inspection=None,  # type: ignore[arg-type]
        )
        self.tracker = Tracker(cell, self.clock)
        self.motion = MotionService(cell, self.world, self.tracker)
        self.skills = Skills(cell, self.world, self.tracker, self.motion)

    @asynccontextmanager
    async def seen(self) -> AsyncIterator[None]:
        """Cameras and encoders at work meanwhile; begins when they have seen everything."""
        looking = asyncio.ensure_future(self._look())
        try:
            await self.clock.sleep_until(self.clock.now() + 0.65)
            yield
        finally:
            looking.cancel()
            await asyncio.wait((looking,))

    async def _look(self) -> None:
        while True:
            for name, conveyor in self.conveyors.items():
                if not conveyor.silent:
                    self.tracker.on_conveyor(name, conveyor.state())
            for camera in self.cell.description.cameras:
                self.tracker.on_detections(self.frame(camera))
            await self.clock.sleep_until(self.clock.now() + 0.1)

    def frame(self, camera: str) -> Detections:
        """What a camera sees now."""
        description = self.cell.description.cameras[camera]
        inverse = np.linalg.inv(self.cell.pose(camera).matrix())
        items = []
        for thing in self.things:
            local = inverse @ self.pose(thing)
            x, y, z = local[:3, 3]
            wide, high = description.field_of_view_rad
            inside = abs(x) < z * np.tan(wide / 2) and abs(y) < z * np.tan(high / 2)
            if inside and description.range_m[0] < z < description.range_m[1]:
                pose = Pose.from_matrix(local)
                items.append(Detection(thing.kind, thing.type, thing.color, pose, thing.tray_id))
        return Detections(camera, self.clock.now(), tuple(items))

    # ------------------------------------------------------------------ what is true

    def add_part(self, part_type: str, color: str, pose: Pose, belt: str | None = None) -> Thing:
        """Lay a part somewhere; on a belt it rides from there."""
        matrix = pose.matrix()
        if belt is not None:
            matrix[:3, 3] -= self._along(belt) * self.conveyors[belt].position()
        thing = Thing("part", part_type, color, matrix, belt=belt)
        self.things.append(thing)
        return thing

    def add_tray(self, tray_id: int, table: str, slot: str) -> Thing:
        """Lay a tray onto a slot of a table."""
        kind = self.cell.description.tray_tables[table].tray_type
        height = self.cell.description.tray_types[kind].size_m[2]
        pose = self.cell.slot_pose(table, slot) @ Pose((0.0, 0.0, height))
        thing = Thing("tray", kind, "", pose.matrix(), tray_id=tray_id)
        self.things.append(thing)
        return thing

    def pose(self, thing: Thing) -> Array:
        """Where a thing really is now, (4, 4)."""
        if thing.holder is not None:
            return self.contact(thing.holder) @ thing.grasp
        pose = thing.pose.copy()
        if thing.belt is not None:
            pose[:3, 3] += self._along(thing.belt) * self.conveyors[thing.belt].position()
        return pose

    def top(self, thing: Thing) -> Array:
        """Where a cup belongs on a thing, (3,)."""
        if thing.kind == "tray":
            return self.pose(thing)[:3, 3]
        part = self.cell.description.part_types[thing.type]
        place = self.pose(thing) @ Pose((*part.grasp_xy_m, part.height)).matrix()
        return place[:3, 3]

    def contact(self, arm: str) -> Array:
        """Where an arm's contact face is now, (4, 4)."""
        return self.models[arm].contact(self.arms[arm].joint_state().position)

    def _along(self, belt: str) -> Array:
        return self.cell.pose(belt).matrix()[:3, 0]

    def part_id(self, thing: Thing) -> str:
        """The tracker's name of a thing that lies where it is seen."""
        place = self.pose(thing)[:3, 3]
        for part in self.tracker.parts():
            if np.linalg.norm(np.array(part.pose.xyz) - place) < 0.02 and part.type == thing.type:
                return part.part_id
        raise AssertionError(f"{thing.color} {thing.type} is not tracked")

    def slot(self, transporter: str, slot: str) -> Pose:
        """Where a slot of a transporter's tray is now."""
        seat = seat_pose(self.cell, transporter, self.transporters[transporter].travel)
        in_seat = self.cell.pose(transporter).inverse() @ self.cell.slot_pose(transporter, slot)
        return seat @ in_seat

    async def until(self, condition: Callable[[], bool], limit: float = 60.0) -> None:
        """Wait for a condition; fail after ``limit`` s of cell time."""
        deadline = self.clock.now() + limit
        while not condition():
            assert self.clock.now() < deadline, "it never happened"
            await self.clock.sleep_until(self.clock.now() + 0.02)
