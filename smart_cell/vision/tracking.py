"""The tracker: from the cameras' detections to parts with names, places and predictions.

What lies still is averaged; what rides on a belt is kept in the belt's own coordinates (position
minus encoder travel), averaged there and predicted by the encoder, never by differences between
frames. A new thing is told to others once it was seen in several frames where it was expected: what
swings by on a gripper never is. A thing is forgotten when cameras that look at its place do not see
it any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from smart_cell.model.cell import Cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Array, Pose
from smart_cell.model.ports import (
    Clock,
    ConveyorState,
    Detection,
    Detections,
    TrackedPart,
    TrackedTray,
)
from smart_cell.vision.encoder import BeltHistory
from smart_cell.vision.places import Places


class UnknownPartError(SmartCellError):
    """A part is asked for that the tracker does not know (any more)."""


@dataclass(eq=False)
class _Track:
    """One thing that is followed. On a belt, ``xyz`` is its world position at encoder travel 0."""

    kind: str
    type: str
    color: str
    flipped: bool
    tray_id: int | None
    xyz: Array
    quaternion: Array
    belt: str | None
    location: str
    last_seen: float
    name: str = ""
    hits: int = 1
    missed: int = 0
    carried: Callable[[], Pose] | None = None
    weight: int = 1


class Tracker:
    """Follows parts and trays; the cell's PartsPort. Used on one asyncio loop only."""

    #: A detection belongs to a track if it is nearer than this to where the track is expected [m].
    GATE = 0.05
    #: A thing that seems displaced by more than this has really moved: averaging starts anew [m].
    MOVED = 0.012
    #: Frames in which a new thing must be seen before it is told to others.
    CONFIRM = 3
    #: Frames in view without being seen after which a thing is forgotten.
    FORGET_AFTER = 5
    #: Most frames that an average stands for.
    LONGEST_AVERAGE = 20
    #: The same for a part on a gripper, which moves while the camera's frame is on its way [m].
    CARRIED_GATE = 0.15
    #: A new thing that is not seen again for so long was none [s].
    PATIENCE = 1.0

    def __init__(self, cell: Cell, clock: Clock) -> None:
        """Know nothing but the cell."""
        self._clock = clock
        self._places = Places(cell)
        self._cameras = cell.description.cameras
        self._camera_poses = {name: cell.pose(name) for name in self._cameras}
        self._belts = {name: BeltHistory() for name in cell.description.conveyors}
        self._belt_frames = {name: cell.pose(name).matrix() for name in self._belts}
        self._belt_lengths = {n: c.length_m for n, c in cell.description.conveyors.items()}
        self._tracks: list[_Track] = []
        self._named = Counter[str]()

    # ------------------------------------------------------------------ what comes in

    def on_conveyor(self, name: str, state: ConveyorState) -> None:
        """Take a conveyor's state: its encoder carries the parts on it.

        Raises:
            SmartCellError: If the cell has no such conveyor.
        """
        if name not in self._belts:
            raise SmartCellError(f"no conveyor {name!r}; known: {', '.join(self._belts) or 'none'}")
        self._belts[name].add(state)

    def on_detections(self, detections: Detections) -> None:
        """Take one frame of a camera.

        Raises:
            SmartCellError: If the cell has no such camera.
        """
        if detections.camera not in self._cameras:
            known = ", ".join(self._cameras) or "none"
            raise SmartCellError(f"no camera {detections.camera!r}; known: {known}")
        camera = self._camera_poses[detections.camera]
        seen = [(item, camera @ item.pose) for item in detections.items]
        unmatched = self._match(seen, detections.time)
        self._count_missed(detections)
        for item, pose in unmatched:
            self._start(item, pose, detections.time)
        self._drop_old(detections.time)

    def picked(self, part_id: str, carried: Callable[[], Pose]) -> None:
        """A gripper holds this part now: it no longer lies anywhere.

        Args:
            part_id: Which part.
            carried: Tells where the gripper holds it now, in the world: what cameras see there is
                no new part.

        Raises:
            UnknownPartError: If no such part is known.
        """
        track = self._by_id(part_id)
        track.carried = carried

    def placed(self, part_id: str, location: str, pose: Pose) -> None:
        """A gripper has put a picked part down.

        Args:
            part_id: Its name; it keeps it.
            location: Where it was put, as in TrackedPart.
            pose: Where, in the world.

        Raises:
            UnknownPartError: If the part was not picked before.
        """
        held = [track for track in self._tracks if track.name == part_id and track.carried]
        if not held:
            raise UnknownPartError(f"part {part_id!r} was not picked, so it cannot be placed")
        self._tracks.remove(held[0])
        now = self._clock.now()
        kind, _, name = location.partition(":")
        belt = name if kind == "conveyor" else None
        put_down = replace(
            held[0],
            xyz=np.array(pose.xyz) - self._travel(belt, now),
            quaternion=np.array(pose.quaternion),
            belt=belt,
            location=location,
            last_seen=now,
            missed=0,
            carried=None,
            weight=1,
        )
        self._tracks.append(put_down)

    def lost(self, part_id: str) -> None:
        """A gripper has lost a picked part: where it is now, only cameras can tell."""
        gone = [track for track in self._tracks if track.name == part_id and track.carried]
        self._tracks = [track for track in self._tracks if track not in gone]

    def cleared(self, location: str) -> None:
        """Forget all parts at a location, such as a tray that has left the cell."""
        self._tracks = [track for track in self._tracks if track.location != location]

    # ------------------------------------------------------------------ what is told

    def parts(self) -> tuple[TrackedPart, ...]:
        """Return all known parts as they are now, in the order in which they got their names."""
        now = self._clock.now()
        told = [
            self._told(track, now)
            for track in self._tracks
            if track.kind == "part" and track.name and track.carried is None
        ]
        return tuple(sorted(told, key=lambda part: int(part.part_id[1:])))

    def trays(self) -> tuple[TrackedTray, ...]:
        """Return all known trays, by number and name."""
        told = [
            TrackedTray(
                name=track.name,
                tray_id=track.tray_id if track.tray_id is not None else -1,
                type=track.type,
                pose=self._pose(track, track.last_seen),
                location=track.location,
                last_seen=track.last_seen,
            )
            for track in self._tracks
            if track.kind == "tray" and track.name
        ]
        return tuple(sorted(told, key=lambda tray: (tray.tray_id, int(tray.name[1:]))))

    def part(self, part_id: str) -> TrackedPart:
        """Return one part as it is now.

        Raises:
            UnknownPartError: If no such part is known.
        """
        return self._told(self._by_id(part_id), self._clock.now())

    def predict(self, part_id: str, time: float) -> Pose:
        """Return where a part will be (or was) in the world.

        Args:
            part_id: Which part.
            time: Cell time [s].

        Raises:
            UnknownPartError: If no such part is known, or its belt's encoder is silent.
        """
        track = self._by_id(part_id)
        if not self.is_current(part_id):
            raise UnknownPartError(
                f"part {part_id} rides on {track.belt}, whose encoder has been silent "
                f"for more than {BeltHistory.STALE_AFTER} s"
            )
        return self._pose(track, time)

    def is_current(self, part_id: str) -> bool:
        """Return whether what is known of a part may be acted on: not if its belt is silent."""
        track = self._by_id(part_id)
        return track.belt is None or self._belts[track.belt].is_fresh(self._clock.now())

    def is_in_view(self, pose: Pose) -> bool:
        """Return whether some camera looks at a place."""
        return any(self._sees(name, np.array(pose.xyz)) for name in self._cameras)

    # ------------------------------------------------------------------ inside

    def _by_id(self, part_id: str) -> _Track:
        for track in self._tracks:
            if track.name == part_id and track.kind == "part" and track.carried is None:
                return track
        raise UnknownPartError(f"no part {part_id!r} is known (any more)")

    def _told(self, track: _Track, now: float) -> TrackedPart:
        velocity = np.zeros(3)
        if track.belt is not None:
            velocity = self._belt_frames[track.belt][:3, 0] * self._belts[track.belt].speed
        return TrackedPart(
            part_id=track.name,
            type=track.type,
            color=track.color,
            pose=self._pose(track, now),
            velocity=(float(velocity[0]), float(velocity[1]), float(velocity[2])),
            location=track.location,
            flipped=track.flipped,
            time=now,
            last_seen=track.last_seen,
        )

    def _travel(self, belt: str | None, time: float) -> Array:
        """Displacement in the world of what rides on a belt, since encoder travel 0."""
        if belt is None:
            return np.zeros(3)
        position = self._belts[belt].position(time) or 0.0
        travel: Array = self._belt_frames[belt][:3, 0] * position
        return travel

    def _expected(self, track: _Track, time: float) -> Array:
        """Where a thing should be seen at a time, (3,)."""
        if track.carried is not None:
            return np.array(track.carried().xyz)
        there: Array = track.xyz + self._travel(track.belt, time)
        return there

    def _pose(self, track: _Track, time: float) -> Pose:
        x, y, z = (float(value) for value in track.xyz + self._travel(track.belt, time))
        qx, qy, qz, qw = (float(value) for value in track.quaternion)
        return Pose((x, y, z), (qx, qy, qz, qw))

    def _match(
        self, seen: list[tuple[Detection, Pose]], time: float
    ) -> list[tuple[Detection, Pose]]:
        """Give each detection to the nearest track of its kind; return those that found none."""
        pairs = []
        for i, (item, pose) in enumerate(seen):
            point = np.array(pose.xyz)
            for j, track in enumerate(self._tracks):
                if _same_kind(track, item):
                    distance = float(np.linalg.norm(point - self._expected(track, time)))
                    if distance < (self.GATE if track.carried is None else self.CARRIED_GATE):
                        pairs.append((distance, i, j))
        taken: dict[int, int] = {}
        used: set[int] = set()
        for _, i, j in sorted(pairs):
            if i not in taken and j not in used:
                taken[i] = j
                used.add(j)
        for i, j in taken.items():
            self._update(self._tracks[j], seen[i][1], time)
        return [pair for i, pair in enumerate(seen) if i not in taken]

    def _update(self, track: _Track, pose: Pose, time: float) -> None:
        track.missed = 0
        track.hits += 1
        track.last_seen = max(track.last_seen, time)
        if track.carried is not None:
            return
        location, belt = self._place(track.kind, pose, time)
        xyz = np.array(pose.xyz) - self._travel(belt, time)
        quaternion = np.array(pose.quaternion)
        moved = location != track.location or bool(np.linalg.norm(xyz - track.xyz) > self.MOVED)
        if moved:
            track.weight = 0
            if not track.name:
                track.hits = 1
        track.location, track.belt = location, belt
        track.weight = min(track.weight + 1, self.LONGEST_AVERAGE)
        gain = 1.0 / track.weight
        track.xyz = track.xyz + gain * (xyz - track.xyz)
        if float(quaternion @ track.quaternion) < 0.0:
            quaternion = -quaternion
        mixed = track.quaternion + gain * (quaternion - track.quaternion)
        track.quaternion = mixed / np.linalg.norm(mixed)
        self._name(track)

    def _name(self, track: _Track) -> None:
        if not track.name and track.hits >= self.CONFIRM:
            self._named[track.kind] += 1
            track.name = f"{track.kind[0]}{self._named[track.kind]}"

    def _place(self, kind: str, pose: Pose, time: float) -> tuple[str, str | None]:
        if kind == "tray":
            return self._places.of_tray(pose), None
        location = self._places.of_part(pose)
        place, _, name = location.partition(":")
        if place != "conveyor":
            return location, None
        return location, name if self._belts[name].position(time) is not None else None

    def _start(self, item: Detection, pose: Pose, time: float) -> None:
        location, belt = self._place(item.kind, pose, time)
        if location.startswith("conveyor:") and belt is None:
            return  # its belt's encoder is not heard yet: nothing could be said of it
        self._tracks.append(
            _Track(
                kind=item.kind,
                type=item.type,
                color=item.color,
                flipped=item.flipped,
                tray_id=item.tray_id,
                xyz=np.array(pose.xyz) - self._travel(belt, time),
                quaternion=np.array(pose.quaternion),
                belt=belt,
                location=location,
                last_seen=time,
            )
        )

    def _count_missed(self, detections: Detections) -> None:
        for track in self._tracks:
            if track.last_seen >= detections.time:
                continue
            expected = self._expected(track, detections.time)
            if track.carried is None and self._sees(detections.camera, expected):
                track.missed += 1

    def _sees(self, camera: str, point: Array) -> bool:
        """Return whether a point is well inside a camera's view, a margin from its edges."""
        description = self._cameras[camera]
        pose = self._camera_poses[camera].matrix()
        x, y, z = (float(v) for v in pose[:3, :3].T @ (point - pose[:3, 3]))
        near, far = description.range_m
        if not near + 0.02 <= z <= far - 0.02:
            return False
        wide, high = description.field_of_view_rad
        margin = 0.05
        across = abs(x) <= z * np.tan(wide / 2) - margin
        return bool(across and abs(y) <= z * np.tan(high / 2) - margin)

    def _drop_old(self, time: float) -> None:
        self._tracks = [track for track in self._tracks if not self._is_over(track, time)]

    def _is_over(self, track: _Track, time: float) -> bool:
        if track.carried is not None:
            return False
        if not track.name:
            late = time > track.last_seen + self.PATIENCE
            return track.missed > 0 or late
        if track.missed >= self.FORGET_AFTER:
            return True
        if track.belt is None:
            return False
        frame = self._belt_frames[track.belt]
        along = frame[:3, 0] @ (track.xyz + self._travel(track.belt, time) - frame[:3, 3])
        return bool(along > self._belt_lengths[track.belt])


def _same_kind(track: _Track, item: Detection) -> bool:
    return (
        track.kind == item.kind
        and track.type == item.type
        and track.color == item.color
        and track.flipped == item.flipped
        and track.tray_id == item.tray_id
    )
