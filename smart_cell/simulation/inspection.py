"""The quality check: which part truly lies in which slot of a transporter's tray."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

from smart_cell.model.geometry import Pose, least_distance
from smart_cell.model.ports import SlotContent, TrayContent
from smart_cell.simulation.completion import complete
from smart_cell.simulation.frames import quaternion_agreement
from smart_cell.simulation.physics import Physics
from smart_cell.simulation.stock import Item, Stock
from smart_cell.simulation.transporters import VirtualTransporter

POSITION_TOLERANCE_M = 0.02
ORIENTATION_AGREEMENT = 0.95
_UNFLIP = Pose((0.0, 0.0, 0.0), (1.0, 0.0, 0.0, 0.0))


class VirtualInspection:
    """The quality check over all transporters; the InspectionPort.

    A part belongs to the slot that is nearest to it, if it is nearer than half the distance of the
    two closest slots; of several the nearest counts, the others are extra. Its pose is correct
    within 2 cm and |q.q| >= 0.95 (36.4 degrees), a flipped part's as if it were turned back.
    """

    def __init__(
        self,
        physics: Physics,
        stock: Stock,
        transporters: Mapping[str, VirtualTransporter],
        communication_s: float = 0.0,
    ) -> None:
        """Look at nothing yet."""
        self._physics, self._stock, self._transporters = physics, stock, transporters
        self._communication = communication_s

    def look(self, transporter: str) -> TrayContent:
        """Return what is on a transporter's tray now."""
        carrier = self._transporters[transporter]
        tray = carrier.tray()
        if tray is None:
            return TrayContent(None, ())
        to_tray = self._stock.pose(tray).inverse()
        slots = carrier.tray_type.slots
        reach = least_distance(slots.values(), alone=0.2) / 2
        best: dict[str, tuple[float, Item, Pose]] = {}
        load = carrier.load()
        for item in load:
            pose = to_tray @ self._stock.pose(item)
            distance, slot = min(
                (math.hypot(pose.xyz[0] - x, pose.xyz[1] - y), name)
                for name, (x, y) in slots.items()
            )
            if distance <= reach and (slot not in best or distance < best[slot][0]):
                best[slot] = (distance, item, pose)
        found = tuple(_content(slot, *best[slot]) for slot in slots if slot in best)
        return TrayContent(tray.serial, found, extra=len(load) - len(found))

    async def inspect(self, transporter: str) -> TrayContent:
        """Look at the tray on a transporter."""
        future: asyncio.Future[TrayContent] = asyncio.get_running_loop().create_future()
        self._physics.at(
            self._physics.time + self._communication,
            lambda: complete(future, self.look(transporter)),
        )
        return await future


def _content(slot: str, distance: float, item: Item, pose: Pose) -> SlotContent:
    flipped = pose.matrix()[2, 2] < 0.0
    upright = pose @ _UNFLIP if flipped else pose
    aligned = quaternion_agreement(upright, Pose()) >= ORIENTATION_AGREEMENT
    return SlotContent(
        slot=slot,
        type=item.type,
        color=item.color,
        flipped=bool(flipped),
        correct_pose=bool(aligned and distance <= POSITION_TOLERANCE_M),
    )
