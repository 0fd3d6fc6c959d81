"""The errors that every part of smart_cell shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SmartCellError(Exception):
    """Base of every error that smart_cell raises on purpose."""


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong with an input file.

    Attributes:
        file: Path as the user gave it.
        line: Line, from 1; 0 if the problem has no place in the file.
        column: Column, from 1; 0 if the problem has no place in the file.
        message: What is wrong, the offending value, and what is allowed.
        warning: True if the input is usable all the same.
    """

    file: str
    line: int
    column: int
    message: str
    warning: bool = False

    def __str__(self) -> str:
        """Return ``file:line:column: message``, with ``warning:`` before a warning's text."""
        text = f"warning: {self.message}" if self.warning else self.message
        file = self.file.encode("utf-8", "backslashreplace").decode("utf-8")
        return f"{file}:{self.line}:{self.column}: {text}"


class InputError(SmartCellError):
    """An input file has problems; all of them are in ``problems``, one a line in the message.

    Attributes:
        problems: Everything that was found, in the order of file, line and column.
        unreadable: True if the file could not be read at all (missing, not YAML, too large).
    """

    def __init__(self, problems: Sequence[Problem], *, unreadable: bool = False) -> None:
        """Keep the problems, sorted."""
        self.problems = tuple(sorted(problems))
        self.unreadable = unreadable
        super().__init__("\n".join(str(problem) for problem in self.problems))
