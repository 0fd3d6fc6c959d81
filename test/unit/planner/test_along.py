"""along: the timing of a path, its refusals, and what it keeps."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import (
    BoundarySpeedError,
    LimitError,
    Limits,
    NotSupportedError,
    Path,
    PathTimingError,
    PlannerError,
    Robot,
    Trajectory,
    along,
)
from smart_cell.planner.reference import profile
from support.motion import limits, worst_ratio
from support.robots import UR5E, urdf

LIMITS = limits(3)
ROBOT = Robot.from_urdf_text(urdf(UR5E), "base", "tip", {"acceleration": 10.0, "jerk": 100.0})


def spline(seed: int = 0, waypoints: int = 6, dof: int = 3) -> Path:
    return Path.through(np.random.default_rng(seed).uniform(-2.0, 2.0, (waypoints, dof)))


def off_the_path(made: Trajectory, path: Path) -> float:
    """Largest distance of some positions from the path, by Newton's method from dense samples."""
    s = np.linspace(0.0, path.length, 20_001)
    dense = path.sample(s)[0]
    worst = 0.0
    for t in np.linspace(0.0, made.duration, 157):
        q = made.sample(float(t))[0]
        at = float(s[np.argmin(np.linalg.norm(dense - q, axis=1))])
        for _ in range(5):
            p, d1, _, _ = path.sample(at)
            at = float(np.clip(at + (q - p) @ d1 / (d1 @ d1), 0.0, path.length))
        worst = max(worst, float(np.abs(q - path.sample(at)[0]).max()))
    return worst


@pytest.mark.parametrize("jerk", [False, True])
@pytest.mark.parametrize("path", [spline(), Path.polyline(spline().sample([0, 2, 4, 6])[0], 0.1)])
def test_motion_is_on_the_path_within_the_limits(path: Path, jerk: bool) -> None:
    made = along(path, LIMITS, jerk=jerk)
    assert made.limits_violation(LIMITS, tolerance=1e-9, jerk=jerk) is None
    assert off_the_path(made, path) < 1e-6
    assert made.start.position == pytest.approx(path.sample(0.0)[0], abs=1e-12)
    assert made.end.position.tolist() == path.sample(path.length)[0].tolist()
    assert not made.start.velocity.any()
    assert np.abs(made.end.velocity).max() < 1e-12
    if jerk:
        assert worst_ratio(made, LIMITS, int(1000 * made.duration)) <= 1 + 1e-9
        assert worst_ratio(made, LIMITS) > 0.97


@pytest.mark.parametrize("rates", [(2.0, 6.0, 60.0), (0.3, 9.0, 20.0), (9.0, 9.0, 9.0)])
def test_straight_path_takes_the_time_of_the_seven_phase_profile(
    rates: tuple[float, float, float],
) -> None:
    made = along(Path.through([[0.0], [1.5]]), limits(1, *rates), cells=400)
    minimum = profile.minimum_time(1.5, *rates)
    assert minimum * (1 - 1e-9) <= made.duration <= 1.005 * minimum


def test_without_jerk_a_straight_path_takes_the_time_of_the_trapezoid() -> None:
    made = along(Path.through([[0.0], [1.5]]), limits(1, 2.0, 6.0), jerk=False)
    assert made.duration == pytest.approx(1.5 / 2.0 + 2.0 / 6.0, rel=2e-3)


def test_jerk_limits_cost_time_and_vanish_when_they_are_high() -> None:
    path = spline()
    without = along(path, LIMITS, jerk=False).duration
    times = [along(path, LIMITS.scaled(jerk=scale)).duration for scale in (0.1, 1.0, 100.0)]
    assert times[0] > times[1] > times[2]
    assert times[2] == pytest.approx(without, rel=0.02)


@pytest.mark.parametrize("jerk", [False, True])
@pytest.mark.parametrize("speeds", [(0.4, 0.0), (0.0, 0.4), (0.3, 0.2), (0.01, 0.01)])
def test_speeds_at_the_ends_are_as_asked(speeds: tuple[float, float], jerk: bool) -> None:
    path = spline()
    made = along(path, LIMITS, start_speed=speeds[0], end_speed=speeds[1], jerk=jerk)
    assert made.limits_violation(LIMITS, tolerance=1e-8, jerk=jerk) is None
    for s, speed, state in ((0.0, speeds[0], made.start), (path.length, speeds[1], made.end)):
        assert state.velocity == pytest.approx(speed * path.sample(s)[1], abs=1e-9)
        if jerk:
            assert state.acceleration == pytest.approx(speed**2 * path.sample(s)[2], abs=1e-9)
    assert made.duration < along(path, LIMITS, jerk=jerk).duration * 1.01


