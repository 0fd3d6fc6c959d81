"""The arms that ship: kinematics against the published tables, limits, masses, shapes."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.planner import Robot
from support.dh import UR5E, UR10E, forward

ARMS = {
    ("kitting", "left_arm"): UR5E,
    ("kitting", "right_arm"): UR5E,
    ("ariac", "floor_robot"): UR10E,
    ("ariac", "ceiling_robot"): UR10E,
}
LARGEST_DENSITY = 12000.0


@pytest.fixture(scope="module")
def cells() -> dict[str, Cell]:
    return {name: load_cell(name) for name in ("kitting", "ariac")}


@pytest.mark.parametrize(("cell_name", "arm"), ARMS)
def test_flange_is_where_the_published_table_puts_it(
    cells: dict[str, Cell], cell_name: str, arm: str
) -> None:
    robot = Robot.from_urdf_text(cells[cell_name].urdf_text(arm), "base_link", "tool0")
    for q in np.random.default_rng(1).uniform(-np.pi, np.pi, (50, 6)):
        expected = forward(ARMS[cell_name, arm], q)
        np.testing.assert_allclose(robot.fk(q), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("arm", "expected"),
    [("floor_robot", (-1.992, -0.174, 1.647)), ("ceiling_robot", (-3.576, 0.174, 1.302))],
)
def test_ariac_robots_hold_the_tool_at_home_where_nist_does(
    cells: dict[str, Cell], arm: str, expected: tuple[float, float, float]
) -> None:
    cell = cells["ariac"]
    described = cell.description.arms[arm]
    robot = Robot.from_urdf_text(cell.urdf_text(arm), described.base, described.tip)
    tcp = cell.description.grippers[described.gripper].tcp.local().matrix()
    contact = cell.pose(arm).matrix() @ robot.fk(np.array(described.home)) @ tcp
    np.testing.assert_allclose(contact[:3, 3], expected, atol=1e-3)
    np.testing.assert_allclose(contact[:3, 2], (0.0, 0.0, -1.0), atol=5e-3)


@pytest.mark.parametrize(
    ("arm", "joint", "step"),
    [
        ("floor_robot", "linear_actuator_joint", (0.0, -1.0, 0.0)),
        ("ceiling_robot", "gantry_x_axis_joint", (1.0, 0.0, 0.0)),
        ("ceiling_robot", "gantry_y_axis_joint", (0.0, -1.0, 0.0)),
    ],
)
def test_external_axes_of_ariac_robots_move_as_nists_do(
    cells: dict[str, Cell], arm: str, joint: str, step: tuple[float, float, float]
) -> None:
    cell = cells["ariac"]
    described = cell.description.arms[arm]
    robot = Robot.from_urdf_text(cell.urdf_text(arm), described.base, described.tip)
    q = np.array(described.home)
    moved = q.copy()
    moved[robot.joint_names.index(joint)] += 1.0
    mount = cell.pose(arm).matrix()
    shift = (mount @ robot.fk(moved))[:3, 3] - (mount @ robot.fk(q))[:3, 3]
    np.testing.assert_allclose(shift, step, atol=1e-9)


def test_joint_names_are_unique_in_each_cell(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        names = [joint for arm in cell.description.arms for joint in cell.joint_names(arm)]
        assert len(names) == len(set(names))


def test_link_names_are_plain(cells: dict[str, Cell]) -> None:
    for cell in cells.values():
        for arm in cell.description.arms:
            links = cell.urdf(arm).links
            assert {"base_link", "forearm_link", "flange", "tool0"} <= set(links)


@pytest.mark.parametrize(("cell_name", "arm"), ARMS)
def test_inertias_are_those_of_real_bodies(
    cells: dict[str, Cell], cell_name: str, arm: str
) -> None:
    for link in cells[cell_name].urdf(arm).links.values():
        if link.inertial is None:
            assert not link.collisions, f"{link.name} has a body but no mass"
            continue
        xx, yy, zz, xy, xz, yz = link.inertial.inertia
        tensor = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        low, middle, high = np.linalg.eigvalsh(tensor)
        assert low > 0.0
        assert high <= low + middle + 1e-12, f"{link.name}: no mass distribution has this inertia"
        assert link.inertial.mass_kg > 0.0


@pytest.mark.parametrize(("cell_name", "arm"), ARMS)
def test_mass_of_each_link_fits_its_size(cells: dict[str, Cell], cell_name: str, arm: str) -> None:
    for link in cells[cell_name].urdf(arm).links.values():
        volume = sum(_volume(body.shape, body.size_m) for body in link.collisions)
        if volume > 0.0:
            assert link.inertial is not None
            assert link.inertial.mass_kg / volume < LARGEST_DENSITY, link.name


def _volume(shape: str, size: tuple[float, ...]) -> float:
    if shape == "box":
        return float(np.prod(size))
    assert shape == "cylinder"
    return float(np.pi * size[0] ** 2 * size[1])


@pytest.mark.parametrize(("cell_name", "arm"), ARMS)
def test_every_shape_that_is_felt_is_seen(cells: dict[str, Cell], cell_name: str, arm: str) -> None:
    for link in cells[cell_name].urdf(arm).links.values():
        seen = {(body.shape, body.size_m, body.origin) for body in link.visuals}
        for body in link.collisions:
            assert (body.shape, body.size_m, body.origin) in seen, link.name


def test_ariac_arms_have_nists_velocity_limits(cells: dict[str, Cell]) -> None:
    cell = cells["ariac"]
    expected = [2.094, 2.094, 3.14, 3.14, 3.14, 3.14]
    for arm, external in (("floor_robot", [4.0]), ("ceiling_robot", [1.0, 1.0, np.pi / 4])):
        described = cell.description.arms[arm]
        joints = cell.urdf(arm).moving_joints(described.base, described.tip)
        speeds = [joint.velocity for joint in joints]
        np.testing.assert_allclose(speeds, [*external, *expected])
