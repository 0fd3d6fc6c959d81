"""Picks from a running belt: matched velocity, all limits, clear, earliest, correctable."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smart_cell.model.geometry import Array, Pose
from smart_cell.planner import Trajectory
from smart_cell.runtime.motion.arms import tool_down
from smart_cell.runtime.motion.belt import DESCENTS, DWELL, BeltPick, BeltPlanner, BeltTarget
from smart_cell.runtime.motion.cartesian import smooth
from smart_cell.runtime.motion.moves import Around
from smart_cell.runtime.motion.segments import MotionRefusedError
from smart_cell.runtime.motion.solids import Solid
from support.trips import TripStudy

STUDY = TripStudy("kitting")
ARM = STUDY.arms["left_arm"]
AROUND = STUDY.around
BELT = STUDY.cell.description.conveyors["infeed"]
VELOCITY = np.array([BELT.speed_m_s, 0.0, 0.0])
PART = (0.06, 0.06, 0.05)


@pytest.fixture(scope="module")
def planner() -> BeltPlanner:
    return BeltPlanner(STUDY.planners["left_arm"])


def target(x: float, y: float = 0.0, speed: float = BELT.speed_m_s) -> BeltTarget:
    """A block at ``x`` along the belt at time 0."""
    frame = STUDY.cell.pose("infeed") @ Pose((x, y, 0.0))
    px, py, pz = frame.xyz
    return BeltTarget(
        contact=tool_down((px, py, pz + PART[2] - 0.003), 0.0).matrix(),
        yaws=(0.0, np.pi / 2, np.pi, -np.pi / 2),
        time=0.0,
        velocity=np.array([speed, 0.0, 0.0]),
        earliest=(BELT.pick_from_x_m - x) / speed,
        latest=(BELT.pick_to_x_m - x) / speed,
        part=Solid.box("p1", (frame @ Pose((0.0, 0.0, PART[2] / 2))).matrix(), PART),
        neighbours=(),
        touch=("p1", "infeed"),
    )


def tool(pick: BeltPick, times: Array) -> tuple[Array, Array]:
    """Position (m, 3) and velocity (m, 3) of the contact face at cell times."""
    way = pick.waypoints
    motion = Trajectory.from_waypoints(way.times, way.positions, way.velocities, way.accelerations)
    position, velocity, _, _ = motion.sample(times - pick.start)
    twist = ARM.robot.jacobian(position) @ velocity[..., None]
    turned = twist[:, :3, 0] @ ARM.mount[:3, :3].T
    return ARM.contact(position)[:, :3, 3], turned


@pytest.mark.parametrize(("x", "y"), [(0.4, 0.0), (0.7, 0.04), (1.1, -0.05)])
def test_tool_rides_along_in_contact_and_keeps_all_limits(
    planner: BeltPlanner, x: float, y: float
) -> None:
    goal = target(x, y)
    pick = planner.plan(ARM.home, goal, 0.2, AROUND)
    way = pick.waypoints
    motion = Trajectory.from_waypoints(way.times, way.positions, way.velocities, way.accelerations)
    motion.check_limits(ARM.limits, tolerance=0.01)
    dwell = np.linspace(pick.contact_at, pick.lift_at, 60)
    position, velocity = tool(pick, dwell)
    wanted = goal.contact[:3, 3] + dwell[:, None] * VELOCITY
    assert np.abs(position - wanted).max() < 5e-5
    assert np.abs(velocity - VELOCITY).max() < 2e-3
    assert pick.lift_at - pick.contact_at == pytest.approx(DWELL)
    orientation = ARM.contact(motion.sample(dwell - pick.start)[0])[:, 2, 2]
    np.testing.assert_allclose(orientation, -1.0, atol=1e-6)


def test_tool_comes_from_above_and_ends_at_rest_at_a_ready_pose(planner: BeltPlanner) -> None:
    goal = target(0.5)
    pick = planner.plan(ARM.home, goal, 0.2, AROUND)
    near = np.linspace(pick.contact_at - 0.12, pick.contact_at, 20)
    position, _ = tool(pick, near)
    aside = position - (goal.contact[:3, 3] + near[:, None] * VELOCITY)
    assert np.abs(aside[:, :2]).max() < 2e-4
    assert np.all(np.diff(position[:, 2]) < 0.0)
    assert np.all(aside[:, 2] > -1e-5)
    way = pick.waypoints
    assert np.abs(way.velocities[[0, -1]]).max() < 1e-9
    np.testing.assert_allclose(way.end, pick.ready)
    assert pick.end == pytest.approx(pick.start + way.duration)
    assert 0.2 <= pick.start < pick.descent_at < pick.contact_at < pick.lift_at < pick.end


def test_meeting_is_in_the_pick_stretch_and_later_for_a_part_farther_up(
    planner: BeltPlanner,
) -> None:
    meetings = []
    for x in (0.7, 0.4, 0.1):
        goal = target(x)
        pick = planner.plan(ARM.home, goal, 0.2, AROUND)
        assert goal.earliest <= pick.contact_at
        assert pick.lift_at <= goal.latest
        meetings.append(pick.contact_at)
    assert meetings == sorted(meetings)
    assert meetings[0] < meetings[2]


def test_part_that_leaves_the_stretch_too_soon_is_refused(planner: BeltPlanner) -> None:
    late = target(BELT.pick_to_x_m - 0.05)
    with pytest.raises(MotionRefusedError, match="before it leaves the pick stretch"):
        planner.plan(ARM.home, late, 0.2, AROUND)


def test_faster_belt_needs_a_longer_descent_or_is_refused(planner: BeltPlanner) -> None:
    slow = planner.plan(ARM.home, target(0.6), 0.2, AROUND)
    fast = planner.plan(ARM.home, target(0.0, speed=0.4), 0.2, AROUND)
    assert slow.ride.descent in DESCENTS
    assert fast.ride.descent >= slow.ride.descent
    with pytest.raises(MotionRefusedError):
        planner.plan(ARM.home, target(-3.0, speed=3.0), 0.2, AROUND)


def test_neighbour_on_the_belt_in_the_tools_way_is_no_collision(planner: BeltPlanner) -> None:
    goal = target(0.6)
    aside = Pose((0.04, 0.0, 0.02)).matrix() @ goal.part.frame
    tall = Solid.box("p2", aside, (0.03, 0.03, 0.20))
    with pytest.raises(MotionRefusedError, match="p2"):
        planner.plan(ARM.home, replace(goal, neighbours=(tall,)), 0.2, AROUND)
    far = replace(tall, frame=Pose((0.25, 0.0, 0.0)).matrix() @ goal.part.frame)
    pick = planner.plan(ARM.home, replace(goal, neighbours=(far,)), 0.2, AROUND)
    assert pick.contact_at == planner.plan(ARM.home, goal, 0.2, AROUND).contact_at


def test_obstacle_over_the_belt_refuses_the_meeting_below_it(planner: BeltPlanner) -> None:
    shelf = Solid.box("bridge", Pose((0.0, 0.0, 0.92)).matrix(), (6.0, 0.6, 0.02))
    with pytest.raises(MotionRefusedError, match="bridge"):
        planner.plan(ARM.home, target(0.6), 0.2, Around((*AROUND.standing, shelf)))


def test_correction_meets_the_part_elsewhere_and_changes_nothing_before_now(
    planner: BeltPlanner,
) -> None:
    goal = target(0.6)
    pick = planner.plan(ARM.home, goal, 0.2, AROUND)
    shift = np.array([0.006, -0.004, 0.0])
    now = pick.descent_at + 0.15
    changed = planner.corrected(pick, goal, shift, now, AROUND)
    assert changed.start == pytest.approx(pick.start)
    before = np.linspace(pick.start, now, 200)
    np.testing.assert_allclose(tool(changed, before)[0], tool(pick, before)[0], atol=1e-6)
    np.testing.assert_allclose(tool(changed, before)[1], tool(pick, before)[1], atol=1e-4)
    dwell = np.linspace(pick.contact_at, pick.lift_at, 30)
    np.testing.assert_allclose(
        tool(changed, dwell)[0] - tool(pick, dwell)[0], shift[None].repeat(30, 0), atol=1e-5
    )
    way = changed.waypoints
    motion = Trajectory.from_waypoints(way.times, way.positions, way.velocities, way.accelerations)
    motion.check_limits(ARM.limits, tolerance=0.01)


def test_too_large_or_too_late_a_correction_is_refused(planner: BeltPlanner) -> None:
    goal = target(0.6)
    pick = planner.plan(ARM.home, goal, 0.2, AROUND)
    with pytest.raises(MotionRefusedError, match="cannot correct its way by 50 mm"):
        planner.corrected(pick, goal, np.array([0.05, 0.0, 0.0]), 0.2, AROUND)
    with pytest.raises(MotionRefusedError, match="cannot correct"):
        planner.corrected(pick, goal, np.array([0.005, 0.0, 0.0]), pick.contact_at, AROUND)


def test_smooth_is_the_quintic_with_its_derivatives_and_integral() -> None:
    u = np.linspace(0.0, 1.0, 2001)
    value, first, second, integral = smooth(u)
    np.testing.assert_allclose(np.gradient(value, u)[1:-1], first[1:-1], atol=1e-5)
    np.testing.assert_allclose(np.gradient(first, u)[1:-1], second[1:-1], atol=1e-3)
    np.testing.assert_allclose(np.gradient(integral, u)[1:-1], value[1:-1], atol=1e-5)
    assert [float(smooth(np.array(t))[0]) for t in (-1.0, 0.0, 0.5, 1.0, 2.0)] == [0, 0, 0.5, 1, 1]
    assert float(smooth(np.array(3.0))[3]) == pytest.approx(2.5)
