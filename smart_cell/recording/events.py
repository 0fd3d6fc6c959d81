"""The event log: everything that happens in a run, one JSON object a line."""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from smart_cell.model.ports import Clock

SIGNIFICANT_DIGITS = 9
RESERVED = ("t", "kind")
Event = Mapping[str, Any]
Listener = Callable[[Event], None]


def plain(value: object, name: str = "value") -> Any:
    """Return a value as plain JSON values; floats rounded to 9 significant digits.

    Args:
        value: None, a truth value, number, text, sequence, or mapping with text keys.
        name: What it is, for the error.

    Raises:
        TypeError: The value, or one inside it, has no JSON form, or no fixed order (a set).
        ValueError: A number is not finite.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return _rounded(float(value), name)
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{name}: keys must be texts; got {key!r}")
        return {key: plain(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [plain(item, f"{name}[{index}]") for index, item in enumerate(value)]
    if hasattr(value, "tolist"):  # numpy arrays and numpy's own truth values
        return plain(value.tolist(), name)
    raise TypeError(f"{name}: {type(value).__name__} has no JSON form")


def _rounded(number: float, name: str) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{name}: {number} is not a finite number")
    return float(f"{number:.{SIGNIFICANT_DIGITS}g}") + 0.0  # + 0.0 makes -0 to 0


def line(event: Event) -> str:
    """Return an event as its line in the log, without the line's end."""
    return json.dumps(event, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)


class EventLog:
    """An event sink that writes each event at once and tells listeners.

    It is made before the run's clock is there; ``attach`` starts the log. It belongs to the loop
    of the run and is not thread-safe.

    Args:
        stream: Where the lines go; None = only listeners. It is the caller's to close.
        listeners: Called with each event, in order, on the loop; they must not block.
    """

    def __init__(self, stream: TextIO | None = None, listeners: Sequence[Listener] = ()) -> None:
        """Keep stream and listeners."""
        self._stream = stream
        self._listeners = list(listeners)
        self._clock: Clock | None = None

    def attach(self, clock: Clock) -> EventLog:
        """Take the time of events from ``clock`` from now on; return the log itself."""
        self._clock = clock
        return self

    def write_to(self, stream: TextIO | None) -> None:
        """Write later events to ``stream``; None = nowhere."""
        self._stream = stream

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with each later event."""
        self._listeners.append(listener)

    def emit(self, kind: str, /, **fields: Any) -> None:
        """Record an event at the present cell time.

        Args:
            kind: What happened.
            fields: JSON values; numpy's numbers and arrays are turned into them.

        Raises:
            RuntimeError: No clock is attached.
            TypeError: A field has no JSON form.
            ValueError: A number is not finite, or a field is named ``t`` or ``kind``.
        """
        if self._clock is None:
            raise RuntimeError(f"event {kind!r} before a clock was attached")
        self.record(self._clock.now(), kind, fields)

    def record(self, time: float, kind: str, fields: Mapping[str, Any]) -> None:
        """Record an event that happened at cell time ``time`` [s], as one that came by a topic.

        Raises:
            TypeError: A field has no JSON form.
            ValueError: A number is not finite, or a field is named ``t`` or ``kind``.
        """
        for name in RESERVED:
            if name in fields:
                raise ValueError(f"event {kind!r}: the field name {name!r} is taken")
        event: dict[str, Any] = {"t": _rounded(float(time), "t"), "kind": kind}
        event.update(plain(fields, kind))
        if self._stream is not None:
            self._stream.write(line(event) + "\n")
            self._stream.flush()
        for listener in self._listeners:
            listener(event)
