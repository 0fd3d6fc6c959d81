"""The executor's real-time thread: what it sends is what stepping gives, whatever happens."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from smart_cell.planner import (
    CallbackSink,
    Executor,
    MemorySink,
    MismatchError,
    PlannerError,
    SetPointRecord,
    SharedMemoryReader,
    SharedMemorySink,
    SinkError,
    State,
    Trajectory,
    UdpSink,
    point_to_point,
)
from support.motion import limits, stepped_ratio

PERIOD = 0.002
LIMITS = limits(2, 4.0, 24.0, 480.0)
HOME = [0.0, 1.0]
AWAY = [1.5, -1.0]
THERE = point_to_point(State(HOME), State(AWAY), LIMITS)
BACK = point_to_point(State(AWAY), State(HOME), LIMITS)
DEADLINE = 60.0  # only a failure takes that long
ROOT = Path(__file__).resolve().parents[3]

Command = Callable[[Executor], object]


def executor(period: float = PERIOD) -> Executor:
    made = Executor(LIMITS, period)
    made.reset(HOME)
    return made


@contextlib.contextmanager
def started(made: Executor, sink: MemorySink) -> Iterator[Executor]:
    made.start_thread(sink)
    try:
        yield made
    finally:
        if made._core.started:
            made.join(DEADLINE)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    pause = threading.Event()
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        pause.wait(0.001)


def wait_until(made: Executor, when: float) -> None:
    wait_for(lambda: made.time >= when)


def replay(
    commands: list[tuple[float, Command]], records: list[SetPointRecord]
) -> list[np.ndarray]:
    """Return the set-points of the records' times of an executor that is stepped."""
    made = executor()
    wanted = {record.time for record in records}
    left = sorted(commands, key=lambda pair: pair[0])
    found = []
    while made.time < records[-1].time:
        while left and left[0][0] <= made.time:
            left.pop(0)[1](made)
        point = made.step()
        if point.time in wanted:
            found.append(np.array((point.position, point.velocity, point.acceleration)))
    assert not left
    return found


def sent(records: list[SetPointRecord]) -> list[np.ndarray]:
    return [np.array((r.position, r.velocity, r.acceleration)) for r in records]


def check_equal(commands: list[tuple[float, Command]], records: list[SetPointRecord]) -> None:
    expected = replay(commands, records)
    assert len(expected) == len(records)
    assert np.array_equal(np.array(sent(records)), np.array(expected))


def check_stream(records: list[SetPointRecord]) -> None:
    assert [record.sequence for record in records] == list(range(1, len(records) + 1))
    positions = np.array([HOME, HOME, HOME, *(record.position for record in records)])
    assert stepped_ratio(positions, PERIOD, LIMITS) <= 1 + 1e-6
    for before, after in zip(records[:-1], records[1:], strict=True):
        assert after.due > before.due
        assert before.next_due == pytest.approx(before.due + 2 * PERIOD)
        if before.active and after.active and 0.0 < before.path_time < after.path_time:
            assert after.time - before.time == pytest.approx(PERIOD)  # nothing is left out
    assert [record.last for record in records] == [False] * (len(records) - 1) + [True]
    assert records[-1].next_due == np.inf
    assert not records[-1].velocity.any()


def test_motion_is_bit_for_bit_that_of_stepping() -> None:
    sink, made = MemorySink(100_000), executor()
    with started(made, sink):
        made.execute(THERE)
        begun = made.command_time
        assert begun > 0.0
        wait_for(lambda: not made.active)
    records = sink.drain()
    check_stream(records)
    assert records[-1].position.tolist() == AWAY
    check_equal([(begun, lambda offline: offline.execute(THERE))], records)


