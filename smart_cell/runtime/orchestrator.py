"""The cell's brain: takes orders in, starts them on transporters, and ends when all have ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from smart_cell import resources
from smart_cell.model.cell import Cell
from smart_cell.model.orders import Job, KittingOrder
from smart_cell.model.ports import PartsPort, SkillsPort, StorePort, World
from smart_cell.production import scoring
from smart_cell.production.errors import (
    Acknowledgement,
    OrderCode,
    Refusal,
    StateError,
)
from smart_cell.production.forecast import Forecast
from smart_cell.production.inventory import Inventory
from smart_cell.production.options import Options, ReachPort
from smart_cell.production.orders import OrderBook, OrderEntry, OrderState, refused
from smart_cell.production.packml import Command, Machine, State
from smart_cell.production.recipe import Recipe, load_recipe
from smart_cell.production.validation import check_order, suitable_transporters
from smart_cell.runtime.announcements import Announcements
from smart_cell.runtime.arm_worker import ArmWorker, arm_states
from smart_cell.runtime.dispatcher import Dispatcher
from smart_cell.runtime.order_run import OrderRun, Services, emit_end
from smart_cell.runtime.transporter_moves import TransporterMoves
from smart_cell.runtime.wake import Bell

#: How often the orders are looked at when nothing happens [s].
TICK = 1.0


@dataclass(frozen=True)
class Outcome:
    """How a run ended: ``ok`` if every order ended as it should; else ``reason`` says why not."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True)
class CommandAnswer:
    """Answer to a command; ``message`` says why it is refused and what is allowed."""

    accepted: bool
    message: str = ""


@dataclass
class _Active:
    """An order that is worked, and the task that works it."""

    run: OrderRun
    task: asyncio.Task[None]


