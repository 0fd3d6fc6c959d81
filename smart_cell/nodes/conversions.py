"""All messages <-> all of our values. Every message passes through this file."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import Transform, TransformStamped, Vector3
from sensor_msgs.msg import JointState as JointStateMessage
from smart_cell_msgs.msg import ConveyorState as ConveyorStateMessage
from smart_cell_msgs.msg import Event, Part, Parts, Tray
from smart_cell_msgs.msg import GripperState as GripperStateMessage
from smart_cell_msgs.msg import TransporterState as TransporterStateMessage
from std_msgs.msg import Header
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import (
    ConveyorState,
    Detection,
    Detections,
    GripperState,
    JointState,
    SlotContent,
    TrackedPart,
    TrackedTray,
    TransporterState,
    TrayContent,
)


class MessageError(SmartCellError):
    """A message holds something that our values cannot."""


def seconds(time: Time | Duration) -> float:
    """Return a time or duration message in seconds."""
    return float(time.sec + time.nanosec * 1e-9)


def stamp(time: float) -> Time:
    """Return a cell time [s], not negative, as a message."""
    sec, nanosec = divmod(round(time * 1e9), 1_000_000_000)
    return Time(sec=sec, nanosec=nanosec)


def duration(time: float) -> Duration:
    """Return a duration [s] as a message."""
    sec, nanosec = divmod(round(time * 1e9), 1_000_000_000)
    return Duration(sec=sec, nanosec=nanosec)


def header(time: float, frame: str = "") -> Header:
    """Return a header with cell time [s] and frame."""
    return Header(stamp=stamp(time), frame_id=frame)


def doubles(values: Array) -> array[float]:
    """Return an array as what a ``float64[]`` field takes without looking at each element."""
    result = array("d")
    result.frombytes(np.ascontiguousarray(values, dtype=np.float64).tobytes())
    return result


def pose_to_message(pose: Pose) -> PoseMessage:
    """Return a pose as a message."""
    message = PoseMessage()
    message.position.x, message.position.y, message.position.z = pose.xyz
    orientation = message.orientation
    orientation.x, orientation.y, orientation.z, orientation.w = pose.quaternion
    return message


def pose_from_message(message: PoseMessage) -> Pose:
    """Return a message's pose."""
    position, orientation = message.position, message.orientation
    return Pose(
        (position.x, position.y, position.z),
        (orientation.x, orientation.y, orientation.z, orientation.w),
    )


def transform_to_message(pose: Pose, parent: str, child: str, time: float) -> TransformStamped:
    """Return the pose of frame ``child`` in frame ``parent`` at a cell time [s]."""
    transform = Transform()
    transform.translation.x, transform.translation.y, transform.translation.z = pose.xyz
    rotation = transform.rotation
    rotation.x, rotation.y, rotation.z, rotation.w = pose.quaternion
    return TransformStamped(header=header(time, parent), child_frame_id=child, transform=transform)


def joint_state_to_message(states: Sequence[JointState]) -> JointStateMessage:
    """Return the states of some arms as one message, stamped with the first one's time."""
    return JointStateMessage(
        header=header(states[0].time),
        name=[name for state in states for name in state.names],
        position=doubles(np.concatenate([state.position for state in states])),
        velocity=doubles(np.concatenate([state.velocity for state in states])),
    )


def gripper_to_message(state: GripperState) -> GripperStateMessage:
    """Return a gripper's state as a message."""
    return GripperStateMessage(
        header=header(state.time), enabled=state.enabled, attached=state.attached, tool=state.tool
    )


def gripper_from_message(message: GripperStateMessage) -> GripperState:
    """Return a message's gripper state."""
    time = seconds(message.header.stamp)
    return GripperState(time, message.enabled, message.attached, message.tool)


def conveyor_to_message(state: ConveyorState, name: str) -> ConveyorStateMessage:
    """Return a belt's state as a message."""
    return ConveyorStateMessage(
        header=header(state.time, f"{name}/belt"),
        running=state.running,
        speed=state.speed,
        position=state.position,
    )


def conveyor_from_message(message: ConveyorStateMessage) -> ConveyorState:
    """Return a message's belt state."""
    time = seconds(message.header.stamp)
    return ConveyorState(time, message.running, message.speed, message.position)


def transporter_to_message(state: TransporterState, target: str) -> TransporterStateMessage:
    """Return a transporter's state, and the station it was last sent to, as a message."""
    no_tray = TransporterStateMessage.NO_TRAY
    return TransporterStateMessage(
        header=header(state.time),
        station=state.station,
        target=target,
        position=state.position,
        velocity=state.velocity,
        tray_locked=state.tray_locked,
        tray_id=no_tray if state.tray_id is None else state.tray_id,
    )


def transporter_from_message(message: TransporterStateMessage) -> TransporterState:
    """Return a message's transporter state."""
    return TransporterState(
        time=seconds(message.header.stamp),
        station=message.station,
        position=message.position,
        velocity=message.velocity,
        tray_locked=message.tray_locked,
        tray_id=None if message.tray_id == message.NO_TRAY else message.tray_id,
    )


def _class_id(item: Detection) -> str:
    if item.kind == "tray":
        return f"tray:{item.type}:{item.tray_id}"
    return f"part:{item.type}:{item.color}:{int(item.flipped)}"


