"""Picking from a moving belt with one goal: meet the part, ride along, lift, stand still.

From a ready pose a joint move leads to rest above the path of the part; from there the tool sinks
while its horizontal speed grows to the belt's, reaches the part's top at the meeting time and
follows it in contact (the dwell); then it rises with the belt, slows down, stops at the safe height
and goes to a ready pose by a joint move. In the belt's frame all that is quintic polynomials, twice
continuously differentiable in the world, too. It is sampled every 8 ms through inverse kinematics
and checked against all joint limits; slower variants are tried until one holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from smart_cell.model.geometry import Array
from smart_cell.runtime.motion.cartesian import TooFastError, ToolMotion, follow, smooth
from smart_cell.runtime.motion.clearance import Samples, Touch
from smart_cell.runtime.motion.moves import NOTHING, Around, MovePlanner, Section
from smart_cell.runtime.motion.segments import (
    PERIOD,
    MotionRefusedError,
    Waypoints,
    chained,
    joint_move,
    joint_route,
)
from smart_cell.runtime.motion.solids import Solid

#: Durations of the descent that are tried [s]; a lift takes as long.
DESCENTS = (0.56, 0.72, 0.88, 1.04, 1.28, 1.60, 2.00)
#: How long the tool rides along in contact [s].
DWELL = 0.32
#: Share of the descent after which the tool moves with the belt, and of the lift until it does.
MATCHED = 0.7
#: Distance between meeting places that are looked at [m].
SCAN = 0.03
#: Places nearer than this are out of reach together [m].
GRID = 0.02
#: Meetings that are planned in full before giving up.
MOST_PLANS = 12
#: Postures of the arm that are tried for one meeting, and how far a joint is from one to the next.
MOST_POSTURES, ANOTHER_POSTURE = 3, 0.3
#: Shift of the meeting point above which the motion is corrected [m], and the largest that can be.
WORTH_CORRECTING, LARGEST_CORRECTION = 0.002, 0.03


@dataclass(frozen=True)
class BeltTarget:
    """A part on a running belt.

    Attributes:
        contact: Where the contact face belongs at ``time``, tool down, in the world, (4, 4).
        yaws: Acceptable turns of the contact face about the vertical, relative to ``contact``
            [rad].
        time: Cell time of ``contact`` [s].
        velocity: Of the belt in the world [m/s], (3,).
        earliest: Cell time before which the part is not in the pick stretch [s].
        latest: Cell time at which it leaves it [s].
        part: The part's body in the world at ``time``.
        neighbours: Bodies that ride on the same belt, in the world at ``time``.
        touch: Names of what may be touched: the part and its belt.
    """

    contact: Array
    yaws: tuple[float, ...]
    time: float
    velocity: Array
    earliest: float
    latest: float
    part: Solid
    neighbours: tuple[Solid, ...]
    touch: tuple[str, ...]

    def at(self, time: float, yaw: float = 0.0) -> Array:
        """Return where the contact face belongs at a cell time, turned by ``yaw``."""
        pose = self.contact.copy()
        cosine, sine = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        pose[:3, :3] = turn @ pose[:3, :3]
        pose[:3, 3] += self.velocity * (time - self.time)
        return pose


@dataclass(frozen=True)
class Ride:
    """What the tool does between leaving rest above the belt and standing still again.

    Attributes:
        contact: Pose of the contact face at the meeting, (4, 4).
        velocity: Of the belt [m/s], (3,).
        height: World height above the belt at which it begins and ends [m].
        descent: Duration of the descent, and of the lift [s].
        dwell: Duration of the contact [s].
        shift: Displacement (3,) that is added smoothly during the last ``shift_time`` of the
            descent.
        shift_time: See ``shift`` [s].
    """

    contact: Array
    velocity: Array
    height: float
    descent: float
    dwell: float
    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shift_time: float = 1.0

    @property
    def duration(self) -> float:
        """Length [s]."""
        return 2 * self.descent + self.dwell

    def motion(self) -> ToolMotion:
        """Return the tool's motion; time 0 is the begin of the descent."""
        count = round(self.duration / PERIOD)
        times: Array = np.arange(count + 1, dtype=np.float64) * PERIOD
        flat, flat_rate, flat_change = self._along(times)
        down, down_rate, down_change = self._vertical(times)
        late = (times - (self.descent - self.shift_time)) / self.shift_time
        value, first, second, _ = smooth(late)
        shift = np.array(self.shift)
        up = np.array([0.0, 0.0, 1.0])
        return ToolMotion(
            times,
            self.contact[:3, :3],
            self.contact[:3, 3]
            + flat[:, None] * self.velocity
            + down[:, None] * up
            + value[:, None] * shift,
            flat_rate[:, None] * self.velocity
            + down_rate[:, None] * up
            + (first / self.shift_time)[:, None] * shift,
            flat_change[:, None] * self.velocity
            + down_change[:, None] * up
            + (second / self.shift_time**2)[:, None] * shift,
        )

    def _along(self, times: Array) -> tuple[Array, Array, Array]:
        """Time for which the belt would have moved as far (0 at the meeting), and derivatives."""
        ramp = MATCHED * self.descent
        begin, first, _, begun = smooth(times / ramp)
        stop_at = self.duration - ramp
        end, last, _, ended = smooth((times - stop_at) / ramp)
        way = ramp * begun - ramp * np.where(times > stop_at, ended, 0.0)
        meeting = ramp * 0.5 + (self.descent - ramp)
        return way - meeting, begin - end, (first - last) / ramp

    def _vertical(self, times: Array) -> tuple[Array, Array, Array]:
        """Height above the contact, and derivatives."""
        top = self.height - float(self.contact[2, 3])
        down, down_rate, down_change, _ = smooth(times / self.descent)
        up, up_rate, up_change, _ = smooth((times - self.descent - self.dwell) / self.descent)
        return (
            top * (1.0 - down + up),
            top * (up_rate - down_rate) / self.descent,
            top * (up_change - down_change) / self.descent**2,
        )

    def start_pose(self) -> Array:
        """Return the pose of the contact face at rest above the belt, (4, 4)."""
        pose = self.contact.copy()
        ramp = MATCHED * self.descent
        pose[:3, 3] -= self.velocity * (ramp * 0.5 + (self.descent - ramp))
        pose[2, 3] = self.height
        return pose


