"""``smart-cell check``: all problems of cells, orders, trials and recipes at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel

from smart_cell.cli.exits import OK, PROBLEMS, UNREADABLE
from smart_cell.cli.reachability import cell_reachability, order_reachability, standing
from smart_cell.model.ariac_values import TRIAL_KEYS
from smart_cell.model.cell import Cell, load_cell, load_orders
from smart_cell.model.description import CellDescription
from smart_cell.model.errors import InputError, Problem
from smart_cell.model.loading import load_trial
from smart_cell.model.orders import OrderFile
from smart_cell.model.urdf import load_urdf
from smart_cell.model.yaml_reading import Document, read_yaml
from smart_cell.production.recipe import load_recipe

KINDS = "a cell (key 'cell'), orders ('orders'), an ARIAC trial ('parts', ...) or a recipe"
ROBOT_SUFFIXES = (".urdf", ".xacro")
_ONLY_TRIALS = tuple(key for key in TRIAL_KEYS if key != "orders")


def print_schema(name: str) -> int:
    """Print the JSON Schema of ``cell`` or ``orders`` files."""
    models: dict[str, type[BaseModel]] = {"cell": CellDescription, "orders": OrderFile}
    schema = models[name].model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    typer.echo(json.dumps(schema, indent=2))
    return OK


def kind_of(data: Any) -> str | None:
    """Return ``cell``, ``orders``, ``trial`` or ``recipe`` by a file's top-level keys."""
    if not isinstance(data, dict):
        return None
    if "cell" in data or "arms" in data:
        return "cell"
    if "recipe" in data or "steps" in data:
        return "recipe"
    if any(key in data for key in _ONLY_TRIALS):
        return "trial"
    if "orders" not in data:
        return None
    orders = data["orders"]
    first = orders[0] if isinstance(orders, list) and orders else None
    foreign = isinstance(first, dict) and any(key.endswith("_task") for key in first)
    return "trial" if foreign else "orders"


def check(files: Sequence[str], cell: str | None = None, *, strict: bool = False) -> int:
    """Print the problems of files and return the exit code.

    Args:
        files: Their kinds are told by their top-level keys.
        cell: The cell against which orders and trials are checked; None = the one beside the file
            or among the files, else one of those that ship.
        strict: Refuse what is only a warning in trials.
    """
    checker = _Checker(cell, strict=strict)
    for file in files:
        checker.file(file)
    found = sorted(set(checker.problems))
    for problem in found:
        typer.echo(str(problem))
    wrong = sum(not problem.warning for problem in found)
    warnings = len(found) - wrong
    told = f"{len(files)} file(s), {wrong} problem(s), {warnings} warning(s)"
    typer.echo(f"smart-cell check: {told}", err=True)
    if checker.unreadable:
        return UNREADABLE
    return PROBLEMS if wrong else OK


class _Checker:
    """Checks files one by one; remembers the cells that it has loaded."""

    def __init__(self, cell: str | None, *, strict: bool) -> None:
        self.problems: list[Problem] = []
        self.unreadable = False
        self._cell = cell
        self._strict = strict
        self._cells: dict[str, Cell | None] = {}
        self._latest: str | None = None

    def file(self, file: str) -> None:
        """Check one file."""
        try:
            if file.endswith(ROBOT_SUFFIXES):
                self.problems.extend(load_urdf(Path(file)).warnings)
                return
            document = read_yaml(file)
            kind = kind_of(document.data)
            if kind is None:
                text = f"the kind of the file is not clear from its keys; it must be {KINDS}"
                document.say((), text)
                raise InputError(document.problems)
            steps = {
                "cell": self._cell_file,
                "orders": self._orders,
                "trial": self._trial,
                "recipe": self._recipe,
            }
            steps[kind](file, document)
        except InputError as error:
            self._add(error)

    def _add(self, error: InputError) -> None:
        self.problems.extend(error.problems)
        self.unreadable = self.unreadable or error.unreadable

    def _load(self, name: str) -> Cell | None:
        """Return a cell, None if it has problems; they are reported once."""
        if name not in self._cells:
            self._cells[name] = None
            try:
                cell = load_cell(name)
            except InputError as error:
                self._add(error)
            else:
                self._cells[name] = cell
                self.problems.extend(cell.warnings)
        return self._cells[name]

    def _recipe(self, file: str, _document: Document) -> None:
        load_recipe(file)

    def _cell_beside(self, file: str, fallback: str) -> Cell | None:
        beside = Path(file).parent / "cell.yaml"
        if self._cell is not None:
            return self._load(self._cell)
        if beside.is_file():
            return self._load(str(beside))
        return self._load(self._latest or fallback)

    def _orders(self, file: str, document: Document) -> None:
        cell = self._cell_beside(file, "kitting")
        if cell is None:
            return
        orders = load_orders(file, cell, self.problems)
        self.problems.extend(order_reachability(cell, orders.orders, document))

    def _trial(self, file: str, document: Document) -> None:
        cell = self._load(self._cell or "ariac")
        if cell is None:
            return
        job = load_trial(file, cell, strict=self._strict, warnings=self.problems)
        self.problems.extend(order_reachability(cell, job.orders, document))

    def _cell_file(self, file: str, document: Document) -> None:
        self._latest = file
        cell = self._load(file)
        if cell is None:
            return
        self.problems.extend(standing(cell, document))
        self.problems.extend(cell_reachability(cell, document))
        path = cell.orders_path()
        if path is not None:
            self._orders(str(path), read_yaml(path))
