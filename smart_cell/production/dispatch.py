"""The dispatcher's choice: which free arm does which ready step with which part. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ReadyStep:
    """A step that waits for an arm.

    Attributes:
        step_id: Its name.
        priority: Of its order; higher first.
        rank: Of its order in the sequence of announcement; lower first.
    """

    step_id: str
    priority: int
    rank: int


@dataclass(frozen=True)
class Option:
    """One way to do a step.

    Attributes:
        step_id: The step.
        arm: An arm that can do it, free or not.
        thing: The part or tray that it would take.
        leaves_at: Cell time after which the thing cannot be taken any more [s]; inf = it stays.
        cost: Estimated time that it takes the arm [s].
    """

    step_id: str
    arm: str
    thing: str
    leaves_at: float = math.inf
    cost: float = 0.0


def assign(
    steps: Sequence[ReadyStep],
    options: Sequence[Option],
    preferences: Mapping[str, int],
    free: Collection[str],
) -> tuple[Option, ...]:
    """Return what the free arms begin now, the most important first.

    Higher priority first, then the earlier announced order, then the part that leaves its belt
    first, then the cheapest; equal ones in the sequence of ``steps`` and of ``preferences``, then
    by the thing's name. An arm is given a step only if no arm of a lower preference has an option
    for it, be that one free or not. Each step, arm and thing is used once.

    Args:
        steps: Ready steps.
        options: All ways to do them, by all arms that work.
        preferences: Preference of each arm (lower is asked first), in the cell's order of the arms.
        free: Arms that have nothing to do.
    """
    ready = {step.step_id: (-step.priority, step.rank, index) for index, step in enumerate(steps)}
    places = {arm: index for index, arm in enumerate(preferences)}
    asked_first: dict[str, int] = {}
    for option in options:
        preference = preferences[option.arm]
        asked_first[option.step_id] = min(preference, asked_first.get(option.step_id, preference))

    def order(option: Option) -> tuple[float, ...]:
        priority, rank, index = ready[option.step_id]
        return (priority, rank, option.leaves_at, option.cost, index, places[option.arm])

    possible = [
        option
        for option in options
        if option.arm in free and preferences[option.arm] == asked_first[option.step_id]
    ]
    chosen: list[Option] = []
    for option in sorted(possible, key=lambda item: (order(item), item.thing)):
        if not any(
            option.step_id == other.step_id
            or option.arm == other.arm
            or option.thing == other.thing
            for other in chosen
        ):
            chosen.append(option)
    return tuple(chosen)
