"""The order book: which orders the cell has accepted, and how far each of them is."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from smart_cell.model.orders import KittingOrder, Product
from smart_cell.model.ports import StorePort
from smart_cell.production.errors import (
    Acknowledgement,
    OrderCode,
    OrderStateError,
    Refusal,
    StoreError,
)

MAX_OPEN_ORDERS = 10_000
MAX_OPEN_PRODUCTS = 200_000


class OrderState(enum.Enum):
    """Where an order is: ``open`` until work begins, ``started``, and four ends."""

    OPEN = "open"
    STARTED = "started"
    DONE = "done"
    PARTIAL = "partial"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """True for the states that nothing follows."""
        return not _FOLLOWS[self]


_FOLLOWS: Mapping[OrderState, tuple[OrderState, ...]] = {
    OrderState.OPEN: (OrderState.STARTED, OrderState.CANCELLED, OrderState.FAILED),
    OrderState.STARTED: (
        OrderState.DONE,
        OrderState.PARTIAL,
        OrderState.CANCELLED,
        OrderState.FAILED,
    ),
    OrderState.DONE: (),
    OrderState.PARTIAL: (),
    OrderState.CANCELLED: (),
    OrderState.FAILED: (),
}


@dataclass(frozen=True)
class ProductStatus:
    """How far a product is: ``open``, ``done`` or ``failed``; its part, or why there is none."""

    product: Product
    status: str = "open"
    part_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class OrderEntry:
    """One accepted order. Times are cell times [s].

    Attributes:
        order: What was ordered.
        sequence: Number of the order in the sequence of acceptance, from 0.
        rank: Number of the order in the sequence of announcement; None = not announced yet.
        transporter: The transporter that carries it, once it is started.
        score: Points and maximum, where the job is scored.
    """

    order: KittingOrder
    sequence: int
    products: tuple[ProductStatus, ...]
    state: OrderState = OrderState.OPEN
    rank: int | None = None
    announced: float | None = None
    started: float | None = None
    ended: float | None = None
    transporter: str | None = None
    reason: str = ""
    score: tuple[int, int] | None = None

    @property
    def order_id(self) -> str:
        """The order's id."""
        return self.order.order_id

    def record(self) -> dict[str, Any]:
        """Return the entry as JSON values, for the store."""
        return {
            "order": self.order.model_dump(mode="json"),
            "sequence": self.sequence,
            "state": self.state.value,
            "rank": self.rank,
            "announced_s": self.announced,
            "started_s": self.started,
            "ended_s": self.ended,
            "transporter": self.transporter,
            "reason": self.reason,
            "score": None if self.score is None else list(self.score),
            "products": [
                {
                    "slot": item.product.slot,
                    "status": item.status,
                    "part_id": item.part_id,
                    "reason": item.reason,
                }
                for item in self.products
            ],
        }


