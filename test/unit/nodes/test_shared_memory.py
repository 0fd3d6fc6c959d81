"""Which shared-memory files are removed: those of dead owners, no others."""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path

from smart_cell.nodes.shared_memory import mapped_by, remove_dead, remove_of

SEGMENT = "fastrtps_0123456789abcdef"
PORT = "fastrtps_port7410"


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(b"")


def test_files_of_dead_owners_stay(tmp_path: Path) -> None:
    names = (SEGMENT, f"{SEGMENT}_el", PORT, f"{PORT}_el", f"sem.{PORT}_mutex")
    touch(tmp_path, *names)
    assert remove_dead(tmp_path) == tuple(sorted(names))
    assert list(tmp_path.iterdir()) == []


def test_files_of_living_owners_are_removed(tmp_path: Path) -> None:
    names = (SEGMENT, f"{SEGMENT}_el", PORT, f"{PORT}_sl", f"{PORT}_el", f"sem.{PORT}_mutex")
    touch(tmp_path, *names)
    with (tmp_path / f"{SEGMENT}_el").open() as one, (tmp_path / f"{PORT}_sl").open() as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(two, fcntl.LOCK_SH)
        assert remove_dead(tmp_path) == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_files_of_others_are_removed(tmp_path: Path) -> None:
    names = ("fastrtps_short_el", "my_fastrtps_port7410_el", "sem.other", "fastrtps_portx_el")
    touch(tmp_path, *names)
    assert remove_dead(tmp_path) == ()


def test_a_tracers_file_that_nobody_has_mapped_stays(tmp_path: Path) -> None:
    touch(tmp_path, "lttng-ust-wait-6", "lttng-ust-wait-6-0")
    assert remove_dead(tmp_path) == ("lttng-ust-wait-6", "lttng-ust-wait-6-0")


def test_a_port_that_a_process_has_mapped_is_removed(tmp_path: Path) -> None:
    (tmp_path / PORT).write_bytes(bytes(4096))
    touch(tmp_path, f"sem.{PORT}_mutex", "fastrtps_port7411")
    with (tmp_path / PORT).open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        assert remove_dead(tmp_path) == ("fastrtps_port7411",)
    assert remove_dead(tmp_path) == (PORT, f"sem.{PORT}_mutex")


def test_files_of_an_ended_process_stay_because_others_write_to_them(tmp_path: Path) -> None:
    (tmp_path / PORT).write_bytes(bytes(4096))
    touch(tmp_path, f"sem.{PORT}_mutex", SEGMENT, f"{SEGMENT}_el", "fastrtps_port9999")
    with (
        (tmp_path / PORT).open("rb") as port,
        mmap.mmap(port.fileno(), 0, prot=mmap.PROT_READ),
        (tmp_path / f"{SEGMENT}_el").open() as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert mapped_by(os.getpid(), tmp_path) == {PORT}
        assert remove_of({PORT, SEGMENT}, tmp_path) == (PORT, f"sem.{PORT}_mutex")


def test_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    assert remove_dead(tmp_path / "nowhere") == ()
