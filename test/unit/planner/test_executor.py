"""Executor: set-points on the path and within limits through starts, switches, stops and speeds."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest

from smart_cell.planner import (
    Executor,
    LimitError,
    MismatchError,
    PlannerError,
    SetPoint,
    State,
    Trajectory,
    point_to_point,
)
from support.motion import limits, stepped_ratio

PERIOD = 0.002
LIMITS = limits(2)
HOME = [0.0, 1.0]
AWAY = [1.5, -1.0]
GENTLE = point_to_point(State(HOME), State(AWAY), LIMITS.scaled(0.8, 0.8, 0.8))


def motion(start: list[float] = HOME, goal: list[float] = AWAY) -> Trajectory:
    return point_to_point(State(start), State(goal), LIMITS)


def executor(position: list[float] = HOME, **options: float) -> Executor:
    made = Executor(LIMITS, PERIOD, **options)
    made.reset(position)
    return made


def run(made: Executor, steps: int | None = None) -> list[SetPoint]:
    """Step a number of times, or until the motion is over (40 s at most)."""
    points = []
    for _ in range(20_000 if steps is None else steps):
        points.append(made.step())
        if steps is None and not points[-1].active:
            return points
    assert steps is not None, "the motion did not end"
    return points


def positions(points: list[SetPoint], first: list[float] = HOME) -> np.ndarray:
    return np.array([first, first, first, *(point.position for point in points)])


def test_set_points_are_the_trajectory_period_by_period() -> None:
    made, path = executor(), motion()
    made.execute(path)
    points = run(made)
    for k, point in enumerate(points, start=1):
        position, velocity, acceleration, _ = path.sample(k * PERIOD)
        assert point.time == k * PERIOD
        assert np.abs(point.position - position).max() < 1e-12
        assert np.abs(point.velocity - velocity).max() < 1e-9
        if k * PERIOD < path.duration - PERIOD:
            assert np.abs(point.acceleration - acceleration).max() < 1e-6
    assert points[-1].position.tolist() == AWAY
    assert points[-1].time == pytest.approx(path.duration, abs=PERIOD)
    assert not points[-1].active
    assert made.mode == "idle"


def test_without_a_position_nothing_moves() -> None:
    made = Executor(LIMITS, PERIOD)
    with pytest.raises(PlannerError, match="no position yet"):
        made.step()
    with pytest.raises(PlannerError, match="no position yet"):
        made.execute(motion())
    point = made.step(HOME)
    assert point.position.tolist() == HOME
    assert not point.active
    made.execute(motion())
    assert made.step(AWAY).position.tolist() != AWAY  # a measurement does not move a set-point


def test_motion_begins_at_its_time_even_between_two_steps() -> None:
    made, path = executor(), motion()
    made.execute(path, at=0.0991)
    points = run(made, 49)
    assert all(point.position.tolist() == HOME and point.active for point in points)
    point = run(made, 20)[-1]
    assert np.abs(point.position - path.sample(point.time - 0.0991)[0]).max() < 1e-12


def test_past_is_skipped_into_while_the_arm_still_matches() -> None:
    made = executor()
    run(made, 100)
    made.execute(GENTLE, at=made.time - 0.006)
    points = run(made)
    assert points[-1].time == pytest.approx(0.2 - 0.006 + GENTLE.duration, abs=PERIOD)
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6
    late = executor()
    run(late, 100)
    with pytest.raises(MismatchError, match="begins with joint"):
        late.execute(motion(), at=late.time - 0.15)


def test_waiting_motion_takes_its_speed_from_what_was_said_last() -> None:
    made, path = executor(), motion()
    made.set_speed(0.1)
    made.execute(path, at=0.5)
    run(made, 20)
    made.set_speed(1.0)
    points = run(made)
    assert points[-1].time == pytest.approx(0.5 + path.duration, abs=2 * PERIOD)


def test_stop_before_the_beginning_drops_the_motion() -> None:
    made = executor()
    made.execute(motion(), at=0.5)
    run(made, 20)
    assert made.stop() == made.time
    assert not run(made, 400)[-1].active
    assert run(made, 1)[-1].position.tolist() == HOME


def test_small_difference_fades_out_within_limits() -> None:
    made = executor([0.0005, 0.9994])
    made.execute(GENTLE)
    points = run(made)
    assert points[-1].position.tolist() == AWAY
    assert stepped_ratio(positions(points, [0.0005, 0.9994]), PERIOD, LIMITS) <= 1 + 1e-6


def test_start_elsewhere_names_joint_position_and_set_point() -> None:
    with pytest.raises(MismatchError, match="joint 1 at 1; the set-point is 1.1") as caught:
        executor([0.0, 1.1]).execute(motion())
    assert (caught.value.joint, caught.value.quantity) == (1, "position")
    assert executor([0.0, 1.1]).step().active is False


def test_trajectory_over_the_limits_is_refused() -> None:
    fast = point_to_point(State(HOME), State(AWAY), limits(2, 3.0, 9.0, 90.0))
    with pytest.raises(LimitError, match="of joint 1 reaches"):
        executor().execute(fast)


def test_trajectory_that_ends_moving_or_has_other_joints_is_refused() -> None:
    through = Trajectory.from_waypoints(
        [0, 1], [[0, 1], [0.2, 1]], [[0, 0], [0.3, 0]], np.zeros((2, 2))
    )
    with pytest.raises(MismatchError, match="velocity of joint 0 is 0.3 where it must be at rest"):
        executor().execute(through)
    single = point_to_point(State([0.0]), State([1.0]), limits(1))
    with pytest.raises(PlannerError, match="of 1 joints; the executor has 2"):
        executor().execute(single)


def test_execute_while_moving_is_refused_but_may_follow_on() -> None:
    made, path = executor(), motion()
    made.execute(path)
    run(made, 100)
    with pytest.raises(PlannerError, match="a motion is under way until 1.433 s; use replace"):
        made.execute(motion())
    made.execute(motion(AWAY, HOME), at=path.duration + 0.05)
    points = run(made)
    assert points[-1].position.tolist() == HOME
    assert points[-1].time == pytest.approx(2 * path.duration + 0.05, abs=2 * PERIOD)


def test_replacement_continues_from_a_future_state() -> None:
    made, path = executor(), motion()
    made.execute(path)
    points = run(made, 50)
    switch = 0.6
    p, v, a, _ = path.sample(switch)
    detour = Trajectory.from_waypoints(
        [0.0, 3.0], [p, p + 1.5 * v], np.array([v, np.zeros(2)]), np.array([a, np.zeros(2)])
    )
    made.replace(detour, at=switch)
    points += run(made)
    assert np.abs(points[-1].position - (p + 1.5 * v)).max() < 1e-12
    for point in points[50:-1]:
        expected = (
            path.sample(point.time) if point.time < switch else detour.sample(point.time - switch)
        )
        assert np.abs(point.position - expected[0]).max() < 1e-9
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6


def test_replacement_from_another_state_is_refused_and_the_motion_goes_on() -> None:
    made, path = executor(), motion()
    made.execute(path)
    run(made, 50)
    with pytest.raises(MismatchError):
        made.replace(motion([0.5, 0.5], HOME), at=0.3)
    assert run(made)[-1].position.tolist() == AWAY


def test_replacement_that_would_leave_its_path_is_refused() -> None:
    made, path = executor(), motion()
    made.execute(path)
    run(made, 250)
    here = made.step()
    slower = Trajectory.from_waypoints(
        [0.0, 3.0],
        [here.position, here.position + 0.3],
        [0.5 * here.velocity, np.zeros(2)],
        np.zeros((2, 2)),
    )
    with pytest.raises(MismatchError, match="too far apart to fade out within 0.001") as caught:
        made.replace(slower)
    assert caught.value.quantity == "velocity"
    assert run(made)[-1].position.tolist() == AWAY


def test_stop_stands_on_the_path_before_its_end_and_drops_the_rest() -> None:
    made, path = executor(), motion()
    made.execute(path)
    points = run(made, 250)  # cruising
    rest = made.stop()
    assert made.mode == "stopping"
    with pytest.raises(PlannerError, match="stopping"):
        made.execute(motion())
    points += run(made)
    assert points[-1].time == pytest.approx(rest, abs=2 * PERIOD)
    assert rest < path.duration - 0.05
    assert points[-1].velocity.tolist() == [0.0, 0.0]
    assert stepped_ratio(positions(points + run(made, 5)), PERIOD, LIMITS) <= 1 + 1e-6
    for point in points[:-1]:
        assert np.abs(point.position - path.sample(point.path_time)[0]).max() < 1e-9
    made.execute(motion(points[-1].position.tolist(), HOME))
    assert run(made)[-1].position.tolist() == HOME


def test_stop_from_full_speed_is_near_the_shortest() -> None:
    made = executor()
    made.execute(motion())
    run(made, 300)  # 0.6 s: cruising at 2 rad/s
    shortest = 2.0 / 6.0 + 6.0 / 60.0  # of a joint, by its acceleration and its jerk
    assert shortest <= made.stop() - made.time <= 1.05 * shortest


def test_stop_in_the_final_braking_ends_with_the_trajectory() -> None:
    made, path = executor(), motion()
    made.execute(path)
    run(made, int((path.duration - 0.1) / PERIOD))
    assert made.stop() <= path.duration + 1e-9
    assert np.abs(run(made)[-1].position - AWAY).max() < 1e-3


def test_stop_without_motion_does_nothing() -> None:
    made = executor()
    run(made, 3)
    assert made.stop() == made.time
    assert made.hold() == made.time
    assert run(made, 1)[-1].position.tolist() == HOME


def test_hold_keeps_the_rest_for_resume() -> None:
    made, path = executor(), motion()
    made.execute(path)
    points = run(made, 200)
    stands = made.hold()
    assert made.rest_time == np.inf
    points += run(made, 1000)
    standing = [point.time for point in points if point.speed == 0.0]
    assert standing[0] == pytest.approx(stands, abs=PERIOD)
    assert points[-1].active
    assert points[-1].speed == 0.0
    assert (points[-1].position == points[-2].position).all()
    with pytest.raises(PlannerError, match="holding"):
        made.execute(motion())
    made.resume()
    points += run(made)
    assert points[-1].position.tolist() == AWAY
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6
    for point in points[:-1]:
        assert np.abs(point.position - path.sample(point.path_time)[0]).max() < 1e-9


def test_stop_while_holding_drops_the_rest() -> None:
    made = executor()
    made.execute(motion())
    run(made, 200)
    made.hold()
    run(made, 1000)
    made.stop()
    assert not run(made, 1)[-1].active


@pytest.mark.parametrize("scale", [0.05, 0.5, 0.9])
def test_speed_is_reached_along_the_path_and_stays_for_later_motions(scale: float) -> None:
    made, path = executor(), motion()
    made.execute(path)
    points = run(made, 250)
    assert made.set_speed(scale)
    points += run(made)
    assert points[-1].position.tolist() == AWAY
    assert min(point.speed for point in points[:-1]) == pytest.approx(scale)
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6
    begin = made.time
    made.execute(motion(AWAY, HOME))
    back = run(made)
    assert back[-1].time - begin == pytest.approx(path.duration / scale, abs=2 * PERIOD)


def test_speed_zero_pauses_and_speed_one_goes_on() -> None:
    made = executor()
    made.execute(motion())
    points = run(made, 150)
    made.set_speed(0.0)
    points += run(made, 800)
    assert points[-1].speed == 0.0
    assert points[-1].active
    made.set_speed(1.0)
    points += run(made)
    assert points[-1].position.tolist() == AWAY
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6


def test_stop_while_the_speed_already_falls_to_zero_is_not_later() -> None:
    paused, stopped = executor(), executor()
    for made in (paused, stopped):
        made.execute(motion())
        run(made, 250)
    paused.set_speed(0.0)
    assert paused.stop() <= stopped.stop() + 1e-9
    assert not run(paused)[-1].velocity.any()


def test_resume_while_the_hold_still_slows_down_is_prompt() -> None:
    made, path = executor(), motion()
    made.execute(path)
    points = run(made, 250)
    made.hold()
    points += run(made, 5)
    assert made.resume() < 2 * path.duration
    points += run(made)
    assert points[-1].position.tolist() == AWAY
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6


@pytest.mark.parametrize("scale", [-0.1, 1.1, np.nan])
def test_speed_outside_its_range_is_refused(scale: float) -> None:
    with pytest.raises(PlannerError, match="scale is"):
        executor().set_speed(scale)


def test_reset_drops_the_motion() -> None:
    made = executor()
    made.execute(motion())
    run(made, 100)
    made.reset(AWAY)
    point = made.step()
    assert point.position.tolist() == AWAY
    assert not point.active


def test_without_jerk_limits_a_cubic_is_followed_and_stopped() -> None:
    cubic = Trajectory.from_waypoints(
        [0, 1, 2], [HOME, [0.4, 0.6], AWAY[:1] + [0.2]], [[0, 0], [0.7, -0.4], [0, 0]]
    )
    strict = executor()
    with pytest.raises((LimitError, MismatchError)):
        strict.execute(cubic)
    loose = Executor(LIMITS, PERIOD, jerk_limited=False)
    loose.reset(HOME)
    loose.execute(cubic)
    points = run(loose, 300)
    loose.stop()
    points += run(loose)
    rates = [np.diff(positions(points), k, axis=0) / PERIOD**k for k in (1, 2)]
    assert np.abs(rates[0]).max() <= 2.0 * (1 + 1e-6)
    assert np.abs(rates[1]).max() <= 6.0 * (1 + 1e-3)
    assert points[-1].velocity.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"period": 0.0}, "period is"),
        ({"period": np.nan}, "period is"),
        ({"tolerance": -1.0}, "tolerance is"),
        ({"position_tolerance": 1.0}, "position_tolerance is"),
    ],
)
def test_bad_options_are_refused(options: dict[str, float], said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        Executor(LIMITS, **{"period": PERIOD, **options})


def test_bad_at_is_refused() -> None:
    with pytest.raises(PlannerError, match="at is nan"):
        executor().execute(motion(), at=np.nan)


@pytest.mark.parametrize(
    "wrong", [lambda made: made.execute("a motion"), lambda made: made.set_speed("fast")]
)
def test_wrong_types_are_refused(wrong: Callable[[Executor], object]) -> None:
    with pytest.raises(PlannerError):
        wrong(executor())


def test_commands_from_another_thread_do_not_disturb_the_steps() -> None:
    made = executor()
    made.execute(motion())
    done = threading.Event()

    def command() -> None:
        rng = np.random.default_rng(1)
        while not done.is_set():
            made.set_speed(float(rng.uniform(0.1, 1.0)))

    thread = threading.Thread(target=command)
    thread.start()
    points = run(made)
    done.set()
    thread.join(10.0)
    assert points[-1].position.tolist() == AWAY
    assert stepped_ratio(positions(points), PERIOD, LIMITS) <= 1 + 1e-6
