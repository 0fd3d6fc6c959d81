"""Is a motion clear of everything it must not touch? The check that no motion escapes.

A motion is sampled so densely that no point of the arm moves more than ``STEP`` between two
samples, and each sample keeps ``MARGIN`` (half of that) away from every body: what lies between two
samples cannot touch either. Checked are the links' collision bodies, the gripper and what it
carries, against the cell's fixed bodies, the transporters, other arms' fixed bodies, what lies in
the cell, and against each other.

One touch is meant: in the last centimetres of a lowering the tool and what it carries may touch the
named target surfaces. Nothing else is exempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smart_cell.model.geometry import Array
from smart_cell.runtime.motion.arms import ArmModel, LinkBody
from smart_cell.runtime.motion.solids import Batch, Solid, gaps

Indices = NDArray[np.intp]

#: Farthest that any point moves between two samples [m].
STEP = 0.010
#: Distance kept to everything [m].
MARGIN = STEP / 2
#: Distance kept between links of one arm and to small things that lie about [m].
SMALL_MARGIN = 0.002
#: Height above the touch within which it is meant [m].
TOUCH_HEIGHT = 0.03
#: Bodies this many joints apart can touch each other.
SELF_DISTANCE = 3


@dataclass(frozen=True)
class Touch:
    """A touch that is meant: of the tool and what it carries, below ``height``, with ``names``."""

    names: frozenset[str]
    height: float

    @staticmethod
    def at(names: Sequence[str], contact_height: float) -> Touch:
        """Return the touch at the end of a lowering to a contact face at ``contact_height`` [m]."""
        return Touch(frozenset(names), contact_height + TOUCH_HEIGHT)


@dataclass(frozen=True)
class Hit:
    """What a motion would touch.

    Attributes:
        link: The moving body.
        obstacle: What it comes too near to.
        time: When, from the start of the motion [s].
        depth: How deep it would go in [m]; negative: it would pass at that distance.
    """

    link: str
    obstacle: str
    time: float
    depth: float

    def __str__(self) -> str:
        """Say it in words."""
        what = "would pass too near to" if self.depth < 0.0 else "would hit"
        how = f"{abs(self.depth) * 1000:.0f} mm {'away' if self.depth < 0.0 else 'deep'}"
        return f"{self.link} {what} {self.obstacle} after {self.time:.2f} s ({how})"


@dataclass(frozen=True)
class Samples:
    """A motion, sampled for checking.

    Attributes:
        times: From the start of the motion [s], shape (m,).
        positions: Joint positions, shape (m, n).
        frames: Frames behind each joint in the world, shape (m, n + 1, 4, 4).
        bodies: What moves: links, gripper, carried thing.
        tool_height: World z of the contact face, shape (m,).
    """

    times: Array
    positions: Array
    frames: Array
    bodies: tuple[LinkBody, ...]
    tool_height: Array


def sample(arm: ArmModel, times: Array, positions: Array, carried: Solid | None = None) -> Samples:
    """Return a motion sampled so that no point of the arm moves more than ``STEP`` between samples.

    Args:
        arm: The arm.
        times: Shape (k,), k >= 1, ascending [s].
        positions: Joint positions at these times, shape (k, n), dense enough to be interpolated
            linearly (8 ms).
        carried: What the gripper holds, fixed in the contact face's frame.
    """
    bodies = moving_bodies(arm, carried)
    corners, joints = _corners(bodies)
    frames = arm.joint_frames(positions)
    moved_frames = frames[:, joints]
    points = np.einsum("mbij,bcj->mbci", moved_frames[..., :3, :3], corners)
    points += moved_frames[:, :, None, :3, 3]
    moved = np.linalg.norm(np.diff(points, axis=0), axis=-1).max(axis=(1, 2), initial=0.0)
    way = np.concatenate([[0.0], np.cumsum(np.maximum(moved, 1e-9))])
    count = int(np.ceil(way[-1] / STEP)) + 1
    marks = np.linspace(0.0, way[-1], max(count, 2)) if len(times) > 1 else way
    dense = np.column_stack([np.interp(marks, way, column) for column in positions.T])
    dense_frames = arm.joint_frames(dense)
    tool = dense_frames[:, -1] @ arm.contact_frame()
    return Samples(np.interp(marks, way, times), dense, dense_frames, bodies, tool[:, 2, 3])


def at_positions(arm: ArmModel, positions: Array, carried: Solid | None) -> Samples:
    """Return single joint positions, shape (m, n), as samples at times 0: nothing in between."""
    frames = arm.joint_frames(positions)
    tool = frames[:, -1] @ arm.contact_frame()
    bodies = moving_bodies(arm, carried)
    return Samples(np.zeros(len(positions)), positions, frames, bodies, tool[:, 2, 3])


def moving_bodies(arm: ArmModel, carried: Solid | None) -> tuple[LinkBody, ...]:
    """Return all bodies that joints move, with what is carried as the last one."""
    bodies = tuple(body for body in arm.bodies if body.joint > 0)
    if carried is None:
        return bodies
    frame = arm.contact_frame() @ carried.frame
    solid = Solid(carried.name, frame, carried.half, carried.disc, carried.ball)
    return (*bodies, LinkBody(solid, arm.dof))


def _corners(bodies: Sequence[LinkBody]) -> tuple[Array, list[int]]:
    """Corners of the bodies' boxes in their joints' frames, (b, 8, 3), and the joints."""
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=float)
    corners = np.empty((len(bodies), 8, 3))
    for i, body in enumerate(bodies):
        local = signs * body.solid.extent
        corners[i] = local @ body.solid.frame[:3, :3].T + body.solid.frame[:3, 3]
    return corners, [body.joint for body in bodies]


class Clearance:
    """Checks the motions of one arm. Immutable after construction."""

    def __init__(self, arm: ArmModel, fixed: Sequence[Solid]) -> None:
        """Prepare the check.

        Args:
            arm: The arm; at its home position no body but its carriage touches anything.
            fixed: What stands in the cell, in the world.
        """
        self._arm = arm
        self._fixed = tuple(fixed)
        self._carriage = _standing_on(arm, self._fixed)
        self._adjacent = _adjacent(arm)

    def first_hit(
        self,
        samples: Samples,
        around: Sequence[Solid] = (),
        lying: Sequence[Solid] = (),
        touch: Touch | None = None,
    ) -> Hit | None:
        """Return the first body that a motion comes too near to, or None.

        Args:
            samples: The motion, from ``sample``.
            around: Bodies that stand there now besides the fixed ones: transporters, trays.
            lying: Small things that lie about: parts.
            touch: The touch that is meant.
        """
        hits = [
            self._against(samples, (*self._fixed, *around), MARGIN, touch),
            self._against(samples, lying, SMALL_MARGIN, touch),
            self._itself(samples),
        ]
        found = [hit for hit in hits if hit is not None]
        return min(found, key=lambda hit: hit.time) if found else None

    def first_lying_hit(
        self, samples: Samples, lying: Sequence[Solid], touch: Touch | None = None
    ) -> Hit | None:
        """Return the first of ``lying`` that a motion comes too near to, or None."""
        return self._against(samples, lying, SMALL_MARGIN, touch)

    def _against(
        self, samples: Samples, solids: Sequence[Solid], margin: float, touch: Touch | None
    ) -> Hit | None:
        if not solids:
            return None
        when, which, what = near_pairs(samples, solids, margin)
        allowed = np.array(
            [[self._is_adjacent(body, solid) for solid in solids] for body in samples.bodies]
        )
        keep = ~allowed[which, what]
        if touch is not None:
            tool = np.array([_is_tool(self._arm, body) for body in samples.bodies])
            meant = np.array([solid.name in touch.names for solid in solids])
            low = samples.tool_height[when] <= touch.height
            keep &= ~(tool[which] & meant[what] & low)
        when, which, what = when[keep], which[keep], what[keep]
        if not when.size:
            return None
        other = Batch.of(solids).take(what)
        distance = gaps(_world(samples, when, which), other, margin)
        return _first(samples, when, which, distance, margin, [solids[i].name for i in what])

    def _is_adjacent(self, body: LinkBody, solid: Solid) -> bool:
        return (body.solid.name, solid.name) in self._carriage and (
            body.joint <= self._arm.externals
        )

    def _itself(self, samples: Samples) -> Hit | None:
        pairs = _self_pairs(samples.bodies, self._adjacent)
        if not len(pairs):
            return None
        count = len(samples.times)
        when = np.repeat(np.arange(count), len(pairs))
        first, second = np.tile(pairs[:, 0], count), np.tile(pairs[:, 1], count)
        centers = _centers(samples)
        radii = np.array([body.solid.radius for body in samples.bodies])
        apart = np.linalg.norm(centers[when, first] - centers[when, second], axis=1)
        near = np.flatnonzero(apart < radii[first] + radii[second] + SMALL_MARGIN)
        when, first, second = when[near], first[near], second[near]
        if not when.size:
            return None
        one, other = _world(samples, when, first), _world(samples, when, second)
        distance = gaps(one, other, SMALL_MARGIN)
        names = [f"its own {samples.bodies[i].solid.name}" for i in second]
        return _first(samples, when, first, distance, SMALL_MARGIN, names)


def near_pairs(
    samples: Samples, solids: Sequence[Solid], margin: float
) -> tuple[Indices, Indices, Indices]:
    """Return which sample's which body could be nearer than ``margin`` to which solid.

    Only balls around the bodies are looked at: the result holds all real cases and more.
    """
    centers = _centers(samples)
    radii = np.array([body.solid.radius for body in samples.bodies]) + margin
    batch = Batch.of(solids)
    extent = np.array([solid.extent for solid in solids])
    reach = np.einsum("oij,oj->oi", np.abs(batch.rotation), extent)
    low, high = centers.min(axis=0) - radii[:, None], centers.max(axis=0) + radii[:, None]
    mask = np.all(
        (low[:, None] <= (batch.center + reach)[None])
        & (high[:, None] >= (batch.center - reach)[None]),
        axis=2,
    )
    which, what = np.nonzero(mask)
    offset = centers[:, which] - batch.center[what]
    local = np.abs(np.einsum("pji,mpj->mpi", batch.rotation[what], offset))
    outside = np.linalg.norm(np.maximum(local - extent[what], 0.0), axis=2)
    when, pair = np.nonzero(outside < radii[which])
    return when, which[pair], what[pair]


def occupied(samples: Samples, boxes: Sequence[Solid]) -> NDArray[np.bool_]:
    """Return in which boxes a motion has something at which sample, shape (m, boxes)."""
    inside = np.zeros((len(samples.times), len(boxes)), dtype=bool)
    if boxes:
        when, which, what = near_pairs(samples, boxes, MARGIN)
        distance = gaps(_world(samples, when, which), Batch.of(boxes).take(what), MARGIN)
        within = distance < MARGIN
        inside[when[within], what[within]] = True
    return inside


def _is_tool(arm: ArmModel, body: LinkBody) -> bool:
    """Whether a body is the gripper or what it carries: not one of the chain's links."""
    return all(body is not link for link in arm.bodies) or body is arm.bodies[-1]


