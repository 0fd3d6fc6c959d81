"""Command lines of the processes, and dying with the supervisor."""

from __future__ import annotations

import pytest

from smart_cell.model.errors import SmartCellError
from smart_cell.nodes.process import Options, die_with, parse

PLAIN = Options("kitting", "", "", 0, None, "", pipe=False, parent=0)


def test_what_launch_appends_is_taken_for_ours() -> None:
    assert parse("cell", ["--ros-args", "-r", "__node:=x", "-p", "a:=1"]) == PLAIN
    given = ["--ros-args", "--log-level", "info", "--", "--seed", "7"]
    assert parse("cell", given).seed == 7


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", "-1"],
        ["--seed", "x"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--orders", "a", "--trial", "b"],
        ["--unknown"],
    ],
)
def test_a_wrong_command_line_is_taken(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse("cell", arguments)
    assert end.value.code == 2


def test_a_process_outlives_a_parent_that_is_gone_already() -> None:
    with pytest.raises(SmartCellError, match="the supervisor has gone"):
        die_with(999_999_999)
