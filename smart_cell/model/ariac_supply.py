"""The supply of an ARIAC trial: trays, bins, parts on AGVs and the belt, onto the cell's names."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from smart_cell.model import ariac_values as nist
from smart_cell.model.ariac_document import TrialDocument, read_angle
from smart_cell.model.supply import BeltPart, BeltSupply, PartPlacement, Supply, TrayPlacement
from smart_cell.model.yaml_reading import Location, allowed, quoted

if TYPE_CHECKING:
    from smart_cell.model.cell import Cell

MAX_PARTS = 10_000
MAX_NUMBER = 100_000
_PART_KEYS = ("type", "color", "rotation", "flipped", "faulty")


class SupplyReader:
    """Reads ``kitting_trays`` and ``parts``; what NIST skips with a warning is skipped here too.

    Args:
        document: The trial; gets the problems.
        cell: The cell, which must know the places by NIST's names.
    """

    def __init__(self, document: TrialDocument, cell: Cell) -> None:
        """Keep what is read from."""
        self.document = document
        self.cell = cell
        self.d = cell.description

    def read(self, data: dict[str, Any]) -> Supply:
        """Return the supply."""
        trays = self._trays(data.get("kitting_trays"))
        parts = self._mapping(("parts",), data.get("parts"), ("agvs", "bins", "conveyor_belt"))
        loaded, placements = self._agvs(parts.get("agvs"))
        placements += self._bins(parts.get("bins"))
        belts = self._belt(parts.get("conveyor_belt"))
        if len(placements) > MAX_PARTS:
            text = f"{len(placements)} parts in all; {MAX_PARTS} are allowed"
            self.document.say(("parts",), text)
            placements = []
        return Supply(
            trays=tuple(trays), parts=tuple(placements), belts=tuple(belts), loaded_trays=loaded
        )

    def _warn(self, place: Location, text: str, *, key: bool = False) -> None:
        self.document.say(place, text, warning=True, key=key)

    def _mapping(
        self, place: Location, value: object, known: tuple[str, ...] | None
    ) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.document.say(place, f"must hold keys and values; got {quoted(value)}")
            return {}
        if known is not None:
            self.document.unknown_keys(place, value, known)
        return value

    def _list(self, place: Location, value: object) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.document.say(place, f"must be a list; got {quoted(value)}")
            return []
        return value

    def _trays(self, value: object) -> list[TrayPlacement]:
        place: Location = ("kitting_trays",)
        content = self._mapping(place, value, ("tray_ids", "slots"))
        numbers = self._list((*place, "tray_ids"), content.get("tray_ids"))
        slots = self._list((*place, "slots"), content.get("slots"))
        if len(numbers) != len(slots):
            text = f"{len(numbers)} tray_ids but {len(slots)} slots: no trays at all, as with NIST"
            self._warn((*place, "tray_ids"), text)
            return []
        trays: list[TrayPlacement] = []
        taken: set[int] = set()
        for index, pair in enumerate(zip(numbers, slots, strict=True)):
            number, slot = (nist.integer(item) for item in pair)
            if number is None or not 0 <= number <= 9:
                text = f"must be the number of a tray, 0 to 9; got {quoted(pair[0])}"
                self.document.say((*place, "tray_ids", index), text)
            elif slot is None or not 1 <= slot <= 6:
                text = f"must be a slot, 1 to 6; got {quoted(pair[1])}"
                self.document.say((*place, "slots", index), text)
            elif slot in taken:
                self.document.say((*place, "slots", index), f"slot {slot} is given twice")
            else:
                taken.add(slot)
                table = nist.TABLES[0 if slot <= 3 else 1]
                trays += self._tray((*place, "slots", index), number, table, str(slot))
        return trays

    def _tray(self, place: Location, number: int, table: str, slot: str) -> list[TrayPlacement]:
        described = self.d.tray_tables.get(table)
        if described is None or slot not in described.slots:
            self.document.say(place, f"cell {self.cell.name!r} has no slot {slot} of {table!r}")
            return []
        return [TrayPlacement(tray_id=number, table=table, slot=slot)]

    def _agvs(self, value: object) -> tuple[dict[str, int], list[PartPlacement]]:
        loaded: dict[str, int] = {}
        parts: list[PartPlacement] = []
        agvs = self._mapping(("parts", "agvs"), value, None)
        for name, item in agvs.items():
            place: Location = ("parts", "agvs", name)
            if name not in nist.AGVS or name not in self.d.transporters:
                text = f"is not an AGV, left out; {allowed(name, self.d.transporters)}"
                self._warn(place, text, key=True)
                continue
            content = self._mapping(place, item, ("tray_id", "parts"))
            number = nist.integer(content.get("tray_id", 0))
            if number is None or not 0 <= number <= 9:
                text = f"must be the number of a tray, 0 to 9; got {quoted(content['tray_id'])}"
                self.document.say((*place, "tray_id"), text)
                continue
            loaded[name] = number
            slots = self.cell.slots(name)
            taken: set[str] = set()
            for index, part in enumerate(self._list((*place, "parts"), content.get("parts"))):
                at = (*place, "parts", index)
                read = self._part(at, part, ("quadrant",))
                slot = str(nist.integer(part.get("quadrant"))) if isinstance(part, dict) else ""
                if read is not None and self._free((*at, "quadrant"), slot, slots, taken):
                    parts.append(PartPlacement(place=name, slot=slot, **read))
        return loaded, parts

    def _bins(self, value: object) -> list[PartPlacement]:
        parts: list[PartPlacement] = []
        bins = self._mapping(("parts", "bins"), value, None)
        for name, items in bins.items():
            place: Location = ("parts", "bins", name)
            if name not in nist.BINS or name not in self.d.bins:
                text = f"is not a bin, left out; {allowed(name, self.d.bins)}"
                self._warn(place, text, key=True)
                continue
            taken: set[str] = set()
            for index, item in enumerate(self._list(place, items)):
                at = (*place, index)
                read = self._part(at, item, ("slots",))
                if read is None:
                    continue
                wanted = item.get("slots")
                if not isinstance(wanted, list):
                    self._warn((*at, "slots"), "must be a list of slots; the part is left out")
                    continue
                for number, slot in enumerate(wanted):
                    text = str(nist.integer(slot))
                    where = (*at, "slots", number)
                    if self._free(where, text, self.cell.slots(name), taken):
                        parts.append(PartPlacement(place=name, slot=text, **read))
        return parts

    def _free(self, place: Location, slot: str, slots: tuple[str, ...], taken: set[str]) -> bool:
        """Return whether a slot is there and free, and take it."""
        if slot not in slots:
            self._warn(place, f"there is no such slot, left out; {allowed(slot, slots)}")
            return False
        if slot in taken:
            self._warn(place, f"slot {slot} is taken already; the part is left out")
            return False
        taken.add(slot)
        return True

    def _part(self, place: Location, item: object, more: tuple[str, ...]) -> dict[str, Any] | None:
        """Return type, colour, rotation and flip of a part; None if it is left out."""
        if not isinstance(item, dict):
            self._warn(place, f"must hold keys and values; {quoted(item)} is left out")
            return None
        self.document.unknown_keys(place, item, (*_PART_KEYS, *more))
        kind, color = str(item.get("type")), str(item.get("color"))
        described = self.d.part_types.get(kind)
        if described is None:
            text = f"there is no part type {quoted(kind)}, left out"
            self._warn((*place, "type"), f"{text}; {allowed(kind, self.d.part_types)}")
            return None
        if color not in described.colors:
            text = f"there is no {kind} in colour {quoted(color)}, left out"
            self._warn((*place, "color"), f"{text}; {allowed(color, described.colors)}")
            return None
        if nist.boolean(item.get("faulty")):
            text = "faulty parts are not simulated in this version; taken as good"
            self._warn((*place, "faulty"), text)
        return {
            "type": kind,
            "color": color,
            "rotation_rad": read_angle(
                self.document, (*place, "rotation"), item.get("rotation", 0)
            ),
            "flipped": self._flipped((*place, "flipped"), item),
        }

    def _flipped(self, place: Location, item: dict[str, Any]) -> bool:
        value = item.get("flipped", False)
        if value is True or value is False:
            return bool(value)
        if value in ("yes", "Yes", "YES", "on", "On", "ON"):
            return True  # YAML 1.1, which NIST's parser reads, calls these true
        if value not in ("no", "No", "NO", "off", "Off", "OFF"):
            self._warn(place, f"must be true or false; {quoted(value)} is read as false")
        return False

    def _belt(self, value: object) -> list[BeltSupply]:
        place: Location = ("parts", "conveyor_belt")
        keys = ("active", "spawn_rate", "order", "parts_to_spawn")
        content = self._mapping(place, value, keys)
        if not content or not self._active(place, content):
            return []
        parts = self._belt_parts((*place, "parts_to_spawn"), content.get("parts_to_spawn"))
        if not parts:
            return []
        period = nist.decimal(content.get("spawn_rate"))
        if period is None or not 0.0 < period <= 3600.0:
            text = "must be the seconds between parts, up to 3600; got "
            self.document.say((*place, "spawn_rate"), text + quoted(content.get("spawn_rate")))
            return []
        order = content.get("order")
        if order not in ("sequential", "random"):
            text = f"must be sequential or random; got {quoted(order)}"
            self.document.say((*place, "order"), text)
            return []
        if nist.BELT not in self.d.conveyors:
            text = f"cell {self.cell.name!r} has no conveyor {nist.BELT!r}"
            self.document.say(place, text)
            return []
        yaw = math.remainder(nist.SPAWN_YAW - self.cell.pose(nist.BELT).yaw, 2 * math.pi)
        return [
            BeltSupply(
                conveyor=nist.BELT,
                period_s=period,
                parts=tuple(parts),
                order=order,
                half_spread_m=nist.BELT_HALF_SPREAD_M,
                yaw_rad=0.0 if abs(yaw) < 1e-6 else yaw,
            )
        ]

    def _active(self, place: Location, content: dict[str, Any]) -> bool:
        active = nist.boolean(content.get("active"))
        if active is None:
            text = "must be true or false; without it NIST's belt stays empty, and so does ours"
            self._warn((*place, "active"), text)
        return bool(active)

    def _belt_parts(self, place: Location, value: object) -> list[BeltPart]:
        parts: list[BeltPart] = []
        for index, item in enumerate(self._list(place, value)):
            at = (*place, index)
            read = self._part(at, item, ("number", "offset"))
            if read is None:
                continue
            number = nist.integer(item.get("number"))
            if number is None or not 0 < number <= MAX_NUMBER:
                text = f"must be 1 to {MAX_NUMBER}; got {quoted(item.get('number'))}"
                if number is not None and number < 0:
                    self.document.say((*at, "number"), text)
                else:
                    self._warn((*at, "number"), f"{text}: the part is left out")
                continue
            offset = nist.decimal(item.get("offset", 0))
            if offset is None or not -1.0 <= offset <= 1.0:
                text = f"must be -1 to 1; {quoted(item['offset'])} is read as 0"
                self._warn((*at, "offset"), text)
                offset = 0.0
            parts.append(BeltPart(count=number, offset=offset, **read))
        return parts
