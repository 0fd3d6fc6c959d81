"""Whatever stands in an input file, reading it ends with values or with an InputError."""

from __future__ import annotations

import contextlib
import copy
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from smart_cell.cli import check as check_command
from smart_cell.model.cell import Cell
from smart_cell.model.errors import InputError, Problem
from smart_cell.model.loading import load_cell, load_orders, load_trial
from smart_cell.model.urdf import load_urdf
from smart_cell.model.yaml_reading import parse_yaml, scalar
from support.ariac import TRIAL
from support.cells import ARM_URDF, cell_data, order_data, small_cell, write_cell

EXAMPLES = settings(max_examples=120)
# What a YAML file may hold in the place of anything; numbers near and far from sense.
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", "world", "arm", "bin", "1", "pi/2", "-1", "agv4", "a" * 70, "ä", "\t"]),
    st.text(max_size=12),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


def places(data: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything inside a value."""
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        yield (*above, key)
        yield from places(value, (*above, key))


def replaced(data: Any, path: tuple[Any, ...], value: Any, *, drop: bool) -> Any:
    """Return a copy in which one thing is another, or is left out."""
    result = copy.deepcopy(data)
    target = result
    for step in path[:-1]:
        target = target[step]
    if drop:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return result


@st.composite
def changed(draw: st.DrawFn, data: Any) -> Any:
    """Draw a value with one to three things in it changed."""
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(data))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        data = replaced(data, path, draw(VALUES), drop=draw(st.booleans()))
    return data


@functools.cache
def folder() -> Path:
    """Return a folder for the files of all examples."""
    place = tempfile.TemporaryDirectory(prefix="smart_cell_fuzz_")
    _KEPT.append(place)
    return Path(place.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


@functools.cache
def cell() -> Cell:
    """Return the small cell."""
    place = folder() / "small"
    place.mkdir()
    return small_cell(place)


@functools.cache
def ariac() -> Cell:
    """Return the cell of the trials."""
    return load_cell("ariac")


def problems_are_told(error: InputError) -> None:
    """Check that an error can be shown: one line a problem, with its file."""
    assert error.problems
    for problem in error.problems:
        assert isinstance(problem, Problem)
        assert problem.file
        assert problem.message
        assert len(problem.message) < 20_000
        assert "\n" not in problem.message


@EXAMPLES
@given(st.binary(max_size=200))
def test_bytes(content: bytes) -> None:
    with contextlib.suppress(InputError):
        parse_yaml(content, "fuzz.yaml")


@EXAMPLES
@given(st.text(alphabet="[]{}:,-?&*!|>'\"%@`# \n\ta1.~<=", max_size=80))
def test_text_of_yaml_characters(text: str) -> None:
    try:
        document = parse_yaml(text.encode(), "fuzz.yaml")
    except InputError as error:
        problems_are_told(error)
    else:
        for path in places(document.data):
            assert document.mark(path).line >= 1


@EXAMPLES
@given(VALUES)
def test_values_come_back_as_they_were_written(value: Any) -> None:
    text = yaml.safe_dump({"value": value}, allow_unicode=True)
    with contextlib.suppress(InputError):
        document = parse_yaml(text.encode(), "fuzz.yaml")
        assert isinstance(document.data, dict)


@EXAMPLES
@given(st.text(max_size=30))
def test_scalars(text: str) -> None:
    scalar(text)


@settings(max_examples=60)
@given(changed(cell_data()))
def test_changed_cells(data: Any) -> None:
    path = write_cell(folder(), data)
    try:
        load_cell(path)
    except InputError as error:
        problems_are_told(error)


@EXAMPLES
@given(changed(order_data()))
def test_changed_orders(data: Any) -> None:
    path = folder() / "fuzz_orders.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    try:
        load_orders(path, cell())
    except InputError as error:
        problems_are_told(error)


@EXAMPLES
@given(changed(yaml.safe_load(TRIAL)), st.booleans())
def test_changed_trials(data: Any, strict: bool) -> None:
    path = folder() / "fuzz_trial.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    try:
        load_trial(path, ariac(), strict=strict)
    except InputError as error:
        problems_are_told(error)


@EXAMPLES
@given(
    st.integers(0, len(ARM_URDF) - 1),
    st.integers(0, 12),
    st.text(alphabet="<>&/\"'=$ {}()![]-x1.", max_size=12),
)
def test_changed_urdf(start: int, length: int, text: str) -> None:
    path = folder() / "fuzz.urdf.xacro"
    content = ARM_URDF[:start] + text + ARM_URDF[start + length :]
    path.write_text(content.replace("<robot", '<robot xmlns:xacro="http://x"', 1))
    try:
        load_urdf(path)
    except InputError as error:
        problems_are_told(error)


@EXAMPLES
@given(VALUES)
def test_kind_of_any_content(value: Any) -> None:
    assert check_command.kind_of(value) in (None, "cell", "orders", "trial", "recipe")
