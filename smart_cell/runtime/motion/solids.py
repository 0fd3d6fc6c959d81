"""Convex solids and lower bounds of the distances between many pairs of them, vectorised.

A solid is a box, an upright cylinder or a sphere in its own frame: the set of points ``box(half) +
disc(disc, in the xy plane) + ball(ball)``. For a pair the module finds directions along which the
two are apart; the gap along any direction bounds the distance from below, so a wrong direction
makes the answer too careful, never too bold.

Directions: the one between the closest points as alternating projections approach them (von Neumann
1949), then for pairs that still seem near the fifteen axes of the separating-axis test for boxes
(Gottschalk, Lin, Manocha 1996, section 4), which make box against box exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smart_cell.model.geometry import Array

_PROJECTIONS = 6


@dataclass(frozen=True)
class Solid:
    """One convex shape, fixed in a frame.

    Attributes:
        name: What it is, for messages.
        frame: Homogeneous matrix of its centre in the frame it is fixed in, shape (4, 4).
        half: Half edge lengths of the box part [m]; a cylinder has (0, 0, h / 2).
        disc: Radius added in its xy plane [m]: a cylinder's radius.
        ball: Radius added all around [m]: a sphere's radius.
    """

    name: str
    frame: Array
    half: tuple[float, float, float]
    disc: float = 0.0
    ball: float = 0.0

    @staticmethod
    def box(name: str, frame: Array, size: Sequence[float]) -> Solid:
        """Return a box with edge lengths ``size`` [m], centred in ``frame``."""
        x, y, z = (float(value) / 2 for value in size)
        return Solid(name, frame, (x, y, z))

    @staticmethod
    def cylinder(name: str, frame: Array, radius: float, height: float) -> Solid:
        """Return a cylinder [m] along z, centred in ``frame``."""
        return Solid(name, frame, (0.0, 0.0, height / 2), disc=radius)

    @staticmethod
    def sphere(name: str, frame: Array, radius: float) -> Solid:
        """Return a sphere [m] centred in ``frame``."""
        return Solid(name, frame, (0.0, 0.0, 0.0), ball=radius)

    @property
    def extent(self) -> Array:
        """Half edge lengths of the bounding box in its own axes [m], shape (3,)."""
        around = self.disc + self.ball
        return np.array(self.half) + (around, around, self.ball)

    @property
    def radius(self) -> float:
        """Radius of a ball around the centre that contains it [m]."""
        return float(np.linalg.norm(self.extent))


@dataclass(frozen=True)
class Batch:
    """Many solids as arrays.

    Attributes:
        center: Shape (n, 3) [m].
        rotation: Shape (n, 3, 3).
        half: Shape (n, 3) [m].
        disc: Shape (n,) [m].
        ball: Shape (n,) [m].
    """

    center: Array
    rotation: Array
    half: Array
    disc: Array
    ball: Array

    @staticmethod
    def of(solids: Sequence[Solid]) -> Batch:
        """Return solids, whose frames are all fixed in one frame, as a batch of n."""
        count = len(solids)
        frames = np.array([solid.frame for solid in solids]).reshape(count, 4, 4)
        return Batch(
            frames[:, :3, 3],
            frames[:, :3, :3],
            np.array([solid.half for solid in solids], dtype=float).reshape(count, 3),
            np.array([solid.disc for solid in solids], dtype=float),
            np.array([solid.ball for solid in solids], dtype=float),
        )

    def take(self, indices: NDArray[np.intp]) -> Batch:
        """Return the solids at ``indices``."""
        return Batch(
            self.center[indices],
            self.rotation[indices],
            self.half[indices],
            self.disc[indices],
            self.ball[indices],
        )

    def support(self, direction: Array) -> Array:
        """Return how far each solid reaches from its centre along unit vectors (n, 3): (n,)."""
        local = np.einsum("nji,nj->ni", self.rotation, direction)
        flat = np.sqrt(np.maximum(0.0, 1.0 - local[:, 2] ** 2))
        reach: Array = np.sum(self.half * np.abs(local), axis=1) + self.disc * flat + self.ball
        return reach

    def nearest(self, points: Array) -> Array:
        """Return the point of each solid, ``ball`` left away, nearest to points (n, 3): (n, 3)."""
        local = np.einsum("nji,nj->ni", self.rotation, points - self.center)
        inside = np.clip(local, -self.half, self.half)
        rest = local[:, :2] - inside[:, :2]
        length = np.linalg.norm(rest, axis=1)
        share = np.minimum(1.0, self.disc / np.maximum(length, 1e-12))
        inside[:, :2] += rest * share[:, None]
        world: Array = self.center + np.einsum("nij,nj->ni", self.rotation, inside)
        return world


def gaps(a: Batch, b: Batch, enough: float) -> Array:
    """Return lower bounds of the distances between the solids of two batches, pair by pair.

    Args:
        a: n solids.
        b: n solids in the same frame.
        enough: Distance [m] from which on the bound need not be made any better.

    Returns:
        Shape (n,) [m]; negative where the solids overlap, by about the depth.
    """
    between = a.center - b.center
    on_a = a.center
    for _ in range(_PROJECTIONS):
        on_b = b.nearest(on_a)
        on_a = a.nearest(on_b)
    best = _gap_along(a, b, between, on_a - on_b)
    near = np.flatnonzero(best < enough)
    if near.size:
        best[near] = np.maximum(best[near], _separation(a.take(near), b.take(near), enough))
    return best


def _gap_along(a: Batch, b: Batch, between: Array, direction: Array) -> Array:
    """Gaps along directions (n, 3) of any length; -inf where the direction has none."""
    length = np.linalg.norm(direction, axis=1)
    unit = direction / np.maximum(length, 1e-12)[:, None]
    gap = np.abs(np.einsum("ni,ni->n", between, unit)) - a.support(unit) - b.support(unit)
    return np.where(length > 1e-9, gap, -np.inf)


def _separation(a: Batch, b: Batch, enough: float) -> Array:
    """The best gap over the axes of the separating-axis test and the line of centres."""
    between = a.center - b.center
    best = _gap_along(a, b, between, between)
    axes = [a.rotation[:, :, i] for i in range(3)] + [b.rotation[:, :, i] for i in range(3)]
    for axis in axes:
        best = np.maximum(best, _gap_along(a, b, between, axis))
    for i in range(3):
        for j in range(3):
            if np.all(best >= enough):
                return best
            cross = np.cross(a.rotation[:, :, i], b.rotation[:, :, j])
            best = np.maximum(best, _gap_along(a, b, between, cross))
    return best
