"""Logical cameras: what lies in their view, as it is, after their latency."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import Detection, Detections
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.stock import Item, Stock

Callback = Callable[[Detections], None]


class VirtualCamera:
    """One logical camera; the CameraPort.

    It sees a part or tray whose frame's origin lies in its field of view and range. Nothing hides
    anything, except that what a gripper holds is hidden behind the gripper.
    """

    def __init__(self, physics: Physics, stock: Stock, cell: Cell, name: str) -> None:
        """Expose the first frame at the first step."""
        self._physics, self._stock, self.name = physics, stock, name
        camera = cell.description.cameras[name]
        pose = cell.pose(name)
        inverse = pose.inverse().matrix()
        self._rotation, self._shift = inverse[:3, :3], inverse[:3, 3]
        x, y, z, w = pose.quaternion
        self._turn = np.array([w, -x, -y, -z])
        self._slopes = np.tan(np.array(camera.field_of_view_rad) / 2)
        self._range = camera.range_m
        self._rate, self._latency = camera.rate_hz, camera.latency_s
        self._frames = 0
        self._callbacks: list[Callback] = []
        self._start = physics.time
        physics.at(self._start, self._expose)

    def subscribe(self, callback: Callback) -> None:
        """Have ``callback`` called with each frame, ``latency_s`` after its exposure."""
        self._callbacks.append(callback)

    def _expose(self) -> None:
        self._frames += 1
        self._physics.at(self._start + self._frames / self._rate, self._expose)
        if not self._callbacks:
            return
        frame = self.look()
        self._physics.at(self._physics.time + self._latency, lambda: self._deliver(frame))

    def _deliver(self, frame: Detections) -> None:
        for callback in self._callbacks:
            callback(frame)

    def look(self) -> Detections:
        """Return what is in view now."""
        coordinates = self._stock.coordinates()
        local = coordinates[:, :3] @ self._rotation.T + self._shift
        depth = local[:, 2]
        seen = (depth >= self._range[0]) & (depth <= self._range[1])
        seen &= (np.abs(local[:, :2]) <= depth[:, None] * self._slopes).all(axis=1)
        items = self._stock.items
        found: list[Detection] = []
        indices = [int(i) for i in np.flatnonzero(seen) if not items[int(i)].holder]
        turned = _quaternion_products(self._turn, coordinates[indices, 3:])
        for index, quaternion in zip(indices, turned, strict=True):
            flipped = _upside_down(coordinates[index, 3:])
            found.append(_detection(items[index], local[index], quaternion, flipped=flipped))
        return Detections(self.name, self._physics.time, tuple(found))


def _detection(item: Item, xyz: Array, wxyz: Array, *, flipped: bool) -> Detection:
    x, y, z = (float(value) for value in xyz)
    w, a, b, c = (float(value) for value in wxyz)
    part = item.kind == "part"
    return Detection(
        kind=item.kind,
        type=item.type,
        color=item.color,
        pose=Pose((x, y, z), (a, b, c, w)),
        tray_id=None if part else item.serial,
        flipped=part and flipped,
    )


def _upside_down(wxyz: Array) -> bool:
    """Whether the z axis of an orientation points down."""
    return bool(wxyz[1] * wxyz[1] + wxyz[2] * wxyz[2] > 0.5)


def _quaternion_products(left: Array, right: Array) -> Array:
    """Return left * right for each row of right; w, x, y, z; unit length."""
    w, x, y, z = left
    matrix = np.array([[w, -x, -y, -z], [x, w, -z, y], [y, z, w, -x], [z, -y, x, w]])
    products = right @ matrix.T
    norms = np.linalg.norm(products, axis=1, keepdims=True)
    result: Array = products / np.where(norms > 0.0, norms, math.inf)
    return result
