"""The PackML table: every pair of state and command, allowed or refused."""

from __future__ import annotations

import pytest

from smart_cell.production.errors import StateError
from smart_cell.production.packml import TRANSITIONS, Command, Machine, State

# By hand from the matrix of ISA-TR88.00.02-2015: the rows and columns that this version has.
MATRIX = """
state      RESET     START    STOP     ABORT    CLEAR    COMPLETE
CLEARING   .         .        .        ABORTING .        STOPPED
STOPPED    RESETTING .        .        ABORTING .        .
STARTING   .         .        STOPPING ABORTING .        EXECUTE
IDLE       .         STARTING STOPPING ABORTING .        .
EXECUTE    .         .        STOPPING ABORTING .        .
STOPPING   .         .        .        ABORTING .        STOPPED
ABORTING   .         .        .        .        .        ABORTED
ABORTED    .         .        .        .        CLEARING .
RESETTING  .         .        STOPPING ABORTING .        IDLE
"""
ROWS = [line.split() for line in MATRIX.strip().splitlines()]
PAIRS = [
    (State[row[0]], Command[name], None if cell == "." else State[cell])
    for row in ROWS[1:]
    for name, cell in zip(ROWS[0][1:], row[1:], strict=True)
]


def in_state(state: State, entered: list[State]) -> Machine:
    """Return a machine that was driven into a state by commands."""
    paths = {State.STOPPED: []}
    todo = [State.STOPPED]
    while todo:
        here = todo.pop(0)
        for (source, command), target in TRANSITIONS.items():
            if source is here and target not in paths:
                paths[target] = [*paths[here], command]
                todo.append(target)
    machine = Machine(entered.append)
    for command in paths[state]:
        machine.apply(command)
    return machine


def test_matrix_covers_every_pair() -> None:
    assert {(s, c) for s, c, _ in PAIRS} == {(s, c) for s in State for c in Command}


@pytest.mark.parametrize(("state", "command", "following"), PAIRS)
def test_pair(state: State, command: Command, following: State | None) -> None:
    entered: list[State] = []
    machine = in_state(state, entered)
    entered.clear()
    if following is None:
        with pytest.raises(StateError, match=state.label):
            machine.apply(command)
        assert machine.state is state
        assert entered == []
    else:
        assert machine.apply(command) is following
        assert machine.state is following
        assert entered == [following]


def test_numbers_are_those_of_packml() -> None:
    assert [int(state) for state in State] == [1, 2, 3, 4, 6, 7, 8, 9, 15]
    assert State.EXECUTE.label == "Execute"
