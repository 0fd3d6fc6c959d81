"""Recipes: how an order of one kind is expanded into steps. A recipe is a data file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smart_cell.model.errors import InputError, Problem
from smart_cell.model.orders import KittingOrder, Product
from smart_cell.model.yaml_reading import Document, parse_yaml, read_yaml, validate

Seconds = Annotated[float, Field(gt=0.0, le=86_400.0, allow_inf_nan=False)]
Retries = Annotated[int, Field(ge=0, le=10)]
Duty = Literal["parts", "trays"]


class RecipeModel(BaseModel):
    """Base of the recipe models: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Step(RecipeModel):
    """What every step has: the deadline of each thing it waits for."""

    timeout_s: Seconds


class PrepareStep(_Step):
    """Bring the transporter home and rid it of a tray that is not for the order."""

    action: Literal["prepare"]
    retries: Retries = 1


class FetchTrayStep(_Step):
    """Put a tray on the transporter, if it has none that fits the order."""

    action: Literal["fetch_tray"]
    duty: Duty = "trays"
    retries: Retries = 2


class LockTrayStep(_Step):
    """Fasten the tray on the transporter."""

    action: Literal["lock_tray"]
    retries: Retries = 1


class PlaceProductStep(_Step):
    """Pick a part and place it in the product's slot; for each product of the order.

    Attributes:
        duty: The duty that an arm must have.
        retries: Other instances of the part to try after a failure.
        wait_for_part_s: How long to wait for a part that is not there, beyond the time in which the
            belts' supply must have shown one.
    """

    action: Literal["place_product"]
    each: Literal["product"]
    duty: Duty = "parts"
    retries: Retries = 2
    wait_for_part_s: Seconds = 10.0


class InspectStep(_Step):
    """Compare the tray with the order; what is wrong is repaired ``repairs`` times."""

    action: Literal["inspect"]
    repairs: Retries = 1


class DeliverStep(_Step):
    """Send the transporter to the order's destination."""

    action: Literal["deliver"]
    retries: Retries = 1


class SubmitStep(_Step):
    """Inspect at the destination, count the score, end the order."""

    action: Literal["submit"]
    minimum_products: Annotated[int, Field(ge=0, le=256)] = 1


StepModel = Annotated[
    PrepareStep
    | FetchTrayStep
    | LockTrayStep
    | PlaceProductStep
    | InspectStep
    | DeliverStep
    | SubmitStep,
    Field(discriminator="action"),
]

_SEQUENCE = (
    "prepare",
    "fetch_tray",
    "lock_tray",
    "place_product",
    "inspect",
    "deliver",
    "submit",
)
_NEEDED = ("prepare", "place_product", "deliver", "submit")


class Recipe(RecipeModel):
    """How an order of one kind is worked.

    Attributes:
        recipe: Name.
        kind: The kind of orders that it is for.
        order_limit_s: Cell time after which an order is given up.
        steps: In the order in which they are done.
    """

    recipe: Annotated[str, Field(min_length=1, max_length=64)]
    kind: Literal["kitting"]
    description: Annotated[str, Field(max_length=4000)] = ""
    order_limit_s: Seconds = 3600.0
    steps: tuple[StepModel, ...] = Field(min_length=1, max_length=32)

    @model_validator(mode="after")
    def _sequence(self) -> Recipe:
        actions = [step.action for step in self.steps]
        missing = [action for action in _NEEDED if action not in actions]
        if missing:
            raise ValueError(f"steps: these are needed and missing: {', '.join(missing)}")
        expected = [action for action in _SEQUENCE if action in actions]
        if actions != expected:
            raise ValueError(
                "steps: each action may be there once, in this order: "
                f"{', '.join(expected)}; got: {', '.join(actions)}"
            )
        return self


@dataclass(frozen=True)
class Step:
    """One thing to do for an order.

    Attributes:
        step_id: ``<order_id>/<action>`` or ``<order_id>/<action>/<slot>``, unique in the cell.
        order_id: The order.
        spec: The recipe's step that it comes from.
        product: The product, for a step that is done for each of them.
    """

    step_id: str
    order_id: str
    spec: StepModel
    product: Product | None = None


def expand(recipe: Recipe, order: KittingOrder) -> tuple[tuple[Step, ...], ...]:
    """Return the steps of ``order``: groups in sequence, the steps of a group in parallel."""
    groups = []
    for spec in recipe.steps:
        name = f"{order.order_id}/{spec.action}"
        if isinstance(spec, PlaceProductStep):
            groups.append(
                tuple(
                    Step(f"{name}/{product.slot}", order.order_id, spec, product)
                    for product in order.products
                )
            )
        else:
            groups.append((Step(name, order.order_id, spec),))
    return tuple(groups)


def load_recipe(path: Path | str) -> Recipe:
    """Read a recipe file.

    Raises:
        InputError: It cannot be read, or with all problems at once.
    """
    return _recipe(read_yaml(path))


def parse_recipe(text: str, file: str = "recipe") -> Recipe:
    """Read a recipe from text; ``file`` is its name in messages.

    Raises:
        InputError: With all problems at once.
    """
    return _recipe(parse_yaml(text.encode(), file))


def _recipe(document: Document) -> Recipe:
    recipe = validate(document, Recipe)
    document.raise_if_failed()
    if recipe is None:
        raise InputError([Problem(document.file, 1, 1, "the file holds no recipe")])
    return recipe