@pytest.mark.parametrize("end", ["start", "end"])
def test_too_high_a_speed_at_an_end_is_refused(end: str) -> None:
    path = spline()
    for speed, jerk in ((50.0, True), (50.0, False)):
        with pytest.raises(BoundarySpeedError, match=f"{end}_speed 50 is too high") as caught:
            along(path, LIMITS, jerk=jerk, **{f"{end}_speed": speed})
        highest = caught.value.highest
        assert (caught.value.end, caught.value.speed) == (end, speed)
        assert highest is not None
        made = along(path, LIMITS, jerk=False, **{f"{end}_speed": 0.999 * highest})
        assert made.limits_violation(LIMITS, jerk=False, tolerance=1e-8) is None


def test_tool_speed_is_kept() -> None:
    rng = np.random.default_rng(3)
    path = Path.through(
        np.array([0.0, -1.2, 1.8, -2.2, -1.57, 0.3]) + rng.normal(size=(5, 6)) * 0.5
    )
    for jerk in (False, True):
        made = along(path, ROBOT.limits, robot=ROBOT, tool_speed=0.25, jerk=jerk)
        q, v, _, _ = made.sample(np.linspace(0.0, made.duration, 1500))
        speed = np.linalg.norm(np.einsum("mij,mj->mi", ROBOT.jacobian(q)[:, :3], v), axis=1)
        assert speed.max() <= 0.25 * (1 + 1e-4)
        assert speed.max() > 0.245
        free = along(path, ROBOT.limits, jerk=jerk)
        assert free.duration < made.duration


@pytest.mark.parametrize("jerk", [False, True])
def test_few_cells_for_many_waypoints_are_refined_or_refused_never_nonsense(jerk: bool) -> None:
    path = spline(1, 50, 7)
    limit = limits(7)
    fine = along(path, limit, jerk=jerk, cells=1000).duration
    coarse = along(path, limit, jerk=jerk, cells=50)
    assert coarse.limits_violation(limit, tolerance=1e-9, jerk=jerk) is None
    assert fine <= coarse.duration * 1.001
    assert coarse.duration <= 1.1 * fine


@pytest.mark.parametrize("jerk", [False, True])
def test_path_that_turns_back_on_itself_does_not_stall(jerk: bool) -> None:
    path = Path.polyline([[0.0], [1.0], [0.2]], 0.01)
    limit = limits(1)
    made = along(path, limit, jerk=jerk)
    assert made.limits_violation(limit, tolerance=1e-9, jerk=jerk) is None
    there = profile.minimum_time(1.0, 2.0, 6.0, 60.0)
    assert made.duration < there + profile.minimum_time(0.8, 2.0, 6.0, 60.0)


def test_path_outside_the_position_limits_names_joint_and_value() -> None:
    path = Path.through([[0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    tight = Limits([-9, -9], [9, 1.5], [1, 1], [1, 1], [1, 1], [1, 1], ("a", "b"))
    with pytest.raises(LimitError, match="takes joint 'b' to 2 at s = ") as caught:
        along(path, tight)
    assert (caught.value.joint, caught.value.quantity) == (1, "position")
    assert (caught.value.value, caught.value.limit) == (pytest.approx(2.0), 1.5)


def test_same_input_gives_the_same_output() -> None:
    one, two = (along(spline(), LIMITS) for _ in range(2))
    assert (one.coefficients == two.coefficients).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"start_speed": -1.0}, "start_speed"),
        ({"end_speed": np.nan}, "end_speed"),
        ({"end_speed": np.inf}, "end_speed"),
        ({"tool_speed": 0.0}, "tool_speed"),
        ({"tool_speed": 1.0}, "tool_speed needs the robot"),
        ({"robot": ROBOT, "tool_speed": 1.0}, "robot has 6 joints"),
        ({"cells": 9}, "cells"),
        ({"cells": 1001}, "cells"),
        ({"robot": 3}, "robot must be a Robot"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        along(spline(), LIMITS, **arguments)  # type: ignore[arg-type]


def test_other_refusals() -> None:
    with pytest.raises(PlannerError, match="limits for 2 joints, path of 3"):
        along(spline(), limits(2))
    with pytest.raises(PlannerError, match="path must be a Path"):
        along([[0.0], [1.0]], LIMITS)  # type: ignore[arg-type]
    with pytest.raises(NotSupportedError, match="torque"):
        along(spline(), LIMITS, torque=True)


def test_very_many_waypoints_are_timed_or_refused() -> None:
    angle = np.linspace(0.0, 20.0, 1500)
    circle = np.stack((np.cos(angle), np.sin(angle), 0.1 * angle), axis=1)
    made = along(Path.through(circle), LIMITS, jerk=False)
    assert made.limits_violation(LIMITS, tolerance=1e-9, jerk=False) is None
    with pytest.raises(PathTimingError, match="more segments than can be timed"):
        along(Path.through(np.arange(5000.0)[:, None] * 1e-3), limits(1))
