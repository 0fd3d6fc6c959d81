"""Array arguments: conversion to contiguous float64 with clear refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from smart_cell.planner import _core
from smart_cell.planner.errors import PlannerError

Array = NDArray[np.float64]


def as_floats(value: ArrayLike, name: str) -> Array:
    """Return ``value`` as a C-contiguous float64 array.

    Raises:
        PlannerError: It is not a rectangular array of real numbers.
    """
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise PlannerError(f"{name} must be an array of real numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        text = f"{name} must be an array of real numbers, not of {array.dtype}"
        raise PlannerError(text)
    return np.asarray(array, dtype=np.float64, order="C")


def number(value: Any, name: str) -> float:
    """Return ``value`` as a float; it may be NaN or infinite.

    Raises:
        PlannerError: It is no number.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise PlannerError(f"{name} must be a number; got {value!r}") from None


def instance(value: Any, kind: type, name: str) -> None:
    """Refuse an argument of the wrong type.

    Raises:
        PlannerError: ``value`` is no ``kind``.
    """
    if not isinstance(value, kind):
        raise PlannerError(f"{name} must be a {kind.__name__}; got a {type(value).__name__}")


def check_finite(array: Array, name: str) -> None:
    """Refuse NaN and infinities in a C-contiguous array.

    Raises:
        PlannerError: Naming the first offending index and value.
    """
    flat = _core.first_not_finite(array)
    if flat >= 0:
        index = np.unravel_index(flat, array.shape)
        where = ", ".join(str(i) for i in index)
        raise PlannerError(f"{name}[{where}] is {array[index]}; it must be finite")


def vector(value: ArrayLike, length: int, name: str) -> Array:
    """Return ``value`` as a finite float64 array of shape (length,).

    Raises:
        PlannerError: Wrong shape, no numbers, or not finite.
    """
    array = as_floats(value, name)
    if array.shape != (length,):
        raise PlannerError(f"{name} has shape {array.shape}; it must be ({length},)")
    check_finite(array, name)
    return array


def pose_matrix(value: ArrayLike, name: str) -> Array:
    """Return ``value`` as a homogeneous matrix of a rigid motion, shape (4, 4).

    Raises:
        PlannerError: Wrong shape, not finite, or not a rotation and translation (1e-6).
    """
    array = as_floats(value, name)
    if array.shape != (4, 4):
        raise PlannerError(f"{name} has shape {array.shape}; it must be (4, 4)")
    check_finite(array, name)
    rotation = array[:3, :3]
    rigid = (
        np.abs(rotation @ rotation.T - np.eye(3)).max() < 1e-6
        and np.linalg.det(rotation) > 0.0
        and np.abs(array[3] - (0.0, 0.0, 0.0, 1.0)).max() < 1e-9
    )
    if not rigid:
        raise PlannerError(
            f"{name} is not a rigid motion: its 3x3 part must be a rotation (within 1e-6), its "
            f"last row 0 0 0 1"
        )
    return array


def poses_matrix(array: Array, name: str) -> Array:
    """Return poses, shape (m, 4, 4), after the checks of ``pose_matrix``.

    Raises:
        PlannerError: Naming the first that is no rigid motion.
    """
    if array.shape[1:] != (4, 4):
        raise PlannerError(f"{name} has shape {array.shape}; it must be (4, 4) or (m, 4, 4)")
    rotations = array[:, :3, :3]
    with np.errstate(invalid="ignore", over="ignore"):
        square = rotations @ rotations.transpose(0, 2, 1)
        fine = (
            np.isfinite(array).all(axis=(1, 2))
            & (np.abs(square - np.eye(3)).max(axis=(1, 2)) < 1e-6)
            & (np.abs(array[:, 3] - (0.0, 0.0, 0.0, 1.0)).max(axis=1) < 1e-9)
        )
        fine[fine] = np.linalg.det(rotations[fine]) > 0.0
    if not fine.all():
        index = int(np.argmin(fine))
        pose_matrix(array[index], f"{name}[{index}]")
    return array


def output(out: Any, shape: tuple[int, ...]) -> Array:
    """Return ``out`` after a check, or a new array of ``shape``.

    Raises:
        PlannerError: ``out`` is no writable, aligned, C-contiguous float64 array of ``shape``.
    """
    if out is None:
        return np.empty(shape)
    fits = (
        isinstance(out, np.ndarray)
        and out.dtype == np.float64
        and out.shape == shape
        and out.flags.c_contiguous
        and out.flags.writeable
        and out.flags.aligned
    )
    if not fits:
        raise PlannerError(f"out must be a writable C-contiguous float64 array of shape {shape}")
    result: Array = out
    return result


def frozen(array: Array) -> Array:
    """Return the array, no longer writable."""
    array.setflags(write=False)
    return array
