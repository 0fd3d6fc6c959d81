"""The order book as a state machine: whatever is submitted, nothing accepted is lost or changed."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from smart_cell.model.orders import KittingOrder
from smart_cell.production.errors import OrderCode, OrderStateError
from smart_cell.production.orders import OrderBook, OrderState
from smart_cell.runtime.store import MemoryStore
from support.fake_cell import kit

IDS = st.sampled_from(["a", "b", "c", "d"])
ENDS = st.sampled_from([s for s in OrderState if s.ended])


class Orders(RuleBasedStateMachine):
    """Compares the book with a dictionary of what was accepted."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.book = OrderBook(self.store, lambda order: (), max_open_orders=3)
        self.accepted: dict[str, KittingOrder] = {}
        self.states: dict[str, OrderState] = {}

    @rule(order_id=IDS, version=st.integers(0, 3), priority=st.integers(0, 2))
    def submit(self, order_id: str, version: int, priority: int) -> None:
        order = kit(order_id, [("gear", "red", "1")], order_version=version, priority=priority)
        answer = asyncio.run(self.book.submit(order))
        known = self.accepted.get(order_id)
        if known is not None and version < known.order_version:
            assert answer.code is OrderCode.OUTDATED_ORDER_UPDATE
        elif known is not None and version == known.order_version:
            assert answer.accepted == (order == known)
        elif known is not None and self.states[order_id] is not OrderState.OPEN:
            assert answer.code in (OrderCode.ORDER_STARTED, OrderCode.ORDER_ENDED)
        elif sum(not s.ended for n, s in self.states.items() if n != order_id) >= 3:
            assert answer.code is OrderCode.TOO_MANY_ORDERS
        else:
            assert answer.accepted
            self.accepted[order_id] = order
            self.states.setdefault(order_id, OrderState.OPEN)

    @precondition(lambda self: self.accepted)
    @rule(data=st.data())
    def announce(self, data: Any) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.accepted)))
        asyncio.run(self.book.announce(order_id, 1.0))

    @precondition(lambda self: self.accepted)
    @rule(data=st.data(), state=st.sampled_from([OrderState.STARTED, *OrderState]))
    def change(self, data: Any, state: OrderState) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.accepted)))
        before = self.states[order_id]
        if state is OrderState.STARTED:
            allowed = before is OrderState.OPEN
            action = self.book.start(order_id, "t", 1.0)
        else:
            done = state in (OrderState.DONE, OrderState.PARTIAL)
            started = before is OrderState.STARTED
            allowed = state.ended and (started or (before is OrderState.OPEN and not done))
            action = self.book.end(order_id, state, 1.0)
        try:
            asyncio.run(action)
            assert allowed
            self.states[order_id] = state
        except OrderStateError:
            assert not allowed

    @invariant()
    def nothing_is_lost(self) -> None:
        assert {entry.order_id: entry.order for entry in self.book.entries()} == self.accepted
        assert {entry.order_id: entry.state for entry in self.book.entries()} == self.states

    @invariant()
    def store_says_the_same(self) -> None:
        stored = self.store.records("order")
        assert {n: record["state"] for n, record in stored.items()} == {
            n: state.value for n, state in self.states.items()
        }

    @invariant()
    def ranks_are_given_once(self) -> None:
        ranks = [entry.rank for entry in self.book.entries() if entry.rank is not None]
        assert sorted(ranks) == list(range(len(ranks)))


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
