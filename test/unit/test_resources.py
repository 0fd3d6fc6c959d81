"""Data files are found in the documented order of places, and the error lists them all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from smart_cell import resources

SOURCE = Path(resources.__file__).resolve().parent.parent


def put(folder: Path, relative: str = "config/x.yaml") -> Path:
    path = folder / relative
    path.parent.mkdir(parents=True)
    path.write_text("x")
    return path


def test_share_variable_wins_over_prefixes(tmp_path: Path) -> None:
    expected = put(tmp_path / "own")
    put(tmp_path / "prefix" / "share" / "smart_cell")
    environment = {
        "SMART_CELL_SHARE": str(tmp_path / "own"),
        "AMENT_PREFIX_PATH": str(tmp_path / "prefix"),
    }
    assert resources.find("config/x.yaml", environment) == expected


def test_share_variable_without_the_file_falls_through(tmp_path: Path) -> None:
    expected = put(tmp_path / "prefix" / "share" / "smart_cell")
    environment = {
        "SMART_CELL_SHARE": str(tmp_path / "own"),
        "AMENT_PREFIX_PATH": str(tmp_path / "prefix"),
    }
    assert resources.find("config/x.yaml", environment) == expected


def test_first_prefix_that_holds_it_wins(tmp_path: Path) -> None:
    put(tmp_path / "second" / "share" / "smart_cell")
    expected = put(tmp_path / "first" / "share" / "smart_cell")
    prefixes = f"{tmp_path / 'none'}:{tmp_path / 'first'}::{tmp_path / 'second'}"
    assert resources.find("config/x.yaml", {"AMENT_PREFIX_PATH": prefixes}) == expected


def test_python_prefix_comes_after_ament_prefixes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    in_venv = put(tmp_path / "venv" / "share" / "smart_cell")
    assert resources.find("config/x.yaml", {}) == in_venv
    in_prefix = put(tmp_path / "ros" / "share" / "smart_cell")
    environment = {"AMENT_PREFIX_PATH": str(tmp_path / "ros")}
    assert resources.find("config/x.yaml", environment) == in_prefix


def test_folders_are_found_too(tmp_path: Path) -> None:
    file = put(tmp_path)
    assert resources.find("config", {"SMART_CELL_SHARE": str(tmp_path)}) == file.parent


def test_source_tree_is_the_last_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert resources.roots({})[-1] == SOURCE
    assert resources.find("smart_cell/resources.py", {}) == SOURCE / "smart_cell" / "resources.py"


def test_error_lists_every_place_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    environment = {"SMART_CELL_SHARE": str(tmp_path / "own"), "AMENT_PREFIX_PATH": "/a:/b"}
    with pytest.raises(resources.ResourceNotFoundError) as caught:
        resources.find("config/no_such.yaml", environment)
    lines = str(caught.value).splitlines()
    assert "'config/no_such.yaml'" in lines[0]
    assert [line.strip() for line in lines[1:]] == [
        str(tmp_path / "own" / "config/no_such.yaml"),
        "/a/share/smart_cell/config/no_such.yaml",
        "/b/share/smart_cell/config/no_such.yaml",
        str(tmp_path / "venv" / "share/smart_cell/config/no_such.yaml"),
        str(SOURCE / "config/no_such.yaml"),
    ]


def test_a_place_named_twice_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/a")
    places = resources.roots({"AMENT_PREFIX_PATH": "/a:/a"})
    assert places == (Path("/a/share/smart_cell"), SOURCE)


@pytest.mark.parametrize("relative", ["", ".", "/etc/passwd", "../setup.py", "config/../../x"])
def test_path_out_of_the_share_folder_is_refused(relative: str) -> None:
    with pytest.raises(ValueError, match="data file"):
        resources.find(relative, {})
