"""Safe XML reading with line numbers, and the expansion of xacro files in process."""

from __future__ import annotations

import contextlib
import threading
import xml.dom.minidom as minidom
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any
from xml.dom import expatbuilder
from xml.parsers.expat import ExpatError

from smart_cell.model.errors import InputError, Problem

MAX_BYTES = 5_000_000
MAX_DEPTH = 64
MAX_ELEMENTS = 200_000
_XACRO_LOCK = threading.Lock()  # xacro keeps its state in module variables


@dataclass(frozen=True)
class Mark:
    """A place in a file: line and column from 1, 0 if unknown."""

    file: str
    line: int = 0
    column: int = 0

    def problem(self, message: str, *, warning: bool = False) -> Problem:
        """Return a problem at this place."""
        return Problem(self.file, self.line, self.column, printable(message), warning)

    def refuse(self, message: str, *, unreadable: bool = False) -> InputError:
        """Return an error with one problem at this place."""
        return InputError([self.problem(message)], unreadable=unreadable)


def printable(text: str) -> str:
    """Return a text on one line: what cannot be printed is written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Element(minidom.Element):
    """A DOM element that knows where it stood in its file; its clones know it too."""

    mark: Mark
    budget: list[int]

    def cloneNode(self, deep: bool) -> Any:
        """Return a copy with the same marks; counts the copied elements against the budget."""
        clone: Any = super().cloneNode(deep)
        _copy_marks(self, clone)
        return clone


def _copy_marks(source: Element, clone: Any) -> None:
    pairs: list[tuple[Any, Any]] = [(source, clone)]
    while pairs:
        old, new = pairs.pop()
        if not isinstance(old, Element):
            continue
        new.__class__ = Element
        new.mark, new.budget = old.mark, old.budget
        old.budget[0] -= 1
        if old.budget[0] < 0:
            raise old.mark.refuse(f"the file grows to more than {MAX_ELEMENTS} elements")
        pairs.extend(zip(old.childNodes, new.childNodes, strict=False))


class _Builder(expatbuilder.ExpatBuilderNS):
    """Builds a document of marked elements; refuses DOCTYPE (and with it entities) and depth."""

    def __init__(self, file: str, budget: list[int]) -> None:
        super().__init__()
        self._file = file
        self._budget = budget
        self._depth = 0

    def _mark(self) -> Mark:
        parser = self.getParser()
        return Mark(self._file, parser.CurrentLineNumber, parser.CurrentColumnNumber + 1)

    def start_doctype_decl_handler(self, *_: object) -> None:
        """Refuse a DOCTYPE."""
        raise self._mark().refuse("DOCTYPE and entities are not allowed")

    def first_element_handler(self, name: str, attributes: list[str]) -> None:
        """Build the root element."""
        self.start_element_handler(name, attributes)
        self.getParser().StartElementHandler = self.start_element_handler

    def start_element_handler(self, name: str, attributes: list[str]) -> None:
        """Build an element and mark it."""
        super().start_element_handler(name, attributes)
        self._depth += 1
        self._budget[0] -= 1
        mark = self._mark()
        if self._depth > MAX_DEPTH:
            raise mark.refuse(f"elements nested deeper than {MAX_DEPTH}")
        if self._budget[0] < 0:
            raise mark.refuse(f"more than {MAX_ELEMENTS} elements")
        node: Any = self.curNode
        node.__class__ = Element
        node.mark, node.budget = mark, self._budget

    def end_element_handler(self, name: str) -> None:
        """Close an element."""
        super().end_element_handler(name)
        self._depth -= 1


def read_bytes(path: Path, limit: int, shown: str | None = None) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises:
        InputError: unreadable; the file is missing, no file, not allowed or too large.
    """
    mark = Mark(str(path) if shown is None else shown)
    try:
        if path.is_dir():
            raise mark.refuse("is a folder, not a file", unreadable=True)
        if path.exists() and not path.is_file():
            raise mark.refuse("is not a regular file", unreadable=True)
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except FileNotFoundError:
        raise mark.refuse("no such file", unreadable=True) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise mark.refuse(f"cannot be read: {reason}", unreadable=True) from None
    if len(content) > limit:
        raise mark.refuse(
            f"is larger than the {limit // 1_000_000} MB that are allowed", unreadable=True
        )
    return content


