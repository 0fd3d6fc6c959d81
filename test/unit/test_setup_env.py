"""The set-up script repeats only what changed, and says what is missing or what failed."""

from __future__ import annotations

import importlib.util
import sys
from collections import namedtuple
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "setup_env.py"

INTERFACES = ("interfaces/smart_cell_msgs", "interfaces/upstream/tf2_msgs")


@pytest.fixture
def setup_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return the script as a module that works on a small project in ``tmp_path``."""
    spec = importlib.util.spec_from_file_location("setup_env", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("core", "sim", "plot", "ros", "test", "lint", "bench"):
        write(tmp_path / "tools" / "requirements" / f"{name}.txt", "x<1")
    for folder in INTERFACES:
        write(tmp_path / folder / "package.xml", "<package/>")
    for name in (
        "setup.py",
        "setup.cfg",
        "package.xml",
        "resource/smart_cell",
        "smart_cell/__init__.py",
        "smart_cell/planner/csrc/sc_a.c",
        "config/cells/kitting.yaml",
        "launch/cell.launch.py",
        "interfaces/smart_cell_msgs/cmake/pip_wheels_fix.cmake",
        "tools/python_messages/config.cmake",
    ):
        write(tmp_path / name, "first")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "TOOLS", tmp_path / "tools")
    return module


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


class Recorder:
    """Takes the place of the commands: notes their log names and leaves what they would leave."""

    def __init__(self, module: ModuleType, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.module = module
        self.logs: list[str] = []
        monkeypatch.setattr(module, "check_system", lambda: None)
        monkeypatch.setattr(module.subprocess, "run", self.make_venv)
        monkeypatch.setattr(module.Environment, "run", lambda *arguments, **_: self.run(*arguments))

    def make_venv(self, command: list[str], **_: Any) -> Any:
        assert command[1:3] == ["-m", "venv"]
        self.logs.append("venv")
        write(Path(command[3]) / "bin" / "python", "")
        return namedtuple("Result", "returncode")(0)

    def run(self, environment: Any, command: list[object], log: str) -> None:
        self.logs.append(log)
        if log == "native":
            suffix = environment.stamps["python"]["suffix"]
            write(self.root / "smart_cell" / "planner" / f"_core{suffix}", "library")
        if log == "package":
            text = "[console_scripts]\nsmart-cell = smart_cell.cli.main:main\n"
            write(environment.site_packages() / "smart_cell-1.dist-info" / "entry_points.txt", text)

    def set_up(self, target: str = "main") -> list[str]:
        self.logs.clear()
        self.module.set_up(target, keep_python=True)
        return list(self.logs)


@pytest.fixture
def recorder(setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(setup_env, tmp_path, monkeypatch)


ALL_STEPS = ["venv", "requirements", "native", "package"] + [
    f"{Path(folder).name}.{step}"
    for folder in INTERFACES
    for step in ("configure", "build", "install")
]


def test_second_set_up_runs_nothing(recorder: Recorder) -> None:
    assert recorder.set_up() == ALL_STEPS
    assert recorder.set_up() == []


@pytest.mark.parametrize(
    ("changed", "steps"),
    [
        ("smart_cell/planner/csrc/sc_a.c", ["native"]),
        ("smart_cell/planner/csrc/sc_new.h", ["native"]),
        ("smart_cell/__init__.py", ["package"]),
        ("setup.py", ["native", "package"]),
        ("tools/requirements/sim.txt", ["requirements", "package"]),
        ("smart_cell/planner/kinematics.py", []),
        ("config/cells/kitting.yaml", []),
        (
            "interfaces/upstream/tf2_msgs/msg/A.msg",
            ["tf2_msgs.configure", "tf2_msgs.build", "tf2_msgs.install"],
        ),
    ],
)
def test_a_changed_file_repeats_only_its_steps(
    recorder: Recorder, tmp_path: Path, changed: str, steps: list[str]
) -> None:
    recorder.set_up()
    write(tmp_path / changed, "second")
    assert recorder.set_up() == steps
    assert recorder.set_up() == []


def test_a_lost_extension_is_built_again(recorder: Recorder, tmp_path: Path) -> None:
    recorder.set_up()
    (library,) = (tmp_path / "smart_cell" / "planner").glob("_core*")
    library.unlink()
    assert recorder.set_up() == ["native"]


def test_strict_flags_build_the_extension_again(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.set_up()
    monkeypatch.setenv("SMART_CELL_STRICT", "1")
    assert recorder.set_up() == ["native"]


def test_an_extension_that_was_not_built_is_an_error(
    recorder: Recorder, setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_env.Environment, "run", lambda *_, **__: None)
    with pytest.raises(setup_env.SetupError, match="was not built"):
        recorder.set_up()


def test_an_interrupted_environment_is_made_again(recorder: Recorder, tmp_path: Path) -> None:
    recorder.set_up()
    (tmp_path / ".venv" / ".smart_cell" / "stamps.json").write_text('{"python"')
    assert recorder.set_up() == ALL_STEPS


def test_an_environment_of_another_python_is_kept_or_made_again_as_told(
    recorder: Recorder, setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.set_up()
    monkeypatch.setattr(setup_env.sys, "executable", "/usr/bin/another-python3")
    assert recorder.set_up() == []
    setup_env.set_up("main", keep_python=False)
    assert recorder.logs == ALL_STEPS


def test_a_moved_environment_is_made_again(recorder: Recorder, tmp_path: Path) -> None:
    recorder.set_up()
    stamps = tmp_path / ".venv" / ".smart_cell" / "stamps.json"
    stamps.write_text(stamps.read_text().replace(str(tmp_path), "/elsewhere"))
    assert recorder.set_up() == ALL_STEPS


def test_bench_adds_its_libraries_once(recorder: Recorder) -> None:
    recorder.set_up()
    assert recorder.set_up("bench") == ["requirements"]
    assert recorder.set_up("bench") == []
    assert recorder.set_up("main") == []


def test_sanitized_environment_follows_python_and_c_files(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder.module.Environment, "site_packages", lambda _: tmp_path)
    assert recorder.set_up("sanitize") == ["venv", "requirements", "sanitized"]
    assert recorder.set_up("sanitize") == []
    write(tmp_path / "smart_cell" / "planner" / "kinematics.py", "second")
    assert recorder.set_up("sanitize") == ["sanitized"]
    assert (tmp_path / "smart_cell_sanitized.pth").read_text().strip() == str(
        tmp_path / "build" / "sanitize" / "lib"
    )


def test_executables_and_data_are_linked_where_ros_looks(
    recorder: Recorder, tmp_path: Path
) -> None:
    recorder.set_up()
    venv = tmp_path / ".venv"
    assert (venv / "lib/smart_cell/smart-cell").readlink() == Path("../../bin/smart-cell")
    share = venv / "share" / "smart_cell"
    assert (share / "config/cells/kitting.yaml").read_text() == "first"
    assert (share / "launch").is_dir()
    assert not (share / "launch").is_symlink()
    assert (share / "launch/cell.launch.py").is_symlink()
    marker = venv / "share/ament_index/resource_index/packages/smart_cell"
    assert marker.resolve() == tmp_path / "resource" / "smart_cell"


def test_a_removed_launch_file_loses_its_link(recorder: Recorder, tmp_path: Path) -> None:
    recorder.set_up()
    (tmp_path / "launch" / "cell.launch.py").unlink()
    recorder.set_up()
    assert list((tmp_path / ".venv/share/smart_cell/launch").iterdir()) == []


def test_files_of_an_earlier_message_build_are_removed_inside_the_environment_only(
    setup_env: ModuleType, tmp_path: Path
) -> None:
    inside, outside = tmp_path / "venv" / "a", tmp_path / "b"
    write(inside, "")
    write(outside, "")
    manifest = tmp_path / "install_manifest.txt"
    manifest.write_text(f"{inside}\n{outside}\n{tmp_path / 'venv' / 'gone'}")
    setup_env.remove_installed(manifest, tmp_path / "venv")
    assert not inside.exists()
    assert outside.exists()


def test_all_missing_things_are_named_with_their_packages(
    setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(setup_env.SetupError) as caught:
        setup_env.check_system()
    text = str(caught.value)
    assert "a C compiler (cc)" in text
    assert "a C++ compiler (c++)" in text
    assert text.endswith("apt install python3-venv gcc g++")


def test_missing_python_header_is_named(
    setup_env: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_env.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert setup_env.missing_from_system() == [("the header Python.h", "python3-dev")]


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 14, 0)])
def test_unsupported_python_is_refused_with_the_range(
    setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int]
) -> None:
    monkeypatch.setattr(setup_env.sys, "version_info", version)
    with pytest.raises(setup_env.SetupError, match=r"3\.10 to 3\.13 .*make setup PYTHON="):
        setup_env.check_system()


def test_failed_command_shows_the_end_of_its_output(setup_env: ModuleType, tmp_path: Path) -> None:
    environment = setup_env.Environment(".venv")
    code = "import sys; print('line one'); print('the reason', file=sys.stderr); sys.exit(3)"
    with pytest.raises(setup_env.SetupError) as caught:
        environment.run([sys.executable, "-c", code], "step")
    assert "code 3" in str(caught.value)
    assert "the reason" in str(caught.value)
    assert str(tmp_path / ".venv" / ".smart_cell" / "log" / "step.log") in str(caught.value)


def test_another_ros_installation_does_not_leak_into_commands(
    setup_env: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("PYTHONPATH", "LD_LIBRARY_PATH", "_ROS_WHEELS_BOOTSTRAP_COMPLETE"):
        monkeypatch.setenv(name, "/opt/ros/jazzy")
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/jazzy")
    variables = setup_env.Environment(".venv").variables()
    assert "/opt/ros/jazzy" not in variables.values()
    assert variables["AMENT_PREFIX_PATH"] == str(tmp_path / ".venv")
