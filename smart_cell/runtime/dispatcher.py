"""Gives work to arms: watches parts and arms, asks ``production.dispatch``, starts attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from smart_cell.model.ports import PartsPort, TrackedPart, World
from smart_cell.production.dispatch import Option, ReadyStep, assign
from smart_cell.production.forecast import Forecast
from smart_cell.production.inventory import Inventory, Survey
from smart_cell.production.options import Found, Options, Target
from smart_cell.runtime.arm_worker import ArmState, ArmWorker
from smart_cell.runtime.wake import Bell
from smart_cell.runtime.work import Attempt, Blocked, Verdict, Work, WorkEnd, WorkKind

#: How often parts are looked at while an arm is free [s].
TICK = 0.2
#: How long a thing that could not be planned is left alone [s], and after how many times for good.
BLOCKED_PAUSE = 2.0
BLOCKED_OFTEN = 3
#: Attempts without a plan after which a piece of work is given up.
MOST_BLOCKED = 12


class Dispatcher:
    """Owns the pieces of work and the arms' tasks. Used on one asyncio loop."""

    def __init__(
        self,
        world: World,
        parts: PartsPort,
        arms: dict[str, ArmState],
        worker: ArmWorker,
        options: Options,
        inventory: Inventory,
        forecast: Forecast,
    ) -> None:
        """Begin with free arms and nothing to do."""
        self._world = world
        self._clock = world.clock
        self._parts = parts
        self._arms = arms
        self._worker = worker
        self._options = options
        self._inventory = inventory
        self._forecast = forecast
        self._work: list[Work] = []
        self._bell = Bell(world.clock)
        self._start = 0.0
        self._broken: BaseException | None = None

    def add(self, work: Work) -> None:
        """Have a piece of work done; its ``end`` tells when it is."""
        self._work.append(work)
        self._bell.ring()

    def cancel(self, order_id: str) -> None:
        """Drop the work of an order; an arm that is at it ends at its next step boundary."""
        for work in self._work:
            if work.order_id == order_id:
                work.cancelled = True
                if not work.running:
                    work.finish(WorkEnd(False, reason="cancelled"))
        self._bell.ring()

    async def run(self) -> None:
        """Give work to arms for ever.

        Raises:
            BaseException: What an attempt raised that it should not have.
        """
        self._start = self._clock.now()
        while True:
            if self._broken is not None:
                raise self._broken
            self._dispatch()
            await self._bell.wait(self._clock.now() + TICK)

    async def close(self) -> None:
        """Cancel the attempts (arms stop along their paths) and wait until they have ended."""
        tasks = [arm.task for arm in self._arms.values() if arm.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------------------------ choosing

    def _dispatch(self) -> None:
        self._work = [work for work in self._work if not work.end.done()]
        pending = [work for work in self._work if not work.running]
        working = [arm for arm in self._arms.values() if not arm.disabled]
        free = [arm.name for arm in working if arm.task is None]
        for work in pending:
            if not any(work.duty in arm.duties for arm in working):
                reasons = "; ".join(f"{arm.name}: {arm.disabled}" for arm in self._disabled(work))
                reasons = reasons or "none has that duty"
                text = f"no arm that handles {work.duty} works any more ({reasons})"
                work.finish(WorkEnd(False, reason=text))
        pending = [work for work in pending if not work.end.done()]
        if not pending or not free:
            return
        pending.sort(key=lambda work: (-work.priority, work.rank))
        parts = self._parts.parts()
        found = [self._find(work, parts, working) for work in pending]
        offered = [self._leave_to_others(i, pending, found) for i in range(len(pending))]
        for work, ways in zip(pending, found, strict=True):
            self._judge(work, ways, parts)
        steps = [ReadyStep(w.step_id, w.priority, w.rank) for w in pending if not w.end.done()]
        names = {step.step_id for step in steps}
        options = [option for ways in offered for option in ways if option.step_id in names]
        preferences = {arm.name: arm.preference for arm in working}
        for option in assign(steps, options, preferences, free):
            self._begin(next(w for w in pending if w.step_id == option.step_id), option)

    def _disabled(self, work: Work) -> list[ArmState]:
        return [arm for arm in self._arms.values() if arm.disabled and work.duty in arm.duties]

    def _find(self, work: Work, parts: Sequence[TrackedPart], working: Sequence[ArmState]) -> Found:
        """Return all ways to do a piece of work now."""
        arms = [arm.name for arm in working if work.duty in arm.duties]
        if work.kind is WorkKind.TRAY:
            trays = [
                tray
                for tray in self._parts.trays()
                if tray.location.startswith("tray_table:")
                and work.tray_id in (None, tray.tray_id)
                and self._inventory.keeper(tray.name) is None
                and not self._inventory.given_up(tray.name)
            ]
            found = self._options.for_tray(work.step_id, work.transporter, trays, arms)
        elif work.kind is WorkKind.CLEAR:
            part = next((item for item in parts if item.part_id == work.thing), None)
            found = Found(()) if part is None else self._options.for_part(work.step_id, part, arms)
        else:
            found = self._find_part(work, parts, arms)
        now = self._clock.now()
        kept, paused = [], False
        for option in found.options:
            blocked = work.blocked.get((option.arm, option.thing))
            if blocked is None or (blocked.count < BLOCKED_OFTEN and blocked.until <= now):
                kept.append(option)
            elif blocked.count < BLOCKED_OFTEN:
                paused = True
        return replace(found, options=tuple(kept), coming=found.coming or paused)

    def _find_part(self, work: Work, parts: Sequence[TrackedPart], arms: Sequence[str]) -> Found:
        assert work.product is not None
        survey = Survey(parts, work.demand, self._inventory)
        usable = [part for part in survey.usable if part.part_id not in work.excluded]
        target = Target(work.transporter, work.product.slot, work.product.type)
        belts = {name: port.state() for name, port in self._world.conveyors.items()}
        found = self._options.for_product(
            work.step_id, target, usable, arms, belts, self._clock.now()
        )
        # A part that is kept but not taken yet may become free again.
        return replace(found, coming=found.coming or bool(survey.kept))

    def _leave_to_others(
        self, index: int, pending: Sequence[Work], found: Sequence[Found]
    ) -> list[Option]:
        """Return the options of a work without what more important works cannot do without."""
        work = pending[index]
        ahead = [
            (other, {option.thing for option in ways.options})
            for other, ways in zip(pending[:index], found[:index], strict=True)
            if (other.priority, other.rank) != (work.priority, work.rank)
        ]
        offered = []
        for option in found[index].options:
            claims = [things for _, things in ahead if option.thing in things]
            wanted = set().union(*claims)
            if not claims or len(wanted) > len(claims):
                offered.append(option)
        return offered

    def _judge(self, work: Work, found: Found, parts: Sequence[TrackedPart]) -> None:
        """End a piece of work for which there is nothing, and nothing can come any more."""
        now = self._clock.now()
        if found.options or found.coming:
            work.waiting_since = None
            return
        if work.waiting_since is None:
            work.waiting_since = now
        until = work.waiting_since
        if work.kind is WorkKind.PRODUCT:
            brought = self._forecast.latest(work.demand, work.waiting_since, self._start)
            until = until if brought is None else brought
        if now < until + work.patience:
            return
        reason = self._nothing_left(work, parts)
        if work.last_reason:
            reason = f"{reason}; last attempt: {work.last_reason}"
        work.finish(WorkEnd(False, reason=reason))

    def _nothing_left(self, work: Work, parts: Sequence[TrackedPart]) -> str:
        if work.kind is WorkKind.PRODUCT:
            return Survey(parts, work.demand, self._inventory).reason()
        if work.kind is WorkKind.TRAY:
            which = "tray" if work.tray_id is None else f"tray {work.tray_id}"
            return f"no {which} on a table within reach of an arm that handles trays"
        return f"part {work.thing} on {work.transporter} is out of reach or not seen any more"

    # ------------------------------------------------------------------ doing

    def _begin(self, work: Work, option: Option) -> None:
        self._inventory.reserve(option.thing, work.step_id)
        work.running = True
        work.attempts += 1
        work.waiting_since = None
        if work.kind is WorkKind.PRODUCT:
            assert work.product is not None
            self._world.events.emit(
                "product_assigned",
                order_id=work.order_id,
                slot=work.product.slot,
                part_id=option.thing,
                arm=option.arm,
            )
        arm = self._arms[option.arm]
        arm.task = asyncio.ensure_future(self._do(arm, work, option.thing))
        arm.task.add_done_callback(lambda task: self._ended(arm, task))

    def _ended(self, arm: ArmState, task: asyncio.Task[None]) -> None:
        arm.task = None
        if not task.cancelled() and task.exception() is not None:
            self._broken = task.exception()
        self._bell.ring()

    async def _do(self, arm: ArmState, work: Work, thing: str) -> None:
        attempt = await self._worker.attempt(arm, work, thing)
        work.running = False
        work.last_reason = attempt.reason
        if attempt.verdict is Verdict.DONE:
            if work.product is None and work.kind is WorkKind.CLEAR:
                self._inventory.release(thing, work.step_id)  # put away: others may have it
            work.finish(WorkEnd(True, thing))
            return
        self._inventory.release(thing, work.step_id)
        if work.cancelled or attempt.verdict is Verdict.CANCELLED:
            work.finish(WorkEnd(False, reason=attempt.reason or "cancelled"))
        elif attempt.verdict is Verdict.BLOCKED:
            self._note_blocked(arm, work, thing, attempt)
        else:
            self._note_failure(work, thing, attempt)

    def _note_blocked(self, arm: ArmState, work: Work, thing: str, attempt: Attempt) -> None:
        known = work.blocked.get((arm.name, thing))
        count = 1 if known is None else known.count + 1
        work.blocked[(arm.name, thing)] = Blocked(count, self._clock.now() + BLOCKED_PAUSE)
        if sum(item.count for item in work.blocked.values()) >= MOST_BLOCKED:
            work.finish(WorkEnd(False, reason=attempt.reason))

    def _note_failure(self, work: Work, thing: str, attempt: Attempt) -> None:
        self._inventory.note_failure(thing)
        if work.kind is WorkKind.PRODUCT:
            work.excluded.add(thing)
        work.failures += 1
        if work.failures > work.retries:
            times = (
                f"{work.failures} attempts failed" if work.failures > 1 else "the attempt failed"
            )
            work.finish(WorkEnd(False, reason=f"{times}; last: {attempt.reason}"))