class Orchestrator:
    """Works orders with the arms of one cell. One run per object; used on one asyncio loop."""

    def __init__(
        self,
        cell: Cell,
        job: Job,
        world: World,
        parts: PartsPort,
        skills: SkillsPort,
        store: StorePort,
        reach: ReachPort,
        *,
        recipe: Recipe | None = None,
    ) -> None:
        """Know the cell; nothing moves before ``run``.

        Args:
            cell: The cell.
            job: Orders to begin with, supply, scoring rules and time limit.
            world: All devices.
            parts: The tracker's view.
            skills: The motion side.
            store: Where orders and steps are kept.
            reach: What the arms reach.
            recipe: How kitting orders are worked; None = the recipe that ships.

        Raises:
            InputError: The recipe that ships has problems.
        """
        self._cell, self._job, self._world = cell, job, world
        self._clock = world.clock
        self._emit = world.events.emit
        self._options = Options(cell, reach)
        self._tray_ids = _tray_ids(cell, job)
        self.book = OrderBook(store, self._check)
        self._machine = Machine(lambda state: self._emit("state", name=state.label))
        self._bell = Bell(world.clock)
        self._start = 0.0
        self._announcements = Announcements()
        self._moves = TransporterMoves(cell.description, world)
        inventory = Inventory()
        worker = ArmWorker(cell, world, skills, store, self._placed)
        self._dispatcher = Dispatcher(
            world,
            parts,
            arm_states(cell),
            worker,
            self._options,
            inventory,
            Forecast(cell.description, job.supply),
        )
        self._services = Services(
            cell=cell,
            world=world,
            parts=parts,
            book=self.book,
            inventory=inventory,
            dispatcher=self._dispatcher,
            worker=worker,
            moves=self._moves,
            recipe=recipe or load_recipe(resources.find("config/recipes/kitting.yaml")),
            rules=job.scoring,
            submitted=self._order_submitted,
        )
        self._active: dict[str, _Active] = {}
        self._dispatching: asyncio.Task[None] | None = None
        self._refused: list[str] = []
        self._ended = False
        self._stopping = ""
        self._aborted = ""

    @property
    def state(self) -> State:
        """The cell's PackML state."""
        return self._machine.state

    # ------------------------------------------------------------------ from outside

    async def submit(self, order: KittingOrder) -> Acknowledgement:
        """Take an order in: committed to the store first, acknowledged second."""
        if self._ended or self._stopping or self._aborted:
            text = f"the cell is {self.state.label}; orders are taken before and in Execute"
            answer = refused(order, OrderCode.NOT_ACCEPTING, text)
        else:
            answer = await self.book.submit(order)
        if not answer.accepted:
            self._emit("order_refused", order_id=order.order_id, reason=answer.message)
            return answer
        entry = self.book.entry(order.order_id)
        if entry.state is OrderState.OPEN and entry.rank is None:
            self._announcements.add(order.order_id, entry.order.announcement)
        self._bell.ring()
        return answer

    async def cancel(self, order_id: str) -> Acknowledgement:
        """Cancel an order: parts that are placed stay, other orders go on."""
        try:
            entry = self.book.entry(order_id)
        except KeyError:
            text = f"there is no order {order_id!r}"
            return Acknowledgement(False, OrderCode.UNKNOWN_ORDER, text, order_id, 0)
        version = entry.order.order_version
        if entry.state.ended:
            text = f"order {order_id!r} has ended as {entry.state.value}"
            return Acknowledgement(False, OrderCode.ORDER_ENDED, text, order_id, version)
        if order_id in self._active:
            self._active[order_id].run.cancel()
        else:
            await self._end_unstarted(entry, OrderState.CANCELLED, "cancelled on request")
        self._bell.ring()
        return Acknowledgement(True, OrderCode.ACCEPTED, "", order_id, version)

    def command(self, name: str) -> CommandAnswer:
        """Do what an operator asks: ``stop``, ``abort``, or ``clear`` after an abort."""
        commands = {"stop": Command.STOP, "abort": Command.ABORT, "clear": Command.CLEAR}
        if name not in commands:
            return CommandAnswer(False, f"unknown command {name!r}; allowed: {', '.join(commands)}")
        try:
            self._machine.apply(commands[name])
        except StateError as error:
            return CommandAnswer(False, str(error))
        if name == "clear":
            self._machine.apply(Command.COMPLETE)
        elif name == "stop":
            self._stopping = "stop commanded"
        else:
            self._aborted = "abort commanded"
        self._bell.ring()
        return CommandAnswer(True)

    def stop(self, reason: str) -> None:
        """Have the run end: arms stop along their paths, then ``run`` returns. Does not wait."""
        if not self._ended and not self._stopping and not self._aborted:
            if Command.STOP in self._machine.allowed():
                self._machine.apply(Command.STOP)
            self._stopping = reason
            self._bell.ring()

    async def run(self) -> Outcome:
        """Work the job's orders and all that are submitted meanwhile; return when all have ended.

        Returns:
            How it ended. Cancelling the task stops the arms along their paths, too.

        Raises:
            Exception: What went wrong inside; the arms have been stopped and the cell is Aborted.
        """
        try:
            await self._begin()
            while not (self._stopping or self._aborted):
                await self._announce()
                await self._start_orders()
                if await self._all_ended() or await self._time_is_over():
                    break
                await self._bell.wait(self._next_look())
                self._raise_broken()
        except asyncio.CancelledError:
            self.stop("interrupted")
            raise
        except Exception as error:
            self._emit("fault", source="orchestrator", code="internal_error", text=str(error))
            self._abort(f"internal error: {error}")
            raise
        finally:
            await self._finish()
        return self._outcome()

    # ------------------------------------------------------------------ the run

    async def _begin(self) -> None:
        for command in (Command.RESET, Command.COMPLETE, Command.START):
            self._machine.apply(command)
        self._start = self._clock.now()
        self._announcements.start_at(self._start)
        for order in self._job.orders:
            answer = await self.submit(order)
            if not answer.accepted:
                self._refused.append(order.order_id)
        self._dispatching = asyncio.ensure_future(self._dispatcher.run())
        self._dispatching.add_done_callback(lambda _: self._bell.ring())
        self._machine.apply(Command.COMPLETE)

    async def _announce(self) -> None:
        for order_id in self._announcements.take_due(self._clock.now()):
            entry = await self.book.announce(order_id, self._clock.now())
            order = entry.order
            self._emit(
                "order_announced",
                order_id=order_id,
                order_kind=order.kind,
                priority=order.priority,
                products=[
                    {"product": f"{item.color} {item.type}", "slot": item.slot}
                    for item in order.products
                ],
            )

    async def _start_orders(self) -> None:
        """Give free transporters to announced orders, the most important first."""
        waiting = [
            entry
            for entry in self.book.open_entries()
            if entry.state is OrderState.OPEN and entry.rank is not None
        ]
        waiting.sort(key=lambda entry: (-entry.order.priority, entry.rank or 0))
        taken = {active.run.transporter for active in self._active.values()}
        for entry in waiting:
            suitable = self._suitable(entry.order)
            working = [name for name in suitable if not self._moves.out_of_service(name)]
            if not working:
                reasons = "; ".join(f"{n}: {self._moves.out_of_service(n)}" for n in suitable)
                text = f"no transporter that can carry it works any more: {reasons}"
                if not suitable:
                    text = "no transporter has a tray with all of its slots within reach"
                await self._end_unstarted(entry, OrderState.FAILED, text)
                continue
            free = [name for name in working if name not in taken]
            if not free:
                continue
            transporter = min(free, key=lambda name: self._tray_rank(name, entry.order))
            taken.add(transporter)
            run = OrderRun(self._services, entry, transporter)
            task = asyncio.ensure_future(run.run())
            task.add_done_callback(lambda _: self._bell.ring())
            self._active[entry.order_id] = _Active(run, task)

    def _suitable(self, order: KittingOrder) -> list[str]:
        """Return the transporters whose trays have all slots of an order, within reach."""
        return [
            name
            for name in suitable_transporters(order, self._cell.description)
            if all(
                product.slot in self._cell.slots(name)
                and self._options.can_place(name, product.slot, product.type)
                for product in order.products
            )
        ]

    def _tray_rank(self, transporter: str, order: KittingOrder) -> int:
        """Return how little there is to do before the first part can be placed, 0 = nothing."""
        tray_id = self._world.transporters[transporter].state().tray_id
        if order.tray_id is None:
            return 0 if tray_id is not None else 1
        if tray_id == order.tray_id:
            return 0
        return 1 if tray_id is None else 2

    async def _all_ended(self) -> bool:
        """Return whether nothing is left to do; orders that can never be announced have failed."""
        for order_id in [n for n, active in self._active.items() if active.task.done()]:
            self._active.pop(order_id).task.result()
            self._bell.ring()  # its transporter is free
        working = [n for n in self._active if not self.book.entry(n).state.ended]
        if working or self._announcements.next_time() is not None:
            return False
        entries = self.book.open_entries()
        if any(entry.rank is not None for entry in entries):
            return False
        if self._announcements.any_due(self._clock.now()):
            return False
        for entry in entries:
            text = f"never announced: it waited for {self._announcements.waits_for(entry.order_id)}"
            await self._end_unstarted(entry, OrderState.FAILED, text)
        return True

    async def _end_unstarted(self, entry: OrderEntry, state: OrderState, reason: str) -> None:
        """End an order on which no work has begun."""
        self._announcements.remove(entry.order_id)
        score = None
        if self._job.scoring is not None:
            result = scoring.unsubmitted(entry.order, self._job.scoring)
            score = (result.points, result.maximum)
        entry = await self.book.end(entry.order_id, state, self._clock.now(), reason, score)
        emit_end(self._world, entry)

    async def _time_is_over(self) -> bool:
        limit = self._job.time_limit_s
        if limit is None or self._clock.now() < self._start + limit:
            return False
        text = f"the time limit of {limit:g} s was reached"
        self._emit("stop", reason=text)
        for active in self._active.values():
            active.task.cancel()
        await asyncio.gather(
            *(active.task for active in self._active.values()), return_exceptions=True
        )
        self._active.clear()
        for entry in self.book.open_entries():
            await self._end_unstarted(entry, OrderState.FAILED, text)
        return True

    def _next_look(self) -> float:
        times = [self._clock.now() + TICK]
        announced = self._announcements.next_time()
        if announced is not None:
            times.append(announced)
        if self._job.time_limit_s is not None:
            times.append(self._start + self._job.time_limit_s)
        return min(times)

    def _raise_broken(self) -> None:
        if self._dispatching is not None and self._dispatching.done():
            self._dispatching.result()

    async def _finish(self) -> None:
        """Bring everything to rest, in a fixed order, and the state machine to its end."""
        self._ended = True
        if self._stopping or self._aborted:
            self._emit("stop", reason=self._stopping or self._aborted)
        tasks = [active.task for active in self._active.values()]
        if self._dispatching is not None:
            tasks.append(self._dispatching)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._dispatcher.close()
        if Command.STOP in self._machine.allowed():
            self._machine.apply(Command.STOP)
        if self._machine.state in (State.STOPPING, State.ABORTING):
            self._machine.apply(Command.COMPLETE)

    def _abort(self, reason: str) -> None:
        if Command.ABORT in self._machine.allowed():
            self._machine.apply(Command.ABORT)
        self._aborted = reason

    def _outcome(self) -> Outcome:
        if self._stopping or self._aborted:
            return Outcome(False, self._stopping or self._aborted)
        wanted = (OrderState.DONE, OrderState.CANCELLED)
        wrong = [
            f"{entry.order_id} {entry.state.value}"
            for entry in self.book.entries()
            if entry.state not in wanted
        ]
        wrong += [f"{order_id} refused" for order_id in self._refused]
        return Outcome(not wrong, ", ".join(wrong))

    # ------------------------------------------------------------------ told from inside

    def _placed(self, transporter: str, part_type: str, color: str) -> None:
        self._announcements.note_placed(transporter, part_type, color)
        self._bell.ring()

    def _order_submitted(self, order_id: str) -> None:
        self._announcements.note_submitted(order_id)
        self._bell.ring()

    def _check(self, order: KittingOrder) -> tuple[Refusal, ...]:
        # A scored job takes another tray where the right one is missing.
        tray_ids = None if self._job.scoring else self._tray_ids
        return check_order(order, self._cell.description, tray_ids, self._options.can_place)


def _tray_ids(cell: Cell, job: Job) -> tuple[int, ...]:
    """Return the numbers of all trays that are in a cell at the start of a job."""
    fitted = [item.tray for item in cell.description.transporters.values() if item.tray is not None]
    placed = [tray.tray_id for tray in job.supply.trays]
    return tuple(sorted({*fitted, *placed, *job.supply.loaded_trays.values()}))
