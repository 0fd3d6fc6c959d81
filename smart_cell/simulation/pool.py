"""How many parts of each type the twin needs: MuJoCo cannot add bodies while it runs."""

from __future__ import annotations

import math

from smart_cell.model.cell import Cell
from smart_cell.model.orders import Job
from smart_cell.model.supply import BeltSupply

_SPARE = 2


def _on_belt(cell: Cell, supply: BeltSupply) -> dict[str, int]:
    """Return the most parts of each type that can lie on a belt at once."""
    belt = cell.description.conveyors[supply.conveyor]
    travel = (belt.length_m - belt.spawn_x_m) / belt.speed_m_s
    room = math.ceil(travel / supply.period_s) + 1
    totals: dict[str, int] = {}
    for part in supply.parts:
        totals[part.type] = totals.get(part.type, 0) + part.count
    cycle = sum(totals.values())
    if not supply.repeats:
        return {name: min(count, room) for name, count in totals.items()}
    # In random order two cycles' parts of one type may follow one another directly.
    cycles = math.ceil(room / cycle) + 1
    return {name: min(room, count * cycles) for name, count in totals.items()}


def pool_sizes(cell: Cell, job: Job) -> dict[str, int]:
    """Return the number of bodies of each part type.

    Enough for what lies in bins and on trays at the start, what fits on the belts, and what the
    orders can take off the belts. Where it does not suffice, a spawn is delayed, with an event.
    """
    sizes: dict[str, int] = {}
    for placement in job.supply.parts:
        sizes[placement.type] = sizes.get(placement.type, 0) + 1
    wanted: dict[str, int] = {}
    for order in job.orders:
        for product in order.products:
            wanted[product.type] = wanted.get(product.type, 0) + 1
    for supply in job.supply.belts:
        for name, count in _on_belt(cell, supply).items():
            taken = min(wanted.get(name, 0), 64)
            sizes[name] = sizes.get(name, 0) + count + taken + _SPARE
    return sizes


def all_trays(cell: Cell, job: Job) -> list[tuple[int, str]]:
    """Return the number and type of every tray in the cell; numbers may come twice."""
    tables, movers = cell.description.tray_tables, cell.description.transporters
    return [
        *((tray.tray_id, tables[tray.table].tray_type) for tray in job.supply.trays),
        *((number, movers[name].tray_type) for name, number in loaded_trays(cell, job).items()),
    ]


def loaded_trays(cell: Cell, job: Job) -> dict[str, int]:
    """Return the number of the tray that each transporter carries at the start."""
    loaded = {
        name: transporter.tray
        for name, transporter in cell.description.transporters.items()
        if transporter.tray is not None
    }
    return {**loaded, **job.supply.loaded_trays}
