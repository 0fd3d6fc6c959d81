"""The extension gives back what it takes: a fresh process does not grow, error paths included."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import gc, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from support.motion import limits
from support.robots import UR5E, urdf
from smart_cell.planner import Executor, Payload, PlannerError, Robot, State, Trajectory
from smart_cell.planner import MemorySink, Path, along, line, point_to_point, through

robot = Robot.from_urdf_text(urdf(UR5E), "base", "tip")
q = np.array([0.0, -1.2, 1.8, -2.2, -1.57, 0.3])
limit = limits(6)
pose = robot.fk(q)
near, far = pose.copy(), pose.copy()
near[:3, 3] += 0.01
far[:3, 3] += 0.2

def refused(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except (PlannerError, ValueError, TypeError, RuntimeError, OSError):
        return
    raise SystemExit(f"{function} accepted {args}")

def work():
    robot.fk(q), robot.fk(q.tolist()), robot.fk_all(q), robot.jacobian(np.stack((q, q)))
    robot.ik(near, q, max_solutions=1, hold=("j0", "j1", "j2"))
    refused(robot.fk, q, np.empty(3)), refused(robot.fk, "q"), refused(robot.fk, q, to=q)
    robot.inverse_dynamics(q, q, q), robot.inverse_dynamics(q, 0, 0, Payload(1.0), gravity=q[:3])
    refused(robot.inverse_dynamics, q, q, q, Payload), refused(robot.inverse_dynamics, q, q)
    refused(robot.inverse_dynamics, q, q * 1e200, q), refused(robot.__init__, (), "", "", None)
    robot.ik(np.stack((near, pose)), q, 3), robot.reachable(near), robot.ik(near.tolist(), q)
    refused(robot.core.ik, near, q, 0, np.empty((0, 6)), np.empty(1))
    refused(robot.core.ik_rows, near, "1"), robot.core.ik_rows(near, np.array([9e9, np.nan]))
    refused(robot.ik, "pose"), refused(robot.ik, near, "q"), refused(robot.ik, near, q, "1")
    refused(type(robot.core), 0, 1, q, q, q, q, q, q, q)
    made = point_to_point(State(q), State(q + 0.5), limit)
    refused(point_to_point, State(q), State(q + 0.5), limit, duration=0.01)
    again = Trajectory.from_waypoints(*made.waypoints(0.1, exact=True))
    refused(Trajectory.from_waypoints, [1.0, 0.0], [q, q], [q, q])
    Trajectory.join([made, point_to_point(State(q + 0.5), State(q), limit)])
    made.sample(0.1), made.sample([0.1, 0.2]), made.extrema(), made.coefficients
    made.limits_violation(limit), made.limits_violation(limit.scaled(0.1))
    line(robot, pose, near, seed=q)
    refused(line, robot, far, pose, seed=q)
    path = Path.through([q, q + 0.3, q + 0.2]), Path.polyline([q, q + 0.3, q + 0.2], 0.01)
    path[0].sample([0.1, 0.2]), along(path[0], limit, jerk=False), along(path[1], limit)
    refused(along, path[0], limit, start_speed=99.0)
    made.stop_from(0.1, limit), refused(made.stop_from, -1.0, limit)
    through([q, q + 0.3, q + 0.2], limit), refused(through, [q, q], limit)
    refused(along, path[0], limit.scaled(0.1), robot=robot, tool_speed=0.0)
    refused(Path.through, [q, q]), refused(robot.fk, path)
    executor = Executor(limit, 0.01)
    refused(executor._core.step, np.empty((3, 6)))
    executor.reset(q)
    refused(executor.execute, again.join([again]), np.nan)
    executor.execute(made)
    for _ in range(10):
        executor.step()
    executor.replace(made, at=executor.time - 10 * 0.01)
    executor.set_speed(0.5), executor.hold(), executor.resume(), executor.stop()
    refused(executor.execute, made)
    threaded, sink = Executor(limit, 0.001), MemorySink(64)
    refused(threaded._core.start, np.zeros(4), 0, 0.0, 0.0)
    threaded.reset(q)
    refused(threaded._core.start, np.zeros(4), 0, 0.0, 0.0)
    refused(threaded._core.start, -1, 0, 0.0, 0.0)
    threaded.start_thread(sink)
    refused(threaded.execute, again.join([again]), np.nan)
    threaded.execute(made, at=9.0), threaded.set_speed(0.5), threaded.join()
    sink.drain(), threaded.statistics()

def resident():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

for _ in range(60):
    work()
before = resident()
for _ in range(240):
    work()
print(resident() - before)
"""


@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer keeps what is freed"
)
def test_memory_does_not_grow() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).resolve().parents[2])],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    # One lost spline or line workspace per round would be 10 MB and more.
    assert int(done.stdout) < 1_500_000
