"""The virtual arm: tracking, starts, replacement, stops along the path, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from smart_cell.model.ports import JointTrajectory, MotionOutcome, MotionResult
from smart_cell.planner import State, Trajectory, point_to_point
from support.twin_bench import Bench, as_goal, make_cell, make_job

TURN = np.array([1.2, -0.4, 0.5, -0.2, 0.3, 1.0])


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(make_cell(tmp_path), make_job())


def _to(bench: Bench, offset: np.ndarray) -> Trajectory:
    here = bench.joints()
    return point_to_point(State(here), State(here + offset), bench.model.limits)


def _worst_tip_error(bench: Bench, trajectory: Trajectory) -> float:
    model = bench.model
    begin = bench.twin.time
    results = bench.start(trajectory)
    worst = 0.0
    while not results:
        bench.twin.step()
        wanted = trajectory.sample(bench.twin.time - begin)[0]
        real = bench.arm.joint_state().position
        error = model.contact(real)[:3, 3] - model.contact(wanted)[:3, 3]
        worst = max(worst, float(np.linalg.norm(error)))
    assert results[0].outcome is MotionOutcome.DONE
    return worst


def test_tip_stays_within_a_millimetre_at_full_speed(bench: Bench) -> None:
    for offset in (TURN, -TURN, TURN * (1, 1, -1, 1, -1, 1)):
        assert _worst_tip_error(bench, _to(bench, offset)) < 1e-3


def test_tip_stays_within_a_millimetre_with_five_kilograms(tmp_path: Path) -> None:
    supply = {"parts": [_part("brick")]}
    bench = Bench(make_cell(tmp_path), make_job(**supply))
    bench.run(0.5)
    bench.hand.switch(True)
    bench.go((-0.55, 0.0, 0.95))
    bench.straight((-0.55, 0.0, 0.858), speed=0.1)
    assert bench.hand.state().attached
    bench.straight((-0.55, 0.0, 1.05))
    for offset in (TURN * 0.5, -TURN * 0.5):
        assert _worst_tip_error(bench, _to(bench, offset)) < 1e-3
    assert bench.hand.state().attached


def _part(kind: str) -> dict[str, object]:
    return {"place": "left_bin", "slot": "1", "type": kind, "color": "red"}


def test_start_stamp_in_the_future_is_waited_for(bench: Bench) -> None:
    trajectory = _to(bench, TURN)
    home = bench.joints()
    results = bench.start(trajectory, start=0.5)
    bench.run(0.49)
    assert np.abs(bench.arm.joint_state().position - home).max() < 1e-6
    bench.run(0.01 + trajectory.duration + 0.004)
    assert results[0].outcome is MotionOutcome.DONE
    assert np.abs(bench.joints() - home - TURN).max() < 1e-6


def test_start_stamp_in_the_past_is_skipped_into(bench: Bench) -> None:
    trajectory = _to(bench, TURN)
    bench.run(0.2)
    results = bench.start(trajectory, start=0.1996)
    began = bench.twin.time
    bench.until(lambda: bool(results), 5.0)
    assert results[0].outcome is MotionOutcome.DONE
    assert bench.twin.time - began < trajectory.duration + 0.004


def test_replacement_from_a_future_state_is_smooth(bench: Bench) -> None:
    first = _to(bench, TURN)
    begin = bench.twin.time
    results = bench.start(first)
    switch = 0.6 * first.duration
    times, positions, velocities, accelerations = first.waypoints(0.02, exact=True)
    later = times >= switch
    rest = JointTrajectory(
        bench.arm.joint_names,
        np.concatenate([[0.0], times[later] - switch]),
        np.vstack([first.sample(switch)[0], positions[later]]),
        np.vstack([first.sample(switch)[1], velocities[later]]),
        np.vstack([first.sample(switch)[2], accelerations[later]]),
        begin + switch,
    )
    bench.run(0.2)
    second: list[MotionResult] = []
    bench.arm.start(rest, second.append)
    bench.until(lambda: bool(results), first.duration)
    assert results[0].outcome is MotionOutcome.PREEMPTED
    assert bench.twin.time == pytest.approx(begin + switch, abs=0.005)
    bench.until(lambda: bool(second), first.duration)
    assert second[0].outcome is MotionOutcome.DONE
    assert np.abs(bench.joints() - first.end.position).max() < 1e-6


def test_stop_ends_on_the_path_at_rest(bench: Bench) -> None:
    trajectory = _to(bench, TURN)
    results = bench.start(trajectory)
    bench.run(trajectory.duration / 4)
    stood: list[bool] = []
    bench.arm.halt(lambda: stood.append(True))
    assert not results
    bench.until(lambda: bool(stood), 1.0)
    assert results[0].outcome is MotionOutcome.CANCELED
    bench.run(0.1)
    assert np.abs(bench.arm.joint_state().velocity).max() < 1e-3
    path = trajectory.sample(np.linspace(0.0, trajectory.duration, 20_001))[0]
    away = np.abs(path - bench.joints()).max(axis=1)
    assert away.min() < 2e-4, "it stands on the path"
    assert 0.1 < np.argmin(away) / len(away) < 0.8, "it stopped on the way"


def test_stop_of_a_standing_arm_returns(bench: Bench) -> None:
    stood: list[bool] = []
    bench.arm.halt(lambda: stood.append(True))
    bench.run(0.01)
    assert stood == [True]
    assert not bench.arm.moving


def test_trajectory_from_elsewhere_is_rejected(bench: Bench) -> None:
    here = bench.joints()
    far = point_to_point(State(here + 0.2), State(here + 0.4), bench.model.limits)
    results = bench.start(far)
    assert results[0].outcome is MotionOutcome.REJECTED
    assert "begins" in results[0].message


def test_trajectory_beyond_the_limits_is_rejected(bench: Bench) -> None:
    fast = bench.model.limits.scaled(velocity=3.0, acceleration=9.0, jerk=50.0)
    here = bench.joints()
    results = bench.start(point_to_point(State(here), State(here + TURN), fast))
    assert results[0].outcome is MotionOutcome.REJECTED
    assert "limit" in results[0].message


def test_other_joint_names_are_rejected(bench: Bench) -> None:
    goal = as_goal(tuple(reversed(bench.arm.joint_names)), _to(bench, TURN))
    results: list[MotionResult] = []
    bench.arm.start(goal, results.append)
    assert results[0].outcome is MotionOutcome.REJECTED
    assert "shoulder_pan_joint" in results[0].message


def test_arm_holds_still_against_gravity(bench: Bench) -> None:
    home = bench.joints()
    bench.run(2.0)
    assert np.abs(bench.arm.joint_state().position - home).max() < 1e-6
