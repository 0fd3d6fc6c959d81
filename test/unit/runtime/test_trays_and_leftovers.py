"""Orders whose tray is missing, doubled, or not as it should be when the work begins."""

from __future__ import annotations

from typing import Any

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.supply import PartPlacement, Supply, TrayPlacement
from support.fake_cell import FakeCell, kit
from support.virtual_loop import run_virtual

ARIAC = load_cell("ariac")
RED_PUMP, BLUE_PUMP = ("pump", "red"), ("pump", "blue")


def everywhere(arm: str, pose: Pose) -> bool:
    return arm == "floor_robot" or pose.xyz[2] > 0.75


def supply(
    *trays: tuple[int, str, str],
    loaded: dict[str, int] | None = None,
    parts: tuple[tuple[str, str, str, str], ...] = (),
) -> Supply:
    """Trays (number, table, slot), trays on AGVs, and parts (place, slot, type, colour)."""
    return Supply(
        trays=tuple(TrayPlacement(tray_id=n, table=table, slot=slot) for n, table, slot in trays),
        loaded_trays=loaded or {},
        parts=tuple(PartPlacement(place=p, slot=s, type=t, color=c) for p, s, t, c in parts),
    )


def pump_kit(order_id: str = "o", color: str = "red", **fields: Any) -> Any:
    fields = {"transporter": "agv1", "tray_id": 1, **fields}
    return kit(order_id, [("pump", color, "1")], "warehouse", **fields)


def worked(cell: Cell, stock: Supply, *orders: Any, scoring: str | None = "ariac2024") -> FakeCell:
    fake = FakeCell(cell, stock, everywhere)
    run_virtual(fake.work(orders, scoring))
    return fake


def reason(fake: FakeCell, order_id: str = "o") -> str:
    (event,) = fake.events.of("order_ended", order_id=order_id)
    return str(event["reason"])


def test_second_tray_of_a_number_is_not_taken_for_the_first() -> None:
    stock = supply(
        (1, "kts1", "1"),
        (1, "kts2", "4"),
        parts=(("bin2", "1", *RED_PUMP), ("bin2", "3", *BLUE_PUMP)),
    )
    orders = (pump_kit("a"), pump_kit("b", "blue", transporter="agv2"))
    fake = worked(ARIAC, stock, *orders)
    assert (fake.status("a"), fake.status("b")) == ("done", "done")
    picked = [given["tray"] for _, skill, given in fake.skills_run if skill == "pick_tray"]
    assert sorted(picked) == ["t1", "t2"]


def test_scored_order_without_its_tray_is_not_delivered_on_another_one() -> None:
    stock = supply((5, "kts1", "1"), parts=(("bin2", "1", *RED_PUMP),))
    fake = worked(ARIAC, stock, pump_kit())
    assert fake.status("o") == "partial"
    assert "not on tray 1: no tray 1 on a table" in reason(fake)
    (end,) = fake.events.of("order_ended")
    assert end["score"] == {"points": 3, "maximum": 5}  # 3 + 1 for the product, 1 off for the tray


def test_order_without_a_score_is_delivered_on_a_tray_that_it_did_not_name() -> None:
    stock = supply((5, "kts1", "1"), parts=(("bin2", "1", *RED_PUMP),))
    fake = worked(ARIAC, stock, pump_kit(), scoring=None)
    assert fake.events.of("order_refused", order_id="o")
    assert fake.skills_run == []


def test_part_for_which_nothing_is_ordered_stays_on_the_tray() -> None:
    stock = supply(loaded={"agv1": 1}, parts=(("agv1", "2", *BLUE_PUMP), ("bin2", "1", *RED_PUMP)))
    fake = worked(ARIAC, stock, pump_kit())
    assert fake.status("o") == "done"
    (end,) = fake.events.of("order_ended")
    assert end["score"] == {"points": 5, "maximum": 5}
    assert [skill for _, skill, _ in fake.skills_run].count("discard") == 1


def test_part_that_was_taken_off_a_tray_is_lost_for_the_order_that_needs_it() -> None:
    stock = supply(loaded={"agv1": 1}, parts=(("agv1", "4", *RED_PUMP),))
    fake = worked(ARIAC, stock, pump_kit())
    assert fake.status("o") == "done"
    assert [skill for _, skill, _ in fake.skills_run] == ["pick", "discard", "pick", "place"]


def test_wrong_part_is_not_replaced_by_the_right_one() -> None:
    stock = supply(loaded={"agv1": 1}, parts=(("agv1", "1", *BLUE_PUMP), ("bin2", "1", *RED_PUMP)))
    fake = worked(ARIAC, stock, pump_kit())
    assert fake.status("o") == "done"
    (submitted,) = fake.events.of("order_submitted")
    assert [item["color"] for item in submitted["content"]] == ["red"]


def test_wrong_part_is_delivered_where_the_right_one_is_missing() -> None:
    stock = supply(
        loaded={"agv1": 1},
        parts=(("agv1", "1", *BLUE_PUMP), ("agv1", "2", *BLUE_PUMP), ("bin2", "1", *BLUE_PUMP)),
    )
    order = kit(
        "o", [("pump", "red", "1"), ("pump", "blue", "2")], "warehouse", transporter="agv1",
        tray_id=1,
    )  # fmt: skip
    fake = worked(ARIAC, stock, order)
    assert fake.status("o") == "partial"
    (submitted,) = fake.events.of("order_submitted")
    assert [(item["slot"], item["color"]) for item in submitted["content"]] == [("2", "blue")]
