"""Removes shared-memory files of Fast DDS (and the tracer in rclpy) whose owner is dead.

Fast DDS keeps a lock (flock) on ``<name>_el`` or ``<name>_sl`` for as long as a segment's or port's
owner lives; ``fastdds shm clean`` goes by the same rule. Where no lock is left, nobody may have the
file mapped. Files of other users are left alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path("/dev/shm")
_LOCK = re.compile(r"^(fast(?:rtps|dds)_(?:port\d{1,5}|[0-9a-z]{16}))_(?:el|sl)$")
_UNLOCKED = re.compile(r"^(?:sem\.)?(fast(?:rtps|dds)_(?:port\d{1,5}|[0-9a-z]{16}))(?:_mutex)?$")
_TRACER = re.compile(r"^lttng-ust-wait-\d+(-\d+)?$")


def remove_dead(directory: Path = DIRECTORY) -> tuple[str, ...]:
    """Remove the files whose owner is dead; return their names, sorted."""
    removed: set[str] = set()
    for path in _own_files(directory):
        match = _LOCK.match(path.name)
        if match is not None:
            removed |= _remove_if_unlocked(path, match.group(1))
    rest = [path for path in _own_files(directory) if _has_no_lock(path)]
    if rest:
        used = _mapped_files(directory)
        idle = [path for path in rest if not used & {path.name, _segment(path.name)}]
        removed |= {path.name for path in idle if _remove(path)}
    return tuple(sorted(removed))


def mapped_by(pid: int, directory: Path = DIRECTORY) -> frozenset[str]:
    """Return the names of the middleware's files that a process has mapped; none if it has gone."""
    names = _names_in(Path(f"/proc/{pid}/maps"), directory)
    return frozenset(name for name in names if _UNLOCKED.match(name))


def remove_of(names: Iterable[str], directory: Path = DIRECTORY) -> tuple[str, ...]:
    """Remove what is left of files that processes had mapped which have ended.

    A file that a living process owns, which shows in its lock, stays; one that others only write to
    does not.

    Returns:
        The names of the removed files, sorted.
    """
    removed: set[str] = set()
    for segment in sorted({_segment(name) for name in names}):
        locks = [directory / f"{segment}_{kind}" for kind in ("el", "sl")]
        if any(lock.exists() and _is_locked(lock) for lock in locks):
            continue
        files = (directory / segment, directory / f"sem.{segment}_mutex", *locks)
        removed |= {path.name for path in files if _remove(path)}
    return tuple(sorted(removed))


def _segment(name: str) -> str:
    """Return the segment or port that a file belongs to; a mutex belongs to its port."""
    match = _UNLOCKED.match(name)
    return name if match is None else match.group(1)


def _has_no_lock(path: Path) -> bool:
    """Return whether only mappings tell if a file is in use: the tracer's, lockless ports."""
    if _TRACER.match(path.name):
        return True
    if _UNLOCKED.match(path.name) is None:
        return False
    segment = _segment(path.name)
    return not any(path.with_name(f"{segment}_{kind}").exists() for kind in ("el", "sl"))


def _own_files(directory: Path) -> list[Path]:
    """Return the files of this user, sorted by name."""
    files: list[Path] = []
    with contextlib.suppress(OSError):
        for path in sorted(directory.iterdir()):
            with contextlib.suppress(OSError):
                if path.stat().st_uid == os.getuid():
                    files.append(path)
    return files


def _remove_if_unlocked(lock: Path, name: str) -> set[str]:
    """Remove a lock file, what it stands for and its mutex, unless somebody holds the lock."""
    try:
        with lock.open("rb") as file:
            # Shared locks ("_sl") are held by readers, exclusive ones ("_el") by the owner.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            other = lock.with_name(name + ("_sl" if lock.name.endswith("_el") else "_el"))
            if other.exists() and _is_locked(other):
                return set()
            paths = (lock, lock.with_name(name), lock.with_name(f"sem.{name}_mutex"))
            return {path.name for path in paths if _remove(path)}
    except OSError:
        return set()


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False


def _mapped_files(directory: Path) -> set[str]:
    """Return the names of the files in ``directory`` that a process has mapped."""
    found = (_names_in(maps, directory) for maps in Path("/proc").glob("[0-9]*/maps"))
    return set().union(*found)


def _names_in(maps: Path, directory: Path) -> set[str]:
    """Return the names of the files in ``directory`` that a process' ``maps`` lists."""
    names: set[str] = set()
    prefix = f"{directory}/"
    with contextlib.suppress(OSError):
        for line in maps.read_text(encoding="utf-8", errors="replace").splitlines():
            place = line.find(prefix)
            if place >= 0:
                names.add(line[place + len(prefix) :].removesuffix(" (deleted)"))
    return names


def _remove(path: Path) -> bool:
    try:
        path.unlink()
    except OSError:
        return False
    return True
