"""Who keeps which part: a part that is reserved for a product is offered to no other one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from smart_cell.model.ports import TrackedPart
from smart_cell.production.errors import InventoryError

_GIVEN_UP_AFTER = 2


class Inventory:
    """Keepers of parts and trays, and the parts that could not be taken. Owned by the orchestrator.

    A thing has at most one keeper, a step's id; it is kept until it is released.
    """

    def __init__(self) -> None:
        """Begin with nothing kept."""
        self._keepers: dict[str, str] = {}
        self._failures: Counter[str] = Counter()

    def reserve(self, thing: str, keeper: str) -> None:
        """Make ``keeper`` the keeper of ``thing``.

        Raises:
            InventoryError: It has another keeper.
        """
        present = self._keepers.get(thing)
        if present is not None and present != keeper:
            raise InventoryError(f"{thing} is kept for {present}; {keeper} cannot have it too")
        self._keepers[thing] = keeper

    def release(self, thing: str, keeper: str) -> None:
        """Give ``thing`` free again.

        Raises:
            InventoryError: ``keeper`` does not keep it.
        """
        present = self._keepers.get(thing)
        if present != keeper:
            raise InventoryError(f"{thing} is kept for {present or 'nobody'}, not for {keeper}")
        del self._keepers[thing]

    def keeper(self, thing: str) -> str | None:
        """Return the keeper of ``thing``, None if it is free."""
        return self._keepers.get(thing)

    def note_failure(self, thing: str) -> None:
        """Note that a part could not be taken; after two times it is not offered any more."""
        self._failures[thing] += 1

    def given_up(self, thing: str) -> bool:
        """Return whether ``thing`` could not be taken so often that it is not tried again."""
        return self._failures[thing] >= _GIVEN_UP_AFTER


class Survey:
    """The parts of one type and colour that are known, sorted by what can be done with them.

    Attributes:
        usable: Free and fit to be picked.
        kept: Reserved for other products.
        flipped: Upside down: this version cannot turn parts over.
        given_up: Could not be taken twice.
        elsewhere: Neither in a bin nor on a belt (on a tray, or fallen).
    """

    def __init__(
        self, parts: Sequence[TrackedPart], kind: tuple[str, str], inventory: Inventory
    ) -> None:
        """Sort ``parts``; ``kind`` is type and colour."""
        self.kind = kind
        self.usable: list[TrackedPart] = []
        self.kept: list[TrackedPart] = []
        self.flipped: list[TrackedPart] = []
        self.given_up: list[TrackedPart] = []
        self.elsewhere: list[TrackedPart] = []
        for part in parts:
            if (part.type, part.color) == kind:
                self._list(part, inventory).append(part)

    def _list(self, part: TrackedPart, inventory: Inventory) -> list[TrackedPart]:
        if not part.location.startswith(("bin:", "conveyor:")):
            return self.elsewhere
        if inventory.keeper(part.part_id) is not None:
            return self.kept
        if part.flipped:
            return self.flipped
        if inventory.given_up(part.part_id):
            return self.given_up
        return self.usable

    def reason(self) -> str:
        """Return why there is none to take, as a sentence."""
        part_type, color = self.kind
        causes = []
        if self.usable:
            causes.append(f"{len(self.usable)} in view cannot be brought to the slot by any arm")
        if self.flipped:
            count = len(self.flipped)
            causes.append(f"{count} in view upside down, and parts are not turned over yet")
        if self.given_up:
            causes.append(f"{len(self.given_up)} in view could not be taken twice")
        if self.elsewhere:
            causes.append(f"{len(self.elsewhere)} on trays or fallen")
        return f"no {color} {part_type} left: {'; '.join(causes) or 'none is in view'}"
