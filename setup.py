"""Build description of the package: dependencies, C extension, data files and executables.

It serves pip, the editable install that tools/setup_env.py makes, and colcon (which reads the
metadata by running this file, so that they stand here and not in pyproject.toml).

Environment variables: SMART_CELL_STRICT=1 turns C warnings into errors; SMART_CELL_SANITIZE=1
builds the extension with the address and undefined-behaviour sanitizers.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import numpy as np
from setuptools import Extension, find_packages, setup

NAME = "smart_cell"
ROOT = Path(__file__).resolve().parent
CSRC = Path(NAME) / "planner" / "csrc"

# No fused operations: all levels of the SIMD kernels give the same bits.
C_FLAGS = ["-std=c11", "-O3", "-fno-math-errno", "-ffp-contract=off"]
STRICT_FLAGS = [
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wconversion",
    "-Wshadow",
    "-Wdouble-promotion",
    "-Wstrict-prototypes",
    "-Wmissing-prototypes",
    "-Wvla",
    "-Werror",
]
SANITIZE_FLAGS = [
    "-g",
    "-O1",
    "-UNDEBUG",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
]

EXECUTABLES = {
    "smart-cell": "smart_cell.cli.main:main",
    "smart_cell_simulation": "smart_cell.nodes.start:simulation",
    "smart_cell_control": "smart_cell.nodes.start:control",
    "smart_cell_cell": "smart_cell.nodes.start:cell",
}

REQUIREMENTS = ROOT / "tools" / "requirements"
EXTRAS = ("sim", "plot", "ros", "test", "lint", "colcon", "bench")


def requirements(name: str) -> list[str]:
    """Return the lines of tools/requirements/<name>.txt without comments."""
    lines = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [text for line in lines if (text := line.split("#")[0].strip())]


def version() -> str:
    """Return the version that smart_cell/__init__.py states."""
    text = (ROOT / NAME / "__init__.py").read_text(encoding="utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise SystemExit(f'{NAME}/__init__.py: no line __version__ = "..."')
    return match.group(1)


def extensions() -> list[Extension]:
    """Return the planner's C core: every C file of smart_cell/planner/csrc in one module."""
    sources, headers = (
        sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / CSRC).glob(pattern))
        for pattern in ("*.c", "*.h")
    )
    if not sources:
        return []
    compile_args = [*C_FLAGS, "-isystem", np.get_include()]
    link_args: list[str] = []
    if os.environ.get("SMART_CELL_STRICT") == "1":
        compile_args += STRICT_FLAGS
    if os.environ.get("SMART_CELL_SANITIZE") == "1":
        compile_args += SANITIZE_FLAGS
        link_args += ["-fsanitize=address,undefined"]
    return [
        Extension(
            f"{NAME}.planner._core",
            sources=sources,
            depends=headers,
            include_dirs=[CSRC.as_posix()],
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            libraries=["m"],
        )
    ]


def data_files() -> list[tuple[str, list[str]]]:
    """Return the data files by the folder they install to, found by walking the source folders.

    An editable install has none: tools/setup_env.py links them, so that a changed file counts.
    A wheel's executables lie in bin/; `ros2 run` and `ros2 launch` look for them in lib/smart_cell,
    where colcon puts them (see setup.cfg).
    """
    if "editable_wheel" in sys.argv:
        return []
    share = f"share/{NAME}"
    files: dict[str, list[str]] = {f"lib/{NAME}": launchers()} if "bdist_wheel" in sys.argv else {}
    files |= {
        "share/ament_index/resource_index/packages": [f"resource/{NAME}"],
        share: ["package.xml"],
    }
    for folder in ("config", "urdf", "launch"):
        for path in sorted((ROOT / folder).rglob("*")):
            relative = path.relative_to(ROOT)
            if path.is_file() and "__pycache__" not in relative.parts:
                files.setdefault(f"{share}/{relative.parent.as_posix()}", []).append(
                    relative.as_posix()
                )
    return sorted(files.items())


def launchers() -> list[str]:
    """Write a script for each executable that starts the one in bin/; return their paths."""
    folder = Path("build") / "launchers"
    (ROOT / folder).mkdir(parents=True, exist_ok=True)
    for name in EXECUTABLES:
        path = ROOT / folder / name
        path.write_text(f'#!/bin/sh\nexec "$(dirname "$0")/../../bin/{name}" "$@"\n')
        path.chmod(0o755)
    return [(folder / name).as_posix() for name in EXECUTABLES]


setup(
    name=NAME,
    version=version(),
    description="Describe, simulate, run and connect a robot cell on ROS 2.",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed"]},
    ext_modules=extensions(),
    data_files=data_files(),
    install_requires=requirements("core"),
    extras_require={name: requirements(name) for name in EXTRAS},
    zip_safe=False,
    entry_points={
        "console_scripts": [f"{name} = {function}" for name, function in EXECUTABLES.items()]
    },
)
