"""Geometric paths: the natural spline as one dense linear system, corners by de Casteljau.

Twin of csrc/sc_path.c.
"""

from __future__ import annotations

import numpy as np

from smart_cell.planner.arrays import Array


def spline_curvatures(points: Array, at: Array) -> Array:
    """Return the second derivatives of the natural cubic spline at its points, shape (k, n)."""
    count = len(at)
    matrix = np.eye(count)
    right = np.zeros(points.shape)
    for i in range(1, count - 1):
        before, after = at[i] - at[i - 1], at[i + 1] - at[i]
        matrix[i, i - 1 : i + 2] = before, 2.0 * (before + after), after
        right[i] = 6.0 * (
            (points[i + 1] - points[i]) / after - (points[i] - points[i - 1]) / before
        )
    result: Array = np.asarray(np.linalg.solve(matrix, right), dtype=np.float64)
    return result


def spline_position(points: Array, at: Array, s: float) -> Array:
    """Return the position of the natural cubic spline at ``s``."""
    curvature = spline_curvatures(points, at)
    k = int(np.clip(np.searchsorted(at, s, side="right") - 1, 0, len(at) - 2))
    h = at[k + 1] - at[k]
    b = (s - at[k]) / h
    a = 1.0 - b
    result: Array = (
        a * points[k]
        + b * points[k + 1]
        + h * h / 6.0 * ((a**3 - a) * curvature[k] + (b**3 - b) * curvature[k + 1])
    )
    return result


def corner_position(corner: Array, before: Array, after: Array, leg: float, u: float) -> Array:
    """Return the rounded corner at share ``u`` of the blend.

    Args:
        corner: Position of the corner, shape (n,).
        before: Unit direction towards it.
        after: Unit direction away from it.
        leg: Distance of both ends of the blend from the corner.
        u: 0..1.
    """
    shares = (1.0, 0.6, 0.2)
    control = [corner - share * leg * before for share in shares]
    control += [corner + share * leg * after for share in reversed(shares)]
    while len(control) > 1:
        control = [p + u * (q - p) for p, q in zip(control, control[1:], strict=False)]
    return control[0]
