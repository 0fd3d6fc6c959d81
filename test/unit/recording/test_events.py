"""The event log: lines that are the same for the same run, and nothing that has no JSON form."""

from __future__ import annotations

import io
import json
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

from smart_cell.recording.events import EventLog, plain


class StandingClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep_until(self, time: float) -> None:
        self.time = max(self.time, time)


def log() -> tuple[EventLog, io.StringIO, StandingClock]:
    stream, clock = io.StringIO(), StandingClock()
    return EventLog(stream).attach(clock), stream, clock


def test_line_has_time_first_then_kind_then_fields_in_order() -> None:
    events, stream, clock = log()
    clock.time = 1.23456789012
    events.emit("part_placed", slot="1", arm="left", at=(1, 2.5))
    assert stream.getvalue() == (
        '{"t": 1.23456789, "kind": "part_placed", "slot": "1", "arm": "left", "at": [1, 2.5]}\n'
    )


def test_each_line_is_written_at_once() -> None:
    class Stream(io.StringIO):
        flushes = 0

        def flush(self) -> None:
            self.flushes += 1

    stream = Stream()
    events = EventLog(stream).attach(StandingClock())
    events.emit("a")
    events.emit("b")
    assert stream.flushes == 2


def test_floats_have_nine_significant_digits_and_no_minus_zero() -> None:
    assert plain([1 / 3, 1e-12 / 3, 123456789.123, -0.0]) == [
        0.333333333,
        3.33333333e-13,
        123456789.0,
        0.0,
    ]
    assert str(plain(-0.0)) == "0.0"
    assert str(plain(-1e-320 * 0)) == "0.0"


def test_numpy_and_mappings_become_plain_values() -> None:
    value = OrderedDict(a=np.float64(0.5), b=np.int32(3), c=np.array([1.0, 2.0]), d=np.bool_(True))
    assert json.dumps(plain(value)) == '{"a": 0.5, "b": 3, "c": [1.0, 2.0], "d": true}'


@pytest.mark.parametrize("value", [{1, 2}, object(), {1: 2}, b"x", lambda: 0])
def test_value_without_json_form_or_order_is_refused(value: Any) -> None:
    events, stream, _ = log()
    with pytest.raises(TypeError, match="some"):
        events.emit("some", field=value)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.array([1.0, np.nan])])
def test_number_that_is_not_finite_is_refused(value: Any) -> None:
    events, stream, _ = log()
    with pytest.raises(ValueError, match="not a finite number"):
        events.emit("some", field=value)
    assert stream.getvalue() == ""


def test_fields_cannot_hide_time_or_kind() -> None:
    events, _, _ = log()
    with pytest.raises(ValueError, match="is taken"):
        events.emit("order_announced", kind="kitting")
    with pytest.raises(ValueError, match="is taken"):
        events.emit("order_announced", t=1.0)


def test_event_before_the_clock_is_refused() -> None:
    with pytest.raises(RuntimeError, match="before a clock"):
        EventLog(io.StringIO()).emit("a")


def test_listeners_get_what_is_written_in_order() -> None:
    events, stream, clock = log()
    seen: list[Any] = []
    events.listen(lambda event: seen.append(("first", dict(event))))
    events.listen(lambda event: seen.append(("second", event["kind"])))
    clock.time = 2.0
    events.emit("a", x=1)
    assert seen == [("first", json.loads(stream.getvalue())), ("second", "a")]


def test_recorded_event_keeps_its_own_time() -> None:
    events, stream, _ = log()
    events.record(7.5, "a", {"x": 1})
    assert json.loads(stream.getvalue()) == {"t": 7.5, "kind": "a", "x": 1}
