"""Skills for trays and tools, in NIST's cell of fakes."""

from __future__ import annotations

from typing import Any

import numpy as np

from smart_cell.model.cell import load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import SkillOutcome, SkillResult
from smart_cell.vision.places import seat_pose
from support.fake_devices import FakeBench
from support.virtual_loop import run_virtual

CELL = load_cell("ariac")
FLOOR, CEILING = "floor_robot", "ceiling_robot"


async def run(bench: FakeBench, arm: str, skill: str, **parameters: Any) -> SkillResult:
    return await bench.skills.run(arm, skill, parameters)


def test_tray_goes_from_its_table_onto_the_seat_with_the_seats_yaw() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        tray = bench.add_tray(7, "kts2", "5")
        async with bench.seen():
            refused = await run(bench, FLOOR, "pick_tray", tray="t1")
            assert refused.outcome is SkillOutcome.BLOCKED
            assert "no tool for trays" in refused.message
            changed = await run(bench, FLOOR, "change_tool", tool="tray_gripper")
            assert changed.outcome is SkillOutcome.DONE, changed.message
            picked = await run(bench, FLOOR, "pick_tray", tray="t1")
            assert picked.outcome is SkillOutcome.DONE, picked.message
            assert tray.holder == FLOOR
            placed = await run(bench, FLOOR, "place_tray", transporter="agv1")
            assert placed.outcome is SkillOutcome.DONE, placed.message
        seat, pose = seat_pose(CELL, "agv1", 0.0), Pose.from_matrix(bench.pose(tray))
        np.testing.assert_allclose(pose.xyz[:2], seat.xyz[:2], atol=0.001)
        height = CELL.description.tray_types[tray.type].size_m[2]
        np.testing.assert_allclose(pose.xyz[2] - seat.xyz[2], height + 0.005, atol=0.003)
        assert abs(np.sin(pose.yaw - seat.yaw)) < 0.005
        assert np.cos(pose.yaw - seat.yaw) > 0.0
        assert bench.events.last("tray_placed") == {"transporter": "agv1", "tray_id": 7}

    run_virtual(main())


def test_tray_is_not_put_onto_another_one_and_unknown_trays_are_blocked() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        bench.add_tray(7, "kts2", "5")
        bench.transporters["agv1"].tray_id = 3
        async with bench.seen():
            await run(bench, FLOOR, "change_tool", tool="tray_gripper")
            unknown = await run(bench, FLOOR, "pick_tray", tray="t8")
            assert (await run(bench, FLOOR, "pick_tray", tray="t1")).outcome is SkillOutcome.DONE
            occupied = await run(bench, FLOOR, "place_tray", transporter="agv1")
        assert unknown.outcome is SkillOutcome.BLOCKED
        assert "tray t8 is seen on no tray table" in unknown.message
        assert occupied.outcome is SkillOutcome.BLOCKED
        assert "already carries tray 3" in occupied.message

    run_virtual(main())


def test_part_from_a_tray_goes_to_a_free_place_of_a_bin() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        bench.transporters["agv2"].tray_id = 3
        part = bench.add_part("sensor", "red", bench.slot("agv2", "3"))
        neighbour = bench.add_part("pump", "blue", CELL.slot_pose("bin2", "6"))
        async with bench.seen():
            picked = await run(bench, FLOOR, "pick", part_id=bench.part_id(part))
            assert picked.outcome is SkillOutcome.DONE, picked.message
            result = await run(bench, FLOOR, "discard")
            assert result.outcome is SkillOutcome.DONE, result.message
            location = result.data["to"]
            assert location.startswith("bin:")
            lying = {p.part_id: p.location for p in bench.tracker.parts()}
            assert lying[bench.part_id(part)] == location
            apart = bench.pose(part)[:2, 3] - bench.pose(neighbour)[:2, 3]
            assert np.linalg.norm(apart) > 0.15

    run_virtual(main())


def test_tool_is_changed_within_the_changers_tolerance_straight_down() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        again = await run(bench, FLOOR, "change_tool", tool="part_gripper")
        assert again.outcome is SkillOutcome.DONE
        assert "already" in again.message
        assert not bench.arms[FLOOR].executed
        result = await run(bench, FLOOR, "change_tool", tool="tray_gripper")
        assert result.outcome is SkillOutcome.DONE, result.message
        gripper = bench.grippers["floor_gripper"]
        assert gripper.tool == "tray_gripper"
        model, moved = bench.models[FLOOR], bench.arms[FLOOR].executed[-2].positions
        low = model.contact(moved)[model.contact(moved)[:, 2, 3] < 1.0]
        np.testing.assert_allclose(low[:, :2, 3], low[-1:, :2, 3].repeat(len(low), 0), atol=1e-4)

    run_virtual(main())


def test_part_out_of_a_far_bin_comes_by_the_ceiling_robot() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        slot = CELL.slot_pose("bin8", "1")
        part = bench.add_part("pump", "red", slot)
        async with bench.seen():
            part_id = bench.part_id(part)
            assert bench.tracker.part(part_id).location == "bin:bin8"
            floor = await run(bench, FLOOR, "pick", part_id=part_id)
            assert floor.outcome is SkillOutcome.BLOCKED
            bench.transporters["agv3"].tray_id = 5
            picked = await run(bench, CEILING, "pick", part_id=part_id)
            assert picked.outcome is SkillOutcome.DONE, picked.message
            placed = await run(bench, CEILING, "place", transporter="agv3", slot="4")
            assert placed.outcome is SkillOutcome.DONE, placed.message
        pose, wanted = bench.pose(part), bench.slot("agv3", "4")
        np.testing.assert_allclose(pose[:2, 3], wanted.xyz[:2], atol=0.001)

    run_virtual(main())


def test_part_is_put_back_into_its_bin() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        slot = CELL.slot_pose("bin2", "4")
        part = bench.add_part("battery", "red", slot)
        async with bench.seen():
            picked = await run(bench, FLOOR, "pick", part_id=bench.part_id(part))
            assert picked.outcome is SkillOutcome.DONE, picked.message
            result = await run(bench, FLOOR, "discard")
            assert result.outcome is SkillOutcome.DONE, result.message
            assert [p.location for p in bench.tracker.parts()] == ["bin:bin2"]
        np.testing.assert_allclose(bench.pose(part)[:2, 3], slot.xyz[:2], atol=0.001)

    run_virtual(main())
