"""``smart-cell plan``: one arm's motion, planned offline and shown against its limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from smart_cell.cli.exits import NOT_AS_ORDERED, OK
from smart_cell.cli.session import FILE_WIDTH
from smart_cell.model.cell import load_cell
from smart_cell.model.geometry import Array
from smart_cell.planner import Limits, PlannerError, State, Trajectory, line, point_to_point
from smart_cell.runtime.motion.arms import ArmModel

HOME = "home"
PERIOD = 0.001  # of the samples of tool speed and plot [s]


@dataclass(frozen=True)
class Plan:
    """A planned motion, sampled every millisecond.

    Attributes:
        arm: The arm.
        limits: The limits it was planned for.
        trajectory: The motion.
        times: Shape (m,) [s].
        states: Position, velocity, acceleration, jerk, shape (4, m, n).
        tool_speed: Speed of the contact face in the world, shape (m,) [m/s].
        tool_limit: Its limit [m/s]; None where none is kept.
    """

    arm: ArmModel
    limits: Limits
    trajectory: Trajectory
    times: Array
    states: Array
    tool_speed: Array
    tool_limit: float | None


def plan(
    cell: str,
    arm: str | None,
    targets: Sequence[str],
    plot: Path | None,
    *,
    straight: bool = False,
    scale: float = 1.0,
) -> int:
    """Plan a motion through targets, resting at each, show it, and return the exit code.

    Args:
        cell: Name or file of the cell.
        arm: Which arm; None = the cell's only one.
        targets: Where it goes, from the first to the last: ``home``, the name of a ready pose, or
            joint values with commas.
        plot: HTML file to write; None = none.
        straight: Straight lines of the tool instead of joint motion.
        scale: Share of the velocity limits that is used, in (0, 1].

    Raises:
        InputError: The cell has problems.
        typer.BadParameter: An argument does not fit.
    """
    if plot is not None:
        from smart_cell.cli.plot import check_output

        check_output(plot)
    model = _arm(cell, arm)
    positions = [_position(model, target) for target in targets]
    try:
        made = make_plan(model, positions, straight=straight, scale=scale)
    except PlannerError as error:
        typer.echo(f"smart-cell: {model.name}: {error}", err=True)
        return NOT_AS_ORDERED
    _show(made)
    if plot is not None:
        from smart_cell.cli.plot import write_plot

        write_plot(made, plot)
        typer.echo(f"plot: {plot}")
    return OK


def make_plan(
    arm: ArmModel, positions: Sequence[Array], *, straight: bool = False, scale: float = 1.0
) -> Plan:
    """Return the motion through joint positions, resting at each.

    Raises:
        PlannerError: It is not possible; the message says why.
    """
    limits = arm.limits.scaled(velocity=scale)
    speed = scale * arm.description.tool_speed_m_s
    legs: list[Trajectory] = []
    here = positions[0]
    for goal in positions[1:]:
        if straight:
            leg = line(
                arm.robot,
                arm.robot.fk(here),
                arm.robot.fk(goal),
                seed=here,
                limits=limits,
                tool_speed=speed,
                tool_acceleration=arm.description.tool_acceleration_m_s2,
            )
        else:
            leg = point_to_point(State(here), State(goal), limits)
        legs.append(leg)
        here = leg.end.position
    trajectory = Trajectory.join(legs)
    times = np.append(np.arange(0.0, trajectory.duration, PERIOD), trajectory.duration)
    states = np.stack(trajectory.sample(times))
    tool = _tool_speed(arm, states[0], states[1])
    return Plan(arm, limits, trajectory, times, states, tool, speed if straight else None)


def _tool_speed(arm: ArmModel, positions: Array, velocities: Array) -> Array:
    """Speed of the contact face: that of the tip, and its turning times the arm of the tool."""
    rates = np.einsum("mij,mj->mi", arm.robot.jacobian(positions), velocities)
    lever = arm.robot.fk(positions)[:, :3, :3] @ arm.contact_frame()[:3, 3]
    speed: Array = np.linalg.norm(rates[:, :3] + np.cross(rates[:, 3:], lever), axis=1)
    return speed


def _arm(cell: str, name: str | None) -> ArmModel:
    loaded = load_cell(cell)
    names = list(loaded.description.arms)
    if name is None and len(names) == 1:
        name = names[0]
    if name not in names:
        said = "say which arm" if name is None else f"there is no arm {name!r}"
        raise typer.BadParameter(f"{said}; there are: {', '.join(names)}", param_hint="--arm")
    return ArmModel(loaded, name)


def _position(arm: ArmModel, target: str) -> Array:
    """Return the joint position that a target names; external axes not given stand at home."""
    outside = arm.external_part(arm.home)
    if target == HOME:
        return arm.home
    if target in arm.description.ready_poses:
        return arm.full(outside, arm.ready(target))
    try:
        values = np.array([float(word) for word in target.split(",")])
    except ValueError:
        names = ", ".join((HOME, *arm.description.ready_poses))
        text = f"{target!r} is neither joint values with commas nor one of {names}"
        raise typer.BadParameter(text, param_hint="TARGET") from None
    if len(values) == arm.dof - arm.externals:
        values = arm.full(outside, values)
    if len(values) != arm.dof or not np.isfinite(values).all():
        names = ", ".join(arm.joint_names)
        text = f"{target!r} must be {arm.dof} finite values, one for each of {names}"
        raise typer.BadParameter(text, param_hint="TARGET")
    return values


def _show(made: Plan) -> None:
    """Print how near each joint comes to its limits."""
    limits, trajectory = made.limits, made.trajectory
    lowest, highest, *peaks = trajectory.extrema()
    table = Table(title=f"{made.arm.name}: {trajectory.duration:.3f} s", title_justify="left")
    table.add_column("joint")
    for title in ("position", "allowed", "velocity", "acceleration", "jerk"):
        table.add_column(title, justify="right")
    for index, name in enumerate(made.arm.joint_names):
        shares = [
            f"{peak[index]:.3g} ({100.0 * peak[index] / most[index]:.0f} %)"
            for peak, most in zip(
                peaks, (limits.velocity, limits.acceleration, limits.jerk), strict=True
            )
        ]
        allowed = f"{limits.position_lower[index]:.3g} .. {limits.position_upper[index]:.3g}"
        table.add_row(name, f"{lowest[index]:.3f} .. {highest[index]:.3f}", allowed, *shares)
    console = Console()
    if not console.is_terminal:
        console = Console(width=FILE_WIDTH)
    console.print(table)
    tool = f"tool speed at most {made.tool_speed.max():.3f} m/s"
    if made.tool_limit is not None:
        tool += f" of {made.tool_limit:g} m/s"
    console.print(f"units: rad or m, and s; {tool}", highlight=False)
