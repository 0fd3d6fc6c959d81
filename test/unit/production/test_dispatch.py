"""The dispatcher's choice, one rule a test."""

from __future__ import annotations

from itertools import permutations

from smart_cell.production.dispatch import Option, ReadyStep, assign

ARMS = {"a": 0, "b": 0}
STEPS = [ReadyStep("s1", 0, 0), ReadyStep("s2", 0, 1)]


def chosen(options: list[Option], **fields: object) -> list[tuple[str, str, str]]:
    steps = fields.get("steps", STEPS)
    preferences = fields.get("preferences", ARMS)
    free = fields.get("free", ("a", "b"))
    found = assign(steps, options, preferences, free)  # type: ignore[arg-type]
    return [(option.step_id, option.arm, option.thing) for option in found]


def test_higher_priority_is_served_before_the_earlier_order() -> None:
    steps = [ReadyStep("s1", 0, 0), ReadyStep("s2", 1, 1)]
    options = [Option("s1", "a", "p"), Option("s2", "a", "q")]
    assert chosen(options, steps=steps, free=("a",)) == [("s2", "a", "q")]


def test_earlier_order_is_served_first_at_equal_priority() -> None:
    options = [Option("s2", "a", "p", cost=1.0), Option("s1", "a", "p", cost=9.0)]
    assert chosen(options, free=("a",)) == [("s1", "a", "p")]


def test_nearest_arm_gets_the_step() -> None:
    options = [Option("s1", "a", "p", cost=2.0), Option("s1", "b", "p", cost=1.0)]
    assert chosen(options) == [("s1", "b", "p")]


def test_nearest_part_is_taken() -> None:
    options = [Option("s1", "a", "p", cost=2.0), Option("s1", "a", "q", cost=1.0)]
    assert chosen(options) == [("s1", "a", "q")]


def test_part_that_leaves_the_belt_first_is_taken_first() -> None:
    steps = [ReadyStep("s1", 0, 0), ReadyStep("s2", 0, 0)]
    options = [
        Option("s1", "a", "still", cost=0.1),
        Option("s2", "a", "late", leaves_at=9.0, cost=0.1),
        Option("s2", "a", "soon", leaves_at=5.0, cost=3.0),
    ]
    assert chosen(options, steps=steps, free=("a",)) == [("s2", "a", "soon")]


def test_part_is_given_to_one_step_only() -> None:
    options = [Option("s1", "a", "p"), Option("s2", "b", "p"), Option("s2", "b", "q", cost=5.0)]
    assert chosen(options) == [("s1", "a", "p"), ("s2", "b", "q")]


def test_arm_that_is_asked_later_waits_for_the_one_asked_first_even_if_that_is_busy() -> None:
    options = [Option("s1", "a", "p"), Option("s1", "b", "p")]
    assert chosen(options, preferences={"a": 0, "b": 1}, free=("b",)) == []


def test_arm_that_is_asked_later_does_what_the_other_cannot() -> None:
    options = [Option("s1", "a", "p"), Option("s2", "b", "q")]
    assert chosen(options, preferences={"a": 0, "b": 1}) == [("s1", "a", "p"), ("s2", "b", "q")]


def test_choice_does_not_depend_on_the_sequence_of_options() -> None:
    options = [
        Option("s1", "a", "p", cost=1.0),
        Option("s1", "b", "q", cost=1.0),
        Option("s2", "a", "p", cost=1.0),
        Option("s2", "b", "p", cost=1.0),
    ]
    results = {tuple(chosen(list(order))) for order in permutations(options)}
    assert results == {(("s1", "a", "p"), ("s2", "b", "p"))} or len(results) == 1


def test_nothing_is_chosen_without_free_arms() -> None:
    assert chosen([Option("s1", "a", "p")], free=()) == []
