"""Skills pick, place, discard and move in a cell of fakes, with the real planner and tracker."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from smart_cell.model.cell import load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import MotionOutcome, MotionResult, SkillOutcome, SkillResult
from smart_cell.runtime.motion.segments import standing
from smart_cell.runtime.motion.service import MotionFailedError
from smart_cell.runtime.motion.zones import ZonesBusyError
from smart_cell.runtime.skills import SkillError
from support.fake_devices import FakeBench, Thing
from support.virtual_loop import run_virtual

CELL = load_cell("kitting")
LEFT, RIGHT = "left_arm", "right_arm"


def on_belt(bench: FakeBench, x: float, y: float = 0.02, kind: str = "housing") -> Thing:
    pose = CELL.pose("infeed") @ Pose.from_rpy((x, y, 0.0), (0.0, 0.0, 0.4))
    return bench.add_part(kind, "blue" if kind == "housing" else "red", pose, belt="infeed")


async def run(bench: FakeBench, arm: str, skill: str, **parameters: Any) -> SkillResult:
    return await bench.skills.run(arm, skill, parameters)


def is_ready(bench: FakeBench, arm: str) -> bool:
    return bench.motion.unit(arm).moves.is_ready(bench.arms[arm].position)


def test_part_is_picked_from_the_running_belt_and_placed_into_its_slot() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            part_id = bench.part_id(part)
            picked = await run(bench, LEFT, "pick", part_id=part_id)
            assert picked.outcome is SkillOutcome.DONE, picked.message
            assert part.holder == LEFT
            assert is_ready(bench, LEFT)
            assert bench.motion.unit(LEFT).held is not None
            assert bench.tracker.parts() == ()
            # In contact the cup stood over the part's middle.
            assert np.abs(part.grasp[:2, 3]).max() < 0.0015
            placed = await run(bench, LEFT, "place", transporter="outfeed_left", slot="2")
            assert placed.outcome is SkillOutcome.DONE, placed.message
            assert placed.data == {"part_id": part_id, "transporter": "outfeed_left", "slot": "2"}
            pose, slot = Pose.from_matrix(bench.pose(part)), bench.slot("outfeed_left", "2")
            np.testing.assert_allclose(pose.xyz[:2], slot.xyz[:2], atol=0.001)
            assert pose.xyz[2] - slot.xyz[2] == pytest.approx(0.005, abs=0.003)
            assert abs(pose.yaw - slot.yaw) < 0.01
            assert [p.location for p in bench.tracker.parts()] == ["tray:outfeed_left"]
        assert bench.events.last("part_picked")["from"] == "conveyor:infeed"
        assert bench.events.last("part_placed")["slot"] == "2"
        assert bench.motion.zones.held(LEFT) == ()

    run_virtual(main())


def test_gripper_is_on_before_contact_and_one_goal_holds_the_whole_belt_pick() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            await run(bench, LEFT, "pick", part_id=bench.part_id(part))
        assert len(bench.arms[LEFT].executed) == 1
        (goal,) = bench.arms[LEFT].executed
        assert goal.start is not None

    run_virtual(main())


def test_part_on_a_standing_belt_is_picked_from_rest() -> None:
    async def main() -> None:
        bench = FakeBench(CELL, running=False)
        part = on_belt(bench, 0.62)
        bench.conveyors["infeed"].travel = 0.0
        async with bench.seen():
            part_id = bench.part_id(part)
            part.pose[0, 3] += 0.45  # carried into reach while nobody looked
            track = bench.tracker._by_id(part_id)
            track.xyz = track.xyz + np.array([0.45, 0.0, 0.0])
            result = await run(bench, LEFT, "pick", part_id=part_id)
            assert result.outcome is SkillOutcome.DONE, result.message
        assert part.holder == LEFT

    run_virtual(main())


def test_vanished_part_ends_not_attached_with_the_gripper_off_and_the_arm_ready() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            part_id = bench.part_id(part)
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=part_id))
            await bench.until(lambda: bool(bench.arms[LEFT].executed))
            await bench.until(lambda: float(bench.contact(LEFT)[2, 3]) < 0.9)
            bench.things.clear()
            result = await picking
            assert result.outcome is SkillOutcome.NOT_ATTACHED
            assert part_id in result.message
        assert not bench.grippers["left_gripper"].enabled
        assert is_ready(bench, LEFT)
        assert bench.motion.unit(LEFT).held is None

    run_virtual(main())


def test_part_lost_on_the_way_back_ends_lost() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        gripper = bench.grippers["left_gripper"]
        async with bench.seen():
            part_id = bench.part_id(part)
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=part_id))
            await bench.until(lambda: gripper.held is not None)
            await bench.clock.sleep_until(bench.clock.now() + 0.8)
            gripper.let_go()
            result = await picking
        assert result.outcome is SkillOutcome.LOST
        assert bench.motion.unit(LEFT).held is None
        assert is_ready(bench, LEFT)

    run_virtual(main())


def test_part_lost_between_pick_and_place_ends_lost() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            await run(bench, LEFT, "pick", part_id=bench.part_id(part))
            bench.grippers["left_gripper"].let_go()
            result = await run(bench, LEFT, "place", transporter="outfeed_left", slot="1")
        assert result.outcome is SkillOutcome.LOST

    run_virtual(main())


def test_placed_part_that_no_camera_sees_ends_lost() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        gripper = bench.grippers["left_gripper"]
        async with bench.seen():
            await run(bench, LEFT, "pick", part_id=bench.part_id(part))
            placing = asyncio.ensure_future(
                run(bench, LEFT, "place", transporter="outfeed_left", slot="1")
            )
            await bench.until(lambda: gripper.held is None)
            bench.things.clear()
            result = await placing
        assert result.outcome is SkillOutcome.LOST
        assert "no camera sees" in result.message

    run_virtual(main())


def test_estimate_that_moves_is_followed_by_a_goal_that_replaces_the_running_one() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            part_id = bench.part_id(part)
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=part_id))
            await bench.until(lambda: bool(bench.arms[LEFT].executed))
            part.pose[:2, 3] += (0.006, -0.005)
            track = bench.tracker._by_id(part_id)
            track.xyz = track.xyz + np.array([0.006, -0.005, 0.0])
            result = await picking
            assert result.outcome is SkillOutcome.DONE, result.message
        assert len(bench.arms[LEFT].executed) >= 2
        assert bench.arms[LEFT].executed[1].start == bench.arms[LEFT].executed[0].start
        assert np.abs(part.grasp[:2, 3]).max() < 0.0015

    run_virtual(main())


def test_belt_that_stops_before_the_descent_makes_the_pick_blocked_and_the_arm_recovers() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=bench.part_id(part)))
            await bench.until(lambda: bool(bench.arms[LEFT].executed))
            await bench.conveyors["infeed"].set_speed(0.0)
            result = await picking
            assert result.outcome is SkillOutcome.BLOCKED
            assert "no longer rides" in result.message
            again = await run(bench, LEFT, "move", pose="rest")
            assert again.outcome is SkillOutcome.DONE, again.message
        assert is_ready(bench, LEFT)

    run_virtual(main())


def test_silent_encoder_makes_a_belt_part_stale_and_it_is_not_picked() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            part_id = bench.part_id(part)
            bench.conveyors["infeed"].silent = True
            await bench.clock.sleep_until(bench.clock.now() + 0.4)
            result = await run(bench, LEFT, "pick", part_id=part_id)
        assert result.outcome is SkillOutcome.BLOCKED
        assert "encoder" in result.message
        assert not bench.arms[LEFT].executed

    run_virtual(main())


def test_unknown_part_and_part_out_of_reach_are_blocked() -> None:
    async def main() -> None:
        bench = FakeBench(CELL, running=False)
        part = on_belt(bench, 0.5)
        async with bench.seen():
            unknown = await run(bench, LEFT, "pick", part_id="p99")
            far = await run(bench, RIGHT, "pick", part_id=bench.part_id(part))
        assert unknown.outcome is SkillOutcome.BLOCKED
        assert "p99" in unknown.message
        assert far.outcome is SkillOutcome.BLOCKED
        assert "right_arm cannot reach" in far.message

    run_virtual(main())


def test_place_is_refused_without_part_without_tray_and_while_the_transporter_moves() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        target = {"transporter": "outfeed_left", "slot": "1"}
        mover = bench.transporters["outfeed_left"]
        async with bench.seen():
            empty = await run(bench, LEFT, "place", **target)
            assert empty.outcome is SkillOutcome.FAILED
            await run(bench, LEFT, "pick", part_id=bench.part_id(part))
            mover.station = ""
            moving = await run(bench, LEFT, "place", **target)
            mover.station, mover.tray_id = "kitting", None
            bare = await run(bench, LEFT, "place", **target)
        assert moving.outcome is SkillOutcome.BLOCKED
        assert "moving" in moving.message
        assert bare.outcome is SkillOutcome.BLOCKED
        assert "no tray" in bare.message
        assert part.holder == LEFT

    run_virtual(main())


def test_second_part_is_not_picked_while_one_is_held() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        first, second = on_belt(bench, 0.5), on_belt(bench, 0.25)
        async with bench.seen():
            ids = bench.part_id(first), bench.part_id(second)
            assert (await run(bench, LEFT, "pick", part_id=ids[0])).outcome is SkillOutcome.DONE
            result = await run(bench, LEFT, "pick", part_id=ids[1])
        assert result.outcome is SkillOutcome.FAILED
        assert "already holds" in result.message

    run_virtual(main())


def test_discarded_part_rides_on_the_belt_again() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            await run(bench, LEFT, "pick", part_id=bench.part_id(part))
            result = await run(bench, LEFT, "discard")
            assert result.outcome is SkillOutcome.DONE, result.message
            x, y, z = bench.pose(part)[:3, 3]
            assert abs(y) < CELL.description.conveyors["infeed"].width_m / 2
            assert z == pytest.approx(0.805, abs=0.003)
            assert [p.location for p in bench.tracker.parts()] == ["conveyor:infeed"]

    run_virtual(main())


def test_part_is_laid_onto_the_belt_into_a_gap_only() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        held = on_belt(bench, 0.75)
        others = [on_belt(bench, 0.75 - 0.16 * i, y=-0.02) for i in range(1, 5)]
        async with bench.seen():
            await run(bench, LEFT, "pick", part_id=bench.part_id(held))
            nearest: list[float] = []

            async def watch() -> None:
                while held.holder is not None:
                    await bench.clock.sleep_until(bench.clock.now() + 0.02)
                for _ in range(20):
                    place = bench.pose(held)[:2, 3]
                    nearest.append(
                        min(float(np.linalg.norm(bench.pose(o)[:2, 3] - place)) for o in others)
                    )
                    await bench.clock.sleep_until(bench.clock.now() + 0.02)

            watching = asyncio.ensure_future(watch())
            result = await run(bench, LEFT, "discard")
            assert result.outcome is SkillOutcome.DONE, result.message
            await watching
        assert min(nearest) > 0.08

    run_virtual(main())


def test_cancelled_skill_stops_the_arm_keeps_its_zones_and_the_next_one_recovers() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            await run(bench, LEFT, "pick", part_id=bench.part_id(part))
            target = {"transporter": "outfeed_left", "slot": "1"}
            placing = asyncio.ensure_future(run(bench, LEFT, "place", **target))
            await bench.until(lambda: len(bench.arms[LEFT].executed) == 2)
            await bench.clock.sleep_until(bench.clock.now() + 1.2)
            placing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await placing
            assert bench.events.last("skill_ended")["outcome"] == "canceled"
            assert bench.arms[LEFT].running is None
            assert not is_ready(bench, LEFT)
            assert bench.contact(LEFT)[2, 3] < 0.99
            result = await run(bench, LEFT, "place", **target)
            assert result.outcome is SkillOutcome.DONE, result.message
        assert part.holder is None

    run_virtual(main())


def test_arm_waits_for_the_zone_that_the_other_one_has() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            part_id = bench.part_id(part)
            await bench.motion.zones.take(RIGHT, ["middle"], 1.0)
            track = bench.tracker._by_id(part_id)
            for moved in (part.pose[:3, 3], track.xyz):
                moved[0] += 1.05  # past the left arm's own stretch, into the middle
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=part_id))
            await bench.until(lambda: "arm_waiting" in bench.events.kinds() or picking.done())
            assert not picking.done(), picking.result()
            assert bench.events.last("arm_waiting")["for"] == "zone middle (right_arm)"
            assert not bench.arms[LEFT].executed
            bench.motion.zones.give_back(RIGHT)
            result = await picking
            assert result.outcome is SkillOutcome.DONE, result.message
        assert "arm_waiting_ended" in bench.events.kinds()
        assert bench.motion.zones.held(LEFT) == ()

    run_virtual(main())


def test_stopped_arm_keeps_its_zones_until_it_has_recovered() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        zones = bench.motion.zones
        async with bench.seen():
            part_id = bench.part_id(part)
            track = bench.tracker._by_id(part_id)
            for moved in (part.pose[:3, 3], track.xyz):
                moved[0] += 1.05
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=part_id))
            await bench.until(lambda: float(bench.contact(LEFT)[2, 3]) < 0.9)
            assert zones.held(LEFT) == ("middle",)
            picking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await picking
            assert zones.held(LEFT) == ("middle",)
            with pytest.raises(ZonesBusyError, match="left_arm"):
                await zones.take(RIGHT, ["middle"], bench.clock.now() + 5.0)
            assert (await run(bench, LEFT, "move", pose="rest")).outcome is SkillOutcome.DONE
            assert zones.holder("middle") is None

    run_virtual(main())


def test_zone_is_free_for_the_other_arm_before_the_skill_has_ended() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        part = on_belt(bench, 0.35)
        async with bench.seen():
            part_id = bench.part_id(part)
            track = bench.tracker._by_id(part_id)
            for moved in (part.pose[:3, 3], track.xyz):
                moved[0] += 1.05
            picking = asyncio.ensure_future(run(bench, LEFT, "pick", part_id=part_id))
            await bench.until(lambda: bench.motion.zones.holder("middle") == LEFT)
            await bench.until(lambda: bench.motion.zones.holder("middle") is None)
            assert not picking.done()
            position = bench.arms[LEFT].joint_state().position
            assert not bench.motion._inside(LEFT)
            await picking
            assert np.abs(bench.arms[LEFT].position - position).max() > 0.1

    run_virtual(main())


@pytest.mark.parametrize("outcome", [MotionOutcome.ABORTED, MotionOutcome.REJECTED])
def test_motion_that_does_not_end_well_makes_the_skill_failed(outcome: MotionOutcome) -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        bench.arms[LEFT].outcomes.append(MotionResult(outcome, "tolerance violated"))
        result = await run(bench, LEFT, "move", pose="belt")
        assert result.outcome is SkillOutcome.FAILED
        assert "tolerance violated" in result.message
        assert (await run(bench, LEFT, "move", pose="belt")).outcome is SkillOutcome.DONE

    run_virtual(main())


def test_motion_that_does_not_end_is_given_up_at_its_deadline() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        bench.arms[LEFT].stuck = True
        result = await run(bench, LEFT, "move", pose="belt")
        assert result.outcome is SkillOutcome.FAILED
        assert "did not end before" in result.message
        assert bench.clock.now() < 4.0

    run_virtual(main())


def test_motion_does_not_begin_where_the_arm_is_not() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        q = bench.arms[LEFT].position.copy()
        q[2] += 0.02
        with pytest.raises(MotionFailedError, match="elbow.* more than 0.01 apart"):
            await bench.motion.execute(LEFT, standing(q))

    run_virtual(main())


def test_unknown_skills_parameters_and_busy_arms_are_refused() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        for skill, parameters, text in [
            ("juggle", {}, "there is no skill 'juggle'; there are: pick, place"),
            ("pick", {}, "pick needs the parameter 'part_id'"),
            ("pick", {"part_id": 3}, "part_id must be of type str; got 3"),
            ("move", {"pose": "rest", "speed": 2}, "move has no parameter 'speed'"),
            ("move", {"pose": "moon"}, "left_arm has no pose 'moon'; it has: home, rest"),
        ]:
            with pytest.raises(SkillError, match=text):
                await run(bench, LEFT, skill, **parameters)
        moving = asyncio.ensure_future(run(bench, LEFT, "move", pose="belt"))
        await bench.until(lambda: bool(bench.arms[LEFT].executed))
        with pytest.raises(SkillError, match="busy with move"):
            await run(bench, LEFT, "move", pose="tray")
        assert (await moving).outcome is SkillOutcome.DONE

    run_virtual(main())


def test_every_skill_tells_its_begin_and_its_end() -> None:
    async def main() -> None:
        bench = FakeBench(CELL)
        await run(bench, LEFT, "move", pose="belt")
        assert bench.events.told == [
            ("skill_started", {"arm": LEFT, "skill": "move", "parameters": {"pose": "belt"}}),
            (
                "skill_ended",
                {"arm": LEFT, "skill": "move", "outcome": "done", "message": ""},
            ),
        ]

    run_virtual(main())
