"""Limits of the joints of an arm, and a state of its joints."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, as_floats, check_finite, frozen
from smart_cell.planner.errors import LimitError, PlannerError

_RATES = ("velocity", "acceleration", "jerk")
_LEAST_RATE, _LARGEST_RATE = 1e-9, 1e12
#: Largest position, either way, that motions are computed for [rad or m].
_LARGEST_POSITION = 1e9
#: How far outside a position limit rounding may put a joint [rad or m].
POSITION_ROUNDING = 1e-9


def _copy(value: ArrayLike, name: str) -> Array:
    array = np.array(as_floats(value, name), dtype=np.float64)
    if array.ndim != 1:
        raise PlannerError(f"{name} has shape {array.shape}; it must be one-dimensional")
    return frozen(array)


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits of n joints; every array is read-only, shape (n,), float64.

    Thread-safe: immutable.

    Attributes:
        position_lower: Lowest position [rad or m]; -inf for a continuous joint.
        position_upper: Highest position [rad or m]; inf for a continuous joint.
        velocity: Largest speed [rad/s or m/s], 1e-9..1e12.
        acceleration: Largest acceleration [rad/s^2 or m/s^2], 1e-9..1e12, both directions.
        jerk: Largest jerk [rad/s^3 or m/s^3], 1e-9..1e12, both directions.
        effort: Largest torque or force [N m or N], >= 0; inf if unknown. No motion of this
            release depends on it.
        joint_names: Names for messages; may be empty.
    """

    position_lower: Array
    position_upper: Array
    velocity: Array
    acceleration: Array
    jerk: Array
    effort: Array
    joint_names: tuple[str, ...] = ()
    packed: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Copy, freeze and check.

        Raises:
            PlannerError: Shapes differ, a rate is out of range, or lower >= upper.
        """
        names = ("position_lower", "position_upper", *_RATES, "effort")
        for name in names:
            object.__setattr__(self, name, _copy(getattr(self, name), name))
        object.__setattr__(self, "joint_names", tuple(self.joint_names))
        n = len(self.velocity)
        if not 1 <= n <= 16:
            raise PlannerError(f"limits are for 1 to 16 joints, not {n}")
        for name in names:
            if len(getattr(self, name)) != n:
                raise PlannerError(
                    f"{name} has {len(getattr(self, name))} values, velocity has {n}"
                )
        if self.joint_names and len(self.joint_names) != n:
            raise PlannerError(f"{len(self.joint_names)} joint names for {n} joints")
        self._check_values()
        rows = (self.position_lower, self.position_upper, self.velocity, self.acceleration)
        object.__setattr__(self, "packed", frozen(np.stack((*rows, self.jerk))))

    def _check_values(self) -> None:
        for name in _RATES:
            array = getattr(self, name)
            check_finite(array, name)
            for i in np.flatnonzero(~((array >= _LEAST_RATE) & (array <= _LARGEST_RATE))):
                raise PlannerError(
                    f"{name} of {self.joint_label(int(i))} is {array[i]:g}; it must be > 0, and "
                    f"in {_LEAST_RATE:g}..{_LARGEST_RATE:g}"
                )
        ordered = self.position_lower < self.position_upper
        for i in np.flatnonzero(~ordered):
            raise PlannerError(
                f"position limits of {self.joint_label(int(i))} are {self.position_lower[i]:g} and "
                f"{self.position_upper[i]:g}; the lower must be less than the upper"
            )
        for i in np.flatnonzero(~(self.effort >= 0.0)):
            raise PlannerError(
                f"effort of {self.joint_label(int(i))} is {self.effort[i]:g}; it must be >= 0"
            )

    @property
    def dof(self) -> int:
        """Number of joints."""
        return len(self.velocity)

    def joint_label(self, joint: int) -> str:
        """Return how a message names joint ``joint`` (from 0)."""
        return f"joint {self.joint_names[joint]!r}" if self.joint_names else f"joint {joint}"

    def scaled(self, velocity: float = 1.0, acceleration: float = 1.0, jerk: float = 1.0) -> Limits:
        """Return these limits with scaled rates, each factor > 0.

        Raises:
            PlannerError: A factor is not finite and positive.
        """
        return Limits(
            self.position_lower,
            self.position_upper,
            self.velocity * velocity,
            self.acceleration * acceleration,
            self.jerk * jerk,
            self.effort,
            self.joint_names,
        )

    def check_position(self, position: Array, name: str) -> None:
        """Refuse a joint position outside the limits (beyond 1e-9 of rounding).

        Args:
            position: Shape (n,), finite.
            name: What the message calls it.

        Raises:
            LimitError: With joint, value and limit.
        """
        joint = _core.outside(position, self.packed, POSITION_ROUNDING)
        if joint < 0:
            return
        value = float(position[joint])
        low = value < self.position_lower[joint]
        limit = float((self.position_lower if low else self.position_upper)[joint])
        side = "below" if low else "above"
        raise LimitError(
            f"{name}: {self.joint_label(joint)} at {value:.9g} is {side} its limit {limit:.9g}",
            joint=joint,
            quantity="position",
            value=value,
            limit=limit,
        )


class State(_core.State):
    """Position, velocity and acceleration of n joints; missing ones are zero.

    Thread-safe: immutable; the arrays are read-only copies of shape (n,), float64.

    Attributes:
        position: [rad or m], -1e9..1e9.
        velocity: [rad/s or m/s].
        acceleration: [rad/s^2 or m/s^2].
        dof: Number of joints, 1..16.
        at_rest: Whether velocity and acceleration are zero.

    Raises:
        PlannerError: Shapes differ, or a number is not finite or out of range.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return all three."""
        return (
            f"State(position={self.position!r}, velocity={self.velocity!r}, "
            f"acceleration={self.acceleration!r})"
        )

    def __reduce__(self) -> tuple[type[State], tuple[Array, Array, Array]]:
        """Return how to make it again."""
        return State, (self.position, self.velocity, self.acceleration)

    @staticmethod
    def _row(data: bytes, dof: int, offset: int) -> Array:
        """Return one of the three arrays; called by the core when it is first asked for."""
        return np.frombuffer(data, np.float64, dof, offset)

    @staticmethod
    def _convert(
        position: ArrayLike, velocity: ArrayLike | None, acceleration: ArrayLike | None
    ) -> tuple[Array, Array, Array]:
        """Return three arrays; called by the core for everything but checked float64 arrays."""
        at = _copy(position, "position")
        if not 1 <= len(at) <= _core.MAX_DOF:
            raise PlannerError(f"a state is of 1 to {_core.MAX_DOF} joints, not {len(at)}")
        check_finite(at, "position")
        for i in np.flatnonzero(np.abs(at) > _LARGEST_POSITION):
            text = f"position[{i}] is {at[i]:g}; it must lie within {_LARGEST_POSITION:g}"
            raise PlannerError(text)
        rates = []
        for name, given in (("velocity", velocity), ("acceleration", acceleration)):
            array = np.zeros(len(at)) if given is None else _copy(given, name)
            if array.shape != at.shape:
                raise PlannerError(f"{name} has shape {array.shape}, position {at.shape}")
            check_finite(array, name)
            rates.append(array)
        return at, rates[0], rates[1]
