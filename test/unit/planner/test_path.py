"""Path: through waypoints, and along straight segments with rounded corners."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.planner import Path, PlannerError

WAYPOINTS = np.array([[0.0, 1.0], [1.0, 0.5], [1.2, -1.0], [0.0, 0.0], [-1.0, 0.3]])


def test_spline_passes_every_waypoint_at_its_parameter() -> None:
    at = [2.0, 2.5, 4.0, 4.1, 7.0]
    path = Path.through(WAYPOINTS, parameters=at)
    assert path.length == pytest.approx(5.0)
    assert path.dof == 2
    for s, point in zip(at, WAYPOINTS, strict=True):
        assert path.sample(s - 2.0)[0] == pytest.approx(point, abs=1e-12)
    assert path.sample(path.length)[0].tolist() == WAYPOINTS[-1].tolist()


def test_parameters_are_the_distances_unless_given() -> None:
    path = Path.through(WAYPOINTS)
    steps = np.linalg.norm(np.diff(WAYPOINTS, axis=0), axis=1)
    assert path.length == pytest.approx(steps.sum())
    assert path.sample(steps[0])[0] == pytest.approx(WAYPOINTS[1], abs=1e-12)


@pytest.mark.parametrize("path", [Path.through(WAYPOINTS), Path.polyline(WAYPOINTS, 0.1)])
def test_path_is_twice_continuously_differentiable(path: Path) -> None:
    s = np.linspace(0.0, path.length, 20_001)
    q, d1, d2, _ = path.sample(s)
    h = s[1] - s[0]
    assert np.abs(np.diff(q, axis=0) / h - 0.5 * (d1[1:] + d1[:-1])).max() < 1e-5
    assert np.abs(np.diff(d1, axis=0) / h - 0.5 * (d2[1:] + d2[:-1])).max() < 0.02
    assert np.abs(np.diff(d2, axis=0)).max() < 0.1


@pytest.mark.parametrize("deviation", [1e-3, 0.01, 0.2, 5.0])
def test_rounded_corner_stays_within_its_deviation(deviation: float) -> None:
    path = Path.polyline(WAYPOINTS, deviation)
    corners = np.cumsum(np.linalg.norm(np.diff(WAYPOINTS, axis=0), axis=1))[:-1]
    nearest = np.linalg.norm(path.sample(corners)[0] - WAYPOINTS[1:-1], axis=1)
    assert nearest.max() <= deviation * (1 + 1e-9)
    if deviation <= 0.01:  # no segment is too short for the whole of it
        assert nearest == pytest.approx([deviation] * 3)
    q = path.sample([0.0, path.length])[0]
    assert q[0].tolist() == WAYPOINTS[0].tolist()
    assert q[-1].tolist() == WAYPOINTS[-1].tolist()


def test_two_points_make_a_straight_path() -> None:
    for path in (Path.through(WAYPOINTS[:2]), Path.polyline(WAYPOINTS[:2], 0.1)):
        _, d1, d2, d3 = path.sample([0.0, 0.3, path.length])
        assert np.linalg.norm(d1, axis=1) == pytest.approx([1.0, 1.0, 1.0])
        assert np.abs(d2).max() < 1e-12
        assert np.abs(d3).max() < 1e-12


def test_collinear_corner_is_no_corner() -> None:
    path = Path.polyline([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]], 0.01)
    q, _, d2, _ = path.sample(np.linspace(0.0, path.length, 1001))
    assert np.abs(q[:, 0] - q[:, 1]).max() < 1e-12
    assert np.abs(d2).max() < 1e-9


def test_outside_the_path_the_ends_are_held() -> None:
    path = Path.through(WAYPOINTS)
    q, d1, _, _ = path.sample([-1.0, path.length + 1.0])
    assert q == pytest.approx(WAYPOINTS[[0, -1]])
    assert not d1.any()
    out = np.empty((4, 2))
    assert np.shares_memory(path.sample(0.5, out)[2], out)


@pytest.mark.parametrize(
    ("waypoints", "said"),
    [
        ([[0.0, 1.0]], "k >= 2"),
        ([0.0, 1.0], "k >= 2"),
        (np.zeros((3, 17)), "from 1 to 16"),
        ([[0.0], [np.nan]], "finite"),
        ([[0.0], [1.0], [1.0]], r"waypoints\[2\] is where waypoints\[1\] is"),
        ([[0.0], [1e200]], "range of numbers"),
    ],
)
def test_bad_waypoints_are_refused(waypoints: object, said: str) -> None:
    with pytest.raises(PlannerError, match=said):
        Path.through(waypoints)  # type: ignore[arg-type]
    with pytest.raises(PlannerError, match=said):
        Path.polyline(waypoints, 0.1)  # type: ignore[arg-type]


@pytest.mark.parametrize("deviation", [0.0, -1.0, np.nan, np.inf, "much"])
def test_bad_deviation_is_refused(deviation: float) -> None:
    with pytest.raises(PlannerError, match="deviation"):
        Path.polyline(WAYPOINTS, deviation)


@pytest.mark.parametrize("at", [[0.0, 1.0], [0, 1, 2, 2, 3], [0, 1, 2, np.inf, 9]])
def test_bad_parameters_are_refused(at: list[float]) -> None:
    with pytest.raises(PlannerError, match="parameters"):
        Path.through(WAYPOINTS, parameters=at)


def test_bad_s_is_refused() -> None:
    with pytest.raises(PlannerError, match="s must be"):
        Path.through(WAYPOINTS).sample(np.nan)
