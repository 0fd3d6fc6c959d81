"""Where everything in a cell stands: all named frames, resolved into the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from smart_cell.model.description import CellDescription, PlacedPose
from smart_cell.model.geometry import Pose

WORLD = "world"
SECTIONS = (
    *("frames", "arms", "conveyors", "transporters", "cameras", "bins", "tray_tables"),
    *("tool_changers", "obstacles", "zones"),
)


def placed(description: CellDescription) -> Iterator[tuple[tuple[str, ...], str, PlacedPose]]:
    """Yield location of the pose in the file, name and pose of everything that has a frame."""
    for section in SECTIONS:
        for name, thing in getattr(description, section).items():
            if section == "frames":
                yield (section, name), name, thing
            elif section == "arms":
                yield (section, name, "mount"), name, thing.mount
            else:
                yield (section, name, "pose"), name, thing.pose


def resolve(description: CellDescription) -> tuple[Mapping[str, Pose], Mapping[str, str]]:
    """Return the pose of each named thing in the world, and why the others have none.

    Returns:
        Poses by name (``world`` included), and problems by name: a parent that is not there, or a
        circle of parents.
    """
    table = {name: pose for _, name, pose in placed(description)}
    poses: dict[str, Pose] = {WORLD: Pose()}
    problems: dict[str, str] = {}
    for name in table:
        path: list[str] = []
        current = name
        while current not in poses and current in table and current not in path:
            path.append(current)
            current = table[current].parent
        if current in path:
            problems[name] = "its parents form a circle: " + " -> ".join([*path, current])
            continue
        if current not in poses:
            if path[-1] == name:
                problems[name] = f"there is no frame {current!r}"
            else:
                problems[name] = (
                    f"its frame hangs on {path[-1]!r}, whose frame {current!r} is not there"
                )
            continue
        for step in reversed(path):
            poses[step] = poses[table[step].parent] @ table[step].local()
    return MappingProxyType(poses), MappingProxyType(problems)
