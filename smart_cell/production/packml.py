"""The cell's states after PackML (ISA-TR88.00.02-2015): a transition table and its machine."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping

from smart_cell.production.errors import StateError


class State(enum.IntEnum):
    """The states in use, with PackML's numbers."""

    CLEARING = 1
    STOPPED = 2
    STARTING = 3
    IDLE = 4
    EXECUTE = 6
    STOPPING = 7
    ABORTING = 8
    ABORTED = 9
    RESETTING = 15

    @property
    def label(self) -> str:
        """PackML's name of the state, such as ``Execute``."""
        return self.name.capitalize()


class Command(enum.IntEnum):
    """Commands, with PackML's numbers; COMPLETE is State Complete, given by the cell itself."""

    COMPLETE = 0
    RESET = 1
    START = 2
    STOP = 3
    ABORT = 8
    CLEAR = 9


_RUNNING = (State.STARTING, State.IDLE, State.EXECUTE, State.RESETTING)
_CLEARED = (*_RUNNING, State.CLEARING, State.STOPPED, State.STOPPING)

TRANSITIONS: Mapping[tuple[State, Command], State] = {
    (State.STOPPED, Command.RESET): State.RESETTING,
    (State.RESETTING, Command.COMPLETE): State.IDLE,
    (State.IDLE, Command.START): State.STARTING,
    (State.STARTING, Command.COMPLETE): State.EXECUTE,
    (State.STOPPING, Command.COMPLETE): State.STOPPED,
    (State.ABORTING, Command.COMPLETE): State.ABORTED,
    (State.ABORTED, Command.CLEAR): State.CLEARING,
    (State.CLEARING, Command.COMPLETE): State.STOPPED,
    **{(state, Command.STOP): State.STOPPING for state in _RUNNING},
    **{(state, Command.ABORT): State.ABORTING for state in _CLEARED},
}


class Machine:
    """The state of one cell. Begins in Stopped."""

    def __init__(self, entered: Callable[[State], None]) -> None:
        """``entered`` is called with each state at once, on the caller's thread."""
        self._entered = entered
        self._state = State.STOPPED

    @property
    def state(self) -> State:
        """The present state."""
        return self._state

    def allowed(self) -> tuple[Command, ...]:
        """Return the commands that the present state accepts."""
        return tuple(command for command in Command if (self._state, command) in TRANSITIONS)

    def apply(self, command: Command) -> State:
        """Change the state by a command and return the new one.

        Raises:
            StateError: The present state does not accept the command.
        """
        following = TRANSITIONS.get((self._state, command))
        if following is None:
            names = ", ".join(item.name.lower() for item in self.allowed())
            raise StateError(
                f"{command.name.lower()!r} is not possible in state {self._state.label}; "
                f"possible: {names}"
            )
        self._state = following
        self._entered(following)
        return following
