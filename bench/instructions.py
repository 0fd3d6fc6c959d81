"""Instructions per call of the hot functions, counted by valgrind --tool=callgrind.

Times of two runs on a shared machine cannot be compared; these counts can. AVX-512 is left out:
valgrind does not know it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CSRC = HERE.parent / "smart_cell" / "planner" / "csrc"
FLAGS = ("-std=c11", "-O3", "-g", "-fno-math-errno", "-ffp-contract=off")
FUNCTIONS = ("fk", "fk_all", "jacobian", "inverse_dynamics")
BATCH = 1000


def count() -> tuple[dict[str, float], list[str]]:
    """Return instructions per configuration by function, level and size, and what is missing."""
    valgrind, compiler = shutil.which("valgrind"), shutil.which("gcc")
    absent = {"valgrind": valgrind, "gcc": compiler}
    missing = [f"instruction counts: no {name}" for name, path in absent.items() if path is None]
    if valgrind is None or compiler is None:
        return {}, missing
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "instructions"
        sources = [HERE / "instructions.c", *sorted(CSRC.glob("sc_*.c"))]
        command = [compiler, *FLAGS, f"-I{CSRC}", *sources, "-lm", "-o", program]
        built = subprocess.run(command, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            return {}, [f"instruction counts: {built.stderr.splitlines()[0]}"]
        for function in FUNCTIONS:
            for level in ("avx2", "base"):
                for n in (1, BATCH):
                    total = _run(valgrind, program, level, function, n)
                    name = f"{function}, {'single' if n == 1 else 'batch'} ({level})"
                    if total is None:
                        missing.append(f"instruction count: {name}")
                    else:
                        found[name] = round(total / n, 1)
    return found, missing


def _run(valgrind: str, program: Path, level: str, function: str, n: int) -> int | None:
    """Return the instructions of one call, None if it does not run here."""
    options = ["--tool=callgrind", "--toggle-collect=measured", "--callgrind-out-file=/dev/null"]
    done = subprocess.run(
        [valgrind, *options, program, level, function, str(n)],
        capture_output=True,
        text=True,
        check=False,
    )
    counted = re.search(r"Collected : (\d+)", done.stderr)
    return int(counted.group(1)) if done.returncode == 0 and counted else None
