"""Limits and states refuse what is no limit or no state, and cannot be changed afterwards."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from smart_cell.planner import LimitError, Limits, PlannerError, State


def limits(**changes: Any) -> Limits:
    values: dict[str, Any] = {
        "position_lower": [-1.0, -np.inf],
        "position_upper": [1.0, np.inf],
        "velocity": [1.0, 2.0],
        "acceleration": [3.0, 4.0],
        "jerk": [5.0, 6.0],
        "effort": [np.inf, 0.0],
    }
    return Limits(**{**values, **changes})


@pytest.mark.parametrize("quantity", ["velocity", "acceleration", "jerk"])
@pytest.mark.parametrize("bad", [0.0, -1.0, 1e-10, 1e13, np.nan, np.inf])
def test_rate_that_is_out_of_range_is_refused(quantity: str, bad: float) -> None:
    with pytest.raises(PlannerError, match=quantity):
        limits(**{quantity: [1.0, bad]})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"position_lower": [2.0, 0.0]}, "joint 0"),
        ({"position_lower": [np.nan, 0.0]}, "joint 0"),
        ({"jerk": [1.0]}, "1 values, velocity has 2"),
        ({"effort": [1.0, -1.0]}, "effort of joint 1"),
        ({"velocity": [[1.0, 2.0]]}, "one-dimensional"),
        ({"velocity": "fast"}, "real numbers"),
        ({"joint_names": ("a",)}, "1 joint names for 2 joints"),
    ],
)
def test_inconsistent_limits_are_refused_with_the_reason(changes: Any, said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        limits(**changes)


def test_seventeen_joints_are_refused() -> None:
    ones = np.ones(17)
    with pytest.raises(PlannerError, match="16 joints, not 17"):
        Limits(-ones, ones, ones, ones, ones, ones)


def test_arrays_are_copies_and_read_only() -> None:
    velocity = np.array([1.0, 2.0])
    made = limits(velocity=velocity)
    velocity[0] = 99.0
    assert made.velocity[0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        made.velocity[0] = 5.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.velocity = velocity  # type: ignore[misc]


def test_scaled_multiplies_the_rates_and_keeps_the_rest() -> None:
    made = limits(joint_names=("a", "b")).scaled(velocity=0.5, jerk=2.0)
    assert made.velocity.tolist() == [0.5, 1.0]
    assert made.acceleration.tolist() == [3.0, 4.0]
    assert made.jerk.tolist() == [10.0, 12.0]
    assert made.joint_names == ("a", "b")
    with pytest.raises(PlannerError, match="velocity"):
        made.scaled(velocity=0.0)


def test_position_outside_names_joint_value_and_limit() -> None:
    with pytest.raises(LimitError, match="'b'") as caught:
        limits(position_lower=[-1.0, -2.0], joint_names=("a", "b")).check_position(
            np.array([0.0, -2.5]), "goal"
        )
    error = caught.value
    assert (error.joint, error.quantity, error.value, error.limit) == (1, "position", -2.5, -2.0)


def test_state_fills_rates_with_zero_and_checks_shapes() -> None:
    state = State([1.0, 2.0])
    assert state.at_rest
    assert state.velocity is not None
    assert state.velocity.tolist() == [0.0, 0.0]
    assert not State([1.0], acceleration=[0.1]).at_rest
    with pytest.raises(PlannerError, match="velocity has shape"):
        State([1.0, 2.0], [1.0])
    with pytest.raises(PlannerError, match=r"position\[1\] is nan"):
        State([1.0, np.nan])
    with pytest.raises(PlannerError, match=r"position\[0\] is 2e\+09; it must lie within 1e\+09"):
        State([2e9])
