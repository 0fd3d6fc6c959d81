"""Scores of kitting orders, after the rules of NIST's ARIAC 2023 and 2024.

The published formula is used: S = (tray + sum of products + bonus - extra parts - wrong tray) x
destination, never below 0. (The 2024 competition's own program leaves out the wrong-tray penalty
and the lower bound.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from smart_cell.model.orders import KittingOrder, Product
from smart_cell.model.ports import SlotContent, TrayContent

PRIORITY_FACTOR = 3
_RIGHT = 3


@dataclass(frozen=True)
class Rules:
    """What differs between the years.

    Attributes:
        tray: Points for the right tray.
        wrong_tray: Points taken off for a wrong one.
        wrong_color: Points for the right type in a wrong colour.
        flipped: Points for the right part lying upside down.
        flipped_wrong_color: Points for the right type upside down in a wrong colour.
    """

    tray: int
    wrong_tray: int
    wrong_color: int
    flipped: int
    flipped_wrong_color: int


RULES: Mapping[str, Rules] = {
    "ariac2024": Rules(tray=1, wrong_tray=1, wrong_color=2, flipped=0, flipped_wrong_color=0),
    "ariac2023": Rules(tray=3, wrong_tray=0, wrong_color=2, flipped=2, flipped_wrong_color=1),
}


@dataclass(frozen=True)
class Score:
    """Points and the most that was possible."""

    points: int
    maximum: int

    def __add__(self, other: Score) -> Score:
        """Return the sum, as a trial's total is made of its orders."""
        return Score(self.points + other.points, self.maximum + other.maximum)


def maximum(order: KittingOrder, rules: str = "ariac2024") -> int:
    """Return the most points that ``order`` can bring, its priority factor included."""
    return _factor(order) * (RULES[rules].tray + (_RIGHT + 1) * len(order.products))


def score(
    order: KittingOrder, content: TrayContent, station: str, rules: str = "ariac2024"
) -> Score:
    """Return what ``order`` brings to the trial's total.

    Args:
        order: What was ordered.
        content: What the inspection found on the tray at submission.
        station: Where the tray was submitted.
        rules: Key of ``RULES``.
    """
    year = RULES[rules]
    found = {slot.slot: slot for slot in content.slots}
    products = [_product(product, found.get(product.slot), year) for product in order.products]
    wanted = len(order.products)
    bonus = wanted if sum(products) == _RIGHT * wanted else 0
    extra = max(0, len(content.slots) + content.extra - wanted)
    right_tray = content.tray_id is not None and order.tray_id in (None, content.tray_id)
    tray = year.tray if right_tray else -year.wrong_tray
    points = max(0, tray + sum(products) + bonus - extra) if station == order.destination else 0
    return Score(_factor(order) * points, maximum(order, rules))


def unsubmitted(order: KittingOrder, rules: str = "ariac2024") -> Score:
    """Return the score of an order that was never submitted."""
    return Score(0, maximum(order, rules))


def _product(product: Product, found: SlotContent | None, rules: Rules) -> int:
    if found is None or found.type != product.type or not found.correct_pose:
        return 0
    if found.color == product.color:
        return rules.flipped if found.flipped else _RIGHT
    return rules.flipped_wrong_color if found.flipped else rules.wrong_color


def _factor(order: KittingOrder) -> int:
    return PRIORITY_FACTOR if order.priority > 0 else 1