@dataclass(frozen=True)
class BeltPick:
    """A checked pick from a running belt.

    Attributes:
        approach: From the ready pose to the end of the dwell.
        retreat: From there to a ready pose; one goal with ``approach``.
        start: Cell time at which the motion begins [s].
        descent_at: Cell time at which the descent begins.
        contact_at: Cell time of the meeting.
        lift_at: Cell time at which the lift begins.
        yaw: Turn of the tool, as in the target's ``yaws``.
        ride: The tool's motion over the belt.
        ready: Joint position at the end.
        stops: Where the arm rests before the descent; the last one is above the belt.
    """

    approach: Section
    retreat: Section
    start: float
    descent_at: float
    contact_at: float
    lift_at: float
    yaw: float
    ride: Ride
    ready: Array
    stops: tuple[Array, ...]

    @property
    def zones(self) -> tuple[str, ...]:
        """All zones that it needs."""
        return tuple(dict.fromkeys([*self.approach.zones, *self.retreat.zones]))

    @property
    def waypoints(self) -> Waypoints:
        """The whole motion: one goal."""
        return chained([self.approach.waypoints, self.retreat.waypoints])

    @property
    def end(self) -> float:
        """Cell time at which the arm stands at the ready pose."""
        return self.start + self.approach.waypoints.duration + self.retreat.waypoints.duration


@dataclass(frozen=True)
class _Meeting:
    time: float
    descent: float
    yaw: float
    stops: tuple[Array, ...]
    ride: Ride


@dataclass
class _Search:
    start: Array
    target: BeltTarget
    now: float
    around: Around
    plans: int = 0
    reason: MotionRefusedError | None = None
    too_fast: MotionRefusedError | None = None


