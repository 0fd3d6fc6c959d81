"""Values survive their way through messages; what is no value of ours is refused."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance
from rclpy.serialization import deserialize_message, serialize_message
from smart_cell_msgs.msg import TransporterState as TransporterStateMessage
from trajectory_msgs.msg import JointTrajectoryPoint, MultiDOFJointTrajectoryPoint

from smart_cell.model.cell import load_cell
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import (
    ConveyorState,
    Detection,
    Detections,
    GripperState,
    JointState,
    JointTrajectory,
    SlotContent,
    TrackedPart,
    TrackedTray,
    TransporterState,
    TrayContent,
)
from smart_cell.nodes import conversions as c
from smart_cell.nodes.frames import ArmFrames, joint_pose
from smart_cell.nodes.trajectories import (
    defaults,
    tolerances_from_goal,
    trajectory_from_goal,
    trajectory_to_goal,
)
from smart_cell.runtime.motion.arms import ArmModel

POSE = Pose((1.0, -2.0, 0.5), (0.5, -0.5, 0.5, 0.5))
NAMES = ("one", "two")
REST = np.zeros(2)


def sent(message: Any) -> Any:
    """Return a message as its receiver gets it."""
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize("time", [0.0, 0.1, 1.999999999, 12345.678])
def test_a_time_changes_on_the_wire(time: float) -> None:
    assert c.seconds(sent(c.stamp(time))) == pytest.approx(time, abs=1e-9)
    assert c.seconds(sent(c.duration(time))) == pytest.approx(time, abs=1e-9)


def test_device_states_change_on_the_wire() -> None:
    gripper = GripperState(1.5, True, False, "cup")
    assert c.gripper_from_message(sent(c.gripper_to_message(gripper))) == gripper
    belt = ConveyorState(2.5, True, 0.12, 3.25)
    message = sent(c.conveyor_to_message(belt, "infeed"))
    assert c.conveyor_from_message(message) == belt
    assert message.header.frame_id == "infeed/belt"
    for tray in (None, 0, 7):
        state = TransporterState(3.5, "", 0.7, -0.2, True, tray)
        message = sent(c.transporter_to_message(state, "out"))
        assert c.transporter_from_message(message) == state
        assert message.target == "out"
    assert c.transporter_to_message(
        TransporterState(0.0, "a", 0.0, 0.0, False, None), "a"
    ).tray_id == int(TransporterStateMessage.NO_TRAY)


def test_detections_change_on_the_wire() -> None:
    frame = Detections(
        "camera",
        4.5,
        (
            Detection("part", "gear", "red", POSE),
            Detection("part", "pump", "blue", POSE, flipped=True),
            Detection("tray", "kit_tray", "", POSE, tray_id=12),
        ),
    )
    message = sent(c.detections_to_message(frame))
    assert c.detections_from_message(message, "camera") == frame
    assert [d.results[0].hypothesis.class_id for d in message.detections] == [
        "part:gear:red:0",
        "part:pump:blue:1",
        "tray:kit_tray:12",
    ]


@pytest.mark.parametrize("class_id", ["", "gear", "part:gear:red", "part:a:b:2", "tray:x:seven"])
def test_a_foreign_detection_is_taken_for_one_of_ours(class_id: str) -> None:
    message = c.detections_to_message(Detections("c", 0.0, (Detection("part", "a", "b", POSE),)))
    message.detections[0].results[0].hypothesis.class_id = class_id
    with pytest.raises(c.MessageError, match="allowed are part:"):
        c.detections_from_message(message, "c")


def test_tracked_parts_change_on_the_wire() -> None:
    part = TrackedPart(
        "p1", "gear", "red", POSE, (0.1, 0.0, 0.0), "conveyor:infeed", True, 5.5, 5.25
    )
    tray = TrackedTray("t4", 3, "kit_tray", POSE, "tray_table:left:1", 1.0)
    parts, trays = c.parts_from_message(sent(c.parts_to_message([part], [tray], 6.0)))
    assert (parts, trays) == ((part,), (tray,))


def test_an_inspection_changes_on_the_wire() -> None:
    content = TrayContent(4, (SlotContent("1", "gear", "red", False, True),), extra=2)
    assert c.tray_content_from_json(c.tray_content_to_json(content)) == content
    for text in ("", "[]", "{}", '{"tray_id": 1, "slots": [{}], "extra": 0}'):
        with pytest.raises(c.MessageError, match="not a quality report"):
            c.tray_content_from_json(text)


def test_an_event_changes_on_the_wire() -> None:
    message = sent(c.event_to_message(7.25, "cell", "fault", {"code": "x", "n": [1, None]}))
    assert (message.source, message.kind, c.seconds(message.header.stamp)) == (
        *("cell", "fault"),
        7.25,
    )
    assert c.json_object(message.data, "data") == {"code": "x", "n": [1, None]}
    for text in ("", "[1]", "nope"):
        with pytest.raises(c.MessageError, match="data is not"):
            c.json_object(text, "data")


def test_joint_states_of_two_arms_are_mixed_up() -> None:
    states = [
        JointState(1.0, ("a", "b"), np.array([1.0, 2.0]), np.array([3.0, 4.0])),
        JointState(1.0, ("c",), np.array([5.0]), np.array([6.0])),
    ]
    message = sent(c.joint_state_to_message(states))
    assert list(message.name) == ["a", "b", "c"]
    assert list(message.position) == [1.0, 2.0, 5.0]
    assert list(message.velocity) == [3.0, 4.0, 6.0]


# ---------------------------------------------------------------------- trajectories


def trajectory(start: float | None = None) -> JointTrajectory:
    return JointTrajectory(
        NAMES,
        np.array([0.0, 0.5]),
        np.array([[0.0, 0.0], [1.0, 2.0]]),
        np.array([[0.0, 0.0], [0.1, 0.2]]),
        np.array([[0.0, 0.0], [0.3, 0.4]]),
        start,
    )


def goal(**changes: Any) -> FollowJointTrajectory.Goal:
    return trajectory_to_goal(dataclasses.replace(trajectory(), **changes), defaults(2))


@pytest.mark.parametrize("start", [None, 12.5])
def test_a_trajectory_changes_on_the_wire(start: float | None) -> None:
    wanted = trajectory(start)
    got = trajectory_from_goal(sent(goal(start=start)), NAMES, REST, REST)
    assert (got.joint_names, got.start) == (wanted.joint_names, wanted.start)
    for field in ("times", "positions", "velocities", "accelerations"):
        np.testing.assert_allclose(getattr(got, field), getattr(wanted, field), atol=1e-9)


def test_joints_in_another_order_are_mixed_up() -> None:
    message = goal()
    message.trajectory.joint_names = ["two", "one"]
    got = trajectory_from_goal(message, NAMES, REST, REST)
    np.testing.assert_allclose(got.positions[-1], [2.0, 1.0])


def test_a_first_point_later_than_now_makes_the_arm_jump() -> None:
    message = FollowJointTrajectory.Goal()
    message.trajectory.joint_names = list(NAMES)
    message.trajectory.points = [
        JointTrajectoryPoint(positions=[1.0, 2.0], time_from_start=c.duration(2.0))
    ]
    here, speed = np.array([0.3, 0.4]), np.array([0.5, 0.6])
    got = trajectory_from_goal(message, NAMES, here, speed)
    np.testing.assert_allclose(got.times, [0.0, 2.0])
    np.testing.assert_allclose(got.positions, [here, [1.0, 2.0]])
    np.testing.assert_allclose(got.velocities, [speed, [0.0, 0.0]])


def _broken() -> dict[str, tuple[FollowJointTrajectory.Goal, str]]:
    cases: dict[str, tuple[FollowJointTrajectory.Goal, str]] = {}
    names = goal()
    names.trajectory.joint_names = ["one", "three"]
    cases["names"] = (names, "the arm's joints are")
    empty = goal()
    empty.trajectory.points = []
    cases["empty"] = (empty, "0 points; allowed are 1 to")
    short = goal()
    short.trajectory.points[1].positions = [1.0]
    cases["short"] = (short, r"points\[1\]\.positions has 1 values")
    infinite = goal()
    infinite.trajectory.points[1].velocities = [math.nan, 0.0]
    cases["nan"] = (infinite, r"points\[1\]\.velocities holds a value that is not")
    late = goal()
    late.trajectory.points[1].time_from_start = c.duration(0.0)
    cases["order"] = (late, r"points\[1\]\.time_from_start is not later")
    several = goal()
    several.multi_dof_trajectory.points = [MultiDOFJointTrajectoryPoint()]
    cases["multi"] = (several, "multi_dof_trajectory is not supported")
    return cases


@pytest.mark.parametrize("case", list(_broken()))
def test_a_broken_goal_is_taken(case: str) -> None:
    message, reason = _broken()[case]
    with pytest.raises(c.MessageError, match=reason):
        trajectory_from_goal(message, NAMES, REST, REST)


def test_tolerances_that_are_not_named_are_not_held() -> None:
    message = goal()
    message.path_tolerance = [JointTolerance(name="two", position=0.07)]
    message.goal_tolerance = []
    message.goal_time_tolerance = c.duration(0.0)
    got, standard = tolerances_from_goal(message, NAMES), defaults(2)
    np.testing.assert_allclose(got.path, [standard.path[0], 0.07])
    np.testing.assert_allclose(got.goal, standard.goal)
    assert got.goal_time == standard.goal_time > 0.0
    assert np.all(standard.path > 0.0)
    assert np.all(standard.goal > 0.0)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [("one", -1.0, "refused"), ("one", math.inf, "refused"), ("five", 0.1, "names")],
)
def test_a_tolerance_without_a_limit_is_taken(name: str, value: float, reason: str) -> None:
    message = goal()
    message.goal_tolerance = [JointTolerance(name=name, position=value)]
    with pytest.raises(c.MessageError, match=reason):
        tolerances_from_goal(message, NAMES)


# ---------------------------------------------------------------------- transforms


@pytest.mark.parametrize(("cell_name", "arm"), [("kitting", "left_arm"), ("ariac", "floor_robot")])
def test_transforms_differ_from_the_planners_kinematics(cell_name: str, arm: str) -> None:
    cell = load_cell(cell_name)
    description = cell.description.arms[arm]
    base, tip = description.base, description.tip
    robot = ArmModel(cell, arm).robot
    q = np.random.default_rng(7).uniform(-1.0, 1.0, robot.dof)
    transforms = {
        t.child_frame_id: t for t in (*ArmFrames(cell, arm).moving(q, 1.0), *_fixed(cell, arm))
    }
    pose, frame = Pose(), f"{arm}/{tip}"
    while frame != f"{arm}/{base}":
        step = transforms[frame]
        v, r = step.transform.translation, step.transform.rotation
        pose = Pose((v.x, v.y, v.z), (r.x, r.y, r.z, r.w)) @ pose
        frame = step.header.frame_id
    np.testing.assert_allclose(pose.matrix(), robot.fk(q), atol=1e-9)


def _fixed(cell: Any, arm: str) -> list[Any]:
    return ArmFrames(cell, arm).fixed


def test_a_joint_at_zero_is_not_at_its_origin() -> None:
    for joint in load_cell("ariac").urdf("floor_robot").joints.values():
        if joint.moves:
            np.testing.assert_allclose(
                joint_pose(joint, 0.0).matrix(), joint.origin.matrix(), atol=1e-12
            )
