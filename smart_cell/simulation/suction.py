"""Suction: a gripper's cup grasps what it touches, holds it up to its force, and lets it go."""

from __future__ import annotations

import math
from collections.abc import Callable

import mujoco
import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.description import PartType, TrayType
from smart_cell.model.geometry import Array
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.scene_arms import ArmIds
from smart_cell.simulation.stock import Item, Stock

# How far from the face of a part the cup's centre may be: else the cup leaks [m].
_SEAL = 0.004
# Share of a new force value in the average that breaks a grasp: about 10 ms at 2 ms a step.
_SMOOTHING = 0.2
# A cup is soft while it is pressed: harder than this [N], as far as its stroke goes [m], until the
# tool comes nearer by less than this in a step [m]. Then it has set and holds firmly.
_PRESS_N = 15.0
_STROKE_M = 0.006
_SET_M = 2e-6
# How a weld holds: time constant [s] and impedance, soft and firm.
_SOFT = (0.02, 0.5)
_FIRM = (0.006, 0.995)


class Suction:
    """The vacuum of one gripper.

    Attributes:
        enabled: The vacuum is on.
        item: What is held; None = nothing.
        tool: The tool fitted.
        force_n: Pull on the grasp, averaged over about 10 ms [N].
        on_change: Called whenever something is grasped or lost.
    """

    def __init__(self, physics: Physics, stock: Stock, cell: Cell, arm: str, ids: ArmIds) -> None:
        """Start switched off, with the tool of the description."""
        self._physics, self._stock = physics, stock
        self._cell, self._arm, self._ids = cell, arm, ids
        self._gripper = cell.description.grippers[ids.gripper]
        data, site = physics.data, ids.tcp_site
        self._centre, self._axis = data.site_xpos[site], data.site_xmat[site, 2::3]
        self._active_before = data.eq_active[: ids.weld]
        self._cosine = math.cos(self._gripper.max_tilt_rad)
        self._parting: list[Item] = []
        self.enabled = False
        self.item: Item | None = None
        self.tool = self._gripper.tool
        self.force_n = 0.0
        self._depth = self._now = 0.0
        self._soft = False
        self.on_change: Callable[[], None] = lambda: None

    def set_enabled(self, enabled: bool) -> None:
        """Switch the vacuum; switching off lets go of what is held."""
        self.enabled = enabled
        if not enabled and self.item is not None:
            self._let_go()

    def fit(self, tool: str) -> None:
        """Wear another tool. Nothing may be held."""
        self.tool = tool
        model, cup = self._physics.model, self._ids.cup_geom
        radius = self._gripper.tools[tool].radius_m
        half = float(model.geom_size[cup, 1])
        model.geom_size[cup, 0] = radius
        model.geom_rbound[cup] = math.hypot(radius, half)
        model.geom_aabb[cup, 3:5] = radius

    def face(self) -> tuple[Array, Array]:
        """Return position of the contact face's centre and its direction, as of the last step."""
        return self._centre, self._axis

    @property
    def busy(self) -> bool:
        """Whether there is something to look after each step."""
        return self.enabled or self.item is not None or bool(self._parting)

    def update(self) -> None:
        """Grasp, break or part, after a step."""
        if self._parting:
            self._part()
        if self.item is not None:
            self._strain()
        elif self.enabled:
            self._try_grasp()

    # ------------------------------------------------------------------ grasp

    def _try_grasp(self) -> None:
        data, cup = self._physics.data, self._ids.cup_geom
        pairs = data.contact.geom
        for index in np.unique(np.nonzero(pairs == cup)[0]):
            first, second = (int(geom) for geom in pairs[index])
            item = self._stock.by_geom.get(second if first == cup else first)
            if item is not None and self._fits(item) and self._seals(item, int(index)):
                self._grasp(item)
                return

    def _fits(self, item: Item) -> bool:
        grasps = self._gripper.tools[self.tool].grasps
        return not item.holder and grasps == f"{item.kind}s" and item not in self._parting

    def _seals(self, item: Item, index: int) -> bool:
        """Whether a contact lies within the cup, square enough, the cup's centre on the face."""
        contact = self._physics.data.contact[index]
        centre, axis = self.face()
        if abs(float(np.dot(contact.frame[:3], axis))) < self._cosine:
            return False
        offset = contact.pos - centre
        radial = offset - axis * np.dot(offset, axis)
        radius = self._gripper.tools[self.tool].radius_m
        if float(np.linalg.norm(radial)) > radius + 1e-3:
            return False
        data = self._physics.data
        local = data.xmat[item.body].reshape(3, 3).T @ (centre - data.xpos[item.body])
        return _on_shape(self._kind(item), local)

    def _kind(self, item: Item) -> PartType | TrayType:
        description = self._cell.description
        if item.kind == "tray":
            return description.tray_types[item.type]
        return description.part_types[item.type]

    def _grasp(self, item: Item) -> None:
        self._physics.weld(self._ids.weld, item.body, self._ids.tcp_site)
        self._stock.set_apart(item, self._ids.cup_bit, apart=True)
        self._stock.set_held(item, self._arm)
        self.item, self.force_n = item, 0.0
        self._depth, self._now = self._distance(item), math.inf
        self._set_soft(soft=True)
        self.on_change()

    def _distance(self, item: Item) -> float:
        """Return how far an item's frame is from the contact face, along the cup's axis [m]."""
        centre, axis = self.face()
        return float((self._physics.data.xpos[item.body] - centre) @ axis)

    # ------------------------------------------------------------------ hold and let go

    def _strain(self) -> None:
        """Give way to a press; break the grasp if the pull exceeds the gripper's force."""
        data = self._physics.data
        # Equality constraints come first, in order, and all of them are welds with six rows.
        row = 6 * int(np.count_nonzero(self._active_before))
        if row + 6 > data.ne:
            return  # grasped just now: the weld counts from the next step on
        force = data.efc_force[row : row + 3]
        _, axis = self.face()
        along = float(force @ axis)
        across = force - axis * along
        if self._give_way(along):
            return
        # Pressing does not break a grasp: only the pull along the axis and the shear count.
        pull = math.sqrt(max(0.0, along) ** 2 + float(across @ across))
        self.force_n += _SMOOTHING * (pull - self.force_n)
        if self.force_n > self._gripper.break_force_n:
            self._let_go()

    def _give_way(self, along: float) -> bool:
        """Be soft while the tool presses, with a force of ``-along`` [N]; whether it is."""
        item = self.item
        assert item is not None
        before, self._now = self._now, self._distance(item)
        if self._soft:
            if before - self._now > _SET_M and self._depth - self._now < _STROKE_M:
                return True
            self._physics.weld(self._ids.weld, item.body, self._ids.tcp_site)
            self._set_soft(soft=False)
        elif along < -_PRESS_N and self._depth - self._now < _STROKE_M:
            self._set_soft(soft=True)
        return self._soft

    def _set_soft(self, *, soft: bool) -> None:
        settling, impedance = _SOFT if soft else _FIRM
        model, weld = self._physics.model, self._ids.weld
        model.eq_solref[weld, 0] = settling
        model.eq_solimp[weld, :2] = impedance
        self._soft = soft

    def _let_go(self) -> None:
        item = self.item
        assert item is not None
        self._physics.data.eq_active[self._ids.weld] = 0
        self._stock.set_held(item, "")
        self._stock.wake(item)
        self._parting.append(item)
        self.item, self.force_n = None, 0.0
        self.on_change()

    def _part(self) -> None:
        """Let cup and part collide again once they are apart; before, they overlap a little."""
        physics, cup = self._physics, self._ids.cup_geom
        for item in tuple(self._parting):
            distance = mujoco.mj_geomDistance(
                physics.model, physics.data, cup, item.geom, 0.01, None
            )
            if distance > 5e-4 or not item.present:
                self._stock.set_apart(item, self._ids.cup_bit, apart=not item.present)
                self._parting.remove(item)


def _on_shape(kind: PartType | TrayType, local: Array) -> bool:
    """Whether a point in an item's frame lies on (or just outside) its shape."""
    if isinstance(kind, TrayType):
        half = np.array(kind.size_m) / 2
        return bool((np.abs(local + (0.0, 0.0, half[2])) <= half + _SEAL).all())
    centre = np.array([*kind.center_xy_m, kind.height / 2])
    out = np.abs(local - centre)
    if kind.shape.cylinder_m is not None:
        radius, height = kind.shape.cylinder_m
        return bool(np.hypot(out[0], out[1]) <= radius + _SEAL and out[2] <= height / 2 + _SEAL)
    return bool((out <= np.array(kind.shape.extents) / 2 + _SEAL).all())
