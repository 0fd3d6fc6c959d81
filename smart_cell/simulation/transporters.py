"""Transporters: they carry a tray between stations, lock it, and deliver it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import mujoco
import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import EventSink, MotionOutcome, MotionResult, TransporterState
from smart_cell.planner import Limits, State, Trajectory, point_to_point
from smart_cell.simulation.completion import complete
from smart_cell.simulation.drive import Drive
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.stock import Item, Stock

_LOAD_KG = 30.0
_SEAT_TOLERANCE = (0.06, 0.03)
Done = Callable[[MotionResult], None]


class VirtualTransporter:
    """One transporter; the TransporterPort, and its synchronous face for other hosts.

    A tray that arrives at a station that delivers counts as delivered. It leaves the cell, with all
    that lies on it, when the transporter departs from that station. If the transporter replenishes,
    an empty tray with the same number is aboard from then on.

    A move cannot be stopped half-way: cancelling the task that waits for it leaves the transporter
    on its way to the station.
    """

    def __init__(
        self,
        physics: Physics,
        stock: Stock,
        cell: Cell,
        name: str,
        events: EventSink,
        communication_s: float = 0.0,
    ) -> None:
        """Stand at the home station."""
        self._physics, self._stock, self._events = physics, stock, events
        self._communication = communication_s
        self.name = name
        self.description = cell.description.transporters[name]
        self.tray_type = cell.description.tray_types[self.description.tray_type]
        self._ids = physics.scene.transporters[name]
        self.station = self.description.home
        self._locked: Item | None = None
        self._motion: tuple[Trajectory, float, str, Done] | None = None
        self._set_asleep_allowed(allowed=True)
        travel = self.description.stations[self.station].position_m
        physics.data.qpos[self._ids.qpos] = travel
        self._drive = Drive(
            physics,
            self._ids.qpos,
            self._ids.dof,
            self._ids.actuator,
            np.array([physics.model.body_mass[self._ids.body] + _LOAD_KG]),
        )
        positions = [station.position_m for station in self.description.stations.values()]
        self._limits = Limits(
            position_lower=np.array([min(positions) - 0.001]),
            position_upper=np.array([max(positions) + 0.001]),
            velocity=np.array([self.description.velocity_m_s]),
            acceleration=np.array([self.description.acceleration_m_s2]),
            jerk=np.array([self.description.jerk_m_s3]),
            effort=np.array([np.inf]),
        )

    # ------------------------------------------------------------------ what it carries

    @property
    def moving(self) -> bool:
        """Whether it is on its way."""
        return self._motion is not None

    def seat(self) -> Pose:
        """Return the pose of the seat in the world."""
        home = self.description.pose
        data, body = self._physics.data, self._ids.body
        travel = float(data.qpos[self._ids.qpos])
        rest = Pose(
            tuple(self._physics.model.body_pos[body]),
            _xyzw(self._physics.model.body_quat[body]),
        )
        direction = np.array(self.description.direction) * travel
        in_seat = home.local().matrix()[:3, :3].T @ direction
        return rest @ Pose((float(in_seat[0]), float(in_seat[1]), float(in_seat[2])))

    def tray_pose(self) -> Pose:
        """Return where a tray's frame is if it stands on the seat."""
        return self.seat() @ Pose((0.0, 0.0, self.tray_type.size_m[2]))

    def tray(self) -> Item | None:
        """Return the tray that stands on the seat; None if there is none."""
        if self._locked is not None:
            return self._locked
        wanted = self.tray_pose().matrix()
        for item in self._stock.items:
            if item.kind == "tray" and not item.holder:
                offset = np.array(self._stock.pose(item).xyz) - wanted[:3, 3]
                local = wanted[:3, :3].T @ offset
                flat = float(np.hypot(local[0], local[1]))
                if flat < _SEAT_TOLERANCE[0] and abs(float(local[2])) < _SEAT_TOLERANCE[1]:
                    return item
        return None

    def load(self) -> list[Item]:
        """Return the parts that lie on the tray, by serial number."""
        tray = self.tray()
        if tray is None:
            return []
        matrix = self._stock.pose(tray).matrix()
        local = (self._stock.coordinates()[:, :3] - matrix[:3, 3]) @ matrix[:3, :3]
        half = np.array(self.tray_type.size_m[:2]) / 2
        inside = (np.abs(local[:, :2]) <= half).all(axis=1)
        inside &= (local[:, 2] > -0.02) & (local[:, 2] < 0.5)
        return [
            item
            for item, on_tray in zip(self._stock.items, inside, strict=True)
            if on_tray and item.kind == "part" and not item.holder
        ]

    def state(self) -> TransporterState:
        """Return the latest state."""
        tray = self.tray()
        return TransporterState(
            time=self._physics.time,
            station="" if self.moving else self.station,
            position=float(self._drive.position()[0]),
            velocity=float(self._drive.velocity()[0]),
            tray_locked=self._locked is not None,
            tray_id=None if tray is None else tray.serial,
        )

    # ------------------------------------------------------------------ commands

    def start(self, station: str, done: Done) -> None:
        """Go to a station; ``done`` is called on arrival, or at once with the reason why not."""
        if station not in self.description.stations:
            known = ", ".join(self.description.stations)
            text = f"{self.name} has no station {station!r}; there are: {known}"
            done(MotionResult(MotionOutcome.REJECTED, text))
        elif self.moving:
            done(MotionResult(MotionOutcome.REJECTED, f"{self.name} is moving"))
        elif station == self.station:
            done(MotionResult(MotionOutcome.DONE))
        else:
            if self.description.stations[self.station].delivers:
                self._deliver()
            goal = self.description.stations[station].position_m
            here = self.description.stations[self.station].position_m
            trajectory = point_to_point(
                State(np.array([here])), State(np.array([goal])), self._limits
            )
            self._set_asleep_allowed(allowed=False)
            for item in self.load():
                self._stock.wake(item)  # parts that fell asleep by themselves would stay behind
            self._motion = (trajectory, self._physics.time, station, done)

    def lock(self, locked: bool) -> bool:
        """Lock or unlock the tray; False if there is none to lock."""
        if locked and self._locked is None:
            tray = self.tray()
            if tray is None:
                return False
            self._physics.weld(self._ids.weld, tray.body)
            self._locked = tray
        elif not locked and self._locked is not None:
            self._unlock()
        return True

    def update(self) -> None:
        """Follow the motion; called before each step while ``moving``."""
        assert self._motion is not None
        trajectory, began, station, done = self._motion
        elapsed = self._physics.time - began
        if elapsed < trajectory.duration:
            self._drive.follow(*trajectory.sample(elapsed)[:3])
            return
        self._drive.hold(trajectory.end.position)
        self._set_asleep_allowed(allowed=True)
        self._motion, self.station = None, station
        if self.description.stations[station].delivers:
            tray = self.tray()
            if tray is not None:
                self._events.emit("tray_delivered", transporter=self.name, tray_id=tray.serial)
        done(MotionResult(MotionOutcome.DONE))

    def _set_asleep_allowed(self, *, allowed: bool) -> None:
        policy = mujoco.mjtSleepPolicy
        value = policy.mjSLEEP_ALLOWED if allowed else policy.mjSLEEP_NEVER
        self._physics.model.tree_sleep_policy[self._ids.tree] = int(value)
        if not allowed:
            self._physics.data.qvel[self._ids.dof] += 1e-6

    def _unlock(self) -> None:
        assert self._locked is not None
        self._physics.data.eq_active[self._ids.weld] = 0
        self._stock.wake(self._locked)
        self._locked = None

    def _deliver(self) -> None:
        """Let the tray and what lies on it leave the cell."""
        for item in self.load():
            self._stock.leave(item)
        tray = self.tray()
        if tray is not None and not self.description.replenishes:
            if self._locked is not None:
                self._unlock()
            self._stock.leave(tray)

    # ------------------------------------------------------------------ the port

    async def move(self, station: str) -> MotionResult:
        """Go to a station; return on arrival."""
        future: asyncio.Future[MotionResult] = asyncio.get_running_loop().create_future()
        self._physics.at(
            self._physics.time + self._communication,
            lambda: self.start(station, lambda result: complete(future, result)),
        )
        return await future

    async def set_tray_locked(self, locked: bool) -> bool:
        """Lock or unlock the tray; False if there is none to lock."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._physics.at(
            self._physics.time + self._communication,
            lambda: complete(future, self.lock(locked)),
        )
        return await future


def _xyzw(wxyz: np.ndarray) -> tuple[float, float, float, float]:
    w, x, y, z = (float(value) for value in wxyz)
    return (x, y, z, w)
