"""The order book: what is taken in, what is refused and why, and how states follow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.orders import KittingOrder
from smart_cell.production.errors import Acknowledgement, OrderCode, OrderStateError, StoreError
from smart_cell.production.orders import OrderBook, OrderState
from smart_cell.production.validation import check_order
from smart_cell.runtime.store import MemoryStore
from support.fake_cell import kit

ORDER = kit("k1", [("gear", "red", "1"), ("valve", "green", "2")])


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("kitting")


def reachable(transporter: str, slot: str, part_type: str) -> bool:
    return slot != "4"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def book(cell: Cell, store: MemoryStore) -> OrderBook:
    return OrderBook(store, lambda order: check_order(order, cell.description, (1, 2), reachable))


def submit(book: OrderBook, order: KittingOrder) -> Acknowledgement:
    return asyncio.run(book.submit(order))


def newer(version: int = 1, **changes: Any) -> KittingOrder:
    return ORDER.model_copy(update={"order_version": version, **changes})


def test_order_is_stored_before_it_is_acknowledged(cell: Cell) -> None:
    class Watching(MemoryStore):
        async def commit(self, kind: str, key: str, record: Mapping[str, Any]) -> None:
            assert not book.entries()
            await super().commit(kind, key, record)

    store = Watching()
    book = OrderBook(store, lambda order: ())
    assert submit(book, ORDER).accepted
    assert store.records("order")["k1"]["order"] == ORDER.model_dump(mode="json")


def test_same_order_again_gets_the_same_answer(book: OrderBook) -> None:
    assert (
        submit(book, ORDER)
        == submit(book, ORDER.model_copy())
        == Acknowledgement(True, OrderCode.ACCEPTED, "", "k1", 0)
    )
    assert len(book.entries()) == 1


def test_same_id_and_version_with_other_content_is_refused(book: OrderBook) -> None:
    submit(book, ORDER)
    answer = submit(book, ORDER.model_copy(update={"priority": 3}))
    assert (answer.accepted, answer.code) == (False, OrderCode.SAME_ORDER_UPDATE_ID)
    assert "'k1' version 0" in answer.message
    assert book.entry("k1").order == ORDER


def test_older_version_is_refused(book: OrderBook) -> None:
    submit(book, newer(2))
    assert submit(book, newer(1)).code is OrderCode.OUTDATED_ORDER_UPDATE
    assert book.entry("k1").order.order_version == 2


def test_newer_version_replaces_an_open_order_and_keeps_its_place(book: OrderBook) -> None:
    submit(book, ORDER)
    submit(book, kit("k2", [("gear", "red", "1")]))
    asyncio.run(book.announce("k1", 1.0))
    assert submit(book, newer(1, priority=5)).accepted
    entry = book.entries()[0]
    assert (entry.order.priority, entry.sequence, entry.rank) == (5, 0, 0)


def test_newer_version_of_a_started_order_is_refused(book: OrderBook) -> None:
    submit(book, ORDER)
    asyncio.run(book.start("k1", "outfeed_left", 1.0))
    assert submit(book, newer()).code is OrderCode.ORDER_STARTED


def test_newer_version_of_an_ended_order_is_refused(book: OrderBook) -> None:
    submit(book, ORDER)
    asyncio.run(book.end("k1", OrderState.CANCELLED, 1.0))
    assert submit(book, newer()).code is OrderCode.ORDER_ENDED


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"transporter": "agv9"}, OrderCode.UNKNOWN_TRANSPORTER,
         "transporter: unknown transporter 'agv9'; known: outfeed_left, outfeed_right"),
        ({"destination": "moon"}, OrderCode.UNKNOWN_STATION,
         "destination: no station 'moon' for outfeed_left, outfeed_right; stations: kitting, out"),
        ({"tray_id": 7}, OrderCode.UNKNOWN_TRAY, "tray_id: there is no tray 7; trays: 1, 2"),
        ({"products": kit("x", [("cog", "red", "1")]).products}, OrderCode.UNKNOWN_PART_TYPE,
         "products[0].type: unknown part type 'cog'; known: gear, housing, bearing, valve"),
        ({"products": kit("x", [("gear", "pink", "1")]).products}, OrderCode.UNKNOWN_COLOR,
         "products[0].color: no gear in 'pink'; colours: red, blue"),
        ({"products": kit("x", [("gear", "red", "9")]).products}, OrderCode.UNKNOWN_SLOT,
         "products[0].slot: no slot '9'; slots: 1, 2, 3, 4"),
        ({"products": kit("x", [("gear", "red", "4")]).products}, OrderCode.UNREACHABLE_SLOT,
         "within reach: outfeed_left/1, outfeed_left/2, outfeed_left/3, outfeed_right/1"),
    ],
)  # fmt: skip
def test_order_that_the_cell_cannot_do_is_refused_with_field_value_and_allowed(
    book: OrderBook, changes: dict[str, Any], code: OrderCode, text: str
) -> None:
    submit(book, kit("kept", [("gear", "red", "1")]))
    answer = submit(book, ORDER.model_copy(update=changes))
    assert (answer.accepted, answer.code) == (False, code)
    assert text in answer.message
    assert [entry.order_id for entry in book.entries()] == ["kept"]


def test_all_reasons_are_given_at_once(book: OrderBook) -> None:
    order = kit("x", [("cog", "red", "1"), ("gear", "pink", "9")], "moon", tray_id=7)
    assert submit(book, order).message.count(";") >= 3


def test_order_is_not_accepted_if_it_cannot_be_stored(cell: Cell) -> None:
    class Full(MemoryStore):
        async def commit(self, kind: str, key: str, record: Mapping[str, Any]) -> None:
            raise StoreError("the disk is full")

    book = OrderBook(Full(), lambda order: ())
    answer = submit(book, ORDER)
    assert (answer.accepted, answer.code) == (False, OrderCode.STORE_FAILED)
    assert "the disk is full" in answer.message
    assert book.entries() == ()


def test_number_of_open_orders_is_bounded_and_ended_ones_do_not_count(store: MemoryStore) -> None:
    book = OrderBook(store, lambda order: (), max_open_orders=2)
    for name in ("a", "b"):
        assert submit(book, kit(name, [("gear", "red", "1")])).accepted
    third = kit("c", [("gear", "red", "1")])
    answer = submit(book, third)
    assert answer.code is OrderCode.TOO_MANY_ORDERS
    assert "2 orders are open; allowed: 2" in answer.message
    asyncio.run(book.end("a", OrderState.FAILED, 1.0))
    assert submit(book, third).accepted


def test_number_of_open_products_is_bounded(store: MemoryStore) -> None:
    book = OrderBook(store, lambda order: (), max_open_products=3)
    assert submit(book, ORDER).accepted
    answer = submit(book, kit("k2", [("gear", "red", "1"), ("gear", "red", "2")]))
    assert answer.code is OrderCode.TOO_MANY_PRODUCTS


FOLLOWING = {
    OrderState.OPEN: {OrderState.STARTED, OrderState.CANCELLED, OrderState.FAILED},
    OrderState.STARTED: {
        OrderState.DONE, OrderState.PARTIAL, OrderState.CANCELLED, OrderState.FAILED,
    },
}  # fmt: skip


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("following", list(OrderState))
def test_state_follows_only_where_it_may(
    book: OrderBook, state: OrderState, following: OrderState
) -> None:
    async def change(target: OrderState) -> None:
        if target is OrderState.STARTED:
            await book.start("k1", "outfeed_left", 1.0)
        else:
            await book.end("k1", target, 2.0)

    submit(book, ORDER)
    if state in (OrderState.DONE, OrderState.PARTIAL):
        asyncio.run(change(OrderState.STARTED))
    if state is not OrderState.OPEN:
        asyncio.run(change(state))
    if following in FOLLOWING.get(state, set()):
        asyncio.run(change(following))
        assert book.entry("k1").state is following
    else:
        with pytest.raises(OrderStateError, match=f"is {state.value}"):
            asyncio.run(change(following))
        assert book.entry("k1").state is state


def test_end_of_a_product_is_kept_and_stored(book: OrderBook, store: MemoryStore) -> None:
    submit(book, ORDER)
    asyncio.run(book.end_product("k1", "2", "failed", None, "none left"))
    products = store.records("order")["k1"]["products"]
    assert [item["status"] for item in products] == ["open", "failed"]
    assert book.entry("k1").products[1].reason == "none left"


def test_codes_fit_their_range() -> None:
    assert all(code == 0 or 1000 <= code <= 1099 for code in OrderCode)


def test_ten_thousand_orders_are_taken_in_and_no_more() -> None:
    book = OrderBook(MemoryStore(), lambda order: ())

    async def fill() -> None:
        for number in range(10_000):
            assert (await book.submit(kit(f"o{number}", [("gear", "red", "1")]))).accepted
        answer = await book.submit(kit("more", [("gear", "red", "1")]))
        assert answer.code is OrderCode.TOO_MANY_ORDERS

    asyncio.run(fill())
    assert len(book.open_entries()) == 10_000
