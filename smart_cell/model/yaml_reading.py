"""YAML files as plain values with places: safe, limited, every problem with its line and column."""

from __future__ import annotations

import difflib
import math
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from smart_cell.model.errors import InputError, Problem
from smart_cell.model.xml_reading import Mark, read_bytes

MAX_BYTES = 10_000_000
MAX_DEPTH = 32
MAX_NODES = 1_000_000
MAX_SCHEMA_PROBLEMS = 200
_TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
Location = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML without libyaml: slower, same results
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]


class _LimitError(yaml.MarkedYAMLError):
    """A limit on depth or size is exceeded while composing."""


class _Loader(_BaseLoader):
    """Composes nodes with YAML 1.2's core schema; counts nodes and depth while it does."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = 0
        self._depth = 0

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Go down one level, or refuse."""
        self._nodes += 1
        self._depth += 1
        mark = None if current_node is None else current_node.start_mark
        if self._depth > MAX_DEPTH:
            raise _LimitError(problem=_TOO_DEEP, problem_mark=mark)
        if self._nodes > MAX_NODES:
            raise _LimitError(problem=f"more than {MAX_NODES} values", problem_mark=mark)

    def ascend_resolver(self) -> None:
        """Go up one level."""
        self._depth -= 1


_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]{1,300}|[0-9]{1,300}(?:\.[0-9]{0,300})?)(?:[eE][-+]?[0-9]{1,4})?"
)
_FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", "+.inf"), math.inf),
    "-.inf": -math.inf,
    ".nan": math.nan,
}


def scalar(text: str) -> Any:
    """Return the value of a plain scalar in YAML 1.2's core schema (numbers decimal only)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass
class Document:
    """One YAML file: its values, and where each of them stands.

    Attributes:
        file: Name as the user gave it.
        root: The composed node.
        data: The values; keys are always strings.
        problems: What reading found (duplicate keys and the like).
    """

    file: str
    root: yaml.Node
    data: Any = None
    problems: list[Problem] = field(default_factory=list)

    def mark(self, location: Sequence[str | int] = (), *, key: bool = False) -> Mark:
        """Return the place of a value, of its key, or of the nearest thing around it."""
        node, mark = self.root, self.root.start_mark
        last = len(location) - 1
        for index, step in enumerate(location):
            found = _child(node, step)
            if found is None:
                continue
            key_node, node = found
            mark = (key_node if key and index == last else node).start_mark
        return Mark(self.file, mark.line + 1, mark.column + 1)

    def say(
        self,
        location: Sequence[str | int],
        message: str,
        *,
        warning: bool = False,
        key: bool = False,
    ) -> None:
        """Add a problem at a value; the message is led by the value's path."""
        path = dotted(location)
        text = f"{path}: {message}" if path else message
        self.problems.append(self.mark(location, key=key).problem(text, warning=warning))

    @property
    def failed(self) -> bool:
        """Whether a problem that is no warning was found."""
        return any(not problem.warning for problem in self.problems)

    def raise_if_failed(self) -> None:
        """Raise what was found.

        Raises:
            InputError: If anything but warnings was found.
        """
        if self.failed:
            raise InputError(self.problems)


def dotted(location: Sequence[str | int]) -> str:
    """Return a location as text: ``orders[2].products``."""
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def quoted(value: object, limit: int = 60) -> str:
    """Return a value for a message, cut to ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def allowed(value: str, names: Iterable[str], limit: int = 12) -> str:
    """Return what is allowed in the place of ``value``: the nearest name first."""
    known = list(names)
    if not known:
        return "there are none"
    near = difflib.get_close_matches(value, known, n=1)
    shown = ", ".join(known[:limit]) + (
        f", ... ({len(known)} in all)" if len(known) > limit else ""
    )
    return (f"did you mean {near[0]!r}? " if near else "") + f"allowed: {shown}"


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def read_yaml(path: Path | str) -> Document:
    """Read a YAML file.

    Raises:
        InputError: unreadable; the file cannot be read, is too large, or is not YAML.
    """
    file = str(path)
    return parse_yaml(read_bytes(Path(path), MAX_BYTES), file)


def parse_yaml(content: bytes, file: str) -> Document:
    """Return the document of a YAML text.

    Raises:
        InputError: unreadable; not UTF-8, not YAML, empty, or over a limit.
    """
    loader = None
    try:
        text = content.decode("utf-8-sig")
        _printable(text, file)
        loader = _Loader(text)
        node = loader.get_single_node()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        message = f"not UTF-8 text: byte 0x{content[error.start]:02x}"
        raise Mark(file, line, column).refuse(message, unreadable=True) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, file) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise Mark(file).refuse(f"not YAML: {error}", unreadable=True) from None
    finally:
        if loader is not None:
            loader.dispose()
    if node is None:
        raise Mark(file, 1, 1).refuse("the file is empty", unreadable=True)
    document = Document(file, node)
    document.data = _Values(document).value(node, (), ())
    return document


def _printable(text: str, file: str) -> None:
    """Refuse characters that YAML does not allow (YAML 1.1, 5.1)."""
    found = _FORBIDDEN.search(text)
    if found is not None:
        at = found.start()
        place = Mark(file, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
        message = f"character U+{ord(text[at]):04X} is not allowed in YAML"
        raise place.refuse(message, unreadable=True)


def _syntax(error: yaml.MarkedYAMLError, file: str) -> InputError:
    mark = error.problem_mark or error.context_mark
    place = Mark(file) if mark is None else Mark(file, mark.line + 1, mark.column + 1)
    if "nesting depth" in (error.problem or ""):  # libyaml's own limit, met while scanning ahead
        return place.refuse(_TOO_DEEP, unreadable=True)
    lead = "" if isinstance(error, _LimitError) else "not YAML: "
    words = [lead + (error.problem or "syntax error")]
    if error.context:
        words.append(error.context)
    return place.refuse(" ".join(", ".join(words).split()), unreadable=True)


class _Values:
    """Turns nodes into values; aliases are copied, so their growth and loops are checked here."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.count = 0

    def value(self, node: yaml.Node, location: Location, above: tuple[int, ...]) -> Any:
        self.count += 1
        mark = Mark(self.document.file, node.start_mark.line + 1, node.start_mark.column + 1)
        if id(node) in above:
            raise mark.refuse("an alias that contains itself", unreadable=True)
        if self.count > MAX_NODES:
            raise mark.refuse(f"more than {MAX_NODES} values, aliases counted", unreadable=True)
        if len(above) > MAX_DEPTH:
            raise mark.refuse(_TOO_DEEP, unreadable=True)
        inside = (*above, id(node))
        self.tag(node, location)
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, location, inside)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(v, (*location, i), inside) for i, v in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        text = str(node.value)
        return text if node.style in ("'", '"', "|", ">") else scalar(text)

    def tag(self, node: yaml.Node, location: Location) -> None:
        plain = "str"
        if isinstance(node, yaml.CollectionNode):
            plain = "map" if isinstance(node, yaml.MappingNode) else "seq"
        if node.tag != f"tag:yaml.org,2002:{plain}":
            self.document.say(location, f"the tag {node.tag!r} is not allowed")

    def mapping(self, node: yaml.Node, location: Location, inside: tuple[int, ...]) -> Any:
        result: dict[str, Any] = {}
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                mark = Mark(self.document.file, key.start_mark.line + 1, key.start_mark.column + 1)
                self.document.problems.append(mark.problem("a key must be a name"))
                continue
            name = str(key.value)
            if name in result:
                mark = Mark(self.document.file, key.start_mark.line + 1, key.start_mark.column + 1)
                text = f"{dotted((*location, name))}: this key is given twice"
                self.document.problems.append(mark.problem(text))
            result[name] = self.value(item, (*location, name), inside)
        return result


