"""How long it makes sense to wait for a part: what the supply of the belts can still bring."""

from __future__ import annotations

import math

from smart_cell.model.description import CellDescription
from smart_cell.model.supply import BeltSupply, Supply

_NOT_DRAWN = 1e-6


class Forecast:
    """Answers by when a part of a kind must have come into reach, by the supply of the job."""

    def __init__(self, description: CellDescription, supply: Supply) -> None:
        """Know the belts and what is fed onto them."""
        self._description = description
        self._belts = supply.belts

    def latest(self, kind: tuple[str, str], since: float, start: float) -> float | None:
        """Return the cell time [s] by which a part of ``kind`` must have come into reach.

        Args:
            kind: Type and colour.
            since: Since when one is waited for [cell time].
            start: Beginning of the supply [cell time].

        Returns:
            None if no belt brings any (any more). If parts are drawn at random: the time after
            which one would have come but for one time in a million.
        """
        times = [self._latest(belt, kind, since, start) for belt in self._belts]
        return max((time for time in times if time is not None), default=None)

    def _latest(
        self, belt: BeltSupply, kind: tuple[str, str], since: float, start: float
    ) -> float | None:
        total = sum(part.count for part in belt.parts)
        good = sum(
            part.count
            for part in belt.parts
            if (part.type, part.color) == kind and not part.flipped
        )
        conveyor = self._description.conveyors.get(belt.conveyor)
        if good == 0 or conveyor is None:
            return None
        traverse = (conveyor.pick_to_x_m - conveyor.spawn_x_m) / conveyor.speed_m_s
        share = good / total
        draws = total
        if belt.order == "random" and share < 1.0:
            draws = math.ceil(math.log(_NOT_DRAWN) / math.log1p(-share))
        latest = since + (draws + 1) * belt.period_s + traverse
        last = belt.limit if belt.repeats else min(total, belt.limit or total)
        if last is None:
            return latest
        ends = start + last * belt.period_s + traverse
        return min(latest, ends) if ends > since else None
