"""Checks of a supply against its cell: all that it names exists, and nothing is doubled."""

from __future__ import annotations

import math
from collections.abc import Iterable

from smart_cell.model.description import CellDescription, Conveyor
from smart_cell.model.supply import BeltPart, BeltSupply, PartPlacement, Supply
from smart_cell.model.yaml_reading import Document, Location, allowed

MOST_ON_BELT = 500


def check_part(
    document: Document,
    description: CellDescription,
    place: Location,
    part: tuple[str, str],
    broken: Iterable[str] = (),
) -> None:
    """Check that a part's type and colour (given as a pair) exist; problems at ``place``."""
    kind, color = part
    described = description.part_types.get(kind)
    if described is None:
        if kind not in broken:
            text = f"there is no part type {kind!r}; {allowed(kind, description.part_types)}"
            document.say((*place, "type"), text)
    elif color not in described.colors:
        text = f"there is no {kind} in colour {color!r}; {allowed(color, described.colors)}"
        document.say((*place, "color"), text)


class SupplyChecker:
    """Checks one supply; problems go to the document.

    Args:
        document: The file it stands in.
        description: The cell.
        place: Where in the file the supply stands.
        broken: Names that exist but whose description has problems.
    """

    def __init__(
        self,
        document: Document,
        description: CellDescription,
        place: Location,
        broken: Iterable[str] = (),
    ) -> None:
        """Keep what is to be checked."""
        self.document = document
        self.d = description
        self.place = place
        self.broken = frozenset(broken)

    def check(self, supply: Supply) -> None:
        """Add all problems to the document."""
        self._trays(supply)
        taken: dict[tuple[str, str], int] = {}
        for index, part in enumerate(supply.parts):
            place = (*self.place, "parts", index)
            check_part(self.document, self.d, place, (part.type, part.color), self.broken)
            self._part_place(place, part, supply)
            first = taken.setdefault((part.place, part.slot), index)
            if first != index:
                text = f"slot {part.slot!r} of {part.place!r} already holds parts[{first}]"
                self.document.say((*place, "slot"), text)
        used: set[str] = set()
        for index, belt in enumerate(supply.belts):
            self._belt((*self.place, "belts", index), belt, used)

    def _say(self, place: Location, what: str, value: str, names: Iterable[str]) -> None:
        if value not in self.broken:
            self.document.say(place, f"there is no {what} {value!r}; {allowed(value, names)}")

    def _trays(self, supply: Supply) -> None:
        numbers: dict[int, str] = {
            mover.tray: name
            for name, mover in self.d.transporters.items()
            if mover.tray is not None and name not in supply.loaded_trays
        }
        taken: set[tuple[str, str]] = set()
        for name, number in supply.loaded_trays.items():
            place = (*self.place, "loaded_trays", name)
            if name not in self.d.transporters:
                self._say(place, "transporter", name, self.d.transporters)
            self._number(place, number, name, numbers)
        for index, tray in enumerate(supply.trays):
            place = (*self.place, "trays", index)
            table = self.d.tray_tables.get(tray.table)
            if table is None:
                self._say((*place, "table"), "tray table", tray.table, self.d.tray_tables)
            elif tray.slot not in table.slots:
                self._say((*place, "slot"), f"slot of {tray.table!r}", tray.slot, table.slots)
            if (tray.table, tray.slot) in taken:
                text = f"slot {tray.slot!r} of {tray.table!r} already holds a tray"
                self.document.say((*place, "slot"), text)
            taken.add((tray.table, tray.slot))
            at = f"slot {tray.slot!r} of {tray.table!r}"
            self._number((*place, "tray_id"), tray.tray_id, at, numbers)

    def _number(self, place: Location, number: int, at: str, numbers: dict[int, str]) -> None:
        first = numbers.setdefault(number, at)
        if first != at:
            text = f"a tray {number} is already at {first}: an order can not tell them apart"
            self.document.say(place, text, warning=True)

    def _part_place(self, place: Location, part: PartPlacement, supply: Supply) -> None:
        d = self.d
        if part.place in d.bins:
            kind = d.bin_types.get(d.bins[part.place].type)
            slots = None if kind is None else kind.slots
        elif part.place in d.transporters:
            mover = d.transporters[part.place]
            tray = d.tray_types.get(mover.tray_type)
            slots = None if tray is None else tray.slots
            if mover.tray is None and part.place not in supply.loaded_trays:
                text = f"transporter {part.place!r} carries no tray: give it one in loaded_trays"
                self.document.say((*place, "place"), text)
        else:
            self._say(
                (*place, "place"), "bin or transporter", part.place, (*d.bins, *d.transporters)
            )
            return
        if slots is not None and part.slot not in slots:
            self._say((*place, "slot"), f"slot of {part.place!r}", part.slot, slots)

    def _belt(self, place: Location, belt: BeltSupply, used: set[str]) -> None:
        described = self.d.conveyors.get(belt.conveyor)
        if described is None:
            self._say((*place, "conveyor"), "conveyor", belt.conveyor, self.d.conveyors)
        elif belt.conveyor in used:
            text = f"conveyor {belt.conveyor!r} already has a supply"
            self.document.say((*place, "conveyor"), text)
        used.add(belt.conveyor)
        for index, part in enumerate(belt.parts):
            at = (*place, "parts", index)
            check_part(self.document, self.d, at, (part.type, part.color), self.broken)
            if described is not None:
                self._offset(at, belt, part, described.width_m)
        if described is not None:
            self._density((*place, "period_s"), belt, described)

    def _density(self, place: Location, belt: BeltSupply, described: Conveyor) -> None:
        travel = (described.length_m - described.spawn_x_m) / described.speed_m_s
        room = travel / belt.period_s
        most = belt.limit if belt.limit is not None else math.inf
        if not belt.repeats:
            most = min(most, sum(part.count for part in belt.parts))
        if min(room, most) > MOST_ON_BELT:
            text = f"{min(room, most):.0f} parts would lie on the belt at once"
            self.document.say(place, f"{text}; at most {MOST_ON_BELT} are allowed")

    def _offset(self, place: Location, belt: BeltSupply, part: BeltPart, width: float) -> None:
        side = abs(part.offset) * belt.half_spread_m
        if side > width / 2:
            text = f"{side:g} m from the middle is beside the belt, which is {width:g} m wide"
            self.document.say((*place, "offset"), text)
