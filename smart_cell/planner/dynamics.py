"""Masses: what a tip carries, and what moves with each joint of a chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner.arrays import Array, as_floats, check_finite, frozen, number, vector
from smart_cell.planner.errors import PlannerError
from smart_cell.planner.urdf import pseudo_inertia


@dataclass(frozen=True, eq=False)
class Payload:
    """What the tip of an arm carries. Immutable.

    Attributes:
        mass: [kg], >= 0.
        centre_of_mass: In the tip frame [m], shape (3,).
        inertia: About the centre of mass, in the tip frame's axes [kg m^2], shape (3, 3),
            symmetric, and such as a body can have: no principal moment above the sum of the other
            two. Zero (the default) is a point.
        moments: All of it as a pseudo-inertia in the tip frame, shape (4, 4).

    Raises:
        PlannerError: Wrong shapes, not finite, a negative mass, or an impossible inertia.
    """

    mass: float
    centre_of_mass: ArrayLike = (0.0, 0.0, 0.0)
    inertia: ArrayLike | None = None
    moments: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Check and keep everything as arrays."""
        mass = number(self.mass, "mass")
        if not 0.0 <= mass < np.inf:
            raise PlannerError(f"mass is {mass} kg; it must be finite and >= 0")
        centre = vector(self.centre_of_mass, 3, "centre_of_mass").copy()
        inertia = _inertia(np.zeros((3, 3)) if self.inertia is None else self.inertia)
        values: dict[str, Any] = {
            "mass": mass,
            "centre_of_mass": frozen(centre),
            "inertia": frozen(inertia),
            "moments": frozen(pseudo_inertia(mass, centre, inertia)),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)


def _inertia(given: ArrayLike) -> Array:
    """Return a copy of an inertia that a body can have."""
    inertia = as_floats(given, "inertia").copy()
    if inertia.shape != (3, 3):
        raise PlannerError(f"inertia has shape {inertia.shape}; it must be (3, 3)")
    check_finite(inertia, "inertia")
    size = float(np.abs(inertia).max())
    if float(np.abs(inertia - inertia.T).max()) > 1e-9 * size:
        raise PlannerError("inertia is not symmetric")
    # The integral of r r^T dm has no negative direction.
    second = 0.5 * np.trace(inertia) * np.eye(3) - inertia
    if float(np.linalg.eigvalsh(second)[0]) < -1e-9 * size:
        first, middle, last = np.linalg.eigvalsh(inertia)
        raise PlannerError(
            f"no body has the principal moments {first:g}, {middle:g}, {last:g} kg m^2: none may "
            "be negative or above the sum of the other two"
        )
    return inertia
