"""Belts: the encoder tells where parts are; stops, starts, feeding, the end; MuJoCo's traps."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from smart_cell.model.errors import SmartCellError
from support.twin_bench import BELT_SUPPLY, Bench, make_cell, make_job


def _supply(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(BELT_SUPPLY), **changes}


def _bench(folder: Path, seed: int = 0, **changes: Any) -> Bench:
    return Bench(make_cell(folder), make_job(belts=[_supply(**changes)]), seed)


def _x(bench: Bench, index: int = 0) -> float:
    """Return how far a part has come along the belt since it entered."""
    return bench.twin.truth()[index].pose.xyz[0] + 1.4


def test_part_rides_with_the_encoder(tmp_path: Path) -> None:
    bench = _bench(tmp_path, limit=1)
    bench.run(12.0)
    state = bench.twin.conveyors["belt"].state()
    assert state.position == pytest.approx(2.4)
    assert _x(bench) == pytest.approx(2.4, abs=1e-3)
    assert bench.twin.truth()[0].location == "conveyor:belt"


def test_part_moves_again_after_a_stop_of_four_seconds(tmp_path: Path) -> None:
    bench = _bench(tmp_path, limit=1)
    conveyor = bench.twin.conveyors["belt"]
    bench.run(3.0)
    conveyor.change_speed(0.0)
    assert not conveyor.state().running
    bench.run(4.0)
    stood = _x(bench)
    body = bench.twin.stock.parts()[0].body
    tree = bench.twin.physics.model.body_treeid[body]
    assert bench.twin.physics.data.tree_asleep[tree] >= 0, "it is to be asleep for this test"
    conveyor.change_speed(0.2)
    bench.run(2.0)
    assert _x(bench) - stood == pytest.approx(0.4, abs=5e-3)
    assert conveyor.state().position == pytest.approx(0.2 * 5.0)


def test_belt_at_half_speed_carries_at_half_speed(tmp_path: Path) -> None:
    bench = _bench(tmp_path, limit=1)
    bench.run(1.0)
    bench.twin.conveyors["belt"].change_speed(0.1)
    bench.run(0.5)
    before = _x(bench)
    bench.run(4.0)
    assert _x(bench) - before == pytest.approx(0.4, abs=2e-3)


@pytest.mark.parametrize("speed", [-0.01, 0.21, float("nan")])
def test_speed_beyond_the_nominal_one_is_refused(tmp_path: Path, speed: float) -> None:
    bench = _bench(tmp_path, limit=1)
    with pytest.raises(SmartCellError, match="0.2"):
        bench.twin.conveyors["belt"].change_speed(speed)


def test_part_leaves_at_the_end_and_its_body_is_used_again(tmp_path: Path) -> None:
    bench = _bench(tmp_path, period_s=1.0)
    bench.run(59.9)
    left = bench.events.of("part_left")
    assert len(bench.events.of("part_spawned")) == 60
    assert len(left) == 60 - len(bench.twin.truth())
    assert left[0] == {"type": "cube", "color": "red", "place": "belt"}
    assert not bench.events.of("part_lost")
    assert not bench.events.of("spawn_delayed")


def test_parts_come_in_the_order_of_the_list_and_again(tmp_path: Path) -> None:
    parts = [
        {"type": "cube", "color": "red", "count": 2},
        {"type": "disc", "color": "green", "offset": 1.0, "flipped": True},
    ]
    bench = _bench(tmp_path, period_s=1.0, parts=parts)
    bench.run(5.5)
    order = [event["type"] for event in bench.events.of("part_spawned")]
    assert order == ["cube", "cube", "disc", "cube", "cube", "disc"]
    disc = bench.twin.truth()[2]
    assert disc.flipped
    assert disc.pose.xyz[1:] == pytest.approx((0.55, 0.80 + 0.03), abs=1e-3)


def test_list_that_does_not_repeat_ends(tmp_path: Path) -> None:
    parts = [{"type": "cube", "color": "red", "count": 3}]
    bench = _bench(tmp_path, period_s=0.6, parts=parts, repeats=False)
    bench.run(10.0)
    assert len(bench.events.of("part_spawned")) == 3


def test_random_order_depends_on_the_seed_only(tmp_path: Path) -> None:
    parts = [{"type": "cube", "color": c, "count": 4} for c in ("red", "blue", "green")]

    def colors(seed: int) -> list[str]:
        bench = _bench(tmp_path, seed, period_s=0.5, parts=parts, order="random")
        bench.run(5.8)
        return [event["color"] for event in bench.events.of("part_spawned")]

    assert colors(1) == colors(1)
    assert colors(1) != colors(2)
    assert sorted(colors(1)) == sorted(["red", "blue", "green"] * 4)


def test_full_belt_delays_the_next_part_and_says_so_once(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    bench.run(1.9)
    bench.twin.conveyors["belt"].change_speed(0.0)
    bench.run(8.0)
    assert len(bench.events.of("part_spawned")) == 2, "the second one still has room"
    assert bench.events.of("spawn_delayed") == [
        {"type": "cube", "reason": "the place on the belt is occupied"}
    ]
    bench.twin.conveyors["belt"].change_speed(0.2)
    bench.run(1.0)
    assert len(bench.events.of("part_spawned")) == 3


def test_empty_pool_delays_the_next_part_and_says_so(tmp_path: Path) -> None:
    bench = _bench(tmp_path)
    stock = bench.twin.stock
    bench.run(0.1)
    place = bench.cell.slot_pose("left_bin", "1")
    taken = []
    while stock.available("cube"):
        taken.append(stock.enter_part("cube", "blue", place, "test"))
        stock.leave(taken[-1]) if len(taken) > 100 else None
        bench.twin.physics.data.qpos[taken[-1].qpos] = 5.0 + len(taken)
    bench.run(4.0)
    delayed = bench.events.of("spawn_delayed")
    assert len(delayed) == 1
    assert "in use" in delayed[0]["reason"]
    stock.leave(taken[0])
    bench.run(0.2)
    assert len(bench.events.of("part_spawned")) == 2
