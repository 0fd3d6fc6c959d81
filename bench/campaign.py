"""Runs random kitting jobs through the simulation and checks each event log (make campaign)."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import multiprocessing
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test"))

#: Wall time after which a single job counts as hung [s].
WALL_LIMIT = 900


@dataclass(frozen=True)
class Result:
    """How one job ended.

    Attributes:
        violations: What must never be, by ``recording.invariants``; or the error that ended it.
        orders: How the orders ended, by id.
        unexpected: Orders that ended otherwise than the supply would have allowed.
        faults: Faults that the cell told of.
        cell_s: Duration in cell time [s].
        wall_s: Duration in wall time [s].
    """

    seed: int
    violations: tuple[str, ...]
    orders: dict[str, str]
    unexpected: tuple[str, ...]
    faults: tuple[str, ...]
    products: int
    cell_s: float
    wall_s: float


def run_job(cell_name: str, seed: int) -> Result:
    """Work the random job of a seed in simulation and check its event log."""
    from smart_cell.model.cell import load_cell
    from smart_cell.recording.events import EventLog
    from smart_cell.recording.invariants import Invariants
    from smart_cell.simulation.body import simulate
    from support.random_jobs import random_job

    began = time.monotonic()
    cell = load_cell(cell_name)
    case = random_job(cell, seed)
    events: list[dict[str, object]] = []
    log = EventLog()
    log.listen(lambda event: events.append(dict(event)))
    error: tuple[str, ...] = ()
    signal.signal(signal.SIGALRM, _hung)
    signal.alarm(WALL_LIMIT)
    try:
        simulate(cell, case.job, seed, log)
    except Exception:
        error = (f"the run broke off: {traceback.format_exc(limit=-3)}",)
    finally:
        signal.alarm(0)
    checker = Invariants().read(events)
    violations = (*error, *checker.finish())
    statuses = checker.statuses()
    unexpected = []
    for order_id, expected in case.expected.items():
        found = statuses.get(order_id, "never announced")
        if found != expected and not (expected == "partial" and found in ("failed", "done")):
            unexpected.append(f"{order_id} {found} instead of {expected}")
    return Result(
        seed=seed,
        violations=violations,
        orders=statuses,
        unexpected=tuple(unexpected),
        faults=tuple(f"{e['source']}: {e['text']}" for e in events if e["kind"] == "fault"),
        products=sum(1 for e in events if e["kind"] == "product_ended" and e["status"] == "done"),
        cell_s=float(events[-1]["t"]) if events else 0.0,  # type: ignore[arg-type]
        wall_s=time.monotonic() - began,
    )


def _hung(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no end after {WALL_LIMIT} s of wall time")


def tell(result: Result) -> None:
    """Print one job's line, and all that is wrong with it."""
    bad = len(result.violations)
    state = "BAD " if bad else "odd " if result.unexpected else "ok  "
    orders = " ".join(result.orders.values())
    times = f"{result.cell_s:7.1f} s cell, {result.wall_s:5.1f} s wall"
    print(f"seed {result.seed:5d} {state} {times}: {orders}")
    for line in (*result.violations, *result.unexpected, *result.faults):
        print(f"      {line}")
    sys.stdout.flush()


def summary(results: list[Result], wall: float) -> str:
    """Return the campaign in a few lines."""
    ends = [status for result in results for status in result.orders.values()]
    counts = ", ".join(f"{ends.count(s)} {s}" for s in dict.fromkeys(sorted(ends)))
    cell = sum(result.cell_s for result in results)
    placed = sum(result.products for result in results)
    bad = [result for result in results if result.violations]
    violations = sum(len(result.violations) for result in bad)
    unexpected = sum(len(result.unexpected) for result in results)
    faults = sum(len(result.faults) for result in results)
    return "\n".join(
        (
            f"{len(results)} jobs, {len(ends)} orders ({counts}), {placed} products placed",
            f"violated invariants: {violations} in {len(bad)} jobs",
            f"orders that ended otherwise than the supply allowed: {unexpected}; faults: {faults}",
            f"{cell:.0f} s of cell time in {wall:.0f} s ({cell / max(wall, 1e-9):.1f} x real time)",
        )
    )


def campaign(cell: str, seeds: range, workers: int) -> list[Result]:
    """Work the jobs of all seeds, each worker in its own process."""
    results = []
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        futures = [pool.submit(run_job, cell, seed) for seed in seeds]
        for future in futures:
            result = future.result()
            tell(result)
            results.append(result)
    return results


def main() -> int:
    """Run the campaign; exit code 0 if no invariant was violated and all orders ended rightly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cell", default="kitting", choices=("kitting", "ariac"))
    parser.add_argument("--jobs", type=int, default=200, help="number of random jobs")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first job")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--json", type=Path, help="where to write all results")
    options = parser.parse_args()
    if options.jobs < 1 or options.workers < 1:
        parser.error("--jobs and --workers must be at least 1")
    began = time.monotonic()
    seeds = range(options.seed, options.seed + options.jobs)
    results = campaign(options.cell, seeds, options.workers)
    print(f"\ncell {options.cell}, seeds {seeds.start} to {seeds.stop - 1}")
    print(summary(results, time.monotonic() - began))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=1))
    return 1 if any(result.violations or result.unexpected for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
