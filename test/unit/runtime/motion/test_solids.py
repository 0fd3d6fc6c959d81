"""Distances between convex solids against dense points on their surfaces."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.model.geometry import Array, Pose
from smart_cell.runtime.motion.solids import Batch, Solid, gaps

ENOUGH = 10.0


def gap(a: Solid, b: Solid) -> float:
    return float(gaps(Batch.of([a]), Batch.of([b]), ENOUGH)[0])


def at(x: float, y: float, z: float, *rpy: float) -> Array:
    return Pose.from_rpy((x, y, z), rpy or (0.0, 0.0, 0.0)).matrix()


def surface(solid: Solid, step: float) -> Array:
    """Points on and in a solid, no two neighbours farther apart than ``step``, (k, 3)."""
    size = solid.extent
    axes = [np.linspace(-e, e, max(2, int(np.ceil(2 * e / step)) + 1)) for e in size]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    local = Solid(solid.name, np.eye(4), solid.half, solid.disc, solid.ball)
    batch = Batch.of([local] * len(grid))
    inside = batch.nearest(grid)
    away = grid - inside
    length = np.linalg.norm(away, axis=1, keepdims=True)
    points = inside + away * np.minimum(1.0, solid.ball / np.maximum(length, 1e-12))
    world: Array = points @ solid.frame[:3, :3].T + solid.frame[:3, 3]
    return world


def sampled_distance(a: Solid, b: Solid, step: float = 0.01) -> float:
    one, other = surface(a, step), surface(b, step)
    return float(min(np.linalg.norm(other - point, axis=1).min() for point in one))


def random_solid(rng: np.random.Generator, near: float) -> Solid:
    frame = at(*rng.uniform(-near, near, 3), *rng.uniform(-3.0, 3.0, 3))
    kind = rng.integers(3)
    if kind == 0:
        return Solid.box("box", frame, rng.uniform(0.02, 0.2, 3))
    if kind == 1:
        return Solid.cylinder("cylinder", frame, *rng.uniform(0.02, 0.1, 2))
    return Solid.sphere("sphere", frame, float(rng.uniform(0.02, 0.1)))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Solid.box("a", at(0, 0, 0), (1, 1, 1)), Solid.box("b", at(1.3, 0, 0), (1, 1, 1)), 0.3),
        (Solid.box("a", at(0, 0, 0), (1, 1, 1)), Solid.box("b", at(0.9, 0, 0), (1, 1, 1)), -0.1),
        (
            Solid.box("a", at(0, 0, 0), (1, 1, 1)),
            Solid.box("b", at(1.3, 1.4, 0), (1, 1, 1)),
            0.5,
        ),
        (Solid.sphere("a", at(0, 0, 0), 0.2), Solid.sphere("b", at(0, 0, 1), 0.3), 0.5),
        (
            Solid.cylinder("a", at(0, 0, 0), 0.2, 1.0),
            Solid.cylinder("b", at(0.7, 0, 0), 0.1, 1.0),
            0.4,
        ),
        (
            Solid.cylinder("a", at(0, 0, 0), 0.2, 1.0),
            Solid.box("b", at(0, 0, 0.8), (0.4, 0.4, 0.2)),
            0.2,
        ),
    ],
)
def test_known_distances(a: Solid, b: Solid, expected: float) -> None:
    assert gap(a, b) == pytest.approx(expected, abs=1e-6)
    assert gap(b, a) == pytest.approx(expected, abs=1e-6)


def test_distance_is_never_overestimated_and_hardly_underestimated() -> None:
    rng = np.random.default_rng(20)
    apart = 0
    for _ in range(60):
        a, b = random_solid(rng, 0.12), random_solid(rng, 0.12)
        found, sampled = gap(a, b), sampled_distance(a, b)
        assert found <= sampled + 1e-9
        if sampled > 0.03:
            apart += 1
            assert found > sampled - 0.015  # the points are 10 mm apart, the bound is a bound
    assert apart > 15


def test_overlap_is_never_missed() -> None:
    rng = np.random.default_rng(21)
    overlaps = 0
    for _ in range(200):
        a, b = random_solid(rng, 0.06), random_solid(rng, 0.06)
        points = surface(a, 0.02)
        inside = Batch.of([b] * len(points)).nearest(points)
        if np.any(np.linalg.norm(points - inside, axis=1) < b.ball + 1e-12):
            overlaps += 1
            assert gap(a, b) <= 1e-9
    assert overlaps > 50


def test_thin_wall_between_surface_points_is_found() -> None:
    part = Solid.box("part", at(0.0, 0.0, 0.05), (0.1, 0.1, 0.1))
    wall = Solid.box("wall", at(0.013, 0.0, -0.02), (0.002, 1.0, 0.05))
    assert gap(part, wall) == pytest.approx(-0.005, abs=1e-6)
