"""What the environment must hold before rclpy is imported, and which domain a cell uses."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path

from smart_cell.model.errors import SmartCellError

#: Domain ids from 1 to 100 are free of Linux' ephemeral ports; 0 is everybody's default.
DOMAINS = range(1, 101)
#: The highest id for which Fast DDS finds ports.
_LAST_DOMAIN = 232


def default_domain(cell: str) -> int:
    """Return the ROS domain id that the cell of this name uses by default, in 1..100."""
    return DOMAINS.start + zlib.crc32(cell.encode()) % len(DOMAINS)


def prepare(environment: MutableMapping[str, str] = os.environ) -> None:
    """Fill in what rclpy and the ament index need and a user has not set.

    Args:
        environment: Changed in place; what is set already stays.
    """
    environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    environment.setdefault("AMENT_PREFIX_PATH", sys.prefix)
    environment.setdefault("PYTHONUNBUFFERED", "1")
    if not environment.get("HOME") and not environment.get("ROS_LOG_DIR"):
        directory = Path(tempfile.gettempdir()) / f"smart_cell_{os.getuid()}" / "log"
        directory.mkdir(parents=True, exist_ok=True)
        environment["ROS_LOG_DIR"] = str(directory)


@contextlib.contextmanager
def claimed_domain(cell: str, environment: Mapping[str, str] = os.environ) -> Iterator[int]:
    """Claim a ROS domain id for one run of a cell, so that two runs do not talk to each other.

    Args:
        cell: Name of the cell.
        environment: If it holds ROS_DOMAIN_ID, that one is taken; else the cell's own, or the
            next one that is free.

    Yields:
        The domain id; it is this process' until the context ends.

    Raises:
        SmartCellError: The domain asked for is in use by another run or no number, or none is free.
    """
    folder = Path(tempfile.gettempdir()) / f"smart_cell_{os.getuid()}" / "domains"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = environment.get("ROS_DOMAIN_ID", "")
    if wanted and not (wanted.isdecimal() and int(wanted) <= _LAST_DOMAIN):
        raise SmartCellError(f"ROS_DOMAIN_ID is {wanted!r}; allowed is 0 to {_LAST_DOMAIN}")
    first = default_domain(cell) - DOMAINS.start
    own = [DOMAINS.start + (first + i) % len(DOMAINS) for i in range(len(DOMAINS))]
    for domain in [int(wanted)] if wanted else own:
        with (folder / str(domain)).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield domain
            return
    if wanted:
        raise SmartCellError(f"another run of smart-cell uses ROS domain {wanted}: choose another")
    raise SmartCellError(f"all ROS domains from {DOMAINS.start} to {DOMAINS.stop - 1} are in use")
