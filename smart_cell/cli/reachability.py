"""Where the arms can stand, and which slots, belts and tool changers they reach: for ``check``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from smart_cell.model.cell import Cell
from smart_cell.model.description import Transporter
from smart_cell.model.errors import Problem
from smart_cell.model.frames import WORLD
from smart_cell.model.geometry import Pose
from smart_cell.model.orders import KittingOrder
from smart_cell.model.yaml_reading import Document, Location

BELT_SAMPLES = 9
_DOWN = Pose.from_rpy((0.0, 0.0, 0.0), (math.pi, 0.0, 0.0))


class CanReach(Protocol):
    """What is asked of ``runtime.reach``."""

    def can_reach(self, arm: str, pose: Pose) -> bool:
        """Return whether the arm's contact face can stand at ``pose``, given in the world."""


def cell_reachability(
    cell: Cell, document: Document, reach: CanReach | None = None
) -> tuple[Problem, ...]:
    """Return a problem for everything that no arm with the duty can reach.

    Args:
        cell: The cell.
        document: Its file; problems of it are not changed.
        reach: Who knows; None = the runtime's own.
    """
    return _CellReach(cell, document, reach).check()


def order_reachability(
    cell: Cell, orders: Iterable[KittingOrder], document: Document, reach: CanReach | None = None
) -> tuple[Problem, ...]:
    """Return a problem for each product whose slot no arm can fill.

    Args:
        cell: The cell.
        orders: Orders, or the orders of a trial.
        document: Their file.
        reach: Who knows; None = the runtime's own.
    """
    return _CellReach(cell, document, reach).orders(orders)


def standing(cell: Cell, document: Document) -> tuple[Problem, ...]:
    """Return a problem for each position in which an arm of the cell cannot stand.

    Args:
        cell: The cell.
        document: Its file; problems of it are not changed.
    """
    from smart_cell.runtime.motion.standing import standing_faults  # with the planner

    found = Document(document.file, document.root, document.data)
    for fault in standing_faults(cell):
        found.say(("arms", fault.arm, *fault.place), fault.text)
    return tuple(found.problems)


def grasp_pose(surface: Pose, height: float) -> Pose:
    """Return the contact face's pose for a thing of ``height`` [m] that stands on ``surface``."""
    x, y, z = surface.xyz
    return Pose((x, y, z + height)) @ _DOWN


def seat_pose(cell: Cell, name: str, station: str) -> Pose:
    """Return the pose in the world of a transporter's seat at a station."""
    mover = cell.description.transporters[name]
    travel = mover.stations[station].position_m
    parent = cell.poses[mover.pose.parent] if mover.pose.parent != WORLD else Pose()
    shift = Pose(tuple(travel * axis for axis in mover.direction))  # type: ignore[arg-type]
    return parent @ shift @ mover.pose.local()


def _runtime_reach(cell: Cell) -> CanReach:
    from smart_cell.runtime.reach import Reach  # with the planner: only where it is needed

    return Reach(cell)


