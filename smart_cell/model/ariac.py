"""Importer of NIST's ARIAC trials (2023 and 2024): kitting orders and their supply.

Other order types are refused; challenges that would have an effect are only warned of, as they are
not simulated in this version. Every trial is scored by the 2024 rules (1 + 4 n points per order)
unless the caller asks for those of 2023.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from smart_cell.model import ariac_values as nist
from smart_cell.model.ariac_document import TrialDocument, read_angle
from smart_cell.model.ariac_supply import SupplyReader
from smart_cell.model.errors import InputError, Problem
from smart_cell.model.order_file import OrderChecker
from smart_cell.model.orders import Announcement, Job, KittingOrder, Product
from smart_cell.model.yaml_reading import Location, allowed, quoted, read_yaml

if TYPE_CHECKING:
    from smart_cell.model.cell import Cell

MAX_ORDERS = 10_000


def load_trial(
    path: Path | str,
    cell: Cell,
    *,
    strict: bool = False,
    scoring: Literal["ariac2024", "ariac2023"] = "ariac2024",
    warnings: list[Problem] | None = None,
) -> Job:
    """Read an ARIAC trial.

    Args:
        path: The file.
        cell: The cell that is to do it; its names are those of the ``ariac`` cell.
        strict: Refuse what is otherwise only warned of.
        scoring: The rules by which it is scored.
        warnings: Gets the warnings.

    Raises:
        InputError: With all problems.
    """
    document = TrialDocument.of(read_yaml(path))
    job = _Trial(document, cell).read(scoring)
    if strict:
        document.problems = [dataclasses.replace(p, warning=False) for p in document.problems]
    if job is None or document.failed:
        raise InputError(document.problems)
    if warnings is not None:
        warnings.extend(sorted(document.problems))
    return job


class _Trial:
    """Reads one trial; problems go to the document."""

    def __init__(self, document: TrialDocument, cell: Cell) -> None:
        self.document = document
        self.cell = cell

    def read(self, scoring: Literal["ariac2024", "ariac2023"]) -> Job | None:
        document = self.document
        data = document.data
        if not isinstance(data, dict):
            document.say((), "a trial must hold keys and values")
            return None
        document.unknown_keys((), data, nist.TRIAL_KEYS)
        supply = SupplyReader(document, self.cell).read(data)
        self._inserts(data.get("assembly_inserts"))
        self._challenges(data.get("challenges"))
        limit = self._time_limit(data.get("time_limit"))
        orders = self._orders(data.get("orders"))
        checker = OrderChecker(document, self.cell.description, supply, lenient=True)
        kept = checker.check(orders)
        if document.failed or not kept:
            return None
        return Job(orders=kept, supply=supply, scoring=scoring, time_limit_s=limit)

    def _time_limit(self, value: object) -> float | None:
        if value is None:
            return None
        seconds = nist.decimal(value)
        if seconds is None:
            self.document.say(("time_limit",), f"must be seconds or -1; got {quoted(value)}")
            return None
        if seconds > 0.0:
            return seconds
        if seconds != -1.0:
            text = f"{seconds:g} s is taken as no limit; no limit is written -1"
            self.document.say(("time_limit",), text, warning=True)
        return None

    def _inserts(self, value: Any) -> None:
        """Warn of insert angles that NIST's parser misreads; kitting has no use for them."""
        stations = ("as1", "as2", "as3", "as4")
        self.document.unknown_keys(("assembly_inserts",), value, stations)
        for name in stations if isinstance(value, dict) else ():
            if value.get(name) is not None:
                read_angle(self.document, ("assembly_inserts", name), value[name])

    def _orders(self, value: object) -> list[tuple[Location, KittingOrder]]:
        if not isinstance(value, list) or not value:
            self.document.say(("orders",), "a trial must have a list of orders")
            return []
        if len(value) > MAX_ORDERS:
            self.document.say(("orders",), f"{len(value)} orders; {MAX_ORDERS} are allowed")
            return []
        orders: list[tuple[Location, KittingOrder]] = []
        for index, item in enumerate(value):
            place: Location = ("orders", index)
            order = self._order(place, item) if isinstance(item, dict) else None
            if not isinstance(item, dict):
                self.document.say(place, f"an order must hold keys and values; got {quoted(item)}")
            elif order is not None:
                orders.append((place, order))
        return orders

    def _order(self, place: Location, item: dict[str, Any]) -> KittingOrder | None:
        self.document.unknown_keys(place, item, (*nist.ORDER_KEYS, *nist.TASKS.values()))
        kind = item.get("type")
        if kind != "kitting":
            text = f"{quoted(kind)} is not an order type; allowed: kitting"
            if isinstance(kind, str) and kind in nist.TASKS:
                text = f"{kind} orders are not supported: this version does kitting orders only"
            self.document.say((*place, "type"), text)
            return None
        task = item.get("kitting_task")
        if not isinstance(task, dict):
            self.document.say((*place, "kitting_task"), "a kitting order must have a kitting_task")
            return None
        inside = (*place, "kitting_task")
        keys = ("agv_number", "tray_id", "destination", "products")
        self.document.unknown_keys(inside, task, keys)
        values = {
            "order_id": self._text((*place, "id"), item.get("id")),
            "priority": self._priority(place, item),
            "announcement": self._announcement((*place, "announcement"), item.get("announcement")),
            "transporter": self._agv((*inside, "agv_number"), task.get("agv_number")),
            "tray_id": self._integer((*inside, "tray_id"), task.get("tray_id")),
            "destination": self._destination((*inside, "destination"), task.get("destination")),
            "products": self._products((*inside, "products"), task.get("products")),
        }
        return self._built(place, values)

    def _built(self, place: Location, values: dict[str, Any]) -> KittingOrder | None:
        if any(value is None for value in values.values()):
            return None  # already reported
        try:
            return KittingOrder.model_validate(values)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                text = str(detail["msg"]).replace("Value error, ", "")
                self.document.say((*place, *detail["loc"]), text[:1].lower() + text[1:])
            return None

    def _text(self, place: Location, value: object) -> str | None:
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value)
        self.document.say(place, f"must be a text; got {quoted(value)}")
        return None

    def _integer(self, place: Location, value: object) -> int | None:
        number = nist.integer(value)
        if number is None:
            self.document.say(place, f"must be a whole number; got {quoted(value)}")
        return number

    def _priority(self, place: Location, item: dict[str, Any]) -> int:
        value = nist.boolean(item.get("priority", False))
        if value is None:
            text = f"must be true or false; got {quoted(item['priority'])}"
            self.document.say((*place, "priority"), text)
        return nist.PRIORITY if value else 0

    def _agv(self, place: Location, value: object) -> str | None:
        if value in nist.AGVS:
            return str(value)
        number = nist.integer(value)
        name = f"agv{number}"
        if number is None or name not in nist.AGVS:
            self.document.say(place, f"must be the number of an AGV, 1 to 4; got {quoted(value)}")
            return None
        return name

    def _destination(self, place: Location, value: object) -> str | None:
        station = nist.STATIONS.get(value) if isinstance(value, str) else None
        if station is None:
            known = allowed(str(value), nist.STATIONS)
            self.document.say(place, f"{quoted(value)} is not a destination; {known}")
        return station

    def _products(self, place: Location, value: object) -> tuple[Product, ...] | None:
        if not isinstance(value, list) or not value:
            self.document.say(place, "a kitting order must have a list of products")
            return None
        products: list[Product | None] = []
        for index, item in enumerate(value):
            at = (*place, index)
            if not isinstance(item, dict):
                self.document.say(at, f"must hold keys and values; got {quoted(item)}")
                products.append(None)
                continue
            self.document.unknown_keys(at, item, ("type", "color", "quadrant"))
            kind = self._text((*at, "type"), item.get("type"))
            color = self._text((*at, "color"), item.get("color"))
            quadrant = self._integer((*at, "quadrant"), item.get("quadrant"))
            complete = kind is not None and color is not None and quadrant is not None
            slot = str(quadrant)
            products.append(
                Product(type=str(kind)[:64], color=str(color)[:64], slot=slot) if complete else None
            )
        whole = tuple(product for product in products if product is not None)
        return whole if len(whole) == len(products) else None

    def _announcement(self, place: Location, value: object) -> Announcement | None:
        if value is None or value == {}:
            text = "no condition: the order is announced at the start"
            self.document.say(place, text, warning=True)
            return Announcement()
        if not isinstance(value, dict):
            self.document.say(place, f"must hold a condition; got {quoted(value)}")
            return None
        self.document.unknown_keys(place, value, nist.CONDITIONS)
        given = [name for name in value if name in nist.CONDITIONS]
        if not given:
            self.document.say(place, f"must hold one of {', '.join(nist.CONDITIONS)}")
            return None
        if len(given) > 1:
            text = f"more than one condition ({', '.join(given)}): the last one counts"
            self.document.say(place, text, warning=True)
        return self._condition((*place, given[-1]), given[-1], value[given[-1]])

    def _condition(self, place: Location, name: str, value: object) -> Announcement | None:
        if name == "time_condition":
            seconds = nist.decimal(value)
            if seconds is None or not 0.0 <= seconds <= 1e6:
                text = f"must be a time of 0 to 1000000 s; got {quoted(value)}"
                self.document.say(place, text)
                return None
            return Announcement(time_s=seconds)
        if not isinstance(value, dict):
            self.document.say(place, f"must hold keys and values; got {quoted(value)}")
            return None
        if name == "submission_condition":
            self.document.unknown_keys(place, value, ("order_id",))
            order_id = self._text((*place, "order_id"), value.get("order_id"))
            return None if order_id is None else Announcement.model_construct(submitted=order_id)
        self.document.unknown_keys(place, value, ("agv", "type", "color"))
        agv = self._agv((*place, "agv"), value.get("agv"))
        kind = self._text((*place, "type"), value.get("type"))
        color = self._text((*place, "color"), value.get("color"))
        if agv is None or kind is None or color is None:
            return None
        return Announcement(placed=(agv, kind[:64], color[:64]))

    def _challenges(self, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, list):
            self.document.say(("challenges",), f"must be a list; got {quoted(value)}")
            return
        for index, item in enumerate(value):
            place: Location = ("challenges", index)
            if not isinstance(item, dict):
                self.document.say(place, f"left out: {quoted(item)} is no challenge", warning=True)
                continue
            self.document.unknown_keys(place, item, tuple(nist.CHALLENGES))
            for name, content in item.items():
                if name in nist.CHALLENGES:
                    self._challenge((*place, name), name, content)

    def _challenge(self, place: Location, name: str, content: object) -> None:
        if not isinstance(content, dict):
            self.document.say(place, "the challenge has no content; left out", warning=True)
            return
        self.document.unknown_keys(place, content, nist.CHALLENGES[name])
        if _has_effect(name, content):
            text = f"{name} is not simulated in this version; the trial runs without it"
            self.document.say(place, text, warning=True, key=True)


def _has_effect(name: str, content: Mapping[str, Any]) -> bool:
    """Return whether a challenge would change a run."""
    if name in ("robot_malfunction", "sensor_blackout"):
        disabled = content.get("robots_to_disable") or content.get("sensors_to_disable")
        return bool(disabled) and nist.decimal(content.get("duration")) != 0.0
    if name == "faulty_part":
        return any(nist.boolean(content.get(f"quadrant{number}")) for number in range(1, 5))
    return True
