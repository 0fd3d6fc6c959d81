"""Random kitting jobs for the cells that ship: seeded, small, and with a known right end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.orders import Announcement, Job, KittingOrder, Product
from smart_cell.model.supply import BeltPart, BeltSupply, PartPlacement, Supply, TrayPlacement

Kind = tuple[str, str]

#: Cell time in which any of these jobs must have ended [s].
TIME_LIMIT = 1800.0


@dataclass(frozen=True)
class RandomJob:
    """A job, and how its orders must end if nothing goes wrong.

    Attributes:
        expected: Order id -> ``done``, or ``partial`` (or ``failed``, if it gets no part at all).
    """

    job: Job
    expected: dict[str, str]


def random_job(cell: Cell, seed: int) -> RandomJob:
    """Return the job of a seed for the cell ``kitting`` or ``ariac``."""
    rng = np.random.default_rng([seed, 4711])
    if cell.description.bins:
        return _from_bins(cell, rng)
    return _from_belt(cell, rng)


def _kinds(cell: Cell) -> list[Kind]:
    return [(n, color) for n, part in cell.description.part_types.items() for color in part.colors]


def _orders(
    cell: Cell, rng: np.random.Generator, transporters: list[str | None], trays: list[int | None]
) -> list[KittingOrder]:
    kinds = _kinds(cell)
    first = next(iter(cell.description.transporters.values()))
    slots = list(cell.description.tray_types[first.tray_type].slots)
    (exit_,) = [name for name, station in first.stations.items() if station.delivers]
    orders = []
    for number, (transporter, tray_id) in enumerate(zip(transporters, trays, strict=True)):
        used = rng.permutation(len(slots))[: rng.integers(1, len(slots) + 1)]
        products = []
        for index in used:
            part_type, color = kinds[int(rng.integers(len(kinds)))]
            products.append(Product(type=part_type, color=color, slot=slots[int(index)]))
        when = float(rng.integers(0, 30)) if rng.random() < 0.3 else None
        orders.append(
            KittingOrder(
                order_id=f"order-{number}",
                priority=int(rng.random() < 0.2),
                announcement=Announcement(time_s=when),
                transporter=transporter,
                tray_id=tray_id,
                destination=exit_,
                products=tuple(products),
            )
        )
    return orders


def _from_belt(cell: Cell, rng: np.random.Generator) -> RandomJob:
    """One to three kits from a belt that brings most kinds, some of them upside down as well."""
    count = int(rng.integers(1, 4))
    choice = [None, *cell.description.transporters]
    transporters = [choice[int(rng.integers(len(choice)))] for _ in range(count)]
    orders = _orders(cell, rng, transporters, [None] * count)
    wanted = list(dict.fromkeys((p.type, p.color) for o in orders for p in o.products))
    left_out = {wanted[int(rng.integers(len(wanted)))]} if rng.random() < 0.1 else set()
    others = [kind for kind in _kinds(cell) if rng.random() < 0.2]
    fed = [kind for kind in dict.fromkeys([*wanted, *others]) if kind not in left_out]
    parts = [_belt_part(kind, rng, flipped=False) for kind in fed]
    parts += [_belt_part(kind, rng, flipped=True) for kind in fed if rng.random() < 0.1]
    if not parts:
        parts = [_belt_part(kind, rng, flipped=True) for kind in wanted]
    shuffled = tuple(parts[int(index)] for index in rng.permutation(len(parts)))
    belt = BeltSupply(
        conveyor=next(iter(cell.description.conveyors)),
        period_s=float(rng.uniform(1.5, 3.0)),
        half_spread_m=0.05,
        parts=shuffled,
    )
    available = {kind: 10**6 for kind in fed}
    job = Job(orders=tuple(orders), supply=Supply(belts=(belt,)), time_limit_s=TIME_LIMIT)
    return RandomJob(job, _expected(orders, available))


def _belt_part(kind: Kind, rng: np.random.Generator, *, flipped: bool) -> BeltPart:
    return BeltPart(
        type=kind[0],
        color=kind[1],
        offset=float(rng.uniform(-1.0, 1.0)),
        rotation_rad=float(rng.uniform(-3.1, 3.1)),
        flipped=flipped,
    )


def _from_bins(cell: Cell, rng: np.random.Generator) -> RandomJob:
    """One or two kits, each on a tray from the tables, from bins with a few parts too many."""
    count = int(rng.integers(1, 3))
    names = list(cell.description.transporters)
    transporters: list[str | None] = [names[int(i)] for i in rng.permutation(len(names))[:count]]
    trays: list[int | None] = [int(i) for i in rng.permutation(10)[:count]]
    orders = _orders(cell, rng, transporters, trays)
    places = [(n, s) for n, t in cell.description.tray_tables.items() for s in t.slots]
    stands = [places[int(i)] for i in rng.permutation(len(places))[:count]]
    placed = [
        TrayPlacement(tray_id=tray_id, table=table, slot=slot)
        for tray_id, (table, slot) in zip(trays, stands, strict=True)
        if tray_id is not None
    ]
    wanted = [(p.type, p.color) for o in orders for p in o.products]
    left_out = int(rng.integers(len(wanted))) if rng.random() < 0.1 else None
    stock = [kind for i, kind in enumerate(wanted) if i != left_out]
    spare = [kind for kind in _kinds(cell) if rng.random() < 0.1 and kind not in wanted]
    slots = [(b, s) for b in cell.description.bins for s in cell.slots(b)]
    free = [slots[int(i)] for i in rng.permutation(len(slots))]
    parts = [
        PartPlacement(
            place=free[i][0],
            slot=free[i][1],
            type=kind[0],
            color=kind[1],
            rotation_rad=float(rng.uniform(-3.1, 3.1)),
        )
        for i, kind in enumerate([*stock, *spare])
    ]
    available = {kind: stock.count(kind) for kind in dict.fromkeys(stock)}
    supply = Supply(trays=tuple(placed), parts=tuple(parts))
    job = Job(orders=tuple(orders), supply=supply, time_limit_s=TIME_LIMIT, scoring="ariac2024")
    return RandomJob(job, _expected(orders, available))


def _expected(orders: list[KittingOrder], available: dict[Kind, int]) -> dict[str, str]:
    """Return ``done`` for all orders whose parts are enough for everybody, else ``partial``."""
    demand: dict[Kind, int] = {}
    for order in orders:
        for product in order.products:
            kind = (product.type, product.color)
            demand[kind] = demand.get(kind, 0) + 1
    short = {kind for kind, count in demand.items() if available.get(kind, 0) < count}
    return {
        order.order_id: "partial"
        if any((p.type, p.color) in short for p in order.products)
        else "done"
        for order in orders
    }