def validate(document: Document, model: type[M]) -> M | None:
    """Return the document's values as ``model``; None if they do not fit.

    All problems go to ``document.problems``.
    """
    if not isinstance(document.data, dict):
        kind = "list" if isinstance(document.data, list) else "single value"
        document.say((), f"the file must hold keys and values, not a {kind}")
        return None
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        report_schema_errors(document, model, error)
    return None


def report_schema_errors(
    document: Document, model: type[BaseModel], error: ValidationError
) -> list[Location]:
    """Add a problem for each of pydantic's errors; return their locations in the document."""
    locations: list[Location] = []
    everything = error.errors(include_url=False, include_context=True)
    details = [detail for detail in everything if not _follows_from_others(detail, everything)]
    for detail in details[:MAX_SCHEMA_PROBLEMS]:
        is_key = bool(detail["loc"]) and detail["loc"][-1] == "[key]"
        location: Location = detail["loc"][:-1] if is_key else detail["loc"]
        kind = detail["type"]
        message = _schema_message(detail, model, location, is_key=is_key)
        document.say(location, message, key=is_key or kind == "extra_forbidden")
        locations.append(location)
    if len(details) > MAX_SCHEMA_PROBLEMS:
        document.say((), f"{len(details) - MAX_SCHEMA_PROBLEMS} more problems are not shown")
    return locations


def _follows_from_others(detail: Mapping[str, Any], everything: Sequence[Any]) -> bool:
    """Whether a list is only too short because what stands in it is wrong."""
    if detail["type"] != "too_short" or not detail["input"]:
        return False
    where, depth = detail["loc"], len(detail["loc"])
    return any(len(o["loc"]) > depth and o["loc"][:depth] == where for o in everything)


def _schema_message(
    detail: Mapping[str, Any], model: type[BaseModel], location: Location, *, is_key: bool
) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        fields = _fields_at(model, location[:-1])
        return f"unknown key; {allowed(str(location[-1]), fields)}"
    if kind == "missing":
        return "is missing"
    text = str(detail["msg"]).replace("Value error, ", "").replace("Input should", "must")
    text = text[:1].lower() + text[1:]
    if is_key:
        return f"the name does not fit: {text}"
    value = detail["input"]
    if isinstance(value, dict | BaseModel) or kind in ("too_long", "value_error"):
        return text
    return f"{text}; got {quoted(value)}"


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that a model allows at a location."""
    kind: Any = model
    for step in location:
        kind = _inner(kind, step)
        if kind is None:
            return []
    return list(_bare(kind).model_fields) if _is_model(_bare(kind)) else []


def _bare(kind: Any) -> Any:
    """Return a type without Annotated and Optional."""
    while True:
        origin = typing.get_origin(kind)
        if origin is typing.Annotated:
            kind = typing.get_args(kind)[0]
        elif origin in (typing.Union, types.UnionType):
            inner = [arg for arg in typing.get_args(kind) if arg is not type(None)]
            kind = inner[0]
        else:
            return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _inner(kind: Any, step: str | int) -> Any:
    kind = _bare(kind)
    if _is_model(kind):
        info = kind.model_fields.get(str(step))
        return None if info is None else info.annotation
    arguments = typing.get_args(kind)
    if not arguments:
        return None
    return arguments[1] if typing.get_origin(kind) is dict else arguments[0]
