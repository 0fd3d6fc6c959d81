"""The ARIAC cell against the published numbers of NIST's cell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smart_cell.model.cell import Cell, load_cell

BINS = {
    "bin1": (-1.9, 3.375),
    "bin2": (-1.9, 2.625),
    "bin3": (-2.65, 2.625),
    "bin4": (-2.65, 3.375),
    "bin5": (-1.9, -3.375),
    "bin6": (-1.9, -2.625),
    "bin7": (-2.65, -2.625),
    "bin8": (-2.65, -3.375),
}
TRAY_SLOTS = {
    ("kts1", "1"): (-0.87, -5.84),
    ("kts1", "2"): (-1.3, -5.84),
    ("kts1", "3"): (-1.73, -5.84),
    ("kts2", "4"): (-1.73, 5.84),
    ("kts2", "5"): (-1.3, 5.84),
    ("kts2", "6"): (-0.87, 5.84),
}
AGVS = {"agv1": 4.8, "agv2": 1.2, "agv3": -1.2, "agv4": -4.8}
QUADRANTS = {"1": (-1, 1), "2": (1, 1), "3": (-1, -1), "4": (1, -1)}
CHANGERS = {
    "kts1_parts": ((-1.1, -5.38, 0.675), "part_gripper"),
    "kts2_parts": ((-1.5, 5.38, 0.675), "part_gripper"),
    "kts1_trays": ((-1.5, -5.38, 0.675), "tray_gripper"),
    "kts2_trays": ((-1.1, 5.38, 0.675), "tray_gripper"),
}
PARTS: dict[str, dict[str, Any]] = {
    "battery": {"low": (-0.065, -0.025), "high": (0.065, 0.025), "height": 0.04, "mass": 0.7},
    "pump": {"low": (-0.06, -0.06), "high": (0.06, 0.06), "height": 0.12, "mass": 4.67},
    "regulator": {"low": (-0.035, -0.08), "high": (0.065, 0.035), "height": 0.07, "mass": 0.93},
    "sensor": {"low": (-0.065, -0.035), "high": (0.075, 0.065), "height": 0.07, "mass": 1.89},
}


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("ariac")


def _near(actual: object, expected: object) -> None:
    np.testing.assert_allclose(actual, expected, atol=1e-9)


def test_it_loads_without_a_warning(cell: Cell) -> None:
    assert cell.warnings == ()


@pytest.mark.parametrize("name", BINS)
def test_bin_slots_run_from_the_far_left_corner_row_by_row(cell: Cell, name: str) -> None:
    x, y = BINS[name]
    for slot in range(1, 10):
        row, column = divmod(slot - 1, 3)
        # The bin is turned by pi: slot 1 at world (-0.18, -0.18) from its centre.
        expected = (x - 0.18 + 0.18 * row, y - 0.18 + 0.18 * column, 0.7235)
        _near(cell.slot_pose(name, str(slot)).xyz, expected)
    assert len(cell.slots(name)) == 9


@pytest.mark.parametrize(("table", "slot"), TRAY_SLOTS)
def test_tray_slots_are_on_their_tables(cell: Cell, table: str, slot: str) -> None:
    pose = cell.slot_pose(table, slot)
    _near(pose.xyz, (*TRAY_SLOTS[table, slot], 0.725))
    yaw = np.pi if table == "kts1" else 0.0
    assert np.cos(pose.yaw - yaw) == pytest.approx(1.0)


@pytest.mark.parametrize("name", AGVS)
def test_tray_on_an_agv_lies_where_nist_puts_it(cell: Cell, name: str) -> None:
    seat = cell.pose(name)
    _near(seat.xyz, (-2.07, AGVS[name], 0.76))
    assert seat.yaw == pytest.approx(np.pi / 2)
    for slot, (x, y) in QUADRANTS.items():
        # The tray's x points to world y, its y to world -x.
        expected = (-2.07 - 0.1275 * y, AGVS[name] + 0.0925 * x, 0.77)
        _near(cell.slot_pose(name, slot).xyz, expected)


@pytest.mark.parametrize("name", AGVS)
def test_agvs_stop_where_nists_do(cell: Cell, name: str) -> None:
    agv = cell.description.transporters[name]
    stops = {station: item.position_m for station, item in agv.stations.items()}
    expected = {"kitting": 0.0, "assembly_front": 5.6, "assembly_back": 10.6, "warehouse": 17.0}
    assert stops == expected
    assert [station for station, item in agv.stations.items() if item.delivers] == ["warehouse"]
    _near(agv.direction, (-1.0, 0.0, 0.0))
    assert agv.tray is None


def test_belt_carries_parts_from_the_spawn_point_along_minus_y(cell: Cell) -> None:
    belt = cell.description.conveyors["belt"]
    frame = cell.pose("belt").matrix()
    _near(frame[:3, 0], (0.0, -1.0, 0.0))
    spawn = frame @ np.array([belt.spawn_x_m, 0.0, 0.0, 1.0])
    _near(spawn[:3], (-0.6, 4.0, 0.875))
    # A part with offset +1 lies at larger x.
    (supply,) = cell.description.supply.belts
    aside = frame @ np.array([belt.spawn_x_m, supply.half_spread_m, 0.0, 1.0])
    _near(aside[:3], (-0.46, 4.0, 0.875))
    assert (belt.speed_m_s, belt.length_m, belt.width_m) == (0.2, 9.0, 0.42)


@pytest.mark.parametrize("name", CHANGERS)
def test_tool_changers_are_beside_the_tables(cell: Cell, name: str) -> None:
    point, tool = CHANGERS[name]
    _near(cell.pose(name).xyz, point)
    assert cell.description.tool_changers[name].tool == tool


@pytest.mark.parametrize("name", PARTS)
def test_parts_have_nists_boxes(cell: Cell, name: str) -> None:
    part, expected = cell.description.part_types[name], PARTS[name]
    box = np.array(part.shape.box_m)
    _near(np.array(part.center_xy_m) - box[:2] / 2, expected["low"])
    _near(np.array(part.center_xy_m) + box[:2] / 2, expected["high"])
    assert part.height == expected["height"]
    assert part.mass_kg == expected["mass"]
    assert part.colors == ("red", "green", "blue", "orange", "purple")


def test_torso_of_the_ceiling_robot_cannot_leave_the_aisle(cell: Cell) -> None:
    described = cell.description.arms["ceiling_robot"]
    joints = cell.urdf("ceiling_robot").moving_joints(described.base, described.tip)
    (along_x,) = [joint for joint in joints if joint.name == "gantry_x_axis_joint"]
    assert -7.0 + along_x.lower >= -7.0
    assert -7.0 + along_x.upper <= -3.2


def test_duties_are_shared_as_ariac_shares_them(cell: Cell) -> None:
    floor = cell.description.arms["floor_robot"]
    ceiling = cell.description.arms["ceiling_robot"]
    assert set(floor.duties) == {"parts", "trays"}
    assert set(ceiling.duties) == {"parts"}
    assert floor.preference < ceiling.preference
