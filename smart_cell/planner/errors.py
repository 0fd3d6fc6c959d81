"""Errors of the planner: each names the joint, the value and the limit where there is one."""

from __future__ import annotations

from smart_cell.model.errors import SmartCellError


class PlannerError(SmartCellError):
    """Base of all errors of the planner."""


class NotSupportedError(PlannerError):
    """An argument asks for something that this release cannot do; the message names it."""


class RobotDescriptionError(PlannerError):
    """A URDF that is unreadable, or has no usable chain between the two links."""


class LimitError(PlannerError):
    """A joint is, or would be, outside a limit.

    Attributes:
        joint: Index of the joint, from 0.
        quantity: ``position``, ``velocity``, ``acceleration``, ``jerk`` or ``continuity``.
        value: The offending value [rad or m, and their derivatives].
        limit: The limit that it exceeds.
        time: When in the trajectory [s]; None where there is no time.
    """

    def __init__(
        self,
        message: str,
        *,
        joint: int,
        quantity: str,
        value: float,
        limit: float,
        time: float | None = None,
    ) -> None:
        """Keep the facts beside the message."""
        self.joint = joint
        self.quantity = quantity
        self.value = value
        self.limit = limit
        self.time = time
        super().__init__(message)


class DurationError(PlannerError):
    """The asked duration is shorter than the limits allow, or some joint cannot take it.

    Attributes:
        duration: What was asked [s].
        minimum: The shortest possible [s].
        before: The next shorter possible duration [s]; ``minimum`` where that is longer.
        after: The next longer possible duration [s].
    """

    def __init__(
        self,
        duration: float,
        minimum: float,
        *,
        before: float | None = None,
        after: float | None = None,
    ) -> None:
        """Keep the durations."""
        self.duration = duration
        self.minimum = minimum
        self.before = minimum if before is None else before
        self.after = minimum if after is None else after
        if duration < minimum:
            text = f"is shorter than the {minimum:.9g} s that the limits need"
        else:
            text = f"is blocked: possible are up to {self.before:.9g} s and from {self.after:.9g} s"
        super().__init__(f"duration {duration:.9g} s {text}")


class BoundarySpeedError(PlannerError):
    """The path speed asked for at an end of a path does not fit the limits.

    Attributes:
        end: ``start`` or ``end``.
        speed: What was asked, ds/dt.
        highest: The highest that velocity and acceleration allow; None if only the jerk limits
            are in the way.
    """

    def __init__(self, *, end: str, speed: float, highest: float | None) -> None:
        """Keep the facts beside the message."""
        self.end = end
        self.speed = speed
        self.highest = highest
        allowed = "the jerk limits" if highest is None else f"limits that allow {highest:.9g}"
        super().__init__(f"{end}_speed {speed:.9g} is too high for {allowed}")


class PathTimingError(PlannerError):
    """A path has no usable timing.

    Attributes:
        cells: Into how many cells it was cut at last.
    """

    def __init__(self, message: str, *, cells: int) -> None:
        """Keep the number beside the message."""
        self.cells = cells
        super().__init__(message)


class LineError(PlannerError):
    """A straight-line motion is impossible.

    Attributes:
        reason: ``unreachable``, ``singularity``, ``joint position limit`` or
            ``reachable only with another arm configuration``.
        fraction: Where on the line, 0 at the start, 1 at the end.
        joint: Index of the joint at its limit; None for the other reasons.
    """

    def __init__(self, message: str, *, reason: str, fraction: float, joint: int | None) -> None:
        """Keep the facts beside the message."""
        self.reason = reason
        self.fraction = fraction
        self.joint = joint
        super().__init__(message)


class MismatchError(PlannerError):
    """A trajectory does not begin where the other one, or the set-point, is.

    Attributes:
        joint: Index of the joint that differs most.
        quantity: ``position``, ``velocity`` or ``acceleration``.
        value: What the trajectory has.
        expected: What it should have.
    """

    def __init__(
        self, message: str, *, joint: int, quantity: str, value: float, expected: float
    ) -> None:
        """Keep the facts beside the message."""
        self.joint = joint
        self.quantity = quantity
        self.value = value
        self.expected = expected
        super().__init__(message)


class SinkError(PlannerError):
    """A sink could not take set-points any more; the arm was stopped along its path.

    Attributes:
        code: The system's error number.
    """

    def __init__(self, message: str, *, code: int) -> None:
        """Keep the code beside the message."""
        self.code = code
        super().__init__(message)
