"""The list of processes, and the launch file that starts the same."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from smart_cell import bringup

ROOT = Path(__file__).resolve().parents[2]
LAUNCH_FILE = ROOT / "launch" / "cell.launch.py"


class Recorded:
    """Stands in for a launch action: keeps how it was made."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        self.positional = positional
        self.named = named


class Configuration(Recorded):
    """Stands in for LaunchConfiguration: performs to the value that the context holds."""

    def perform(self, context: dict[str, str]) -> str:
        return context[self.positional[0]]


@pytest.fixture
def launch_module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Load the launch file with recording stand-ins for launch and launch_ros."""
    contents: dict[str, dict[str, Any]] = {
        "launch": {"LaunchContext": dict, "LaunchDescription": Recorded},
        "launch.actions": {
            name: type(name, (Recorded,), {})
            for name in ("DeclareLaunchArgument", "OpaqueFunction", "Shutdown")
        },
        "launch.substitutions": {"LaunchConfiguration": Configuration},
        "launch_ros": {},
        "launch_ros.actions": {"Node": Recorded},
    }
    for name, members in contents.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location("cell_launch", LAUNCH_FILE)
    assert spec is not None
    assert spec.loader is not None
    result = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(result)
    return result


def test_the_launch_file_starts_other_processes_than_bringup_says(
    launch_module: types.ModuleType,
) -> None:
    values = {name: default for name, default, _ in bringup.ARGUMENTS} | {"seed": "7"}
    nodes = launch_module.start(values)
    wanted = bringup.processes(seed="7")
    assert [
        (n.named["package"], n.named["executable"], n.named["arguments"], n.named["additional_env"])
        for n in nodes
    ] == [(p.package, p.executable, list(p.arguments), dict(p.environment)) for p in wanted]


def test_a_process_can_end_without_ending_the_launch(launch_module: types.ModuleType) -> None:
    values = {name: default for name, default, _ in bringup.ARGUMENTS}
    for node in launch_module.start(values):
        assert type(node.named["on_exit"]).__name__ == "Shutdown"


def test_a_launch_argument_is_not_declared_or_not_described(
    launch_module: types.ModuleType,
) -> None:
    description = launch_module.generate_launch_description()
    declared = description.positional[0][:-1]
    assert [(a.positional[0], a.named["default_value"]) for a in declared] == [
        (name, default) for name, default, _ in bringup.ARGUMENTS
    ]
    assert all(len(a.named["description"]) > 10 for a in declared)
    assert set(bringup.processes.__kwdefaults__) | {"cell"} == {a.positional[0] for a in declared}


def test_bringup_needs_more_than_the_standard_library_and_yaml() -> None:
    """Anything else would keep the launch file from loading on a machine's plain Python."""
    tree = ast.parse((ROOT / "smart_cell" / "bringup.py").read_text(encoding="utf-8"))
    names = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names <= set(sys.stdlib_module_names) | {"yaml"}
    heavy = "{'pydantic', 'numpy', 'rclpy'}"
    code = f"import sys, smart_cell.bringup; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_process_has_no_console_script() -> None:
    scripts = (ROOT / "setup.py").read_text(encoding="utf-8")
    for process in bringup.processes():
        assert f'"{process.executable}": "smart_cell.nodes.start:{process.name}"' in scripts


def test_paths_are_left_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cell.yaml").write_text("cell: x\n", encoding="utf-8")
    specs = bringup.processes("cell.yaml", orders="o.yaml", report="out", timeout="60")
    arguments = specs[-1].arguments
    assert arguments == (
        *("--cell", str(tmp_path / "cell.yaml"), "--orders", str(tmp_path / "o.yaml")),
        *("--seed", "0", "--timeout", "60", "--report", str(tmp_path / "out")),
    )
    assert "--report" not in specs[0].arguments
    assert bringup.processes("kitting")[0].arguments[:2] == ("--cell", "kitting")


def test_exactly_one_process_does_not_end_the_run() -> None:
    assert [process.name for process in bringup.processes() if process.task] == ["cell"]
    assert [process.name for process in bringup.processes()] == ["simulation", "control", "cell"]
