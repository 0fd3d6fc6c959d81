"""An arm of the cell as the motions need it: chain, limits, tool, bodies, external axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.description import ExternalPlace
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.urdf import Body, Joint
from smart_cell.planner import Limits, Robot, State, point_to_point
from smart_cell.runtime.motion.solids import Solid


@dataclass(frozen=True)
class LinkBody:
    """A collision body of a link.

    Attributes:
        solid: The shape, in the frame behind joint number ``joint``.
        joint: How many joints move it: 0 = none, it is fixed to the base.
    """

    solid: Solid
    joint: int


class ArmModel:
    """Kinematics of one arm in its cell. Immutable after construction.

    Joint vectors ``q`` are of the whole chain, external axes first, shape (n,) [rad, m].
    """

    def __init__(self, cell: Cell, name: str) -> None:
        """Read everything from the cell.

        Raises:
            SmartCellError: If the cell has no such arm.
        """
        urdf = cell.urdf(name)
        self.name = name
        self.description = cell.description.arms[name]
        self.gripper_name = self.description.gripper
        self.gripper = cell.description.grippers[self.gripper_name]
        self.joint_names = cell.joint_names(name)
        base, tip = self.description.base, self.description.tip
        self.chain = urdf.chain(base, tip)
        external = self.description.external
        self.external_joints = external.joints if external else ()
        self.externals = len(self.external_joints)
        carrier = external.carrier if external else base
        self.limits = _limits(self, urdf.moving_joints(base, tip))
        self.robot = Robot.from_urdf_text(urdf.text, base, tip, limits=self.limits)
        self.hand_limits = _part(self.limits, self.externals)
        self.hand = (
            Robot.from_urdf_text(urdf.text, carrier, tip, limits=self.hand_limits)
            if external
            else self.robot
        )
        self._carrier = Robot.from_urdf_text(urdf.text, base, carrier) if external else None
        self.mount = cell.pose(name).matrix()
        moving = [joint.child for joint in self.chain if joint.moves]
        first = self.hand.link_names.index(moving[self.externals])
        self._shoulder = self.hand.fk_all(np.zeros(self.hand.dof))[first, :3, 3]
        self._behind = [self.robot.link_names.index(link) for link in (base, *moving)]
        self.tcp = self.gripper.tcp.local().matrix()
        self._tip_in_contact = np.linalg.inv(self.tcp)
        self.home = np.array(self.description.home, dtype=float)
        self.bodies = self._link_bodies(cell) + self._gripper_bodies()

    @property
    def dof(self) -> int:
        """Number of joints, external axes included."""
        return len(self.joint_names)

    # ------------------------------------------------------------------ where things are

    def contact(self, q: Array) -> Array:
        """Return the contact face in the world: (n,) -> (4, 4), (m, n) -> (m, 4, 4)."""
        pose: Array = self.mount @ self.robot.fk(q) @ self.tcp
        return pose

    def joint_frames(self, q: Array) -> Array:
        """Return the frames behind each joint in the world, (m, n) -> (m, n + 1, 4, 4).

        Index 0 is the base (the mount), index i the frame behind joint i.
        """
        frames: Array = self.mount @ self.robot.fk_all(q)[:, self._behind]
        return frames

    def carrier(self, external: Array) -> Array:
        """Return the carrier link in the world for positions of the external axes, (4, 4)."""
        if self._carrier is None:
            return self.mount
        pose: Array = self.mount @ self._carrier.fk(external)
        return pose

    # ------------------------------------------------------------------ where joints go

    def full(self, external: Array, hand: Array) -> Array:
        """Return the joint vector of the whole chain."""
        return np.concatenate([external, hand])

    def external_part(self, q: Array) -> Array:
        """Return the external axes of a joint vector."""
        return q[..., : self.externals]

    def hand_part(self, q: Array) -> Array:
        """Return the joints of the arm proper."""
        return q[..., self.externals :]

    def ready(self, name: str) -> Array:
        """Return a ready pose of the arm proper."""
        return np.array(self.description.ready_poses[name], dtype=float)

    def solve(self, contact: Array, external: Array, seed: Array, most: int = 8) -> Array:
        """Return joint positions that put the contact face somewhere, external axes given.

        Args:
            contact: Wanted pose of the contact face in the world, (4, 4).
            external: Positions of the external axes.
            seed: Position of the arm proper; solutions near it come first.
            most: Most solutions.

        Returns:
            Shape (k, n), k may be 0.
        """
        tip = np.linalg.inv(self.carrier(external)) @ contact @ self._tip_in_contact
        hands = self.hand.ik(tip, seed=seed, max_solutions=most)
        return np.hstack([np.broadcast_to(external, (len(hands), self.externals)), hands])

    def may_reach(self, contact: Array, external: Array) -> bool:
        """Return whether a target is near enough for a solution to be worth looking for."""
        tip = np.linalg.inv(self.carrier(external)) @ contact @ self._tip_in_contact
        distance = float(np.linalg.norm(tip[:3, 3] - self._shoulder))
        return distance <= self.hand.reach

    @property
    def turn_sign(self) -> float:
        """How the last joint turns the tool about its own z: 1, -1, or 0 if it does something else.

        If not 0 any yaw of the tool is reached with the other joints unchanged.
        """
        joint = [joint for joint in self.chain if joint.moves][-1]
        along = float(np.array(joint.axis) @ self.contact_frame()[:3, 2])
        whole_turn = joint.upper - joint.lower >= 2 * np.pi
        if joint.type == "prismatic" or not whole_turn or abs(along) < 1.0 - 1e-6:
            return 0.0
        return float(np.sign(along))

    def external_places(self, target: Sequence[float]) -> list[Array]:
        """Return the places the external axes would take for a target, in their fixed order.

        Args:
            target: Position of the target in the world [m].
        """
        if self.description.external is None:
            return [np.zeros(0)]
        found: list[Array] = []
        for place in self.description.external.places:
            position = self._place(place, np.asarray(target, dtype=float))
            if not any(np.allclose(position, other, atol=1e-6) for other in found):
                found.append(position)
        return found

    def _place(self, place: ExternalPlace, target: Array) -> Array:
        """Least squares for the prismatic axes that follow; those at a limit stay there."""
        lower = self.limits.position_lower[: self.externals]
        upper = self.limits.position_upper[: self.externals]
        start = np.clip(self.home[: self.externals], lower, upper)
        joints = {joint.name: joint for joint in self.chain if joint.moves}
        following = []
        for i, name in enumerate(self.external_joints):
            if name in place.joints:
                start[i] = place.joints[name]
            elif joints[name].type == "prismatic":
                following.append(i)
        wanted = target - np.array(place.offset_m)
        position: Array = start.copy()
        free = list(following)
        while free:
            position[free] = 0.0
            origin = self.carrier(position)[:3, 3]
            columns = np.array([self._shift(position, i) for i in free]).T
            solution = np.linalg.lstsq(columns, wanted - origin, rcond=None)[0]
            position[free] = np.clip(solution, lower[free], upper[free])
            outside = [i for i, value in zip(free, solution, strict=True) if position[i] != value]
            if not outside:
                break
            free = [i for i in free if i not in outside]
        return position

    def _shift(self, position: Array, axis: int) -> Array:
        moved = position.copy()
        moved[axis] += 1.0
        shift: Array = self.carrier(moved)[:3, 3] - self.carrier(position)[:3, 3]
        return shift

    def travel_time(self, start: Array, goal: Array) -> float:
        """Return the duration of a point-to-point motion from rest to rest [s]."""
        if float(np.max(np.abs(goal - start))) < 1e-9:
            return 0.0
        return float(point_to_point(State(start), State(goal), self.limits).duration)

    # ------------------------------------------------------------------ bodies

    def _link_bodies(self, cell: Cell) -> tuple[LinkBody, ...]:
        links = cell.urdf(self.name).links
        found = [
            LinkBody(_solid(self.description.base, body, np.eye(4)), 0)
            for body in links[self.description.base].collisions
        ]
        count, frame = 0, np.eye(4)
        for joint in self.chain:
            if joint.moves:
                count, frame = count + 1, np.eye(4)
            else:
                frame = frame @ joint.origin.matrix()
            found += [
                LinkBody(_solid(joint.child, body, frame), count)
                for body in links[joint.child].collisions
            ]
        return tuple(found)

    def _gripper_bodies(self) -> tuple[LinkBody, ...]:
        frame = self.tip_frame() @ self.tcp
        back = np.eye(4)
        back[2, 3] = -self.gripper.body.extents[2] / 2
        shape = self.gripper.body
        if shape.box_m is not None:
            solid = Solid.box(self.gripper_name, frame @ back, shape.box_m)
        else:
            assert shape.cylinder_m is not None
            solid = Solid.cylinder(self.gripper_name, frame @ back, *shape.cylinder_m)
        return (LinkBody(solid, self.dof),)

    def tip_frame(self) -> Array:
        """Return the tip in the frame behind the last joint, (4, 4)."""
        frame = np.eye(4)
        for joint in self.chain:
            frame = np.eye(4) if joint.moves else frame @ joint.origin.matrix()
        return frame

    def contact_frame(self) -> Array:
        """Return the contact face in the frame behind the last joint, (4, 4)."""
        frame: Array = self.tip_frame() @ self.tcp
        return frame


def _solid(link: str, body: Body, frame: Array) -> Solid:
    center = frame @ body.origin.matrix()
    if body.shape == "box":
        return Solid.box(link, center, body.size_m)
    if body.shape == "cylinder":
        return Solid.cylinder(link, center, *body.size_m)
    return Solid.sphere(link, center, body.size_m[0])


def _limits(arm: ArmModel, joints: Sequence[Joint]) -> Limits:
    """Limits of the chain: positions and velocities by the URDF, the rest by the cell file."""
    given = arm.description.limits

    def of(table: dict[str, float], joint: str) -> float:
        return table.get(joint, table.get("default", float("nan")))

    return Limits(
        position_lower=np.array([joint.lower for joint in joints]),
        position_upper=np.array([joint.upper for joint in joints]),
        velocity=np.array([joint.velocity for joint in joints]) * given.velocity_scale,
        acceleration=np.array([of(given.acceleration, joint.name) for joint in joints]),
        jerk=np.array([of(given.jerk, joint.name) for joint in joints]),
        effort=np.array([joint.effort for joint in joints]),
        joint_names=tuple(joint.name for joint in joints),
    )


def _part(limits: Limits, first: int) -> Limits:
    return Limits(
        position_lower=limits.position_lower[first:],
        position_upper=limits.position_upper[first:],
        velocity=limits.velocity[first:],
        acceleration=limits.acceleration[first:],
        jerk=limits.jerk[first:],
        effort=limits.effort[first:],
        joint_names=limits.joint_names[first:],
    )


def tool_down(xyz: Sequence[float], yaw: float) -> Pose:
    """Return the pose of a contact face that points straight down.

    Args:
        xyz: Its position in the world [m].
        yaw: Angle of its x axis about world z [rad].
    """
    return Pose.from_rpy(xyz, (np.pi, 0.0, yaw))
