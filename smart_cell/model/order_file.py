"""Files of orders: reading, and checks of orders against their cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from smart_cell.model.description import CellDescription
from smart_cell.model.errors import Problem
from smart_cell.model.orders import KittingOrder, OrderFile
from smart_cell.model.supply import Supply
from smart_cell.model.supply_check import SupplyChecker, check_part
from smart_cell.model.yaml_reading import Document, Location, allowed, read_yaml, validate


def read_orders(
    path: Path | str, description: CellDescription
) -> tuple[OrderFile, tuple[Problem, ...]]:
    """Read a file of orders and check it against a cell.

    Returns:
        The orders, an order that stands twice with the same content only once; and warnings.

    Raises:
        InputError: With all problems.
    """
    document = read_yaml(path)
    file = validate(document, OrderFile)
    if file is not None:
        orders = list(enumerate(file.orders))
        supply = file.supply
    else:
        orders, supply = _healthy(document)
    checker = OrderChecker(document, description, description.supply if supply is None else supply)
    if supply is not None:
        SupplyChecker(document, description, ("supply",)).check(supply)
    kept = checker.check([(("orders", index), order) for index, order in orders])
    document.raise_if_failed()
    assert file is not None
    file = file.model_copy(update={"orders": kept})
    return file, tuple(sorted(document.problems))


def _healthy(document: Document) -> tuple[list[tuple[int, KittingOrder]], Supply | None]:
    """Return what is valid by itself of a file whose schema problems are already reported."""
    data = document.data if isinstance(document.data, dict) else {}
    orders: list[tuple[int, KittingOrder]] = []
    items = data.get("orders")
    for index, item in enumerate(items if isinstance(items, list) else ()):
        try:
            orders.append((index, KittingOrder.model_validate(item)))
        except ValidationError:
            continue  # reported by the validation of the whole file
    try:
        supply = None if data.get("supply") is None else Supply.model_validate(data["supply"])
    except ValidationError:
        supply = None  # reported too
    return orders, supply


class OrderChecker:
    """Checks orders against a cell; problems go to the document.

    Args:
        document: The file they stand in.
        description: The cell.
        supply: What there will be.
        lenient: True if a tray that is not there is only a warning (foreign trials).
    """

    def __init__(
        self,
        document: Document,
        description: CellDescription,
        supply: Supply,
        *,
        lenient: bool = False,
    ) -> None:
        """Keep what is to be checked."""
        self.document = document
        self.d = description
        self.supply = supply
        self.lenient = lenient

    def check(self, orders: Sequence[tuple[Location, KittingOrder]]) -> tuple[KittingOrder, ...]:
        """Add all problems to the document; return the orders without repetitions."""
        first: dict[str, KittingOrder] = {}
        kept: list[KittingOrder] = []
        places: dict[str, Location] = {}
        for place, order in orders:
            same = first.setdefault(order.order_id, order)
            if same is order:
                kept.append(order)
                places[order.order_id] = place
            elif same == order:
                text = f"order {order.order_id!r} stands twice with the same content; taken once"
                self.document.say((*place, "order_id"), text, warning=True)
            else:
                text = f"order {order.order_id!r} is already given with other content"
                self.document.say((*place, "order_id"), text)
            self._order(place, order)
        self._waits(first, places)
        return tuple(kept)

    def _order(self, place: Location, order: KittingOrder) -> None:
        movers = list(self.d.transporters)
        if order.transporter is not None and order.transporter not in movers:
            text = f"there is no transporter {order.transporter!r}"
            self.document.say(
                (*place, "transporter"), f"{text}; {allowed(order.transporter, movers)}"
            )
            movers = []
        elif order.transporter is not None:
            movers = [order.transporter]
        self._destination(place, order, movers)
        self._tray(place, order)
        for index, product in enumerate(order.products):
            at = (*place, "products", index)
            check_part(self.document, self.d, at, (product.type, product.color))
            self._slot((*at, "slot"), product.slot, movers)
        if order.announcement.placed is not None:
            self._placed((*place, "announcement", "placed"), order.announcement.placed)

    def _destination(self, place: Location, order: KittingOrder, movers: Sequence[str]) -> None:
        stations = {s: None for name in movers for s in self.d.transporters[name].stations}
        if stations and order.destination not in stations:
            text = f"there is no station {order.destination!r}"
            known = allowed(order.destination, stations)
            self.document.say((*place, "destination"), f"{text}; {known}")

    def _slot(self, place: Location, slot: str, movers: Sequence[str]) -> None:
        trays = [self.d.tray_types.get(self.d.transporters[name].tray_type) for name in movers]
        slots = {name: None for tray in trays if tray is not None for name in tray.slots}
        if slots and slot not in slots:
            self.document.say(place, f"the tray has no slot {slot!r}; {allowed(slot, slots)}")

    def _tray(self, place: Location, order: KittingOrder) -> None:
        if order.tray_id is None:
            return
        numbers = {tray.tray_id for tray in self.supply.trays}
        numbers.update(self.supply.loaded_trays.values())
        for name, mover in self.d.transporters.items():
            if mover.tray is not None and name not in self.supply.loaded_trays:
                numbers.add(mover.tray)
        if order.tray_id not in numbers:
            known = ", ".join(str(number) for number in sorted(numbers)) or "none"
            text = f"there is no tray {order.tray_id}; there are: {known}"
            self.document.say((*place, "tray_id"), text, warning=self.lenient)

    def _placed(self, place: Location, placed: tuple[str, str, str]) -> None:
        transporter, kind, color = placed
        if transporter not in self.d.transporters:
            known = allowed(transporter, self.d.transporters)
            self.document.say((*place, 0), f"there is no transporter {transporter!r}; {known}")
        check_part(self.document, self.d, place, (kind, color))

    def _waits(self, orders: Mapping[str, KittingOrder], places: Mapping[str, Location]) -> None:
        """Check the orders that wait for another one's submission."""
        fine: set[str] = set()
        for order_id, order in orders.items():
            awaited = order.announcement.submitted
            place = (*places[order_id], "announcement", "submitted")
            if awaited is not None and awaited not in orders:
                text = f"waits for order {awaited!r}, which is not in the file"
                self.document.say(place, f"{text}; {allowed(awaited, orders)}")
                continue
            chain = {order_id: None}
            while awaited is not None and awaited in orders:
                if awaited in chain or awaited in fine:
                    break
                chain[awaited] = None
                awaited = orders[awaited].announcement.submitted
            if awaited == order_id:
                text = "the orders wait for each other: " + " -> ".join([*chain, order_id])
                self.document.say(place, text)
            elif awaited not in chain:
                fine.update(chain)
