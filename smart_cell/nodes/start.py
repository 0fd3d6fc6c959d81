"""Entry points of the processes' executables.

They import nothing heavy before they must: Ctrl-C in the first moments ends a process in silence.
"""

from __future__ import annotations

import importlib
import signal


def simulation() -> None:
    """Run the simulation process."""
    _start("simulation")


def control() -> None:
    """Run the control process."""
    _start("control")


def cell() -> None:
    """Run the cell process."""
    _start("cell")


def _start(name: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    importlib.import_module(f"smart_cell.nodes.{name}_process").main()
