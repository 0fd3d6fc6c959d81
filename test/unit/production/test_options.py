"""Ways to do a step: reach, belt windows, costs."""

from __future__ import annotations

import math

import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import ConveyorState, TrackedPart, TrackedTray
from smart_cell.production.options import Found, Options, Target
from support.fake_cell import FakeReach

TARGET = Target("outfeed_left", "1", "gear")
SPEED = 0.12


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("kitting")


def left_of_middle(arm: str, pose: Pose) -> bool:
    return -1.4 < pose.xyz[0] < -0.05 if arm == "left_arm" else 0.05 < pose.xyz[0] < 1.4


@pytest.fixture
def options(cell: Cell) -> Options:
    return Options(cell, FakeReach(left_of_middle))


def on_belt(x: float, time: float = 10.0) -> TrackedPart:
    """A gear on the infeed at world x (the belt runs along world x from -2)."""
    pose = Pose((x, 0.02, 0.8))
    return TrackedPart(
        "g", "gear", "red", pose, (SPEED, 0, 0), "conveyor:infeed", False, time, time
    )


def running(now: float, speed: float = SPEED) -> dict[str, ConveyorState]:
    return {"infeed": ConveyorState(now, speed > 0, speed, speed * now)}


def found(options: Options, part: TrackedPart, speed: float = SPEED, now: float = 10.0) -> Found:
    arms = ("left_arm", "right_arm")
    return options.for_product("s", TARGET, [part], arms, running(now, speed), now)


def test_only_arms_that_reach_the_slot_are_offered(options: Options) -> None:
    assert {o.arm for o in found(options, on_belt(-0.9)).options} == {"left_arm"}
    assert found(options, on_belt(0.4)).options == ()


def test_part_leaves_at_the_end_of_the_arms_window(options: Options) -> None:
    (option,) = found(options, on_belt(-0.9)).options
    # Reach is asked every 0.1 m from -1.2 on; the last point within reach is -0.1.
    assert option.leaves_at == pytest.approx(10.0 + (-0.1 - -0.9) / SPEED)


def test_part_that_was_seen_earlier_has_moved_on(options: Options) -> None:
    (option,) = found(options, on_belt(-0.9, time=9.0)).options
    assert option.leaves_at == pytest.approx(9.0 + (-0.1 - -0.9) / SPEED)


def test_part_that_leaves_before_the_arm_can_be_there_is_not_offered(options: Options) -> None:
    assert found(options, on_belt(-0.2)) == Found((), coming=False)


def test_part_far_upstream_is_announced_as_coming_but_not_offered_yet(options: Options) -> None:
    assert found(options, on_belt(-1.9)) == Found((), coming=True)


def test_part_just_upstream_is_offered(options: Options) -> None:
    assert len(found(options, on_belt(-1.4)).options) == 1


def test_part_on_a_belt_that_stands_is_like_one_in_a_bin(options: Options) -> None:
    (option,) = found(options, on_belt(-0.2), speed=0.0).options
    assert math.isinf(option.leaves_at)


def test_target_is_on_top_of_the_part_with_the_tool_down(cell: Cell, options: Options) -> None:
    slot = cell.slot_pose("outfeed_left", "1")
    pose = options.target_pose(TARGET)
    assert pose.xyz == pytest.approx((*slot.xyz[:2], slot.xyz[2] + 0.03))
    assert pose.matrix()[:3, 2] == pytest.approx([0.0, 0.0, -1.0])


def test_reach_is_asked_once_for_the_same_place(cell: Cell) -> None:
    asked: list[tuple[str, tuple[float, ...]]] = []

    def reaches(arm: str, pose: Pose) -> bool:
        asked.append((arm, pose.xyz))
        return left_of_middle(arm, pose)

    options = Options(cell, FakeReach(reaches))
    found(options, on_belt(-0.9))
    count = len(asked)
    found(options, on_belt(-0.9))
    found(options, on_belt(-0.7))
    assert len(asked) == count


def test_tray_is_offered_to_arms_that_reach_it_and_the_seat() -> None:
    ariac = load_cell("ariac")
    tray = TrackedTray("t1", 3, "kit_tray", ariac.slot_pose("kts1", "1"), "tray_table:kts1", 0.0)
    everywhere = Options(ariac, FakeReach(lambda arm, pose: True))
    assert everywhere.arms("trays") == ("floor_robot",)
    (option,) = everywhere.for_tray("s", "agv1", [tray], everywhere.arms("trays")).options
    assert (option.arm, option.thing) == ("floor_robot", "t1")
    no_seat = Options(ariac, FakeReach(lambda arm, pose: pose.xyz[1] < 0.0))
    assert no_seat.for_tray("s", "agv1", [tray], ("floor_robot",)).options == ()