class _CellReach:
    """Asks for every place of a cell, once."""

    def __init__(self, cell: Cell, document: Document, reach: CanReach | None) -> None:
        self.cell = cell
        self.d = cell.description
        self.document = Document(document.file, document.root, document.data)
        self.reach: CanReach = _runtime_reach(cell) if reach is None else reach
        heights = [part.height for part in self.d.part_types.values()]
        self.heights = (min(heights), max(heights)) if min(heights) < max(heights) else heights[:1]
        self.used: set[str] = set()
        self.known: dict[tuple[str, Pose], bool] = {}

    def arms(self, duty: str) -> list[str]:
        return [name for name, arm in self.d.arms.items() if duty in arm.duties]

    def _asks(self, arm: str, pose: Pose) -> bool:
        key = (arm, pose)
        if key not in self.known:
            self.known[key] = self.reach.can_reach(arm, pose)
        return self.known[key]

    def reached(self, duty: str, surface: Pose, heights: Sequence[float]) -> bool:
        """Return whether some arm of the duty can grasp things of all heights there."""
        for arm in self.arms(duty):
            if all(self._asks(arm, grasp_pose(surface, height)) for height in heights):
                self.used.add(arm)
                return True
        return False

    def check(self) -> tuple[Problem, ...]:
        for name, item in self.d.bins.items():
            location: Location = ("bins", name)
            for slot in self.d.bin_types[item.type].slots:
                if not self.reached("parts", self.cell.slot_pose(name, slot), self.heights):
                    self._say(location, f"slot {slot!r}", "parts")
        for name, table in self.d.tray_tables.items():
            height = self.d.tray_types[table.tray_type].size_m[2]
            for slot in table.slots:
                if not self.reached("trays", self.cell.slot_pose(name, slot), [height]):
                    self._say(("tray_tables", name, "slots", slot), f"slot {slot!r}", "trays")
        for name, mover in self.d.transporters.items():
            self._transporter(name, mover)
        self._belts()
        self._changers()
        self._idle()
        return tuple(self.document.problems)

    def _say(self, location: Location, what: str, duty: str) -> None:
        arms = ", ".join(self.arms(duty)) or "there is none"
        text = f"{what} is out of reach of every arm with the duty {duty!r} ({arms})"
        self.document.say(location, text)

    def _transporter(self, name: str, mover: Transporter) -> None:
        location: Location = ("transporters", name)
        for slot in self.d.tray_types[mover.tray_type].slots:
            if not self.slot_reached(name, slot):
                self._say(location, f"slot {slot!r} of its tray at {mover.home!r}", "parts")
        if mover.tray is None:
            seat = seat_pose(self.cell, name, mover.home)
            height = self.d.tray_types[mover.tray_type].size_m[2]
            if not self.reached("trays", seat, [height]):
                self._say(location, "its seat", "trays")

    def slot_reached(self, name: str, slot: str) -> bool:
        """Return whether some arm can fill a slot of a transporter's tray."""
        mover = self.d.transporters[name]
        tray = self.d.tray_types[mover.tray_type]
        x, y = tray.slots[slot]
        surface = seat_pose(self.cell, name, mover.home) @ Pose((x, y, tray.size_m[2]))
        return self.reached("parts", surface, self.heights)

    def _belts(self) -> None:
        for name, belt in self.d.conveyors.items():
            step = (belt.pick_to_x_m - belt.pick_from_x_m) / (BELT_SAMPLES - 1)
            places = [belt.pick_from_x_m + index * step for index in range(BELT_SAMPLES)]
            frame = self.cell.pose(name)
            found = [
                self.reached("parts", frame @ Pose((x, 0.0, 0.0)), self.heights) for x in places
            ]
            if not any(found):
                self._say(("conveyors", name, "pick_from_x_m"), "the whole pick stretch", "parts")

    def _changers(self) -> None:
        users = [
            name for name, arm in self.d.arms.items() if len(self.d.grippers[arm.gripper].tools) > 1
        ]
        for name in self.d.tool_changers:
            pose = grasp_pose(self.cell.pose(name), 0.0)
            if not any(self._asks(arm, pose) for arm in users):
                arms = ", ".join(users) or "there is none"
                text = f"is out of reach of every arm that changes tools ({arms})"
                self.document.say(("tool_changers", name), text)

    def _idle(self) -> None:
        """Report arms that can reach nothing that they are for."""
        for name in self.d.arms:
            if name not in self.used and not self._any(name):
                text = "the arm can reach no slot, belt or tray that it has a duty for"
                self.document.say(("arms", name), text)

    def _any(self, arm: str) -> bool:
        """Return whether an arm reaches anything of its duties, asked for earlier or now."""
        duties = self.d.arms[arm].duties
        surfaces: list[tuple[Pose, float]] = []
        if "parts" in duties:
            for name in self.d.bins:
                slots = self.cell.slots(name)
                surfaces += [(self.cell.slot_pose(name, s), self.heights[0]) for s in slots]
            for name, mover in self.d.transporters.items():
                surfaces.append((seat_pose(self.cell, name, mover.home), self.heights[0]))
        if "trays" in duties:
            for name in self.d.tray_tables:
                surfaces += [(self.cell.slot_pose(name, s), 0.0) for s in self.cell.slots(name)]
        return any(self._asks(arm, grasp_pose(pose, height)) for pose, height in surfaces)

    def orders(self, orders: Iterable[KittingOrder]) -> tuple[Problem, ...]:
        places = self._places()
        for order in orders:
            place = places.get(order.order_id, ("orders",))
            movers = [
                name
                for name, mover in self.d.transporters.items()
                if order.transporter in (None, name) and order.destination in mover.stations
            ]
            for index, product in enumerate(order.products):
                slot = product.slot
                able = (
                    name
                    for name in movers
                    if slot in self.cell.slots(name) and self.slot_reached(name, slot)
                )
                if movers and not any(True for _ in able):
                    what = f"slot {slot!r} on {' or '.join(movers)}"
                    self._say((*place, *self._products(place), index), what, "parts")
        return tuple(self.document.problems)

    def _places(self) -> dict[str, Location]:
        data = self.document.data
        items = data.get("orders") if isinstance(data, dict) else None
        places: dict[str, Location] = {}
        for index, item in enumerate(items if isinstance(items, list) else ()):
            if isinstance(item, dict):
                places.setdefault(str(item.get("order_id", item.get("id"))), ("orders", index))
        return places

    def _products(self, place: Location) -> tuple[str, ...]:
        item = self.document.data["orders"][place[1]] if len(place) == 2 else {}
        return ("kitting_task", "products") if "kitting_task" in item else ("products",)
