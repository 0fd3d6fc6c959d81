"""A kit against its order: which products are right, and what is wrong in words."""

from __future__ import annotations

from smart_cell.model.orders import Product
from smart_cell.model.ports import SlotContent, TrayContent


def content_of(content: TrayContent, slot: str) -> SlotContent | None:
    """Return what an inspection found in a slot; None if it is empty."""
    return next((item for item in content.slots if item.slot == slot), None)


def is_right(product: Product, found: SlotContent | None) -> bool:
    """Return whether a slot holds its product, the right way up and in place."""
    return (
        found is not None
        and (found.type, found.color) == (product.type, product.color)
        and found.correct_pose
        and not found.flipped
    )


def difference(product: Product, found: SlotContent | None) -> str:
    """Say in words what is wrong with a slot."""
    if found is None:
        return f"slot {product.slot} is empty"
    if (found.type, found.color) != (product.type, product.color):
        return (
            f"slot {product.slot} holds a {found.color} {found.type} "
            f"instead of a {product.color} {product.type}"
        )
    if found.flipped:
        return f"the {product.color} {product.type} in slot {product.slot} is upside down"
    return f"the {product.color} {product.type} in slot {product.slot} is out of place"


def surplus(content: TrayContent, products: tuple[Product, ...]) -> tuple[SlotContent, ...]:
    """Return what lies in slots for which nothing is ordered."""
    wanted = {product.slot for product in products}
    return tuple(found for found in content.slots if found.slot not in wanted)
