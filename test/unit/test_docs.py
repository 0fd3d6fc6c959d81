"""What the documents show works as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smart_cell.model.xml_reading import expand

ROOT = Path(__file__).resolve().parents[2]


def test_example_of_the_planner_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "planner.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(code) == 1
    document, _ = expand(ROOT / "urdf" / "ur5e_like.urdf.xacro", {})
    (tmp_path / "arm.urdf").write_text(document.toxml())
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code[0], names)
    assert "[" in capsys.readouterr().out
    assert len(names["solutions"]) == 8  # type: ignore[arg-type]


def test_links_between_documents_lead_somewhere() -> None:
    for document in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in link:
                assert (document.parent / link).exists(), f"{document.name}: {link}"


def test_readme_names_every_target_of_the_makefile() -> None:
    targets = set(re.findall(r"^## make (\w+)", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`make (\w+)`", (ROOT / "README.md").read_text()))
    assert targets == named
