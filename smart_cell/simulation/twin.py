"""The twin of a cell: physics and virtual devices, stepped together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Pose
from smart_cell.model.orders import Job
from smart_cell.model.ports import EventSink
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.simulation.arms import VirtualArm
from smart_cell.simulation.belts import Belt, Feeder
from smart_cell.simulation.cameras import VirtualCamera
from smart_cell.simulation.conveyors import VirtualConveyor
from smart_cell.simulation.frames import part_pose
from smart_cell.simulation.grippers import VirtualGripper
from smart_cell.simulation.inspection import VirtualInspection
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.pool import loaded_trays
from smart_cell.simulation.scene import build_scene
from smart_cell.simulation.scene_builder import TIMESTEP
from smart_cell.simulation.stock import Item, Stock
from smart_cell.simulation.transporters import VirtualTransporter
from smart_cell.simulation.watch import Watch

# Contacts are judged every so many steps; an impact lasts longer (contacts have 20 ms).
_LOOK_EVERY = 4
_OUTSIDE_EVERY = 500


@dataclass(frozen=True)
class Truth:
    """Where a part really is.

    Attributes:
        serial: Number of the part in this run.
        pose: Pose of its frame in the world.
        location: ``gripper:<arm>``, ``tray:<transporter>``, ``conveyor:<name>``, ``bin:<name>``,
            ``lost`` or ``loose``.
    """

    serial: int
    type: str
    color: str
    pose: Pose
    location: str
    flipped: bool


class Twin:
    """A cell in simulation. Owned by whoever steps it; used from one thread.

    Attributes:
        physics: The running simulation.
        stock: Parts and trays.
        arms: VirtualArm by arm.
        grippers: VirtualGripper by gripper.
        conveyors: VirtualConveyor by conveyor.
        cameras: VirtualCamera by camera.
        transporters: VirtualTransporter by transporter.
        inspection: The quality check.
        watch: The judge of collisions and lost parts.
    """

    def __init__(
        self, cell: Cell, job: Job, seed: int, events: EventSink, communication_s: float = 0.0
    ) -> None:
        """Build the scene and put everything in its place, at time 0.

        Args:
            cell: The cell.
            job: What is supplied; the orders only say how many parts may be needed.
            seed: Seed of everything that is drawn.
            events: Gets the events of the physical world.
            communication_s: Modelled delay of commands to devices [s].
        """
        description = cell.description
        self.cell, self.events = cell, events
        self.physics = physics = Physics(build_scene(cell, job))
        self.stock = stock = Stock(physics)
        delay = communication_s
        self.transporters: Mapping[str, VirtualTransporter] = MappingProxyType(
            {
                name: VirtualTransporter(physics, stock, cell, name, events, delay)
                for name in description.transporters
            }
        )
        self.arms: Mapping[str, VirtualArm] = MappingProxyType(
            {
                name: VirtualArm(physics, cell, name, ArmModel(cell, name).limits, delay)
                for name in description.arms
            }
        )
        grippers = [VirtualGripper(physics, stock, cell, name, delay) for name in description.arms]
        self.grippers: Mapping[str, VirtualGripper] = MappingProxyType(
            {gripper.name: gripper for gripper in grippers}
        )
        self._suctions = [gripper.suction for gripper in grippers]
        self._furnish(job)
        self.belts = {
            name: Belt(physics, stock, cell, name, events) for name in description.conveyors
        }
        self.conveyors: Mapping[str, VirtualConveyor] = MappingProxyType(
            {name: VirtualConveyor(physics, belt, delay) for name, belt in self.belts.items()}
        )
        self.feeders = [
            Feeder(physics, stock, cell, self.belts[supply.conveyor], supply, seed, events)
            for supply in job.supply.belts
        ]
        self.cameras: Mapping[str, VirtualCamera] = MappingProxyType(
            {name: VirtualCamera(physics, stock, cell, name) for name in description.cameras}
        )
        self.inspection = VirtualInspection(physics, stock, self.transporters, delay)
        self.watch = Watch(physics, stock, events)
        physics.run_due()

    def _furnish(self, job: Job) -> None:
        """Put trays and parts where they are at the start; trays on transporters are locked."""
        cell, stock = self.cell, self.stock
        for tray in job.supply.trays:
            slot = cell.slot_pose(tray.table, tray.slot)
            kind = cell.description.tray_tables[tray.table].tray_type
            height = cell.description.tray_types[kind].size_m[2]
            stock.enter_tray(tray.tray_id, kind, slot @ Pose((0.0, 0.0, height)), tray.table)
        for name, tray_id in loaded_trays(cell, job).items():
            transporter = self.transporters[name]
            kind = transporter.description.tray_type
            stock.enter_tray(tray_id, kind, transporter.tray_pose(), name)
            transporter.lock(True)
        for part in job.supply.parts:
            place = cell.slot_pose(part.place, part.slot)
            if part.place in self.transporters:
                transporter = self.transporters[part.place]
                place = transporter.seat() @ cell.pose(part.place).inverse() @ place
            height = cell.description.part_types[part.type].height
            pose = part_pose(place, part.rotation_rad, height, flipped=part.flipped)
            stock.enter_part(part.type, part.color, pose, part.place)

    # ------------------------------------------------------------------ time

    @property
    def time(self) -> float:
        """Cell time [s]."""
        return self.physics.time

    @property
    def timestep(self) -> float:
        """Length of one step [s]."""
        return TIMESTEP

    def step(self) -> None:
        """Advance devices and physics by one time step; futures and callbacks complete inside."""
        physics = self.physics
        for arm in self.arms.values():
            if arm.moving:
                arm.update()
        for transporter in self.transporters.values():
            if transporter.moving:
                transporter.update()
        physics.step()
        # Before a grasp changes what the contacts of this step mean.
        if physics.steps % _LOOK_EVERY == 0:
            self.watch.look()
            if physics.steps % _OUTSIDE_EVERY == 0:
                self.watch.look_outside()
        for suction in self._suctions:
            if suction.busy:
                suction.update()
        physics.run_due()

    # ------------------------------------------------------------------ truth

    def truth(self) -> tuple[Truth, ...]:
        """Return where every part in the cell really is, by serial number."""
        loads = {
            item.serial: f"tray:{name}"
            for name, transporter in self.transporters.items()
            for item in transporter.load()
        }
        return tuple(self._truth(item, loads) for item in self.stock.parts())

    def _truth(self, item: Item, loads: Mapping[int, str]) -> Truth:
        pose = self.stock.pose(item)
        if item.holder:
            location = f"gripper:{item.holder}"
        elif item.lost:
            location = "lost"
        else:
            location = loads.get(item.serial) or self._lying(pose)
        flipped = bool(pose.matrix()[2, 2] < 0.0)
        return Truth(item.serial, item.type, item.color, pose, location, flipped)

    def _lying(self, pose: Pose) -> str:
        description = self.cell.description
        for name, bin_ in description.bins.items():
            local = (self.cell.pose(name).inverse() @ pose).xyz
            inside = np.array(description.bin_types[bin_.type].inside_m) / 2
            if (np.abs(local[:2]) <= inside).all() and -0.02 < local[2] < 0.5:
                return f"bin:{name}"
        for name, belt in description.conveyors.items():
            local = (self.cell.pose(name).inverse() @ pose).xyz
            on_it = -0.1 <= local[0] <= belt.length_m and abs(local[1]) <= belt.width_m / 2
            if on_it and -0.02 < local[2] < 0.5:
                return f"conveyor:{name}"
        return "loose"
