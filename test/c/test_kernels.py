"""Compiles the C tests of the kernels, strict and under the sanitizers, and runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CSRC = ROOT / "smart_cell" / "planner" / "csrc"
STRICT = (
    "-std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wdouble-promotion "
    "-Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror -ffp-contract=off"
).split()
BUILDS = {
    "optimised": ["-O3", "-fno-math-errno"],
    "sanitized": ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
#: A sanitizer that runs this interpreter must not leak into the compiler and the program.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def sources() -> list[Path]:
    found = [CSRC / name for name in ("sc_chain.c", "sc_linalg.c", "sc_model.c")]
    return [*found, *sorted(CSRC.glob("sc_kernels*.c"))]


@pytest.mark.parametrize("build", BUILDS)
def test_kernels_in_c(build: str, tmp_path: Path) -> None:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    assert compiler is not None
    program = tmp_path / "test_kernels"
    test = Path(__file__).with_suffix(".c")
    command = [compiler, *STRICT, *BUILDS[build], f"-I{CSRC}", test, *sources()]
    built = run(*command, "-lm", "-o", program)
    if build == "sanitized" and "asan" in built.stderr and "cannot find" in built.stderr:
        pytest.skip("the compiler has no address sanitizer")
    assert built.returncode == 0, built.stderr
    done = run(program)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "passed\n"


@pytest.mark.parametrize(
    ("compiler", "flags"),
    [("aarch64-linux-gnu-gcc", []), ("gcc", ["-march=x86-64"]), ("clang", [])],
)
def test_other_targets_compile(compiler: str, flags: list[str], tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    for source in sources():
        command = [compiler, *STRICT, "-O3", *flags, f"-I{CSRC}", "-c", source]
        built = run(*command, "-o", tmp_path / "kernel.o")
        assert built.returncode == 0, built.stderr
