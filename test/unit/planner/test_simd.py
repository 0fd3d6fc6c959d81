"""Levels of the SIMD kernels: each gives the same bits, wrong names are refused at import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from smart_cell.planner import Robot, _core
from smart_cell.planner.arrays import Array
from support.robots import GANTRY, PANDA, SCARA, UR5E, Axis, urdf, with_masses

PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib.util
spec = importlib.util.spec_from_file_location("test_simd", sys.argv[2])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(module._core.SIMD, module.fingerprint())
"""


def results() -> list[Array]:
    """Everything the kernels compute, for several robots, sizes and ranges of angles."""
    found: list[Array] = []
    for axes in (UR5E, PANDA, GANTRY, SCARA):
        rng = np.random.default_rng(11)
        arm = Robot.from_urdf_text(with_masses(rng, urdf(axes)), "base", "tip")
        for m in (1, 2, 3, 5, 8, 13, 64):
            for size in (1e-9, 1.0, 7.0, 1e4, 1e8):
                q, qd, qdd = rng.uniform(-size, size, (m, arm.dof)), *rng.normal(size=(2, arm.dof))
                found += [arm.fk(q), arm.fk_all(q), arm.jacobian(q)]
                found.append(arm.inverse_dynamics(q, qd, qdd))
                found += [arm.fk(q[0]), arm.jacobian(q[0]), arm.inverse_dynamics(q[0], qd, qdd)]
    return found


def fingerprint() -> str:
    """The bits of all results."""
    from hashlib import sha256

    return sha256(b"".join(array.tobytes() for array in results())).hexdigest()


def run(level: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(Path(__file__).resolve().parents[2]), __file__],
        env={**os.environ, "SMART_CELL_SIMD": level},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("level", ["base", "avx2", "avx512"])
def test_every_level_gives_the_same_bits(level: str) -> None:
    done = run(level)
    if "ImportError: SMART_CELL_SIMD" in done.stderr and level != "base":
        pytest.skip(f"this processor has no {level}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [level, fingerprint()]


def test_unknown_level_is_refused() -> None:
    done = run("mmx")
    assert done.returncode != 0
    assert "SMART_CELL_SIMD is 'mmx'; allowed" in done.stderr


def test_sine_and_cosine_are_within_one_ulp() -> None:
    turn = Robot.from_urdf_text(urdf((Axis("revolute", (0, 0, 0)),), (0, 0, 0)), "base", "tip")
    rng = np.random.default_rng(5)
    multiples = np.arange(-2000, 2001) * (np.pi / 2)
    angles = np.concatenate(
        [
            rng.uniform(-10.0, 10.0, 200_000),
            rng.uniform(-1e5, 1e5, 50_000),
            multiples,
            np.nextafter(multiples, np.inf),
            10.0 ** rng.uniform(-300, 8, 5_000),
            [0.0, -0.0, 1e5, -1e5, np.nextafter(1e5, np.inf), 1e22],
        ]
    )
    poses = turn.fk(angles[:, None])
    exact = angles.astype(np.longdouble)
    for ours, expected in ((poses[:, 1, 0], np.sin(exact)), (poses[:, 0, 0], np.cos(exact))):
        ulp = np.spacing(np.abs(expected).astype(np.float64))
        assert float((np.abs(ours - expected) / ulp).max()) < 1.0


def test_the_widest_level_is_the_default() -> None:
    if "SMART_CELL_SIMD" in os.environ:
        pytest.skip("a level is asked for")
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    if " avx512dq " in flags:
        assert _core.SIMD == "avx512"
    elif " avx2 " in flags:
        assert _core.SIMD == "avx2"
    else:
        assert _core.SIMD == "base"
