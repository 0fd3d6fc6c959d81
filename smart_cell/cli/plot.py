"""The plot of a planned motion: one HTML page that needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from smart_cell.model.geometry import Array

if TYPE_CHECKING:
    from smart_cell.cli.plan import Plan

TITLES = ("position", "velocity", "acceleration", "jerk", "tool speed")
UNITS = ("rad, m", "rad/s, m/s", "rad/s^2, m/s^2", "rad/s^3, m/s^3", "m/s")
COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"),
    *("#bcbd22", "#17becf", "#393b79", "#637939", "#8c6d31", "#843c39", "#7b4173", "#3182bd"),
)
ROW_HEIGHT = 260  # [pixels]


def check_output(path: Path) -> None:
    """Refuse a file that can not become the plot, before anything is planned.

    Raises:
        typer.BadParameter: Another suffix than .html, no such folder, or plotly is missing.
    """
    if path.suffix.lower() != ".html":
        raise typer.BadParameter(f"{path} must end with .html", param_hint="--plot")
    if not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.parent}", param_hint="--plot")
    try:
        import plotly  # noqa: F401
    except ImportError:
        text = "plots need plotly: pip install 'smart_cell[plot]'"
        raise typer.BadParameter(text, param_hint="--plot") from None


def write_plot(made: Plan, path: Path) -> None:
    """Write position, velocity, acceleration, jerk and tool speed with their limits.

    Raises:
        typer.BadParameter: The file can not be written.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=len(TITLES), cols=1, shared_xaxes=True, vertical_spacing=0.03, subplot_titles=TITLES
    )
    for index, name in enumerate(made.arm.joint_names):
        _add_joint(figure, made, index, name)
    _add(figure, 5, made.times, made.tool_speed, "tool", "black", first=True)
    if made.tool_limit is not None:
        _add_limit(figure, 5, made, made.tool_limit, "tool", "black")
    for row, unit in enumerate(UNITS, start=1):
        figure.update_yaxes(title_text=unit, row=row, col=1)
    figure.update_xaxes(title_text="s", row=len(TITLES), col=1)
    figure.update_layout(
        title=f"{made.arm.name}: {made.trajectory.duration:.3f} s; dashed: limits",
        height=ROW_HEIGHT * len(TITLES),
        template="plotly_white",
        hovermode="x unified",
    )
    try:
        figure.write_html(str(path), include_plotlyjs=True, div_id="motion")
    except OSError as error:
        text = f"{path} can not be written: {error.strerror}"
        raise typer.BadParameter(text, param_hint="--plot") from None


def _add_joint(figure: Any, made: Plan, index: int, name: str) -> None:
    limits, colour = made.limits, COLOURS[index % len(COLOURS)]
    rows = (
        (limits.position_lower, limits.position_upper),
        (-limits.velocity, limits.velocity),
        (-limits.acceleration, limits.acceleration),
        (-limits.jerk, limits.jerk),
    )
    for row, bounds in enumerate(rows, start=1):
        values = made.states[row - 1, :, index]
        _add(figure, row, made.times, values, name, colour, first=row == 1, step=row == 4)
        for bound in bounds:
            if abs(bound[index]) < float("inf"):
                _add_limit(figure, row, made, float(bound[index]), name, colour)


def _add(
    figure: Any,
    row: int,
    times: Array,
    values: Array,
    name: str,
    colour: str,
    *,
    first: bool,
    step: bool = False,
) -> None:
    """Add a curve; those of one name are shown and hidden together."""
    figure.add_scatter(
        x=times,
        y=values,
        name=name,
        legendgroup=name,
        showlegend=first,
        line={"color": colour, "shape": "hv" if step else "linear"},
        row=row,
        col=1,
    )


def _add_limit(figure: Any, row: int, made: Plan, value: float, name: str, colour: str) -> None:
    figure.add_scatter(
        x=[0.0, made.trajectory.duration],
        y=[value, value],
        name=f"{name}, limit",
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
        mode="lines",
        line={"color": colour, "dash": "dash", "width": 1},
        row=row,
        col=1,
    )
