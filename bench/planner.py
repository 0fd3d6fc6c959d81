"""The planner beside its peers, in one process: what each capability costs, and how good it is.

    python bench/planner.py [--json FILE] [--rounds N] [--calls N] [--seed N] [--only NAME ...]

Ours and the peer's calls alternate block by block; every call is timed on its own, and medians and
99th percentiles over all rounds are shown. Before anything is timed the results are compared. A
peer that is not installed (extra `bench`) is named, and its columns stay empty.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

import instructions
import inverse_kinematics
import kinematics
import path_timing
import state_to_state
import waypoints
from harness import Row, load_arms, load_peers, show

SECTIONS = {
    "kinematics": kinematics,
    "inverse_kinematics": inverse_kinematics,
    "state_to_state": state_to_state,
    "path_timing": path_timing,
    "waypoints": waypoints,
}


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (default 7)")
    parser.add_argument("--calls", type=int, default=1000, help="calls per round (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="seed of all random inputs")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.calls < 50:
        parser.error("--rounds must be at least 1, --calls at least 50")
    return options


def main(arguments: list[str]) -> int:
    """Run all comparisons."""
    options = parse(arguments)
    sections = [SECTIONS[name] for name in options.only]
    wanted = {package: module for section in sections for package, module in section.PEERS.items()}
    peers, versions, missing = load_peers(wanted)
    arms, skipped = load_arms()
    rows: list[Row] = []
    for section in sections:
        rows += section.rows(arms, peers, options)
    counts, uncounted = instructions.count() if "kinematics" in options.only else ({}, [])
    missing += uncounted
    show(rows, missing, skipped)
    for name, value in counts.items():
        print(f"instructions per configuration: {name}: {value:g}")
    if options.json is not None:
        report = {
            "machine": {"processor": platform.processor() or platform.machine()},
            "python": platform.python_version(),
            "peers": versions,
            "missing": missing,
            "skipped": skipped,
            "options": {"rounds": options.rounds, "calls": options.calls, "seed": options.seed},
            "instructions": counts,
            "rows": [{**asdict(row), "ratio": row.ratio} for row in rows],
        }
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
