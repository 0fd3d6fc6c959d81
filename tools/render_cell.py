"""Make a picture of a cell at work: simulate it up to a moment and render the twin as PNG.

The image is written without further packages. Rendering needs OpenGL: MUJOCO_GL=egl (a graphics
driver, or Debian's libegl1) or MUJOCO_GL=osmesa (Debian's libosmesa6), the one taken by default.
"""

from __future__ import annotations

import argparse
import os
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("MUJOCO_GL", "osmesa")

import mujoco
import numpy as np
from numpy.typing import NDArray

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.errors import InputError
from smart_cell.model.ports import Clock
from smart_cell.simulation.body import Body
from smart_cell.simulation.layers import Class
from smart_cell.simulation.physics import Physics

Image = NDArray[np.uint8]

BACKGROUND = (246, 247, 249)
FLOOR = (1.0, 1.0, 1.0, 1.0)
OBSTACLE = (0.62, 0.66, 0.72, 1.0)
SURFACE = (0.74, 0.78, 0.84, 1.0)
BELT = (0.16, 0.17, 0.19, 1.0)
TRAY = (0.93, 0.80, 0.52, 1.0)
GRIPPER = (0.95, 0.55, 0.10, 1.0)


class NoEvents:
    """A run's event sink that keeps nothing."""

    def attach(self, clock: Clock) -> None:
        """Do without the clock."""

    def emit(self, kind: str, **fields: Any) -> None:
        """Forget the event."""


def paint(cell: Cell, physics: Physics) -> None:
    """Colour the scene: arms as their descriptions say, the rest by what it is."""
    scene, model = physics.scene, physics.model
    colors = {
        Class.FLOOR: FLOOR,
        Class.OBSTACLE: OBSTACLE,
        Class.SURFACE: SURFACE,
        Class.TRAY: TRAY,
        Class.GRIPPER: GRIPPER,
    }
    for geom, kind in enumerate(scene.classes):
        if (color := colors.get(Class(int(kind)))) is not None:
            model.geom_rgba[geom] = color
    for geom in scene.belts.values():
        model.geom_rgba[geom] = BELT
    for arm in cell.description.arms:
        for link in cell.urdf(arm).links.values():
            _paint_link(model, f"{arm}/{link.name}", link)


def _paint_link(model: mujoco.MjModel, name: str, link: Any) -> None:
    body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
    if body < 0:
        return
    seen = {(solid.shape, solid.size_m, solid.origin): solid.rgba for solid in link.visuals}
    first = int(model.body_geomadr[body])
    for offset, solid in enumerate(link.collisions):
        rgba = seen.get((solid.shape, solid.size_m, solid.origin))
        if rgba is not None:
            model.geom_rgba[first + offset] = rgba


def render(
    physics: Physics,
    size: tuple[int, int],
    look_at: Sequence[float],
    distance: float,
    angles: tuple[float, float],
) -> Image:
    """Return a picture of the twin as it is, shape (height, width, 3).

    Args:
        physics: The running twin.
        size: Width and height [pixels].
        look_at: Point in the middle of the picture, in the world [m].
        distance: Of the camera from that point [m].
        angles: Azimuth and elevation of the camera [degrees].
    """
    model, data = physics.model, physics.data
    width, height = size
    model.vis.global_.offwidth, model.vis.global_.offheight = 2 * width, 2 * height
    model.vis.headlight.ambient[:] = 0.5
    model.vis.headlight.diffuse[:] = 0.55
    model.vis.headlight.specular[:] = 0.1
    camera = mujoco.MjvCamera()
    camera.lookat[:] = look_at
    camera.distance, (camera.azimuth, camera.elevation) = distance, angles
    renderer = mujoco.Renderer(model, 2 * height, 2 * width)
    try:
        renderer.update_scene(data, camera)
        picture = renderer.render().astype(np.float64)
        renderer.enable_segmentation_rendering()
        renderer.update_scene(data, camera)
        picture[renderer.render()[:, :, 0] < 0] = BACKGROUND
    finally:
        renderer.close()
    # Four pixels of the large picture make one: smooth edges.
    small = picture.reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    return small.round().astype(np.uint8)


def write_png(path: Path, image: Image) -> None:
    """Write a picture, shape (height, width, 3), as PNG (RFC 2083; filter Sub on each row)."""
    height, width, _ = image.shape
    rows = image.astype(np.int16)
    rows[:, 1:] -= image[:, :-1].astype(np.int16)
    filtered = np.concatenate(
        [np.ones((height, 1), np.uint8), (rows & 0xFF).astype(np.uint8).reshape(height, -1)], axis=1
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, data in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(filtered.tobytes(), 9)),
            (b"IEND", b""),
        ):
            file.write(struct.pack(">I", len(data)) + kind + data)
            file.write(struct.pack(">I", zlib.crc32(kind + data)))


def main() -> int:
    """Simulate, take the picture, write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("image", type=Path, help="the PNG file to write")
    parser.add_argument("--cell", default="kitting", help="name or file (default: kitting)")
    parser.add_argument("--time", type=float, default=30.0, help="moment of the picture [s]")
    parser.add_argument("--size", type=int, nargs=2, default=(960, 540), help="[pixels]")
    parser.add_argument("--look-at", type=float, nargs=3, default=(0.0, -0.3, 0.8), help="[m]")
    parser.add_argument("--distance", type=float, default=3.4, help="[m]")
    parser.add_argument("--azimuth", type=float, default=248.0, help="[degrees]")
    parser.add_argument("--elevation", type=float, default=-24.0, help="[degrees]")
    args = parser.parse_args()
    try:
        cell = load_cell(args.cell)
        job = cell.job()
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    body = Body(cell, job, 0, NoEvents())
    pictures: list[Image] = []

    def take() -> None:
        paint(cell, body.twin.physics)
        angles = (args.azimuth, args.elevation)
        size = (args.size[0], args.size[1])
        pictures.append(render(body.twin.physics, size, args.look_at, args.distance, angles))
        body.orchestrator.stop("the picture is taken")

    body.twin.physics.at(args.time, take)
    body.run()
    if not pictures:
        print(f"the run ended before {args.time:g} s", file=sys.stderr)
        return 1
    write_png(args.image, pictures[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
