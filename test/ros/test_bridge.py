"""The meeting of asyncio and rclpy: latency, deadlines, and failures that are not swallowed."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

import pytest
from std_msgs.msg import Int64
from std_srvs.srv import SetBool

from smart_cell.nodes import qos
from smart_cell.nodes.bridge import RosError
from support.ros import bridge, run


async def _echo(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
    response.success = request.data
    response.message = "seen"
    return response


def test_a_service_round_trip_through_the_loop_is_slower_than_20_ms() -> None:
    async def test() -> None:
        async with bridge("one") as client:
            client.serve(client.node("server"), SetBool, "echo", _echo)
            caller = client.node("client").create_client(SetBool, "echo")
            client.start()
            await client.until_ready(caller.service_is_ready, "echo", 10.0)
            times = []
            for _ in range(100):
                begin = client.loop.time()
                response = await client.call(caller, SetBool.Request(data=True))
                times.append(client.loop.time() - begin)
                assert response.success
                assert response.message == "seen"
            assert statistics.median(times) < 0.020, f"median {statistics.median(times):.4f} s"

    run(test)


def test_messages_are_lost_or_reordered_between_ros_and_the_loop() -> None:
    async def test() -> None:
        async with bridge("one") as one:
            node = one.node("one")
            seen: list[int] = []
            done = one.loop.create_future()

            def on_message(message: Int64) -> None:
                seen.append(message.data)
                if message.data == 99:
                    done.set_result(None)

            one.subscribe(Int64, "/numbers", qos.EVENTS, on_message)
            publisher = one.publisher(node, Int64, "/numbers", qos.EVENTS)
            one.start()
            for number in range(100):
                publisher.publish(Int64(data=number))
            await asyncio.wait_for(done, 10.0)
            assert seen == list(range(100))

    run(test)


def test_an_exception_in_a_callback_is_swallowed() -> None:
    async def test() -> None:
        async with bridge("one") as one:
            node = one.node("one")

            def on_message(message: Int64) -> None:
                raise ValueError("broken on purpose")

            one.subscribe(Int64, "/numbers", qos.STATE, on_message)
            publisher = one.publisher(node, Int64, "/numbers", qos.STATE)
            one.start()
            publisher.publish(Int64(data=1))
            fault = await asyncio.wait_for(asyncio.shield(one.failed), 10.0)
            assert fault.source == "one"
            assert "broken on purpose" in fault.text

    run(test)


def test_an_exception_in_a_service_handler_hangs_the_caller() -> None:
    async def broken(request: Any, response: Any) -> Any:
        raise ValueError("broken on purpose")

    async def test() -> None:
        async with bridge("one") as client:
            client.serve(client.node("server"), SetBool, "echo", broken)
            caller = client.node("client").create_client(SetBool, "echo")
            client.start()
            await client.until_ready(caller.service_is_ready, "echo", 10.0)
            response = await client.call(caller, SetBool.Request(data=True))
            assert not response.success
            fault = await asyncio.wait_for(asyncio.shield(client.failed), 10.0)
            assert "broken on purpose" in fault.text

    run(test)


def test_a_call_without_a_server_waits_for_ever() -> None:
    async def test() -> None:
        async with bridge("client") as client:
            caller = client.node("client").create_client(SetBool, "nobody")
            client.start()
            with pytest.raises(RosError, match=r"nobody: no answer within 0\.3 s"):
                await client.call(caller, SetBool.Request(data=True), 0.3)
            with pytest.raises(RosError, match=r"nobody is not there after 0\.2 s"):
                await client.until_ready(caller.service_is_ready, "nobody", 0.2)

    run(test)
