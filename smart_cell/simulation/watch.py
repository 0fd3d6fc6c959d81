"""The judge: collisions of the arms, and parts that fell where no one wants them."""

from __future__ import annotations

import mujoco
import numpy as np

from smart_cell.model.ports import EventSink
from smart_cell.simulation.layers import Verdict, verdicts
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.stock import Item, Stock, out_of_the_world

# Forces below this are no collision [N]; a touch that is meant is one above the other [N].
TOUCH_FORCE_N = 1.0
CRUSH_FORCE_N = 250.0
# A contact that was not seen for so long is a new one when it comes back [s].
EPISODE_GAP_S = 0.5
_LEVEL = 0.7


class Watch:
    """Looks at MuJoCo's contacts and tells of each collision and each lost part once."""

    def __init__(self, physics: Physics, stock: Stock, events: EventSink) -> None:
        """Start with a clean sheet."""
        self._physics, self._stock, self._events = physics, stock, events
        self._table = verdicts()
        self._seen: dict[tuple[str, str], float] = {}
        self._wrench = np.zeros(6)
        self.collisions = 0
        self.lost = 0

    def look(self) -> None:
        """Judge the contacts of the last step."""
        pairs = self._physics.data.contact.geom
        if not len(pairs):
            return
        classes = self._physics.scene.classes
        verdict = self._table[classes[pairs[:, 0]], classes[pairs[:, 1]]]
        for index in np.flatnonzero(verdict):
            first, second = (int(geom) for geom in pairs[index])
            if verdict[index] == Verdict.FELL:
                self._fell(first, second)
            else:
                self._judge(int(index), first, second, Verdict(int(verdict[index])))

    def _judge(self, index: int, first: int, second: int, verdict: Verdict) -> None:
        physics = self._physics
        mujoco.mj_contactForce(physics.model, physics.data, index, self._wrench)
        force = float(np.linalg.norm(self._wrench[:3]))
        contact = physics.data.contact[index]
        level = abs(float(contact.frame[2])) > _LEVEL
        meant = verdict is Verdict.TOUCH or (verdict is Verdict.STANDING and level)
        if force < (CRUSH_FORCE_N if meant else TOUCH_FORCE_N):
            return
        a, b = sorted((self._name(first), self._name(second)))
        last = self._seen.get((a, b))
        self._seen[(a, b)] = physics.time
        if last is not None and physics.time - last < EPISODE_GAP_S:
            return
        self.collisions += 1
        depth = max(0.0, -float(contact.dist))
        self._events.emit("collision", a=a, b=b, force_n=force, depth_m=depth)

    def _name(self, geom: int) -> str:
        item = self._stock.by_geom.get(geom)
        return self._physics.scene.owners[geom] if item is None else item.label

    def _fell(self, first: int, second: int) -> None:
        item = self._stock.by_geom.get(first) or self._stock.by_geom.get(second)
        if item is not None:
            self._report_lost(item)

    def look_outside(self) -> None:
        """Look for things that left the world."""
        for item, coordinates in zip(self._stock.items, self._stock.coordinates(), strict=True):
            if out_of_the_world(coordinates[:3]):
                self._report_lost(item)

    def _report_lost(self, item: Item) -> None:
        if item.lost:
            return
        item.lost = True
        self.lost += 1
        xyz = [float(value) for value in self._stock.pose(item).xyz]
        self._events.emit("part_lost", type=item.type, color=item.color, xyz=xyz)