def detections_to_message(frame: Detections) -> Detection3DArray:
    """Return a camera's frame as a message; class ids as the README's table of topics says."""
    head = header(frame.time, f"{frame.camera}/optical_frame")
    message = Detection3DArray(header=head)
    for item in frame.items:
        hypothesis = ObjectHypothesisWithPose()
        hypothesis.hypothesis.class_id = _class_id(item)
        hypothesis.hypothesis.score = 1.0
        hypothesis.pose.pose = pose_to_message(item.pose)
        message.detections.append(Detection3D(header=head, results=[hypothesis]))
    return message


def detections_from_message(message: Detection3DArray, camera: str) -> Detections:
    """Return a message's detections; of each object the hypothesis with the highest score.

    Raises:
        MessageError: A class id is not ``part:<type>:<color>:<0|1>`` or ``tray:<type>:<id>``.
    """
    items = []
    for detection in message.detections:
        if not detection.results:
            continue
        best = max(detection.results, key=lambda result: result.hypothesis.score)
        items.append(_detection(best.hypothesis.class_id, pose_from_message(best.pose.pose)))
    return Detections(camera, seconds(message.header.stamp), tuple(items))


def _detection(class_id: str, pose: Pose) -> Detection:
    fields = class_id.split(":")
    if len(fields) == 4 and fields[0] == "part" and fields[3] in ("0", "1"):
        return Detection("part", fields[1], fields[2], pose, flipped=fields[3] == "1")
    if len(fields) == 3 and fields[0] == "tray" and fields[2].isdecimal():
        return Detection("tray", fields[1], "", pose, tray_id=int(fields[2]))
    raise MessageError(
        f"detection with class_id {class_id!r}; allowed are part:<type>:<color>:<0|1> "
        "and tray:<type>:<id>"
    )


def parts_to_message(
    parts: Sequence[TrackedPart], trays: Sequence[TrackedTray], time: float
) -> Parts:
    """Return the tracker's view at a cell time [s] as a message."""
    return Parts(
        header=header(time, "world"),
        parts=[_part_to_message(part) for part in parts],
        trays=[_tray_to_message(tray) for tray in trays],
    )


def _part_to_message(part: TrackedPart) -> Part:
    x, y, z = part.velocity
    return Part(
        header=header(part.time, "world"),
        part_id=part.part_id,
        type=part.type,
        color=part.color,
        pose=pose_to_message(part.pose),
        velocity=Vector3(x=x, y=y, z=z),
        location=part.location,
        flipped=part.flipped,
        last_seen=stamp(part.last_seen),
    )


def _tray_to_message(tray: TrackedTray) -> Tray:
    return Tray(
        name=tray.name,
        tray_id=tray.tray_id,
        type=tray.type,
        pose=pose_to_message(tray.pose),
        location=tray.location,
        last_seen=stamp(tray.last_seen),
    )


def parts_from_message(message: Parts) -> tuple[tuple[TrackedPart, ...], tuple[TrackedTray, ...]]:
    """Return a message's parts and trays."""
    parts = tuple(
        TrackedPart(
            part_id=part.part_id,
            type=part.type,
            color=part.color,
            pose=pose_from_message(part.pose),
            velocity=(part.velocity.x, part.velocity.y, part.velocity.z),
            location=part.location,
            flipped=part.flipped,
            time=seconds(part.header.stamp),
            last_seen=seconds(part.last_seen),
        )
        for part in message.parts
    )
    trays = tuple(
        TrackedTray(
            name=tray.name,
            tray_id=tray.tray_id,
            type=tray.type,
            pose=pose_from_message(tray.pose),
            location=tray.location,
            last_seen=seconds(tray.last_seen),
        )
        for tray in message.trays
    )
    return parts, trays


def tray_content_to_json(content: TrayContent) -> str:
    """Return what an inspection found as the JSON object of ``QualityCheck.report_json``."""
    slots = [
        {
            "slot": slot.slot,
            "type": slot.type,
            "color": slot.color,
            "flipped": slot.flipped,
            "correct_pose": slot.correct_pose,
        }
        for slot in content.slots
    ]
    return json.dumps({"tray_id": content.tray_id, "slots": slots, "extra": content.extra})


def tray_content_from_json(text: str) -> TrayContent:
    """Return what an inspection found, from ``QualityCheck.report_json``.

    Raises:
        MessageError: The text is not such an object.
    """
    try:
        data = json.loads(text)
        slots = tuple(SlotContent(**slot) for slot in data["slots"])
        return TrayContent(tray_id=data["tray_id"], slots=slots, extra=data["extra"])
    except (ValueError, KeyError, TypeError) as error:
        raise MessageError(f"not a quality report: {text[:200]!r} ({error})") from None


def event_to_message(time: float, source: str, kind: str, fields: Mapping[str, Any]) -> Event:
    """Return an event at a cell time [s] as a message."""
    return Event(
        header=header(time), source=source, kind=kind, data=json.dumps(fields, allow_nan=False)
    )


def json_object(text: str, what: str) -> dict[str, Any]:
    """Return the JSON object that a string field holds.

    Raises:
        MessageError: It holds something else.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        raise MessageError(f"{what} is not JSON: {error}: {text[:200]!r}") from None
    if not isinstance(value, dict):
        raise MessageError(f"{what} is not a JSON object: {text[:200]!r}")
    return value