def test_commands_in_the_thread_are_those_between_two_steps() -> None:
    sink, made = MemorySink(100_000), executor()
    done: list[tuple[float, Command]] = []

    def give(command: Command) -> None:
        command(made)
        done.append((made.command_time, command))

    with started(made, sink):
        give(lambda one: one.execute(THERE))
        begin = made.time
        for step, scale in enumerate((0.5, 0.8, 0.2, 1.0)):
            wait_until(made, begin + 0.1 * (step + 1))
            give(lambda one, scale=scale: one.set_speed(scale))
        give(lambda one: one.hold())
        assert made.mode == "holding"
        wait_for(lambda: made._core.rest_time == np.inf)
        give(lambda one: one.resume())
        wait_for(lambda: not made.active)
        give(lambda one: one.execute(BACK))
        wait_until(made, made.time + 0.2)
        give(lambda one: one.stop())
        wait_for(lambda: not made.active)
    records = sink.drain()
    check_stream(records)
    check_equal(done, records)


def test_replacement_while_the_thread_runs_is_seamless() -> None:
    sink, made = MemorySink(100_000), executor()
    p, v, a, _ = THERE.sample(0.35)
    goal = p + 0.75 * v
    detour = Trajectory.from_waypoints(
        [0.0, 1.5], [p, goal], np.array([v, np.zeros(2)]), np.array([a, np.zeros(2)])
    )
    with started(made, sink):
        made.execute(THERE)
        begun = made.command_time
        made.replace(detour, at=begun + 0.35)
        replaced = made.command_time
        wait_for(lambda: not made.active)
    records = sink.drain()
    check_stream(records)
    assert replaced < begun + 0.35
    assert np.abs(records[-1].position - goal).max() < 1e-12
    check_equal(
        [
            (begun, lambda offline: offline.execute(THERE)),
            (replaced, lambda offline: offline.replace(detour, at=begun + 0.35)),
        ],
        records,
    )


def test_start_at_a_time_of_the_executor_is_kept() -> None:
    sink, made = MemorySink(100_000), executor()
    with started(made, sink):
        made.execute(THERE, at=made.time + 0.3)
        wait_until(made, 0.1)
        assert made.active
        wait_for(lambda: not made.active)
    check_stream(sink.drain())


def test_refusals_are_those_of_stepping_and_the_thread_goes_on() -> None:
    sink, made = MemorySink(100_000), executor()
    with started(made, sink):
        with pytest.raises(MismatchError, match="begins with joint"):
            made.execute(BACK)
        with pytest.raises(PlannerError, match="scale is"):
            made.set_speed(2.0)
        made.execute(THERE)
        with pytest.raises(PlannerError, match="a motion is under way until"):
            made.execute(BACK)
        made.hold()
        with pytest.raises(PlannerError, match="is holding"):
            made.execute(BACK)
        for refused in (made.step, lambda: made.reset(HOME)):
            with pytest.raises(PlannerError, match="thread is running"):
                refused()
    check_stream(sink.drain())


def test_join_stops_along_the_path_and_the_executor_may_be_stepped_again() -> None:
    sink, made = MemorySink(100_000), executor()
    made.start_thread(sink)
    made.execute(THERE)
    begun = made.command_time
    wait_until(made, begun + 0.3)
    made.join(DEADLINE)
    stopped = made.command_time
    records = sink.drain()
    check_stream(records)
    assert records[-1].time < begun + THERE.duration
    check_equal([(begun, lambda o: o.execute(THERE)), (stopped, lambda o: o.stop())], records)
    assert made.time == records[-1].time
    assert made.step().position.tolist() == records[-1].position.tolist()
    with pytest.raises(PlannerError, match="no real-time thread"):
        made.join()
    with pytest.raises(PlannerError, match="timeout is nan"):
        made.join(np.nan)
    made.start_thread(sink)
    made.join(DEADLINE)
    again = sink.drain()
    assert again[0].sequence == records[-1].sequence + 1
    assert again[-1].last


def test_join_that_takes_too_long_says_so_and_can_be_repeated() -> None:
    sink, made = MemorySink(100_000), executor()
    made.start_thread(sink)
    made.execute(THERE)
    wait_until(made, made.command_time + 0.3)
    with pytest.raises(PlannerError, match="does not stand after"):
        made.join(0.0)
    made.join(DEADLINE)
    check_stream(sink.drain())


