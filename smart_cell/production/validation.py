"""Checks an order against a cell: every name in it must exist there, every slot be within reach."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from smart_cell.model.description import CellDescription, TrayType
from smart_cell.model.orders import KittingOrder, Product
from smart_cell.production.errors import OrderCode, Refusal

CanPlace = Callable[[str, str, str], bool]
"""Whether any arm can put a part on a slot: transporter, slot, part type."""

_LISTED = 20


def listed(names: Iterable[object]) -> str:
    """Return names for a message, in the order given, shortened after twenty."""
    every = [str(name) for name in names]
    if not every:
        return "none"
    more = f", ... ({len(every)} in all)" if len(every) > _LISTED else ""
    return ", ".join(every[:_LISTED]) + more


def check_order(
    order: KittingOrder,
    description: CellDescription,
    tray_ids: Collection[int] | None = None,
    can_place: CanPlace | None = None,
) -> tuple[Refusal, ...]:
    """Return everything in ``order`` that this cell cannot do, in the order of its fields.

    Args:
        order: The order.
        description: The cell.
        tray_ids: Numbers of the trays that are in the cell; None = not checked.
        can_place: Whether any arm reaches a slot; None = not checked.
    """
    refusals = list(_check_carrier(order, description, tray_ids))
    carriers = suitable_transporters(order, description)
    trays = {
        name: description.tray_types[description.transporters[name].tray_type] for name in carriers
    }
    for index, product in enumerate(order.products):
        refusals.extend(_check_part(f"products[{index}]", product, description))
        if trays:
            asked = can_place if product.type in description.part_types else None
            refusals.extend(_check_slot(f"products[{index}].slot", product, trays, asked))
    return tuple(refusals)


def suitable_transporters(order: KittingOrder, description: CellDescription) -> tuple[str, ...]:
    """Return the transporters that may carry ``order`` by its names, in the cell's order."""
    names = tuple(description.transporters) if order.transporter is None else (order.transporter,)
    return tuple(
        name
        for name in names
        if name in description.transporters
        and order.destination in description.transporters[name].stations
    )


def _check_carrier(
    order: KittingOrder, description: CellDescription, tray_ids: Collection[int] | None
) -> Iterable[Refusal]:
    known = description.transporters
    if order.transporter is not None and order.transporter not in known:
        yield Refusal(
            OrderCode.UNKNOWN_TRANSPORTER,
            "transporter",
            f"unknown transporter {order.transporter!r}; known: {listed(known)}",
        )
        return
    names = list(known) if order.transporter is None else [order.transporter]
    stations = list(dict.fromkeys(s for name in names for s in known[name].stations))
    if order.destination not in stations:
        yield Refusal(
            OrderCode.UNKNOWN_STATION,
            "destination",
            f"no station {order.destination!r} for {listed(names)}; stations: {listed(stations)}",
        )
    if order.tray_id is not None and tray_ids is not None and order.tray_id not in tray_ids:
        yield Refusal(
            OrderCode.UNKNOWN_TRAY,
            "tray_id",
            f"there is no tray {order.tray_id}; trays: {listed(sorted(tray_ids))}",
        )


def _check_part(where: str, product: Product, description: CellDescription) -> Iterable[Refusal]:
    part_type = description.part_types.get(product.type)
    if part_type is None:
        yield Refusal(
            OrderCode.UNKNOWN_PART_TYPE,
            f"{where}.type",
            f"unknown part type {product.type!r}; known: {listed(description.part_types)}",
        )
    elif product.color not in part_type.colors:
        yield Refusal(
            OrderCode.UNKNOWN_COLOR,
            f"{where}.color",
            f"no {product.type} in {product.color!r}; colours: {listed(part_type.colors)}",
        )


def _check_slot(
    where: str, product: Product, trays: dict[str, TrayType], can_place: CanPlace | None
) -> Iterable[Refusal]:
    having = [name for name, tray in trays.items() if product.slot in tray.slots]
    if not having:
        slots = dict.fromkeys(slot for tray in trays.values() for slot in tray.slots)
        yield Refusal(
            OrderCode.UNKNOWN_SLOT, where, f"no slot {product.slot!r}; slots: {listed(slots)}"
        )
    elif can_place is not None and not any(
        can_place(name, product.slot, product.type) for name in having
    ):
        reachable = [
            f"{name}/{slot}"
            for name in having
            for slot in trays[name].slots
            if can_place(name, slot, product.type)
        ]
        yield Refusal(
            OrderCode.UNREACHABLE_SLOT,
            where,
            f"no arm that handles parts reaches slot {product.slot!r} of {listed(having)} with a "
            f"{product.type}; within reach: {listed(reachable)}",
        )
