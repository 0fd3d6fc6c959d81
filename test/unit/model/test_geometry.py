"""Poses: the algebra of rigid motions, by its axioms."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smart_cell.model.geometry import Pose

ANGLES = st.floats(-3.1, 3.1)
LENGTHS = st.floats(-10.0, 10.0)
POSES = st.builds(
    lambda xyz, rpy: Pose.from_rpy(xyz, rpy),
    st.tuples(LENGTHS, LENGTHS, LENGTHS),
    st.tuples(ANGLES, ANGLES, ANGLES),
)


def same(a: Pose, b: Pose) -> None:
    np.testing.assert_allclose(a.matrix(), b.matrix(), atol=1e-9)


@given(POSES)
def test_matrix_and_back(pose: Pose) -> None:
    same(Pose.from_matrix(pose.matrix()), pose)


@given(POSES)
def test_rotation_is_a_rotation(pose: Pose) -> None:
    rotation = pose.matrix()[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert math.isclose(float(np.linalg.det(rotation)), 1.0, abs_tol=1e-12)


@given(POSES)
def test_pose_after_its_inverse_is_nothing(pose: Pose) -> None:
    same(pose @ pose.inverse(), Pose())
    same(pose.inverse() @ pose, Pose())


@given(POSES, POSES, POSES)
def test_order_of_brackets_does_not_matter(a: Pose, b: Pose, c: Pose) -> None:
    same((a @ b) @ c, a @ (b @ c))


@given(ANGLES, ANGLES, ANGLES)
def test_fixed_axes_as_in_urdf(roll: float, pitch: float, yaw: float) -> None:
    def about(axis: int, angle: float) -> np.ndarray:
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        matrix = np.eye(3)
        matrix[i, i] = matrix[j, j] = math.cos(angle)
        matrix[j, i], matrix[i, j] = math.sin(angle), -math.sin(angle)
        return matrix

    expected = about(2, yaw) @ about(1, pitch) @ about(0, roll)
    found = Pose.from_rpy((0, 0, 0), (roll, pitch, yaw)).matrix()[:3, :3]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(ANGLES)
def test_yaw(angle: float) -> None:
    assert math.isclose(Pose.from_rpy((1, 2, 3), (0, 0, angle)).yaw, angle, abs_tol=1e-12)
