"""Path: a geometric path in joint space, without time."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, as_floats, check_finite, number, output
from smart_cell.planner.errors import PlannerError


class Path:
    """Joint positions as piecewise polynomials of a parameter s, from 0 to ``length``.

    Twice continuously differentiable in s. Made by ``through`` and ``polyline``; immutable and
    safe to share between threads.
    """

    __slots__ = ("_spline",)

    def __init__(self, spline: _core.Spline) -> None:
        """Wrap a spline of the C core whose variable is s."""
        self._spline = spline

    def __repr__(self) -> str:
        """Return size and length."""
        return f"Path({self.dof} joints, length {self.length:.6g})"

    @staticmethod
    def through(waypoints: ArrayLike, *, parameters: ArrayLike | None = None) -> Path:
        """Return the natural cubic spline through the waypoints (de Boor 1978).

        Args:
            waypoints: Joint positions [rad or m], shape (k, n), k >= 2, n from 1 to 16.
            parameters: s at each waypoint, strictly ascending, shape (k,); the first counts as 0.
                None = the distances between the waypoints (Euclidean, over all joints), summed
                up; two neighbours must then differ.

        Raises:
            PlannerError: Wrong shapes, numbers that are not finite, equal neighbours, or
                parameters that do not ascend.
        """
        points = _points(waypoints)
        if parameters is None:
            steps = _distances(points)
            at = np.concatenate((np.zeros(1), np.cumsum(steps)))
            late = np.flatnonzero(~(np.diff(at) > 0.0))
            if len(late):
                i = int(late[0])
                raise PlannerError(f"waypoints[{i + 1}] is where waypoints[{i}] is")
        else:
            at = as_floats(parameters, "parameters")
            if at.shape != (len(points),):
                shape = f"({len(points)},)"
                raise PlannerError(f"parameters has shape {at.shape}; it must be {shape}")
            check_finite(at, "parameters")
            late = np.flatnonzero(~(np.diff(at) > 0.0))
            if len(late):
                i = int(late[0])
                raise PlannerError(
                    f"parameters[{i + 1}] is {at[i + 1]:g}, not above parameters[{i}] {at[i]:g}"
                )
        try:
            return Path(_core.path_through(points, at, points.shape[1]))
        except ValueError:
            raise PlannerError("the path goes beyond the range of numbers") from None

    @staticmethod
    def polyline(waypoints: ArrayLike, deviation: float) -> Path:
        """Return straight segments between the waypoints, with rounded corners.

        s is the length along the segments (Euclidean, over all joints). Every corner is replaced
        by a quintic Bezier curve without curvature at its ends, which passes the corner at
        ``deviation``, or nearer where a neighbouring segment is too short for that.

        Args:
            waypoints: Joint positions [rad or m], shape (k, n), k >= 2, n from 1 to 16;
                neighbours must differ.
            deviation: Largest distance between a corner and the path [rad or m, over all
                joints], > 0.

        Raises:
            PlannerError: Wrong shapes, numbers that are not finite, equal neighbours, or
                ``deviation`` not positive.
        """
        points = _points(waypoints)
        allowed = number(deviation, "deviation")
        if not (np.isfinite(allowed) and allowed > 0.0):
            raise PlannerError(f"deviation is {deviation}; it must be > 0")
        steps = _distances(points)
        equal = np.flatnonzero(~(steps > 1e-11 * steps.sum()))
        if len(equal):
            i = int(equal[0])
            raise PlannerError(f"waypoints[{i + 1}] is where waypoints[{i}] is")
        try:
            return Path(_core.polyline(points, allowed, points.shape[1]))
        except ValueError:
            raise PlannerError("the path goes beyond the range of numbers") from None

    @property
    def core(self) -> _core.Spline:
        """The spline in the C core, for the planner's own functions."""
        return self._spline

    @property
    def length(self) -> float:
        """The largest s."""
        return self._spline.duration

    @property
    def dof(self) -> int:
        """Number of joints."""
        return self._spline.dof

    def sample(self, s: ArrayLike, out: Array | None = None) -> tuple[Array, Array, Array, Array]:
        """Return the position and its first three derivatives by s.

        Outside [0, length] the nearer end's position is held, and the rest is zero.

        Args:
            s: Path parameter, a number or shape (m,).
            out: Where to write all four, shape (4, n) or (4, m, n); None = a new array.

        Returns:
            q, q', q'', q''' of shape (n,), or (m, n): the parts of ``out``.

        Raises:
            PlannerError: ``s`` or ``out`` has another shape, or ``s`` is NaN.
        """
        at = as_floats(s, "s")
        if at.ndim > 1 or np.isnan(at).any():
            raise PlannerError(f"s must be a number or a vector without NaN; got {s!r}")
        result = output(out, (4, *at.shape, self._spline.dof))
        if at.ndim == 0:
            self._spline.sample_one(float(at), result)
        else:
            self._spline.sample(at, result)
        return result[0], result[1], result[2], result[3]


def _points(waypoints: ArrayLike) -> Array:
    points = as_floats(waypoints, "waypoints")
    if points.ndim != 2 or len(points) < 2 or not 1 <= points.shape[1] <= _core.MAX_DOF:
        raise PlannerError(
            f"waypoints has shape {points.shape}; it must be (k, n), k >= 2 and n from 1 to "
            f"{_core.MAX_DOF}"
        )
    check_finite(points, "waypoints")
    return points


def _distances(points: Array) -> Array:
    with np.errstate(over="ignore"):
        steps: Array = np.sqrt((np.diff(points, axis=0) ** 2).sum(axis=1))
    if not np.isfinite(steps.sum()):
        raise PlannerError("the path goes beyond the range of numbers")
    return steps