def test_second_start_and_second_user_of_a_sink_are_refused() -> None:
    sink, made, other = MemorySink(), executor(), executor()
    with started(made, sink):
        with pytest.raises(PlannerError, match="join it first"):
            made.start_thread(MemorySink())
        with pytest.raises(PlannerError, match="in use by another"):
            other.start_thread(sink)
    with started(other, sink):
        pass


def test_start_without_a_position_is_refused() -> None:
    with pytest.raises(PlannerError, match="no position yet"):
        Executor(LIMITS, PERIOD).start_thread(MemorySink())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"priority": 100}, "priority is"),
        ({"priority": -1}, "priority is"),
        ({"priority": 1.5}, "priority must be"),
        ({"spin": 0.01}, "spin is"),
        ({"spin": np.nan}, "spin is"),
        ({"watchdog": -1.0}, "watchdog is"),
    ],
)
def test_bad_options_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        executor().start_thread(MemorySink(), **options)  # type: ignore[arg-type]


def test_period_too_short_for_a_thread_is_refused() -> None:
    with pytest.raises(PlannerError, match="a thread needs at least 0.0001 s"):
        executor(5e-5).start_thread(MemorySink())


def test_sink_of_another_arm_or_type_is_refused() -> None:
    sink = MemorySink()
    with started(executor(), sink):
        pass
    with pytest.raises(PlannerError, match="not of 2 at 0.004 s"):
        executor(0.004).start_thread(sink)
    with pytest.raises(PlannerError, match="sink must be a Sink"):
        executor().start_thread("udp")  # type: ignore[arg-type]


