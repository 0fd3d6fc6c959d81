"""Straight lines of the tool: on the line, on one branch, within all limits, or a clear refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smart_cell.planner import LimitError, LineError, MismatchError, PlannerError, Robot, Trajectory
from smart_cell.planner import line as plan_line
from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.kinematics import rotation
from smart_cell.planner.reference.line import fraction_of, pose_on_line
from support.motion import worst_ratio
from support.robots import ROBOTS, UR5E, urdf

RATES: Any = {"acceleration": 10.0, "jerk": 100.0}
ROBOT = {
    name: Robot.from_urdf_text(urdf(axes), "base", "tip", RATES) for name, axes in ROBOTS.items()
}
READY = {
    "ur5e": [0.0, -1.2, 1.8, -2.2, -1.57, 0.3],
    "panda": [0.0, -0.5, 0.0, -2.0, 0.0, 1.6, 0.8],
    "rail": [1.0, 0.0, -1.2, 1.8, -2.2, -1.57, 0.3],
    "gantry": [1.0, -0.5, 0.4, 0.0, -1.2, 1.8, -2.2, -1.57, 0.3],
    "scara": [0.3, 0.9, 0.1, 0.2],
}


def moved(pose: Array, by: tuple[float, float, float], turn: float = 0.0) -> Array:
    result = pose.copy()
    result[:3, 3] += by
    result[:3, :3] = rotation(np.array([0.0, 0.6, 0.8]), turn) @ pose[:3, :3]
    return result


def deviation(robot: Robot, made: Trajectory, start: Array, goal: Array) -> tuple[float, float]:
    """Largest distance [m] and angle [rad] from the line at 2000 times."""
    worst = [0.0, 0.0]
    for pose in robot.fk(made.sample(np.linspace(0.0, made.duration, 2000))[0]):
        on_line = pose_on_line(start, goal, fraction_of(start, goal, pose[:3, 3]))
        worst[0] = max(worst[0], float(np.linalg.norm(pose[:3, 3] - on_line[:3, 3])))
        worst[1] = max(worst[1], float(np.linalg.norm(pose[:3, :3] - on_line[:3, :3])))
    return worst[0], worst[1]


@pytest.mark.parametrize("name", ["ur5e", "panda", "scara"])
def test_without_a_seed_a_solution_is_taken_that_can_do_the_line(name: str) -> None:
    robot = ROBOT[name]
    start = robot.fk(READY[name])
    goal = moved(start, (-0.05, 0.1, -0.04))
    made = plan_line(robot, start, goal)
    assert np.abs(robot.fk(made.start.position) - start).max() < 1e-8
    assert np.abs(robot.fk(made.end.position) - goal).max() < 1e-8
    assert deviation(robot, made, start, goal)[0] < 1e-5


def test_without_a_seed_a_start_out_of_reach_is_refused() -> None:
    robot = ROBOT["ur5e"]
    start = moved(robot.fk(READY["ur5e"]), (5.0, 0.0, 0.0))
    with pytest.raises(LineError, match="pose_a is unreachable") as caught:
        plan_line(robot, start, moved(start, (0.0, 0.0, 0.1)))
    assert caught.value.reason == "unreachable"


@pytest.mark.parametrize(
    ("name", "turn"),
    [("ur5e", 0.0), ("ur5e", 0.5), ("panda", 0.3), ("rail", 0.2), ("gantry", 0.2), ("scara", 0.0)],
)
def test_tool_stays_on_the_line_and_joints_within_limits(name: str, turn: float) -> None:
    robot = ROBOT[name]
    start = robot.fk(READY[name])
    goal = moved(start, (-0.05, 0.1, -0.04), turn)
    made = plan_line(robot, start, goal, seed=READY[name])
    assert (made.start.position == READY[name]).all()
    assert np.abs(robot.fk(made.end.position) - goal).max() < 1e-8
    assert made.start.at_rest
    assert made.end.at_rest
    off, turned = deviation(robot, made, start, goal)
    assert off < 1e-5
    assert turned < 1e-4
    assert made.limits_violation(robot.limits, tolerance=1e-9) is None
    assert worst_ratio(made, robot.limits) <= 1 + 1e-9


def test_limits_of_the_tool_hold_and_are_used() -> None:
    robot, start = ROBOT["ur5e"], ROBOT["ur5e"].fk(READY["ur5e"])
    goal = moved(start, (0.0, 0.2, 0.0))
    made = plan_line(
        robot, start, goal, seed=READY["ur5e"], tool_speed=0.1, tool_acceleration=0.5, tool_jerk=5.0
    )
    tip = robot.fk(made.sample(np.arange(0.0, made.duration, 1e-3))[0])[:, :3, 3]
    rates = [np.linalg.norm(np.diff(tip, k, axis=0), axis=1).max() / 1e-3**k for k in (1, 2)]
    assert rates[0] == pytest.approx(0.1, rel=1e-3)
    assert rates[1] == pytest.approx(0.5, rel=1e-2)
    assert made.duration == pytest.approx(0.2 / 0.1 + 0.1 / 0.5 + 0.5 / 5.0, rel=1e-3)


def test_pure_turning_keeps_the_tip_in_place() -> None:
    robot, start = ROBOT["ur5e"], ROBOT["ur5e"].fk(READY["ur5e"])
    made = plan_line(robot, start, moved(start, (0, 0, 0), 1.0), seed=READY["ur5e"])
    tip = robot.fk(made.sample(np.linspace(0.0, made.duration, 500))[0])[:, :3, 3]
    assert np.abs(tip - start[:3, 3]).max() < 1e-5


def test_no_motion_and_tiny_motion() -> None:
    robot, start = ROBOT["ur5e"], ROBOT["ur5e"].fk(READY["ur5e"])
    assert plan_line(robot, start, start, seed=READY["ur5e"]).duration == 0.0
    made = plan_line(robot, start, moved(start, (1e-6, 0, 0)), seed=READY["ur5e"])
    assert 0.0 < made.duration < 0.1
    assert made.limits_violation(robot.limits, tolerance=1e-9) is None


def test_external_axes_stand_still_unless_freed() -> None:
    robot = ROBOT["gantry"]
    assert robot.external_joints == ("j0", "j1", "j2")
    start = robot.fk(READY["gantry"])
    goal = moved(start, (0.1, 0.1, 0.1))
    made = plan_line(robot, start, goal, seed=READY["gantry"])
    positions = made.sample(np.linspace(0.0, made.duration, 100))[0]
    assert (positions[:, :3] == READY["gantry"][:3]).all()
    free = plan_line(robot, start, goal, seed=READY["gantry"], hold=())
    assert np.abs(np.diff(free.sample(np.linspace(0.0, free.duration, 100))[0][:, 0])).max() > 0.0


def test_point_out_of_reach_is_named() -> None:
    robot, start = ROBOT["ur5e"], ROBOT["ur5e"].fk(READY["ur5e"])
    goal = start.copy()
    goal[:3, 3] *= 3.0
    with pytest.raises(LineError, match="unreachable|singularity") as caught:
        plan_line(robot, start, goal, seed=READY["ur5e"])
    reached = caught.value.fraction
    assert 0.0 < reached < 1.0
    assert len(robot.ik(pose_on_line(start, goal, reached - 0.05))) > 0
    assert len(robot.ik(pose_on_line(start, goal, min(1.0, reached + 0.05)))) == 0


def test_singularity_on_the_way_is_named() -> None:
    """The wrist's axes become parallel when the tool points along the forearm's plane."""
    robot = ROBOT["ur5e"]
    through = robot.fk([0.0, -1.2, 1.8, -2.2, 0.0, 0.3])
    q = np.array([0.0, -1.2, 1.8, -2.2, -0.4, 0.3])
    start = robot.fk(q)
    goal = start.copy()
    goal[:3, 3] = through[:3, 3]
    goal[:3, :3] = through[:3, :3]
    with pytest.raises(LineError, match="singularity|configuration"):
        plan_line(robot, start, pose_on_line(start, goal, 2.0), seed=q)


def test_joint_limit_on_the_way_names_the_joint() -> None:
    q = np.array(READY["ur5e"])
    robot = Robot.from_urdf_text(
        urdf(UR5E), "base", "tip", {"position_lower": q - 0.2, "position_upper": q + 0.2, **RATES}
    )
    start = robot.fk(q)
    with pytest.raises(LineError, match="joint position limit of joint 'j") as caught:
        plan_line(robot, start, moved(start, (0.0, 0.5, 0.0)), seed=q)
    assert caught.value.joint is not None
    assert 0.0 < caught.value.fraction < 1.0


def test_lines_from_many_places_are_right_or_refused() -> None:
    robot = ROBOT["ur5e"]
    rng = np.random.default_rng(7)
    made_count = 0
    for q in rng.uniform(-3.0, 3.0, (60, 6)):
        start = robot.fk(q)
        goal = moved(start, tuple(rng.normal(size=3) * 0.15), float(rng.uniform(0, 0.5)))
        try:
            made = plan_line(robot, start, goal, seed=q)
        except LineError:
            continue
        made_count += 1
        assert made.limits_violation(robot.limits, tolerance=1e-9) is None
        assert deviation(robot, made, start, goal)[0] < 1e-5
        steps = np.diff(made.sample(np.linspace(0.0, made.duration, 3000))[0], axis=0)
        assert np.abs(steps).max() < 0.1
    assert made_count > 20


def test_bad_arguments_are_refused() -> None:
    robot, q = ROBOT["ur5e"], READY["ur5e"]
    start = robot.fk(q)
    goal = moved(start, (0.1, 0, 0))
    with pytest.raises(MismatchError, match="seed is not near pose_a"):
        plan_line(robot, goal, start, seed=[0.0, -0.5, 0.5, 0, 1, 0])
    with pytest.raises(LimitError, match="seed: joint 'j1'"):
        plan_line(robot, start, goal, seed=[0, -9, 0, 0, 0, 0])
    with pytest.raises(PlannerError, match="limits of the tool"):
        plan_line(robot, start, goal, seed=q, tool_speed=0.0)
    with pytest.raises(PlannerError, match="hold names every joint"):
        plan_line(robot, start, goal, seed=q, hold=robot.joint_names)
    with pytest.raises(PlannerError, match="pose_b is not a rigid"):
        plan_line(robot, start, goal * 1.5, seed=q)
    with pytest.raises(PlannerError, match="seed has shape"):
        plan_line(robot, start, goal, seed=[0.0])
