"""Sinks: where an executor's real-time thread puts its set-points, and how they are read again.

All of them carry the same record, of 8-byte words in native byte order (n joints):

==== ==== ==========================================================================
word type meaning
==== ==== ==========================================================================
0    u64  sequence: 1, 2, 3 ... in the order of sending
1    u32  layout of the record, 1; u32 number of joints n
2    i64  executor time in periods
3    f64  executor time [s]
4    i64  CLOCK_MONOTONIC at which this set-point was due [ns]
5    i64  CLOCK_MONOTONIC by which the next one is due [ns]: the watchdog
6    f64  path time [s]
7    f64  rate of path time, 0..1
8    u64  bit 0: there is a trajectory to follow; bit 1: the thread's last record
9    u64  cycles missed so far
10   f64  n positions [rad or m], n velocities, n accelerations
==== ==== ==========================================================================

A receiver stops its arm when the time of word 5 passes without another record; after the last
record of a thread, at rest, nothing more is due (2^63 - 1).

The memory of a ring begins with 8 words: the bytes ``SCSETPT1``; u32 layout, 1, and u32 n; u64
capacity; f64 period [s]; u64 sequence of the newest record; three of zero. Record k then lies in
slot (k - 1) mod capacity; its word 0 is not k while it is being written.
"""

from __future__ import annotations

import abc
import contextlib
import fcntl
import mmap
import os
import re
import socket
import struct
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import resource_tracker
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from smart_cell.planner import _core
from smart_cell.planner.arrays import Array, frozen, instance, number
from smart_cell.planner.errors import PlannerError

AnySink = TypeVar("AnySink", bound="Sink")

_HEAD = struct.Struct("=QIIqdqqddQQ")
_SHARED = Path("/dev/shm")
_LAYOUT = 1


@dataclass(frozen=True, eq=False)
class SetPointRecord:
    """One set-point as it was sent.

    Attributes:
        sequence: Number of the record, from 1.
        time: Executor time [s].
        due: When it was due, and
        next_due: by when the next one is due: seconds of ``time.monotonic()``; infinity after the
            last one.
        path_time: Where on the trajectory [s].
        speed: Rate of path time, 0..1.
        active: Whether there is a trajectory to follow.
        last: Whether it is the last one of its thread.
        missed: Cycles missed so far.
        position: Shape (n,) [rad or m].
        velocity: Shape (n,).
        acceleration: Shape (n,).
    """

    sequence: int
    time: float
    due: float
    next_due: float
    path_time: float
    speed: float
    active: bool
    last: bool
    missed: int
    position: Array
    velocity: Array
    acceleration: Array

    @classmethod
    def decode(cls, data: bytes) -> SetPointRecord:
        """Read a record from its bytes: a datagram, or what lies in a slot.

        Raises:
            PlannerError: It is none of this layout, or of another length.
        """
        if len(data) < _HEAD.size:
            raise PlannerError(f"a record of {len(data)} bytes; it has at least {_HEAD.size}")
        sequence, layout, dof, _, time, due, next_due, path_time, speed, flags, missed = (
            _HEAD.unpack_from(data)
        )
        if layout != _LAYOUT or len(data) != _HEAD.size + 24 * dof:
            raise PlannerError(f"no record of layout {_LAYOUT} in {len(data)} bytes")
        joints = np.frombuffer(data, np.float64, 3 * dof, _HEAD.size).reshape(3, dof)
        last = bool(flags & 2)
        return cls(
            sequence=sequence,
            time=time,
            due=due * 1e-9,
            next_due=float("inf") if last else next_due * 1e-9,
            path_time=path_time,
            speed=speed,
            active=bool(flags & 1),
            last=last,
            missed=missed,
            position=frozen(joints[0]),
            velocity=frozen(joints[1]),
            acceleration=frozen(joints[2]),
        )


class Sink(abc.ABC):
    """What ``Executor.start_thread`` writes to; serves one executor at a time."""

    def __init__(self) -> None:
        self._closed = False
        self._busy = False

    def __enter__(self: AnySink) -> AnySink:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def acquire(self, dof: int, period: float) -> Any:
        """Return the memory of a ring, or a connected datagram socket's descriptor.

        Called by ``start_thread``, which also gives it back.

        Raises:
            PlannerError: The sink is closed, serves another executor, or another kind of arm.
        """
        if self._closed or self._busy:
            state = "closed" if self._closed else "in use by another executor"
            raise PlannerError(f"the sink is {state}")
        target = self._open(dof, period)
        self._busy = True
        return target

    def release(self) -> None:
        """Say that no thread writes any more."""
        self._busy = False

    def close(self) -> None:
        """Take no more set-points."""
        self._closed = True

    @abc.abstractmethod
    def _open(self, dof: int, period: float) -> Any:
        """Return what the core writes to."""


