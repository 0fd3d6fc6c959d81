"""The QoS profiles of all topics of a cell, by what flows through them."""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)

#: How long a heartbeat may stay away before its process counts as lost [s].
HEARTBEAT_LEASE = 0.2


def _profile(depth: int, *, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )


#: Measurements that come again soon: joint states, detections, transforms.
STREAM = _profile(10)
#: ``/clock``: only the newest counts; publishers of rclcpp offer it best effort.
CLOCK = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
#: What ``/clock`` is published with: reliable serves readers of both kinds.
CLOCK_SOURCE = _profile(1)
#: The newest state of a device, which a late reader gets too.
STATE = _profile(1, latched=True)
#: Things said once: robot descriptions, fixed transforms.
LATCHED = _profile(1, latched=True)
#: Events: none may be missed, also none from before the reader came up.
EVENTS = _profile(5000, latched=True)
#: Heartbeats of a process, published by the loop that does its work.
HEARTBEAT = QoSProfile(
    history=HistoryPolicy.KEEP_LAST,
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
    liveliness_lease_duration=Duration(nanoseconds=round(HEARTBEAT_LEASE * 1e9)),
)
