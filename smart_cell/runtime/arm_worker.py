"""An arm at a piece of work: the skills one after the other, and what their ends mean."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.ports import (
    SkillOutcome,
    SkillResult,
    SkillsPort,
    StorePort,
    TrayContent,
    World,
)
from smart_cell.production.kit import content_of
from smart_cell.runtime.motion.waiting import before
from smart_cell.runtime.work import Attempt, Verdict, Work, WorkKind

#: Failures in succession after which an arm is given no more work.
MOST_FAULTS = 2
#: Deadline of an inspection [s].
INSPECTION_TIME = 5.0
#: How long a transporter's tray sensor may take [s], and how often it is read.
TRAY_SENSOR_TIME = 3.0
TRAY_SENSOR_PERIOD = 0.1


@dataclass
class ArmState:
    """One arm as the dispatcher sees it; ``disabled`` says why it gets no work (empty: it does)."""

    name: str
    preference: int
    duties: tuple[str, ...]
    gripper: str
    task: asyncio.Task[None] | None = None
    faults: int = 0
    disabled: str = ""


def arm_states(cell: Cell) -> dict[str, ArmState]:
    """Return the arms of a cell in its order, all of them free."""
    return {
        name: ArmState(name, arm.preference, arm.duties, arm.gripper)
        for name, arm in cell.description.arms.items()
    }


class ArmWorker:
    """Runs skills for pieces of work. Used on one asyncio loop; one attempt per arm at a time."""

    def __init__(
        self,
        cell: Cell,
        world: World,
        skills: SkillsPort,
        store: StorePort,
        placed: Callable[[str, str, str], None],
    ) -> None:
        """``placed`` is told of each part on a tray: transporter, type, colour."""
        self._cell = cell
        self._world = world
        self._skills = skills
        self._store = store
        self._placed = placed

    async def attempt(self, arm: ArmState, work: Work, thing: str) -> Attempt:
        """Do a piece of work with a part or tray; intent and end are committed to the store."""
        key = f"{work.step_id}#{work.attempts}"
        record = {"order_id": work.order_id, "arm": arm.name, "thing": thing}
        await self._store.commit("step", key, {**record, "state": "intent"})
        if work.kind is WorkKind.TRAY:
            result = await self._bring_tray(arm, work, thing)
        elif work.kind is WorkKind.CLEAR:
            result = await self._clear(arm, work, thing)
        else:
            result = await self._bring_part(arm, work, thing)
        end = {"state": result.verdict.value, "reason": result.reason}
        await self._store.commit("step", key, {**record, **end})
        return result

    async def inspect(self, transporter: str) -> TrayContent:
        """Look at the tray on a transporter.

        Raises:
            DeadlineError: There is no answer in time.
        """
        clock = self._world.clock
        inspection = self._world.inspection.inspect(transporter)
        what = f"inspection of {transporter}"
        return await before(clock, clock.now() + INSPECTION_TIME, inspection, what)

    # ------------------------------------------------------------------ kinds of work

    async def _bring_part(self, arm: ArmState, work: Work, part_id: str) -> Attempt:
        attempt = await self._take(arm, work, part_id)
        if attempt is not None:
            return attempt
        if work.cancelled:
            await self._put_away(arm, work)
            return Attempt(Verdict.CANCELLED, "cancelled")
        return await self._put_into_slot(arm, work)

    async def _clear(self, arm: ArmState, work: Work, part_id: str) -> Attempt:
        attempt = await self._take(arm, work, part_id)
        if attempt is not None:
            return attempt
        if work.product is not None and not work.cancelled:
            return await self._put_into_slot(arm, work)
        result = await self._put_away(arm, work)
        if result.outcome is not SkillOutcome.DONE:
            return Attempt(Verdict.FAILED, result.message)
        if await self._slot_is_filled(work):
            return Attempt(Verdict.FAILED, "it could only be put back to where it was")
        return Attempt(Verdict.DONE)

    async def _take(self, arm: ArmState, work: Work, part_id: str) -> Attempt | None:
        """Pick a part; None if the arm holds it now."""
        attempt = await self._wear_tool(arm, "parts", work)
        if attempt is not None:
            return attempt
        picked = await self._run(arm, "pick", {"part_id": part_id}, work.timeout)
        if picked.outcome is SkillOutcome.DONE:
            return None
        if self._holds(arm):
            await self._put_away(arm, work)
        return _failed("pick", picked)

    async def _put_into_slot(self, arm: ArmState, work: Work) -> Attempt:
        target = {"transporter": work.transporter, "slot": work.slot}
        result = await self._run(arm, "place", target, work.timeout)
        if result.outcome is SkillOutcome.BLOCKED and self._holds(arm):
            result = await self._run(arm, "place", target, work.timeout)
        if self._holds(arm):
            await self._put_away(arm, work)
        elif result.outcome in (SkillOutcome.DONE, SkillOutcome.LOST):
            done = result.outcome is SkillOutcome.DONE
            if done:
                self._placed(work.transporter, *work.demand)
            if await self._slot_is_filled(work):
                if not done:
                    self._placed(work.transporter, *work.demand)
                return Attempt(Verdict.DONE)
            if done:
                text = f"slot {work.slot} of {work.transporter} is empty after the placing"
                return Attempt(Verdict.FAILED, text)
        return Attempt(Verdict.FAILED, _failed("place", result).reason)

    async def _slot_is_filled(self, work: Work) -> bool:
        """Return whether anything is in the slot; how it lies there is the inspection's matter.

        Without an answer it counts as filled: nothing is put on top, and the inspection decides.
        """
        try:
            content = await self.inspect(work.transporter)
        except SmartCellError as error:
            self._fault(work.transporter, "inspection_failed", str(error))
            return True
        return content_of(content, work.slot) is not None

    async def _bring_tray(self, arm: ArmState, work: Work, tray: str) -> Attempt:
        attempt = await self._wear_tool(arm, "trays", work)
        if attempt is not None:
            return attempt
        picked = await self._run(arm, "pick_tray", {"tray": tray}, work.timeout)
        if picked.outcome is not SkillOutcome.DONE:
            return _failed("pick_tray", picked)
        target = {"transporter": work.transporter}
        placed = await self._run(arm, "place_tray", target, work.timeout)
        if placed.outcome is SkillOutcome.BLOCKED and self._holds(arm):
            placed = await self._run(arm, "place_tray", target, work.timeout)
        if placed.outcome is not SkillOutcome.DONE:
            if self._holds(arm):
                self._disable(arm, "it holds a tray that it cannot put down")
            return Attempt(Verdict.FAILED, _failed("place_tray", placed).reason)
        return await self._verify_tray(work, int(picked.data["tray_id"]))

    async def _verify_tray(self, work: Work, tray_id: int) -> Attempt:
        """Wait for the transporter's tray sensor."""
        clock, port = self._world.clock, self._world.transporters[work.transporter]
        deadline = clock.now() + TRAY_SENSOR_TIME
        while port.state().tray_id is None and clock.now() < deadline:
            await clock.sleep_until(clock.now() + TRAY_SENSOR_PERIOD)
        found = port.state().tray_id
        if found == tray_id:
            return Attempt(Verdict.DONE)
        text = f"{work.transporter} reads {'no tray' if found is None else f'tray {found}'}"
        return Attempt(Verdict.FAILED, f"{text} after tray {tray_id} was placed")

    # ------------------------------------------------------------------ skills

    async def _wear_tool(self, arm: ArmState, grasps: str, work: Work) -> Attempt | None:
        """Change the tool if the one worn is not for ``grasps``; None if it is right now."""
        tools = self._cell.description.grippers[arm.gripper].tools
        worn = self._world.grippers[arm.gripper].state().tool
        if worn in tools and tools[worn].grasps == grasps:
            return None
        fitting = [name for name, tool in tools.items() if tool.grasps == grasps]
        if not fitting:
            return Attempt(Verdict.BLOCKED, f"{arm.name} has no tool for {grasps}")
        result = await self._run(arm, "change_tool", {"tool": fitting[0]}, work.timeout)
        return None if result.outcome is SkillOutcome.DONE else _failed("change_tool", result)

    async def _put_away(self, arm: ArmState, work: Work) -> SkillResult:
        """Discard what the arm holds; an arm that cannot gets no more work."""
        result = await self._run(arm, "discard", {}, work.timeout)
        if result.outcome is not SkillOutcome.DONE and self._holds(arm):
            self._disable(arm, f"it holds a part that it cannot put away: {result.message}")
        return result

    async def _run(
        self, arm: ArmState, skill: str, parameters: Mapping[str, Any], timeout: float
    ) -> SkillResult:
        """Run a skill with a deadline and count the arm's faults."""
        clock = self._world.clock
        run = self._skills.run(arm.name, skill, parameters)
        try:
            result = await before(clock, clock.now() + timeout, run, f"{skill} of {arm.name}")
        except SmartCellError as error:
            result = SkillResult(SkillOutcome.FAILED, str(error))
        if result.outcome in (SkillOutcome.FAILED, SkillOutcome.TIMEOUT):
            arm.faults += 1
            self._fault(arm.name, f"skill_{result.outcome.value}", f"{skill}: {result.message}")
            if arm.faults >= MOST_FAULTS:
                self._disable(arm, f"{arm.faults} skills failed in succession: {result.message}")
        elif result.outcome is SkillOutcome.DONE:
            arm.faults = 0
        return result

    def _holds(self, arm: ArmState) -> bool:
        return self._world.grippers[arm.gripper].state().attached

    def _disable(self, arm: ArmState, reason: str) -> None:
        if not arm.disabled:
            arm.disabled = reason
            self._fault(arm.name, "arm_disabled", f"{arm.name} gets no more work: {reason}")

    def _fault(self, source: str, code: str, text: str) -> None:
        self._world.events.emit("fault", source=source, code=code, text=text)


def _failed(skill: str, result: SkillResult) -> Attempt:
    """Return what the end of a skill that was not done means."""
    reason = f"{skill}: {result.outcome.value.replace('_', ' ')}"
    if result.message:
        reason = f"{reason} ({result.message})"
    if result.outcome is SkillOutcome.CANCELED:
        return Attempt(Verdict.CANCELLED, reason)
    blocked = result.outcome is SkillOutcome.BLOCKED
    return Attempt(Verdict.BLOCKED if blocked else Verdict.FAILED, reason)
