"""Orders: what a customer of the cell asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smart_cell.model.supply import Number, Slot, Supply, Text, TrayId

OrderId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


class OrderModel(BaseModel):
    """Base of the order models: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Announcement(OrderModel):
    """When an order becomes known; at most one condition, none = at the start.

    Attributes:
        time_s: Cell time after the start.
        placed: Fires when such a part is placed on a transporter: transporter, type, color.
        submitted: Fires when the order with that id has been submitted.
    """

    time_s: Annotated[Number, Field(ge=0.0, le=1e6)] | None = None
    placed: tuple[Text, Text, Text] | None = None
    submitted: OrderId | None = None

    @model_validator(mode="after")
    def _one_condition(self) -> Announcement:
        given = [c for c in (self.time_s, self.placed, self.submitted) if c is not None]
        if len(given) > 1:
            raise ValueError("give at most one of time_s, placed and submitted")
        return self


class Product(OrderModel):
    """One part of a kit: which part into which slot of the tray."""

    type: Text
    color: Text
    slot: Slot


class KittingOrder(OrderModel):
    """A kit: parts in slots of a tray, delivered to a station.

    Attributes:
        order_id: Unique in the cell.
        priority: Higher first.
        transporter: Which transporter carries the tray; None = the dispatcher chooses.
        tray_id: Number of the tray to use; None = the tray that is on the transporter.
        destination: Station of the transporter to which the finished kit goes.
    """

    order_id: OrderId
    order_version: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] = 0
    kind: Literal["kitting"] = "kitting"
    priority: Annotated[int, Field(strict=True, ge=0, le=1000)] = 0
    announcement: Announcement = Announcement()
    transporter: Text | None = None
    tray_id: TrayId | None = None
    destination: Text
    products: tuple[Product, ...] = Field(min_length=1, max_length=256)

    @model_validator(mode="after")
    def _slots_once(self) -> KittingOrder:
        slots = [product.slot for product in self.products]
        twice = sorted({slot for slot in slots if slots.count(slot) > 1})
        if twice:
            raise ValueError(f"each slot may be used once; used more often: {', '.join(twice)}")
        return self


class OrderFile(OrderModel):
    """A file of orders, as ``--orders`` takes it; ``supply`` replaces the cell's own."""

    orders: tuple[KittingOrder, ...] = Field(min_length=1, max_length=10_000)
    supply: Supply | None = None


class Job(OrderModel):
    """All that a run has to do: the orders, what is supplied, and how it is scored.

    Attributes:
        scoring: ``ariac2024`` or ``ariac2023`` for trials; None = no score.
        time_limit_s: Cell time after which the run ends; None = none.
    """

    orders: tuple[KittingOrder, ...] = Field(min_length=1, max_length=10_000)
    supply: Supply
    scoring: Literal["ariac2024", "ariac2023"] | None = None
    time_limit_s: Annotated[Number, Field(gt=0.0)] | None = None
