"""Announcement conditions, and the store in memory."""

from __future__ import annotations

import asyncio

from smart_cell.runtime.announcements import Announcements
from smart_cell.runtime.store import MemoryStore
from support.fake_cell import after


def test_order_without_condition_is_due_at_once_and_only_once() -> None:
    announcements = Announcements()
    announcements.add("a", after())
    assert announcements.take_due(0.0) == ("a",)
    assert announcements.take_due(0.0) == ()


def test_times_count_from_the_start() -> None:
    announcements = Announcements()
    announcements.start_at(50.0)
    announcements.add("a", after(time_s=10.0))
    announcements.add("b", after(time_s=5.0))
    assert announcements.next_time() == 55.0
    assert announcements.take_due(54.9) == ()
    assert announcements.take_due(60.0) == ("a", "b")
    assert announcements.next_time() is None


def test_placement_counts_only_for_its_transporter_type_and_colour() -> None:
    announcements = Announcements()
    announcements.add("a", after(placed=("agv1", "pump", "red")))
    announcements.note_placed("agv2", "pump", "red")
    announcements.note_placed("agv1", "pump", "blue")
    assert announcements.take_due(1.0) == ()
    assert announcements.waits_for("a") == "a red pump to be placed on agv1"
    announcements.note_placed("agv1", "pump", "red")
    assert announcements.any_due(1.0)
    assert announcements.take_due(1.0) == ("a",)


def test_condition_that_came_true_before_the_order_came_is_true() -> None:
    announcements = Announcements()
    announcements.note_submitted("first")
    announcements.add("a", after(submitted="first"))
    assert announcements.take_due(0.0) == ("a",)


def test_newer_version_replaces_the_condition_and_removal_ends_it() -> None:
    announcements = Announcements()
    announcements.add("a", after())
    announcements.add("a", after(time_s=9.0))
    assert announcements.take_due(1.0) == ()
    announcements.remove("a")
    announcements.remove("a")
    assert announcements.take_due(10.0) == ()


def test_store_keeps_copies_in_the_order_of_first_commit() -> None:
    store = MemoryStore()
    record = {"list": [1]}
    asyncio.run(store.commit("order", "b", record))
    asyncio.run(store.commit("order", "a", {"n": 1}))
    asyncio.run(store.commit("order", "b", record))
    record["list"].append(2)
    assert list(store.records("order").items()) == [("b", {"list": [1]}), ("a", {"n": 1})]
    assert store.records("step") == {}
