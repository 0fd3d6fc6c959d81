"""When orders become known: at a time, after a placement, or after another order's submission."""

from __future__ import annotations

from smart_cell.model.orders import Announcement


class Announcements:
    """Orders that wait for their condition. Conditions that have come true stay true."""

    def __init__(self) -> None:
        """Wait for nothing; times count from cell time 0 until ``start_at`` is called."""
        self._start = 0.0
        self._waiting: dict[str, Announcement] = {}
        self._placed: set[tuple[str, str, str]] = set()
        self._submitted: set[str] = set()

    def start_at(self, start: float) -> None:
        """Count times from ``start`` [cell time]."""
        self._start = start

    def add(self, order_id: str, condition: Announcement) -> None:
        """Wait for an order's condition, in place of an earlier version's."""
        self._waiting[order_id] = condition

    def remove(self, order_id: str) -> None:
        """Wait no longer for an order, if it was waited for."""
        self._waiting.pop(order_id, None)

    def note_placed(self, transporter: str, part_type: str, color: str) -> None:
        """A part was placed on a transporter's tray."""
        self._placed.add((transporter, part_type, color))

    def note_submitted(self, order_id: str) -> None:
        """An order was submitted."""
        self._submitted.add(order_id)

    def take_due(self, now: float) -> tuple[str, ...]:
        """Return the orders whose condition is true, once each, in the sequence of acceptance."""
        due = tuple(name for name, item in self._waiting.items() if self._is_due(item, now))
        for name in due:
            del self._waiting[name]
        return due

    def next_time(self) -> float | None:
        """Return the next cell time at which an order becomes known, if any waits for a time."""
        times = [item.time_s for item in self._waiting.values() if item.time_s is not None]
        return self._start + min(times) if times else None

    def any_due(self, now: float) -> bool:
        """Return whether the condition of any order is true."""
        return any(self._is_due(item, now) for item in self._waiting.values())

    def waits_for(self, order_id: str) -> str:
        """Return in words what an order waits for."""
        condition = self._waiting[order_id]
        if condition.placed is not None:
            transporter, part_type, color = condition.placed
            return f"a {color} {part_type} to be placed on {transporter}"
        if condition.submitted is not None:
            return f"order {condition.submitted!r} to be submitted"
        return f"{condition.time_s} s of cell time"

    def _is_due(self, condition: Announcement, now: float) -> bool:
        if condition.time_s is not None:
            return now >= self._start + condition.time_s
        if condition.placed is not None:
            return tuple(condition.placed) in self._placed
        return condition.submitted is None or condition.submitted in self._submitted
