"""A trial as a document: places by our own order model's names, and NIST's angles with warnings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from smart_cell.model import ariac_values as nist
from smart_cell.model.yaml_reading import Document, Location, allowed, quoted


class TrialDocument(Document):
    """A document whose problems may be given at the locations of our own order model."""

    @staticmethod
    def of(document: Document) -> TrialDocument:
        """Return the same document with translated locations."""
        return TrialDocument(document.file, document.root, document.data, document.problems)

    def say(
        self,
        location: Sequence[str | int],
        message: str,
        *,
        warning: bool = False,
        key: bool = False,
    ) -> None:
        """Add a problem at a value of the trial."""
        super().say(_translated(location), message, warning=warning, key=key)

    def unknown_keys(self, location: Location, value: object, known: Sequence[str]) -> None:
        """Warn of keys that a mapping of a trial does not have."""
        for name in value if isinstance(value, dict) else ():
            if name not in known:
                text = f"unknown key, left out; {allowed(name, known)}"
                self.say((*location, name), text, warning=True, key=True)


_OWN: Mapping[str, tuple[str, ...]] = {
    "order_id": ("id",),
    "transporter": ("kitting_task", "agv_number"),
    "tray_id": ("kitting_task", "tray_id"),
    "destination": ("kitting_task", "destination"),
    "products": ("kitting_task", "products"),
}


def _translated(location: Sequence[str | int]) -> Location:
    """Return the location in a trial of a value of our order model."""
    if len(location) < 3 or location[0] != "orders":
        return tuple(location)
    head, third, rest = tuple(location[:2]), location[2], tuple(location[3:])
    if third == "announcement" and rest:
        renamed = {"placed": "part_place_condition", "submitted": "submission_condition"}
        rest = (renamed.get(str(rest[0]), rest[0]), *("agv" if r == 0 else r for r in rest[1:]))
        return (*head, third, *rest)
    if third == "products" and len(rest) == 2 and rest[1] == "slot":
        rest = (rest[0], "quadrant")
    return (*head, *_OWN.get(str(third), (third,)), *rest)


def read_angle(document: Document, place: Location, value: object) -> float:
    """Return an angle [rad] as NIST reads it; a warning where that is not what is written."""
    text = str(value)
    result, meant = nist.angle(text)
    if not meant:
        shown = f"{result / math.pi:.4g} pi" if result else "0"
        text = f"NIST's parser reads {quoted(text)} as {shown}, and so do we"
        document.say(place, text, warning=True)
    return result
