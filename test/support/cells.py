"""A small cell as data, for tests that change one thing in it and look at the problems."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.errors import InputError, Problem

ARM_URDF = """<?xml version="1.0"?>
<robot name="slider">
  <link name="base_link"/>
  <link name="carriage"/>
  <link name="upper"/>
  <link name="tool0"/>
  <joint name="rail" type="prismatic">
    <parent link="base_link"/><child link="carriage"/><axis xyz="1 0 0"/>
    <limit lower="-1" upper="1" velocity="1" effort="10"/>
  </joint>
  <joint name="shoulder" type="revolute">
    <parent link="carriage"/><child link="upper"/><axis xyz="0 0 1"/>
    <origin xyz="0 0 0.5"/>
    <limit lower="-3" upper="3" velocity="2" effort="10"/>
  </joint>
  <joint name="wrist" type="continuous">
    <parent link="upper"/><child link="tool0"/><axis xyz="0 0 1"/>
    <origin xyz="0.4 0 0" rpy="3.14159265 0 0"/>
    <limit velocity="3" effort="10"/>
  </joint>
</robot>
"""

_CELL: dict[str, Any] = {
    "cell": "small",
    "frames": {"table": {"xyz": [1.0, 0.0, 0.5], "rpy": [0.0, 0.0, 1.5707963267948966]}},
    "part_types": {
        "cube": {"shape": {"box_m": [0.04, 0.04, 0.04]}, "mass_kg": 0.1, "colors": ["red", "blue"]},
        "disc": {"shape": {"cylinder_m": [0.02, 0.01]}, "mass_kg": 0.1, "colors": ["green"]},
    },
    "tray_types": {
        "tray": {
            "size_m": [0.3, 0.2, 0.01],
            "mass_kg": 1.0,
            "slots": {"1": [-0.1, 0.0], "2": [0.1, 0.0]},
        }
    },
    "bin_types": {
        "box": {
            "inside_m": [0.4, 0.4],
            "wall_thickness_m": 0.01,
            "wall_height_m": 0.05,
            "slots": {"1": [-0.1, 0.0], "2": [0.1, 0.0]},
        }
    },
    "arms": {
        "arm": {
            "urdf": "arm.urdf",
            "mount": {"xyz": [0.0, 0.0, 0.2]},
            "external": {
                "joints": ["rail"],
                "carrier": "carriage",
                "places": [{"offset_m": [0.0, 0.0, 0.0]}],
            },
            "limits": {"acceleration": {"default": 5.0}, "jerk": {"default": 50.0}},
            "gripper": "cup",
            "home": [0.0, 0.0, 0.0],
            "ready_poses": {"rest": [0.0, 0.0]},
            "folded": "rest",
            "transfer_height_m": 0.9,
            "duties": ["parts", "trays"],
        }
    },
    "grippers": {
        "cup": {
            "body": {"cylinder_m": [0.02, 0.1]},
            "tcp": {"xyz": [0.0, 0.0, 0.1]},
            "tools": {"small": {"grasps": "parts"}, "large": {"grasps": "trays"}},
            "tool": "small",
        }
    },
    "tool_changers": {"rack": {"pose": {"xyz": [0.0, 1.0, 0.5]}, "tool": "large"}},
    "conveyors": {
        "belt": {
            "pose": {"xyz": [0.0, 2.0, 0.8], "rpy": [0.0, 0.0, -1.5707963267948966]},
            "length_m": 3.0,
            "width_m": 0.3,
            "speed_m_s": 0.2,
            "pick_from_x_m": 1.0,
            "pick_to_x_m": 2.0,
        }
    },
    "transporters": {
        "shuttle": {
            "pose": {"parent": "table", "xyz": [0.0, 0.0, 0.1]},
            "direction": [1.0, 0.0, 0.0],
            "stations": {"here": {"position_m": 0.0}, "out": {"position_m": 1.0, "delivers": True}},
            "home": "here",
            "tray_type": "tray",
            "tray": 1,
        }
    },
    "cameras": {
        "eye": {
            "pose": {"xyz": [0.0, 0.0, 2.0], "rpy": [3.14159, 0.0, 0.0]},
            "field_of_view_rad": [1.0, 1.0],
            "range_m": [0.1, 3.0],
        }
    },
    "bins": {"bin": {"type": "box", "pose": {"xyz": [0.0, -1.0, 0.7]}}},
    "tray_tables": {
        "stack": {
            "pose": {"xyz": [-1.0, 0.0, 0.7]},
            "size_m": [0.8, 0.4, 0.7],
            "tray_type": "tray",
            "slots": {"1": [-0.2, 0.0], "2": [0.2, 0.0]},
        }
    },
    "obstacles": {"post": {"pose": {"xyz": [3.0, 3.0, 0.5]}, "shape": {"box_m": [0.1, 0.1, 1.0]}}},
    "zones": {"middle": {"pose": {"xyz": [0.0, 0.0, 1.0]}, "size_m": [0.5, 0.5, 2.0]}},
    "supply": {
        "trays": [{"tray_id": 2, "table": "stack", "slot": "1"}],
        "parts": [{"place": "bin", "slot": "1", "type": "cube", "color": "red"}],
        "belts": [
            {"conveyor": "belt", "period_s": 5.0, "parts": [{"type": "disc", "color": "green"}]}
        ],
    },
    "orders": "orders.yaml",
}

_ORDERS: dict[str, Any] = {
    "orders": [
        {
            "order_id": "a",
            "destination": "out",
            "products": [{"type": "cube", "color": "red", "slot": "1"}],
        },
        {
            "order_id": "b",
            "destination": "out",
            "transporter": "shuttle",
            "tray_id": 1,
            "announcement": {"submitted": "a"},
            "products": [{"type": "disc", "color": "green", "slot": "2"}],
        },
    ]
}


def cell_data() -> dict[str, Any]:
    """Return the content of a cell file that has no problem."""
    return copy.deepcopy(_CELL)


def order_data() -> dict[str, Any]:
    """Return the content of a file of orders that has no problem in that cell."""
    return copy.deepcopy(_ORDERS)


def write_cell(
    folder: Path,
    data: dict[str, Any] | None = None,
    orders: dict[str, Any] | None = None,
    urdf: str = ARM_URDF,
) -> Path:
    """Write cell, orders and URDF into a folder; return the cell's file."""
    path = folder / "cell.yaml"
    path.write_text(yaml.safe_dump(cell_data() if data is None else data, sort_keys=False))
    content = order_data() if orders is None else orders
    (folder / "orders.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    (folder / "arm.urdf").write_text(urdf)
    return path


def small_cell(folder: Path) -> Cell:
    """Return the small cell, loaded."""
    return load_cell(write_cell(folder))


def problems(folder: Path, data: dict[str, Any], urdf: str = ARM_URDF) -> tuple[Problem, ...]:
    """Return the problems of a changed cell, warnings included; empty if there are none."""
    try:
        return load_cell(write_cell(folder, data, urdf=urdf)).warnings
    except InputError as error:
        return error.problems
