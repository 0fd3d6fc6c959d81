"""The supervisor with processes that behave as told: ends, failures, signals, leftovers."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from smart_cell.bringup import ProcessSpec
from smart_cell.model.errors import SmartCellError
from smart_cell.nodes import supervisor
from smart_cell.nodes.environment import claimed_domain
from smart_cell.nodes.supervisor import Outcome, supervise

SUPPORT = Path(__file__).resolve().parents[2] / "support"


class Heard:
    """A listener that keeps everything, and acts on lines."""

    def __init__(self, on_line: Callable[[str, int], None] = lambda line, pid: None) -> None:
        self.events: list[tuple[float, str, Mapping[str, Any]]] = []
        self.times: list[float] = []
        self.ups = 0
        self.lines: list[str] = []
        self.pids: dict[str, int] = {}
        self._on_line = on_line

    def event(self, time: float, kind: str, fields: Mapping[str, Any]) -> None:
        self.events.append((time, kind, fields))

    def tick(self, time: float) -> None:
        self.times.append(time)

    def up(self) -> None:
        self.ups += 1

    def log(self, line: str) -> None:
        self.lines.append(line)
        match = re.match(r"\[(.*)\] INFO: pid (\d+)", line)
        if match:
            self.pids[match.group(1)] = int(match.group(2))
        name = line.split("]")[0].lstrip("[")
        self._on_line(line, self.pids.get(name, 0))


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the fakes be found, and the run choose its domain."""
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    monkeypatch.setattr(supervisor, "_NOTICE", 0.3)


def spec(name: str, how: str, *, task: bool = False) -> ProcessSpec:
    return ProcessSpec(name, "smart_cell", f"smart_cell_{name}", "fake_process", (how,), task=task)


def run(heard: Heard, *specs: ProcessSpec) -> Outcome:
    return asyncio.run(asyncio.wait_for(supervise(specs, heard, "test_cell"), 30.0))


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_tasks_end_is_not_the_runs_end() -> None:
    def let_go(line: str, pid: int) -> None:
        if line.endswith("INFO: ready"):
            ready.add(line)
            if len(ready) == 2:
                os.kill(heard.pids["task"], signal.SIGUSR1)

    ready: set[str] = set()
    heard = Heard(let_go)
    outcome = run(heard, spec("a", "wait"), spec("b", "task", task=True))
    assert outcome == Outcome(0)
    assert (heard.ups, heard.times) == (1, [1.5])
    assert heard.events == [(2.0, "run_ended", {"ok": True})]
    assert "not a report" in heard.lines
    assert not is_alive(heard.pids["wait"])


@pytest.mark.parametrize("code", [1, 2])
def test_the_tasks_code_is_not_the_runs_code(code: int) -> None:
    assert run(Heard(), spec("a", "wait"), spec("b", f"end:{code}", task=True)) == Outcome(code)


def test_a_killed_process_is_not_named() -> None:
    def kill(line: str, pid: int) -> None:
        if line == "[wait] INFO: ready":
            os.kill(pid, signal.SIGKILL)

    heard = Heard(kill)
    outcome = run(heard, spec("simulation", "wait"), spec("cell", "wait2", task=True))
    assert outcome == Outcome(3, "process simulation was killed by SIGKILL; the cell is stopped")
    assert [kind for _, kind, _ in heard.events] == ["fault"]
    assert not any(is_alive(pid) for pid in heard.pids.values())


def test_a_failed_process_does_not_say_why() -> None:
    outcome = run(Heard(), spec("a", "wait"), spec("b", "fail:no heartbeat", task=True))
    assert outcome == Outcome(3, "process b failed: no heartbeat")


def test_a_process_that_ends_early_is_overlooked() -> None:
    outcome = run(Heard(), spec("a", "end:0"), spec("b", "wait", task=True))
    assert outcome == Outcome(3, "process a ended with code 0 before the run did")


def test_wrong_input_found_by_a_process_is_called_a_failure() -> None:
    assert run(Heard(), spec("a", "end:2"), spec("b", "wait", task=True)).code == 2


def test_ctrl_c_leaves_processes_or_takes_longer_than_five_seconds() -> None:
    begin = 0.0

    def interrupt(line: str, pid: int) -> None:
        nonlocal begin
        if line == "[deaf] INFO: ready":
            begin = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)

    heard = Heard(interrupt)
    outcome = run(heard, spec("simulation", "wait"), spec("cell", "deaf", task=True))
    assert time.monotonic() - begin < 5.0
    assert outcome.code == 130
    assert [kind for _, kind, _ in heard.events] == ["stop"]
    assert "process cell does not end, killing it" in heard.lines
    assert not any(is_alive(pid) for pid in heard.pids.values())


def test_processes_are_not_stopped_in_reverse_order() -> None:
    def interrupt(line: str, pid: int) -> None:
        ready.add(line)
        if {"[wait1] INFO: ready", "[wait2] INFO: ready"} <= ready:
            ready.clear()
            os.kill(os.getpid(), signal.SIGTERM)

    ready: set[str] = set()
    heard = Heard(interrupt)
    run(heard, spec("a", "wait1"), spec("b", "wait2", task=True))
    told = [line for line in heard.lines if "told to end" in line]
    assert told == ["[wait2] INFO: told to end", "[wait1] INFO: told to end"]


def test_two_runs_of_a_cell_share_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    with claimed_domain("kitting") as one, claimed_domain("kitting") as two:
        assert one != two
        monkeypatch.setenv("ROS_DOMAIN_ID", str(one))
        with (
            pytest.raises(SmartCellError, match=f"uses ROS domain {one}"),
            claimed_domain("kitting"),
        ):
            pass


@pytest.mark.parametrize("value", ["-1", "233", "seven"])
def test_a_domain_that_does_not_exist_is_taken(value: str) -> None:
    with (
        pytest.raises(SmartCellError, match="allowed is 0 to 232"),
        claimed_domain("kitting", {"ROS_DOMAIN_ID": value}),
    ):
        pass
