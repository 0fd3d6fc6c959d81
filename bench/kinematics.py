"""Forward kinematics and Jacobian beside pinocchio."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from harness import Arm, Call, Row, compare

PEERS = {"pin": "pinocchio"}


def rows(arms: Sequence[Arm], peers: Mapping[str, Any], options: argparse.Namespace) -> list[Row]:
    """Return the comparisons of all arms."""
    return [row for arm in arms for row in kinematics(arm, peers.get("pin"), options)]


def kinematics(arm: Arm, pin: Any, options: argparse.Namespace) -> list[Row]:
    """FK and Jacobian: single calls and a batch."""
    robot = arm.robot
    rng = np.random.default_rng(options.seed)
    q = rng.uniform(arm.low, arm.high, (options.calls, robot.dof))
    batch = rng.uniform(arm.low, arm.high, (1000, robot.dof))
    pose, jacobian = np.empty((4, 4)), np.empty((6, robot.dof))
    poses, jacobians = np.empty((1000, 4, 4)), np.empty((1000, 6, robot.dof))
    their: dict[str, Call | None] = dict.fromkeys(("fk", "jacobian", "fk batch", "jacobian batch"))
    if pin is not None:
        their = pinocchio_calls(arm, pin, q, batch)
    rows = [
        compare("fk", arm, options, lambda i: robot.fk(q[i], pose), "pin", their["fk"]),
        compare(
            "jacobian",
            arm,
            options,
            lambda i: robot.jacobian(q[i], jacobian),
            "pin",
            their["jacobian"],
        ),
    ]
    few = argparse.Namespace(**{**vars(options), "calls": max(5, options.calls // 100)})
    for name, ours in (
        ("fk batch", lambda _: robot.fk(batch, poses)),
        ("jacobian batch", lambda _: robot.jacobian(batch, jacobians)),
    ):
        row = compare(f"{name} of 1000, each", arm, few, ours, "pin, a loop", their[name])
        for key in ("ours_median_us", "ours_p99_us", "peer_median_us", "peer_p99_us"):
            value = getattr(row, key)
            setattr(row, key, None if value is None else value / 1000)
        rows.append(row)
    return rows


def pinocchio_calls(arm: Arm, pin: Any, q: np.ndarray, batch: np.ndarray) -> dict[str, Call | None]:
    """Return pinocchio's calls, after a check that both compute the same."""
    full = pin.buildModelFromXML(arm.text)
    keep = set(arm.robot.joint_names)
    locked = [i for i, name in enumerate(full.names) if i > 0 and name not in keep]
    model = pin.buildReducedModel(full, locked, pin.neutral(full))
    data = model.createData()
    frame = model.getFrameId(arm.robot.tip)
    base = model.getFrameId(arm.robot.base)
    axes = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
    if model.nq != arm.robot.dof:
        raise SystemExit(f"pinocchio reads {model.nq} joints of {arm.name}, not {arm.robot.dof}")

    def fk(x: np.ndarray) -> Any:
        pin.forwardKinematics(model, data, x)
        return pin.updateFramePlacement(model, data, frame)

    def jacobian(x: np.ndarray) -> Any:
        return pin.computeFrameJacobian(model, data, x, frame, axes)

    for x in q[:50]:
        tip = fk(x).homogeneous
        root = pin.updateFramePlacement(model, data, base)
        if np.abs(arm.robot.fk(x) - root.inverse().homogeneous @ tip).max() > 1e-9:
            raise SystemExit(f"fk of {arm.name} differs from pinocchio's")
        turned = np.kron(np.eye(2), root.rotation.T) @ jacobian(x)
        if np.abs(arm.robot.jacobian(x) - turned).max() > 1e-9:
            raise SystemExit(f"the jacobian of {arm.name} differs from pinocchio's")
    return {
        "fk": lambda i: fk(q[i]),
        "jacobian": lambda i: jacobian(q[i]),
        "fk batch": lambda _: [fk(x) for x in batch],
        "jacobian batch": lambda _: [jacobian(x) for x in batch],
    }
