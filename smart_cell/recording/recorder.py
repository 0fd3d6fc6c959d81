"""One run's recording: event log, report and progress together, and the files they leave."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.orders import Job
from smart_cell.recording.events import EventLog
from smart_cell.recording.page import page
from smart_cell.recording.progress import Progress, summary
from smart_cell.recording.report import Report

EVENTS_FILE = "events.jsonl"
REPORT_FILE = "report.json"
PAGE_FILE = "report.html"


class RecordingError(SmartCellError):
    """The report's folder cannot be written."""


class Recorder:
    """Records one run; a context manager that leaves the report however the run ends.

    Attributes:
        log: The event sink of the run; attach the run's clock to it.
        report: What the events add up to.

    Args:
        cell: The cell.
        job: What the run has to do.
        folder: Where to leave the files; None = nowhere.
        console: Where progress and the final table go; None = nowhere.
        steady: Steady time [s].
    """

    def __init__(
        self,
        cell: Cell,
        job: Job,
        folder: Path | None = None,
        console: Console | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; files are opened on entering."""
        self.report = Report(cell.description.arms, job.orders, job.scoring)
        self.log = EventLog(listeners=[self.report.add])
        self._folder = folder
        self._console = console
        self._steady = steady
        self._begin = 0.0
        self._wall: float | None = None
        self._stream: TextIO | None = None
        self._progress: Progress | None = None

    def __enter__(self) -> Recorder:
        """Open the files and the progress display.

        Raises:
            RecordingError: The folder cannot be written.
        """
        self._begin = self._steady()
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                path = self._folder / EVENTS_FILE
                self._stream = path.open("w", encoding="utf-8", newline="\n")
            except OSError as error:
                text = f"the report can not be written to {self._folder}: {error.strerror}"
                raise RecordingError(text) from None
            self.log.write_to(self._stream)
        if self._console is not None:
            self._progress = Progress(self._console, self.report, self._steady).__enter__()
            self.log.listen(self._progress.add)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Close the display and leave the report, also after an error.

        Raises:
            RecordingError: The folder cannot be written.
        """
        self._wall = self._steady() - self._begin
        if self._progress is not None:
            self._progress.__exit__()
        if self._stream is not None:
            self.log.write_to(None)
            self._stream.close()
        self.write()

    def tick(self, now: float) -> None:
        """Keep the progress display alive between events; ``now`` is cell time [s]."""
        if self._progress is not None:
            self._progress.tick(now)

    def note(self, line: str) -> None:
        """Show a line that is no event, as a process' own words."""
        if self._progress is not None:
            self._progress.note(line)

    def started(self) -> None:
        """Count wall time from now on; before it is bring-up."""
        self._begin = self._steady()
        if self._progress is not None:
            self._progress.started()

    def values(self) -> dict[str, Any]:
        """Return the content of ``report.json``."""
        wall = self._wall if self._wall is not None else self._steady() - self._begin
        return self.report.as_dict(wall)

    def write(self) -> None:
        """Write ``report.json`` and ``report.html`` of what is known so far.

        Raises:
            RecordingError: The folder cannot be written.
        """
        if self._folder is None:
            return
        values = self.values()
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            (self._folder / REPORT_FILE).write_text(text, encoding="utf-8")
            (self._folder / PAGE_FILE).write_text(page(self.report, values), encoding="utf-8")
        except OSError as error:
            text = f"the report can not be written to {self._folder}: {error.strerror}"
            raise RecordingError(text) from None

    def print_summary(self) -> None:
        """Show the final table, and where the report is."""
        if self._console is not None:
            self._console.print(summary(self.values()))
            if self._folder is not None:
                text = f"report: {self._folder / PAGE_FILE}"
                self._console.print(text, markup=False, highlight=False, soft_wrap=True)
