"""The door to all input files: cells, orders and trials, read and checked."""

from smart_cell.model.ariac import load_trial
from smart_cell.model.cell import Cell, cell_names, find_cell, load_cell, load_orders

__all__ = ["Cell", "cell_names", "find_cell", "load_cell", "load_orders", "load_trial"]
