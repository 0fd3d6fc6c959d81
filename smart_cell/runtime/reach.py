"""What the arms of a cell reach, and about how long they travel: pure geometry, no obstacles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Array, Pose
from smart_cell.runtime.motion.arms import ArmModel, tool_down
from smart_cell.runtime.motion.moves import HOVER_ABOVE, LARGEST_TURN, LEAST_LOWERING, is_at

#: Turns of the tool about the vertical that are tried: suction does not care [rad].
TURNS = (0.0, np.pi / 2, np.pi, -np.pi / 2)
#: Places nearer than this count as one for travel times [m].
GRID = 0.05


class Reach:
    """Answers for one cell. Poses are of the contact face in the world, z out of the cup.

    Answers are kept; used by one thread at a time.
    """

    def __init__(self, cell: Cell) -> None:
        """Read all arms of the cell."""
        self._arms = {name: ArmModel(cell, name) for name in cell.description.arms}
        self._found: dict[tuple[str, tuple[float, ...]], Array | None] = {}

    def arm(self, name: str) -> ArmModel:
        """Return an arm's model.

        Raises:
            SmartCellError: There is no such arm.
        """
        if name not in self._arms:
            raise SmartCellError(f"there is no arm {name!r}; there are: {', '.join(self._arms)}")
        return self._arms[name]

    def can_reach(self, arm: str, pose: Pose) -> bool:
        """Return whether an arm can bring its contact face to a place, and lift it from there.

        Only the yaw of ``pose`` is free; external axes go to their places in the fixed order.

        Raises:
            SmartCellError: There is no such arm.
        """
        return self.solution(arm, pose) is not None

    def travel_time(self, arm: str, start: Pose | None, goal: Pose) -> float:
        """Return about how long an arm travels between two places [s].

        Args:
            arm: Which arm.
            start: Where it comes from; None = home.
            goal: Where it goes.

        Returns:
            The time of the joint moves; infinite if a place is out of reach.

        Raises:
            SmartCellError: There is no such arm.
        """
        model = self.arm(arm)
        first = model.home if start is None else self.solution(arm, _rounded(start))
        last = self.solution(arm, _rounded(goal))
        if first is None or last is None:
            return float("inf")
        return _travel(model, first, last)

    def solution(self, arm: str, pose: Pose) -> Array | None:
        """Return a joint position at a place (None: out of reach), the first that is found.

        Raises:
            SmartCellError: There is no such arm.
        """
        key = (arm, tuple(round(value, 6) for value in (*pose.xyz, *pose.quaternion)))
        if key not in self._found:
            self._found[key] = _solve(self.arm(arm), pose.matrix())
        return self._found[key]


def _solve(arm: ArmModel, contact: Array) -> Array | None:
    ready = [arm.ready(name) for name in arm.description.ready_poses]
    middle = np.mean(ready, axis=0)
    for external in arm.external_places([float(value) for value in contact[:3, 3]]):
        if not arm.may_reach(contact, external):
            continue
        for turn in TURNS[:1] if arm.turn_sign else TURNS:
            wanted = _turned(contact, turn)
            for q in arm.solve(wanted, external, middle):
                if _is_near(arm, q, ready) and _can_lift(arm, wanted, external, q):
                    found: Array = q
                    return found
    return None


def _is_near(arm: ArmModel, q: Array, ready: Sequence[Array]) -> bool:
    turns = [float(np.max(np.abs(arm.hand_part(q) - pose))) for pose in ready]
    return min(turns) <= LARGEST_TURN


def _can_lift(arm: ArmModel, contact: Array, external: Array, q: Array) -> bool:
    """Whether the arm also stands above the place, in the same configuration."""
    least = float(contact[2, 3]) + LEAST_LOWERING
    for extra in HOVER_ABOVE:
        over = contact.copy()
        over[2, 3] = max(least, arm.description.transfer_height_m + extra)
        above = arm.solve(over, external, arm.hand_part(q), most=1)
        if len(above) and float(np.max(np.abs(above[0] - q))) < LARGEST_TURN / 2:
            return True
    return False


def _turned(contact: Array, turn: float) -> Array:
    result: Array = contact.copy()
    result[:3, :3] = contact[:3, :3] @ Pose.from_rpy((0, 0, 0), (0, 0, turn)).matrix()[:3, :3]
    return result


def _travel(arm: ArmModel, start: Array, goal: Array) -> float:
    """Time of the joint moves; external axes move alone, with the arm folded."""
    if not arm.externals or is_at(arm.external_part(start), arm.external_part(goal)):
        return arm.travel_time(start, goal)
    folded = arm.ready(arm.description.folded)
    here = arm.full(arm.external_part(start), folded)
    there = arm.full(arm.external_part(goal), folded)
    return (
        arm.travel_time(start, here) + arm.travel_time(here, there) + arm.travel_time(there, goal)
    )


def _rounded(pose: Pose) -> Pose:
    """Return the pose on a grid, tool down, without its yaw: for estimates."""
    return tool_down([round(value / GRID) * GRID for value in pose.xyz], 0.0)
