"""A loaded cell: its description with everything resolved that depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from smart_cell import resources
from smart_cell.model.description import CellDescription
from smart_cell.model.errors import InputError, Problem, SmartCellError
from smart_cell.model.frames import resolve
from smart_cell.model.geometry import Pose
from smart_cell.model.order_file import read_orders
from smart_cell.model.orders import Job, OrderFile
from smart_cell.model.urdf import Urdf, load_urdf
from smart_cell.model.validation import CellChecker, prune
from smart_cell.model.xml_reading import Mark
from smart_cell.model.yaml_reading import Document, read_yaml, validate

CELLS_FOLDER = "config/cells"


@dataclass(frozen=True)
class Cell:
    """A cell that is fit to use.

    Attributes:
        description: The validated file.
        path: The file.
        warnings: What is usable but odd in the cell's files.
        urdfs: The expanded robot description of each arm.
        poses: Pose in the world of everything that has a frame.
    """

    description: CellDescription
    path: Path
    warnings: tuple[Problem, ...]
    urdfs: Mapping[str, Urdf] = field(repr=False)
    poses: Mapping[str, Pose] = field(repr=False)

    @property
    def name(self) -> str:
        """The cell's name."""
        return self.description.cell

    def pose(self, name: str) -> Pose:
        """Return the pose in the world of a frame or thing.

        Args:
            name: A frame, arm (its mount), conveyor, camera, bin, tray table, tool changer,
                obstacle, zone, or transporter (its seat at travel 0).

        Raises:
            SmartCellError: Nothing has that name.
        """
        pose = self.poses.get(name)
        if pose is None:
            raise SmartCellError(f"cell {self.name!r} has no frame {name!r}; {_list(self.poses)}")
        return pose

    def slot_pose(self, place: str, slot: str) -> Pose:
        """Return the pose in the world of a slot; its z is the surface on which things stand.

        Args:
            place: A bin (slots on its floor), a tray table (slots on its top, for trays), or a
                transporter (slots on the tray on its seat, at travel 0).
            slot: Name of the slot.

        Raises:
            SmartCellError: The place or the slot is not there.
        """
        slots, height = self._slots(place)
        if slot not in slots:
            raise SmartCellError(f"{place!r} has no slot {slot!r}; {_list(slots)}")
        x, y = slots[slot]
        return self.pose(place) @ Pose((x, y, height))

    def slots(self, place: str) -> tuple[str, ...]:
        """Return the names of the slots of a bin, tray table or transporter's tray.

        Raises:
            SmartCellError: The place is not there.
        """
        return tuple(self._slots(place)[0])

    def _slots(self, place: str) -> tuple[Mapping[str, tuple[float, float]], float]:
        d = self.description
        if place in d.bins:
            return d.bin_types[d.bins[place].type].slots, 0.0
        if place in d.tray_tables:
            return d.tray_tables[place].slots, 0.0
        if place in d.transporters:
            tray = d.tray_types[d.transporters[place].tray_type]
            return tray.slots, tray.size_m[2]
        places = (*d.bins, *d.tray_tables, *d.transporters)
        raise SmartCellError(f"cell {self.name!r} has no place {place!r}; {_list(places)}")

    def urdf(self, arm: str) -> Urdf:
        """Return an arm's robot description.

        Raises:
            SmartCellError: There is no such arm.
        """
        urdf = self.urdfs.get(arm)
        if urdf is None:
            raise SmartCellError(f"cell {self.name!r} has no arm {arm!r}; {_list(self.urdfs)}")
        return urdf

    def urdf_text(self, arm: str) -> str:
        """Return an arm's robot description as XML, xacro expanded.

        Raises:
            SmartCellError: There is no such arm.
        """
        return self.urdf(arm).text

    def joint_names(self, arm: str) -> tuple[str, ...]:
        """Return the names of an arm's joints from base to tip, external axes included.

        Raises:
            SmartCellError: There is no such arm.
        """
        urdf, described = self.urdf(arm), self.description.arms[arm]
        return tuple(joint.name for joint in urdf.moving_joints(described.base, described.tip))

    def orders_path(self) -> Path | None:
        """Return the file of the cell's own sample orders; None if it has none."""
        name = self.description.orders
        return None if name is None else self.path.parent / name

    def job(self, orders: OrderFile | None = None) -> Job:
        """Return the work of a run: orders with their supply, or the cell's own.

        Args:
            orders: The orders; None = the cell's sample orders.

        Raises:
            InputError: The cell's own orders have problems, or there are none.
        """
        if orders is None:
            path = self.orders_path()
            if path is None:
                raise Mark(str(self.path)).refuse("the cell has no orders of its own: give some")
            orders = load_orders(path, self)
        supply = self.description.supply if orders.supply is None else orders.supply
        return Job(orders=orders.orders, supply=supply)


