"""URDF texts of test robots: six axes, seven axes, rail, gantry, fewer axes, and random chains."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

PI = float(np.pi)


@dataclass(frozen=True)
class Axis:
    """One joint of a test robot: kind, origin (xyz, rpy), axis, limits."""

    kind: str
    xyz: tuple[float, float, float]
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    axis: tuple[float, float, float] = (0.0, 0.0, 1.0)
    lower: float = -2.0 * PI
    upper: float = 2.0 * PI
    velocity: float = 3.0


def words(values: Sequence[float]) -> str:
    """Return numbers as URDF wants them."""
    return " ".join(repr(float(value)) for value in values)


def urdf(axes: Sequence[Axis], tip_xyz: tuple[float, float, float] = (0.0, 0.0, 0.1)) -> str:
    """Return the URDF of a chain from ``base`` to ``tip`` with joints ``j0``, ``j1`` ..."""
    parts = ['<robot name="r"><link name="base"/>']
    parent = "base"
    for i, a in enumerate(axes):
        limit = (
            f'<limit lower="{a.lower!r}" upper="{a.upper!r}" velocity="{a.velocity}" effort="9"/>'
        )
        if a.kind == "fixed":
            limit = ""
        parts.append(
            f'<link name="l{i}"/><joint name="j{i}" type="{a.kind}"><parent link="{parent}"/>'
            f'<child link="l{i}"/><origin xyz="{words(a.xyz)}" rpy="{words(a.rpy)}"/>'
            f'<axis xyz="{words(a.axis)}"/>{limit}</joint>'
        )
        parent = f"l{i}"
    parts.append(
        f'<link name="tip"/><joint name="flange" type="fixed"><parent link="{parent}"/>'
        f'<child link="tip"/><origin xyz="{words(tip_xyz)}"/></joint></robot>'
    )
    return "".join(parts)


#: Joints of a UR5e by its published dimensions, every range two turns.
UR5E = (
    Axis("revolute", (0, 0, 0.1625), (0, 0, PI)),
    Axis("revolute", (0, 0, 0), (PI / 2, 0, 0)),
    Axis("revolute", (-0.425, 0, 0)),
    Axis("revolute", (-0.3922, 0, 0.1333)),
    Axis("revolute", (0, -0.0997, 0), (PI / 2, 0, 0)),
    Axis("revolute", (0, 0.0996, 0), (-PI / 2, 0, 0)),
)

#: Joints of a Franka Panda by its published dimensions and limits.
PANDA = (
    Axis("revolute", (0, 0, 0.333), lower=-2.8973, upper=2.8973),
    Axis("revolute", (0, 0, 0), (-PI / 2, 0, 0), lower=-1.7628, upper=1.7628),
    Axis("revolute", (0, -0.316, 0), (PI / 2, 0, 0), lower=-2.8973, upper=2.8973),
    Axis("revolute", (0.0825, 0, 0), (PI / 2, 0, 0), lower=-3.0718, upper=-0.0698),
    Axis("revolute", (-0.0825, 0.384, 0), (-PI / 2, 0, 0), lower=-2.8973, upper=2.8973),
    Axis("revolute", (0, 0, 0), (PI / 2, 0, 0), lower=-0.0175, upper=3.7525),
    Axis("revolute", (0.088, 0, 0), (PI / 2, 0, 0), lower=-2.8973, upper=2.8973),
)

#: Joints of a KUKA KR 6 R900 and a FANUC M-20iD by their makers' drawings: spherical wrists.
KR6_R900 = (
    Axis("revolute", (0, 0, 0), axis=(0, 0, -1), lower=-2.9671, upper=2.9671),
    Axis("revolute", (0.025, 0, 0.4), axis=(0, 1, 0), lower=-3.3161, upper=0.7854),
    Axis("revolute", (0.455, 0, 0), axis=(0, 1, 0), lower=-2.0944, upper=2.7227),
    Axis("revolute", (0, 0, 0.035), axis=(-1, 0, 0), lower=-3.2289, upper=3.2289),
    Axis("revolute", (0.42, 0, 0), axis=(0, 1, 0), lower=-2.0944, upper=2.0944),
    Axis("revolute", (0, 0, 0), axis=(-1, 0, 0), lower=-6.1087, upper=6.1087),
)
M20ID = (
    Axis("revolute", (0, 0, 0.425), lower=-2.9671, upper=2.9671),
    Axis("revolute", (0.075, 0, 0), axis=(0, 1, 0), lower=-1.7453, upper=2.7925),
    Axis("revolute", (0, 0, 0.84), axis=(0, -1, 0), lower=-3.2289, upper=4.7822),
    Axis("revolute", (0, 0, 0.215), axis=(-1, 0, 0), lower=-3.4907, upper=3.4907),
    Axis("revolute", (0.89, 0, 0), axis=(0, -1, 0), lower=-3.1416, upper=3.1416),
    Axis("revolute", (0, 0, 0), axis=(-1, 0, 0), lower=-7.854, upper=7.854),
)

RAIL = (Axis("prismatic", (0, 0, 0.3), axis=(0, 1, 0), lower=-4.0, upper=4.0, velocity=2.0), *UR5E)

GANTRY = (
    Axis("prismatic", (0, 0, 3.0), axis=(1, 0, 0), lower=-5.0, upper=5.0, velocity=2.0),
    Axis("prismatic", (0, 0, 0), axis=(0, 1, 0), lower=-4.0, upper=4.0, velocity=2.0),
    Axis("revolute", (0, 0, 0), axis=(0, 0, 1), lower=-PI, upper=PI, velocity=2.0),
    Axis("fixed", (0, 0, 0), (PI, 0, 0)),
    *UR5E,
)

SCARA = (
    Axis("revolute", (0, 0, 0.4), lower=-2.5, upper=2.5),
    Axis("revolute", (0.35, 0, 0), lower=-2.6, upper=2.6),
    Axis("prismatic", (0.3, 0, 0), axis=(0, 0, -1), lower=0.0, upper=0.25, velocity=1.0),
    Axis("continuous", (0, 0, 0)),
)

FIVE = UR5E[:5]

ROBOTS = {
    "ur5e": UR5E,
    "panda": PANDA,
    "rail": RAIL,
    "gantry": GANTRY,
    "scara": SCARA,
    "five": FIVE,
}


def random_axes(rng: np.random.Generator, count: int) -> tuple[Axis, ...]:
    """Return a random chain of ``count`` moving joints with some fixed ones between."""
    axes: list[Axis] = []
    for _ in range(count):
        if rng.random() < 0.2:
            axes.append(Axis("fixed", _vector(rng, 0.2), _vector(rng, PI)))
        kind = str(rng.choice(["revolute", "continuous", "prismatic"], p=[0.6, 0.2, 0.2]))
        reach = 0.5 if kind == "prismatic" else float(rng.uniform(0.5, 6.0))
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        if rng.random() < 0.5:
            direction = np.eye(3)[rng.integers(3)] * rng.choice([-1.0, 1.0])
        x, y, z = (float(value) for value in direction)
        axes.append(
            Axis(kind, _vector(rng, 0.4), _vector(rng, PI), (x, y, z), lower=-reach, upper=reach)
        )
    return tuple(axes)


def _vector(rng: np.random.Generator, size: float) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in rng.uniform(-size, size, 3))
    return x, y, z


def inertial(
    mass: float,
    xyz: Sequence[float] = (0.0, 0.0, 0.0),
    rpy: Sequence[float] = (0.0, 0.0, 0.0),
    moments: Sequence[float] = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
) -> str:
    """Return an <inertial>; moments: xx xy xz yy yz zz."""
    keys = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")
    values = " ".join(f'{key}="{float(v)!r}"' for key, v in zip(keys, moments, strict=True))
    return (
        f'<inertial><origin xyz="{words(xyz)}" rpy="{words(rpy)}"/><mass value="{mass!r}"/>'
        f"<inertia {values}/></inertial>"
    )


def with_masses(rng: np.random.Generator, text: str) -> str:
    """Return a URDF text in which most links have a random, possible inertial."""

    def replace(match: re.Match[str]) -> str:
        if rng.random() < 0.25:
            return match.group(0)
        spread = rng.normal(size=(3, 3)) * rng.uniform(0.0, 0.3)
        second = spread @ spread.T
        inertia = np.trace(second) * np.eye(3) - second
        inside = inertial(
            float(rng.uniform(0.0, 8.0)),
            _vector(rng, 0.3),
            _vector(rng, PI),
            inertia[np.triu_indices(3)],
        )
        return f'<link name="{match.group(1)}">{inside}</link>'

    return re.sub(r'<link name="(\w+)"/>', replace, text)
