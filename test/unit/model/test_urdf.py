"""URDF and xacro reading: values, refusals with places, limits."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from smart_cell.model.errors import InputError
from smart_cell.model.urdf import Urdf, load_urdf
from support.cells import ARM_URDF

XACRO = 'xmlns:xacro="http://www.ros.org/wiki/xacro"'


def load(folder: Path, text: str, **arguments: str) -> Urdf:
    path = folder / "robot.urdf.xacro"
    path.write_text(text)
    return load_urdf(path, arguments, "robot")


def refused(folder: Path, text: str, **arguments: str) -> str:
    with pytest.raises(InputError) as caught:
        load(folder, text, **arguments)
    return str(caught.value)


def changed(old: str, new: str) -> str:
    assert ARM_URDF.count(old) == 1
    return ARM_URDF.replace(old, new)


def test_values_of_a_plain_urdf(tmp_path: Path) -> None:
    urdf = load(tmp_path, ARM_URDF)
    assert urdf.root == "base_link"
    joints = urdf.moving_joints("base_link", "tool0")
    assert [joint.name for joint in joints] == ["rail", "shoulder", "wrist"]
    assert (joints[0].lower, joints[0].upper, joints[0].velocity) == (-1.0, 1.0, 1.0)
    assert joints[1].origin.xyz == (0.0, 0.0, 0.5)
    assert (joints[2].lower, joints[2].upper) == (-math.inf, math.inf)


def test_chain_names_links_that_are_not_there(tmp_path: Path) -> None:
    urdf = load(tmp_path, ARM_URDF)
    with pytest.raises(ValueError, match="there are: base_link"):
        urdf.chain("base_link", "nothing")
    with pytest.raises(ValueError, match="not above"):
        urdf.chain("tool0", "base_link")


def test_xacro_macros_properties_arguments_and_includes(tmp_path: Path) -> None:
    (tmp_path / "part.xacro").write_text(
        f'<robot {XACRO}><xacro:macro name="body" params="name size">'
        '<link name="${name}"><visual><geometry><box size="${size} 1 ${2 * size}"/></geometry>'
        '<material name="m"><color rgba="1 0 0 1"/></material></visual>'
        '<inertial><mass value="2"/><inertia ixx="1" iyy="1" izz="1"/></inertial>'
        "</link></xacro:macro></robot>"
    )
    text = (
        f'<robot {XACRO} name="r"><xacro:include filename="part.xacro"/>'
        '<xacro:arg name="prefix" default=""/><xacro:body name="$(arg prefix)a" size="${1/4}"/>'
        "</robot>"
    )
    link = load(tmp_path, text, prefix="left_").links["left_a"]
    assert link.visuals[0].size_m == (0.25, 1.0, 0.5)
    assert link.visuals[0].rgba == (1.0, 0.0, 0.0, 1.0)
    assert link.inertial is not None
    assert link.inertial.mass_kg == 2.0


def test_argument_that_is_not_declared_is_warned_of(tmp_path: Path) -> None:
    urdf = load(tmp_path, ARM_URDF, prefix="x_")
    assert [p.message for p in urdf.warnings] == ["declares no xacro:arg 'prefix'"]


def test_doctype_and_entities_are_refused(tmp_path: Path) -> None:
    text = '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n<robot name="r">&a;</robot>'
    assert "DOCTYPE and entities are not allowed" in refused(tmp_path, text)


def test_doctype_in_an_included_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "evil.xacro").write_text('<!DOCTYPE r [<!ENTITY a "b">]><robot/>')
    text = f'<robot {XACRO} name="r"><xacro:include filename="evil.xacro"/></robot>'
    message = refused(tmp_path, text)
    assert "evil.xacro:1:" in message
    assert "DOCTYPE" in message


def test_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    text = f'<robot {XACRO} name="r"><xacro:include filename="robot.urdf.xacro"/></robot>'
    assert "robot" in refused(tmp_path, text)


def test_macro_that_calls_itself_is_refused(tmp_path: Path) -> None:
    text = (
        f'<robot {XACRO} name="r"><xacro:macro name="m" params=""><xacro:m/><xacro:m/>'
        "</xacro:macro><xacro:m/></robot>"
    )
    message = refused(tmp_path, text)
    assert "without end" in message or "elements" in message


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<robot", "robot:1:1: not XML"),
        ("<robot>\n  <link>\n</robot>", "robot:3:3: not XML"),
        ('<robot>\n<xacro:if value="1"/></robot>', "robot:2:1: not XML"),
        ("\x00", "not XML"),
        ('<?xml version="1.0" encoding="nonsense"?><robot/>', "not XML"),
    ],
)
def test_text_that_is_no_xml_is_refused_at_its_place(tmp_path: Path, text: str, where: str) -> None:
    assert where in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("<xacro:nothing/>", "unknown macro name"),
        ('<link name="${1/0}"/>', "division by zero"),
        ('<link name="${nothing}"/>', "nothing"),
        ('<link name="$(arg nothing)"/>', "nothing"),
        ("<link name=\"${__import__('os')}\"/>", "__import__"),
        ('<link name="${(lambda: ().__class__)()}"/>', "'__' is not allowed in the expression"),
        ('<link name="${"/>', "xacro"),
        ('<xacro:include filename="nothing.xacro"/>', "no such file"),
    ],
)
def test_errors_of_xacro_have_a_place(tmp_path: Path, line: str, words: str) -> None:
    message = refused(tmp_path, f'<robot {XACRO} name="r">\n\n{line}</robot>')
    assert words in message
    assert message.startswith("robot:3:1:") or "nothing.xacro" in message


def test_deep_and_large_files_are_refused(tmp_path: Path) -> None:
    assert "nested deeper" in refused(tmp_path, "<robot>" + "<a>" * 100 + "</a>" * 100 + "</robot>")
    assert "5 MB" in refused(tmp_path, "<robot>" + " " * 5_000_000 + "</robot>")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<limit lower="-3" upper="3" velocity="2" effort="10"/>', "", "'shoulder' has no <limit>"),
        ('<limit velocity="3" effort="10"/>', "", "'wrist' has no <limit>: velocity"),
        ('lower="-3" upper="3"', 'upper="3"', "<limit lower> is missing"),
        ('lower="-3"', 'lower="4"', "lower 4 must be less than upper 3"),
        ('velocity="2"', 'velocity="0"', "velocity must be at least 1e-06"),
        ('velocity="2"', 'velocity="nan"', "must be a finite number; got 'nan'"),
        ('type="prismatic"', 'type="floating"', "type 'floating' is not one of"),
        ('<child link="upper"/>', '<child link="lower"/>', "there is no link 'lower'"),
        ('<child link="upper"/>', "", "must name one child link"),
        ('<link name="tool0"/>', '<link name="tool0"/><link name="tool0"/>', "described twice"),
        ('<link name="tool0"/>', '<link name="tool0"/><link name="x"/>', "one tree"),
        ('<link name="tool0"/>', '<link name="tool0"/><link/>', "without a name"),
        ('<origin xyz="0 0 0.5"/>', '<origin xyz="0 0"/>', "must be 3 finite numbers; got '0 0'"),
        ('<axis xyz="1 0 0"/>', '<axis xyz="0 0 0"/>', "no direction"),
        ('<axis xyz="1 0 0"/>', '<axis xyz="1e200 0 0"/>', "3 finite numbers of at most 1e+12"),
        ('<origin xyz="0 0 0.5"/>', '<origin xyz="0 0 5e5"/>', "3 finite numbers of at most 1000"),
        ('lower="-3"', 'lower="-1e16"', "<limit lower> must be a finite number of at most 1e+09"),
        ('velocity="2" effort="10"', 'velocity="2" effort="-1"', "effort must not be negative"),
        ('<robot name="slider">', '<machine name="slider">', "not XML"),
    ],
)
def test_problems_of_a_urdf(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert words in refused(tmp_path, changed(old, new))


def test_all_problems_of_a_urdf_come_at_once(tmp_path: Path) -> None:
    text = changed('lower="-3"', 'lower="4"').replace('velocity="3"', 'velocity="-1"')
    message = refused(tmp_path, text)
    assert "'shoulder'" in message
    assert "'wrist'" in message


def test_mesh_is_refused_as_collision_and_left_out_as_visual(tmp_path: Path) -> None:
    mesh = '<geometry><mesh filename="a.stl"/></geometry>'
    solid = changed(
        '<link name="upper"/>', f'<link name="upper"><collision>{mesh}</collision></link>'
    )
    assert "<mesh> is not supported" in refused(tmp_path, solid)
    seen = changed('<link name="upper"/>', f'<link name="upper"><visual>{mesh}</visual></link>')
    urdf = load(tmp_path, seen)
    assert urdf.links["upper"].visuals == ()
    assert "left out" in urdf.warnings[0].message


def test_unknown_elements_are_warned_of(tmp_path: Path) -> None:
    urdf = load(tmp_path, changed('<link name="upper"/>', '<link name="upper"><a/></link><b/>'))
    assert {"<a>" in p.message or "<b>" in p.message for p in urdf.warnings} == {True}
    assert len(urdf.warnings) == 2
