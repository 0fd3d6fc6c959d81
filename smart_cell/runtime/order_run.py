"""One order from its start to its end: the recipe's steps on one transporter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.orders import Product
from smart_cell.model.ports import PartsPort, SlotContent, TrayContent, World
from smart_cell.production import recipe as recipes
from smart_cell.production import scoring
from smart_cell.production.inventory import Inventory
from smart_cell.production.orders import OrderBook, OrderEntry, OrderState, ProductStatus
from smart_cell.runtime.arm_worker import ArmWorker, slot_content
from smart_cell.runtime.dispatcher import Dispatcher
from smart_cell.runtime.motion.waiting import before
from smart_cell.runtime.transporter_moves import TransporterMoves
from smart_cell.runtime.work import Work, WorkEnd, WorkKind

#: How far from its slot a part on a tray may be seen and still be the one in the slot [m].
SLOT_GATE = 0.06
#: Deadline of the way back to the filling station after the delivery [s].
RETURN_TIME = 120.0


class OrderFailedError(SmartCellError):
    """An order cannot be finished; the message says why."""


class OrderCancelledError(SmartCellError):
    """An order was cancelled; raised at its next step boundary."""


@dataclass(frozen=True)
class Services:
    """What all orders of a cell share.

    Attributes:
        rules: Key of the scoring rules; None = no score.
        submitted: Told of each order that is submitted.
    """

    cell: Cell
    world: World
    parts: PartsPort
    book: OrderBook
    inventory: Inventory
    dispatcher: Dispatcher
    worker: ArmWorker
    moves: TransporterMoves
    recipe: recipes.Recipe
    rules: str | None
    submitted: Callable[[str], None]


class OrderRun:
    """Works one order. Runs as one task; used on one asyncio loop."""

    def __init__(self, services: Services, entry: OrderEntry, transporter: str) -> None:
        """Prepare to work ``entry`` on ``transporter`` (which is public for that reason)."""
        self._services = services
        self._order = entry.order
        self._rank = entry.rank or 0
        self.transporter = transporter
        self._port = services.world.transporters[transporter]
        self._clock = services.world.clock
        self._emit = services.world.events.emit
        self._cancelled = False
        self._products: dict[str, ProductStatus] = {}

    def cancel(self) -> None:
        """End the order at its next step boundary; what is placed stays."""
        self._cancelled = True
        self._services.dispatcher.cancel(self._order.order_id)

    async def run(self) -> None:
        """Work the order to its end; the transporter is free for the next one afterwards."""
        entry = await self._services.book.start(
            self._order.order_id, self.transporter, self._clock.now()
        )
        self._order = entry.order  # a newer version may have come in until now
        self._products = {product.slot: ProductStatus(product) for product in entry.order.products}
        self._emit("order_started", order_id=self._order.order_id, transporter=self.transporter)
        deadline = self._clock.now() + self._services.recipe.order_limit_s
        what = f"order {self._order.order_id}"
        try:
            await before(self._clock, deadline, self._steps(), what)
        except OrderCancelledError:
            await self._close(OrderState.CANCELLED, "cancelled on request")
        except SmartCellError as error:
            await self._close(OrderState.FAILED, str(error))
        finally:
            self._services.dispatcher.cancel(self._order.order_id)
        await self._return()

    async def _steps(self) -> None:
        handlers: dict[str, Callable[[Sequence[recipes.Step]], Awaitable[None]]] = {
            "prepare": self._prepare,
            "fetch_tray": self._fetch_tray,
            "lock_tray": self._lock_tray,
            "place_product": self._place_products,
            "inspect": self._inspect,
            "deliver": self._deliver,
            "submit": self._submit,
        }
        for group in recipes.expand(self._services.recipe, self._order):
            if self._cancelled:
                raise OrderCancelledError(self._order.order_id)
            await handlers[group[0].spec.action](group)

    # ------------------------------------------------------------------ steps

    async def _prepare(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.PrepareStep)
        moves, state = self._services.moves, self._port.state()
        home = moves.home(self.transporter)
        if state.tray_id is not None and not await self._tray_fits():
            leave = moves.exit(self.transporter)
            if leave is None:
                raise OrderFailedError(
                    f"{self.transporter} carries tray {state.tray_id}, which is not for this "
                    "order, and has no station at which it could leave the cell"
                )
            await moves.move(self.transporter, leave, spec.timeout_s, spec.retries)
        await moves.move(self.transporter, home, spec.timeout_s, spec.retries)

    async def _tray_fits(self) -> bool:
        """Return whether the tray on the transporter can be used for this order."""
        state = self._port.state()
        at_home = state.station == self._services.moves.home(self.transporter)
        if self._order.tray_id is not None:
            return at_home and state.tray_id == self._order.tray_id
        if not at_home:
            return False
        content = await self._services.worker.inspect(self.transporter)
        wanted = {product.slot: product for product in self._order.products}
        return content.extra == 0 and all(
            found.slot in wanted and _is_right(wanted[found.slot], found) for found in content.slots
        )

    async def _fetch_tray(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.FetchTrayStep)
        if self._port.state().tray_id is not None:
            return
        work = self._work(group[0].step_id, WorkKind.TRAY, spec.timeout_s, spec.retries)
        work.duty = spec.duty
        work.tray_id = self._order.tray_id
        (end,) = await self._do([work])
        if not end.done:
            raise self._failed(f"no tray could be brought to {self.transporter}: {end.reason}")

    async def _lock_tray(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.LockTrayStep)
        await self._services.moves.lock(self.transporter, spec.timeout_s, spec.retries)

    async def _place_products(self, group: Sequence[recipes.Step]) -> None:
        content = await self._services.worker.inspect(self.transporter)
        works = []
        for step in group:
            assert step.product is not None
            found = slot_content(content, step.product.slot)
            if found is not None and _is_right(step.product, found):
                self._note(step.product, "done", None, None)
            elif found is None:
                works.append(self._product_work(step.step_id, step.product))
            else:
                await self._repair(step.product, found)
        for work, end in zip(works, await self._do(works), strict=True):
            assert work.product is not None
            if end.done:
                self._note(work.product, "done", end.thing, None)
            else:
                self._note(work.product, "failed", None, end.reason)

    async def _inspect(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.InspectStep)
        for repair in range(spec.repairs + 1):
            content = await self._services.worker.inspect(self.transporter)
            wrong = self._wrong(content)
            if not wrong or repair == spec.repairs or self._cancelled:
                break
            for product in wrong:
                await self._repair(product, slot_content(content, product.slot))
        for product in wrong:
            found = slot_content(content, product.slot)
            self._note(product, "failed", None, f"inspection: {_difference(product, found)}")

    async def _deliver(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.DeliverStep)
        done = [item for item in self._products.values() if item.status == "done"]
        if len(done) < self._minimum():
            reasons = "; ".join(
                f"slot {slot}: {item.reason}"
                for slot, item in self._products.items()
                if item.reason
            )
            raise self._failed(f"{len(done)} products are on the tray; {reasons}")
        moves = self._services.moves
        await moves.move(self.transporter, self._order.destination, spec.timeout_s, spec.retries)

    async def _submit(self, group: Sequence[recipes.Step]) -> None:
        station = self._port.state().station
        points = None
        content = await self._services.worker.inspect(self.transporter)
        if self._services.rules is not None:
            result = scoring.score(self._order, content, station, self._services.rules)
            points = (result.points, result.maximum)
        self._emit(
            "order_submitted",
            order_id=self._order.order_id,
            transporter=self.transporter,
            station=station,
            tray_id=content.tray_id,
            content=[asdict(slot) for slot in content.slots],
            extra=content.extra,
        )
        missing = [item for item in self._products.values() if item.status != "done"]
        reason = "; ".join(f"slot {item.product.slot}: {item.reason}" for item in missing)
        await self._close(OrderState.PARTIAL if missing else OrderState.DONE, reason, points)
        self._services.submitted(self._order.order_id)

    # ------------------------------------------------------------------ pieces

    def _minimum(self) -> int:
        """Return how many products a delivery needs; a scored job is submitted anyway."""
        submit = self._services.recipe.steps[-1]
        assert isinstance(submit, recipes.SubmitStep)
        return submit.minimum_products if self._services.rules is None else 0

    def _product_work(self, step_id: str, product: Product) -> Work:
        spec = next(
            item
            for item in self._services.recipe.steps
            if isinstance(item, recipes.PlaceProductStep)
        )
        work = self._work(step_id, WorkKind.PRODUCT, spec.timeout_s, spec.retries)
        work.product = product
        work.duty = spec.duty
        work.patience = spec.wait_for_part_s
        return work

    def _work(self, step_id: str, kind: WorkKind, timeout: float, retries: int) -> Work:
        return Work(
            step_id=step_id,
            kind=kind,
            order_id=self._order.order_id,
            priority=self._order.priority,
            rank=self._rank,
            transporter=self.transporter,
            timeout=timeout,
            retries=retries,
            end=asyncio.get_running_loop().create_future(),
        )

    async def _do(self, works: Sequence[Work]) -> list[WorkEnd]:
        """Have pieces of work done side by side and return their ends."""
        if self._cancelled:
            raise OrderCancelledError(self._order.order_id)
        for work in works:
            self._services.dispatcher.add(work)
        return list(await asyncio.gather(*(work.end for work in works)))

    async def _repair(self, product: Product, found: SlotContent | None) -> None:
        """Make one product right: take out what is wrong, put it back or bring another part."""
        name = f"{self._order.order_id}/repair/{product.slot}"
        if found is not None:
            thing = self._part_in_slot(product.slot)
            if thing is None:
                text = f"{_difference(product, found)}, and no part is seen there to take out"
                self._note(product, "failed", None, text)
                return
            self._let_go(thing)
            work = self._product_work(f"{name}/take_out", product)
            work.kind, work.thing, work.retries = WorkKind.CLEAR, thing, 0
            work.put_back = (found.type, found.color) == work.demand and not found.flipped
            (end,) = await self._do([work])
            if not end.done:
                text = f"{_difference(product, found)}, and it was not taken out: {end.reason}"
                self._note(product, "failed", None, text)
                return
            if work.put_back:
                self._note(product, "done", thing, None)
                return
        (end,) = await self._do([self._product_work(name, product)])
        if end.done:
            self._note(product, "done", end.thing, None)
        else:
            self._note(product, "failed", None, end.reason)

    def _part_in_slot(self, slot: str) -> str | None:
        """Return the tracked part that is nearest to a slot of the tray, if one is near."""
        x, y, _ = self._services.cell.slot_pose(self.transporter, slot).xyz
        near = [
            (abs(part.pose.xyz[0] - x) + abs(part.pose.xyz[1] - y), part.part_id)
            for part in self._services.parts.parts()
            if part.location == f"tray:{self.transporter}"
        ]
        distance, part_id = min(near, default=(SLOT_GATE, None))
        return part_id if distance < SLOT_GATE else None

    def _let_go(self, thing: str) -> None:
        keeper = self._services.inventory.keeper(thing)
        if keeper is not None:
            self._services.inventory.release(thing, keeper)

    def _wrong(self, content: TrayContent) -> list[Product]:
        """Return the products that count as done and are not right by the inspection."""
        return [
            item.product
            for slot, item in self._products.items()
            if item.status == "done" and not _is_right(item.product, slot_content(content, slot))
        ]

    def _note(self, product: Product, status: str, part_id: str | None, reason: str | None) -> None:
        self._products[product.slot] = ProductStatus(product, status, part_id, reason)

    def _failed(self, reason: str) -> SmartCellError:
        """Return the error that ends the order: a cancellation if it was cancelled meanwhile."""
        if self._cancelled:
            return OrderCancelledError(self._order.order_id)
        return OrderFailedError(reason)

    async def _close(
        self, state: OrderState, reason: str, points: tuple[int, int] | None = None
    ) -> None:
        """Write down how the products and the order ended, and tell it."""
        order_id, book = self._order.order_id, self._services.book
        if book.entry(order_id).state.ended:
            return
        for slot, item in self._products.items():
            status, why = item.status, item.reason
            if status == "open":
                status, why = "failed", f"order {state.value}: {reason}"
            await book.end_product(order_id, slot, status, item.part_id, why)
            self._emit(
                "product_ended",
                order_id=order_id,
                slot=slot,
                product=f"{item.product.color} {item.product.type}",
                status=status,
                part_id=item.part_id,
                reason=why,
            )
        if points is None and self._services.rules is not None:
            result = scoring.unsubmitted(self._order, self._services.rules)
            points = (result.points, result.maximum)
        await book.end(order_id, state, self._clock.now(), reason, points)
        emit_end(self._services.world, book.entry(order_id))

    async def _return(self) -> None:
        """Bring the transporter back from where its tray has left the cell."""
        moves = self._services.moves
        if moves.out_of_service(self.transporter):
            return
        if moves.delivers(self.transporter, self._port.state().station):
            try:
                await moves.move(self.transporter, moves.home(self.transporter), RETURN_TIME, 1)
            except SmartCellError:
                return  # told as a fault; the transporter is out of service


def emit_end(world: World, entry: OrderEntry) -> None:
    """Tell that an order has ended."""
    score = None
    if entry.score is not None:
        score = {"points": entry.score[0], "maximum": entry.score[1]}
    world.events.emit(
        "order_ended",
        order_id=entry.order_id,
        status=entry.state.value,
        score=score,
        reason=entry.reason or None,
    )


def _is_right(product: Product, found: SlotContent | None) -> bool:
    return (
        found is not None
        and (found.type, found.color) == (product.type, product.color)
        and found.correct_pose
        and not found.flipped
    )


def _difference(product: Product, found: SlotContent | None) -> str:
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
