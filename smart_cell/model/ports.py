"""What the brain needs from the world: values that cross the border, a Protocol per kind of device.

Both bodies of a cell (the embedded simulation in virtual time, and ROS 2 processes) implement these
Protocols; the runtime knows nothing else of the world. All times are cell time [s]. All coroutines
run on one asyncio loop; cancelling the task that awaits a motion stops the arm along its path.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from smart_cell.model.geometry import Array, Pose


class Clock(Protocol):
    """Cell time."""

    def now(self) -> float:
        """Return the cell time [s]."""

    async def sleep_until(self, time: float) -> None:
        """Return when cell time has reached ``time`` [s]; at once if it is past."""


class EventSink(Protocol):
    """Where everything that happens is told; the run's event log is made of it."""

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Record an event at the present cell time. Fields are JSON values, not t or kind."""


@dataclass(frozen=True)
class JointState:
    """Measured joint state: time [s], positions [rad, m] and velocities, in the chain's order."""

    time: float
    names: tuple[str, ...]
    position: Array
    velocity: Array


@dataclass(frozen=True)
class JointTrajectory:
    """A sampled motion, interpolated by quintics as joint_trajectory_controller does.

    Attributes:
        joint_names: The arm's whole chain, in order.
        times: Shape (m,), from 0, increasing [s].
        positions: Shape (m, n) [rad, m].
        velocities: Shape (m, n).
        accelerations: Shape (m, n).
        start: Cell time of ``times[0]``; None = now. The past of it is skipped into.
    """

    joint_names: tuple[str, ...]
    times: Array
    positions: Array
    velocities: Array
    accelerations: Array
    start: float | None = None


class MotionOutcome(enum.Enum):
    """How a motion ended."""

    DONE = "done"
    PREEMPTED = "preempted"
    CANCELED = "canceled"
    REJECTED = "rejected"
    ABORTED = "aborted"


@dataclass(frozen=True)
class MotionResult:
    """End of a motion; ``message`` says why if it is not DONE."""

    outcome: MotionOutcome
    message: str = ""


class ArmPort(Protocol):
    """One arm, external axes included. A FollowJointTrajectory controller behind one method."""

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names in chain order."""

    def joint_state(self) -> JointState:
        """Return the latest measured state."""

    async def execute(self, trajectory: JointTrajectory) -> MotionResult:
        """Follow a trajectory and return when it has ended.

        A call while another one runs replaces it at the new one's start (the earlier call returns
        PREEMPTED). Cancelling the awaiting task stops the arm along its path.
        """

    async def stop(self) -> None:
        """Stop along the path; return when the arm stands."""


@dataclass(frozen=True)
class GripperState:
    """State of a gripper: ``attached`` is its vacuum sensor, ``tool`` the tool that is fitted."""

    time: float
    enabled: bool
    attached: bool
    tool: str


class GripperPort(Protocol):
    """One gripper."""

    def state(self) -> GripperState:
        """Return the latest state."""

    async def set_enabled(self, enabled: bool) -> None:
        """Switch the suction on or off; return when the device has acknowledged."""

    async def wait_attached(self, attached: bool, deadline: float) -> bool:
        """Wait until the sensor reads ``attached``; False if cell time ``deadline`` comes first."""

    async def change_tool(self, tool: str) -> bool:
        """Change to ``tool`` while standing at its changer; False if refused."""


@dataclass(frozen=True)
class ConveyorState:
    """State of a belt by its encoder: travel ``position`` since the start [m], speed [m/s]."""

    time: float
    running: bool
    speed: float
    position: float


class ConveyorPort(Protocol):
    """One belt."""

    def state(self) -> ConveyorState:
        """Return the latest state."""

    async def set_speed(self, speed: float) -> None:
        """Set the speed [m/s], 0 to the nominal one."""


@dataclass(frozen=True)
class Detection:
    """A part or tray as a camera saw it.

    Attributes:
        kind: ``part`` or ``tray``.
        type: Part type or tray type.
        color: Colour of a part; empty for a tray.
        tray_id: Number of a tray; None for a part.
        pose: Pose in the camera's optical frame (flipped parts: roll pi, frame on the upper side).
        flipped: Lies upside down.
    """

    kind: str
    type: str
    color: str
    pose: Pose
    tray_id: int | None = None
    flipped: bool = False


@dataclass(frozen=True)
class Detections:
    """One frame of a camera; ``time`` is the exposure."""

    camera: str
    time: float
    items: tuple[Detection, ...]


class CameraPort(Protocol):
    """One logical camera."""

    def subscribe(self, callback: Callable[[Detections], None]) -> None:
        """Have ``callback`` called on the loop with each frame, at ``rate_hz`` at most."""


@dataclass(frozen=True)
class TrackedPart:
    """A part that the cell knows of.

    Attributes:
        part_id: The cell's name for it, unique in a run.
        pose: Pose of the part's frame in the world at ``time``.
        velocity: Linear velocity in the world [m/s].
        location: ``bin:<name>``, ``conveyor:<name>``, ``tray:<transporter>``, or ``loose``.
        time: Cell time of the pose.
        last_seen: Cell time of the last detection.
    """

    part_id: str
    type: str
    color: str
    pose: Pose
    velocity: tuple[float, float, float]
    location: str
    flipped: bool
    time: float
    last_seen: float


@dataclass(frozen=True)
class TrackedTray:
    """A tray that the cell knows of, on a tray table or a transporter.

    Attributes:
        name: The tracker's name for this one tray, such as ``t3``.
        tray_id: The number on its marker; more than one tray may bear it.
        type: Tray type of the cell description.
        pose: Of the tray's frame in the world.
        location: Where it stands, as kind:name.
        last_seen: Cell time of the last image in which it was seen [s].
    """

    name: str
    tray_id: int
    type: str
    pose: Pose
    location: str
    last_seen: float


class PartsPort(Protocol):
    """The tracker's view of the cell."""

    def parts(self) -> tuple[TrackedPart, ...]:
        """Return all known parts, by part_id."""

    def trays(self) -> tuple[TrackedTray, ...]:
        """Return all known trays, by tray_id and name."""


