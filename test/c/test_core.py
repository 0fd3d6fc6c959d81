"""Compiles the C tests with the pure C layer, strict and under the sanitizers, and runs them."""

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
    "-Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror"
).split()
SANITIZE = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
#: A sanitizer that runs this interpreter must not leak into the compiler and the program.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}


def compiler() -> str:
    for name in (os.environ.get("CC", "cc"), "gcc", "clang"):
        found = shutil.which(name)
        if found is not None:
            return found
    pytest.fail("no C compiler (Debian package gcc)")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, timeout=100, check=False
    )


def sanitizers_work(folder: Path) -> bool:
    source, program = folder / "empty.c", folder / "empty"
    source.write_text("int main(void) { return 0; }\n")
    built = run([compiler(), *SANITIZE, str(source), "-o", str(program)])
    return built.returncode == 0 and run([str(program)]).returncode == 0


@pytest.mark.parametrize("build", ["optimised", "sanitized"])
@pytest.mark.parametrize("name", ["test_core", "test_realtime", "test_timing", "test_turn"])
def test_c_core(name: str, build: str, tmp_path: Path) -> None:
    flags = ["-O3", "-fno-math-errno"]
    if build == "sanitized":
        if not sanitizers_work(tmp_path):
            pytest.skip("the compiler has no address and undefined-behaviour sanitizer")
        flags = SANITIZE
    sources = [str(path) for path in sorted(CSRC.glob("sc_*.c"))]
    program = tmp_path / name
    test = str(Path(__file__).with_name(f"{name}.c"))
    built = run(
        [
            compiler(),
            *STRICT,
            *flags,
            f"-I{CSRC}",
            test,
            *sources,
            "-lm",
            "-pthread",
            "-o",
            str(program),
        ]
    )
    assert built.returncode == 0, built.stderr
    done = run([str(program)])
    assert done.returncode == 0, done.stderr
    assert done.stdout == "all tests passed\n"
