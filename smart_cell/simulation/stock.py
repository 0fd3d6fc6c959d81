"""The parts and trays of the twin: bodies from the pools, entering and leaving the cell."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from smart_cell.model.geometry import Array, Pose
from smart_cell.simulation.frames import from_qpos, to_qpos
from smart_cell.simulation.layers import AFFINITY, Class, Layer
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.scene import PARKING_Z, color_rgba

# A sleeping body wakes on any velocity; this one moves it by far less than its contacts do.
_NUDGE = 1e-6
# A body that is awake but has been still for some steps is about to sleep, whatever has happened to
# it since: this value of ``tree_asleep`` begins its count anew.
_WIDE_AWAKE = -(mujoco.mjMINAWAKE + 1)


@dataclass
class Item:
    """One free body of the pools: a part, or a tray.

    Attributes:
        serial: Number of the part in this run, in order of entry; a tray's number.
        kind: ``part`` or ``tray``.
        type: Part type or tray type.
        color: Colour of the part that the body stands for now.
        present: Is in the cell.
        lost: Was reported lost.
        holder: Arm that holds it; empty = none.
        origin: Where it came into the cell.
        parking: Where the body waits while it stands for nothing, shape (7,).
    """

    kind: str
    type: str
    body: int
    geom: int
    qpos: int
    dof: int
    parking: Array
    serial: int = -1
    color: str = ""
    present: bool = False
    lost: bool = False
    holder: str = ""
    origin: str = ""

    @property
    def label(self) -> str:
        """What reports call it."""
        return f"tray {self.serial}" if self.kind == "tray" else f"{self.color} {self.type}"


class Stock:
    """All parts and trays, present and parked."""

    def __init__(self, physics: Physics) -> None:
        """Take over the pools of the scene; everything is parked."""
        self._physics = physics
        scene = physics.scene
        self._free: dict[str, list[Item]] = {}
        self._present: dict[int, Item] = {}
        self.by_geom: dict[int, Item] = {}
        self._serial = 0
        self._cache: tuple[list[Item], NDArray[np.int64]] | None = None
        for kind, bodies in scene.parts.items():
            self._free[kind] = [self._item("part", kind, body) for body in reversed(bodies)]
        self.trays = [self._tray(*tray) for tray in scene.trays]

    def _item(self, kind: str, type_name: str, body: int) -> Item:
        model = self._physics.model
        joint = int(model.body_jntadr[body])
        qpos, dof = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
        parking = self._physics.data.qpos[qpos : qpos + 7].copy()
        item = Item(kind, type_name, body, int(model.body_geomadr[body]), qpos, dof, parking)
        self.by_geom[item.geom] = item
        self._set_bits(item, 0, 0)
        return item

    def _tray(self, number: int, type_name: str, body: int) -> Item:
        item = self._item("tray", type_name, body)
        item.serial = number
        return item

    def _set_bits(self, item: Item, contype: int, conaffinity: int) -> None:
        model = self._physics.model
        model.geom_contype[item.geom] = model.body_contype[item.body] = contype
        model.geom_conaffinity[item.geom] = model.body_conaffinity[item.body] = conaffinity

    @property
    def items(self) -> list[Item]:
        """Everything present: parts by serial number, then trays in the order of entry."""
        return self._indexed()[0]

    def parts(self) -> list[Item]:
        """Return the parts that are present."""
        return [item for item in self.items if item.kind == "part"]

    def coordinates(self) -> Array:
        """Return the free-joint coordinates of ``items``, shape (m, 7)."""
        return np.asarray(self._physics.data.qpos[self._indexed()[1]])

    def _indexed(self) -> tuple[list[Item], NDArray[np.int64]]:
        if self._cache is None:
            items = sorted(self._present.values(), key=lambda i: (i.kind != "part", i.serial))
            starts = np.array([item.qpos for item in items], dtype=np.int64).reshape(-1, 1)
            self._cache = (items, starts + np.arange(7))
        return self._cache

    def pose(self, item: Item) -> Pose:
        """Return the pose of an item's frame in the world."""
        return from_qpos(self._physics.data.qpos[item.qpos : item.qpos + 7])

    def available(self, part_type: str) -> bool:
        """Whether a part of that type can be entered now."""
        return bool(self._free.get(part_type))

    def enter_part(
        self,
        part_type: str,
        color: str,
        pose: Pose,
        origin: str,
        velocity: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Item | None:
        """Bring a part into the cell; None if no body of its type is free.

        Args:
            part_type: Its type.
            color: Its colour.
            pose: Pose of its frame in the world.
            origin: Where it comes in, for reports.
            velocity: Linear velocity at the start [m/s].
        """
        free = self._free.get(part_type)
        if not free:
            return None
        item = free.pop()
        item.serial, self._serial = self._serial, self._serial + 1
        item.color, item.origin, item.lost, item.holder = color, origin, False, ""
        self._physics.model.geom_rgba[item.geom] = color_rgba(color)
        self._place(item, pose, velocity)
        return item

    def enter_tray(self, tray_id: int, type_name: str, pose: Pose, origin: str) -> Item:
        """Bring a tray that is not there yet into the cell; ``pose`` is of its frame in the world.

        Raises:
            LookupError: The scene has no further tray of that number and type.
        """
        kind = (tray_id, type_name)
        waiting = [i for i in self.trays if (i.serial, i.type) == kind and not i.present]
        if not waiting:
            raise LookupError(f"no {type_name} with number {tray_id} is left")
        item = waiting[0]
        item.origin, item.lost, item.holder = origin, False, ""
        self._place(item, pose, (0.0, 0.0, 0.0))
        return item

    def _place(self, item: Item, pose: Pose, velocity: tuple[float, float, float]) -> None:
        physics = self._physics
        physics.data.qpos[item.qpos : item.qpos + 7] = to_qpos(pose)
        physics.data.qvel[item.dof : item.dof + 6] = (*velocity, 0.0, 0.0, 0.0)
        physics.model.body_gravcomp[item.body] = 0.0
        layer = Layer.PART if item.kind == "part" else Layer.TRAY
        self._set_bits(item, int(layer), AFFINITY[layer])
        item.present = True
        self._present[item.body] = item
        self._cache = None
        self.set_held(item, "")
        self.wake(item)

    def leave(self, item: Item) -> None:
        """Take an item out of the cell; its body is free again. It must not be held or locked."""
        physics = self._physics
        physics.data.qpos[item.qpos : item.qpos + 7] = item.parking
        physics.data.qvel[item.dof : item.dof + 6] = 0.0
        physics.model.body_gravcomp[item.body] = 1.0
        self._set_bits(item, 0, 0)
        item.present = False
        del self._present[item.body]
        self._cache = None
        if item.kind == "part":
            self._free[item.type].append(item)

    def wake(self, item: Item) -> None:
        """Have a sleeping item feel again what acts on it."""
        data = self._physics.data
        if not data.qvel[item.dof : item.dof + 6].any():
            data.qvel[item.dof + 2] = -_NUDGE
        tree = self._physics.model.body_treeid[item.body]
        if data.tree_asleep[tree] < 0:
            data.tree_asleep[tree] = _WIDE_AWAKE

    def set_held(self, item: Item, arm: str) -> None:
        """Note which arm holds an item; empty = none."""
        item.holder = arm
        free = Class.PART if item.kind == "part" else Class.TRAY
        self._physics.scene.classes[item.geom] = Class.HELD if arm else free

    def set_apart(self, item: Item, bit: int, apart: bool) -> None:
        """Keep an item and the gripper with that collision bit from touching, or let them."""
        affinity = int(self._physics.model.geom_conaffinity[item.geom])
        contype = int(self._physics.model.geom_contype[item.geom])
        self._set_bits(item, contype, affinity & ~bit if apart else affinity | bit)


def out_of_the_world(xyz: Array) -> bool:
    """Whether a point [m] is where no cell is (parked bodies aside)."""
    return bool(np.abs(xyz[:2]).max() > 1000.0 or PARKING_Z / 2 > xyz[2])
