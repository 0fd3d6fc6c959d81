"""Cross-checks of cells: one test per class of problem, each with its place and what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from smart_cell.model.errors import InputError
from smart_cell.model.loading import load_cell
from support.cells import ARM_URDF, cell_data, problems, write_cell

Path_ = Sequence[str | int]


def changed(path: Path_, value: Any) -> dict[str, Any]:
    data = cell_data()
    target: Any = data
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return data


def messages(folder: Path, path: Path_, value: Any) -> list[str]:
    return [str(problem) for problem in problems(folder, changed(path, value))]


def test_small_cell_has_no_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, cell_data()) == ()


CASES: dict[str, tuple[Path_, Any, str]] = {
    "gripper_that_is_not_there": (("arms", "arm", "gripper"), "cap", "there is no gripper 'cap'"),
    "folded_pose_that_is_not_there": (("arms", "arm", "folded"), "x", "there is no ready pose 'x'"),
    "bin_type_that_is_not_there": (("bins", "bin", "type"), "crate", "there is no bin type"),
    "tray_type_of_table": (("tray_tables", "stack", "tray_type"), "x", "no tray type 'x'"),
    "tray_type_of_transporter": (("transporters", "shuttle", "tray_type"), "x", "no tray type 'x'"),
    "home_station": (("transporters", "shuttle", "home"), "x", "there is no station 'x'"),
    "tool_of_changer": (("tool_changers", "rack", "tool"), "x", "there is no tool 'x'"),
    "tool_of_gripper": (("grippers", "cup", "tool"), "x", "there is no tool 'x'"),
    "parent_frame": (("bins", "bin", "pose", "parent"), "x", "there is no frame 'x'"),
    "frame_circle": (("frames", "table", "parent"), "shuttle", "circle: table -> shuttle -> table"),
    "name_taken_twice": (("frames", "bin"), {}, "the name 'bin' is taken by frames.bin"),
    "name_world": (("frames", "world"), {}, "is taken by the root frame"),
    "tcp_in_another_frame": (
        ("grippers", "cup", "tcp", "parent"),
        "table",
        "frame of the arm's tip",
    ),
    "urdf_that_is_not_there": (("arms", "arm", "urdf"), "x.urdf", "x.urdf"),
    "base_link": (("arms", "arm", "base"), "x", "the URDF has no link 'x'"),
    "tip_link": (("arms", "arm", "tip"), "tool1", "did you mean 'tool0'?"),
    "tip_above_base": (("arms", "arm", "tip"), "base_link", "the chain has 0 joints"),
    "too_few_home_values": (("arms", "arm", "home"), [0.0], "1 values for 3 joints"),
    "too_many_ready_values": (
        ("arms", "arm", "ready_poses", "rest"),
        [0.0, 0.0, 0.0],
        "3 values for 2 joints",
    ),
    "home_outside_limits": (("arms", "arm", "home", 0), 1.5, "outside the limits -1 .. 1 m"),
    "home_in_degrees": (("arms", "arm", "home", 1), 90.0, "given in degrees?"),
    "limit_of_unknown_joint": (("arms", "arm", "limits", "jerk", "x"), 1.0, "no joint 'x'"),
    "joint_without_limit": (("arms", "arm", "limits", "jerk"), {"rail": 1.0}, "no value for shoul"),
    "external_joint": (("arms", "arm", "external", "joints"), ["wrist"], "the first joints"),
    "carrier": (("arms", "arm", "external", "carrier"), "upper", "must be the external ones"),
    "carrier_link": (("arms", "arm", "external", "carrier"), "x", "no link 'x'"),
    "external_place": (
        ("arms", "arm", "external", "places", 0, "joints"),
        {"x": 0.0},
        "no external axis 'x'",
    ),
    "external_place_outside": (
        ("arms", "arm", "external", "places", 0, "joints"),
        {"rail": 3.0},
        "outside the limits",
    ),
    "duty_without_tool": (
        ("grippers", "cup", "tools"),
        {"small": {"grasps": "parts"}},
        "no tool that grasps trays",
    ),
    "tray_slot_outside": (
        ("tray_types", "tray", "slots", "1"),
        [0.0, 0.2],
        "slot '1' at (0, 0.2) lies outside the tray",
    ),
    "bin_slot_outside": (("bin_types", "box", "slots", "1"), [0.3, 0.0], "lies outside the bin"),
    "table_slot_outside": (("tray_tables", "stack", "slots", "1"), [1.0, 0.0], "outside the table"),
    "tray_slots_overlap": (("tray_types", "tray", "slots", "2"), [-0.1, 0.01], "overlaps slot '1'"),
    "table_slots_overlap": (("tray_tables", "stack", "slots", "2"), [0.0, 0.0], "overlaps"),
    "grasp_beside_part": (("part_types", "cube", "grasp_xy_m"), [0.1, 0.0], "outside the part's"),
    "pick_range": (("conveyors", "belt", "pick_to_x_m"), 0.5, "less than pick_to_x_m"),
    "pick_beyond_belt": (("conveyors", "belt", "pick_to_x_m"), 3.5, "beyond the belt's end"),
    "spawn_beyond_belt": (("conveyors", "belt", "spawn_x_m"), 3.5, "beyond the belt's end"),
    "direction": (("transporters", "shuttle", "direction"), [1.0, 1.0, 0.0], "a unit vector"),
    "camera_range": (("cameras", "eye", "range_m"), [3.0, 1.0], "must be less than the farthest"),
    "length_in_mm": (("bins", "bin", "pose", "xyz", 0), 600.0, "given in mm?"),
    "part_in_mm": (("part_types", "cube", "shape"), {"box_m": [40.0, 40.0, 40.0]}, "given in mm?"),
    "mass_in_g": (("part_types", "cube", "mass_kg"), 700.0, "given in g?"),
    "angle_in_degrees": (("cameras", "eye", "field_of_view_rad", 0), 60.0, "given in degrees?"),
    "angle_above_a_turn": (("bins", "bin", "pose", "rpy"), [0.0, 0.0, 90.0], "less than or equal"),
    "speed_in_mm": (("arms", "arm", "tool_speed_m_s"), 250.0, "given in mm/s?"),
    "transporter_speed": (("transporters", "shuttle", "velocity_m_s"), 800.0, "given in mm/s?"),
    "acceleration_in_degrees": (
        ("arms", "arm", "limits", "acceleration", "default"),
        800.0,
        "given in degrees?",
    ),
    "supply_place": (("supply", "parts", 0, "place"), "bun", "did you mean 'bin'?"),
    "supply_slot": (("supply", "parts", 0, "slot"), "9", "there is no slot of 'bin' '9'"),
    "supply_type": (("supply", "parts", 0, "type"), "ball", "there is no part type 'ball'"),
    "supply_color": (("supply", "parts", 0, "color"), "green", "no cube in colour 'green'"),
    "supply_table": (("supply", "trays", 0, "table"), "x", "there is no tray table 'x'"),
    "supply_table_slot": (("supply", "trays", 0, "slot"), "9", "there is no slot of 'stack'"),
    "supply_belt": (("supply", "belts", 0, "conveyor"), "x", "there is no conveyor 'x'"),
    "supply_belt_type": (("supply", "belts", 0, "parts", 0, "type"), "x", "no part type 'x'"),
    "supply_beside_belt": (
        ("supply", "belts", 0),
        {
            "conveyor": "belt",
            "period_s": 5.0,
            "half_spread_m": 1.0,
            "parts": [{"type": "disc", "color": "green", "offset": 1.0}],
        },
        "beside the belt",
    ),
    "supply_loaded_tray": (("supply", "loaded_trays"), {"x": 1}, "there is no transporter 'x'"),
    "not_a_number": (("arms", "arm", "home", 0), float("nan"), "finite number"),
    "truth_as_number": (("part_types", "cube", "mass_kg"), True, "got True"),
    "text_as_number": (("part_types", "cube", "mass_kg"), "heavy", "got 'heavy'"),
    "negative_count": (
        ("supply", "belts", 0, "parts", 0, "count"),
        -1,
        "greater than or equal to 1",
    ),
    "friction_too_small": (("part_types", "cube", "friction"), 1e-300, "or equal to 0.001"),
    "thinner_than_anything": (
        ("part_types", "cube", "shape"),
        {"box_m": [0.04, 0.04, 1e-300]},
        "or equal to 0.000001",
    ),
    "gripper_mass_in_g": (("grippers", "cup", "mass_kg"), 900.0, "given in g?"),
    "parts_in_a_stream": (("supply", "belts", 0, "period_s"), 0.01, "would lie on the belt"),
    "line_feed_in_xacro_argument": (("arms", "arm", "xacro_args"), {"p": "a\nb"}, "match pattern"),
    "urdf_name_that_no_file_can_have": (("arms", "arm", "urdf"), "x" * 500, "xxx"),
    "urdf_name_with_nul": (("arms", "arm", "urdf"), "a\0b", "a"),
    "unknown_key": (("arms", "arm", "gripperr"), 1, "did you mean 'gripper'?"),
}


@pytest.mark.parametrize("name", list(CASES))
def test_problem_is_found(tmp_path: Path, name: str) -> None:
    path, value, words = CASES[name]
    found = messages(tmp_path, path, value)
    assert any(words in message for message in found), found
    assert all(int(message.split(":")[1]) > 0 for message in found)


def test_problem_is_told_at_its_line_and_column(tmp_path: Path) -> None:
    path = write_cell(tmp_path, changed(("bins", "bin", "type"), "crate"))
    lines = path.read_text().splitlines()
    with pytest.raises(InputError) as caught:
        load_cell(path)
    problem = caught.value.problems[0]
    assert lines[problem.line - 1][problem.column - 1 :] == "crate"
    assert problem.file == str(path)
    assert "allowed: box" in problem.message


def test_two_parts_in_one_slot_are_refused(tmp_path: Path) -> None:
    part = {"place": "bin", "slot": "1", "type": "cube", "color": "red"}
    found = messages(tmp_path, ("supply", "parts"), [part, part])
    assert any("already holds parts[0]" in message for message in found)


def test_part_on_a_transporter_needs_a_tray(tmp_path: Path) -> None:
    data = changed(("transporters", "shuttle", "tray"), None)
    data["supply"]["parts"][0]["place"] = "shuttle"
    assert any("carries no tray" in p.message for p in problems(tmp_path, data))
    data["supply"]["loaded_trays"] = {"shuttle": 3}
    assert problems(tmp_path, data) == ()


def test_gripper_on_two_arms_is_refused(tmp_path: Path) -> None:
    data = cell_data()
    data["arms"]["other"] = dict(data["arms"]["arm"])
    assert any("already on arm 'arm'" in p.message for p in problems(tmp_path, data))


def test_gripper_of_a_broken_arm_is_not_blamed(tmp_path: Path) -> None:
    data = changed(("grippers", "cup", "tcp", "parent"), "tool0")
    data["arms"]["arm"]["tool_speed_m_s"] = -1.0
    assert [p.message.split(":")[0] for p in problems(tmp_path, data)] == [
        "arms.arm.tool_speed_m_s"
    ]


def test_chain_of_too_many_links_is_refused(tmp_path: Path) -> None:
    links = "".join(f'<link name="f{i}"/>' for i in range(64))
    joints = "".join(
        f'<joint name="f{i}" type="fixed"><parent link="{f"f{i - 1}" if i else "tool0"}"/>'
        f'<child link="f{i}"/></joint>'
        for i in range(64)
    )
    urdf = ARM_URDF.replace("</robot>", f"{links}{joints}</robot>")
    found = [str(p) for p in problems(tmp_path, changed(("arms", "arm", "tip"), "f63"), urdf)]
    assert any("at most 64 are allowed" in text for text in found), found


def test_link_in_mm_is_suspicious(tmp_path: Path) -> None:
    box = '<link name="upper"><collision><geometry><box size="60 60 60"/></geometry></collision>'
    urdf = ARM_URDF.replace('<link name="upper"/>', f"{box}</link>")
    found = [str(p) for p in problems(tmp_path, cell_data(), urdf)]
    assert any("60 m is more than 30 m; given in mm?" in text for text in found), found


def test_gripper_on_no_arm_is_a_warning(tmp_path: Path) -> None:
    data = cell_data()
    data["grippers"]["spare"] = dict(data["grippers"]["cup"])
    found = problems(tmp_path, data)
    assert [p.warning for p in found] == [True]


@pytest.mark.parametrize(("section", "name"), [("bin_types", "box"), ("tray_types", "tray")])
def test_type_that_nothing_is_of_is_a_warning(tmp_path: Path, section: str, name: str) -> None:
    data = cell_data()
    data[section]["other"] = dict(data[section][name])
    found = problems(tmp_path, data)
    assert [(p.warning, p.message) for p in found] == [
        (True, f"{section}.other: nothing in the cell is of this type")
    ]


def test_joint_limits_missing_in_the_urdf_are_told_there(tmp_path: Path) -> None:
    urdf = ARM_URDF.replace('<limit velocity="3" effort="10"/>', "")
    found = problems(tmp_path, cell_data(), urdf)
    assert [Path(p.file).name for p in found] == ["arm.urdf"]
    assert "'wrist' has no <limit>" in found[0].message


def test_schema_and_cross_problems_come_together(tmp_path: Path) -> None:
    data = changed(("bins", "bin", "type"), "crate")
    data["arms"]["arm"]["home"] = [0.0]
    data["cameras"]["eye"]["rate_hz"] = -1.0
    data["obstacles"]["post"]["colour"] = "red"
    found = "\n".join(str(p) for p in problems(tmp_path, data))
    for words in ("no bin type 'crate'", "1 values for 3", "cameras.eye.rate_hz", "unknown key"):
        assert words in found


def test_name_of_a_broken_thing_counts_as_known(tmp_path: Path) -> None:
    data = changed(("grippers", "cup", "mass_kg"), -1.0)
    found = [p.message for p in problems(tmp_path, data)]
    assert len(found) == 1
    assert found[0].startswith("grippers.cup.mass_kg")
