"""Which arm can do a step with which part or tray: reach, belt windows and costs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import ConveyorState, TrackedPart, TrackedTray
from smart_cell.production.dispatch import Option

TOOL_DOWN = Pose.from_rpy((0.0, 0.0, 0.0), (float(np.pi), 0.0, 0.0))


class ReachPort(Protocol):
    """What the arms reach. Poses are of the contact face in the world, z out of the cup."""

    def can_reach(self, arm: str, pose: Pose) -> bool:
        """Return whether the arm can bring its contact face to a pose."""

    def travel_time(self, arm: str, start: Pose | None, goal: Pose) -> float:
        """Return about how long the arm travels to ``goal`` [s]; from home without a ``start``."""


@dataclass(frozen=True)
class Target:
    """Where a part of ``part_type`` goes: slot ``slot`` of the tray on ``transporter``."""

    transporter: str
    slot: str
    part_type: str


@dataclass(frozen=True)
class Found:
    """What there is to do a step with.

    Attributes:
        options: For the arms that work, whether free or not.
        coming: A part is on a belt that some arm will be able to take, but not yet.
    """

    options: tuple[Option, ...]
    coming: bool = False


class Options:
    """Finds the ways to do a step in one cell. Answers of the reach port are kept."""

    #: How long before it can be taken a belt part is given to an arm, beyond the arm's travel [s].
    LOOKAHEAD = 5.0
    #: Least time that a belt part must stay in an arm's reach after the arm could be there [s].
    LEAST_STAY = 1.0
    #: Spacing of the points along a belt at which reach is asked [m].
    BELT_STEP = 0.1

    def __init__(self, cell: Cell, reach: ReachPort) -> None:
        """Know the cell and what its arms reach."""
        self._cell = cell
        self._description = cell.description
        self._reach = reach
        self._known: dict[tuple[str, tuple[float, ...]], bool] = {}
        self._targets: dict[Target, Pose] = {}
        self._windows: dict[tuple[str, str, float, float], tuple[float, float] | None] = {}
        self._latency = (
            self._description.latency.planning_s + self._description.latency.communication_s
        )

    def arms(self, duty: str) -> tuple[str, ...]:
        """Return the arms that have a duty, in the cell's order."""
        return tuple(name for name, arm in self._description.arms.items() if duty in arm.duties)

    def can_place(self, transporter: str, slot: str, part_type: str) -> bool:
        """Return whether any arm that handles parts reaches a slot with a part of that type."""
        target = Target(transporter, slot, part_type)
        return any(self.reaches_target(arm, target) for arm in self.arms("parts"))

    def reaches_target(self, arm: str, target: Target) -> bool:
        """Return whether an arm reaches a slot, its transporter standing at its home."""
        return self._reaches(arm, self.target_pose(target))

    def target_pose(self, target: Target) -> Pose:
        """Return the contact face's pose at the moment the part stands on its slot."""
        if target not in self._targets:
            slot = self._cell.slot_pose(target.transporter, target.slot)
            stands = slot @ self._home_offset(target.transporter)
            self._targets[target] = self._grasp(stands, target.part_type)
        return self._targets[target]

    def for_product(
        self,
        step_id: str,
        target: Target,
        parts: Sequence[TrackedPart],
        arms: Collection[str],
        belts: Mapping[str, ConveyorState],
        now: float,
    ) -> Found:
        """Return all ways to bring one of ``parts`` to ``target``.

        Args:
            step_id: The step that the options are for.
            target: Where the part goes.
            parts: Usable parts of the right type and colour.
            arms: Arms that work and have the duty.
            belts: States of the belts.
            now: Cell time [s].
        """
        options: list[Option] = []
        coming = False
        for arm in arms:
            if not self.reaches_target(arm, target):
                continue
            goal = self.target_pose(target)
            for part in parts:
                at = self._taking(arm, part, belts, now)
                if at is None:
                    continue
                if at.begins - now > self.LOOKAHEAD + at.travel:
                    coming = True
                    continue
                carry = self._reach.travel_time(arm, at.pose, goal)
                cost = max(at.travel, at.begins - now) + carry
                options.append(Option(step_id, arm, part.part_id, at.leaves, cost))
        return Found(tuple(options), coming)

    def for_tray(
        self, step_id: str, transporter: str, trays: Sequence[TrackedTray], arms: Collection[str]
    ) -> Found:
        """Return all ways to bring one of ``trays`` to ``transporter``."""
        options = []
        seat = self._cell.pose(transporter) @ self._home_offset(transporter)
        for arm in arms:
            for tray in trays:
                height = self._description.tray_types[tray.type].size_m[2]
                goal = seat @ Pose((0.0, 0.0, height)) @ TOOL_DOWN
                pose = tray.pose @ TOOL_DOWN
                if self._reaches(arm, pose) and self._reaches(arm, goal):
                    travel = self._reach.travel_time(arm, None, pose)
                    cost = travel + self._reach.travel_time(arm, pose, goal)
                    options.append(Option(step_id, arm, tray.name, cost=cost))
        return Found(tuple(options))

    def for_part(self, step_id: str, part: TrackedPart, arms: Collection[str]) -> Found:
        """Return the arms that reach a part which lies still, wherever it lies."""
        pose = self._grasp(part.pose, part.type)
        return Found(
            tuple(
                Option(step_id, arm, part.part_id, cost=self._reach.travel_time(arm, None, pose))
                for arm in arms
                if self._reaches(arm, pose)
            )
        )

    def _taking(
        self, arm: str, part: TrackedPart, belts: Mapping[str, ConveyorState], now: float
    ) -> _Taking | None:
        """Return when and where an arm can take a part; None if it cannot."""
        kind, _, place = part.location.partition(":")
        if kind != "conveyor" or not belts[place].running or belts[place].speed <= 0.0:
            pose = self._grasp(part.pose, part.type)
            if not self._reaches(arm, pose):
                return None
            return _Taking(pose, self._reach.travel_time(arm, None, pose), now, float("inf"))
        return self._taking_from_belt(arm, part, place, belts[place].speed, now)

    def _taking_from_belt(
        self, arm: str, part: TrackedPart, belt: str, speed: float, now: float
    ) -> _Taking | None:
        frame = self._cell.pose(belt)
        local = frame.inverse() @ part.pose
        x = local.xyz[0] + speed * (now - part.time)
        height = local.xyz[2] + self._description.part_types[part.type].height
        window = self._window(arm, belt, round(local.xyz[1], 2), round(height, 3))
        if window is None or x >= window[1]:
            return None
        begins = now + max(0.0, (window[0] - x) / speed)
        leaves = now + (window[1] - x) / speed
        meeting = frame @ Pose((max(x, window[0]), local.xyz[1], height)) @ TOOL_DOWN
        travel = self._reach.travel_time(arm, None, meeting)
        if now + self._latency + travel + self.LEAST_STAY > leaves:
            return None
        return _Taking(meeting, travel, begins, leaves)

    def _window(self, arm: str, belt: str, y: float, z: float) -> tuple[float, float] | None:
        """Return the stretch of a belt [m, along its x] in which an arm reaches a line on it."""
        key = (arm, belt, y, z)
        if key not in self._windows:
            conveyor = self._description.conveyors[belt]
            frame = self._cell.pose(belt)
            length = conveyor.pick_to_x_m - conveyor.pick_from_x_m
            count = max(2, round(length / self.BELT_STEP) + 1)
            within = [
                float(x)
                for x in np.linspace(conveyor.pick_from_x_m, conveyor.pick_to_x_m, count)
                if self._reaches(arm, frame @ Pose((float(x), y, z)) @ TOOL_DOWN)
            ]
            self._windows[key] = (within[0], within[-1]) if len(within) > 1 else None
        return self._windows[key]

    def _grasp(self, part: Pose, part_type: str) -> Pose:
        """Return the contact face's pose on top of a part that lies at ``part``."""
        description = self._description.part_types[part_type]
        x, y = description.grasp_xy_m
        return part @ Pose((x, y, description.height)) @ TOOL_DOWN

    def _home_offset(self, transporter: str) -> Pose:
        """Return the travel from 0 to the home station, in the seat's axes."""
        description = self._description.transporters[transporter]
        travel = description.stations[description.home].position_m
        seat = description.pose.local().matrix()[:3, :3]
        moved = seat.T @ (np.array(description.direction) * travel)
        return Pose((float(moved[0]), float(moved[1]), float(moved[2])))

    def _reaches(self, arm: str, pose: Pose) -> bool:
        """Ask the reach port, once for each place on a grid of a millimetre and each heading."""
        key = (arm, tuple(_rounded(pose)))
        if key not in self._known:
            self._known[key] = self._reach.can_reach(arm, pose)
        return self._known[key]


@dataclass(frozen=True)
class _Taking:
    """Where an arm would take a part, its travel there [s], and from and until when [cell time]."""

    pose: Pose
    travel: float
    begins: float
    leaves: float


def _rounded(pose: Pose) -> Iterator[float]:
    for value in (*pose.xyz, *pose.quaternion):
        yield round(value, 3)