def test_commands_of_many_threads_are_taken_one_after_the_other() -> None:
    sink, made = MemorySink(100_000), executor()
    errors = []

    def command(seed: int) -> None:
        rng = np.random.default_rng(seed)
        try:
            for _ in range(20):
                made.set_speed(float(rng.uniform(0.2, 1.0)))
        except Exception as error:
            errors.append(error)

    with started(made, sink):
        made.execute(THERE)
        threads = [threading.Thread(target=command, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
        made.set_speed(1.0)
        wait_for(lambda: not made.active)
    assert not errors
    records = sink.drain()
    check_stream(records)
    assert records[-1].position.tolist() == AWAY


def test_statistics_count_every_cycle() -> None:
    sink, made = MemorySink(100_000), executor()
    with pytest.raises(PlannerError, match="no real-time thread was started"):
        made.statistics()
    with started(made, sink):
        wait_until(made, 0.1)
        running = made.statistics()
    final = made.statistics()
    records = sink.drain()
    assert 0 < running.cycles <= final.cycles
    assert final.cycles == len(records)
    assert final.missed >= records[-1].missed
    assert 0.0 <= final.lateness_p50 <= final.lateness_p99 <= final.lateness_p999
    assert final.lateness_p999 <= final.lateness_max
    assert final.unsent == 0
    assert final.policy in ("SCHED_FIFO", "SCHED_OTHER")
    assert (final.policy == "SCHED_FIFO") == (final.priority > 0)


def test_ordinary_scheduling_can_be_asked_for() -> None:
    made = executor()
    made.start_thread(MemorySink(), 0)
    made.join(DEADLINE)
    assert made.statistics().policy == "SCHED_OTHER"


def test_slow_reader_of_a_ring_is_told_by_the_gap() -> None:
    sink, made = MemorySink(capacity=8), executor()
    with started(made, sink):
        wait_for(lambda: made.time >= 0.1)
    records = sink.drain()
    numbers = [record.sequence for record in records]
    assert len(numbers) == 8
    assert numbers == list(range(numbers[0], numbers[0] + 8))
    assert numbers[0] > 1


def test_callback_gets_the_records_in_order() -> None:
    seen: list[SetPointRecord] = []
    sink, made = CallbackSink(seen.append), executor()
    with sink, started(made, sink):
        wait_for(lambda: len(seen) > 20)
    numbers = [record.sequence for record in seen]
    assert numbers == sorted(set(numbers))
    assert seen[-1].last


def test_exception_of_a_callback_is_raised_by_close() -> None:
    def fail(record: SetPointRecord) -> None:
        raise ValueError(f"record {record.sequence}")

    sink, made = CallbackSink(fail), executor()
    with started(made, sink):
        wait_until(made, 0.05)
    with pytest.raises(ValueError, match="record 1"):
        sink.close()


def udp_pair() -> tuple[socket.socket, UdpSink]:
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(DEADLINE)
    return receiver, UdpSink("127.0.0.1", receiver.getsockname()[1])


def test_datagrams_are_the_set_points() -> None:
    receiver, sink = udp_pair()
    made = executor()
    with receiver, sink:
        made.start_thread(sink)
        made.execute(THERE)
        begun = made.command_time
        records = [SetPointRecord.decode(receiver.recv(2048)) for _ in range(100)]
        made.join(DEADLINE)
        while not records[-1].last:
            records.append(SetPointRecord.decode(receiver.recv(2048)))
    stopped = made.command_time
    if len(records) == records[-1].sequence:  # the kernel may drop some of a slow receiver
        check_stream(records)
    check_equal([(begun, lambda o: o.execute(THERE)), (stopped, lambda o: o.stop())], records)


def test_receiver_that_is_not_there_is_no_failure() -> None:
    receiver, sink = udp_pair()
    receiver.close()
    made = executor()
    with sink:
        made.start_thread(sink)
        wait_until(made, 0.1)
        made.join(DEADLINE)
    assert made.statistics().unsent > 0


def test_closed_socket_stops_the_arm_along_its_path() -> None:
    receiver, sink = udp_pair()
    made = executor()
    with receiver:
        made.start_thread(sink)
        made.execute(THERE)
        begun = made.command_time
        wait_until(made, begun + 0.3)
        sink.close()
        wait_for(lambda: made._core.wait(0.0))
        with pytest.raises(PlannerError, match="join says why"):
            made.set_speed(0.5)
        with pytest.raises(SinkError, match="Broken pipe; the arm was stopped"):
            made.join(DEADLINE)
    assert made.mode == "idle"
    assert made.time < begun + THERE.duration
    there = made.step().position
    phases = np.linspace(0.0, THERE.duration, 20_001)
    assert np.abs(THERE.sample(phases)[0] - there).max(axis=1).min() < 1e-3
    with pytest.raises(PlannerError, match="sink is closed"):
        made.start_thread(sink)
    with started(made, MemorySink()):
        pass


def name_of(test: str) -> str:
    return f"smart_cell_test_{test}_{os.getpid()}"


def test_shared_memory_carries_the_set_points_and_its_name_goes() -> None:
    name, made = name_of("ring"), executor()
    with SharedMemorySink(name, capacity=100_000) as sink:
        with pytest.raises(PlannerError, match="No such file"):
            SharedMemoryReader(name)
        made.start_thread(sink)
        reader = SharedMemoryReader(name)
        assert (reader.dof, reader.capacity, reader.period) == (2, 100_000, PERIOD)
        made.execute(THERE)
        begun = made.command_time
        wait_for(lambda: reader.newest > 100)
        latest = reader.latest()
        assert latest is not None
        assert latest.sequence >= 100
        made.join(DEADLINE)
        stopped = made.command_time
    records = reader.drain()
    check_stream(records)
    check_equal([(begun, lambda o: o.execute(THERE)), (stopped, lambda o: o.stop())], records)
    assert reader.read(0) is None
    assert reader.read(len(records) + 1) is None
    assert not Path("/dev/shm", name).exists()
    with pytest.raises(PlannerError, match="sink is closed"):
        made.start_thread(sink)


def test_name_has_one_writer_and_a_dead_one_is_replaced() -> None:
    name, made, other = name_of("owner"), executor(), executor()
    Path("/dev/shm", name).write_bytes(b"left behind")
    with pytest.raises(PlannerError, match="holds no ring"):
        SharedMemoryReader(name)
    with SharedMemorySink(name) as sink:
        made.start_thread(sink)
        with pytest.raises(PlannerError, match="has a writer already"):
            other.start_thread(SharedMemorySink(name))
        made.join(DEADLINE)
        assert SharedMemoryReader(name).newest > 0
    assert not Path("/dev/shm", name).exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 300])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(PlannerError, match="name is"):
        SharedMemorySink(name)


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from smart_cell.planner import Executor, SharedMemorySink, State, point_to_point
from support.motion import limits

