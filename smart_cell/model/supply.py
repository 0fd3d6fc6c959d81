"""What lies in a cell at the start and what arrives while it runs: trays, parts, belts' parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def as_text(value: object) -> object:
    """Return the name of a slot that a file gives as a number."""
    return str(value) if type(value) is int else value


Text = Annotated[str, Field(min_length=1, max_length=64)]
Slot = Annotated[str, BeforeValidator(as_text), Field(min_length=1, max_length=64)]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Angle = Annotated[Number, Field(ge=-6.2832, le=6.2832)]
TrayId = Annotated[int, Field(strict=True, ge=0, le=9999)]


class SupplyModel(BaseModel):
    """Base of the supply models: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TrayPlacement(SupplyModel):
    """An empty tray with its number on a slot of a tray table."""

    tray_id: TrayId
    table: Text
    slot: Slot


class PartPlacement(SupplyModel):
    """A part on a slot of a bin, or of the tray that a transporter carries.

    Attributes:
        place: Name of the bin or transporter.
        rotation_rad: Turn about z relative to the slot [rad].
        flipped: Lies upside down.
    """

    place: Text
    slot: Slot
    type: Text
    color: Text
    rotation_rad: Angle = 0.0
    flipped: bool = False


class BeltPart(SupplyModel):
    """A part that enters a belt, ``count`` times in a row.

    Attributes:
        offset: Lateral position in -1..1 of ``BeltSupply.half_spread_m``; positive is belt +y.
        rotation_rad: Turn about z relative to ``BeltSupply.yaw_rad``.
    """

    type: Text
    color: Text
    count: Annotated[int, Field(strict=True, ge=1, le=100_000)] = 1
    offset: Annotated[Number, Field(ge=-1.0, le=1.0)] = 0.0
    rotation_rad: Angle = 0.0
    flipped: bool = False


class BeltSupply(SupplyModel):
    """Parts that enter a belt, one every ``period_s``; the list starts again if ``repeats``.

    Attributes:
        half_spread_m: Lateral position of offset 1 [m].
        yaw_rad: Yaw of an unrotated part in the belt's frame [rad].
        order: ``sequential``, or ``random``: drawn with the seed of the run.
        limit: Parts in all; None = no end.
    """

    conveyor: Text
    period_s: Annotated[Number, Field(ge=0.01, le=3600.0)]
    parts: tuple[BeltPart, ...] = Field(min_length=1, max_length=10_000)
    order: Literal["sequential", "random"] = "sequential"
    repeats: bool = True
    half_spread_m: Annotated[Number, Field(ge=0.0, le=2.0)] = 0.0
    yaw_rad: Angle = 0.0
    limit: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None


class Supply(SupplyModel):
    """Everything that is there at the start or arrives.

    Attributes:
        loaded_trays: Trays that are on transporters at the start, by transporter; they replace the
            tray that the transporter's description gives.
    """

    trays: tuple[TrayPlacement, ...] = Field(default=(), max_length=1000)
    parts: tuple[PartPlacement, ...] = Field(default=(), max_length=10_000)
    belts: tuple[BeltSupply, ...] = Field(default=(), max_length=16)
    loaded_trays: dict[Text, TrayId] = Field(default_factory=dict, max_length=64)
