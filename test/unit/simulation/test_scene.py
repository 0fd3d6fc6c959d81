"""The generated scene: what MuJoCo needs for belts, pools and arms; what collides at home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smart_cell.model.cell import load_cell
from smart_cell.simulation.layers import MAX_ARMS, Class, Verdict, cup_bit, verdicts
from smart_cell.simulation.physics import UnstableError
from smart_cell.simulation.pool import pool_sizes
from smart_cell.simulation.scene import build_scene, color_rgba
from smart_cell.simulation.twin import Twin
from support.twin_bench import BELT_SUPPLY, Bench, Events, make_cell, make_job


def test_belt_is_compiled_with_a_speed(tmp_path: Path) -> None:
    """A geom compiled without one ignores every later speed."""
    scene = build_scene(make_cell(tmp_path), make_job())
    assert scene.model.geom_surfacevel[scene.belts["belt"], 0] == pytest.approx(0.2)


def test_transporters_and_arms_are_jointed_not_mocap(tmp_path: Path) -> None:
    model = build_scene(make_cell(tmp_path), make_job()).model
    assert model.nmocap == 0
    assert model.nu == 6 + 1


def test_every_geom_has_a_class_and_an_owner(tmp_path: Path) -> None:
    scene = build_scene(make_cell(tmp_path), make_job(belts=[BELT_SUPPLY]))
    assert len(scene.classes) == len(scene.owners) == scene.model.ngeom
    assert {"arm/forearm_link", "left_bin", "post", "belt", "shuttle", "hand"} <= set(scene.owners)
    assert np.count_nonzero(scene.classes == Class.FLOOR) == 1
    assert np.count_nonzero(scene.classes == Class.CUP) == 1


def test_pool_holds_what_is_supplied_and_what_orders_take_off_belts(tmp_path: Path) -> None:
    part = {"place": "left_bin", "slot": "1", "type": "disc", "color": "green"}
    job = make_job(belts=[BELT_SUPPLY], parts=[part])
    sizes = pool_sizes(make_cell(tmp_path), job)
    on_belt = 2.9 / (0.2 * 2.0)
    assert sizes["disc"] == 1
    assert on_belt + 1 <= sizes["cube"] <= on_belt + 6
    assert "brick" not in sizes


def test_parked_parts_do_not_fall_and_do_not_cost(tmp_path: Path) -> None:
    bench = Bench(make_cell(tmp_path), make_job(belts=[{**BELT_SUPPLY, "limit": 1}]))
    bench.run(1.0)
    data, scene = bench.twin.physics.data, bench.twin.physics.scene
    present = {item.body for item in bench.twin.stock.items}
    parked = [body for body in scene.parts["cube"] if body not in present]
    assert parked
    assert np.ptp(data.xpos[parked][:, 2]) < 1e-6
    trees = bench.twin.physics.model.body_treeid[parked]
    assert (data.tree_asleep[trees] >= 0).all()


def test_physics_that_lost_its_way_says_where(tmp_path: Path) -> None:
    """MuJoCo itself would put everything back to its beginning and go on."""
    bench = Bench(make_cell(tmp_path), make_job(belts=[{**BELT_SUPPLY, "limit": 1}]))
    bench.run(1.0)
    physics = bench.twin.physics
    item = next(iter(bench.twin.stock.parts()))
    physics.data.qvel[physics.model.body_dofadr[item.body]] = float("nan")
    with pytest.raises(UnstableError, match=r"unstable at 1\.00. s: .* at part:cube:\d+"):
        physics.step()


def test_cup_bits_are_distinct_and_fit_an_int() -> None:
    bits = [cup_bit(arm) for arm in range(MAX_ARMS)]
    assert len(set(bits)) == MAX_ARMS
    assert max(bits) < 2**31


def test_verdicts_are_symmetric_and_stern_with_arms() -> None:
    table = verdicts()
    assert (table == table.T).all()
    assert table[Class.LINK, Class.LINK] == Verdict.COLLISION
    assert table[Class.GRIPPER, Class.PART] == Verdict.COLLISION
    assert table[Class.CUP, Class.PART] == Verdict.TOUCH
    assert table[Class.HELD, Class.OBSTACLE] == Verdict.COLLISION
    assert table[Class.PART, Class.SURFACE] == Verdict.NORMAL


def test_unknown_colour_has_a_colour_of_its_own() -> None:
    assert color_rgba("mauve") == color_rgba("mauve") != color_rgba("teal")


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_cells_that_ship_stand_for_two_seconds_without_a_touch(name: str) -> None:
    cell = load_cell(name)
    events = Events()
    twin = Twin(cell, cell.job(), 0, events)
    while twin.time < 2.0:
        twin.step()
    told: list[Any] = events.of("collision") + events.of("part_lost") + events.of("spawn_delayed")
    assert told == []
    for arm in twin.arms.values():
        assert np.abs(arm.joint_state().velocity).max() < 1e-6
