"""A belt's encoder over time: where the belt was, is and will be."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from smart_cell.model.ports import ConveyorState


class BeltHistory:
    """The last states of one conveyor. Owned by the tracker; one thread.

    Between two states the belt is interpolated, after the last one it goes on at the last speed.
    """

    #: Encoder data older than this [s] are not believed any more.
    STALE_AFTER = 0.3
    #: How long states are kept [s]: longer than any camera's latency.
    KEPT = 6.0

    def __init__(self) -> None:
        """Start without any state."""
        self._times: deque[float] = deque()
        self._positions: deque[float] = deque()
        self._speed = 0.0

    def add(self, state: ConveyorState) -> None:
        """Take a new state; one that is not newer than the last is ignored."""
        if self._times and state.time <= self._times[-1]:
            return
        self._times.append(state.time)
        self._positions.append(state.position)
        self._speed = state.speed
        while self._times[0] < state.time - self.KEPT:
            self._times.popleft()
            self._positions.popleft()

    @property
    def speed(self) -> float:
        """Latest speed [m/s]."""
        return self._speed

    def is_fresh(self, now: float) -> bool:
        """Return whether the last state is young enough to predict from."""
        return bool(self._times) and now - self._times[-1] <= self.STALE_AFTER

    def position(self, time: float) -> float | None:
        """Return the belt's travel [m] at a time [s]; None if nothing is known of it."""
        if not self._times:
            return None
        last = self._times[-1]
        if time >= last:
            return self._positions[-1] + self._speed * (time - last)
        after = bisect_right(self._times, time)
        if after == 0:
            return None
        begin, end = self._times[after - 1], self._times[after]
        share = (time - begin) / (end - begin)
        low, high = self._positions[after - 1], self._positions[after]
        return low + share * (high - low)