limit = limits(2, 4.0, 24.0, 480.0)
made = Executor(limit, 0.002)
made.reset([0.0, 1.0])
made.start_thread(SharedMemorySink(sys.argv[2], 100_000))
made.execute(point_to_point(State([0.0, 1.0]), State([1.5, -1.0]), limit))
print("moves", flush=True)
if sys.argv[3] == "wait":
    sys.stdin.read()
"""


@contextlib.contextmanager
def moving_process(name: str, end: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the program above until its arm moves."""
    command = [sys.executable, "-c", PROGRAM, str(ROOT / "test"), name, end]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"moves\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("end", ["normal", "killed"])
def test_end_of_the_process_removes_the_name(end: str) -> None:
    name = name_of(end)
    with moving_process(name, "wait" if end == "killed" else "go") as process:
        if end == "killed":
            reader = SharedMemoryReader(name)
            process.send_signal(signal.SIGKILL)
        process.wait(DEADLINE)
    wait_for(lambda: not Path("/dev/shm", name).exists())
    if end == "killed":
        newest = reader.latest()
        assert newest is not None
        assert not newest.last
        wait_for(lambda: time.monotonic() > newest.next_due)  # the watchdog tells it
    else:
        assert process.returncode == 0


def test_cycles_that_are_missed_shift_the_motion_and_nothing_jumps() -> None:
    name = name_of("missed")
    with moving_process(name, "wait") as process:
        reader = SharedMemoryReader(name)
        process.send_signal(signal.SIGSTOP)
        threading.Event().wait(25 * PERIOD)
        process.send_signal(signal.SIGCONT)
        before = reader.newest
        wait_for(lambda: reader.newest > before + 20)

        def rests() -> bool:
            latest = reader.latest()
            return latest is not None and not latest.active

        wait_for(rests)
        assert process.stdin is not None
        process.stdin.close()
        process.wait(DEADLINE)
    records = reader.drain()
    check_stream(records)
    assert records[-1].missed >= 24
    assert records[-1].position.tolist() == AWAY
    lag = np.array([record.due - record.time for record in records])
    late = next(record for record in records if record.missed >= 24)
    if late.active:  # else it was stopped after the motion, and has caught up before it sent
        assert late.due - late.time - lag[0] > 23 * PERIOD
    # What passed unsent did so at rest: executor time is the clock's again.
    assert abs(lag[-1] - lag[0]) < 1e-6
    begun = next(k for k, record in enumerate(records) if record.active)
    check_equal([(records[begun].time - 1.5 * PERIOD, lambda o: o.execute(THERE))], records)


def test_executor_that_is_dropped_ends_its_thread() -> None:
    sink, made = MemorySink(), executor()
    made.start_thread(sink)
    made.execute(THERE)
    wait_until(made, made.command_time + 0.1)
    del made
    gc.collect()
    sink.drain()
    threading.Event().wait(10 * PERIOD)
    assert sink.drain() == []


@pytest.mark.parametrize("data", [b"", b"x" * 80, bytes(80 + 24)])
def test_bytes_that_are_no_record_are_refused(data: bytes) -> None:
    with pytest.raises(PlannerError, match="record"):
        SetPointRecord.decode(data)
