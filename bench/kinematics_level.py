"""Times the kinematics at one level of SIMD, in a process of its own; kinematics.py drives it.

    SMART_CELL_SIMD=avx2 python bench/kinematics_level.py URDF BASE TIP DATA COUNT

DATA: COUNT x 3 x joints doubles (position, velocity, acceleration of each). Each line of the input
is a function and a way to call it (out, new or batch); the answer, a line of JSON, is one time [us]
per call for each chunk of configurations, or the name of the level for the line `level`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from smart_cell.planner import Robot, _core

#: Calls that are timed together: the clock and the loop cost as much as the fastest call.
CHUNK = 100


def timed(call: Callable[..., object], arguments: Iterable[tuple[object, ...]]) -> list[float]:
    """Return the mean time [us] of each chunk of calls."""
    rows = list(arguments)
    times = []
    for k in range(0, len(rows), CHUNK):
        chunk = rows[k : k + CHUNK]
        begin = time.perf_counter_ns()
        for row in chunk:
            call(*row)
        end = time.perf_counter_ns()
        times.append((end - begin) * 1e-3 / len(chunk))
    return times


def times(robot: Robot, data: np.ndarray, function: str, way: str) -> list[float]:
    """Return the times [us] per configuration."""
    call = getattr(robot, function)
    inputs = list(np.ascontiguousarray(data.transpose(1, 0, 2)))
    inputs = inputs if function == "inverse_dynamics" else inputs[:1]
    if way == "batch":
        out = call(*inputs)
        begin = time.perf_counter_ns()
        call(*inputs, out=out)
        return [(time.perf_counter_ns() - begin) * 1e-3 / len(data)]
    rows = zip(*(list(one) for one in inputs), strict=True)
    if way == "new":
        return timed(call, rows)
    out = call(*(one[0] for one in inputs))
    more = (None, out) if function == "inverse_dynamics" else (out,)
    return timed(call, ((*row, *more) for row in rows))


def main(arguments: list[str]) -> int:
    """Answer until the input ends."""
    urdf, base, tip, file, count = arguments
    robot = Robot.from_urdf_text(Path(urdf).read_text(), base, tip)
    data = np.fromfile(file).reshape(int(count), 3, robot.dof)
    for line in sys.stdin:
        words = line.split()
        answer = _core.SIMD if words == ["level"] else times(robot, data, words[0], words[1])
        print(json.dumps(answer), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