def _centers(samples: Samples) -> Array:
    """Centres of the bodies in the world, (m, b, 3)."""
    joints = [body.joint for body in samples.bodies]
    local = np.array([body.solid.frame[:3, 3] for body in samples.bodies])
    frames = samples.frames[:, joints]
    centers: Array = np.einsum("mbij,bj->mbi", frames[..., :3, :3], local) + frames[..., :3, 3]
    return centers


def _world(samples: Samples, when: Indices, which: Indices) -> Batch:
    """Bodies ``which`` at samples ``when``, in the world."""
    local = Batch.of([body.solid for body in samples.bodies])
    joints = np.array([body.joint for body in samples.bodies])
    frames = samples.frames[when, joints[which]]
    rotation = frames[:, :3, :3]
    center = np.einsum("nij,nj->ni", rotation, local.center[which]) + frames[:, :3, 3]
    return Batch(
        center,
        rotation @ local.rotation[which],
        local.half[which],
        local.disc[which],
        local.ball[which],
    )


def _first(
    samples: Samples,
    when: Indices,
    which: Indices,
    distance: Array,
    margin: float,
    names: Sequence[str],
) -> Hit | None:
    near = np.flatnonzero(distance < margin)
    if not near.size:
        return None
    earliest = near[when[near] == when[near].min()]
    worst = int(earliest[np.argmin(distance[earliest])])
    return Hit(
        samples.bodies[which[worst]].solid.name,
        names[worst],
        float(samples.times[when[worst]]),
        -float(distance[worst]),
    )