def parse_xml(content: bytes, file: str, budget: list[int] | None = None) -> minidom.Document:
    """Return the document of an XML text, its elements marked with their places.

    Args:
        content: The text.
        file: Name of the file, for problems.
        budget: How many more elements may be built, counted down; shared by included files.

    Raises:
        InputError: Not well-formed, a DOCTYPE, too deep or too many elements.
    """
    builder = _Builder(file, [MAX_ELEMENTS] if budget is None else budget)
    try:
        document = builder.parseString(content)
    except ExpatError as error:
        message = str(error).split(":", maxsplit=1)[0]
        raise Mark(file, error.lineno, error.offset + 1).refuse(f"not XML: {message}") from None
    except (ValueError, LookupError) as error:
        raise Mark(file).refuse(f"not XML: {error}") from None
    assert isinstance(document, minidom.Document)
    return document


@contextlib.contextmanager
def _replaced(module: ModuleType, **values: object) -> Iterator[None]:
    """Put other values in the place of a module's variables, for a while."""
    before = {name: getattr(module, name) for name in values}
    try:
        for name, value in values.items():
            setattr(module, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def _place_of(traceback: TracebackType | None, default: Mark) -> Mark:
    """Return the mark of the innermost element that xacro worked on when it raised."""
    found = default
    while traceback is not None:
        for variable in ("node", "elt"):
            value = traceback.tb_frame.f_locals.get(variable)
            if isinstance(value, Element) and hasattr(value, "mark"):
                found = value.mark
        traceback = traceback.tb_next
    return found


def _declared_arguments(document: minidom.Document) -> set[str]:
    return {e.getAttribute("name") for e in document.getElementsByTagName("xacro:arg")}


def expand(
    path: Path, arguments: Mapping[str, str], shown: str | None = None
) -> tuple[minidom.Document, tuple[Problem, ...]]:
    """Return the document of a URDF or xacro file, expanded, and warnings.

    Args:
        path: The file. Included files are found relative to the one that includes them.
        arguments: Values for ``xacro:arg``.
        shown: Name of the file in problems; None = the path.

    Raises:
        InputError: The file or one that it includes cannot be read, or xacro refuses it.
    """
    import xacro  # slow to import, and only needed where a URDF is read

    name = str(path) if shown is None else shown
    budget = [MAX_ELEMENTS]
    declared: set[str] = set()
    warnings: list[Problem] = []

    def parse(_inp: object, filename: str) -> minidom.Document:
        content = read_bytes(Path(filename), MAX_BYTES)
        included = parse_xml(content, filename, budget)
        declared.update(_declared_arguments(included))
        return included

    def warn(*words: object, **_: object) -> None:
        warnings.append(Mark(name).problem(" ".join(str(w) for w in words), warning=True))

    document = parse_xml(read_bytes(path, MAX_BYTES, name), name, budget)
    declared.update(_declared_arguments(document))
    root = Mark(name, 1, 1)
    with (
        _XACRO_LOCK,
        _replaced(
            xacro,
            parse=parse,
            safe_eval=_guarded(xacro.safe_eval),
            warning=warn,
            message=warn,
            error=warn,
            print_location=_nothing,
        ),
    ):
        _process(xacro, document, path, dict(arguments), root)
    unused = sorted(set(arguments) - declared)
    warnings.extend(
        root.problem(f"declares no xacro:arg {argument!r}", warning=True) for argument in unused
    )
    return document, tuple(warnings)


def _guarded(evaluate: Callable[..., object]) -> Callable[..., object]:
    """Return xacro's evaluation of expressions without a way to Python's own attributes."""

    def guarded(expression: str, *scopes: object) -> object:
        if "__" in expression:
            raise ValueError(f"'__' is not allowed in the expression {expression[:80]!r}")
        return evaluate(expression, *scopes)

    return guarded


def _nothing() -> None:
    """Stand in for xacro's own printing of the place."""


def _process(
    xacro: ModuleType,
    document: minidom.Document,
    path: Path,
    arguments: dict[str, str],
    root: Mark,
) -> None:
    process: Callable[..., None] = xacro.process_doc
    xacro.init_stacks(str(path))
    try:
        process(document, mappings=arguments, verbosity=0)
    except InputError:
        raise
    except RecursionError:
        raise root.refuse("xacro: macros or includes without end") from None
    except Exception as error:  # xacro evaluates expressions: any exception may come out of them
        mark = _place_of(error.__traceback__, root)
        text = " ".join(str(error).split()) or type(error).__name__
        raise mark.refuse(f"xacro: {text}") from None
    finally:
        xacro.init_stacks(None)
