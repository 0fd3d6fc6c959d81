"""Robot: chains from URDF, what is refused, kinematics against the published DH tables."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from smart_cell.planner import Limits, PlannerError, Robot, RobotDescriptionError
from support.dh import UR5E as UR5E_TABLE
from support.dh import forward
from support.robots import GANTRY, RAIL, SCARA, UR5E, Axis, urdf


def robot(axes: tuple[Axis, ...] = UR5E, **options: object) -> Robot:
    return Robot.from_urdf_text(urdf(axes, (0.0, 0.0, 0.0)), "base", "tip", **options)  # type: ignore[arg-type]


def test_forward_kinematics_agree_with_the_makers_dh_table() -> None:
    arm = robot()
    rng = np.random.default_rng(1)
    for q in rng.uniform(-6.0, 6.0, (50, 6)):
        assert np.abs(arm.fk(q)[:3, 3] - forward(UR5E_TABLE, q)[:3, 3]).max() < 1e-12


def test_jacobian_is_the_derivative_of_the_pose() -> None:
    arm = robot(GANTRY)
    rng = np.random.default_rng(2)
    for q in rng.uniform(-1.0, 1.0, (10, 9)):
        jacobian, h = arm.jacobian(q), 1e-6
        for i, step in enumerate(np.eye(9) * h):
            ahead, behind = arm.fk(q + step), arm.fk(q - step)
            turn = (ahead[:3, :3] @ behind[:3, :3].T - np.eye(3)) / (2 * h)
            linear = (ahead[:3, 3] - behind[:3, 3]) / (2 * h)
            assert np.abs(jacobian[:3, i] - linear).max() < 1e-8
            angular = np.array([turn[2, 1], turn[0, 2], turn[1, 0]])
            assert np.abs(jacobian[3:, i] - angular).max() < 1e-5


def test_batches_equal_single_calls_and_out_is_filled() -> None:
    arm = robot(RAIL)
    q = np.random.default_rng(3).uniform(-1.0, 1.0, (20, 7))
    poses, links, jacobians = np.empty((20, 4, 4)), arm.fk_all(q), arm.jacobian(q)
    assert arm.fk(q, out=poses) is poses
    assert links.shape == (20, len(arm.link_names), 4, 4)
    for k in range(20):
        assert (poses[k] == arm.fk(q[k])).all()
        assert (links[k] == arm.fk_all(q[k])).all()
        assert (jacobians[k] == arm.jacobian(q[k])).all()
    assert np.abs(links[:, -1] - poses).max() < 1e-15
    assert (links[:, 0] == np.eye(4)).all()
    assert arm.fk(np.empty((0, 7))).shape == (0, 4, 4)


@pytest.mark.parametrize("shape", [(5,), (7,), (2, 2, 6), ()])
def test_wrong_shape_of_q_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PlannerError, match="q has shape"):
        robot().fk(np.zeros(shape))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_position_that_is_no_number_is_refused(bad: float) -> None:
    q = np.zeros(6)
    q[3] = bad
    for call in (robot().fk, robot().fk_all, robot().jacobian):
        with pytest.raises(PlannerError, match=r"q\[3\] is .*; it must be finite"):
            call(q)


@pytest.mark.parametrize(
    "out",
    [
        np.empty((3, 4)),
        np.empty((4, 4), dtype=np.float32),
        np.empty((8, 8))[::2, ::2],
        np.empty((4, 4)).tolist(),
    ],
)
def test_unusable_out_is_refused(out: object) -> None:
    with pytest.raises(PlannerError, match="out must be"):
        robot().fk(np.zeros(6), out=out)  # type: ignore[arg-type]


def test_names_limits_and_defaults_come_from_the_description() -> None:
    arm = robot(SCARA)
    assert (arm.dof, arm.base, arm.tip) == (4, "base", "tip")
    assert arm.joint_names == ("j0", "j1", "j2", "j3")
    assert arm.link_names == ("base", "l0", "l1", "l2", "l3", "tip")
    assert arm.limits.position_upper.tolist() == [2.5, 2.6, 0.25, np.inf]
    assert arm.limits.velocity.tolist() == [3.0, 3.0, 1.0, 3.0]
    assert arm.limits.acceleration.tolist() == [5.0] * 4
    assert arm.limits.jerk.tolist() == [50.0] * 4


def test_limits_override_by_number_sequence_and_name() -> None:
    arm = robot(
        SCARA,
        limits={"acceleration": 2.0, "jerk": [1.0, 2.0, 3.0, 4.0], "velocity": {"j2": 0.5}},
    )
    assert arm.limits.acceleration.tolist() == [2.0] * 4
    assert arm.limits.jerk.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert arm.limits.velocity.tolist() == [3.0, 3.0, 0.5, 3.0]
    again = robot(SCARA, limits=arm.limits)
    assert (again.limits.packed == arm.limits.packed).all()


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"accelleration": 1.0}, "unknown quantity 'accelleration'"),
        ({"jerk": [1.0, 2.0]}, "jerk has shape"),
        ({"velocity": {"elbow": 1.0}}, "unknown joint 'elbow'"),
        ({"velocity": {"j0": "fast"}}, "real numbers"),
        ({"velocity": 0.0}, "must be > 0"),
        (Limits([-1], [1], [1], [1], [1], [1]), "limits for 1 joints"),
    ],
)
def test_limits_that_do_not_fit_are_refused(limits: object, said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        robot(limits=limits)


def test_limits_may_bring_what_the_description_lacks() -> None:
    text = urdf(SCARA).replace(' velocity="3.0"', "", 1).replace('lower="', 'low="', 1)
    given = {"velocity": {"j0": 1.5}, "position_lower": {"j0": -1.0}}
    arm = Robot.from_urdf_text(text, "base", "tip", limits=given)
    assert arm.limits.velocity[0] == 1.5
    assert arm.limits.position_lower[0] == -1.0


def _with(**changes: object) -> str:
    return urdf((*UR5E[:2], Axis(**{"kind": "revolute", "xyz": (0, 0, 0), **changes})))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (urdf(UR5E).replace('name="l2"', 'name="x2"', 1), "there is no link 'l2'"),
        (_with(kind="floating"), "type 'floating'; allowed: revolute"),
        (_with(axis=(0, 0, 0)), "axis has no direction"),
        (_with(lower=1.0, upper=1.0), "are 1 and 1; the lower must be less"),
        (_with(xyz=(0, 0, np.nan)), "finite numbers"),
        (
            urdf(UR5E).replace('lower="', 'low="', 1),
            "no <limit lower>, and limits gives no position_lower",
        ),
        (urdf(UR5E).replace(' velocity="3.0"', "", 1), "no <limit velocity>"),
        (urdf(UR5E).replace(' velocity="3.0"', ' velocity="0"', 1), "velocity of joint 'j0'"),
        (urdf(UR5E).replace('joint name="j2"', 'joint name="j1"'), "two joints 'j1'"),
        (urdf(UR5E).replace("</joint>", '<mimic joint="j5"/></joint>', 1), "mimics"),
        (urdf(UR5E).replace('child link="l3"', 'child link="l2"'), "two parent joints"),
        ("<robot", "not XML"),
        ("<html/>", "not <robot>"),
        ("", "not XML"),
        ('<!DOCTYPE r [<!ENTITY a "b">]>' + urdf(UR5E), "DOCTYPE"),
        ("<robot>" + "<a>" * 100 + "</a>" * 100 + "</robot>", "nested deeper"),
        ("<robot>" + "<a/>" * 200_001 + "</robot>", "elements"),
        ("<robot>" + " " * 6_000_000 + "</robot>", "larger"),
    ],
    ids=lambda value: value if len(value) < 40 else "",
)
def test_unusable_description_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        Robot.from_urdf_text(text, "base", "tip")


def test_unknown_link_lists_the_known_ones() -> None:
    with pytest.raises(RobotDescriptionError, match="no link 'tool9'; there are: base, l0"):
        Robot.from_urdf_text(urdf(UR5E), "base", "tool9")


def test_chain_without_joints_and_with_seventeen_are_refused() -> None:
    with pytest.raises(RobotDescriptionError, match="0 moving joints"):
        Robot.from_urdf_text(urdf(UR5E), "l5", "tip")
    many = tuple(Axis("revolute", (0, 0, 0.1)) for _ in range(17))
    with pytest.raises(RobotDescriptionError, match="17 moving joints"):
        Robot.from_urdf_text(urdf(many), "base", "tip")
    sixteen = Robot.from_urdf_text(urdf(many[:16]), "base", "tip")
    assert sixteen.fk(np.zeros(16))[2, 3] == pytest.approx(1.7)


def test_mimic_on_a_fixed_joint_means_nothing() -> None:
    head, tail = urdf(UR5E, (0.0, 0.0, 0.0)).rsplit("</joint>", 1)
    arm = Robot.from_urdf_text(f'{head}<mimic joint="j5"/></joint>{tail}', "base", "tip")
    assert arm.dof == 6


def test_a_part_of_the_chain_is_a_robot_too() -> None:
    arm = Robot.from_urdf_text(urdf(RAIL), "l0", "tip")
    assert arm.joint_names == ("j1", "j2", "j3", "j4", "j5", "j6")


def test_xacro_arguments_reach_the_file(tmp_path: Path) -> None:
    text = urdf(UR5E).replace("<robot ", '<robot xmlns:xacro="http://www.ros.org/wiki/xacro" ')
    text = text.replace(
        '<link name="base"/>', '<xacro:arg name="v" default="3.0"/><link name="base"/>'
    )
    text = text.replace('velocity="3.0"', 'velocity="$(arg v)"')
    path = tmp_path / "arm.urdf.xacro"
    path.write_text(text)
    arm = Robot.from_urdf(path, "base", "tip", xacro_args={"v": "1.5"})
    assert arm.limits.velocity.tolist() == [1.5] * 6
    with pytest.raises(RobotDescriptionError, match="no such file"):
        Robot.from_urdf(tmp_path / "none.urdf", "base", "tip")


def test_threads_share_one_robot() -> None:
    arm = robot()
    q = np.random.default_rng(4).uniform(-3.0, 3.0, (200, 6))
    expected = arm.fk(q)
    seen: list[bool] = []

    def work() -> None:
        for _ in range(20):
            seen.append(bool((arm.fk(q) == expected).all()))
            seen.append(len(arm.ik(expected[0], q[0])) > 0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
    assert seen == [True] * 160
