"""Where the arms of a cell stand at rest: in which zones, and whether something is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from smart_cell.model.cell import Cell
from smart_cell.model.geometry import Array
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.clearance import Clearance, at_positions, occupied
from smart_cell.runtime.motion.furniture import (
    Surroundings,
    base_solids,
    fixed_solids,
    transporter_solids,
)
from smart_cell.runtime.motion.solids import Solid


@dataclass(frozen=True)
class StandingFault:
    """A position of an arm's description in which it cannot stand.

    Attributes:
        arm: Which arm.
        place: Keys of the position below the arm: ``home`` or ``ready_poses`` and a name.
        text: Why not.
    """

    arm: str
    place: tuple[str, ...]
    text: str


def zone_boxes(cell: Cell) -> list[Solid]:
    """Return the zones of a cell, in the order of the description, in the world."""
    return [
        Solid.box(name, cell.pose(name).matrix(), zone.size_m)
        for name, zone in cell.description.zones.items()
    ]


def resting_zones(model: ArmModel, zones: Sequence[Solid]) -> tuple[str, ...]:
    """Return the names of the zones in which an arm stands at home."""
    inside = occupied(at_positions(model, model.home[None], None), zones)[0]
    return tuple(zone.name for zone, there in zip(zones, inside, strict=True) if there)


def standing_faults(cell: Cell) -> Iterator[StandingFault]:
    """Yield what is wrong with where the arms stand when the cell starts.

    An arm at home must be clear of everything, and no zone can be the resting place of two arms:
    it is an arm's own for ever. Ready poses are looked at where no external axis moves them.
    """
    models = {name: ArmModel(cell, name) for name in cell.description.arms}
    fixed, zones = fixed_solids(cell), zone_boxes(cell)
    around = transporter_solids(cell, Surroundings.at_home(cell))
    owners: dict[str, str] = {}
    for name, model in models.items():
        clearance = Clearance(model, (*fixed, *base_solids(models, name)))
        for place, q in _positions(model):
            hit = clearance.first_hit(at_positions(model, q[None], None), around)
            if hit is not None:
                depth = f"{abs(hit.depth) * 1000:.0f} mm"
                how = f"{depth} deep" if hit.depth >= 0.0 else f"only {depth} away"
                yield StandingFault(name, place, f"{hit.link} is in {hit.obstacle} ({how})")
        for zone in resting_zones(model, zones):
            owner = owners.setdefault(zone, name)
            if owner != name:
                text = f"it rests in zone {zone!r}, in which {owner} rests, too"
                yield StandingFault(name, ("home",), text)


def _positions(model: ArmModel) -> Iterator[tuple[tuple[str, ...], Array]]:
    yield ("home",), model.home
    if not model.externals:
        for pose in model.description.ready_poses:
            yield ("ready_poses", pose), model.ready(pose)