class _RingReader:
    """Records of a ring in the order of their sending. For one thread at a time."""

    def __init__(self, memory: Any) -> None:
        self._memory = memory
        self._next = 1

    @property
    def newest(self) -> int:
        """Sequence of the newest record; 0 = none yet."""
        return _core.ring_shape(self._memory)[2]

    def read(self, sequence: int) -> SetPointRecord | None:
        """Return a record; None if it has been overwritten or is not there yet."""
        data = _core.ring_read(self._memory, sequence)
        return None if data is None else SetPointRecord.decode(data)

    def latest(self) -> SetPointRecord | None:
        """Return the newest record; None if there is none yet."""
        while (newest := self.newest) > 0:
            record = self.read(newest)
            if record is not None:
                return record
        return None

    def drain(self) -> list[SetPointRecord]:
        """Return what was written since the last call; a gap in ``sequence`` was too slow."""
        _, capacity, newest = _core.ring_shape(self._memory)
        first = max(self._next, newest - capacity + 1)
        self._next = newest + 1
        records = (self.read(sequence) for sequence in range(first, newest + 1))
        return [record for record in records if record is not None]


class _RingSink(Sink):
    """A sink with a ring whose memory is made when it is first opened."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        instance(capacity, int, "capacity")
        if not 1 <= capacity <= 1 << 20:
            raise PlannerError(f"capacity is {capacity}; it must lie in 1..{1 << 20}")
        self.capacity = capacity
        self._memory: Any = None
        self._shape = (0, 0.0)

    @abc.abstractmethod
    def _allocate(self, size: int) -> Any:
        """Return a writable buffer of ``size`` bytes."""

    def _open(self, dof: int, period: float) -> Any:
        if self._memory is None:
            memory = self._allocate(_core.ring_size(dof, self.capacity))
            _core.ring_make(memory, dof, self.capacity, period)
            self._memory, self._shape = memory, (dof, period)
        if self._shape != (dof, period):
            text = f"the sink holds set-points of {self._shape[0]} joints at a period of "
            text += f"{self._shape[1]} s, not of {dof} at {period} s"
            raise PlannerError(text)
        return self._memory


class MemorySink(_RingSink):
    """Set-points in memory of this process, to be drained by one thread."""

    def __init__(self, capacity: int = 4096) -> None:
        """Make an empty sink that keeps the newest ``capacity`` set-points, 1..2^20.

        Raises:
            PlannerError: ``capacity`` is out of range.
        """
        super().__init__(capacity)
        self._reader: _RingReader | None = None

    def _allocate(self, size: int) -> Any:
        return np.zeros(size // 8, np.uint64)

    def drain(self) -> list[SetPointRecord]:
        """Return what was written since the last call; a gap in ``sequence`` was too slow."""
        if self._memory is None:
            return []
        if self._reader is None:
            self._reader = _RingReader(self._memory)
        return self._reader.drain()


class CallbackSink(MemorySink):
    """Calls a function with each set-point, from a Python thread: late, but in order.

    The real-time thread never waits for it; what the function is too slow for is left out. A
    function that raises is not called again, and ``close`` raises its exception.
    """

    def __init__(
        self,
        function: Callable[[SetPointRecord], object],
        capacity: int = 4096,
        *,
        interval: float = 0.005,
    ) -> None:
        """Start to deliver.

        Args:
            function: Called in one thread of the sink's own, with one record at a time.
            capacity: Set-points that may wait, 1..2^20.
            interval: How often the sink looks for new ones [s], 0.0001..10.

        Raises:
            PlannerError: A value out of range.
        """
        super().__init__(capacity)
        if not 1e-4 <= number(interval, "interval") <= 10.0:
            raise PlannerError(f"interval is {interval}; it must lie in 0.0001..10")
        self._function = function
        self._interval = float(interval)
        self._done = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._deliver, name="set-points", daemon=True)
        self._thread.start()

    def _deliver(self) -> None:
        done = False
        while not done:
            done = self._done.wait(self._interval)
            for record in self.drain():
                try:
                    self._function(record)
                except Exception as error:  # told by close(); nothing else could hear it
                    self._error = error
                    return

    def close(self) -> None:
        """Deliver what is left and end; raises what the function raised."""
        super().close()
        self._done.set()
        self._thread.join()
        if self._error is not None:
            raise self._error


def _shared_path(name: str) -> Path:
    instance(name, str, "name")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,200}", name) or name in (".", ".."):
        raise PlannerError(f"name is {name!r}; it may have letters, digits and the signs . _ -")
    return _SHARED / name


def _remove(path: Path, name: str, process: int) -> None:
    if os.getpid() == process:
        path.unlink(missing_ok=True)
        resource_tracker.unregister(f"/{name}", "shared_memory")


class SharedMemorySink(_RingSink):
    """Set-points in a ring in POSIX shared memory, for readers in other processes.

    The name exists from the first ``start_thread`` to ``close``, or to the end of the process,
    also one that is killed. One writer has a name at a time; one that a dead writer has left is
    taken over. Readable by the same user only.
    """

    def __init__(self, name: str, capacity: int = 1024) -> None:
        """Name a sink that keeps the newest ``capacity`` set-points.

        Args:
            name: Of the shared memory, without a slash: /dev/shm/<name> on Linux.
            capacity: 1..2^20.

        Raises:
            PlannerError: A name that cannot be used, or ``capacity`` out of range.
        """
        super().__init__(capacity)
        self._path = _shared_path(name)
        self.name = name
        self._remove: Any = None
        self._file: int | None = None

    def _allocate(self, size: int) -> Any:
        file = self._own()
        try:
            os.ftruncate(file, size)
            memory = mmap.mmap(file, size)
        except OSError as error:
            os.close(file)
            raise PlannerError(f"shared memory {self.name}: {error.strerror}") from None
        self._file = file
        resource_tracker.register(f"/{self.name}", "shared_memory")
        self._remove = weakref.finalize(self, _remove, self._path, self.name, os.getpid())
        return memory

    def _own(self) -> int:
        """Return the descriptor of a new file under our name, locked for us."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        for _ in range(3):
            try:
                file = os.open(self._path, flags, 0o600)
            except OSError as error:
                raise PlannerError(f"shared memory {self.name}: {error.strerror}") from None
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(file)
                raise PlannerError(f"shared memory {self.name} has a writer already") from None
            if os.fstat(file).st_size == 0 and self._path.exists():
                return file
            self._path.unlink(missing_ok=True)  # a dead writer's: its readers keep what they have
            os.close(file)
        raise PlannerError(f"shared memory {self.name} is changed by others all the time")

    def close(self) -> None:
        """Remove the name; readers keep the memory that they have. Call it after ``join``."""
        super().close()
        self._memory = None
        if self._remove is not None:
            self._remove()
        if self._file is not None:
            os.close(self._file)
            self._file = None


