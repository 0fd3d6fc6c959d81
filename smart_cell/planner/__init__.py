"""Planner: kinematics, trajectories and the set-point executor, computed by a C core.

SI units, radians, float64; poses are 4x4 homogeneous matrices of the tip in the base frame.
"""

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
)
from smart_cell.planner.executor import Executor, SetPoint
from smart_cell.planner.limits import Limits, State
from smart_cell.planner.motion import line, point_to_point
from smart_cell.planner.path import Path
from smart_cell.planner.robot import Robot
from smart_cell.planner.timing import along
from smart_cell.planner.trajectory import Trajectory, Violation

__all__ = [
    "BoundarySpeedError",
    "DurationError",
    "Executor",
    "LimitError",
    "Limits",
    "LineError",
    "MismatchError",
    "NotSupportedError",
    "Path",
    "PathTimingError",
    "PlannerError",
    "Robot",
    "RobotDescriptionError",
    "SetPoint",
    "State",
    "Trajectory",
    "Violation",
    "along",
    "line",
    "point_to_point",
]
