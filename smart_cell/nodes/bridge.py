"""Where asyncio and rclpy meet, and nowhere else.

asyncio owns the main thread and all of our own code. Two rclpy executors spin in threads of their
own: an EventsExecutor for subscriptions (synchronous callbacks only; it costs a third), and a
SingleThreadedExecutor for services and actions, whose coroutines it can await.

ROS -> asyncio: ``loop.call_soon_threadsafe``. asyncio -> ROS: publishing (thread-safe), or a
function run on the executor's thread, so that no reply can come before its request is known there.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.experimental.events_executor import EventsExecutor
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.task import Future as RosFuture

from smart_cell.model.errors import SmartCellError

log = logging.getLogger(__name__)

#: How often the executors' threads look whether it is to end [s].
_SPIN_TIMEOUT = 0.2
#: Steady time after which a request that was not answered is sent again, once [s]: the first
#: answer to a client that has just come up may be lost.
RESEND_AFTER = 2.0


class RosError(SmartCellError):
    """Something on the ROS side did not answer, refused, or has gone."""


class NoAnswerError(RosError):
    """A request has not been answered in time; whether it has been acted upon is unknown."""


@dataclass(frozen=True)
class Fault:
    """Why a process cannot go on.

    Attributes:
        source: The process or device that failed.
        code: Short name of the kind of fault.
        text: One sentence for the operator.
    """

    source: str
    code: str
    text: str


class Bridge:
    """Owner of a process' rclpy context, its executors and their threads.

    All methods are for the asyncio thread, unless they say otherwise. Entities are created before
    :meth:`start`; the callbacks given to them run on the asyncio loop and must not block it. An
    exception in any callback is a fault: it is logged and completes :attr:`failed`, which takes the
    process down with exit code 3.
    """

    def __init__(self, process: str) -> None:
        """Initialise rclpy with a context of its own; the process' signal handlers stay ours.

        Args:
            process: Name of the process, the source of its faults.
        """
        self.process = process
        self.loop = asyncio.get_running_loop()
        self.failed: asyncio.Future[Fault] = self.loop.create_future()
        self._context = Context()
        rclpy.init(context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._streams = EventsExecutor(context=self._context)
        self._nodes: list[Node] = []
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=self._spin, args=(executor,), name=name, daemon=True)
            for executor, name in ((self._executor, "rclpy"), (self._streams, "rclpy_streams"))
        ]
        self._reader = self._new_node(f"{process}_reader", "")
        self._streams.add_node(self._reader)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closers: list[Callable[[], None]] = []
        #: True once the process is up; until then a QoS mismatch is a fault, later a warning.
        self.up = False

    def node(self, name: str, namespace: str = "") -> Node:
        """Return a new node of this process; nodes share its one DDS participant."""
        node = self._new_node(name, namespace)
        self._executor.add_node(node)
        return node

    def _new_node(self, name: str, namespace: str) -> Node:
        node = Node(
            name,
            namespace=namespace,
            context=self._context,
            start_parameter_services=False,
            enable_rosout=False,
        )
        self._nodes.append(node)
        return node

    def start(self) -> None:
        """Begin to serve ROS, once all entities are there."""
        for thread in self._threads:
            thread.start()

    def on_close(self, closer: Callable[[], None]) -> None:
        """Have ``closer`` called before the entities go, such as to end a thread that publishes."""
        self._closers.append(closer)

    async def close(self) -> None:
        """End the executor's thread and leave ROS; safe to call twice.

        Raises:
            RosError: The executor's thread hangs in a callback.
        """
        if self._closing.is_set():
            return
        self._closing.set()
        for closer in self._closers:
            closer()
        for task in tuple(self._tasks):
            task.cancel()
        for executor in (self._executor, self._streams):
            executor.wake()
        for thread in self._threads:
            if thread.is_alive():
                await asyncio.to_thread(thread.join, 2.0)
            if thread.is_alive():
                raise RosError(f"{self.process}: thread {thread.name} did not end within 2 s")
        for node in self._nodes:
            node.destroy_node()
        for executor in (self._executor, self._streams):
            executor.shutdown(timeout_sec=1.0)
        rclpy.try_shutdown(context=self._context)

    def fail(self, fault: Fault) -> None:
        """Record why the process must end; the first fault counts. Thread-safe."""
        if self._closing.is_set():
            return
        self._to_loop(self._fail_on_loop, fault)

    def guarded(self, callback: Callable[..., Any], what: str) -> Callable[..., None]:
        """Return ``callback`` with its exceptions turned into the process' fault."""

        def run(*arguments: Any) -> None:
            try:
                callback(*arguments)
            except Exception as error:
                self._fail_by(error, what)

        return run

    def spawn(self, work: Awaitable[Any], what: str) -> asyncio.Task[Any]:
        """Run a coroutine as a task that is kept, and whose exception is the process' fault."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.add(task)

        def ended(task: asyncio.Task[Any]) -> None:
            self._tasks.discard(task)
            if not task.cancelled() and (error := task.exception()) is not None:
                self._fail_by(error, what)

        task.add_done_callback(ended)
        return task

    def subscribe(
        self,
        message_type: type,
        topic: str,
        qos: QoSProfile,
        callback: Callable[[Any], None],
        *,
        liveliness: Callable[[int, int], None] | None = None,
    ) -> Subscription:
        """Have ``callback`` called on the loop with each message.

        Args:
            message_type: Type of the messages.
            topic: Topic, absolute.
            qos: Profile of :mod:`smart_cell.nodes.qos`.
            callback: Called on the loop; must not block.
            liveliness: Called on the loop, at each change, with the numbers of publishers that are
                alive and of those that are there but have fallen silent.

        Returns:
            The subscription.
        """
        on_message = self.guarded(callback, f"the callback of {topic}")
        events = SubscriptionEventCallbacks(
            incompatible_qos=lambda info: self._incompatible(topic, info),
        )
        if liveliness is not None:
            on_change = self.guarded(liveliness, f"the liveliness callback of {topic}")
            events.liveliness = lambda info: self._to_loop(
                on_change, info.alive_count, info.not_alive_count
            )
        return self._reader.create_subscription(
            message_type,
            topic,
            lambda message: self._to_loop(on_message, message),
            qos,
            event_callbacks=events,
        )

    def publisher(self, node: Node, message_type: type, topic: str, qos: QoSProfile) -> Publisher:
        """Return a publisher; it may publish from the loop's thread."""
        return node.create_publisher(message_type, topic, qos)

    def serve(
        self,
        node: Node,
        service_type: Any,
        name: str,
        handler: Callable[[Any, Any], Awaitable[Any]],
    ) -> None:
        """Offer a service whose requests are handled by a coroutine on the loop.

        Args:
            node: The node that serves.
            service_type: Type of the service.
            name: Name, relative to the node's namespace.
            handler: ``await handler(request, response)`` returns the response.
        """

        async def on_request(request: Any, response: Any) -> Any:
            answer = await self.run_on_loop(lambda: handler(request, response), f"service {name}")
            return response if answer is None else answer

        node.create_service(service_type, name, on_request)

    def run_on_loop(self, work: Callable[[], Awaitable[Any]], what: str) -> RosFuture:
        """Return an rclpy future with the result of a coroutine on the loop. Executor thread only.

        The future's result is None if the coroutine failed (which is the process' fault) or was
        cancelled.
        """
        future = RosFuture(executor=self._executor)

        def finish(task: asyncio.Task[Any]) -> None:
            good = not task.cancelled() and task.exception() is None
            future.set_result(task.result() if good else None)
            self._executor.wake()

        def begin() -> None:
            self.spawn(work(), what).add_done_callback(finish)

        self._to_loop(begin)
        return future

    async def ask(self, request: Callable[[], RosFuture], what: str, deadline: float | None) -> Any:
        """Make a request on the executor's thread and return what its future brings.

        Args:
            request: Sends the request and returns rclpy's future; runs on the executor's thread.
            what: Who is asked for what, for the error.
            deadline: Steady time until the answer must be there [s]; None = the caller has another.

        Raises:
            NoAnswerError: No answer in time.
            RosError: The request failed, or this process leaves ROS.
        """
        if self._closing.is_set():
            raise RosError(f"{what}: this process leaves ROS")
        answer: asyncio.Future[Any] = self.loop.create_future()

        def settle(value: Any, error: BaseException | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(value)
            else:
                answer.set_exception(RosError(f"{what}: {error}"))

        def on_done(future: RosFuture) -> None:
            error = future.exception()
            self._to_loop(settle, None if error else future.result(), error)

        def begin() -> None:
            try:
                request().add_done_callback(on_done)
            except Exception as error:
                self._to_loop(settle, None, error)

        self._executor.create_task(begin)
        try:
            return await asyncio.wait_for(answer, deadline)
        except asyncio.TimeoutError:
            raise NoAnswerError(f"{what}: no answer within {deadline:g} s") from None

    async def ask_again(self, request: Callable[[], RosFuture], what: str, deadline: float) -> Any:
        """Like :meth:`ask`, but without an answer the request is made again, once.

        Args:
            request: As in :meth:`ask`; may be acted upon twice.
            what: As in :meth:`ask`.
            deadline: Steady time for the second answer [s].

        Raises:
            NoAnswerError: No answer to either.
            RosError: The request failed, or this process leaves ROS.
        """
        try:
            return await self.ask(request, what, RESEND_AFTER)
        except NoAnswerError:
            log.warning("%s: no answer yet, asking again", what)
        return await self.ask(request, what, deadline)

    async def call(self, client: Client, request: Any, deadline: float = 5.0) -> Any:
        """Call a service and return its response; asks again if no answer comes.

        Every service of a cell may be called twice to the same effect.

        Raises:
            RosError: No answer within ``deadline`` [s] of steady time.
        """
        what = f"service {client.srv_name}"
        return await self.ask_again(lambda: client.call_async(request), what, deadline)

    async def until_ready(
        self, ready: Callable[[], bool], what: str, deadline: float, period: float = 0.05
    ) -> None:
        """Wait for something that ROS does not announce, such as a server.

        Args:
            ready: Cheap and without blocking.
            what: What is waited for, for the error.
            deadline: Steady time until it must be there [s].
            period: Steady time between two looks [s].

        Raises:
            RosError: It is not there in time.
        """
        end = self.loop.time() + deadline
        while not ready():
            if self.loop.time() > end:
                raise RosError(f"{what} is not there after {deadline:g} s")
            await asyncio.sleep(period)

    def on_executor(self, work: Callable[[], Any]) -> None:
        """Run a short function on the executor's thread; its exception is the process' fault."""
        self._executor.create_task(self.guarded(work, "work on the executor's thread"))

    def to_loop(self, callback: Callable[..., Any], *arguments: Any) -> None:
        """Run a guarded function on the loop. Thread-safe."""
        self._to_loop(self.guarded(callback, "a callback on the loop"), *arguments)

    def _to_loop(self, callback: Callable[..., Any], *arguments: Any) -> None:
        try:
            self.loop.call_soon_threadsafe(callback, *arguments)
        except RuntimeError:
            if not self._closing.is_set():
                raise

    def _spin(self, executor: Executor) -> None:
        try:
            while not self._closing.is_set() and self._context.ok():
                executor.spin_once(timeout_sec=_SPIN_TIMEOUT)
        except ExternalShutdownException:
            if not self._closing.is_set():
                self.fail(Fault(self.process, "ros_shutdown", "rclpy was shut down from outside"))
        except Exception as error:
            self._fail_by(error, "the executor")

    def _incompatible(self, topic: str, info: Any) -> None:
        text = (
            f"a publisher of {topic} offers another QoS than the cell needs "
            f"(policy {info.last_policy_kind})"
        )
        if self.up:
            log.warning("%s; it is not heard", text)
        else:
            self.fail(Fault(self.process, "incompatible_qos", text))

    def _fail_by(self, error: BaseException, what: str) -> None:
        log.error("%s failed", what, exc_info=error)
        self.fail(
            Fault(self.process, "internal", f"{what} failed: {type(error).__name__}: {error}")
        )

    def _fail_on_loop(self, fault: Fault) -> None:
        if not self.failed.done():
            self.failed.set_result(fault)
