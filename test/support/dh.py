"""Denavit-Hartenberg forward kinematics of UR-like arms: published tables, as an oracle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smart_cell.model.geometry import Array

#: d1, a2, a3, d4, d5, d6 as the maker publishes them [m].
UR5E = (0.1625, -0.425, -0.3922, 0.1333, 0.0997, 0.0996)
UR10E = (0.1807, -0.6127, -0.57155, 0.17415, 0.11985, 0.11655)


def forward(table: Sequence[float], q: Array) -> Array:
    """Return the flange in ``base_link``, (4, 4): the DH base is base_link turned by pi about z."""
    d1, a2, a3, d4, d5, d6 = table
    half = np.pi / 2
    rows = (
        (d1, 0.0, half),
        (0.0, a2, 0.0),
        (0.0, a3, 0.0),
        (d4, 0.0, half),
        (d5, 0.0, -half),
        (d6, 0.0, 0.0),
    )
    pose = np.diag([-1.0, -1.0, 1.0, 1.0])
    for (d, a, alpha), theta in zip(rows, q, strict=True):
        ct, st, ca, sa = np.cos(theta), np.sin(theta), np.cos(alpha), np.sin(alpha)
        pose = pose @ np.array(
            [
                [ct, -st * ca, st * sa, a * ct],
                [st, ct * ca, -ct * sa, a * st],
                [0.0, sa, ca, d],
                [0.0, 0.0, 0.0, 1.0],
            ]
        )
    return pose
