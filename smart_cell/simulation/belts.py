"""Belts: their speed and encoder, the parts that enter them, and those that leave at their end."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import ConveyorState, EventSink
from smart_cell.model.supply import BeltPart, BeltSupply
from smart_cell.simulation.frames import part_pose
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.stock import Stock

_RETRY_S = 0.1
_END_CHECK_S = 0.04
_ABOVE_M = 0.5
_BELOW_M = 0.05


class Belt:
    """One conveyor: a surface that moves, with an encoder that does not slip."""

    def __init__(
        self, physics: Physics, stock: Stock, cell: Cell, name: str, events: EventSink
    ) -> None:
        """Start at nominal speed."""
        self._physics, self._stock, self._events = physics, stock, events
        self.name = name
        self.description = cell.description.conveyors[name]
        self.frame = cell.pose(name)
        self._to_belt = np.linalg.inv(self.frame.matrix())
        self._geom = physics.scene.belts[name]
        self._speed = self.description.speed_m_s
        self._travel, self._since = 0.0, physics.time
        physics.at(_END_CHECK_S, self._clear_end)

    @property
    def speed(self) -> float:
        """Speed now [m/s]."""
        return self._speed

    @property
    def velocity(self) -> tuple[float, float, float]:
        """Velocity of what lies on the belt, in the world [m/s]."""
        x, y, z = (float(v) for v in self.frame.matrix()[:3, 0] * self._speed)
        return (x, y, z)

    def state(self) -> ConveyorState:
        """Return speed and encoder travel."""
        now = self._physics.time
        travel = self._travel + self._speed * (now - self._since)
        return ConveyorState(now, self._speed > 0.0, self._speed, travel)

    def set_speed(self, speed: float) -> None:
        """Set the speed [m/s], from 0 to the nominal one."""
        self._travel, self._since = self.state().position, self._physics.time
        self._speed = speed
        self._physics.model.geom_surfacevel[self._geom, 0] = speed
        for item, on_belt in zip(self._stock.items, self._on_belt(), strict=True):
            if on_belt:
                self._stock.wake(item)

    def local(self) -> Array:
        """Return the positions of all items in the belt's frame, shape (m, 3)."""
        points: Array = self._stock.coordinates()[:, :3]
        result: Array = points @ self._to_belt[:3, :3].T + self._to_belt[:3, 3]
        return result

    def _on_belt(self) -> NDArray[np.bool_]:
        local = self.local()
        inside = np.abs(local[:, 1]) < self.description.width_m / 2 + 0.05
        inside &= (local[:, 2] > -_BELOW_M) & (local[:, 2] < _ABOVE_M)
        return np.asarray(inside & (local[:, 0] > -0.2), dtype=np.bool_)

    def _clear_end(self) -> None:
        """Take away what reached the end of the belt."""
        over = self._on_belt() & (self.local()[:, 0] >= self.description.length_m)
        items = self._stock.items
        for index in np.flatnonzero(over):
            item = items[int(index)]
            if item.kind == "part" and not item.holder:
                self._stock.leave(item)
                self._events.emit("part_left", type=item.type, color=item.color, place=self.name)
        self._physics.at(self._physics.time + _END_CHECK_S, self._clear_end)

    def occupied(self, x: float, y: float, radius: float) -> bool:
        """Whether something lies within ``radius`` [m] of a point of the belt."""
        local = self.local()
        near = np.hypot(local[:, 0] - x, local[:, 1] - y) < radius
        return bool((near & self._on_belt()).any())


class Feeder:
    """Puts parts onto a belt, one every period, in the order of its supply."""

    def __init__(
        self,
        physics: Physics,
        stock: Stock,
        cell: Cell,
        belt: Belt,
        supply: BeltSupply,
        seed: int,
        events: EventSink,
    ) -> None:
        """Feed the first part at time 0."""
        self._physics, self._stock, self._events = physics, stock, events
        self._types = cell.description.part_types
        self._belt, self._supply = belt, supply
        name = f"feeder:{supply.conveyor}"
        self._rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        self._cycle: list[BeltPart] = []
        self._cycles = 0
        self._fed = 0
        self._delayed = False
        physics.at(physics.time, self._feed)

    def _next(self) -> BeltPart | None:
        """Return the part that is next; None if there are no more."""
        supply = self._supply
        if supply.limit is not None and self._fed >= supply.limit:
            return None
        if not self._cycle:
            if self._cycles and not supply.repeats:
                return None
            self._cycle = [part for part in supply.parts for _ in range(part.count)]
            if supply.order == "random":
                order = self._rng.permutation(len(self._cycle))
                self._cycle = [self._cycle[int(index)] for index in order]
            self._cycle.reverse()
            self._cycles += 1
        return self._cycle[-1]

    def _feed(self) -> None:
        part = self._next()
        if part is None:
            return
        kind = self._types[part.type]
        x = self._belt.description.spawn_x_m
        y = part.offset * self._supply.half_spread_m
        radius = max(kind.shape.extents[:2]) / 2
        reason = ""
        if not self._stock.available(part.type):
            reason = f"all bodies of type {part.type} are in use"
        elif self._belt.occupied(x, y, radius + 0.03):
            reason = "the place on the belt is occupied"
        if reason:
            self._delay(part, reason)
            return
        yaw = self._supply.yaw_rad + part.rotation_rad
        place = self._belt.frame @ Pose((x, y, 0.0))
        pose = part_pose(place, yaw, kind.height, flipped=part.flipped)
        self._stock.enter_part(part.type, part.color, pose, self._belt.name, self._belt.velocity)
        self._events.emit("part_spawned", type=part.type, color=part.color, place=self._belt.name)
        self._cycle.pop()
        self._fed += 1
        self._delayed = False
        self._physics.at(self._physics.time + self._supply.period_s, self._feed)

    def _delay(self, part: BeltPart, reason: str) -> None:
        if not self._delayed:
            self._events.emit("spawn_delayed", type=part.type, reason=reason)
        self._delayed = True
        self._physics.at(self._physics.time + _RETRY_S, self._feed)
