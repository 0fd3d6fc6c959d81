"""Robot: kinematics and dynamics of a serial chain, computed by the C core."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from smart_cell.planner import _core
from smart_cell.planner.arrays import (
    Array,
    as_floats,
    check_finite,
    instance,
    output,
    pose_matrix,
    poses_matrix,
    vector,
)
from smart_cell.planner.dynamics import Payload
from smart_cell.planner.errors import PlannerError, RobotDescriptionError
from smart_cell.planner.limits import Limits
from smart_cell.planner.urdf import ChainJoint, parse_chain, read_chain

#: A URDF states no acceleration and no jerk; these hold where ``limits`` gives none.
DEFAULT_ACCELERATION = 5.0
DEFAULT_JERK = 50.0

#: Poses of one call of the C core; bounds the memory of a large batch.
_BATCH = 1024

#: What ``limits`` may be: complete limits, or values by quantity (a number for all joints, one per
#: joint in chain order, or a mapping from joint name to number).
LimitsLike = Limits | Mapping[str, Any] | None
_ASKED = {"position_lower": "lower", "position_upper": "upper", "velocity": "velocity"}
_QUANTITIES = ("position_lower", "position_upper", "velocity", "acceleration", "jerk", "effort")


class Robot(_core.Kinematics):
    """A serial chain of up to 16 revolute, continuous and prismatic joints.

    Made by ``from_urdf``. Immutable and safe to share between threads; calls longer than about a
    microsecond release the GIL. Poses are those of the tip in the base frame, as 4x4 homogeneous
    matrices; joint positions are in rad, or m for prismatic joints, in chain order from the base.
    ``fk``, ``fk_all``, ``jacobian`` and ``inverse_dynamics`` come straight from the C core; the
    result for a configuration is the same to the last bit alone and in a batch.

    Attributes:
        joint_names: Names of the moving joints, from the base.
        limits: Limits of these joints.
        base: Name of the base link.
        tip: Name of the tip link.
        link_names: Links from base to tip, both included; the order of ``fk_all``.
    """

    __slots__ = (
        "_chain",
        "_middle",
        "_prismatic",
        "base",
        "joint_names",
        "limits",
        "link_names",
        "tip",
    )

    def __init__(
        self, joints: Sequence[ChainJoint], base: str, tip: str, limits: LimitsLike
    ) -> None:
        """Build the chain from joints in order from ``base`` to ``tip``.

        Raises:
            RobotDescriptionError: No moving joint, or more than 16 joints or 64 links.
            PlannerError: ``limits`` do not fit.
        """
        moving = [joint for joint in joints if joint.kind != "fixed"]
        if not 1 <= len(moving) <= _core.MAX_DOF:
            raise RobotDescriptionError(
                f"the chain from {base!r} to {tip!r} has {len(moving)} moving joints; "
                f"1 to {_core.MAX_DOF} are allowed"
            )
        if len(joints) + 1 > _core.MAX_LINKS:
            raise RobotDescriptionError(
                f"the chain from {base!r} to {tip!r} has {len(joints) + 1} links; at most "
                f"{_core.MAX_LINKS} are allowed"
            )
        self.base = base
        self.tip = tip
        self.joint_names = tuple(joint.name for joint in moving)
        self.link_names = (base, *(joint.child for joint in joints))
        self.limits = _limits(moving, limits)
        self._prismatic = tuple(joint.kind == "prismatic" for joint in moving)
        frames, offsets, self._chain = _chain(joints, self.limits)
        super().__init__(self._chain, _inertias(joints, frames, offsets), Payload)
        for joint, low, high in zip(
            moving, self.limits.position_lower, self.limits.position_upper, strict=True
        ):
            if joint.kind == "prismatic" and not np.isfinite(high - low):
                raise PlannerError(f"prismatic joint {joint.name!r} needs finite position limits")
        lower, upper = self.limits.position_lower, self.limits.position_upper
        middle = np.zeros(len(moving))
        finite = np.isfinite(lower) & np.isfinite(upper)
        middle[finite] = 0.5 * (lower[finite] + upper[finite])
        middle = np.clip(middle, lower, upper)
        self._middle = middle

    @staticmethod
    def from_urdf(
        path: str | Path,
        base: str = "base_link",
        tip: str = "tool0",
        limits: LimitsLike = None,
        *,
        xacro_args: Mapping[str, str] | None = None,
    ) -> Robot:
        """Return the chain between two links of a URDF or xacro file.

        Args:
            path: The file; xacro macros are expanded. DOCTYPE and entities are refused.
            base: Link at which the chain begins.
            tip: Link at which it ends, below ``base``.
            limits: Limits instead of the file's: ``Limits``, or a mapping with some of
                ``position_lower``, ``position_upper``, ``velocity``, ``acceleration``, ``jerk``,
                ``effort``, each a number, a sequence in chain order, or a mapping by joint name
                (joints left out keep the file's value). A URDF has no acceleration and no jerk:
                without ``limits`` they are 5 rad/s^2 and 50 rad/s^3 (m for prismatic joints).
            xacro_args: Values for ``xacro:arg``.

        Raises:
            RobotDescriptionError: Unreadable, malformed, or no usable chain between the links.
            PlannerError: ``limits`` do not fit.
        """
        return Robot(read_chain(path, base, tip, xacro_args or {}), base, tip, limits)

    @staticmethod
    def from_urdf_text(
        text: str | bytes,
        base: str = "base_link",
        tip: str = "tool0",
        limits: LimitsLike = None,
    ) -> Robot:
        """Return the chain between two links of an (expanded) URDF text; see ``from_urdf``.

        Raises:
            RobotDescriptionError: Malformed, or no usable chain between the links.
            PlannerError: ``limits`` do not fit.
        """
        return Robot(parse_chain(text, base, tip), base, tip, limits)

    def __repr__(self) -> str:
        """Return the chain's ends and joints."""
        return f"Robot({self.base!r} -> {self.tip!r}, joints {', '.join(self.joint_names)})"

    @property
    def dof(self) -> int:
        """Number of moving joints."""
        return len(self.joint_names)

    @property
    def reach(self) -> float:
        """Upper bound of the distance between the first joint and the tip [m]."""
        return self._chain.reach()

    @property
    def external_joints(self) -> tuple[str, ...]:
        """Joints of external axes: the first n - 6, if a prismatic one is among them."""
        extra = len(self.joint_names) - 6
        return self.joint_names[:extra] if extra > 0 and any(self._prismatic[:extra]) else ()

    @property
    def core(self) -> _core.Chain:
        """The chain in the C core, for the planner's own functions."""
        return self._chain

    def _configurations(self, q: ArrayLike) -> Array:
        array = as_floats(q, "q")
        if array.ndim not in (1, 2) or array.shape[-1] != len(self.joint_names):
            n = len(self.joint_names)
            raise PlannerError(f"q has shape {array.shape}; it must be ({n},) or (m, {n})")
        check_finite(array, "q")
        return np.require(array, requirements=("C", "A"))

    def _arrays(self, name: str, q: ArrayLike, out: Array | None) -> tuple[Array, Array]:
        """Return q and out as arrays that ``name`` can use, or refuse them; the core calls it."""
        array = self._configurations(q)
        shape = {
            "fk": (4, 4),
            "fk_all": (len(self.link_names), 4, 4),
            "jacobian": (6, len(self.joint_names)),
        }[name]
        return array, output(out, (*array.shape[:-1], *shape))

    def _dynamics_arrays(
        self,
        q: ArrayLike,
        qd: ArrayLike,
        qdd: ArrayLike,
        payload: Payload | None,
        out: Array | None,
        gravity: ArrayLike | None,
    ) -> tuple[tuple[Array, Array, Array, Array], Array | None]:
        """Return (q, qd, qdd, out) and gravity as arrays, or refuse them; the core calls it."""
        array = self._configurations(q)
        rates = []
        for value, name in ((qd, "qd"), (qdd, "qdd")):
            given = as_floats(value, name)
            try:
                rate = np.require(np.broadcast_to(given, array.shape), requirements=("C", "A"))
            except ValueError:
                raise PlannerError(
                    f"{name} has shape {given.shape}; it must be that of q, {array.shape}"
                ) from None
            check_finite(rate, name)
            rates.append(rate)
        if payload is not None:
            instance(payload, Payload, "payload")
        return (
            (array, rates[0], rates[1], output(out, array.shape)),
            None if gravity is None else np.require(vector(gravity, 3, "gravity"), None, ["A"]),
        )

    def _overflow(self) -> None:
        raise PlannerError("positions or motion so large that the result is beyond float64")

    def ik(
        self,
        pose: ArrayLike,
        seed: ArrayLike | None = None,
        max_solutions: int = 16,
        *,
        hold: Sequence[str] = (),
    ) -> Any:
        """Return distinct joint positions that bring the tip to ``pose``, inside the limits.

        Residuals are below 1e-9 m and rad. A joint that can turn more than once comes in the
        copy nearest to the seed; copies that differ by full turns are one solution. Deterministic.

        How, ``ik_method`` tells: in closed form all solutions of six joints are found, in a few
        microseconds; up to three more joints (a rail, a gantry, the seventh axis) are tried at
        the seed and outwards from it: such chains have no end of solutions, some are returned.
        Chains without a structure are solved by descents from many starts, usually well under a
        millisecond. ``max_solutions=1`` is quicker where a search is needed: it ends with the
        first solution, near the seed but not always the nearest.

        Args:
            pose: Pose of the tip in the base, shape (4, 4); or poses, shape (m, 4, 4): one call
                of the C core, without the GIL.
            seed: Joint positions, shape (n,), or (m, n) for m poses, clipped into the limits;
                None = their middle.
            max_solutions: 1..64.
            hold: Names of joints that keep their seed value (an external axis, say).

        Returns:
            Array of shape (k, n), nearest to the seed first (Euclidean), (0, n) if there is none;
            for m poses a list of m such arrays.

        Raises:
            PlannerError: Wrong shapes, not a rigid pose, or an unknown joint name.
            LimitError: A held joint is outside its limits.
        """
        if not hold:
            quick = self._chain.ik_one(pose, seed, max_solutions)
            if quick is not None:
                return quick
        most = _count(max_solutions)
        poses, seeds, held = self._questions(pose, seed, hold)
        found: list[Array] = []
        for counts, out in self._solve(poses, seeds, held, most):
            found += self._chain.ik_rows(out, counts)
        return found if np.ndim(pose) == 3 else found[0]

    def reachable(
        self, pose: ArrayLike, seed: ArrayLike | None = None, *, hold: Sequence[str] = ()
    ) -> Any:
        """Return whether ``ik`` has a solution: a bool, or for m poses a bool array of shape (m,).

        In closed form the answer is exact; where ``ik`` searches, False means "none found".

        Args:
            pose: Pose of the tip in the base, shape (4, 4); or poses, shape (m, 4, 4).
            seed: Where a search begins, as for ``ik``; the values of held joints.
            hold: Names of joints that keep their seed value.

        Raises:
            PlannerError: As ``ik``.
        """
        poses, seeds, held = self._questions(pose, seed, hold)
        found = [counts > 0.0 for counts, _ in self._solve(poses, seeds, held, 1)]
        all_of = np.concatenate([*found, np.zeros(0, dtype=bool)])
        return all_of if np.ndim(pose) == 3 else bool(all_of[0])

    @property
    def ik_method(self) -> str:
        """How ``ik`` solves this chain, found from its axes when it was loaded.

        ``spherical wrist`` or ``parallel axes``: in closed form, with the joints that are
        searched over where there are more than six; else ``numerical``.
        """
        kind, first, _ = self._chain.ik_method()
        if kind == "numerical":
            return kind
        free = (*self.joint_names[:first], *self.joint_names[first + 6 :])
        return f"{kind}, search over {', '.join(free)}" if free else kind

    def _questions(
        self, pose: ArrayLike, seed: ArrayLike | None, hold: Sequence[str]
    ) -> tuple[Array, Array, int]:
        """Return checked poses (m, 4, 4), seeds (1, n) or (m, n), and the mask of held joints."""
        held = self.mask(hold)
        array = as_floats(pose, "pose")
        if array.ndim == 3:
            poses = poses_matrix(array, "pose")
        else:
            poses = pose_matrix(array, "pose")[None]
        if seed is None:
            return poses, self._middle[None], held
        rows = as_floats(seed, "seed")
        if array.ndim != 3 or rows.ndim != 2:
            return poses, self._inside(rows, held, "seed")[None], held
        if len(rows) != len(poses):
            raise PlannerError(f"seed has {len(rows)} rows for {len(poses)} poses")
        if held or rows.shape[1] != self.dof or not np.isfinite(rows).all():
            inside = [self._inside(row, held, f"seed[{i}]") for i, row in enumerate(rows)]
            return poses, np.array(inside).reshape(len(poses), self.dof), held
        lower, upper = self.limits.position_lower, self.limits.position_upper
        return poses, np.clip(rows, lower, upper), held

    def _solve(
        self, poses: Array, seeds: Array, held: int, most: int
    ) -> Iterator[tuple[Array, Array]]:
        """Yield numbers of solutions (c,) and solutions (c, most, n), batch by batch."""
        out = np.empty((min(_BATCH, len(poses)), most, self.dof))
        for begin in range(0, len(poses), _BATCH):
            some = poses[begin : begin + _BATCH]
            starts = seeds if len(seeds) == 1 else seeds[begin : begin + _BATCH]
            counts = np.empty(len(some))
            if held == (1 << self.dof) - 1:  # nothing may move: is it there?
                out[: len(some), 0] = starts
                counts[:] = np.abs(self.fk(starts) - some).max(axis=(1, 2)) < 1e-9
            else:
                self._chain.ik(some, starts, held, out[: len(some)], counts)
            yield counts, out[: len(some)]

    def _inside(self, seed: ArrayLike, held: int, name: str) -> Array:
        """Return the seed, clipped into the limits; held joints must be inside by themselves."""
        array = vector(seed, len(self.joint_names), name)
        if held:
            keeps = [bool(held >> i & 1) for i in range(len(self.joint_names))]
            middle = self._middle
            self.limits.check_position(np.where(keeps, array, middle), name)
        inside: Array = np.clip(array, self.limits.position_lower, self.limits.position_upper)
        return inside

    def mask(self, names: Sequence[str]) -> int:
        """Return the joints named as a bit mask, bit 0 for the first joint.

        Raises:
            PlannerError: A name is not a joint of this chain.
        """
        result = 0
        for name in names:
            if name not in self.joint_names:
                known = ", ".join(self.joint_names)
                raise PlannerError(f"no joint {name!r} in this chain; there are: {known}")
            result |= 1 << self.joint_names.index(name)
        return result


def _count(value: Any) -> int:
    """Return a number of solutions, 1..64."""
    try:
        count = operator.index(value)
    except TypeError:
        count = 0
    if isinstance(value, bool) or not 1 <= count <= 64:
        raise PlannerError(f"max_solutions is {value!r}; it must be 1 to 64")
    return count


def _values(given: Any, quantity: str, names: Sequence[str], default: Array) -> Array:
    """Return one quantity for all joints from a number, a sequence or a mapping by joint name."""
    if isinstance(given, Mapping):
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise PlannerError(f"limits: {quantity} for unknown joint {unknown[0]!r}")
        result = default.copy()
        for i, name in enumerate(names):
            if name in given:
                result[i] = vector([given[name]], 1, f"limits: {quantity} of {name!r}")[0]
        return result
    array = as_floats(given, f"limits: {quantity}")
    if array.ndim == 0:
        return np.full(len(names), float(array))
    if array.shape != (len(names),):
        raise PlannerError(
            f"limits: {quantity} has shape {array.shape}; it must be a number or ({len(names)},)"
        )
    return array


def _limits(joints: Sequence[ChainJoint], given: LimitsLike) -> Limits:
    """Return the file's limits, with those of the caller in their place."""
    names = tuple(joint.name for joint in joints)
    if isinstance(given, Limits):
        if given.dof != len(names):
            raise PlannerError(f"limits for {given.dof} joints; the chain has {len(names)}")
        return dataclasses.replace(given, joint_names=names)
    values = {
        "position_lower": np.array([joint.lower for joint in joints]),
        "position_upper": np.array([joint.upper for joint in joints]),
        "velocity": np.array(
            [np.nan if joint.velocity is None else joint.velocity for joint in joints]
        ),
        "acceleration": np.full(len(names), DEFAULT_ACCELERATION),
        "jerk": np.full(len(names), DEFAULT_JERK),
        "effort": np.array([joint.effort for joint in joints]),
    }
    if given is not None:
        instance(given, Mapping, "limits")
    for quantity, value in (given or {}).items():
        if quantity not in values:
            allowed = ", ".join(_QUANTITIES)
            raise PlannerError(f"limits: unknown quantity {quantity!r}; allowed: {allowed}")
        values[quantity] = _values(value, quantity, names, values[quantity])
    for quantity, key in _ASKED.items():
        for joint, value in zip(joints, values[quantity], strict=True):
            if np.isnan(value):
                raise RobotDescriptionError(
                    f"joint {joint.name!r} has no <limit {key}>, and limits gives no {quantity}"
                )
    return Limits(**values, joint_names=names)


def _turn_z_onto(axis: Array) -> Array:
    """Return a rotation, as (4, 4), whose third column is ``axis`` (a unit vector)."""
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    x = np.cross(helper, axis)
    x /= np.linalg.norm(x)
    result = np.eye(4)
    result[:3, 0] = x
    result[:3, 1] = np.cross(axis, x)
    result[:3, 2] = axis
    if axis[2] == 1.0:
        result[:3, :3] = np.eye(3)
    return result


def _inertias(joints: Sequence[ChainJoint], frames: Array, offsets: Array) -> Array:
    """Return the pseudo-inertia of what moves with each joint, in the chain's frame behind it."""
    result = np.zeros((int(frames[-1]) + 1, 4, 4))
    for joint, frame, offset in zip(joints, frames[1:], offsets[1:], strict=True):
        result[int(frame)] += offset @ joint.inertia @ offset.T
    check_finite(result, "the chain's inertias")
    return result[1:].copy()


def _chain(joints: Sequence[ChainJoint], limits: Limits) -> tuple[Array, Array, _core.Chain]:
    """Return the chain with fixed transforms folded and every joint along its own z axis.

    Returns:
        For each link the number of moving joints before it, and its pose in the frame behind the
        last of these; the chain.
    """
    running = np.eye(4)  # of the current link in the frame behind the last moving joint
    before: list[Array] = []
    kinds: list[float] = []
    frames = [0.0]
    offsets = [running]
    for joint in joints:
        running = running @ joint.origin
        if joint.kind != "fixed":
            turn = _turn_z_onto(joint.axis)
            before.append(running @ turn)
            kinds.append(1.0 if joint.kind == "prismatic" else 0.0)
            running = turn.T.copy()
        frames.append(float(len(before)))
        offsets.append(running)
    poses = np.ascontiguousarray(offsets)
    check_finite(poses, "the chain's transforms")
    chain = _core.Chain(
        len(before),
        len(offsets),
        np.ascontiguousarray(before),
        np.array(kinds),
        np.ascontiguousarray(running),
        np.array(frames),
        poses,
        limits.position_lower,
        limits.position_upper,
    )
    return np.array(frames), poses, chain
