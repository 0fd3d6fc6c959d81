"""The codes with which an order is refused, and the errors of production."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from smart_cell.model.errors import SmartCellError


class OrderCode(enum.IntEnum):
    """Answers to a submitted or cancelled order; uint16, range 1000-1099, 0 = accepted."""

    ACCEPTED = 0
    SAME_ORDER_UPDATE_ID = 1001
    OUTDATED_ORDER_UPDATE = 1002
    ORDER_STARTED = 1003
    ORDER_ENDED = 1004
    UNKNOWN_ORDER = 1005
    TOO_MANY_ORDERS = 1006
    TOO_MANY_PRODUCTS = 1007
    NOT_ACCEPTING = 1008
    STORE_FAILED = 1009
    UNKNOWN_PART_TYPE = 1010
    UNKNOWN_COLOR = 1011
    UNKNOWN_TRANSPORTER = 1012
    UNKNOWN_STATION = 1013
    UNKNOWN_TRAY = 1014
    UNKNOWN_SLOT = 1015
    UNREACHABLE_SLOT = 1016


@dataclass(frozen=True)
class Refusal:
    """One reason why an order is refused.

    Attributes:
        code: Its number.
        field: Where in the order, such as ``products[2].color``.
        message: What is wrong, the value, and what is allowed.
    """

    code: OrderCode
    field: str
    message: str

    def __str__(self) -> str:
        """Return ``field: message``."""
        return f"{self.field}: {self.message}"


@dataclass(frozen=True)
class Acknowledgement:
    """Answer to a submitted or cancelled order.

    Attributes:
        accepted: True if the order is kept (or cancelled, for a cancellation).
        code: ``ACCEPTED``, or the first reason.
        message: All reasons; empty if accepted.
        order_id: The order.
        order_version: Its version.
    """

    accepted: bool
    code: OrderCode
    message: str
    order_id: str
    order_version: int


class StoreError(SmartCellError):
    """The store could not keep a record; nothing of it counts."""


class OrderStateError(SmartCellError):
    """An order was asked to change into a state that does not follow its present one."""


class InventoryError(SmartCellError):
    """A part was given a second keeper, or returned by one who does not keep it."""


class StateError(SmartCellError):
    """A command that the cell's present PackML state does not allow."""
