"""Inverse dynamics: known torques, masses of the description, payloads, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import Payload, PlannerError, Robot, RobotDescriptionError
from support.robots import GANTRY, RAIL, UR5E, Axis, inertial, urdf, with_masses

G = 9.81
#: A pendulum: turns about y, its mass half a metre along x.
PENDULUM = (Axis("revolute", (0, 0, 1.0), axis=(0, 1, 0)),)
ROD = inertial(2.0, (0.5, 0, 0), moments=(0, 0, 0, 0.1, 0, 0.1))


def massive(axes: tuple[Axis, ...], seed: int = 1) -> Robot:
    text = with_masses(np.random.default_rng(seed), urdf(axes))
    return Robot.from_urdf_text(text, "base", "tip")


def pendulum(inside: str = ROD, more: str = "") -> Robot:
    text = urdf(PENDULUM).replace('<link name="l0"/>', f'<link name="l0">{inside}</link>')
    return Robot.from_urdf_text(text.replace("</robot>", f"{more}</robot>"), "base", "tip")


def motions(robot: Robot, m: int) -> np.ndarray:
    return np.random.default_rng(7).uniform(-2.0, 2.0, (3, m, robot.dof))


def test_pendulum_by_hand() -> None:
    arm = pendulum()
    for q in (0.0, 0.4, -2.0):
        # about +y, a mass along x falls towards +q
        torque = arm.inverse_dynamics([q], [3.0], [1.5])
        assert torque[0] == pytest.approx((0.1 + 2.0 * 0.25) * 1.5 - 2.0 * G * 0.5 * np.cos(q))


def test_lift_by_hand() -> None:
    lift = (Axis("prismatic", (0, 0, 0), axis=(0, 0, 1), lower=0.0, upper=2.0),)
    text = urdf(lift).replace('<link name="l0"/>', f'<link name="l0">{inertial(3.0)}</link>')
    arm = Robot.from_urdf_text(text, "base", "tip")
    assert arm.inverse_dynamics([0.7], [1.0], [2.0])[0] == pytest.approx(3.0 * (G + 2.0))


def test_cylinder_on_a_turntable_feels_coriolis_and_centrifugal_force() -> None:
    axes = (
        Axis("revolute", (0, 0, 0)),
        Axis("prismatic", (0, 0, 0), axis=(1, 0, 0), lower=0.0, upper=2.0),
    )
    text = urdf(axes).replace('<link name="l1"/>', f'<link name="l1">{inertial(2.0)}</link>')
    arm = Robot.from_urdf_text(text, "base", "tip")
    r, w, v = 0.8, 1.7, 0.6
    torque = arm.inverse_dynamics([0.3, r], [w, v], [0.0, 0.0])
    assert torque == pytest.approx([2.0 * 2.0 * r * w * v, -2.0 * r * w * w])


def test_power_is_the_rate_of_energy() -> None:
    arm = massive(RAIL)
    rng = np.random.default_rng(3)
    q, qd, qdd = rng.uniform(-1.0, 1.0, (3, arm.dof))

    def energy(position: np.ndarray, velocity: np.ndarray) -> float:
        still = arm.inverse_dynamics(position, 0.0, 0.0, gravity=(0.0, 0.0, 0.0))
        assert np.abs(still).max() == 0.0
        columns = np.array(
            [arm.inverse_dynamics(position, 0.0, row, gravity=(0, 0, 0)) for row in np.eye(arm.dof)]
        )
        return 0.5 * float(velocity @ columns @ velocity)

    h = 1e-6
    ahead = energy(q + h * qd + h * h / 2 * qdd, qd + h * qdd)
    behind = energy(q - h * qd + h * h / 2 * qdd, qd - h * qdd)
    power = float(arm.inverse_dynamics(q, qd, qdd, gravity=(0.0, 0.0, 0.0)) @ qd)
    assert (ahead - behind) / (2 * h) == pytest.approx(power, rel=1e-6)


def test_links_without_inertial_weigh_nothing() -> None:
    arm = Robot.from_urdf_text(urdf(UR5E), "base", "tip")
    q, qd, qdd = motions(arm, 5)
    assert (arm.inverse_dynamics(q, qd, qdd) == 0.0).all()


def test_what_hangs_beside_the_chain_is_carried_and_the_base_is_not() -> None:
    arm = pendulum()
    text = (
        f'<link name="camera">{inertial(0.5)}</link><joint name="c" type="fixed">'
        '<parent link="l0"/><child link="camera"/><origin xyz="0.2 0 0"/></joint>'
        f'<link name="finger">{inertial(0.3, (0.1, 0, 0))}</link><joint name="f" type="revolute">'
        '<parent link="camera"/><child link="finger"/><origin xyz="0 0 0" rpy="0 0 3.14159265"/>'
        '<limit lower="0" upper="1" velocity="1"/></joint>'
        f'<link name="plinth">{inertial(50.0)}</link><joint name="p" type="fixed">'
        '<parent link="base"/><child link="plinth"/><origin xyz="9 0 0"/></joint>'
    )
    more = pendulum(more=text)
    difference = more.inverse_dynamics([0.0], 0.0, 0.0) - arm.inverse_dynamics([0.0], 0.0, 0.0)
    assert difference[0] == pytest.approx(-G * (0.5 * 0.2 + 0.3 * (0.2 - 0.1)))


def test_a_ring_of_joints_beside_the_chain_ends() -> None:
    more = (
        '<link name="x"/><link name="y"/>'
        '<joint name="a" type="fixed"><parent link="tip"/><child link="x"/></joint>'
        '<joint name="b" type="fixed"><parent link="x"/><child link="y"/></joint>'
        '<joint name="c" type="fixed"><parent link="y"/><child link="base"/></joint>'
    )
    same = pendulum().inverse_dynamics([0.1], 0.0, 0.0)
    assert (pendulum(more=more).inverse_dynamics([0.1], 0.0, 0.0) == same).all()


def test_payload_is_a_link_at_the_tip() -> None:
    rng = np.random.default_rng(5)
    text = with_masses(rng, urdf(UR5E))
    payload = Payload(2.5, (0.02, -0.03, 0.1), np.diag([0.1, 0.12, 0.2]))
    plain = Robot.from_urdf_text(text, "base", "tip")
    link = inertial(2.5, (0.02, -0.03, 0.1), moments=(0.1, 0, 0, 0.12, 0, 0.2))
    more = text.replace(
        "</robot>",
        f'<link name="load">{link}</link><joint name="g" type="fixed"><parent link="tip"/>'
        '<child link="load"/></joint></robot>',
    )
    q, qd, qdd = motions(plain, 11)
    loaded = Robot.from_urdf_text(more, "base", "tip").inverse_dynamics(q, qd, qdd)
    assert np.abs(plain.inverse_dynamics(q, qd, qdd, payload) - loaded).max() < 1e-12 * 1e3
    assert np.abs(plain.inverse_dynamics(q, qd, qdd) - loaded).max() > 1.0


def test_quick_and_converted_arguments_give_the_same() -> None:
    arm = massive(RAIL)
    q, qd, qdd = motions(arm, 1)[:, 0]
    gravity = np.array([1.0, -2.0, 9.0])
    payload = Payload(1.5, (0.1, 0.0, 0.05))

    class Labelled(Payload):
        """A payload with a name."""

    for load in (None, payload, Labelled(1.5, (0.1, 0.0, 0.05))):
        for field in (None, gravity):
            expected = arm.inverse_dynamics(q.tolist(), qd.tolist(), qdd, load, gravity=field)
            assert (arm.inverse_dynamics(q, qd, qdd, load, gravity=field) == expected).all()
    expected = arm.inverse_dynamics(q, np.zeros(7), np.zeros(7))
    for nothing in (0, 0.0, -0.0, False, np.float64(0.0), [0.0] * 7):
        assert (arm.inverse_dynamics(q, nothing, nothing) == expected).all()
    one = arm.inverse_dynamics(q, 0, 1)
    assert (one == arm.inverse_dynamics(q, np.zeros(7), np.ones(7))).all()
    assert (arm.inverse_dynamics(q, qd, qdd, gravity=(1.0, -2.0, 9.0)) != expected).any()


def test_gravity_of_a_mounted_base() -> None:
    upright = massive(UR5E)
    text = with_masses(np.random.default_rng(1), urdf(UR5E))
    turned = text.replace(
        '<robot name="r">',
        '<robot name="r"><link name="world"/><joint name="m" type="fixed"><parent link="world"/>'
        '<child link="base"/><origin rpy="0.3 -0.5 1.0"/></joint>',
    )
    mounted = Robot.from_urdf_text(turned, "world", "tip")
    q, qd, qdd = motions(upright, 4)
    pose = mounted.fk_all(np.zeros(6))[1, :3, :3]
    torque = upright.inverse_dynamics(q, qd, qdd, gravity=pose.T @ (0.0, 0.0, -G))
    assert np.abs(torque - mounted.inverse_dynamics(q, qd, qdd)).max() < 1e-10


@pytest.mark.parametrize("axes", [UR5E, RAIL, GANTRY])
def test_batches_equal_single_calls_and_out_is_filled(axes: tuple[Axis, ...]) -> None:
    arm = massive(axes)
    for m in (1, 2, 7, 16, 33):
        q, qd, qdd = motions(arm, m)
        out = np.empty((m, arm.dof))
        assert arm.inverse_dynamics(q, qd, qdd, out=out) is out
        singles = [arm.inverse_dynamics(*one) for one in zip(q, qd, qdd, strict=True)]
        assert (out == np.array(singles)).all()
        assert arm.inverse_dynamics(q, qd, qdd, out=qdd) is qdd
        assert (qdd == out).all()
    assert arm.inverse_dynamics(q[:0], q[:0], q[:0]).shape == (0, arm.dof)


def test_rates_broadcast_and_lists_are_converted() -> None:
    arm = massive(UR5E)
    q, qd, qdd = motions(arm, 3)
    expected = arm.inverse_dynamics(q, np.tile(qd[0], (3, 1)), np.zeros((3, 6)))
    assert (arm.inverse_dynamics(q.tolist(), qd[0].tolist(), 0) == expected).all()
    assert (arm.inverse_dynamics(q, qdd=0.0, qd=qd[:1]) == expected).all()
    assert (arm.inverse_dynamics(np.asfortranarray(q), qd[0], 0) == expected).all()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"q": np.zeros(5)}, "q has shape"),
        ({"qd": np.zeros(5)}, "qd has shape"),
        ({"qdd": np.zeros((2, 6))}, "qdd has shape"),
        ({"qd": "fast"}, "qd must be an array"),
        ({"qdd": [0.0, 0.0, np.nan, 0.0, 0.0, 0.0]}, r"qdd\[2\] is nan"),
        ({"q": np.full(6, np.inf)}, r"q\[0\] is inf"),
        ({"qd": np.full(6, 1e200)}, "beyond float64"),
        ({"payload": 2.0}, "payload must be a Payload"),
        ({"gravity": (0.0, -9.81)}, "gravity has shape"),
        ({"gravity": (0.0, 0.0, np.nan)}, "gravity"),
        ({"out": np.empty(5)}, "out must be"),
    ],
)
def test_unusable_arguments_are_refused(arguments: dict[str, object], said: str) -> None:
    given = {"q": np.zeros(6), "qd": np.zeros(6), "qdd": np.zeros(6), **arguments}
    with pytest.raises(PlannerError, match=said):
        massive(UR5E).inverse_dynamics(**given)  # type: ignore[arg-type]


def test_wrong_calls_are_type_errors() -> None:
    arm = massive(UR5E)
    q = np.zeros(6)
    calls = [
        lambda: arm.inverse_dynamics(q, q),  # type: ignore[call-arg]
        lambda: arm.inverse_dynamics(q, q, q, None, None, None),  # type: ignore[misc]
        lambda: arm.inverse_dynamics(q, q, q, speed=1.0),  # type: ignore[call-arg]
        lambda: arm.inverse_dynamics(q, q, q, q=q),  # type: ignore[misc]
        lambda: arm.fk(),  # type: ignore[call-arg]
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mass": -1.0}, "mass is -1"),
        ({"mass": np.nan}, "mass is nan"),
        ({"mass": "heavy"}, "mass must be a number"),
        ({"centre_of_mass": (0.0, 1.0)}, "centre_of_mass has shape"),
        ({"inertia": np.eye(2)}, "inertia has shape"),
        ({"inertia": np.full((3, 3), np.inf)}, "must be finite"),
        ({"inertia": [[1.0, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]}, "not symmetric"),
        ({"inertia": np.diag([1.0, 1.0, 2.1])}, "sum of the other two"),
        ({"inertia": -np.eye(3)}, "no body"),
    ],
)
def test_impossible_payload_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        Payload(**{"mass": 1.0, **values})  # type: ignore[arg-type]


def test_payload_cannot_be_changed() -> None:
    payload = Payload(1.0, [0.0, 0.0, 0.1])
    with pytest.raises(ValueError, match="read-only"):
        payload.moments[3, 3] = 2.0
    with pytest.raises(AttributeError):
        payload.mass = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<inertial/>", "has no <mass>"),
        ('<inertial><mass value="1"/></inertial>', "has no <inertia>"),
        (inertial(-1.0), "cannot be negative"),
        (inertial(1.0).replace('ixy="0.0"', ""), "<inertia ixy> must be"),
        (inertial(1.0).replace('"1.0"', '"nan"'), "<mass value> must be"),
    ],
)
def test_unusable_inertial_is_refused(inside: str, said: str) -> None:
    with pytest.raises(RobotDescriptionError, match=said):
        pendulum(inside)
