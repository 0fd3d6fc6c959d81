"""The arms of a scene, from their URDF, with their grippers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from smart_cell.model.cell import Cell
from smart_cell.model.description import Gripper
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.urdf import Inertial, Joint, Urdf
from smart_cell.simulation.frames import wxyz
from smart_cell.simulation.layers import AFFINITY, CUP_AFFINITY, Class, Layer
from smart_cell.simulation.scene_builder import SceneBuilder, shape_of

ARMATURE = 0.1
CUP_DEPTH = 0.005
CUP_SETTLING = 0.006


@dataclass(frozen=True)
class ArmIds:
    """Where an arm is in the model; arrays in chain order, shape (n,)."""

    joints: tuple[str, ...]
    qpos: NDArray[np.int32]
    dofs: NDArray[np.int32]
    actuators: NDArray[np.int32]
    gripper: str
    gripper_body: int
    tcp_site: int
    cup_geom: int
    weld: int
    cup_bit: int


def add_arm(builder: SceneBuilder, name: str, cup: int) -> None:
    """Add an arm with its external axes and its gripper; ``cup`` is the gripper's collision bit."""
    cell = builder.cell
    arm, urdf = cell.description.arms[name], cell.urdf(name)
    chain = {joint.name for joint in urdf.moving_joints(arm.base, arm.tip)}
    mount = cell.pose(name)
    root = builder.spec.worldbody.add_body(
        name=f"{name}/{arm.base}", pos=list(mount.xyz), quat=wxyz(mount), gravcomp=1.0
    )
    _fill_link(builder, name, urdf, arm.base, root)
    waiting = [(arm.base, root)]
    while waiting:
        link, body = waiting.pop()
        for joint in urdf.joints.values():
            if joint.parent != link:
                continue
            child = body.add_body(
                name=f"{name}/{joint.child}",
                pos=list(joint.origin.xyz),
                quat=wxyz(joint.origin),
                gravcomp=1.0,
            )
            if joint.name in chain:
                _add_joint(builder, name, joint, child)
            _fill_link(builder, name, urdf, joint.child, child)
            if joint.child == arm.tip:
                _add_gripper(builder, name, child, cup)
            waiting.append((joint.child, child))


def _add_joint(builder: SceneBuilder, arm: str, joint: Joint, body: mujoco.MjsBody) -> None:
    prismatic = joint.type == "prismatic"
    kind = mujoco.mjtJoint.mjJNT_SLIDE if prismatic else mujoco.mjtJoint.mjJNT_HINGE
    body.add_joint(
        name=f"{arm}/{joint.name}",
        type=kind,
        axis=list(joint.axis),
        armature=1.0 if prismatic else ARMATURE,
    )
    builder.add_drive(f"{arm}/{joint.name}")


def _fill_link(
    builder: SceneBuilder, arm: str, urdf: Urdf, link: str, body: mujoco.MjsBody
) -> None:
    bits = (int(Layer.LINK), AFFINITY[Layer.LINK])
    for solid in urdf.links[link].collisions:
        rgba = solid.rgba or (0.75, 0.77, 0.80, 1.0)
        builder.add_geom(
            *(body, f"{arm}/{link}", Class.LINK, (solid.shape, solid.size_m), solid.origin),
            bits=bits,
            rgba=rgba,
        )
    inertial = urdf.links[link].inertial
    if inertial is not None:
        _set_inertia(body, inertial)


def _set_inertia(body: mujoco.MjsBody, inertial: Inertial) -> None:
    ixx, iyy, izz, ixy, ixz, iyz = inertial.inertia
    matrix = np.array([[ixx, ixy, ixz], [ixy, iyy, iyz], [ixz, iyz, izz]])
    moments, axes = np.linalg.eigh(matrix)
    if np.linalg.det(axes) < 0.0:
        axes[:, 0] *= -1.0
    principal = np.eye(4)
    principal[:3, :3] = axes
    frame = inertial.origin @ Pose.from_matrix(principal)
    # A description may state point masses; MuJoCo wants inertias that a body can have.
    smallest = 1e-6 * inertial.mass_kg
    moments = np.maximum(moments, smallest)
    moments[2] = min(moments[2], moments[0] + moments[1])
    body.explicitinertial = True
    body.mass = inertial.mass_kg
    body.ipos, body.iquat = list(frame.xyz), wxyz(frame)
    body.inertia = moments.tolist()


def tool_radius(gripper: Gripper, tool: str) -> float:
    """Return the radius of the cup of a tool [m]."""
    return gripper.tools[tool].radius_m


