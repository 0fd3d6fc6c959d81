"""The MuJoCo model of a cell, generated from its description and its supply."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from smart_cell.model.cell import Cell
from smart_cell.model.description import PartType, TrayType
from smart_cell.model.geometry import Pose
from smart_cell.model.orders import Job
from smart_cell.simulation.layers import AFFINITY, Class, Layer, cup_bit
from smart_cell.simulation.pool import all_trays, pool_sizes
from smart_cell.simulation.scene_arms import ArmIds, add_arm, arm_ids, excluded_pairs
from smart_cell.simulation.scene_builder import TIMESTEP, SceneBuilder, shape_of
from smart_cell.simulation.scene_furniture import add_furniture, add_transporter

PARKING_Z = -50.0
_RGBA = {
    "red": (0.80, 0.12, 0.12, 1.0),
    "green": (0.10, 0.60, 0.20, 1.0),
    "blue": (0.10, 0.25, 0.80, 1.0),
    "orange": (0.95, 0.50, 0.05, 1.0),
    "purple": (0.50, 0.15, 0.65, 1.0),
    "yellow": (0.95, 0.85, 0.10, 1.0),
    "black": (0.08, 0.08, 0.08, 1.0),
    "white": (0.92, 0.92, 0.92, 1.0),
}


def color_rgba(color: str) -> tuple[float, float, float, float]:
    """Return how a part's colour is shown; an unknown name gets a fixed colour of its own."""
    if color in _RGBA:
        return _RGBA[color]
    code = zlib.crc32(color.encode())
    red, green, blue = ((code >> shift & 0xFF) / 255.0 for shift in (0, 8, 16))
    return (red, green, blue, 1.0)


@dataclass(frozen=True)
class TransporterIds:
    """Where a transporter is in the model."""

    qpos: int
    dof: int
    actuator: int
    body: int
    tree: int
    weld: int


@dataclass
class Scene:
    """The compiled model and where everything is in it.

    Attributes:
        classes: Class of each geom, shape (ngeom,); changes when a part is grasped or let go.
        owners: Name of the thing each geom belongs to.
        parts: Body ids of the part pool by type.
        trays: Number, tray type and body id of every tray.
        belts: Geom id by conveyor.
    """

    model: mujoco.MjModel
    arms: dict[str, ArmIds]
    transporters: dict[str, TransporterIds]
    classes: NDArray[np.int8]
    owners: list[str]
    parts: dict[str, list[int]]
    trays: list[tuple[int, str, int]]
    belts: dict[str, int]


def build_scene(cell: Cell, job: Job) -> Scene:
    """Generate the model of a cell with everything that a job's supply needs.

    Raises:
        ValueError: MuJoCo cannot make a model of it (its message says of what).
    """
    builder = SceneBuilder(cell, _new_spec())
    floor = builder.spec.worldbody.add_geom(
        name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1]
    )
    floor.contype, floor.conaffinity = int(Layer.STATIC), AFFINITY[Layer.STATIC]
    builder.marks["floor"] = (Class.FLOOR, "floor")
    add_furniture(builder)
    parts, trays = _add_pools(builder, job)
    for index, name in enumerate(cell.description.arms):
        add_arm(builder, name, cup_bit(index))
    for name in cell.description.transporters:
        add_transporter(builder, name)
    for one, other in excluded_pairs(builder):
        builder.spec.add_exclude(bodyname1=one, bodyname2=other)
    model = builder.spec.compile()
    return Scene(
        model=model,
        arms={
            name: arm_ids(cell, model, name, cup_bit(index))
            for index, name in enumerate(cell.description.arms)
        },
        transporters={
            name: _transporter_ids(model, name) for name in cell.description.transporters
        },
        classes=np.array(
            [builder.marks[model.geom(i).name][0] for i in range(model.ngeom)], dtype=np.int8
        ),
        owners=[builder.marks[model.geom(i).name][1] for i in range(model.ngeom)],
        parts={kind: [model.body(name).id for name in names] for kind, names in parts.items()},
        trays=[
            (number, kind, model.body(name).id)
            for name, (number, kind) in zip(trays, all_trays(cell, job), strict=True)
        ],
        belts={name: model.geom(f"belt:{name}").id for name in cell.description.conveyors},
    )


def _new_spec() -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.option.timestep = TIMESTEP
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    spec.compiler.boundmass = 1e-4
    spec.compiler.boundinertia = 1e-7
    return spec


def _add_pools(builder: SceneBuilder, job: Job) -> tuple[dict[str, list[str]], list[str]]:
    """Add the bodies; return the names of those of each part type, and of the trays."""
    cell = builder.cell
    parts: dict[str, list[str]] = {}
    for row, (kind, count) in enumerate(pool_sizes(cell, job).items()):
        parts[kind] = [f"part:{kind}:{i}" for i in range(count)]
        for column, name in enumerate(parts[kind]):
            _add_part(builder, name, cell.description.part_types[kind], row, column)
    trays: list[str] = []
    for column, (_, kind) in enumerate(all_trays(cell, job)):
        trays.append(f"tray:{column}")
        _add_tray(builder, trays[-1], cell.description.tray_types[kind], column)
    return parts, trays


def _add_part(builder: SceneBuilder, name: str, kind: PartType, row: int, column: int) -> None:
    body = builder.spec.worldbody.add_body(
        name=name, pos=[float(column), 10.0 + row, PARKING_Z], gravcomp=1.0
    )
    body.add_freejoint(name=name)
    centre = Pose((kind.center_xy_m[0], kind.center_xy_m[1], kind.height / 2))
    bits = (int(Layer.PART), AFFINITY[Layer.PART])
    geom = builder.add_geom(body, name, Class.PART, shape_of(kind.shape), centre, bits=bits)
    geom.mass = kind.mass_kg
    geom.friction[0] = kind.friction
    geom.priority = 2


def _add_tray(builder: SceneBuilder, name: str, kind: TrayType, column: int) -> None:
    body = builder.spec.worldbody.add_body(
        name=name, pos=[float(column), 0.0, PARKING_Z], gravcomp=1.0
    )
    body.add_freejoint(name=name)
    bits = (int(Layer.TRAY), AFFINITY[Layer.TRAY])
    centre = Pose((0.0, 0.0, -kind.size_m[2] / 2))
    geom = builder.add_geom(body, name, Class.TRAY, ("box", kind.size_m), centre, bits=bits)
    geom.mass = kind.mass_kg
    geom.friction[0] = kind.friction
    geom.priority = 1


def _transporter_ids(model: mujoco.MjModel, name: str) -> TransporterIds:
    joint = model.joint(f"transporter:{name}")
    body = model.body(f"transporter:{name}").id
    weld = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_EQUALITY, f"lock:{name}")
    return TransporterIds(
        qpos=int(joint.qposadr[0]),
        dof=int(joint.dofadr[0]),
        actuator=model.actuator(f"transporter:{name}").id,
        body=body,
        tree=int(model.body_treeid[body]),
        weld=weld,
    )
