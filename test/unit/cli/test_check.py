"""``smart-cell check``: kinds of files, problems on standard output, exit codes, no traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from smart_cell import __version__
from smart_cell.cli import reachability
from smart_cell.cli.check import kind_of
from smart_cell.cli.main import execute
from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Pose
from support.ariac import TRIAL, trial_file
from support.cells import cell_data, order_data, write_cell


class AllInReach:
    """Reach without limits."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def can_reach(self, arm: str, pose: Pose) -> bool:
        return True


@pytest.fixture(autouse=True)
def reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reachability, "_runtime_reach", AllInReach)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = execute(arguments)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def write(path: Path, data: object) -> str:
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return str(path)


def test_clean_files_say_nothing_and_end_with_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = write_cell(tmp_path)
    code, out, err = run(capsys, "check", str(cell), str(tmp_path / "orders.yaml"))
    assert (code, out) == (0, "")
    assert "2 file(s), 0 problem(s)" in err


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_what_ships_is_clean(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from smart_cell import resources

    folder = resources.find(f"config/cells/{name}")
    files = (str(folder / "cell.yaml"), str(folder / "orders.yaml"))
    recipe = str(resources.find("config/recipes/kitting.yaml"))
    assert run(capsys, "check", *files, recipe)[:2] == (0, "")


def test_problems_of_all_files_come_at_once_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = cell_data()
    data["bins"]["bin"]["type"] = "crate"
    (tmp_path / "bad").mkdir()
    bad = write_cell(tmp_path / "bad", data)
    good = write_cell(tmp_path)
    orders = order_data()
    orders["orders"][0]["destination"] = "moon"
    mine = write(tmp_path / "mine.yaml", orders)
    code, out, _ = run(capsys, "check", str(bad), str(good), mine)
    assert code == 1
    lines = out.splitlines()
    assert any(line.startswith(f"{bad}:") and "crate" in line for line in lines)
    assert any(line.startswith(f"{mine}:") and "moon" in line for line in lines)
    for line in lines:
        _, row, column, message = line.split(":", maxsplit=3)
        assert int(row) > 0
        assert int(column) > 0
        assert message.startswith(" ")


def test_own_orders_of_a_cell_are_checked_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = order_data()
    orders["orders"][0]["destination"] = "moon"
    cell = write_cell(tmp_path, orders=orders)
    code, out, _ = run(capsys, "check", str(cell))
    assert code == 1
    assert "orders.yaml:" in out


@pytest.mark.parametrize(
    "content",
    [
        b"a: [1",
        b"\xff\xfe\x00",
        b"",
        bytes(range(256)),
        b"[" * 5000,
        b"&a [*a]",
        b"a: 1\n---\nb: 2",
        b"cell: {" + b"x" * 10_000_001,
    ],
    ids=["syntax", "utf16", "empty", "binary", "deep", "loop", "two", "10MB"],
)
def test_file_that_is_no_yaml_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    code, out, _ = run(capsys, "check", str(path))
    assert code == 2
    assert len(out.splitlines()) == 1
    assert out.startswith(f"{path}:")


def test_missing_file_folder_and_device_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in (str(tmp_path), str(tmp_path / "none.yaml"), "/dev/zero", ""):
        code, out, _ = run(capsys, "check", name)
        assert code == 2
        assert out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_cell(tmp_path)
    path.chmod(0)
    code, out, _ = run(capsys, "check", str(path))
    assert code == 2
    assert "Permission denied" in out


@pytest.mark.parametrize("text", ["hello", "3", "[1, 2]", "x: 1", "null", "orders_: []"])
def test_file_of_no_known_kind_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    code, out, _ = run(capsys, "check", str(path))
    assert code == 1
    assert "kind of the file" in out


def test_robot_description_can_be_checked_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_cell(tmp_path)
    path = tmp_path / "arm.urdf"
    assert run(capsys, "check", str(path))[:2] == (0, "")
    path.write_text('<!DOCTYPE r [<!ENTITY a "b">]>\n<robot name="&a;"/>')
    code, out, _ = run(capsys, "check", str(path))
    assert code == 1
    assert "DOCTYPE and entities are not allowed" in out


def test_kinds_of_files() -> None:
    assert kind_of(cell_data()) == "cell"
    assert kind_of(order_data()) == "orders"
    assert kind_of(yaml.safe_load(TRIAL)) == "trial"
    assert kind_of({"orders": [{"id": "a", "kitting_task": {}}]}) == "trial"
    assert kind_of({"orders": [{"order_id": "a"}]}) == "orders"
    assert kind_of({"recipe": "kitting"}) == "recipe"
    assert kind_of({}) is None


def test_trial_is_checked_against_the_ariac_cell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "trial.yaml"
    path.write_text(TRIAL.replace("'pi/6'", "1.57"))
    code, out, _ = run(capsys, "check", str(path))
    assert code == 0
    assert f"{path}:23:19: warning: " in out
    assert run(capsys, "check", "--strict", str(path))[0] == 1


def test_malformed_trial_ends_with_2_and_names_the_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = trial_file("malformed_2023.yaml")
    code, out, _ = run(capsys, "check", str(path))
    assert code == 2
    assert out.startswith(f"{path}:82:")
    assert len(out.splitlines()) == 1


def test_cell_for_orders_can_be_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = write_cell(tmp_path)
    (tmp_path / "other").mkdir()
    orders = write(tmp_path / "other" / "mine.yaml", order_data())
    assert run(capsys, "check", "--cell", str(cell), orders)[0] == 0
    assert run(capsys, "check", str(cell), orders)[0] == 0
    assert run(capsys, "check", orders)[0] == 1  # the kitting cell has no cube
    code, out, _ = run(capsys, "check", "--cell", "nothing", orders)
    assert code == 2
    assert "ariac, kitting" in out


@pytest.mark.parametrize("kind", ["cell", "orders"])
def test_schema_is_json_schema(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "--schema", kind)
    assert code == 0
    schema = json.loads(out)
    assert schema["additionalProperties"] is False
    assert schema["type"] == "object"
    assert {"cell": "arms", "orders": "orders"}[kind] in schema["properties"]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, f"smart-cell {__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["simulate", "--help"]])
def test_help_ends_with_0(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, *arguments)
    assert code == 0
    assert "Usage" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        ["check"],
        ["check", "--nothing"],
        ["check", "--schema", "nothing"],
        ["simulate", "--seed", "x"],
        ["simulate", "--seed", "-1"],
        ["simulate", "--orders", "a", "--trial", "b"],
        ["run", "--timeout", "0"],
        ["run", "--timeout", "soon"],
        ["simulate", "extra"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert err
