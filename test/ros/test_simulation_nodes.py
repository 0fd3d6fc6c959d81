"""The simulation process' nodes through the ports over ROS: motions, tolerances, heartbeats."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np
import pytest
from control_msgs.action import FollowJointTrajectory
from control_msgs.msg import JointTolerance
from sensor_msgs.msg import JointState as JointStateMessage
from std_msgs.msg import Empty, String
from tf2_msgs.msg import TFMessage

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.ports import JointTrajectory, MotionOutcome, World
from smart_cell.nodes import qos
from smart_cell.nodes.actions import GoalClient, GoalOutcome
from smart_cell.nodes.bridge import Bridge
from smart_cell.nodes.events import RosEvents
from smart_cell.nodes.heartbeat import PERIOD, HeartbeatWatch
from smart_cell.nodes.remote_world import RosWorld
from smart_cell.nodes.simulation_process import SimulationNodes
from smart_cell.nodes.trajectories import defaults, trajectory_to_goal
from support.ros import bridge, run, until

pytestmark = pytest.mark.alone  # heartbeats and motions in real time

ARM = "left_arm"


@dataclass
class Rig:
    """A running simulation and what looks at it."""

    bridge: Bridge
    cell: Cell
    world: World
    nodes: SimulationNodes
    silence: Callable[[], None]
    speeds: list[float]

    def trajectory(
        self, travel: float, duration: float, start: float | None = None
    ) -> JointTrajectory:
        """Return a rest-to-rest motion of the first joint [rad] in ``duration`` [s]."""
        arm = self.world.arms[ARM]
        home = arm.joint_state().position
        s = np.linspace(0.0, 1.0, 21)
        shape = np.zeros((21, len(home)))
        shape[:, 0] = travel
        return JointTrajectory(
            arm.joint_names,
            s * duration,
            home + shape * (10 * s**3 - 15 * s**4 + 6 * s**5)[:, None],
            shape * (30 * s**2 - 60 * s**3 + 30 * s**4)[:, None] / duration,
            shape * (60 * s - 180 * s**2 + 120 * s**3)[:, None] / duration**2,
            start,
        )


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Give a running simulation, with the heartbeats that it wants."""
    async with bridge("simulation") as one:
        cell = load_cell("kitting")
        nodes = SimulationNodes(one, cell, cell.job(), 0)
        node = one.node("observer")
        watch = HeartbeatWatch(one, ("simulation",))
        world = RosWorld(
            one, node, cell, nodes.clock, RosEvents(one, node, nodes.clock), watch, cameras=True
        )
        hearts = [
            one.publisher(node, Empty, f"/heartbeat/{name}", qos.HEARTBEAT)
            for name in ("control", "cell")
        ]
        speeds: list[float] = []
        one.subscribe(
            JointStateMessage,
            f"/{ARM}/joint_states",
            qos.STREAM,
            lambda message: speeds.append(float(np.abs(message.velocity).max())),
        )

        silent = threading.Event()

        def beat() -> None:
            while not silent.wait(PERIOD):
                for heart in hearts:
                    heart.publish(Empty())

        # In a thread, as processes do it: the loop may be late on a busy machine.
        beats = threading.Thread(target=beat)
        one.start()
        beats.start()
        running = asyncio.ensure_future(nodes.run())
        try:
            await world_ready(world, one)
            await until(lambda: nodes.clock.now() > 0.05, "cell time runs")
            yield Rig(one, cell, world.ports, nodes, silent.set, speeds)
        finally:
            silent.set()
            beats.join()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def world_ready(world: RosWorld, one: Bridge) -> None:
    await world.ready(10.0)
    assert not one.failed.done(), one.failed.result()


def test_an_arm_does_not_go_where_its_trajectory_ends() -> None:
    async def test() -> None:
        async with rig() as it:
            arm = it.world.arms[ARM]
            begin = arm.joint_state().position[0]
            end = await arm.execute(it.trajectory(0.3, 0.8))
            assert end.outcome is MotionOutcome.DONE, end.message
            await until(lambda: abs(arm.joint_state().position[0] - begin - 0.3) < 0.01, "arrival")

    run(test)


def test_a_start_in_the_future_is_not_honoured() -> None:
    async def test() -> None:
        async with rig() as it:
            arm = it.world.arms[ARM]
            start = it.nodes.clock.now() + 0.5
            assert (await arm.execute(it.trajectory(0.2, 0.6, start))).outcome is MotionOutcome.DONE
            assert it.nodes.clock.now() >= start + 0.6

    run(test)


def test_cancelling_leaves_the_arm_moving() -> None:
    async def test() -> None:
        async with rig() as it:
            arm = it.world.arms[ARM]
            motion = asyncio.ensure_future(arm.execute(it.trajectory(1.0, 2.0)))
            await until(lambda: max(it.speeds[-1:], default=0.0) > 0.5, "motion")
            motion.cancel()
            with pytest.raises(asyncio.CancelledError):
                await motion
            await until(lambda: it.speeds[-1] < 0.01, "standing", 0.3)
            assert abs(arm.joint_state().position[0]) < 2.0

    run(test)