class BeltPlanner:
    """Plans one arm's picks from running belts. May be used from one worker thread at a time."""

    def __init__(self, moves: MovePlanner) -> None:
        """Use the arm's planner for everything that is not the ride."""
        self._moves = moves
        self._arm = moves.arm
        self._unreachable: set[tuple[int, ...]] = set()

    def plan(
        self, start: Array, target: BeltTarget, now: float, around: Around = NOTHING
    ) -> BeltPick:
        """Return the pick with the earliest meeting that keeps all limits and is clear.

        Args:
            start: Where the arm stands, at a ready pose, shape (n,).
            target: The part.
            now: Cell time from which the motion can begin [s]: latencies are already added.
            around: What stands and lies around, besides what rides on the belt.

        Raises:
            MotionRefusedError: With the reason of the first meeting that is slow enough.
        """
        search = _Search(start, target, now, around)
        for via in (False, True):
            found = self._first(search, via=via)
            if found is not None:
                return found
        raise (
            search.reason
            or search.too_fast
            or MotionRefusedError(
                f"{self._arm.name} cannot meet {target.part.name} before it leaves the pick stretch"
            )
        )

    def _first(self, search: _Search, *, via: bool) -> BeltPick | None:
        """The first meeting that can be planned, the shortest descents first."""
        least = 0.0
        for descent in DESCENTS:
            if descent < least:
                continue
            for meeting in self._meetings(search, descent, via=via):
                search.plans += 1
                if search.plans > MOST_PLANS:
                    return None
                try:
                    return self._planned(meeting, search.target, search.around)
                except TooFastError as error:
                    search.too_fast = search.too_fast or error
                    least = descent * min(error.slower, 1.6)
                    break
                except MotionRefusedError as error:
                    search.reason = search.reason or error
        return None

    def corrected(
        self, pick: BeltPick, target: BeltTarget, shift: Array, now: float, around: Around = NOTHING
    ) -> BeltPick:
        """Return a pick that meets the part elsewhere and is the same motion until ``now``.

        Args:
            pick: The running pick.
            target: The part, by the newer estimate.
            shift: How far the meeting point has moved in the world [m], (3,).
            now: Cell time until which the motion must not change [s].
            around: As in ``plan``.

        Raises:
            MotionRefusedError: If the shift is too large, too late, or not possible.
        """
        size = float(np.linalg.norm(shift))
        room = pick.contact_at - max(now, pick.descent_at)
        if size > LARGEST_CORRECTION or room < 4 * PERIOD:
            raise MotionRefusedError(
                f"{self._arm.name} cannot correct its way by {size * 1000:.0f} mm "
                f"{room:.2f} s before the contact"
            )
        x, y, z = (float(value) for value in shift)
        ride = replace(pick.ride, shift=(x, y, z), shift_time=room)
        meeting = _Meeting(pick.contact_at, pick.ride.descent, pick.yaw, pick.stops, ride)
        return self._planned(meeting, target, around)

    # ------------------------------------------------------------------ where to meet

    def _meetings(self, search: _Search, descent: float, *, via: bool) -> Iterator[_Meeting]:
        """Feasible meetings with a descent: at the earliest time, and a little later."""
        target = search.target
        step = SCAN / float(np.linalg.norm(target.velocity))
        found = 0
        time = max(target.earliest, search.now + descent)
        while time + DWELL <= target.latest and found < 2:
            meetings = self._meetings_at(search, time, descent, via=via)
            if meetings:
                yield from meetings
                found += 1
                time += 4 * step
            time += step

    def _meetings_at(
        self, search: _Search, time: float, descent: float, *, via: bool
    ) -> list[_Meeting]:
        """The quickest ways to a meeting at a given time, if it can be reached by then.

        Each ends in another posture of the arm: if one is in the way of something, another is not.
        """
        target, arm = search.target, self._arm
        found: list[tuple[float, _Meeting]] = []
        for yaw in target.yaws[:1] if arm.turn_sign else target.yaws:
            contact = target.at(time, yaw)
            height = self._moves.hover_heights(float(contact[2, 3]))[0]
            ride = Ride(contact, target.velocity, height, descent, DWELL)
            for external in self._moves.places(search.start, contact[:3, 3]):
                for goal in self._above(ride.start_pose(), contact, external):
                    turned, above = self._untwisted(search.start, goal)
                    for duration, stops in self._moves.ways_in(
                        search.start, external, above, via=via
                    ):
                        if search.now + duration + descent <= time:
                            final = yaw + turned
                            there = replace(ride, contact=target.at(time, final))
                            found.append((duration, _Meeting(time, descent, final, stops, there)))
        kept: list[_Meeting] = []
        for _, meeting in sorted(found, key=lambda item: item[0]):
            hand = arm.hand_part(meeting.stops[-1])
            others = (arm.hand_part(other.stops[-1]) for other in kept)
            if all(float(np.max(np.abs(hand - other))) > ANOTHER_POSTURE for other in others):
                kept.append(meeting)
        return kept[:MOST_POSTURES]

    def _above(self, above: Array, contact: Array, external: Array) -> Iterator[Array]:
        """Joint positions at the begin of the descent; places out of reach are remembered."""
        grid = tuple(int(np.floor(value / GRID)) for value in (*above[:3, 3], *external))
        if grid in self._unreachable or not self._arm.may_reach(contact, external):
            return
        goals = self._arm.solve(above, external, self._moves.middle)
        if not len(goals) and self._arm.turn_sign:
            self._unreachable.add(grid)
        yield from self._moves.near_ready(goals)

    def _untwisted(self, start: Array, goal: Array) -> tuple[float, Array]:
        """Turn the tool so that the last joint need not move: by how much [rad], and to where."""
        sign = self._arm.turn_sign
        if not sign:
            return 0.0, goal
        still = goal.copy()
        still[-1] = start[-1]
        return -sign * float(start[-1] - goal[-1]), still

    # ------------------------------------------------------------------ the motion

    def _planned(self, meeting: _Meeting, target: BeltTarget, around: Around) -> BeltPick:
        arm, ride = self._arm, meeting.ride
        above = meeting.stops[-1]
        external = arm.external_part(above)
        riding = follow(arm, external, ride.motion(), arm.hand_part(above))
        self._moves.check_height(meeting.stops)
        route = joint_route(arm, meeting.stops)
        split = round((ride.descent + ride.dwell) / PERIOD)
        there = chained([route, _part(riding, 0, split)])
        descent_at = meeting.time - ride.descent
        start = descent_at - route.duration
        lift_at = start + there.duration
        touch = Touch.at(target.touch, float(ride.contact[2, 3]))
        approach = self._section("approach", there, None, around, touch, target, start)
        reason: MotionRefusedError | None = None
        for ready in self._moves.ready_places(riding.end):
            try:
                back = chained([_part(riding, split, None), joint_move(arm, riding.end, ready)])
                retreat = self._section(
                    "retreat", back, _carried(target, ride), around, touch, target, lift_at
                )
            except MotionRefusedError as error:
                reason = reason or error
                continue
            return BeltPick(
                approach, retreat, start, descent_at, meeting.time, lift_at, meeting.yaw, ride,
                ready, meeting.stops,
            )  # fmt: skip
        raise reason or MotionRefusedError(f"{arm.name} has no ready pose to go back to")

    def _section(
        self,
        name: str,
        way: Waypoints,
        carried: Solid | None,
        around: Around,
        touch: Touch,
        target: BeltTarget,
        start: float,
    ) -> Section:
        """Check a motion that begins at cell time ``start`` also against what rides on the belt."""
        riders = target.neighbours if carried is not None else (*target.neighbours, target.part)
        section, samples = self._moves.checked_section(name, way, carried, around, touch)
        times = samples.times + start - target.time
        with_belt = _moved(samples, -times[:, None] * target.velocity)
        self._moves.refuse_hit(name, with_belt, riders, touch)
        return section


