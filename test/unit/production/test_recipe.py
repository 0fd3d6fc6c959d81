"""The kitting recipe that ships, its expansion, and what a broken recipe file is told."""

from __future__ import annotations

import pytest

from smart_cell import resources
from smart_cell.model.errors import InputError
from smart_cell.production.recipe import Recipe, expand, load_recipe, parse_recipe
from support.fake_cell import kit

FILE = "config/recipes/kitting.yaml"


def text() -> str:
    return resources.find(FILE).read_text()


def shipped() -> Recipe:
    return load_recipe(resources.find(FILE))


def test_order_is_expanded_into_groups_with_one_step_for_each_product() -> None:
    order = kit("o1", [("gear", "red", "1"), ("valve", "green", "4")])
    groups = expand(shipped(), order)
    assert [[step.step_id for step in group] for group in groups] == [
        ["o1/prepare"],
        ["o1/fetch_tray"],
        ["o1/lock_tray"],
        ["o1/place_product/1", "o1/place_product/4"],
        ["o1/inspect"],
        ["o1/deliver"],
        ["o1/submit"],
    ]
    assert [step.product for step in groups[3]] == list(order.products)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("order_limit_s: 3600", "order_limit_s: -1", r"kitting.yaml:\d+:\d+: order_limit_s: .*-1"),
        ("order_limit_s", "order_limits", r"order_limits: unknown key"),
        ("action: deliver", "action: fly", r"steps\[5\].*'fly'"),
        ("timeout_s: 10\n    repairs: 1", "timeout_s: 10\n    repairs: 99", r"repairs.*99"),
        ("minimum_products: 1", "minimum_products: [", r"kitting.yaml:\d+:\d+"),
    ],
)
def test_broken_recipe_is_refused_with_place_and_value(old: str, new: str, message: str) -> None:
    assert old in text()
    with pytest.raises(InputError, match=message):
        parse_recipe(text().replace(old, new), "kitting.yaml")


def test_steps_in_a_wrong_sequence_are_refused() -> None:
    lines = text().replace("action: inspect", "action: lock_tray")
    lines = lines.replace("repairs: 1", "retries: 1")
    with pytest.raises(InputError, match="each action may be there once, in this order"):
        parse_recipe(lines)


def test_recipe_without_products_is_refused() -> None:
    short = "recipe: r\nkind: kitting\nsteps:\n  - {action: prepare, timeout_s: 1}\n"
    with pytest.raises(InputError, match="needed and missing: place_product, deliver, submit"):
        parse_recipe(short)