def _self_pairs(bodies: Sequence[LinkBody], adjacent: frozenset[tuple[str, str]]) -> Indices:
    """Pairs of bodies of one arm that could touch, the outer one first, (p, 2)."""
    pairs = [
        (i, j)
        for i, outer in enumerate(bodies)
        for j, inner in enumerate(bodies)
        if outer.joint - inner.joint >= SELF_DISTANCE
        and (outer.solid.name, inner.solid.name) not in adjacent
    ]
    return np.array(pairs, dtype=np.intp).reshape(len(pairs), 2)


def _standing_on(arm: ArmModel, solids: Sequence[Solid]) -> frozenset[tuple[str, str]]:
    """What the carriage (all that only external axes move) stands on, by link and solid."""
    home = sample(arm, np.zeros(1), arm.home[None])
    when, which, what = near_pairs(home, solids, MARGIN)
    if not when.size:
        return frozenset()
    distance = gaps(_world(home, when, which), Batch.of(solids).take(what), MARGIN)
    return frozenset(
        (home.bodies[b].solid.name, solids[s].name)
        for b, s, gap in zip(which, what, distance, strict=True)
        if gap < MARGIN and home.bodies[b].joint <= arm.externals
    )


def _adjacent(arm: ArmModel) -> frozenset[tuple[str, str]]:
    """Pairs of links that touch at home: neighbours, whose touch means nothing."""
    home = sample(arm, np.zeros(1), arm.home[None])
    pairs = _self_pairs(home.bodies, frozenset())
    if not len(pairs):
        return frozenset()
    when = np.zeros(len(pairs), dtype=np.intp)
    one, other = _world(home, when, pairs[:, 0]), _world(home, when, pairs[:, 1])
    distance = gaps(one, other, SMALL_MARGIN)
    return frozenset(
        (home.bodies[i].solid.name, home.bodies[j].solid.name)
        for (i, j), gap in zip(pairs, distance, strict=True)
        if gap < SMALL_MARGIN
    )
