"""Planner: kinematics, trajectories and the set-point executor, computed by a C core.

SI units, radians, float64; poses are 4x4 homogeneous matrices of the tip in the base frame.
"""

from smart_cell.planner.dynamics import Payload
from smart_cell.planner.errors import (
    BoundarySpeedError,
    DurationError,
    LimitError,
    LineError,
    MismatchError,
    NotSupportedError,
    PathTimingError,
    PlannerError,
    RobotDescriptionError,
    SinkError,
)
from smart_cell.planner.executor import Executor, SetPoint, ThreadStatistics
from smart_cell.planner.limits import Limits, State
from smart_cell.planner.motion import line, point_to_point, point_to_point_durations
from smart_cell.planner.path import Path
from smart_cell.planner.robot import Robot
from smart_cell.planner.sinks import (
    CallbackSink,
    MemorySink,
    SetPointRecord,
    SharedMemoryReader,
    SharedMemorySink,
    UdpSink,
)
from smart_cell.planner.through import through
from smart_cell.planner.timing import along
from smart_cell.planner.trajectory import Trajectory, Violation

__all__ = [
    "BoundarySpeedError",
    "CallbackSink",
    "DurationError",
    "Executor",
    "LimitError",
    "Limits",
    "LineError",
    "MemorySink",
    "MismatchError",
    "NotSupportedError",
    "Path",
    "PathTimingError",
    "Payload",
    "PlannerError",
    "Robot",
    "RobotDescriptionError",
    "SetPoint",
    "SetPointRecord",
    "SharedMemoryReader",
    "SharedMemorySink",
    "SinkError",
    "State",
    "ThreadStatistics",
    "Trajectory",
    "UdpSink",
    "Violation",
    "along",
    "line",
    "point_to_point",
    "point_to_point_durations",
    "through",
]
