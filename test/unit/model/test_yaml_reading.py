"""YAML reading: limits, places, values, and every kind of file that is no YAML."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from smart_cell.model.description import CellDescription
from smart_cell.model.errors import InputError
from smart_cell.model.yaml_reading import (
    MAX_BYTES,
    allowed,
    dotted,
    parse_yaml,
    read_yaml,
    scalar,
    validate,
)


def refusal(content: bytes) -> InputError:
    with pytest.raises(InputError) as caught:
        parse_yaml(content, "f.yaml")
    assert caught.value.unreadable
    assert len(caught.value.problems) == 1
    return caught.value


@pytest.mark.parametrize(
    ("content", "line", "column", "text"),
    [
        (b"a: [1", 2, 1, "not YAML"),
        (b"a: 1\nb: 2\n c: 3\n", 3, 3, "not YAML"),
        (b"a: 1\n---\nb: 2\n", 2, 1, "single document"),
        (b"a: \xff\n", 1, 4, "not UTF-8"),
        (b"a: 1\nbb: \x01\n", 2, 5, "U+0001"),
        (b"", 1, 1, "empty"),
        (b"# only a comment\n", 1, 1, "empty"),
        (b"a: *nothing\n", 1, 4, "undefined alias"),
    ],
)
def test_text_that_is_no_yaml_is_refused_at_its_place(
    content: bytes, line: int, column: int, text: str
) -> None:
    problem = refusal(content).problems[0]
    assert (problem.line, problem.column) == (line, column)
    assert text in problem.message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"[" * 100_000, "nested deeper"),
        (b"{a: " * 40 + b"1" + b"}" * 40, "nested deeper"),
        (b"- 1\n" * 1_100_000, "more than"),
        (b"&a [*a]", "contains itself"),
        (b"&a {x: {y: *a}}", "contains itself"),
    ],
    ids=["brackets", "mappings", "values", "list_in_itself", "mapping_in_itself"],
)
def test_limits_hold(content: bytes, text: str) -> None:
    assert text in refusal(content).problems[0].message


def test_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    assert "aliases counted" in refusal("\n".join(lines).encode()).problems[0].message


def test_plain_aliases_are_values() -> None:
    assert parse_yaml(b"a: &x [1, 2]\nb: *x\n", "f").data == {"a": [1, 2], "b": [1, 2]}


def test_scalars_follow_yaml_1_2() -> None:
    document = parse_yaml(b"a: 010\nb: yes\nc: 1e3\nd: 12:30\ne: '1'\nf:\ng: true\nh: 0x10", "f")
    expected = {"a": 10, "b": "yes", "c": 1e3, "d": "12:30", "e": "1", "f": None, "g": True}
    assert document.data == {**expected, "h": "0x10"}
    assert scalar(".inf") == math.inf
    assert math.isnan(scalar(".nan"))
    assert scalar("9" * 400) == "9" * 400


def test_duplicate_key_is_reported_at_the_second() -> None:
    document = parse_yaml(b"a: 1\nb:\n  c: 1\n  c: 2\n", "f.yaml")
    assert [str(p) for p in document.problems] == ["f.yaml:4:3: b.c: this key is given twice"]


@pytest.mark.parametrize("content", [b"a: !!python/name:os.system x", b"!!python/object:a.B {}"])
def test_tags_are_refused_and_nothing_is_constructed(content: bytes) -> None:
    document = parse_yaml(content, "f.yaml")
    assert "is not allowed" in document.problems[0].message


def test_key_that_is_a_list_is_refused() -> None:
    assert "must be a name" in parse_yaml(b"? [1]\n: 2\n", "f").problems[0].message


def test_marks_of_values_keys_and_missing_things() -> None:
    document = parse_yaml(b"a:\n  - x: 1\n    y: 22\n", "f")
    assert (document.mark(("a", 0, "y")).line, document.mark(("a", 0, "y")).column) == (3, 8)
    assert document.mark(("a", 0, "y"), key=True).column == 5
    assert document.mark(("a", 0, "nothing")).line == 2
    assert dotted(("a", 0, "y")) == "a[0].y"


def test_files_that_cannot_be_read_are_unreadable(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.yaml", Path("/dev/null"), Path("a\0b")):
        with pytest.raises(InputError) as caught:
            read_yaml(path)
        assert caught.value.unreadable


def test_file_above_the_limit_is_refused_unparsed(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n" + b"#" * MAX_BYTES)
    with pytest.raises(InputError, match="larger than the 10 MB"):
        read_yaml(path)


def test_all_schema_problems_are_reported_with_place_value_and_what_is_allowed() -> None:
    text = b"""cell: a-b
part_types: {x: {shape: {box_m: [1, 2]}, mas_kg: -1, colors: []}}
arms: {}
grippers: {g: 3}
latency: {planning_s: 1e9, communication_s: '0.1'}
"""
    document = parse_yaml(text, "f.yaml")
    assert validate(document, CellDescription) is None
    found = {(p.line, p.message) for p in document.problems}
    assert any(line == 1 and "cell" in m and "'a-b'" in m for line, m in found)
    assert any(line == 2 and "did you mean 'mass_kg'?" in m for line, m in found)
    assert (2, "part_types.x.mass_kg: is missing") in found
    assert any(line == 2 and "part_types.x.colors" in m for line, m in found)
    assert any(line == 3 and m.startswith("arms:") for line, m in found)
    assert any(line == 4 and m.startswith("grippers.g:") for line, m in found)
    assert any("less than or equal to 5; got 1000000000.0" in m for _, m in found)
    assert any("communication_s" in m and "'0.1'" in m for _, m in found)


@pytest.mark.parametrize("content", [b"[1, 2]", b"hello", b"3"])
def test_file_without_keys_is_refused(content: bytes) -> None:
    document = parse_yaml(content, "f")
    assert validate(document, CellDescription) is None
    assert document.failed


def test_allowed_names_the_nearest_first_and_cuts_long_lists() -> None:
    assert allowed("infed", ["outfeed", "infeed"]).startswith("did you mean 'infeed'?")
    assert allowed("x", []) == "there are none"
    assert "(40 in all)" in allowed("x", [f"n{i}" for i in range(40)])
