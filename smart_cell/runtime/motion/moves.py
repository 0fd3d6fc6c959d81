"""Round trips that cannot collide: ready pose, target, ready pose.

A trip is a lift (straight line), transfers between named ready poses at a safe height (joint moves;
external axes only while the arm is folded), a move to above the target, and a lowering (straight
line). Candidates differ in the place of the external axes, the ready pose before and after, the yaw
of the tool, the height above the target and the arm's configuration; they are tried in the order of
their duration, and the first that is clear of everything is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from smart_cell.model.geometry import Array
from smart_cell.runtime.motion.arms import ArmModel
from smart_cell.runtime.motion.clearance import (
    Clearance,
    Samples,
    Touch,
    at_positions,
    occupied,
    sample,
)
from smart_cell.runtime.motion.segments import (
    MotionRefusedError,
    Waypoints,
    chained,
    joint_move,
    joint_route,
    straight_line,
)
from smart_cell.runtime.motion.solids import Solid

#: How far above the transfer height the tool waits over a target [m], tried in this order.
HOVER_ABOVE = (0.02, 0.10)
#: Least way of a lowering [m].
LEAST_LOWERING = 0.06
#: How far below the transfer height a joint move may sag between two points above it [m].
SAG = 0.02
#: Largest turn of one joint between a ready pose and the target [rad].
LARGEST_TURN = 3.5
#: Candidates that are checked before giving up.
MOST_CHECKS = 32
#: Joint positions nearer than this are the same place [rad, m].
AT = 0.02


@dataclass(frozen=True)
class Held:
    """What a gripper holds.

    Attributes:
        kind: ``part`` or ``tray``.
        name: part_id, or the tray's number as text.
        type: Part type or tray type.
        color: Colour of a part.
        flipped: The part lies upside down.
        grasp: The thing's frame in the contact face's frame, (4, 4).
        solid: Its body in the contact face's frame.
        origin: Where it was picked: location and pose of its frame in the world then.
    """

    kind: str
    name: str
    type: str
    color: str
    flipped: bool
    grasp: Array
    solid: Solid
    origin: tuple[str, Array]


@dataclass(frozen=True)
class Around:
    """What stands and lies around the arm now besides the fixed bodies.

    Attributes:
        standing: Transporters and trays.
        lying: Parts.
    """

    standing: tuple[Solid, ...] = ()
    lying: tuple[Solid, ...] = ()

    def without(self, names: Sequence[str]) -> Around:
        """Return the same without the lying things of these names."""
        return Around(self.standing, tuple(s for s in self.lying if s.name not in names))


#: Nothing stands or lies around.
NOTHING = Around()


@dataclass(frozen=True)
class Section:
    """One motion of a trip, from rest to rest.

    Attributes:
        name: ``approach`` or ``retreat``.
        waypoints: The motion.
        zones: Zones that the arm is in at some time of it, with the time after which it has left
            them for the rest of the section [s].
    """

    name: str
    waypoints: Waypoints
    zones: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Trip:
    """A checked way to a target and back: after ``approach`` the contact is made."""

    approach: Section
    retreat: Section
    contact: Array
    yaw: float

    @property
    def zones(self) -> tuple[str, ...]:
        """All zones that the trip needs."""
        return tuple(dict.fromkeys([*self.approach.zones, *self.retreat.zones]))


@dataclass(frozen=True)
class Errand:
    """What a trip is for.

    Attributes:
        contacts: Acceptable poses of the contact face in the world, (4, 4) each, tool down.
        before: What the gripper holds on the way to the target.
        after: What it holds on the way back, for each of ``contacts``.
        around: What stands and lies around.
        touch: Names of what may be touched at the target.
        target: Name of the thing that is picked; it is no obstacle once it is held.
    """

    contacts: tuple[Array, ...]
    before: Solid | None
    after: tuple[Solid | None, ...]
    around: Around
    touch: tuple[str, ...]
    target: str = ""


@dataclass(frozen=True)
class _Goal:
    """The arm at a target, and above it, with the ways in and back by duration."""

    which: int
    contact: Array
    at_contact: Array
    above: Array
    ways_in: tuple[tuple[float, tuple[Array, ...]], ...]
    ways_back: tuple[tuple[float, Array], ...]

    @property
    def duration(self) -> float:
        """Duration of the quickest joint moves [s]; the lines take as long for all."""
        return self.ways_in[0][0] + self.ways_back[0][0]


class MovePlanner:
    """Plans the trips of one arm. Immutable; may be used from a worker thread."""

    def __init__(
        self,
        arm: ArmModel,
        clearance: Clearance,
        zones: Sequence[Solid],
        owners: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what is needed.

        Args:
            arm: The arm.
            clearance: Its check.
            zones: The boxes of the zones, in the world.
            owners: Arms by the zone in which they rest: it is theirs for good.
        """
        self.arm = arm
        self.clearance = clearance
        self._zones = tuple(zones)
        self._owners = dict(owners or {})
        self._ready = {name: arm.ready(name) for name in arm.description.ready_poses}
        self._folded = self._ready[arm.description.folded]
        self._height = arm.description.transfer_height_m
        #: A position of the arm proper from which solutions near the ready poses are found.
        self.middle = np.mean(list(self._ready.values()), axis=0)

    # ------------------------------------------------------------------ trips

    def trip(self, start: Array, errand: Errand) -> Trip:
        """Return the quickest trip that is clear.

        Args:
            start: Where the arm stands, at a ready pose, shape (n,).
            errand: What for.

        Raises:
            MotionRefusedError: With the reason of the quickest candidate.
        """
        goals = sorted(self._goals(start, errand), key=lambda goal: goal.duration)
        if not goals:
            raise MotionRefusedError(
                f"{self.arm.name} cannot reach {_text(errand.contacts[0])} with its tool down"
            )
        reason: MotionRefusedError | None = None
        checks = 0
        for goal in goals:
            try:
                self._refuse_hit_at_rest(goal, errand)
            except MotionRefusedError as error:
                reason = reason or error
                continue
            for stops, ready in _combinations(goal):
                try:
                    return self._checked(goal, stops, ready, errand)
                except MotionRefusedError as error:
                    reason = reason or error
                checks += 1
            if checks >= MOST_CHECKS:
                break
        assert reason is not None
        raise reason

    def _refuse_hit_at_rest(self, goal: _Goal, errand: Errand) -> None:
        """Refuse a goal whose two ends are not clear, before anything longer is checked."""
        touch = Touch.at(errand.touch, float(goal.contact[2, 3]))
        rows = np.stack([goal.at_contact, goal.above])
        samples = at_positions(self.arm, rows, errand.before)
        self.refuse_hit("approach", samples, errand.around.lying, touch, errand.around.standing)

    def _checked(self, goal: _Goal, stops: tuple[Array, ...], ready: Array, errand: Errand) -> Trip:
        arm, contact = self.arm, goal.contact
        self.check_height(stops)
        touch = Touch.at(errand.touch, float(contact[2, 3]))
        lower = straight_line(arm, goal.above, contact)
        if float(np.max(np.abs(lower.end - goal.at_contact))) > 0.1:
            raise MotionRefusedError(
                f"{arm.name} would arrive at {_text(contact)} in another configuration"
            )
        there = chained([joint_route(arm, stops), lower])
        approach, _ = self.checked_section("approach", there, errand.before, errand.around, touch)
        lift = straight_line(arm, lower.end, arm.contact(goal.above))
        back = chained([lift, joint_move(arm, lift.end, ready)])
        around = errand.around.without([errand.target])
        retreat, _ = self.checked_section("retreat", back, errand.after[goal.which], around, touch)
        yaw = float(np.arctan2(contact[1, 0], contact[0, 0]))
        return Trip(approach, retreat, contact, yaw)

    def checked_section(
        self, name: str, way: Waypoints, carried: Solid | None, around: Around, touch: Touch | None
    ) -> tuple[Section, Samples]:
        """Return a motion as a section of a trip, and its samples, if it is clear.

        Raises:
            MotionRefusedError: If it is not, or enters a zone that is another arm's for good.
        """
        samples = sample(self.arm, way.times, way.positions, carried)
        self.refuse_hit(name, samples, around.lying, touch, around.standing)
        zones = self.zones(samples)
        for zone in zones:
            if zone in self._owners:
                text = f"{name} refused: it enters zone {zone}, which is {self._owners[zone]}'s"
                raise MotionRefusedError(f"{self.arm.name}: {text}")
        return Section(name, way, zones), samples

    def refuse_hit(
        self,
        name: str,
        samples: Samples,
        lying: Sequence[Solid],
        touch: Touch | None,
        standing: Sequence[Solid] | None = None,
    ) -> None:
        """Refuse a motion that is not clear; with ``standing`` None only of what lies about.

        Raises:
            MotionRefusedError: With link, obstacle, time and depth.
        """
        if standing is None:
            hit = self.clearance.first_lying_hit(samples, lying, touch)
        else:
            hit = self.clearance.first_hit(samples, standing, lying, touch)
        if hit is not None:
            raise MotionRefusedError(f"{self.arm.name}: {name} refused: {hit}")

    def zones(self, samples: Samples) -> dict[str, float]:
        """Return the zones that a motion enters, with the time when it has left them [s]."""
        inside = occupied(samples, self._zones)
        found: dict[str, float] = {}
        for column, zone in enumerate(self._zones):
            when = np.flatnonzero(inside[:, column])
            if when.size and self._owners.get(zone.name) != self.arm.name:
                last = min(int(when[-1]) + 1, len(samples.times) - 1)
                found[zone.name] = float(samples.times[last])
        return found

    def check_height(self, stops: Sequence[Array]) -> None:
        """Refuse joint moves on which the tool sags below the transfer height.

        Raises:
            MotionRefusedError: With both heights.
        """
        low = self._height - SAG
        for a, b in zip(stops, stops[1:], strict=False):
            share = np.linspace(0.0, 1.0, 12)[:, None]
            heights = self.arm.contact(a + share * (b - a))[:, 2, 3]
            if float(heights.min()) < min(low, float(heights[0]), float(heights[-1])) - 1e-6:
                raise MotionRefusedError(
                    f"{self.arm.name}: the tool would sink to {heights.min():.3f} m on its way, "
                    f"below the transfer height {self._height:.3f} m"
                )

    # ------------------------------------------------------------------ candidates

    def _goals(self, start: Array, errand: Errand) -> Iterator[_Goal]:
        for which, contact in enumerate(errand.contacts):
            for external in self.places(start, contact[:3, 3]):
                if not self.arm.may_reach(contact, external):
                    continue
                for at_contact, above in self._reached(contact, external):
                    ways = tuple(sorted(self.ways_in(start, external, above), key=_duration))
                    back = tuple(
                        (self.arm.travel_time(above, pose), pose)
                        for pose in self.ready_places(above)
                    )
                    if ways and back:
                        yield _Goal(which, contact, at_contact, above, ways, back)

    def places(self, start: Array, target: Array) -> list[Array]:
        """Return where the external axes may stand for a target: as now, or at their places."""
        if not self.arm.externals:
            return [np.zeros(0)]
        here = self.arm.external_part(start)
        others = self.arm.external_places([float(value) for value in target])
        return [here, *(place for place in others if not is_at(place, here))]

    def _reached(self, contact: Array, external: Array) -> Iterator[tuple[Array, Array]]:
        """Joint positions at the target with those above it, by configuration and height."""
        arm = self.arm
        for goal in self.near_ready(arm.solve(contact, external, self.middle)):
            for height in self.hover_heights(float(contact[2, 3])):
                over = contact.copy()
                over[2, 3] = height
                above = arm.solve(over, external, arm.hand_part(goal), most=1)
                if len(above) and float(np.max(np.abs(above[0] - goal))) < LARGEST_TURN / 2:
                    yield goal, above[0]
                    break

    def near_ready(self, goals: Iterable[Array]) -> Iterator[Array]:
        """Yield the joint positions from which a ready pose is not far, each joint taken alone."""
        for goal in goals:
            hand = self.arm.hand_part(goal)
            turns = [float(np.max(np.abs(hand - pose))) for pose in self._ready.values()]
            if min(turns) <= LARGEST_TURN:
                yield goal

    def hover_heights(self, contact_height: float) -> tuple[float, ...]:
        """Return world heights of the contact face above a target [m], best first."""
        least = contact_height + LEAST_LOWERING
        return tuple(dict.fromkeys(max(self._height + extra, least) for extra in HOVER_ABOVE))

    def ways_in(
        self, start: Array, external: Array, above: Array, *, via: bool = True
    ) -> Iterator[tuple[float, tuple[Array, ...]]]:
        """Yield durations and stops of the joint moves from ``start`` to above a target.

        Args:
            start: Where the arm stands, at a ready pose.
            external: Where the external axes go.
            above: Joint position above the target, with the external axes there.
            via: Also the ways by a ready pose before the target.
        """
        arm = self.arm
        leave = [start]
        if self.is_away(start, external):
            here = arm.full(arm.external_part(start), self._folded)
            if not is_at(start, here):
                leave.append(here)
            leave.append(arm.full(external, self._folded))
        ready = [arm.full(external, pose) for pose in self._ready.values()]
        between: list[tuple[Array, ...]] = [()]
        if via:
            between += [(pose,) for pose in ready if not is_at(leave[-1], pose)]
        for stop in between:
            stops = (*leave, *stop, above)
            if float(np.max(np.abs(stops[-1] - stops[-2]))) <= LARGEST_TURN:
                pairs = zip(stops, stops[1:], strict=False)
                yield sum(arm.travel_time(a, b) for a, b in pairs), stops

    def ready_places(self, q: Array) -> list[Array]:
        """Return the ready poses with the external axes as in ``q``, quickest to reach first.

        Those that lie in a zone of others are left out: nobody rests there.
        """
        arm = self.arm
        external = arm.external_part(q)
        poses = [arm.full(external, pose) for pose in self._ready.values()]
        free = [pose for pose in poses if not self.zones(at_positions(arm, pose[None], None))]
        return sorted(free, key=lambda pose: arm.travel_time(q, pose))

    def is_away(self, start: Array, external: Array) -> bool:
        """Return whether the external axes have to move to get to ``external``."""
        return bool(self.arm.externals) and not is_at(self.arm.external_part(start), external)

    # ------------------------------------------------------------------ going home

    def to_ready(
        self, start: Array, name: str | None, carried: Solid | None, around: Around
    ) -> Section:
        """Return the way from anywhere to a ready pose: lift if need be, then a joint move.

        Args:
            start: Where the arm stands, anywhere, shape (n,).
            name: Which ready pose; None = the quickest that is clear; ``home`` = the home position.
            carried: What the gripper holds.
            around: What stands and lies around.

        Raises:
            MotionRefusedError: With the reason of the first way tried.
        """
        reason: MotionRefusedError | None = None
        for way in self._ways_home(start, name):
            try:
                return self.checked_section("retreat", way, carried, around, None)[0]
            except MotionRefusedError as error:
                reason = reason or error
        raise reason or MotionRefusedError(f"{self.arm.name} has no way from where it stands")

    def _ways_home(self, start: Array, name: str | None) -> Iterator[Waypoints]:
        for goal in self._homes(start, name):
            stops = self._stops_home(start, goal)
            if float(self.arm.contact(start)[2, 3]) < self._height - SAG:
                over = self.arm.contact(start).copy()
                over[2, 3] = self._height + HOVER_ABOVE[0]
                try:
                    lift = straight_line(self.arm, start, over)
                    yield chained([lift, joint_route(self.arm, (lift.end, *stops[1:]))])
                except MotionRefusedError:
                    yield joint_route(self.arm, stops)
            else:
                yield joint_route(self.arm, stops)

    def _homes(self, start: Array, name: str | None) -> list[Array]:
        if name == "home":
            return [self.arm.home]
        if name is not None:
            return [self.arm.full(self.arm.external_part(start), self._ready[name])]
        return self.ready_places(start)

    def _stops_home(self, start: Array, goal: Array) -> tuple[Array, ...]:
        arm = self.arm
        if not self.is_away(start, arm.external_part(goal)):
            return (start, goal)
        here = arm.full(arm.external_part(start), self._folded)
        there = arm.full(arm.external_part(goal), self._folded)
        return (start, here, there, goal)

    def is_ready(self, q: Array) -> bool:
        """Return whether the arm proper stands at one of its ready poses, or at home."""
        hand = self.arm.hand_part(q)
        return is_at(q, self.arm.home) or any(is_at(hand, pose) for pose in self._ready.values())


def _combinations(goal: _Goal) -> list[tuple[tuple[Array, ...], Array]]:
    """The quickest few combinations of a way in and a way back, quickest first."""
    found = [
        (there + back, stops, ready)
        for there, stops in goal.ways_in[:3]
        for back, ready in goal.ways_back[:3]
    ]
    found.sort(key=lambda item: item[0])
    return [(stops, ready) for _, stops, ready in found[:4]]


def _duration(way: tuple[float, tuple[Array, ...]]) -> float:
    return way[0]


def is_at(q: Array, place: Array) -> bool:
    """Return whether two joint positions are the same place."""
    return bool(np.max(np.abs(q - place), initial=0.0) < AT)


def _text(contact: Array) -> str:
    x, y, z = (float(value) for value in contact[:3, 3])
    return f"({x:.3f}, {y:.3f}, {z:.3f})"
