"""A process for the supervisor's tests: does what its first argument says."""

from __future__ import annotations

import json
import os
import signal
import sys
import types

from smart_cell.nodes.process import die_with


def main() -> None:
    """Behave as told: ``wait``, ``deaf``, ``end:<code>``, ``fail:<text>`` or ``task``.

    ``task`` reports and ends when it gets SIGUSR1.
    """
    how, parent = sys.argv[1], int(sys.argv[sys.argv.index("--parent") + 1])
    die_with(parent)
    sys.stderr.write(f"[{how}] INFO: pid {os.getpid()}\n")
    sys.stderr.flush()
    if how.startswith("end:"):
        sys.exit(int(how[4:]))
    if how.startswith("fail:"):
        sys.stderr.write(f"[x] ERROR: {how[5:]}\n")
        sys.exit(3)

    def report(_number: int, _frame: types.FrameType | None) -> None:
        for line in (["up"], ["time", 1.5], ["event", 2.0, "run_ended", {"ok": True}]):
            sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.write("not a report\n")
        sys.exit(0)

    def on_signal(_number: int, _frame: types.FrameType | None) -> None:
        sys.stderr.write(f"[{how}] INFO: told to end\n")
        sys.exit(0)

    if how == "task":
        signal.signal(signal.SIGUSR1, report)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if how == "deaf" else on_signal)
    sys.stderr.write(f"[{how}] INFO: ready\n")
    sys.stderr.flush()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