class OrderBook:
    """Accepts orders and keeps their states; a change is committed to the store before it counts.

    Owned by the orchestrator; used from one asyncio loop.
    """

    def __init__(
        self,
        store: StorePort,
        check: Callable[[KittingOrder], tuple[Refusal, ...]],
        *,
        max_open_orders: int = MAX_OPEN_ORDERS,
        max_open_products: int = MAX_OPEN_PRODUCTS,
    ) -> None:
        """Begin with an empty book; ``check`` says what a cell cannot do of an order."""
        self._store = store
        self._check = check
        self._max_open_orders = max_open_orders
        self._max_open_products = max_open_products
        self._entries: dict[str, OrderEntry] = {}
        self._open: dict[str, OrderEntry] = {}
        self._open_products = 0
        self._ranks = 0
        self._lock = asyncio.Lock()

    def entries(self) -> tuple[OrderEntry, ...]:
        """Return all accepted orders in the sequence of acceptance."""
        return tuple(self._entries.values())

    def entry(self, order_id: str) -> OrderEntry:
        """Return one accepted order.

        Raises:
            KeyError: There is none of that id.
        """
        return self._entries[order_id]

    def open_entries(self) -> tuple[OrderEntry, ...]:
        """Return the orders that have not ended, in the sequence of acceptance."""
        return tuple(self._open.values())

    async def submit(self, order: KittingOrder) -> Acknowledgement:
        """Take an order in: validate, commit, then acknowledge.

        The same id and version with the same content gets the same answer again; with other
        content it is refused, as is an older version. A newer version replaces an order that is
        not started.
        """
        async with self._lock:
            known = self._entries.get(order.order_id)
            if known is not None:
                answer = self._answer_to_update(known, order)
                if answer is not None:
                    return answer
            refusals = self._check(order) or self._check_room(order, known)
            if refusals:
                text = "; ".join(str(refusal) for refusal in refusals)
                return refused(order, refusals[0].code, text)
            entry = OrderEntry(
                order=order,
                sequence=len(self._entries) if known is None else known.sequence,
                products=tuple(ProductStatus(product) for product in order.products),
                rank=None if known is None else known.rank,
                announced=None if known is None else known.announced,
            )
            try:
                await self._commit(entry)
            except (StoreError, OSError) as error:
                text = f"the order could not be stored and is not accepted: {error}"
                return refused(order, OrderCode.STORE_FAILED, text)
            return _accepted(order)

    def _answer_to_update(self, known: OrderEntry, order: KittingOrder) -> Acknowledgement | None:
        """Answer a known id without taking anything in, or None if ``order`` may replace it."""
        version = known.order.order_version
        where = f"order {order.order_id!r} version {order.order_version}"
        if order.order_version < version:
            text = f"{where} is older than the accepted version {version}"
            return refused(order, OrderCode.OUTDATED_ORDER_UPDATE, text)
        if order.order_version == version:
            if order == known.order:
                return _accepted(order)
            text = f"{where} is already accepted with other content; give a higher order_version"
            return refused(order, OrderCode.SAME_ORDER_UPDATE_ID, text)
        if known.state is OrderState.STARTED:
            text = f"{where}: version {version} is being worked on and cannot be replaced any more"
            return refused(order, OrderCode.ORDER_STARTED, text)
        if known.state.ended:
            text = (
                f"{where}: version {version} has ended as {known.state.value}; give a new order_id"
            )
            return refused(order, OrderCode.ORDER_ENDED, text)
        return None

    def _check_room(self, order: KittingOrder, known: OrderEntry | None) -> tuple[Refusal, ...]:
        orders = len(self._open) - (known is not None)
        if orders >= self._max_open_orders:
            text = f"{orders} orders are open; allowed: {self._max_open_orders}"
            return (Refusal(OrderCode.TOO_MANY_ORDERS, "order_id", text),)
        products = self._open_products + len(order.products)
        products -= 0 if known is None else len(known.products)
        if products > self._max_open_products:
            text = f"{products} products would be open; allowed: {self._max_open_products}"
            return (Refusal(OrderCode.TOO_MANY_PRODUCTS, "products", text),)
        return ()

    async def announce(self, order_id: str, time: float) -> OrderEntry:
        """Make an order known to the dispatcher at cell time ``time``; it gets its rank."""
        async with self._lock:
            entry = self._entries[order_id]
            if entry.rank is None:
                entry = replace(entry, rank=self._ranks, announced=time)
                self._ranks += 1
                await self._commit(entry)
            return entry

    async def start(self, order_id: str, transporter: str, time: float) -> OrderEntry:
        """Note that work on an order begins, on a transporter.

        Raises:
            OrderStateError: The order is not open.
        """
        return await self._change(
            order_id, OrderState.STARTED, transporter=transporter, started=time
        )

    async def end_product(
        self, order_id: str, slot: str, status: str, part_id: str | None, reason: str | None
    ) -> OrderEntry:
        """Note how the product for ``slot`` ended: ``done``, or ``failed`` with a reason."""
        async with self._lock:
            entry = self._entries[order_id]
            products = tuple(
                ProductStatus(item.product, status, part_id, reason)
                if item.product.slot == slot
                else item
                for item in entry.products
            )
            entry = replace(entry, products=products)
            await self._commit(entry)
            return entry

    async def end(
        self,
        order_id: str,
        state: OrderState,
        time: float,
        reason: str = "",
        score: tuple[int, int] | None = None,
    ) -> OrderEntry:
        """Note that an order has ended.

        Raises:
            OrderStateError: ``state`` does not follow the order's present state.
        """
        return await self._change(order_id, state, ended=time, reason=reason, score=score)

    async def _change(self, order_id: str, state: OrderState, **changes: Any) -> OrderEntry:
        async with self._lock:
            entry = self._entries[order_id]
            allowed = _FOLLOWS[entry.state]
            if state not in allowed:
                names = ", ".join(item.value for item in allowed) or "nothing"
                raise OrderStateError(
                    f"order {order_id!r} is {entry.state.value} and cannot become {state.value}; "
                    f"what may follow: {names}"
                )
            entry = replace(entry, state=state, **changes)
            await self._commit(entry)
            return entry

    async def _commit(self, entry: OrderEntry) -> None:
        await self._store.commit("order", entry.order_id, entry.record())
        self._entries[entry.order_id] = entry
        known = self._open.get(entry.order_id)
        self._open_products -= 0 if known is None else len(known.products)
        if entry.state.ended:
            self._open.pop(entry.order_id, None)
        else:
            self._open[entry.order_id] = entry
            self._open_products += len(entry.products)


def refused(order: KittingOrder, code: OrderCode, message: str) -> Acknowledgement:
    """Return the answer that refuses ``order``."""
    return Acknowledgement(False, code, message, order.order_id, order.order_version)


def _accepted(order: KittingOrder) -> Acknowledgement:
    return Acknowledgement(True, OrderCode.ACCEPTED, "", order.order_id, order.order_version)
