"""The pieces motions are made of: joint moves and straight lines, as waypoints; chaining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Array
from smart_cell.model.ports import JointTrajectory
from smart_cell.planner import PlannerError, State, Trajectory, line, point_to_point
from smart_cell.runtime.motion.arms import ArmModel

#: Time between waypoints of a motion that is sent to a controller [s].
PERIOD = 0.008
#: Joint positions nearer than this are the same [rad, m].
SAME = 1e-6


class MotionRefusedError(SmartCellError):
    """A motion cannot or must not be made; the message says why."""


@dataclass(frozen=True)
class Waypoints:
    """A sampled motion of one whole chain.

    Attributes:
        times: From 0, ascending [s], shape (m,), m >= 1.
        positions: Shape (m, n) [rad, m].
        velocities: Shape (m, n).
        accelerations: Shape (m, n).
    """

    times: Array
    positions: Array
    velocities: Array
    accelerations: Array

    @property
    def duration(self) -> float:
        """Length [s]."""
        return float(self.times[-1])

    @property
    def start(self) -> Array:
        """First joint position, shape (n,)."""
        first: Array = self.positions[0]
        return first

    @property
    def end(self) -> Array:
        """Last joint position, shape (n,)."""
        last: Array = self.positions[-1]
        return last

    def message(self, names: Sequence[str], start: float | None = None) -> JointTrajectory:
        """Return the motion as a controller takes it."""
        return JointTrajectory(
            tuple(names),
            self.times,
            self.positions,
            self.velocities,
            self.accelerations,
            start,
        )


def standing(q: Array) -> Waypoints:
    """Return the motion of no length at a joint position."""
    zero = np.zeros((1, len(q)))
    return Waypoints(np.zeros(1), np.array(q, dtype=float)[None], zero, zero)


def chained(pieces: Sequence[Waypoints]) -> Waypoints:
    """Return motions one after the other; each begins where the one before it ends.

    Raises:
        ValueError: If one does not.
    """
    times = [pieces[0].times]
    rows = [pieces[0]]
    end = pieces[0].duration
    for before, piece in zip(pieces, pieces[1:], strict=False):
        if float(np.max(np.abs(before.end - piece.start))) > 1e-4:
            raise ValueError(
                f"a piece begins at {piece.start}, the one before ends at {before.end}"
            )
        if len(piece.times) > 1:
            times.append(piece.times[1:] + end)
            rows.append(piece)
            end += piece.duration
    first = rows[0]
    return Waypoints(
        np.concatenate(times),
        np.vstack([first.positions, *(row.positions[1:] for row in rows[1:])]),
        np.vstack([first.velocities, *(row.velocities[1:] for row in rows[1:])]),
        np.vstack([first.accelerations, *(row.accelerations[1:] for row in rows[1:])]),
    )


def joint_move(arm: ArmModel, start: Array, goal: Array) -> Waypoints:
    """Return the time-optimal motion of the whole chain from rest to rest.

    Raises:
        MotionRefusedError: If one end is outside the limits.
    """
    if float(np.max(np.abs(goal - start))) < SAME:
        return standing(start)
    try:
        return _sampled(point_to_point(State(start), State(goal), arm.limits))
    except PlannerError as error:
        raise MotionRefusedError(f"{arm.name}: {error}") from None


def joint_route(arm: ArmModel, stops: Sequence[Array]) -> Waypoints:
    """Return joint moves through ``stops``, resting at each.

    Raises:
        MotionRefusedError: If one is outside the limits.
    """
    moves = [joint_move(arm, a, b) for a, b in zip(stops, stops[1:], strict=False)]
    return chained([standing(stops[0]), *moves])


def straight_line(arm: ArmModel, start: Array, contact: Array) -> Waypoints:
    """Return a straight motion of the contact face, with the external axes standing.

    Args:
        arm: The arm.
        start: Joint position at the start, shape (n,).
        contact: Pose of the contact face in the world at the end, (4, 4).

    Raises:
        MotionRefusedError: If the arm cannot follow the line.
    """
    external, hand = arm.external_part(start), arm.hand_part(start)
    begin = arm.hand.fk(hand)
    end = np.linalg.inv(arm.carrier(external)) @ contact @ np.linalg.inv(arm.tcp)
    try:
        motion = line(
            arm.hand,
            begin,
            end,
            seed=hand,
            limits=arm.hand_limits,
            tool_speed=arm.description.tool_speed_m_s,
            tool_acceleration=arm.description.tool_acceleration_m_s2,
        )
    except PlannerError as error:
        raise MotionRefusedError(f"{arm.name} cannot follow a straight line: {error}") from None
    return with_external(arm, external, _sampled(motion))


def with_external(arm: ArmModel, external: Array, hand: Waypoints) -> Waypoints:
    """Return a motion of the arm proper as one of the whole chain, external axes standing."""
    if not arm.externals:
        return hand
    count = len(hand.times)
    zero = np.zeros((count, arm.externals))
    return Waypoints(
        hand.times,
        np.hstack([np.broadcast_to(external, (count, arm.externals)), hand.positions]),
        np.hstack([zero, hand.velocities]),
        np.hstack([zero, hand.accelerations]),
    )


def _sampled(motion: Trajectory) -> Waypoints:
    times, positions, velocities, accelerations = motion.waypoints(PERIOD, exact=True)
    return Waypoints(times, positions, velocities, accelerations)
