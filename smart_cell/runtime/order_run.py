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
from smart_cell.production.kit import content_of, difference, is_right, surplus
from smart_cell.production.orders import OrderBook, OrderEntry, OrderState, ProductStatus
from smart_cell.runtime.arm_worker import ArmWorker
from smart_cell.runtime.dispatcher import Dispatcher
from smart_cell.runtime.motion.waiting import before
from smart_cell.runtime.transporter_moves import TransporterMoves
from smart_cell.runtime.work import Work, WorkEnd, WorkKind

#: How far from its slot a part on a tray may be seen and still be the one in the slot [m].
SLOT_GATE = 0.06
#: How long cameras may take to see a part that the inspection has found [s]; pause between looks.
SEEN_TIME, LOOK_PERIOD = 3.0, 0.1
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
        self._flaws: list[str] = []  # of the delivered tray, beside its products

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
            found.slot in wanted and is_right(wanted[found.slot], found) for found in content.slots
        )

    async def _fetch_tray(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.FetchTrayStep)
        if self._port.state().tray_id is not None:
            return
        wanted = self._order.tray_id
        end = await self._bring_tray(group[0].step_id, spec, wanted)
        if not end.done and wanted is not None and self._is_scored and not self._cancelled:
            other = await self._bring_tray(f"{group[0].step_id}/other", spec, None)
            if other.done:
                self._flaws.append(f"not on tray {wanted}: {end.reason}")
                return
        if not end.done:
            raise self._failed(f"no tray could be brought to {self.transporter}: {end.reason}")

    async def _bring_tray(
        self, step_id: str, spec: recipes.FetchTrayStep, tray_id: int | None
    ) -> WorkEnd:
        work = self._work(step_id, WorkKind.TRAY, spec.timeout_s, spec.retries)
        work.duty, work.tray_id = spec.duty, tray_id
        (end,) = await self._do([work])
        return end

    async def _lock_tray(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.LockTrayStep)
        await self._services.moves.lock(self.transporter, spec.timeout_s, spec.retries)

    async def _place_products(self, group: Sequence[recipes.Step]) -> None:
        content = await self._services.worker.inspect(self.transporter)
        works = await self._clearings(content)
        for step in group:
            assert step.product is not None
            found = content_of(content, step.product.slot)
            if found is not None and is_right(step.product, found):
                self._note(step.product, "done", None, None)
            elif found is None:
                works.append(self._product_work(step.step_id, step.product))
            else:
                await self._repair(step.product, found)
        for work, end in zip(works, await self._do(works), strict=True):
            if work.product is None:
                continue  # a clearing: the inspection tells what is left
            if end.done:
                self._note(work.product, "done", end.thing, None)
            else:
                self._note(work.product, "failed", None, end.reason)

    async def _clearings(self, content: TrayContent) -> list[Work]:
        """Return the work of taking off what lies in slots for which nothing is ordered."""
        works = []
        for found in surplus(content, self._order.products):
            thing = await self._part_in_slot(found.slot)
            if thing is not None:
                name = f"{self._order.order_id}/surplus/{found.slot}"
                works.append(self._clear_work(name, found.slot, thing))
        return works

    async def _inspect(self, group: Sequence[recipes.Step]) -> None:
        spec = group[0].spec
        assert isinstance(spec, recipes.InspectStep)
        for repair in range(spec.repairs + 1):
            content = await self._services.worker.inspect(self.transporter)
            wrong = self._wrong(content)
            if not wrong or repair == spec.repairs or self._cancelled:
                break
            for product in wrong:
                await self._repair(product, content_of(content, product.slot))
        for product in wrong:
            found = content_of(content, product.slot)
            self._note(product, "failed", None, f"inspection: {difference(product, found)}")
        left = [
            f"{f.color} {f.type} in slot {f.slot}" for f in surplus(content, self._order.products)
        ]
        left += [f"{content.extra} more beside the slots"] if content.extra else []
        if left:
            self._flaws.append(f"not ordered but on the tray: {', '.join(left)}")

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
        reasons = [f"slot {item.product.slot}: {item.reason}" for item in missing] + self._flaws
        state = OrderState.PARTIAL if reasons else OrderState.DONE
        await self._close(state, "; ".join(reasons), points)
        self._services.submitted(self._order.order_id)

    # ------------------------------------------------------------------ pieces

    @property
    def _is_scored(self) -> bool:
        """A scored job delivers whatever brings points, on whatever tray."""
        return self._services.rules is not None

    def _minimum(self) -> int:
        """Return how many products a delivery needs."""
        submit = self._services.recipe.steps[-1]
        assert isinstance(submit, recipes.SubmitStep)
        return 0 if self._is_scored else submit.minimum_products

    @property
    def _place_spec(self) -> recipes.PlaceProductStep:
        steps = self._services.recipe.steps
        return next(item for item in steps if isinstance(item, recipes.PlaceProductStep))

    def _product_work(self, step_id: str, product: Product) -> Work:
        spec = self._place_spec
        work = self._work(step_id, WorkKind.PRODUCT, spec.timeout_s, spec.retries)
        work.product, work.slot = product, product.slot
        work.duty = spec.duty
        work.patience = spec.wait_for_part_s
        return work

    def _clear_work(self, step_id: str, slot: str, thing: str) -> Work:
        """Return the work of taking a part off the tray; nobody else keeps it any more."""
        keeper = self._services.inventory.keeper(thing)
        if keeper is not None:
            self._services.inventory.release(thing, keeper)
        spec = self._place_spec
        work = self._work(step_id, WorkKind.CLEAR, spec.timeout_s, 0)
        work.slot, work.thing, work.duty = slot, thing, spec.duty
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
        if found is not None and not await self._taken_out(f"{name}/take_out", product, found):
            return
        (end,) = await self._do([self._product_work(name, product)])
        if end.done:
            self._note(product, "done", end.thing, None)
        else:
            self._note(product, "failed", None, end.reason)

    async def _taken_out(self, name: str, product: Product, found: SlotContent) -> bool:
        """Take a wrong part out; False if the slot needs nothing more, one way or the other."""
        wrong = difference(product, found)
        thing = await self._part_in_slot(product.slot)
        if thing is None:
            text = f"{wrong}, and no part is seen there to take out"
            self._note(product, "failed", None, text)
            return False
        work = self._clear_work(name, product.slot, thing)
        right = (found.type, found.color) == (product.type, product.color) and not found.flipped
        if right:  # it only lies badly: it goes into its slot again
            work.product = product
        (end,) = await self._do([work])
        if not end.done:
            self._note(product, "failed", None, f"{wrong}, and it was not taken out: {end.reason}")
        elif right:
            self._note(product, "done", thing, None)
        return end.done and not right

    async def _part_in_slot(self, slot: str) -> str | None:
        """Return the tracked part that is nearest to a slot of the tray, once one is seen there."""
        x, y, _ = self._services.cell.slot_pose(self.transporter, slot).xyz
        deadline = self._clock.now() + SEEN_TIME
        while True:
            near = [
                (abs(part.pose.xyz[0] - x) + abs(part.pose.xyz[1] - y), part.part_id)
                for part in self._services.parts.parts()
                if part.location == f"tray:{self.transporter}"
            ]
            distance, part_id = min(near, default=(SLOT_GATE, None))
            if distance < SLOT_GATE:
                return part_id
            if self._clock.now() >= deadline:
                return None
            await self._clock.sleep_until(self._clock.now() + LOOK_PERIOD)

    def _wrong(self, content: TrayContent) -> list[Product]:
        """Return the products that count as done and are not right by the inspection."""
        return [
            item.product
            for slot, item in self._products.items()
            if item.status == "done" and not is_right(item.product, content_of(content, slot))
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
