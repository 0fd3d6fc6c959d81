"""What setup.py hands to pip and colcon: bounded versions, all data files, real executables."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
import setuptools

import smart_cell

ROOT = Path(__file__).resolve().parents[2]


def read_setup(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Any]:
    """Run setup.py with these arguments; return what it hands to setuptools."""
    captured: dict[str, Any] = {}
    monkeypatch.setattr(setuptools, "setup", captured.update)
    monkeypatch.setattr(sys, "argv", ["setup.py", *arguments])
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(ROOT / "setup.py"))
    return captured


def test_every_requirement_has_an_upper_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = read_setup(monkeypatch)
    lists = [metadata["install_requires"], *metadata["extras_require"].values()]
    requirements = [text for texts in lists for text in texts]
    assert len(requirements) > 30
    assert [text for text in requirements if not re.search(r"<\s*\d|==", text)] == []


def test_every_data_file_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {
        f"{folder}/{Path(file).name}": file
        for folder, files in read_setup(monkeypatch)["data_files"]
        for file in files
    }
    expected = {
        f"share/smart_cell/{path.relative_to(ROOT)}": str(path.relative_to(ROOT))
        for folder in ("config", "urdf", "launch")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected["share/smart_cell/package.xml"] = "package.xml"
    expected["share/ament_index/resource_index/packages/smart_cell"] = "resource/smart_cell"
    assert installed == expected


def test_editable_install_copies_no_data_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_setup(monkeypatch, "editable_wheel")["data_files"] == []


def test_wheel_puts_executables_where_ros2_run_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    metadata = read_setup(monkeypatch, "bdist_wheel")
    scripts = dict(metadata["data_files"])["lib/smart_cell"]
    names = {text.partition(" ")[0] for text in metadata["entry_points"]["console_scripts"]}
    assert {Path(script).name for script in scripts} == names
    (tmp_path / "bin").mkdir()
    (tmp_path / "lib" / "smart_cell").mkdir(parents=True)
    for script in scripts:
        real = tmp_path / "bin" / Path(script).name
        real.write_text('#!/bin/sh\necho "$(basename "$0") $1"\n')
        real.chmod(0o755)
        copy = shutil.copy(ROOT / script, tmp_path / "lib" / "smart_cell")
        done = subprocess.run([copy, "a b"], capture_output=True, text=True, check=True, timeout=10)
        assert done.stdout == f"{real.name} a b\n"


def test_extension_holds_every_c_file(monkeypatch: pytest.MonkeyPatch) -> None:
    (extension,) = read_setup(monkeypatch)["ext_modules"]
    csrc = ROOT / "smart_cell" / "planner" / "csrc"
    assert {ROOT / source for source in extension.sources} == set(csrc.glob("*.c"))
    assert "-Werror" not in extension.extra_compile_args
    assert "-ffast-math" not in extension.extra_compile_args
    assert not extension.optional


def test_flags_follow_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMART_CELL_STRICT", "1")
    monkeypatch.setenv("SMART_CELL_SANITIZE", "1")
    (extension,) = read_setup(monkeypatch)["ext_modules"]
    assert "-Werror" in extension.extra_compile_args
    assert "-fsanitize=address,undefined" in extension.extra_compile_args
    assert "-fsanitize=address,undefined" in extension.extra_link_args


def test_every_executable_has_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = read_setup(monkeypatch)["entry_points"]["console_scripts"]
    found = [re.fullmatch(r"(\S+) = ([\w.]+):(\w+)", text).groups() for text in scripts]
    assert {name for name, _, _ in found} == {
        "smart-cell",
        "smart_cell_simulation",
        "smart_cell_control",
        "smart_cell_cell",
    }
    for _, module, function in found:
        path = ROOT / (module.replace(".", "/") + ".py")
        assert re.search(rf"^def {function}\(", path.read_text(), re.MULTILINE), path


def test_package_xml_has_the_same_version(monkeypatch: pytest.MonkeyPatch) -> None:
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    assert root.findtext("version") == smart_cell.__version__
    assert read_setup(monkeypatch)["version"] == smart_cell.__version__


def imported(*folders: str) -> dict[str, Path]:
    """Return the top-level names that the files below the folders import, with one file each.

    Modules that lie in the folders themselves (scripts beside each other) are left out.
    """
    names: dict[str, Path] = {}
    beside = {path.stem for folder in folders for path in (ROOT / folder).glob("*.py")}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update({alias.name.split(".")[0]: path for alias in node.names})
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names[node.module.split(".")[0]] = path
    ours = beside | set(sys.stdlib_module_names)
    return {name: path for name, path in names.items() if name not in ours}


OURS = {"smart_cell", "support"}
ROS_NAMES = {"rclpy", "launch", "launch_ros", "ament_index_python"}


def is_ros(name: str) -> bool:
    return name in ROS_NAMES or name.endswith(("_msgs", "_srvs", "_interfaces"))


def distributions(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!~\[]", text)[0].strip().lower() for text in requirements}


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (["smart_cell", "launch"], ["sim", "plot"]),
        (["test"], ["sim", "test", "ros"]),
        (["bench"], ["sim", "test", "bench"]),
    ],
)
def test_every_import_is_a_requirement(
    monkeypatch: pytest.MonkeyPatch, folders: list[str], extras: list[str]
) -> None:
    metadata = read_setup(monkeypatch)
    declared = distributions(metadata["install_requires"])
    for extra in extras:
        declared |= distributions(metadata["extras_require"][extra])
    # A module is named as its distribution unless an installed one says otherwise.
    owners = importlib.metadata.packages_distributions()
    undeclared = {
        name: str(path.relative_to(ROOT))
        for name, path in imported(*folders).items()
        if name not in OURS and not is_ros(name)
        if not {owner.lower() for owner in owners.get(name, [name])} & declared
    }
    undeclared.pop("pinocchio", None)  # comes with `pin`, which is installed for `make bench` only
    assert undeclared == {}


def test_every_ros_import_is_in_package_xml() -> None:
    root = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {node.text for node in root if node.tag in ("depend", "exec_depend")}
    used = {name for name in imported("smart_cell", "launch") if is_ros(name)}
    assert "rclpy" in used
    assert used - declared == set()