def _moved(samples: Samples, shifts: Array) -> Samples:
    """The same motion, seen from something that moves: each sample displaced by (m, 3)."""
    frames = samples.frames.copy()
    frames[:, :, :3, 3] += shifts[:, None, :]
    return replace(samples, frames=frames)


def _carried(target: BeltTarget, ride: Ride) -> Solid:
    """The part's body in the contact face's frame once it is held."""
    part = target.part
    time = target.time + _time_at(target, ride)
    frame = part.frame.copy()
    frame[:3, 3] += target.velocity * (time - target.time)
    grasp = ride.contact.copy()
    return replace(part, frame=np.linalg.inv(grasp) @ frame)


def _time_at(target: BeltTarget, ride: Ride) -> float:
    """Time from the target's stamp to the meeting [s], by the way along the belt."""
    way = ride.contact[:3, 3] - target.contact[:3, 3]
    return float(way @ target.velocity / (target.velocity @ target.velocity))


def _part(way: Waypoints, first: int, last: int | None) -> Waypoints:
    """The samples from ``first`` to ``last``, both included, with times from 0."""
    cut = slice(first, None if last is None else last + 1)
    return Waypoints(
        way.times[cut] - way.times[first],
        way.positions[cut],
        way.velocities[cut],
        way.accelerations[cut],
    )
