"""Start all processes of a cell: `ros2 launch smart_cell cell.launch.py cell:=kitting`.

The list is smart_cell.bringup's, the same that `smart-cell run` starts.
When one process ends, all do.
"""

from __future__ import annotations

from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from smart_cell import bringup


def start(context: LaunchContext) -> list[Node]:
    """Return a Node action for each process, with the values of the launch arguments."""
    values = {name: LaunchConfiguration(name).perform(context) for name, _, _ in bringup.ARGUMENTS}
    return [
        Node(
            package=process.package,
            executable=process.executable,
            # Nodes name themselves: one process holds several, so no name is given here.
            arguments=list(process.arguments),
            additional_env=dict(process.environment),
            output="screen",
            sigterm_timeout="5",
            on_exit=Shutdown(reason=f"process {process.name} has ended"),
        )
        for process in bringup.processes(**values)
    ]


def generate_launch_description() -> LaunchDescription:
    """Return the declared arguments and the processes."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in bringup.ARGUMENTS
    ]
    return LaunchDescription([*arguments, OpaqueFunction(function=start)])
