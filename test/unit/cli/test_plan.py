"""``smart-cell plan``: what it plans, what it shows, and how it refuses."""

from __future__ import annotations

import builtins
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smart_cell.cli.main import execute
from smart_cell.cli.plan import Plan, make_plan
from smart_cell.model.cell import load_cell
from smart_cell.runtime.motion.arms import ArmModel
from support.cells import write_cell


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = execute(["plan", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def arm() -> ArmModel:
    return ArmModel(load_cell("kitting"), "left_arm")


def planned(arm: ArmModel, **options: Any) -> Plan:
    return make_plan(arm, [arm.ready("belt"), arm.ready("tray"), arm.ready("belt")], **options)


def test_joint_motion_rests_at_each_target(arm: ArmModel) -> None:
    made = planned(arm)
    assert made.trajectory.limits_violation(arm.limits) is None
    there = made.states[0] - arm.ready("tray")
    at = int(np.argmin(np.abs(there).max(axis=1)))
    assert np.abs(there[at]).max() < 1e-4
    assert np.abs(made.states[1, at]).max() < 0.1
    np.testing.assert_allclose(made.states[0, -1], arm.ready("belt"), atol=1e-9)


def test_tool_speed_is_that_of_the_contact_face(arm: ArmModel) -> None:
    made = planned(arm)
    points = arm.contact(made.states[0])[:, :3, 3]
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1) / np.diff(made.times)
    middle = (made.tool_speed[1:] + made.tool_speed[:-1]) / 2
    np.testing.assert_allclose(steps[:-1], middle[:-1], atol=2e-3)


def test_straight_line_keeps_the_tool_speed(arm: ArmModel) -> None:
    made = planned(arm, straight=True)
    assert made.tool_limit == arm.description.tool_speed_m_s
    tips = arm.robot.fk(made.states[0])[:, :3, 3]
    along = arm.robot.fk(arm.ready("tray"))[:3, 3] - tips[0]
    away = np.cross(tips - tips[0], along / np.linalg.norm(along))
    assert np.linalg.norm(away, axis=1).max() < 2e-5
    assert made.trajectory.limits_violation(arm.limits) is None


def test_scale_slows_down(arm: ArmModel) -> None:
    slow = planned(arm, scale=0.25)
    assert np.all(slow.trajectory.extrema()[2] <= 0.25 * arm.limits.velocity * (1 + 1e-9))
    assert slow.trajectory.duration > planned(arm).trajectory.duration


def test_table_and_page_show_the_motion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "motion.html"
    code, out, _ = run(
        capsys, "--arm", "left_arm", "home", "-0.1,-1.2,1.8,-2.2,-1.57,0", "--plot", str(page)
    )
    assert code == 0
    assert re.search(r"left_arm: \d\.\d{3} s", out)
    assert "left_arm_elbow_joint" in out
    assert f"plot: {page}" in out
    text = page.read_text()
    for words in ("left_arm_wrist_3_joint", "acceleration", "jerk", "tool speed"):
        assert words in text
    assert "<script src=" not in text  # it needs no network


def test_only_arm_of_a_cell_need_not_be_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = str(write_cell(tmp_path))
    code, out, _ = run(capsys, "--cell", cell, "home", "0.5,0.2,0.3", "0.1,0.1")
    assert code == 0, out
    assert "rail" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("home",), 2, "give at least two targets"),
        (("home", "belt"), 2, "say which arm; there are: left_arm, right_arm"),
        (("--arm", "x", "home", "belt"), 2, "there is no arm 'x'"),
        (("--arm", "left_arm", "home", "blet"), 2, "nor one of home, rest, belt, tray"),
        (("--arm", "left_arm", "home", "1,2"), 2, "must be 6 finite values"),
        (("--arm", "left_arm", "home", "0,0,0,0,0,nan"), 2, "must be 6 finite values"),
        (("--arm", "left_arm", "home", "9,0,0,0,0,0"), 1, "above its limit"),
        (("--arm", "left_arm", "--line", "home", "0,0,0,0,0,0"), 1, "no straight line"),
        (("--arm", "left_arm", "home", "belt", "--plot", "a.png"), 2, "must end with .html"),
        (("--arm", "left_arm", "home", "belt", "--plot", "no/a.html"), 2, "there is no folder no"),
        (("--arm", "left_arm", "home", "belt", "--scale", "0"), 2, "--scale"),
        (("--cell", "nothing", "home", "belt"), 2, "no such cell"),
    ],
)
def test_what_does_not_fit_is_refused(
    arguments: tuple[str, ...], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended, out, err = run(capsys, *arguments)
    assert ended == code
    assert words in " ".join((out + err).split())
    assert "Traceback" not in err


def test_page_that_can_not_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.html").mkdir()
    page = str(tmp_path / "a.html")
    code, _, err = run(capsys, "--arm", "left_arm", "home", "belt", "--plot", page)
    assert code == 2
    assert "can not be written" in " ".join(err.split())


def test_missing_plotly_is_told_with_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    imports = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name == "plotly":
            raise ImportError(name)
        return imports(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    page = str(tmp_path / "a.html")
    code, _, err = run(capsys, "--arm", "left_arm", "home", "belt", "--plot", page)
    assert code == 2
    assert "pip install 'smart_cell[plot]'" in err
