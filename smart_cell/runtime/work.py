"""Work for arms: what an order wants done, how often it was tried, and how it ended."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass, field

from smart_cell.model.orders import Product


class WorkKind(enum.Enum):
    """What an arm is to do."""

    PRODUCT = "product"  # bring a part to a slot
    TRAY = "tray"  # bring a tray to a transporter
    CLEAR = "clear"  # take a part off a tray


@dataclass(frozen=True)
class Blocked:
    """How often an arm had no plan for a thing, and until when it is left alone."""

    count: int
    until: float


@dataclass(frozen=True)
class WorkEnd:
    """How a piece of work ended: the part or tray that was brought, or why none was."""

    done: bool
    thing: str | None = None
    reason: str = ""


@dataclass
class Work:
    """One piece of work, from the order that wants it to the arm that does it.

    Attributes:
        step_id: The recipe step that it is for.
        kind: What is to be done.
        order_id: The order.
        priority: Of the order.
        rank: Of the order, in the sequence of announcement.
        transporter: Where it is done.
        timeout: Deadline of each skill, from its start [s].
        retries: Failures after the first that are allowed.
        duty: Duty that the arm must have.
        product: The product (PRODUCT); what goes into its slot again (CLEAR), None = goes away.
        slot: Slot of the tray (PRODUCT, CLEAR).
        tray_id: The tray that is wanted (TRAY); None = any.
        thing: The part that is to be taken off (CLEAR).
        patience: How long to wait for a part beyond the belts' supply [s].
        excluded: Parts and trays that this work has failed with.
        blocked: Pairs of arm and thing that could not be planned.
        failures: Attempts that failed.
        attempts: Attempts in all.
        running: An arm is at it.
        cancelled: Not wanted any more; an arm that is at it puts down what it holds.
        waiting_since: Since when there is nothing to do it with [cell time]; None = there is.
        last_reason: Why the last attempt did not succeed.
    """

    step_id: str
    kind: WorkKind
    order_id: str
    priority: int
    rank: int
    transporter: str
    timeout: float
    retries: int
    end: asyncio.Future[WorkEnd]
    duty: str = "parts"
    product: Product | None = None
    slot: str = ""
    tray_id: int | None = None
    thing: str | None = None
    patience: float = 10.0
    failures: int = 0
    attempts: int = 0
    running: bool = False
    cancelled: bool = False
    waiting_since: float | None = None
    last_reason: str = ""
    excluded: set[str] = field(default_factory=set)
    blocked: dict[tuple[str, str], Blocked] = field(default_factory=dict)

    @property
    def demand(self) -> tuple[str, str]:
        """Type and colour of the part that is wanted."""
        assert self.product is not None
        return (self.product.type, self.product.color)

    def finish(self, end: WorkEnd) -> None:
        """Tell who waits how the work ended; later ends do not count."""
        if not self.end.done():
            self.end.set_result(end)


class Verdict(enum.Enum):
    """What an attempt means for the work."""

    DONE = "done"
    FAILED = "failed"  # counts; another instance is tried
    BLOCKED = "blocked"  # could not be planned: nothing moved, another arm or part is tried
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Attempt:
    """How an attempt of an arm at a piece of work ended."""

    verdict: Verdict
    reason: str = ""