@dataclass(frozen=True)
class TransporterState:
    """State of a transporter; ``station`` is empty while it moves, ``tray_id`` by its sensor."""

    time: float
    station: str
    position: float
    velocity: float
    tray_locked: bool
    tray_id: int | None


class TransporterPort(Protocol):
    """One transporter."""

    def state(self) -> TransporterState:
        """Return the latest state."""

    async def move(self, station: str) -> MotionResult:
        """Go to a station; return on arrival."""

    async def set_tray_locked(self, locked: bool) -> bool:
        """Lock or unlock the tray; False if there is none to lock."""


@dataclass(frozen=True)
class SlotContent:
    """What an inspection found in a slot; ``correct_pose`` within the tolerance."""

    slot: str
    type: str
    color: str
    flipped: bool
    correct_pose: bool


@dataclass(frozen=True)
class TrayContent:
    """What an inspection found on a transporter: parts outside all slots are ``extra``."""

    tray_id: int | None
    slots: tuple[SlotContent, ...]
    extra: int = 0


class InspectionPort(Protocol):
    """The quality check over the transporters."""

    async def inspect(self, transporter: str) -> TrayContent:
        """Look at the tray on a transporter."""


class SkillOutcome(enum.Enum):
    """How a skill ended (DESIGN: a skill ends as ...)."""

    DONE = "done"
    NOT_ATTACHED = "not_attached"
    LOST = "lost"
    WRONG_PART = "wrong_part"
    BLOCKED = "blocked"
    TIMEOUT = "timeout"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass(frozen=True)
class SkillResult:
    """End of a skill: outcome, a sentence that says why, what is known afterwards (JSON values)."""

    outcome: SkillOutcome
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


class SkillsPort(Protocol):
    """The motion side, as the orchestrator sees it. An arm runs one skill at a time."""

    async def run(self, arm: str, skill: str, parameters: Mapping[str, Any]) -> SkillResult:
        """Run a skill on an arm. Cancelling the awaiting task stops the arm along its path."""


class StorePort(Protocol):
    """Where orders and steps are kept; a record is safe when ``commit`` has returned."""

    async def commit(self, kind: str, key: str, record: Mapping[str, Any]) -> None:
        """Keep a record under its kind and key, replacing the earlier one."""

    def records(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """Return all records of a kind by key, in the order of first commit."""


@dataclass(frozen=True)
class World:
    """All ports of one cell, by device name. ``skills`` aside, this is the brain's whole world."""

    clock: Clock
    events: EventSink
    arms: Mapping[str, ArmPort]
    grippers: Mapping[str, GripperPort]
    conveyors: Mapping[str, ConveyorPort]
    cameras: Mapping[str, CameraPort]
    transporters: Mapping[str, TransporterPort]
    inspection: InspectionPort
