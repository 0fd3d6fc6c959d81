"""Finds the data files that are installed with the package: cells, recipes, URDF, launch files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

#: The folder's name below ``share/`` in every install prefix.
PACKAGE = "smart_cell"


class ResourceNotFoundError(FileNotFoundError):
    """No place holds the data file; the message lists every place that was tried."""


def roots(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the folders that may hold data files, best first, whether they exist or not.

    Args:
        environment: Where SMART_CELL_SHARE and AMENT_PREFIX_PATH are looked up.

    Returns:
        ``$SMART_CELL_SHARE``, ``share/smart_cell`` of each prefix in AMENT_PREFIX_PATH and of
        ``sys.prefix``, then the source tree; each folder once.
    """
    places: list[Path] = []
    override = environment.get("SMART_CELL_SHARE", "")
    if override:
        places.append(Path(override))
    prefixes = [
        prefix for prefix in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix
    ]
    places += [Path(prefix) / "share" / PACKAGE for prefix in [*prefixes, sys.prefix]]
    places.append(Path(__file__).resolve().parent.parent)
    return tuple(dict.fromkeys(places))


def find(relative: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of a data file or folder.

    Args:
        relative: Path below the share folder with forward slashes, such as
            ``config/cells/kitting.yaml``.
        environment: Where SMART_CELL_SHARE and AMENT_PREFIX_PATH are looked up.

    Returns:
        The first existing path.

    Raises:
        ValueError: ``relative`` is empty, absolute or leads out of the share folder.
        ResourceNotFoundError: No place holds it.
    """
    path = PurePosixPath(relative)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise ValueError(
            f"data file {relative!r}: expected a path below the share folder, without '..', "
            "such as 'config/cells/kitting.yaml'"
        )
    tried = [root / path for root in roots(environment)]
    for candidate in tried:
        if candidate.exists():
            return candidate
    places = "".join(f"\n  {candidate}" for candidate in tried)
    raise ResourceNotFoundError(f"data file {relative!r} not found; tried{places}")
