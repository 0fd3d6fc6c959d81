"""The launch file under launch_pytest: all processes come up, cell time runs, arms report."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sensor_msgs.msg import JointState

from support.ros import bridge

REASON = "ROS 2 launch is not installed (it is not on PyPI)"
launch = pytest.importorskip("launch", reason=REASON)
launch_pytest = pytest.importorskip("launch_pytest", reason=REASON)

from launch.actions import IncludeLaunchDescription  # noqa: E402
from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402

from smart_cell.nodes import qos  # noqa: E402
from smart_cell.nodes.conversions import seconds  # noqa: E402

LAUNCH_FILE = Path(__file__).resolve().parents[2] / "launch" / "cell.launch.py"


@launch_pytest.fixture
def cell_description() -> Any:
    """Return the launch description of a short run."""
    source = PythonLaunchDescriptionSource(str(LAUNCH_FILE))
    include = IncludeLaunchDescription(source, launch_arguments={"timeout": "20"}.items())
    return launch.LaunchDescription([include, launch_pytest.actions.ReadyToTest()])


@pytest.mark.launch(fixture=cell_description)
def test_a_process_does_not_come_up() -> None:
    async def test() -> None:
        async with bridge("observer") as observer:
            times = list[float]()
            joints = set[str]()
            done: asyncio.Future[None] = observer.loop.create_future()

            def look() -> None:
                if not done.done() and times and times[-1] > 1.0 and joints:
                    done.set_result(None)

            def on_clock(message: Clock) -> None:
                times.append(seconds(message.clock))
                look()

            def on_state(message: JointState) -> None:
                joints.update(message.name)
                look()

            observer.subscribe(Clock, "/clock", qos.CLOCK, on_clock)
            observer.subscribe(JointState, "/joint_states", qos.STREAM, on_state)
            observer.start()
            # Cell time begins when all three processes are up.
            await asyncio.wait_for(done, 60.0)
            assert {"left_arm_shoulder_pan_joint", "right_arm_shoulder_pan_joint"} <= joints

    asyncio.run(test())
