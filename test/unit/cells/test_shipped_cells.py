"""What must hold for every cell that ships: it is complete, seen, supplied and has room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from smart_cell.model.cell import Cell, cell_names, load_cell
from smart_cell.model.description import Camera
from smart_cell.model.geometry import Array
from smart_cell.model.orders import Job

CELLS = ("ariac", "kitting")


@pytest.fixture(params=CELLS, scope="module")
def cell(request: pytest.FixtureRequest) -> Cell:
    return load_cell(str(request.param))


def test_the_cells_that_ship_are_these() -> None:
    assert cell_names() == CELLS


def test_a_cell_that_ships_has_no_warnings(cell: Cell) -> None:
    assert cell.warnings == ()


def _sees(frame: Array, camera: Camera, point: Array) -> bool:
    local = np.linalg.inv(frame) @ np.append(point, 1.0)
    near, far = camera.range_m
    x, y = (np.tan(angle / 2) * local[2] for angle in camera.field_of_view_rad)
    return bool(near <= local[2] <= far and abs(local[0]) <= x and abs(local[1]) <= y)


def _seen(cell: Cell, point: Array) -> bool:
    cameras = cell.description.cameras
    return any(_sees(cell.pose(name).matrix(), camera, point) for name, camera in cameras.items())


def _places_to_see(cell: Cell) -> Iterator[tuple[str, Array]]:
    d = cell.description
    for place in (*d.bins, *d.tray_tables, *d.transporters):
        for slot in cell.slots(place):
            yield f"{place} slot {slot}", np.array(cell.slot_pose(place, slot).xyz)
    for name, belt in d.conveyors.items():
        frame = cell.pose(name).matrix()
        spread = max((b.half_spread_m for b in d.supply.belts if b.conveyor == name), default=0.0)
        for y in (-spread, 0.0, spread):
            point = frame @ np.array([belt.spawn_x_m, y, 0.0, 1.0])
            yield f"start of {name}", point[:3]


def test_every_place_of_parts_and_trays_is_seen_by_a_camera(cell: Cell) -> None:
    tallest = max(part.height for part in cell.description.part_types.values())
    for name, point in _places_to_see(cell):
        for height in (0.0, tallest):
            assert _seen(cell, point + np.array([0.0, 0.0, height])), f"nobody sees {name}"


def test_parts_on_a_belt_are_seen_before_they_may_be_picked(cell: Cell) -> None:
    for name, belt in cell.description.conveyors.items():
        frame = cell.pose(name).matrix()
        marks = np.arange(belt.spawn_x_m, belt.pick_from_x_m, 0.02)
        seen = [x for x in marks if _seen(cell, (frame @ np.array([x, 0.0, 0.0, 1.0]))[:3])]
        # Three frames of the slowest camera at least.
        slowest = min(camera.rate_hz for camera in cell.description.cameras.values())
        assert len(seen) * 0.02 / belt.speed_m_s >= 3.0 / slowest


def test_sample_orders_are_for_the_cell(cell: Cell) -> None:
    job = cell.job()
    for order in job.orders:
        movers = [order.transporter] if order.transporter else list(cell.description.transporters)
        for mover in movers:
            assert {product.slot for product in order.products} <= set(cell.slots(mover))
            assert cell.description.transporters[mover].stations[order.destination].delivers


def _wanted(job: Job) -> Counter[tuple[str, str]]:
    return Counter((p.type, p.color) for order in job.orders for p in order.products)


def test_sample_orders_can_be_filled_from_the_sample_supply(cell: Cell) -> None:
    job = cell.job()
    lying = Counter((part.type, part.color) for part in job.supply.parts)
    endless = {
        (part.type, part.color)
        for belt in job.supply.belts
        if belt.repeats and belt.limit is None
        for part in belt.parts
    }
    for (kind, color), count in _wanted(job).items():
        assert (kind, color) in endless or lying[kind, color] >= count, f"no {color} {kind}"


def test_trays_that_sample_orders_name_are_there(cell: Cell) -> None:
    job = cell.job()
    lying = {tray.tray_id for tray in job.supply.trays}
    assert {order.tray_id for order in job.orders} - {None} <= lying


def test_parts_of_one_belt_do_not_touch_when_they_enter(cell: Cell) -> None:
    longest = max(np.hypot(*t.shape.extents[:2]) for t in cell.description.part_types.values())
    for supply in cell.job().supply.belts:
        speed = cell.description.conveyors[supply.conveyor].speed_m_s
        assert supply.period_s * speed > longest


def test_kitting_sample_is_six_kits_of_four_parts() -> None:
    job = load_cell("kitting").job()
    assert [len(order.products) for order in job.orders] == [4] * 6


def test_part_sizes_of_the_kitting_cell_fit_its_slots() -> None:
    cell = load_cell("kitting")
    (tray,) = cell.description.tray_types.values()
    positions = np.array(list(tray.slots.values()))
    apart = min(np.abs(a - b).max() for i, a in enumerate(positions) for b in positions[i + 1 :])
    (cup,) = cell.description.grippers["left_gripper"].tools.values()
    for part in cell.description.part_types.values():
        # Any yaw, and room for the gripper of a neighbour.
        assert np.hypot(*part.shape.extents[:2]) + cup.radius_m < apart