def _add_gripper(builder: SceneBuilder, arm: str, tip: mujoco.MjsBody, cup: int) -> None:
    """Add the gripper's body and, at its end, the cup; the cup meets parts, the body should not."""
    name = builder.cell.description.arms[arm].gripper
    gripper = builder.cell.description.grippers[name]
    tcp = gripper.tcp.local()
    body = tip.add_body(name=f"gripper:{arm}", gravcomp=1.0)
    kind, size = shape_of(gripper.body)
    height = size[2] if kind == "box" else size[1]
    depth = min(CUP_DEPTH, height / 2)
    length = height - depth
    solid = (*size[:2], length) if kind == "box" else (size[0], length)
    bits = (cup, CUP_AFFINITY)
    middle = Pose((tcp.xyz[0], tcp.xyz[1], tcp.xyz[2] - depth - length / 2))
    builder.add_geom(body, name, Class.GRIPPER, (kind, solid), middle, bits=bits)
    radius = tool_radius(gripper, gripper.tool)
    face = tcp @ Pose((0.0, 0.0, -depth / 2))
    rubber = builder.add_geom(
        body, name, Class.CUP, ("cylinder", (radius, depth)), face, bits=bits, rgba=(0, 0, 0, 1)
    )
    builder.marks[f"cup:{arm}"] = builder.marks.pop(rubber.name)
    rubber.name = f"cup:{arm}"
    body.explicitinertial = True
    body.mass, body.ipos = gripper.mass_kg, list(middle.xyz)
    edge = max(*size, length)
    body.inertia = [gripper.mass_kg * edge * edge / 12] * 3
    body.add_site(name=f"tcp:{arm}", pos=list(tcp.xyz), quat=wxyz(tcp))
    builder.add_weld(f"hold:{arm}", body.name, CUP_SETTLING)


def excluded_pairs(builder: SceneBuilder) -> Iterator[tuple[str, str]]:
    """Yield the pairs of bodies of one arm that a single joint separates: they always touch."""
    for name, arm in builder.cell.description.arms.items():
        urdf = builder.cell.urdf(name)
        groups = _rigid_groups(urdf, arm.base, arm.tip)
        bodies: dict[int, list[str]] = {}
        for link, group in groups.items():
            if urdf.links[link].collisions:
                bodies.setdefault(group, []).append(f"{name}/{link}")
            if link == arm.tip:
                bodies.setdefault(group, []).append(f"gripper:{name}")
        for joint in urdf.moving_joints(arm.base, arm.tip):
            above = bodies.get(groups[joint.parent], [])
            for one in above:
                for other in bodies.get(groups[joint.child], []):
                    yield one, other


def _rigid_groups(urdf: Urdf, base: str, tip: str) -> dict[str, int]:
    """Return a number for each link below ``base``; links without an axis between them share it."""
    chain = {joint.name for joint in urdf.moving_joints(base, tip)}
    groups, waiting = {base: 0}, [base]
    while waiting:
        link = waiting.pop()
        for joint in urdf.joints.values():
            if joint.parent == link:
                moves = joint.name in chain
                groups[joint.child] = len(groups) if moves else groups[link]
                waiting.append(joint.child)
    return groups


def arm_ids(cell: Cell, model: mujoco.MjModel, name: str, cup: int) -> ArmIds:
    """Return where an arm is in a compiled model."""
    arm = cell.description.arms[name]
    joints = tuple(j.name for j in cell.urdf(name).moving_joints(arm.base, arm.tip))
    handles = [model.joint(f"{name}/{joint}") for joint in joints]
    return ArmIds(
        joints=joints,
        qpos=np.array([handle.qposadr[0] for handle in handles], dtype=np.int32),
        dofs=np.array([handle.dofadr[0] for handle in handles], dtype=np.int32),
        actuators=np.array(
            [model.actuator(f"{name}/{joint}").id for joint in joints], dtype=np.int32
        ),
        gripper=arm.gripper,
        gripper_body=model.body(f"gripper:{name}").id,
        tcp_site=model.site(f"tcp:{name}").id,
        cup_geom=model.geom(f"cup:{name}").id,
        weld=mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_EQUALITY, f"hold:{name}"),
        cup_bit=cup,
    )


def largest_inertias(model: mujoco.MjModel, arm: ArmIds, payload: float, limits: Array) -> Array:
    """Return the largest inertia that each joint of an arm feels over its range, shape (n,).

    Args:
        model: The scene.
        arm: The arm.
        payload: Mass at the contact face [kg].
        limits: Lower and upper joint positions, shape (2, n); infinite ones are cut to a turn.
    """
    data = mujoco.MjData(model)
    rng = np.random.default_rng(0)
    low = np.clip(limits[0], -np.pi, None)
    high = np.clip(limits[1], None, np.pi)
    dense = np.zeros((model.nv, model.nv))
    jacobian = np.zeros((3, model.nv))
    largest = np.zeros(len(arm.joints))
    for _ in range(64):
        data.qpos[arm.qpos] = rng.uniform(low, high)
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_crb(model, data)
        mujoco.mj_fullM(model, data, dense)
        mujoco.mj_jacSite(model, data, jacobian, None, arm.tcp_site)
        moved = np.sum(jacobian[:, arm.dofs] ** 2, axis=0)
        largest = np.maximum(largest, np.diag(dense)[arm.dofs] + payload * moved)
    return largest
