"""What all skills share: their world, their parameters, the ways in which they end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.description import Tool
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import (
    GripperPort,
    SkillOutcome,
    SkillResult,
    TransporterState,
    World,
)
from smart_cell.runtime.motion.arms import tool_down
from smart_cell.runtime.motion.moves import Held
from smart_cell.runtime.motion.service import ArmUnit, MotionService
from smart_cell.runtime.motion.waiting import before
from smart_cell.vision.places import seat_pose
from smart_cell.vision.tracking import Tracker

#: Deadline of a device's acknowledgement [s].
DEVICE_TIME = 2.0
#: How long the vacuum sensor may take after contact, and after switching off [s].
ATTACH_TIME, RELEASE_TIME = 0.5, 0.5
#: Turns of the tool at a grasp: a cup is round [rad].
GRASP_YAWS = (0.0, np.pi / 2, np.pi, -np.pi / 2)


class SkillError(SmartCellError):
    """A skill is unknown, or its parameters are."""


class SkillEnd(SmartCellError):
    """A skill cannot reach its goal; ``result`` says how it ends."""

    def __init__(self, outcome: SkillOutcome, message: str) -> None:
        """Keep the result."""
        self.result = SkillResult(outcome, message)
        super().__init__(message)


@dataclass(frozen=True)
class SkillContext:
    """What skills work with. One per cell."""

    cell: Cell
    world: World
    tracker: Tracker
    motion: MotionService

    def unit(self, arm: str) -> ArmUnit:
        """Return an arm."""
        return self.motion.unit(arm)

    def gripper(self, arm: str) -> GripperPort:
        """Return an arm's gripper."""
        return self.world.grippers[self.unit(arm).model.gripper_name]

    def tool(self, arm: str) -> Tool:
        """Return the tool that an arm wears.

        Raises:
            SkillEnd: FAILED, if the gripper reports a tool that the description lacks.
        """
        name = self.gripper(arm).state().tool
        tools = self.unit(arm).model.gripper.tools
        if name not in tools:
            text = f"{arm} wears tool {name!r}; the description has {', '.join(tools)}"
            raise SkillEnd(SkillOutcome.FAILED, text)
        return tools[name]

    def now(self) -> float:
        """Return the cell time [s]."""
        return self.world.clock.now()

    async def switch(self, arm: str, enabled: bool) -> None:
        """Switch an arm's gripper.

        Raises:
            DeadlineError: If the device does not acknowledge.
        """
        what = f"switching the gripper of {arm}"
        deadline = self.now() + DEVICE_TIME
        await before(self.world.clock, deadline, self.gripper(arm).set_enabled(enabled), what)

    async def attached(self, arm: str, wanted: bool, deadline: float) -> bool:
        """Wait for the vacuum sensor; False if it does not read ``wanted`` in time.

        Raises:
            DeadlineError: If the device itself does not keep the deadline.
        """
        waiting = self.gripper(arm).wait_attached(wanted, deadline)
        what = f"the vacuum sensor of {arm}"
        return await before(self.world.clock, deadline + DEVICE_TIME, waiting, what)

    def contact_now(self, arm: str) -> Array:
        """Return where an arm's contact face is, by the measured joints, (4, 4)."""
        return self.unit(arm).model.contact(self.world.arms[arm].joint_state().position)

    def holding(self, arm: str, kind: str) -> Held:
        """Return what an arm holds.

        Raises:
            SkillEnd: FAILED if it holds nothing of that kind; LOST if the sensor says that it is
                gone.
        """
        held = self.unit(arm).held
        if held is None or held.kind != kind:
            raise SkillEnd(SkillOutcome.FAILED, f"{arm} holds no {kind}")
        if not self.gripper(arm).state().attached:
            self.dropped(arm)
            raise SkillEnd(SkillOutcome.LOST, f"{arm} has lost {held.name} on the way")
        return held

    def empty(self, arm: str) -> None:
        """Make sure that an arm holds nothing.

        Raises:
            SkillEnd: FAILED if it does.
        """
        unit, attached = self.unit(arm), self.gripper(arm).state().attached
        if unit.held is not None and not attached:
            self.dropped(arm)
        if attached:
            what = unit.held.name if unit.held is not None else "something unknown"
            raise SkillEnd(SkillOutcome.FAILED, f"{arm} already holds {what}")

    def dropped(self, arm: str) -> None:
        """Note that an arm no longer holds what it held."""
        unit = self.unit(arm)
        if unit.held is not None and unit.held.kind == "part":
            self.tracker.lost(unit.held.name)
        unit.held = None

    def transporter(self, name: str) -> TransporterState:
        """Return the state of a transporter that stands still.

        Raises:
            SkillError: If there is none of that name.
            SkillEnd: BLOCKED, if it moves.
        """
        if name not in self.world.transporters:
            known = ", ".join(self.world.transporters) or "none"
            raise SkillError(f"there is no transporter {name!r}; there are: {known}")
        state = self.world.transporters[name].state()
        if not state.station:
            raise SkillEnd(SkillOutcome.BLOCKED, f"{name} is moving")
        return state

    def seat(self, name: str) -> Array:
        """Return the seat of a transporter where it stands, (4, 4)."""
        return seat_pose(self.cell, name, self.world.transporters[name].state().position).matrix()


class Skill(ABC):
    """One skill. Stateless; ``run`` may be in progress for several arms at once.

    Attributes:
        name: As recipes call it.
        parameters: Types of its parameters by name; all are needed.
    """

    name: ClassVar[str]
    parameters: ClassVar[Mapping[str, type]] = {}

    def __init__(self, context: SkillContext) -> None:
        """Keep the world."""
        self.context = context

    @abstractmethod
    async def run(self, arm: str, **parameters: Any) -> SkillResult:
        """Do it; the arm is free. Returns when the arm stands at a ready pose.

        Raises:
            SmartCellError: If it cannot; the arm stands where it stands and keeps its zones.
        """


def grasp_yaws(contact: Array) -> tuple[Array, ...]:
    """Return a contact pose turned by each of the yaws at which a cup can grasp."""
    xyz = [float(value) for value in contact[:3, 3]]
    yaw = float(np.arctan2(contact[1, 0], contact[0, 0]))
    return tuple(tool_down(xyz, yaw + turn).matrix() for turn in GRASP_YAWS)


def straight_down(contact: Array) -> Array:
    """Return the pose with the same place and yaw whose z axis points exactly down."""
    xyz = [float(value) for value in contact[:3, 3]]
    return tool_down(xyz, float(np.arctan2(contact[1, 0], contact[0, 0]))).matrix()


def raised(pose: Array, height: float) -> Array:
    """Return a pose moved up in the world by ``height`` [m]."""
    result: Array = pose.copy()
    result[2, 3] += height
    return result


def as_pose(matrix: Array) -> Pose:
    """Return a homogeneous matrix as a pose."""
    return Pose.from_matrix(matrix)
