"""A loaded cell: frames, slots, robots and jobs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from smart_cell.model.errors import InputError, SmartCellError
from smart_cell.model.loading import cell_names, find_cell, load_cell, load_orders
from support.cells import cell_data, order_data, small_cell, write_cell


def test_frames_are_resolved_through_their_parents(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    seat = cell.pose("shuttle")
    np.testing.assert_allclose(seat.xyz, (1.0, 0.0, 0.6), atol=1e-12)
    assert seat.yaw == pytest.approx(math.pi / 2)
    assert cell.pose("world").xyz == (0.0, 0.0, 0.0)


def test_slots_lie_on_floor_table_and_tray(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    np.testing.assert_allclose(cell.slot_pose("bin", "2").xyz, (0.1, -1.0, 0.7), atol=1e-12)
    np.testing.assert_allclose(cell.slot_pose("stack", "1").xyz, (-1.2, 0.0, 0.7), atol=1e-12)
    np.testing.assert_allclose(cell.slot_pose("shuttle", "2").xyz, (1.0, 0.1, 0.61), atol=1e-12)
    assert cell.slots("stack") == ("1", "2")


def test_names_that_are_not_there_are_refused_with_those_that_are(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    for call in (
        lambda: cell.pose("nothing"),
        lambda: cell.slot_pose("nothing", "1"),
        lambda: cell.slot_pose("bin", "9"),
        lambda: cell.urdf_text("nothing"),
    ):
        with pytest.raises(SmartCellError, match="there are: "):
            call()


def test_robot_description_and_joint_names(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    assert cell.joint_names("arm") == ("rail", "shoulder", "wrist")
    assert "<robot" in cell.urdf_text("arm")


def test_cell_cannot_be_changed(tmp_path: Path) -> None:
    cell = small_cell(tmp_path)
    with pytest.raises(AttributeError):
        cell.path = tmp_path  # type: ignore[misc]
    with pytest.raises(TypeError):
        cell.poses["world"] = cell.poses["world"]  # type: ignore[index]


def test_job_takes_the_supply_of_the_orders_before_the_cells(tmp_path: Path) -> None:
    orders = order_data()
    orders["supply"] = {"parts": [{"place": "bin", "slot": "2", "type": "disc", "color": "green"}]}
    cell = load_cell(write_cell(tmp_path, orders=orders))
    assert [part.slot for part in cell.job().supply.parts] == ["2"]
    orders.pop("supply")
    cell = load_cell(write_cell(tmp_path, orders=orders))
    assert [part.slot for part in cell.job().supply.parts] == ["1"]


def test_cell_without_orders_of_its_own_says_so(tmp_path: Path) -> None:
    data = cell_data()
    del data["orders"]
    with pytest.raises(InputError, match="no orders of its own"):
        load_cell(write_cell(tmp_path, data)).job()


def test_cell_is_found_by_file_folder_and_name(tmp_path: Path) -> None:
    path = write_cell(tmp_path)
    assert find_cell(path) == path
    assert find_cell(tmp_path) == path
    assert {"kitting", "ariac"} <= set(cell_names())
    assert find_cell("kitting").name == "cell.yaml"


@pytest.mark.parametrize("name", ["nothing", "", "a/b/c.yaml", "../kitting"])
def test_cell_that_is_not_there_is_refused_with_those_that_ship(name: str) -> None:
    with pytest.raises(InputError, match="kitting") as caught:
        find_cell(name)
    assert caught.value.unreadable


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b"], ids=["long", "nul"])
def test_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        find_cell(name)
    assert caught.value.unreadable
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_cells_that_ship_have_neither_problems_nor_warnings(name: str) -> None:
    cell = load_cell(name)
    warnings: list[object] = []
    path = cell.orders_path()
    assert path is not None
    load_orders(path, cell, warnings)  # type: ignore[arg-type]
    assert cell.warnings == ()
    assert warnings == []
