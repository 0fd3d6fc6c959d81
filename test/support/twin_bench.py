"""A small cell with one of everything, its twin, and hands to work it without the runtime."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Array
from smart_cell.model.orders import Job
from smart_cell.model.ports import JointTrajectory, MotionOutcome, MotionResult
from smart_cell.planner import State, Trajectory, line, point_to_point
from smart_cell.runtime.motion.arms import ArmModel, tool_down
from smart_cell.simulation.twin import Twin

CELL: dict[str, Any] = {
    "cell": "bench",
    "part_types": {
        "cube": {
            "shape": {"box_m": [0.06, 0.06, 0.05]},
            "mass_kg": 0.5,
            "colors": ["red", "blue", "green"],
        },
        "brick": {
            "shape": {"box_m": [0.12, 0.10, 0.06]},
            "center_xy_m": [0.015, -0.01],
            "mass_kg": 5.0,
            "colors": ["red"],
        },
        "disc": {"shape": {"cylinder_m": [0.03, 0.03]}, "mass_kg": 0.2, "colors": ["green"]},
    },
    "tray_types": {
        "tray": {
            "size_m": [0.3, 0.3, 0.012],
            "mass_kg": 1.2,
            "slots": {
                "1": [-0.07, 0.07],
                "2": [0.07, 0.07],
                "3": [-0.07, -0.07],
                "4": [0.07, -0.07],
            },
        }
    },
    "bin_types": {
        "box": {
            "inside_m": [0.4, 0.3],
            "wall_thickness_m": 0.01,
            "wall_height_m": 0.04,
            "slots": {"1": [-0.1, 0.0], "2": [0.1, 0.0]},
        }
    },
    "arms": {
        "arm": {
            "urdf": "urdf/ur5e_like.urdf.xacro",
            "mount": {"xyz": [0.0, 0.0, 0.76]},
            "limits": {"acceleration": {"default": 8.0}, "jerk": {"default": 80.0}},
            "gripper": "hand",
            "home": [0.0, -1.8, 1.95, -1.7208, -1.5708, 0.0],
            "ready_poses": {"rest": [0.0, -1.8, 1.95, -1.7208, -1.5708, 0.0]},
            "folded": "rest",
            "transfer_height_m": 1.0,
            "duties": ["parts", "trays"],
        }
    },
    "grippers": {
        "hand": {
            "tcp": {"parent": "tool0", "xyz": [0.0, 0.0, 0.10]},
            "body": {"cylinder_m": [0.025, 0.10]},
            "mass_kg": 0.4,
            "tools": {
                "cup": {"grasps": "parts", "radius_m": 0.018},
                "plate": {"grasps": "trays", "radius_m": 0.03},
            },
            "tool": "cup",
            "break_force_n": 120.0,
        }
    },
    "tool_changers": {"rack": {"pose": {"xyz": [-0.3, -0.45, 0.80]}, "tool": "plate"}},
    "conveyors": {
        "belt": {
            "pose": {"xyz": [-1.5, 0.5, 0.80]},
            "length_m": 3.0,
            "width_m": 0.26,
            "speed_m_s": 0.2,
            "spawn_x_m": 0.1,
            "pick_from_x_m": 0.8,
            "pick_to_x_m": 2.2,
        }
    },
    "transporters": {
        "shuttle": {
            "pose": {"xyz": [0.45, -0.35, 0.79]},
            "direction": [0.0, -1.0, 0.0],
            "stations": {"fill": {"position_m": 0.0}, "out": {"position_m": 1.4, "delivers": True}},
            "home": "fill",
            "tray_type": "tray",
            "tray": 1,
            "velocity_m_s": 0.8,
            "acceleration_m_s2": 1.5,
            "jerk_m_s3": 15.0,
        }
    },
    "cameras": {
        "eye": {
            "pose": {"xyz": [-0.45, 0.0, 1.9], "rpy": [3.1415927, 0.0, 0.0]},
            "field_of_view_rad": [0.6, 0.6],
            "range_m": [0.4, 1.5],
            "rate_hz": 10.0,
            "latency_s": 0.05,
        }
    },
    "bins": {"left_bin": {"type": "box", "pose": {"xyz": [-0.45, 0.0, 0.80]}}},
    "tray_tables": {
        "rack_table": {
            "pose": {"xyz": [0.55, 0.15, 0.79]},
            "size_m": [0.4, 0.4, 0.03],
            "tray_type": "tray",
            "slots": {"1": [0.0, 0.0]},
        }
    },
    "obstacles": {
        "post": {"pose": {"xyz": [0.0, -0.8, 1.1]}, "shape": {"box_m": [0.06, 0.06, 0.6]}}
    },
}
BELT_SUPPLY: dict[str, Any] = {
    "conveyor": "belt",
    "period_s": 2.0,
    "half_spread_m": 0.05,
    "parts": [{"type": "cube", "color": "red"}],
}


class Events:
    """An event sink that keeps everything."""

    def __init__(self) -> None:
        self.all: list[tuple[str, dict[str, Any]]] = []

    def emit(self, kind: str, **fields: Any) -> None:
        self.all.append((kind, fields))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.all if name == kind]


def make_cell(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Cell:
    """Write the bench cell, changed by ``change``, and load it."""
    document = copy.deepcopy(CELL)
    if change is not None:
        change(document)
    path = folder / "cell.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return load_cell(path)


def make_job(**supply: Any) -> Job:
    """Return a job with one order and the given supply."""
    order = {
        "order_id": "one",
        "destination": "out",
        "products": [{"type": "cube", "color": "red", "slot": "1"}],
    }
    return Job.model_validate({"orders": [order], "supply": supply})


class Bench:
    """A twin, worked step by step."""

    def __init__(self, cell: Cell, job: Job, seed: int = 0) -> None:
        self.cell, self.events = cell, Events()
        self.twin = Twin(cell, job, seed, self.events)
        self.names = tuple(self.twin.arms)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / self.twin.timestep)):
            self.twin.step()

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Step until ``condition``; fails after ``seconds``."""
        end = self.twin.time + seconds
        while not condition():
            assert self.twin.time < end, f"not within {seconds} s of cell time"
            self.twin.step()

    # ------------------------------------------------------------------ the arm

    def start(self, trajectory: Trajectory, start: float | None = None) -> list[MotionResult]:
        """Send a trajectory; the list gets its result."""
        results: list[MotionResult] = []
        self.arm.start(as_goal(self.arm.joint_names, trajectory, start), results.append)
        return results

    @property
    def arm(self) -> Any:
        return self.twin.arms["arm"]

    @property
    def hand(self) -> Any:
        return self.twin.grippers["hand"]

    @property
    def model(self) -> ArmModel:
        return ArmModel(self.cell, "arm")

    def follow(self, trajectory: Trajectory) -> None:
        results = self.start(trajectory)
        self.until(lambda: bool(results), trajectory.duration + 1.0)
        assert results[0].outcome is MotionOutcome.DONE, results[0].message

    def joints(self) -> Array:
        position: Array = self.arm.set_point()[0]
        return position

    def solve(self, xyz: tuple[float, float, float], yaw: float = 0.0) -> Array:
        """Return joints with the contact face at a point, down, the elbow up as at home."""
        model = self.model
        pose = tool_down(xyz, yaw).matrix()
        solutions = model.solve(pose, np.zeros(0), self.joints(), most=16)
        assert len(solutions), f"{xyz} cannot be reached"
        shape = np.abs(solutions[:, 1:5] - model.home[1:5]).sum(axis=1)
        turn = np.abs(solutions - self.joints()).sum(axis=1)
        best: Array = solutions[int(np.argmin(10.0 * np.round(shape, 3) + 0.01 * turn))]
        return best

    def go(self, xyz: tuple[float, float, float], yaw: float = 0.0) -> None:
        """Move the contact face to a point, joint by joint."""
        limits = self.model.limits
        goal = self.solve(xyz, yaw)
        self.follow(point_to_point(State(self.joints()), State(goal), limits))

    def straight(self, xyz: tuple[float, float, float], speed: float = 0.25) -> None:
        """Move the contact face to a point on a straight line."""
        model, here = self.model, self.joints()
        begin = model.robot.fk(here)
        end = begin.copy()
        end[:3, 3] += model.mount[:3, :3].T @ (np.array(xyz) - model.contact(here)[:3, 3])
        self.follow(line_through(model, begin, end, here, speed))

    def tip(self) -> Array:
        """Return where the contact face really is."""
        joints = self.arm.joint_state().position
        position: Array = self.model.contact(joints)[:3, 3]
        return position


def line_through(
    model: ArmModel, begin: Array, end: Array, seed: Array, speed: float
) -> Trajectory:
    """Return a straight tool motion."""
    return line(
        model.robot, begin, end, seed=seed, tool_speed=speed, tool_acceleration=2.0, tool_jerk=30.0
    )


def as_goal(
    names: tuple[str, ...], trajectory: Trajectory, start: float | None = None
) -> JointTrajectory:
    """Return a trajectory as it is sent to an arm."""
    times, positions, velocities, accelerations = trajectory.waypoints(0.02, exact=True)
    return JointTrajectory(names, times, positions, velocities, accelerations, start)
