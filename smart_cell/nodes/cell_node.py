"""The cell's services and states over ROS: submit, cancel and command; orders and PackML state."""

from __future__ import annotations

from typing import Any

from smart_cell_msgs.msg import CellState, Orders
from smart_cell_msgs.msg import OrderState as OrderStateMessage
from smart_cell_msgs.srv import CancelOrder, Command, SubmitOrder

from smart_cell.model.errors import InputError
from smart_cell.model.orders import KittingOrder
from smart_cell.model.ports import Clock
from smart_cell.model.yaml_reading import parse_yaml, validate
from smart_cell.nodes import qos
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.conversions import header
from smart_cell.production.errors import Acknowledgement
from smart_cell.runtime.orchestrator import Orchestrator

#: Largest text of one order [bytes]: several times the longest one, and soon read.
MAX_ORDER = 200_000
#: Code of a text that is no order at all; the codes of refused orders are in production.errors.
MALFORMED_ORDER = 1099
#: Cell time between two looks at the orders' states [s].
PERIOD = 0.5


class CellNode:
    """The node ``/cell_node``."""

    def __init__(self, bridge: Bridge, orchestrator: Orchestrator, clock: Clock) -> None:
        """Create the node and its entities."""
        self._orchestrator, self._clock = orchestrator, clock
        node = bridge.node("cell_node")
        self._orders = bridge.publisher(node, Orders, "orders", qos.STATE)
        self._state = bridge.publisher(node, CellState, "state", qos.STATE)
        self._last: tuple[Any, ...] = ()
        bridge.serve(node, SubmitOrder, "submit_order", self._on_submit)
        bridge.serve(node, CancelOrder, "cancel_order", self._on_cancel)
        bridge.serve(node, Command, "command", self._on_command)

    def publish(self) -> None:
        """Publish orders and state if they have changed."""
        now = header(self._clock.now())
        orders = [
            OrderStateMessage(
                order_id=entry.order_id,
                kind=entry.order.kind,
                priority=entry.order.priority,
                status=entry.state.value,
                reason=entry.reason,
            )
            for entry in self._orchestrator.book.entries()
        ]
        state = self._orchestrator.state
        seen = (state, *((order.order_id, order.status) for order in orders))
        if seen != self._last:
            self._last = seen
            self._orders.publish(Orders(header=now, orders=orders))
            number = getattr(CellState, state.label.upper(), CellState.UNDEFINED)
            self._state.publish(CellState(header=now, state=number, state_name=state.label))

    async def run(self) -> None:
        """Publish until cancelled."""
        while True:
            self.publish()
            await self._clock.sleep_until(self._clock.now() + PERIOD)

    async def _on_submit(
        self, request: SubmitOrder.Request, response: SubmitOrder.Response
    ) -> SubmitOrder.Response:
        order = _parse(request.order)
        if isinstance(order, str):
            response.code, response.message = MALFORMED_ORDER, order
            return response
        return _answer(response, await self._orchestrator.submit(order))

    async def _on_cancel(
        self, request: CancelOrder.Request, response: CancelOrder.Response
    ) -> CancelOrder.Response:
        return _answer(response, await self._orchestrator.cancel(request.order_id))

    async def _on_command(
        self, request: Command.Request, response: Command.Response
    ) -> Command.Response:
        answer = self._orchestrator.command(request.command)
        response.accepted, response.message = answer.accepted, answer.message
        return response


def _answer(response: Any, answer: Acknowledgement) -> Any:
    response.accepted = answer.accepted
    response.code = int(answer.code)
    response.message = answer.message
    return response


def _parse(text: str) -> KittingOrder | str:
    """Return the order that a text holds (JSON is YAML, too), or all that is wrong with it."""
    content = text.encode()
    if len(content) > MAX_ORDER:
        return f"the order has {len(content)} bytes; allowed are {MAX_ORDER}"
    try:
        document = parse_yaml(content, "order")
        order = validate(document, KittingOrder)
        document.raise_if_failed()
    except InputError as error:
        return str(error)
    assert order is not None
    return order