class SharedMemoryReader(_RingReader):
    """Reads the set-points that a ``SharedMemorySink`` of any process writes.

    Never disturbs the writer, and may begin at any time after its ``start_thread``. For one
    thread at a time; any number of readers.
    """

    def __init__(self, name: str) -> None:
        """Open the shared memory.

        Raises:
            PlannerError: There is none of that name, or it holds no ring of set-points.
        """
        try:
            file = os.open(_shared_path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise PlannerError(f"shared memory {name}: {error.strerror}") from None
        try:
            memory = mmap.mmap(file, 0, access=mmap.ACCESS_READ)
            self.dof, self.capacity, _ = _core.ring_shape(memory)
        except (OSError, ValueError):
            raise PlannerError(f"shared memory {name} holds no ring of set-points") from None
        finally:
            os.close(file)
        super().__init__(memory)

    @property
    def period(self) -> float:
        """Time between two set-points [s]."""
        period: float = struct.unpack_from("=d", self._memory, 24)[0]
        return period


class UdpSink(Sink):
    """Sends each set-point as one datagram; a receiver that is not there is no failure.

    ``close`` while a thread sends makes it stop the arm along its path and end.
    """

    def __init__(self, host: str, port: int) -> None:
        """Open a socket to a receiver.

        Args:
            host: Name or address, IPv4 or IPv6.
            port: 1..65535.

        Raises:
            PlannerError: There is no such host, or no way to it.
        """
        super().__init__()
        instance(host, str, "host")
        instance(port, int, "port")
        if not 1 <= port <= 65535:
            raise PlannerError(f"port is {port}; it must lie in 1..65535")
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_DGRAM
            )[0]
            self._socket = socket.socket(family, kind, protocol)
        except OSError as error:
            raise PlannerError(f"{host} port {port}: {error}") from None
        try:
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise PlannerError(f"{host} port {port}: {error}") from None

    def _open(self, dof: int, period: float) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        """End the sending, also that of a running thread, and close the socket."""
        super().close()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