def test_a_lost_heartbeat_leaves_the_arm_moving_or_taking_goals() -> None:
    async def test() -> None:
        async with rig() as it:
            arm = it.world.arms[ARM]
            motion = asyncio.ensure_future(arm.execute(it.trajectory(1.5, 3.0)))
            await until(lambda: max(it.speeds[-1:], default=0.0) > 0.5, "motion")
            it.silence()
            end = await asyncio.wait_for(motion, 1.5)
            assert end.outcome is MotionOutcome.ABORTED
            assert "heartbeat" in end.message
            await until(lambda: it.speeds[-1] < 0.01, "standing", 0.3)
            again = await arm.execute(it.trajectory(0.1, 0.5))
            assert again.outcome is MotionOutcome.REJECTED
            fault = await asyncio.wait_for(asyncio.shield(it.bridge.failed), 3.0)
            assert fault.code == "heartbeat_lost"

    run(test)


def test_a_newer_goal_does_not_replace_the_older_one_without_a_jolt() -> None:
    async def test() -> None:
        async with rig() as it:
            arm = it.world.arms[ARM]
            # The same motion twice, from the same start: where the second takes over, both agree.
            motion = it.trajectory(0.8, 2.0, it.nodes.clock.now() + 0.2)
            first = asyncio.ensure_future(arm.execute(motion))
            await until(lambda: max(it.speeds[-1:], default=0.0) > 0.2, "motion")
            second = await arm.execute(motion)
            assert second.outcome is MotionOutcome.DONE, second.message
            assert (await first).outcome is MotionOutcome.PREEMPTED
            assert max(it.speeds) < 0.8 * 1.875 / 2.0 * 1.05

    run(test)


@pytest.mark.parametrize("field", ["path_tolerance", "goal_tolerance"])
def test_a_motion_without_a_limit_is_taken(field: str) -> None:
    async def test() -> None:
        async with rig() as it:
            arm = it.world.arms[ARM]
            goal = trajectory_to_goal(it.trajectory(0.1, 0.5), defaults(len(arm.joint_names)))
            setattr(goal, field, [JointTolerance(name=arm.joint_names[2], position=-1.0)])
            node = it.bridge.node("tester")
            client = GoalClient(
                it.bridge,
                node,
                FollowJointTrajectory,
                f"/{ARM}/follow_joint_trajectory",
                it.nodes.clock,
                lambda: False,
            )
            await client.ready(20.0)
            end = await client.run(goal, it.nodes.clock.now() + 5.0)
            assert end.outcome is GoalOutcome.REJECTED

    run(test)


def test_transforms_or_descriptions_are_missing() -> None:
    async def test() -> None:
        async with rig() as it:
            frames: dict[str, str] = {}
            texts: list[str] = []

            def on_transforms(message: TFMessage) -> None:
                frames.update({t.child_frame_id: t.header.frame_id for t in message.transforms})

            it.bridge.subscribe(TFMessage, "/tf_static", qos.LATCHED, on_transforms)
            it.bridge.subscribe(TFMessage, "/tf", qos.STREAM, on_transforms)
            it.bridge.subscribe(
                String,
                f"/{ARM}/robot_description",
                qos.LATCHED,
                lambda message: texts.append(message.data),
            )
            await until(lambda: bool(texts), "the robot's description")

            def chain() -> list[str]:
                frame, result = "left_gripper/tcp", []
                while frame in frames:
                    result.append(frame)
                    frame = frames[frame]
                return [*result, frame]

            await until(lambda: chain()[-1] == "world", "a chain from the gripper to the world")
            assert f"{ARM}/base_link" in chain()
            assert texts[0].lstrip().startswith("<?xml")

    run(test)


def test_a_devices_command_does_not_show_in_its_state() -> None:
    async def test() -> None:
        async with rig() as it:
            gripper = it.world.grippers["left_gripper"]
            await gripper.set_enabled(True)
            assert gripper.state().enabled
            assert not await gripper.wait_attached(True, it.nodes.clock.now() + 0.1)
            assert not await gripper.change_tool("nonsense")
            belt = it.world.conveyors["infeed"]
            await belt.set_speed(0.05)
            await until(lambda: abs(belt.state().speed - 0.05) < 1e-3, "the belt's speed")
            shuttle = it.world.transporters["outfeed_left"]
            assert shuttle.state().tray_locked
            assert await shuttle.set_tray_locked(False)
            assert not shuttle.state().tray_locked
            assert (await shuttle.move("nowhere")).outcome is MotionOutcome.REJECTED
            content = await it.world.inspection.inspect("outfeed_left")
            assert content.tray_id == 1
            assert content.slots == ()

    run(test)
