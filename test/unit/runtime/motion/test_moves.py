"""Round trips: clear, above the transfer height, external axes only with the arm folded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smart_cell.model.geometry import Array, Pose
from smart_cell.planner import Trajectory
from smart_cell.runtime.motion.arms import tool_down
from smart_cell.runtime.motion.moves import SAG, Around, Errand, Trip, is_at
from smart_cell.runtime.motion.segments import MotionRefusedError, Waypoints
from smart_cell.runtime.motion.solids import Solid
from support.trips import TripStudy


class Bench:
    """The planners of a shipped cell."""

    def __init__(self, name: str) -> None:
        self.study = TripStudy(name)
        self.cell, self.arms = self.study.cell, self.study.arms
        self.planners, self.around = self.study.planners, self.study.around

    def place_errand(self, transporter: str, slot: str, **changes: object) -> Errand:
        """A block is put into a slot of a tray."""
        x, y, z = self.cell.slot_pose(transporter, slot).xyz
        contact = tool_down((x, y, z + 0.055), 0.0).matrix()
        block = Solid.box("block", Pose((0.0, 0.0, 0.025)).matrix(), (0.05, 0.05, 0.05))
        errand = Errand((contact,), block, (None,), self.around, (f"{transporter}/tray",))
        return replace(errand, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def kitting() -> Bench:
    return Bench("kitting")


@pytest.fixture(scope="module")
def ariac() -> Bench:
    return Bench("ariac")


def check_controller_limits(bench: Bench, arm: str, way: Waypoints) -> None:
    """The motion keeps all limits, jerk included, as the controller interpolates it."""
    motion = Trajectory.from_waypoints(way.times, way.positions, way.velocities, way.accelerations)
    motion.check_limits(bench.arms[arm].limits, tolerance=0.01)


def contact_heights(bench: Bench, arm: str, positions: Array) -> Array:
    heights: Array = bench.arms[arm].contact(positions)[:, 2, 3]
    return heights


def check_trip(bench: Bench, arm: str, start: Array, trip: Trip) -> None:
    model = bench.arms[arm]
    there, back = trip.approach.waypoints, trip.retreat.waypoints
    np.testing.assert_allclose(there.start, start, atol=1e-9)
    np.testing.assert_allclose(model.contact(there.end), trip.contact, atol=1e-6)
    np.testing.assert_allclose(back.start, there.end, atol=1e-6)
    ready = [model.ready(name) for name in model.description.ready_poses]
    assert any(is_at(model.hand_part(back.end), pose) for pose in ready)
    for way in (there, back):
        assert np.abs(way.velocities[[0, -1]]).max() < 1e-9
        assert np.all(np.diff(way.times) > 0.0)
        assert np.diff(way.times).max() <= 0.008 + 1e-9
        check_controller_limits(bench, arm, way)


def test_place_trip_goes_down_in_a_straight_line_and_back(kitting: Bench) -> None:
    arm = kitting.arms["left_arm"]
    trip = kitting.planners["left_arm"].trip(arm.home, kitting.place_errand("outfeed_left", "1"))
    check_trip(kitting, "left_arm", arm.home, trip)
    low = arm.description.transfer_height_m - SAG
    for way in (trip.approach.waypoints, trip.retreat.waypoints):
        contact = arm.contact(way.positions)
        below = contact[:, 2, 3] < low
        assert below.any()
        aside = np.linalg.norm(contact[below][:, :2, 3] - trip.contact[:2, 3], axis=1)
        assert aside.max() < 2e-5
        np.testing.assert_allclose(contact[below][:, 2, 2], -1.0, atol=1e-6)


def test_obstacle_over_the_target_refuses_the_trip_with_link_and_obstacle(kitting: Bench) -> None:
    x, y, z = kitting.cell.slot_pose("outfeed_left", "1").xyz
    shelf = Solid.box("shelf", Pose((x, y, z + 0.12)).matrix(), (0.3, 0.3, 0.01))
    around = Around((*kitting.around.standing, shelf))
    errand = kitting.place_errand("outfeed_left", "1", around=around)
    with pytest.raises(MotionRefusedError, match="refused: .* shelf"):
        kitting.planners["left_arm"].trip(kitting.arms["left_arm"].home, errand)


def test_part_in_the_slot_refuses_the_trip(kitting: Bench) -> None:
    x, y, z = kitting.cell.slot_pose("outfeed_left", "1").xyz
    there = Solid.box("p9", Pose((x, y, z + 0.025)).matrix(), (0.05, 0.05, 0.05))
    around = Around(kitting.around.standing, (there,))
    errand = kitting.place_errand("outfeed_left", "1", around=around)
    with pytest.raises(MotionRefusedError, match="p9"):
        kitting.planners["left_arm"].trip(kitting.arms["left_arm"].home, errand)


def test_tray_may_be_touched_only_if_that_is_meant(kitting: Bench) -> None:
    x, y, z = kitting.cell.slot_pose("outfeed_left", "1").xyz
    contact = tool_down((x, y, z + 0.049), 0.0).matrix()
    pressed = kitting.place_errand("outfeed_left", "1", contacts=(contact,))
    planner, home = kitting.planners["left_arm"], kitting.arms["left_arm"].home
    assert planner.trip(home, pressed).contact[2, 3] == pytest.approx(z + 0.049)
    with pytest.raises(MotionRefusedError, match="outfeed_left/tray"):
        planner.trip(home, replace(pressed, touch=()))


def test_target_out_of_reach_is_refused_with_its_place(kitting: Bench) -> None:
    errand = kitting.place_errand("outfeed_right", "1")
    with pytest.raises(MotionRefusedError, match=r"left_arm cannot reach \(1\.1"):
        kitting.planners["left_arm"].trip(kitting.arms["left_arm"].home, errand)


@pytest.mark.parametrize(("arm", "slot"), [("floor_robot", "7"), ("ceiling_robot", "2")])
def test_external_axes_move_only_with_the_arm_folded(ariac: Bench, arm: str, slot: str) -> None:
    model = ariac.arms[arm]
    x, y, z = ariac.cell.slot_pose("bin3", slot).xyz
    contact = tool_down((x, y, z + 0.10), 0.0).matrix()
    errand = Errand((contact,), None, (None,), ariac.around, ("bin3/floor",))
    start = model.full(model.external_part(model.home), model.ready(model.description.folded))
    trip = ariac.planners[arm].trip(start, errand)
    check_trip(ariac, arm, start, trip)
    folded = model.ready(model.description.folded)
    moved = False
    for way in (trip.approach.waypoints, trip.retreat.waypoints):
        driving = np.abs(model.external_part(way.velocities)).max(axis=1) > 1e-9
        moved = moved or bool(driving.any())
        for hand in model.hand_part(way.positions)[driving]:
            np.testing.assert_allclose(hand, folded, atol=1e-6)
    assert moved


def test_trip_names_the_zones_it_enters_and_ends_outside(ariac: Bench) -> None:
    model = ariac.arms["floor_robot"]
    x, y, z = ariac.cell.slot_pose("bin2", "5").xyz
    errand = Errand((tool_down((x, y, z + 0.1), 0.0).matrix(),), None, (None,), ariac.around, ())
    start = model.full(np.zeros(1), model.ready("along"))
    trip = ariac.planners["floor_robot"].trip(start, errand)
    assert any("bins_left" in zone for zone in trip.zones)
    assert all(time < trip.retreat.waypoints.duration for time in trip.retreat.zones.values())


def test_way_home_from_inside_a_bin_begins_with_a_lift(ariac: Bench) -> None:
    model = ariac.arms["floor_robot"]
    x, y, z = ariac.cell.slot_pose("bin1", "1").xyz
    errand = Errand((tool_down((x, y, z + 0.05), 0.0).matrix(),), None, (None,), ariac.around, ())
    start = model.full(np.zeros(1), model.ready("along"))
    planner = ariac.planners["floor_robot"]
    down = planner.trip(start, errand).approach.waypoints.end
    section = planner.to_ready(down, None, None, ariac.around)
    heights = contact_heights(ariac, "floor_robot", section.waypoints.positions)
    rising = heights < model.description.transfer_height_m
    contact = model.contact(section.waypoints.positions)[rising]
    np.testing.assert_allclose(
        contact[:, :2, 3], contact[:1, :2, 3].repeat(len(contact), 0), atol=2e-5
    )
    assert planner.is_ready(section.waypoints.end)
    home = planner.to_ready(section.waypoints.end, "home", None, ariac.around)
    np.testing.assert_allclose(home.waypoints.end, model.home)


def test_same_question_same_answer(kitting: Bench) -> None:
    errand = kitting.place_errand("outfeed_right", "4")
    home = kitting.arms["right_arm"].home
    one = kitting.planners["right_arm"].trip(home, errand)
    other = Bench("kitting").planners["right_arm"].trip(home, errand)
    np.testing.assert_array_equal(
        one.approach.waypoints.positions, other.approach.waypoints.positions
    )
