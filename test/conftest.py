"""What holds for all tests: an own DDS domain each, scratch log files, repeatable examples."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import hypothesis
import pytest

#: Domains 1 to 100 keep clear of Linux' ephemeral ports; 0 is everybody's default.
DOMAINS = range(1, 101)


def _claim_domain() -> tuple[int, IO[str]]:
    """Claim a domain id that no other test process uses, for as long as the file is open."""
    folder = Path(tempfile.gettempdir()) / f"smart_cell_test_domains_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for domain in DOMAINS:
        lock = (folder / str(domain)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
        else:
            return domain, lock
    raise RuntimeError(f"all {len(DOMAINS)} DDS domains are in use by tests ({folder})")


# Before any test module imports rclpy. Processes that a test starts inherit it.
_DOMAIN, _LOCK = _claim_domain()
_SCRATCH = tempfile.TemporaryDirectory(prefix="smart_cell_test_")
os.environ["ROS_DOMAIN_ID"] = str(_DOMAIN)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
os.environ["ROS_LOG_DIR"] = _SCRATCH.name
os.environ.setdefault("AMENT_PREFIX_PATH", sys.prefix)
for _name in ("ROS_NAMESPACE", "ROS_LOCALHOST_ONLY", "ROS_STATIC_PEERS", "RMW_IMPLEMENTATION"):
    os.environ.pop(_name, None)

# The same examples in every run, and no deadline: a busy machine is not a failure.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def _turn(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test that is marked ``alone`` run while no other worker's test does."""
    alone = request.node.get_closest_marker("alone") is not None
    folder = Path(tempfile.gettempdir()) / f"smart_cell_test_turns_{os.getuid()}"
    folder.mkdir(exist_ok=True)
    with (folder / "gate").open("w") as gate, (folder / "room").open("w") as room:
        # Whoever waits for the room to be empty holds the gate, so that nobody enters meanwhile.
        fcntl.flock(gate, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(gate, fcntl.LOCK_UN)
        yield


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the log files and give the domain back."""
    with contextlib.suppress(OSError):
        _SCRATCH.cleanup()
    _LOCK.close()


@pytest.fixture
def ros_domain_id() -> int:
    """Return the domain id that this test process and its children use."""
    return _DOMAIN
