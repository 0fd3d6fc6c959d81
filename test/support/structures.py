"""Random six-axis arms of the structures that have a closed form, in any zero position."""

from __future__ import annotations

import numpy as np

from smart_cell.planner.arrays import Array
from smart_cell.planner.reference.kinematics import rotation
from support.robots import PI, Axis

#: Spherical wrists by their first three axes, and arms with three parallel axes.
WRISTS = ("planar", "crossed", "stacked", "elbow", "general", "puma")
PARALLEL = ("ur", "ur, wrist offset", "tilted", "tilted, wrist offset")


def direction(rng: np.random.Generator) -> Array:
    """Return a random unit vector."""
    v: Array = rng.normal(size=3)
    return v / np.linalg.norm(v)


def square_to(axis: Array, rng: np.random.Generator) -> Array:
    """Return a random unit vector across another."""
    v = np.cross(axis, direction(rng))
    return np.asarray(v / np.linalg.norm(v))


def _wrist(name: str, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    axes = [direction(rng) for _ in range(6)]
    points = list(rng.uniform(-0.6, 0.6, (6, 3)))
    points[3] = points[4] = points[5]
    if rng.random() < 0.5:
        axes[3], axes[5] = square_to(axes[4], rng), square_to(axes[4], rng)
    if name == "puma":
        axes[1] = square_to(axes[0], rng)
        points[1] = points[0]
    if name in ("planar", "puma"):
        axes[2] = axes[1] * rng.choice([-1.0, 1.0])
    elif name == "crossed":
        points[1] = points[0] + 0.2 * axes[0]
    elif name == "stacked":
        axes[1] = axes[0] * rng.choice([-1.0, 1.0])
    elif name == "elbow":
        points[2] = points[1] + 0.3 * axes[1]
    return axes, points


def _parallel(name: str, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    axes = [direction(rng) for _ in range(6)]
    points = list(rng.uniform(-0.5, 0.5, (6, 3)))
    if name.startswith("ur"):
        axes[0], axes[4] = square_to(axes[1], rng), square_to(axes[1], rng)
        axes[5] = square_to(axes[4], rng)
    axes[2], axes[3] = axes[1] * rng.choice([-1.0, 1.0]), axes[1] * rng.choice([-1.0, 1.0])
    if "offset" not in name:
        points[5] = points[4]
    return axes, points


def arm(
    name: str, rng: np.random.Generator, *, reverse: bool = False, limit: float = 2.0 * PI
) -> tuple[Axis, ...]:
    """Return the joints of a random arm of a structure, from base to tip or the other way round.

    Args:
        name: One of ``WRISTS`` or ``PARALLEL``.
        rng: Draws axes, offsets, and the joints' frames, which lie anywhere along the axes.
        reverse: The axes in reverse order.
        limit: Every joint's range to either side [rad]; infinite = continuous joints.
    """
    axes, points = (_wrist if name in WRISTS else _parallel)(name, rng)
    if reverse:
        axes, points = axes[::-1], points[::-1]
    kind = "continuous" if np.isinf(limit) else "revolute"
    parent = np.eye(4)
    result = []
    for axis, point in zip(axes, points, strict=True):
        frame = np.eye(4)
        frame[:3, :3] = rotation(direction(rng), rng.uniform(-3.0, 3.0))
        frame[:3, 3] = point + rng.normal() * 0.1 * axis
        origin = np.linalg.inv(parent) @ frame
        x, y, z = (float(value) for value in frame[:3, :3].T @ axis)
        px, py, pz = (float(value) for value in origin[:3, 3])
        result.append(Axis(kind, (px, py, pz), _rpy(origin), (x, y, z), lower=-limit, upper=limit))
        parent = frame
    return tuple(result)


def _rpy(pose: Array) -> tuple[float, float, float]:
    r = pose[:3, :3]
    pitch = np.arctan2(-r[2, 0], np.hypot(r[0, 0], r[1, 0]))
    return float(np.arctan2(r[2, 1], r[2, 2])), float(pitch), float(np.arctan2(r[1, 0], r[0, 0]))