def _list(names: Mapping[str, object] | tuple[str, ...]) -> str:
    return "there are: " + (", ".join(names) or "none")


def cell_names() -> tuple[str, ...]:
    """Return the names of the cells that are installed."""
    try:
        folder = resources.find(CELLS_FOLDER)
    except FileNotFoundError:
        return ()
    return tuple(sorted(path.parent.name for path in folder.glob("*/cell.yaml")))


def find_cell(path_or_name: str | Path) -> Path:
    """Return the file of a cell, given by path or by the name of an installed one.

    Raises:
        InputError: unreadable; there is no such cell; the names that there are, are listed.
    """
    text = str(path_or_name)
    path = Path(path_or_name)
    try:
        if path.is_file():
            return path
        if path.is_dir() and (path / "cell.yaml").is_file():
            return path / "cell.yaml"
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Mark(text[:200]).refuse(f"cannot be read: {reason}", unreadable=True) from None
    names = cell_names()
    if text in names:
        return resources.find(f"{CELLS_FOLDER}/{text}/cell.yaml")
    known = ", ".join(names) or "none are installed"
    message = f"no such cell: neither a file nor one of the cells that ship ({known})"
    raise Mark(text[:200]).refuse(message, unreadable=True)


def load_cell(path_or_name: str | Path) -> Cell:
    """Read, validate and resolve a cell.

    Args:
        path_or_name: A file, or the name of a cell that ships.

    Raises:
        InputError: With all problems of the cell's files at once.
    """
    path = find_cell(path_or_name)
    document = read_yaml(path)
    description = validate(document, CellDescription)
    broken: frozenset[tuple[str, str]] = frozenset()
    whole = description
    if description is None:
        description, broken = prune(document, CellDescription)
    if description is None:
        raise InputError(document.problems)
    urdfs = _load_urdfs(document, description, path)
    poses, _ = resolve(description)
    CellChecker(document, description, urdfs, broken).check()
    document.raise_if_failed()
    assert whole is not None
    warnings = tuple(sorted(document.problems))
    return Cell(whole, path, warnings, MappingProxyType(urdfs), poses)


def _load_urdfs(document: Document, description: CellDescription, path: Path) -> dict[str, Urdf]:
    """Read the URDF of each arm; problems go to the document."""
    urdfs: dict[str, Urdf] = {}
    for name, arm in description.arms.items():
        file = path.parent / arm.urdf
        try:
            beside = file.is_file()
        except (OSError, ValueError):  # a name that no file can have
            beside = False
        if not beside:
            try:
                file = resources.find(arm.urdf)
            except (OSError, ValueError) as error:
                text = f"{error}\n  {path.parent / arm.urdf}"
                document.say(("arms", name, "urdf"), " ".join(text.split()))
                continue
        try:
            urdfs[name] = load_urdf(file, arm.xacro_args)
        except InputError as error:
            document.problems.extend(p for p in error.problems if p not in document.problems)
            continue
        document.problems.extend(p for p in urdfs[name].warnings if p not in document.problems)
    return urdfs


def load_orders(path: Path | str, cell: Cell, warnings: list[Problem] | None = None) -> OrderFile:
    """Read a file of orders and check it against a cell.

    Args:
        path: The file.
        cell: The cell that is to do them.
        warnings: Gets the warnings.

    Raises:
        InputError: With all problems.
    """
    orders, found = read_orders(path, cell.description)
    if warnings is not None:
        warnings.extend(found)
    return orders
