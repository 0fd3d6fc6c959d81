"""The MuJoCo model in the making: geoms with class and owner, welds, drives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import mujoco

from smart_cell.model.cell import Cell
from smart_cell.model.description import Shape
from smart_cell.model.geometry import Pose
from smart_cell.simulation.frames import wxyz
from smart_cell.simulation.layers import AFFINITY, Class, Layer

TIMESTEP = 0.002
GREY = (0.55, 0.56, 0.58, 1.0)


@dataclass
class SceneBuilder:
    """A model in the making; geoms are added through it, so that class and owner are known."""

    cell: Cell
    spec: mujoco.MjSpec
    marks: dict[str, tuple[Class, str]] = field(default_factory=dict)

    def add_geom(
        self,
        body: mujoco.MjsBody,
        owner: str,
        kind: Class,
        shape: tuple[str, Sequence[float]],
        pose: Pose,
        *,
        bits: tuple[int, int],
        rgba: Sequence[float] = GREY,
    ) -> mujoco.MjsGeom:
        """Add a geom.

        Args:
            body: The body it belongs to.
            owner: Name of the thing, for reports.
            kind: Its class for the collision watch.
            shape: ``box`` with edge lengths, ``cylinder`` with radius and length, ``sphere`` with
                radius [m].
            pose: Of the shape's centre in the body.
            bits: ``contype`` and ``conaffinity``.
            rgba: Colour.
        """
        name = f"{owner}#{len(self.marks)}"
        self.marks[name] = (kind, owner)
        geom_type, size = _mujoco_shape(*shape)
        return body.add_geom(
            name=name,
            type=geom_type,
            size=size,
            pos=list(pose.xyz),
            quat=wxyz(pose),
            contype=bits[0],
            conaffinity=bits[1],
            rgba=list(rgba),
            mass=0.0,
        )

    def add_static(
        self,
        owner: str,
        kind: Class,
        size: Sequence[float],
        pose: Pose,
        rgba: Sequence[float] = GREY,
    ) -> mujoco.MjsGeom:
        """Add a fixed box, given by its edge lengths and the world pose of its centre."""
        bits = (int(Layer.STATIC), AFFINITY[Layer.STATIC])
        return self.add_geom(
            self.spec.worldbody, owner, kind, ("box", size), pose, bits=bits, rgba=rgba
        )

    def placeholder(self) -> str | None:
        """Return the name of any free body, for welds that get their body at run time."""
        for body in self.spec.bodies:
            if body.name.startswith(("part:", "tray:")):
                return str(body.name)
        return None

    def add_weld(self, name: str, body: str, settling: float) -> None:
        """Add an inactive weld between a body and whatever it will hold.

        Args:
            name: Its name.
            body: The body that holds.
            settling: Time constant in which it draws the held body into place [s].
        """
        other = self.placeholder()
        if other is None:
            return
        weld = self.spec.add_equality(
            name=name,
            type=mujoco.mjtEq.mjEQ_WELD,
            objtype=mujoco.mjtObj.mjOBJ_BODY,
            name1=body,
            name2=other,
            active=False,
        )
        weld.solref = [settling, 1.0]
        weld.solimp = [0.99, 0.999, 0.001, 0.5, 2.0]

    def add_drive(self, joint: str) -> None:
        """Add a servo, force = ctrl - kp q - kd dq; the gains come once the masses are known."""
        actuator = self.spec.add_actuator(
            name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT
        )
        actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
        actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
        actuator.gainprm[0] = 1.0


def _mujoco_shape(kind: str, size: Sequence[float]) -> tuple[mujoco.mjtGeom, list[float]]:
    if kind == "box":
        return mujoco.mjtGeom.mjGEOM_BOX, [edge / 2 for edge in size]
    if kind == "cylinder":
        return mujoco.mjtGeom.mjGEOM_CYLINDER, [size[0], size[1] / 2, 0.0]
    return mujoco.mjtGeom.mjGEOM_SPHERE, [size[0], 0.0, 0.0]


def shape_of(shape: Shape) -> tuple[str, tuple[float, ...]]:
    """Return a description's shape as kind and size."""
    if shape.box_m is not None:
        return "box", shape.box_m
    assert shape.cylinder_m is not None
    return "cylinder", shape.cylinder_m
