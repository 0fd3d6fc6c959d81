"""The tracker: names, averages, belts by their encoder, forgetting, stale data."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.model.cell import Cell, load_cell
from smart_cell.model.errors import SmartCellError
from smart_cell.model.geometry import Pose
from smart_cell.model.ports import ConveyorState, Detection, Detections
from smart_cell.vision.places import seat_pose
from smart_cell.vision.tracking import Tracker, UnknownPartError

KITTING, ARIAC = load_cell("kitting"), load_cell("ariac")
PERIOD = 0.1


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep_until(self, time: float) -> None:
        raise AssertionError("the tracker never waits")


class Scene:
    """A tracker that is shown frames; world poses in, detections out."""

    def __init__(self, cell: Cell, belt_speed: float = 0.12) -> None:
        self.cell, self.clock = cell, Clock()
        self.tracker = Tracker(cell, self.clock)
        self.speed, self.travel = belt_speed, 0.0
        self.belts = list(cell.description.conveyors)
        self.encoder = True
        self._hear()

    def _hear(self) -> None:
        for name in self.belts:
            if self.encoder:
                state = ConveyorState(self.clock.time, self.speed > 0, self.speed, self.travel)
                self.tracker.on_conveyor(name, state)

    def step(self, period: float = PERIOD) -> None:
        self.clock.time += period
        self.travel += self.speed * period
        self._hear()

    def show(
        self,
        camera: str,
        *things: tuple[str, str, Pose],
        latency: float = 0.0,
        flipped: bool = False,
    ) -> None:
        inverse = self.cell.pose(camera).inverse()
        items = tuple(
            Detection("part", kind, color, inverse @ pose, flipped=flipped)
            for kind, color, pose in things
        )
        self.tracker.on_detections(Detections(camera, self.clock.time - latency, items))

    def show_trays(self, camera: str, kind: str, tray_id: int, *poses: Pose) -> None:
        inverse = self.cell.pose(camera).inverse()
        items = [Detection("tray", kind, "", inverse @ pose, tray_id=tray_id) for pose in poses]
        self.tracker.on_detections(Detections(camera, self.clock.time, tuple(items)))


def on_belt(scene: Scene, x: float, y: float = 0.0) -> Pose:
    """A place that was at ``x`` along the belt at travel 0."""
    return KITTING.pose("infeed") @ Pose((x + scene.travel, y, 0.0))


def in_bin(slot: str, dx: float = 0.0) -> Pose:
    return ARIAC.slot_pose("bin1", slot) @ Pose((dx, 0.0, 0.0))


def confirmed(cell: Cell = ARIAC) -> Scene:
    """One red battery in slot 5 of bin 1, seen often enough."""
    scene = Scene(cell)
    for _ in range(4):
        scene.step()
        scene.show("bins_camera_left", ("battery", "red", in_bin("5")))
    return scene


def test_part_is_told_only_after_several_frames_and_keeps_its_name() -> None:
    scene = Scene(ARIAC)
    told = []
    for _ in range(6):
        scene.step()
        scene.show("bins_camera_left", ("battery", "red", in_bin("5")))
        told.append([part.part_id for part in scene.tracker.parts()])
    assert told == [[], [], ["p1"], ["p1"], ["p1"], ["p1"]]
    (part,) = scene.tracker.parts()
    assert (part.type, part.color, part.location) == ("battery", "red", "bin:bin1")
    np.testing.assert_allclose(part.pose.xyz, in_bin("5").xyz, atol=1e-9)
    assert part.velocity == (0.0, 0.0, 0.0)
    assert part.last_seen == pytest.approx(0.6)


def test_neighbours_of_one_kind_stay_apart_and_names_follow_the_order_of_appearance() -> None:
    scene = Scene(ARIAC)
    for index in range(6):
        scene.step()
        things = [("pump", "red", in_bin("1")), ("pump", "red", in_bin("2"))]
        scene.show("bins_camera_left", *(things if index % 2 else reversed(things)))
    parts = scene.tracker.parts()
    assert [part.part_id for part in parts] == ["p1", "p2"]
    np.testing.assert_allclose(parts[0].pose.xyz, in_bin("2").xyz, atol=1e-9)
    np.testing.assert_allclose(parts[1].pose.xyz, in_bin("1").xyz, atol=1e-9)


def test_other_type_colour_or_side_is_another_part() -> None:
    scene = confirmed()
    for _ in range(4):
        scene.step()
        scene.show("bins_camera_left", ("battery", "blue", in_bin("5")))
    assert [(p.part_id, p.color) for p in scene.tracker.parts()] == [("p1", "red"), ("p2", "blue")]
    for _ in range(4):
        scene.step()
        scene.show("bins_camera_left", ("battery", "blue", in_bin("5")), flipped=True)
    flipped = [part for part in scene.tracker.parts() if part.flipped]
    assert [part.part_id for part in flipped] == ["p3"]


def test_noise_on_a_lying_part_is_averaged() -> None:
    rng = np.random.default_rng(1)
    scene = Scene(ARIAC)
    for _ in range(30):
        scene.step()
        noise = rng.normal(0.0, 0.001, 3)
        pose = in_bin("5") @ Pose((noise[0], noise[1], noise[2]))
        scene.show("bins_camera_left", ("battery", "red", pose))
    (part,) = scene.tracker.parts()
    assert np.linalg.norm(np.subtract(part.pose.xyz, in_bin("5").xyz)) < 0.0008


def test_displaced_part_is_at_its_new_place_at_once() -> None:
    scene = confirmed()
    for _ in range(10):
        scene.step()
        scene.show("bins_camera_left", ("battery", "red", in_bin("5")))
    scene.step()
    scene.show("bins_camera_left", ("battery", "red", in_bin("5", 0.03)))
    (part,) = scene.tracker.parts()
    assert part.part_id == "p1"
    np.testing.assert_allclose(part.pose.xyz, in_bin("5", 0.03).xyz, atol=1e-9)


def test_belt_part_is_predicted_by_the_encoder_where_no_camera_looks() -> None:
    scene = Scene(KITTING)
    for _ in range(5):
        scene.step()
        scene.show("infeed_camera", ("gear", "red", on_belt(scene, 0.3)))
    for _ in range(100):
        scene.step()
    scene.speed = 0.05
    for _ in range(40):
        scene.step()
    (part,) = scene.tracker.parts()
    assert part.location == "conveyor:infeed"
    np.testing.assert_allclose(part.pose.xyz, on_belt(scene, 0.3).xyz, atol=1e-6)
    np.testing.assert_allclose(part.velocity, [0.05, 0.0, 0.0], atol=1e-9)
    ahead = scene.tracker.predict("p1", scene.clock.time + 2.0)
    assert ahead.xyz[0] - part.pose.xyz[0] == pytest.approx(0.1)
    assert scene.tracker.is_current("p1")


def test_late_frames_are_placed_by_their_exposure() -> None:
    scene = Scene(KITTING, belt_speed=0.5)
    for _ in range(4):
        seen = on_belt(scene, 0.1)
        scene.step(0.08)
        scene.show("infeed_camera", ("gear", "red", seen), latency=0.08)
    (part,) = scene.tracker.parts()
    np.testing.assert_allclose(part.pose.xyz, on_belt(scene, 0.1).xyz, atol=1e-6)


def test_parts_on_a_fast_belt_are_not_mixed_up() -> None:
    scene = Scene(KITTING, belt_speed=0.4)
    for _ in range(6):
        scene.step()
        things = [("gear", "red", on_belt(scene, x)) for x in (0.05, 0.12, 0.19)]
        scene.show("infeed_camera", *things)
    parts = scene.tracker.parts()
    assert len(parts) == 3
    for part, x in zip(parts, (0.05, 0.12, 0.19), strict=True):
        np.testing.assert_allclose(part.pose.xyz, on_belt(scene, x).xyz, atol=1e-6)


def test_silent_encoder_makes_belt_parts_stale() -> None:
    scene = Scene(KITTING)
    for _ in range(5):
        scene.step()
        scene.show("infeed_camera", ("gear", "red", on_belt(scene, 0.3)))
    scene.encoder = False
    scene.step(0.25)
    assert scene.tracker.is_current("p1")
    scene.step(0.10)
    assert not scene.tracker.is_current("p1")
    with pytest.raises(UnknownPartError, match="silent for more than 0.3 s"):
        scene.tracker.predict("p1", 1.0)


def test_part_that_leaves_the_belts_end_is_forgotten() -> None:
    scene = Scene(KITTING, belt_speed=0.5)
    for _ in range(4):
        scene.step()
        scene.show("infeed_camera", ("gear", "red", on_belt(scene, 0.1)))
    for _ in range(80):
        scene.step()
        scene.show("infeed_camera")
    assert scene.tracker.parts() == ()
    with pytest.raises(UnknownPartError):
        scene.tracker.part("p1")


def test_part_that_is_gone_while_a_camera_looks_is_forgotten_after_several_frames() -> None:
    scene = confirmed()
    known = []
    for _ in range(6):
        scene.step()
        scene.show("bins_camera_left")
        known.append(len(scene.tracker.parts()))
    assert known == [1, 1, 1, 1, 0, 0]


def test_part_outside_the_view_is_not_forgotten() -> None:
    scene = confirmed()
    for _ in range(50):
        scene.step()
        scene.show("bins_camera_right")
        scene.show("belt_camera")
    assert [part.part_id for part in scene.tracker.parts()] == ["p1"]


def test_thing_that_swings_by_is_never_told() -> None:
    scene = Scene(ARIAC)
    for index in range(20):
        scene.step()
        pose = in_bin("5") @ Pose((0.03 * index - 0.3, 0.0, 0.4))
        scene.show("bins_camera_left", ("battery", "red", pose))
        assert scene.tracker.parts() == ()


def test_carried_part_is_no_part_that_lies_and_no_new_one() -> None:
    scene = confirmed()
    hand = [in_bin("5")]
    scene.tracker.picked("p1", lambda: hand[0])
    assert scene.tracker.parts() == ()
    for index in range(30):
        scene.step()
        height = min(index * 0.05, 0.4)
        hand[0] = in_bin("5") @ Pose((0.0, 0.0, height))
        scene.show("bins_camera_left", ("battery", "red", hand[0]))
        assert scene.tracker.parts() == ()
    with pytest.raises(UnknownPartError):
        scene.tracker.part("p1")
    scene.tracker.placed("p1", "tray:agv1", ARIAC.slot_pose("agv1", "2"))
    (part,) = scene.tracker.parts()
    assert (part.part_id, part.location) == ("p1", "tray:agv1")
    scene.step()
    scene.show("agv1_camera", ("battery", "red", ARIAC.slot_pose("agv1", "2")))
    (part,) = scene.tracker.parts()
    assert (part.part_id, part.location) == ("p1", "tray:agv1")
    assert part.last_seen == scene.clock.time


def test_lost_part_gets_a_new_name_where_it_is_seen_again() -> None:
    scene = confirmed()
    scene.tracker.picked("p1", lambda: in_bin("5"))
    scene.tracker.lost("p1")
    with pytest.raises(UnknownPartError, match="was not picked"):
        scene.tracker.placed("p1", "tray:agv1", in_bin("5"))
    for _ in range(3):
        scene.step()
        scene.show("bins_camera_left", ("battery", "red", in_bin("6")))
    assert [part.part_id for part in scene.tracker.parts()] == ["p2"]


def test_what_was_on_a_tray_that_left_is_forgotten_when_asked() -> None:
    scene = confirmed()
    scene.tracker.picked("p1", lambda: in_bin("5"))
    scene.tracker.placed("p1", "tray:agv1", ARIAC.slot_pose("agv1", "2"))
    scene.tracker.cleared("tray:agv2")
    assert len(scene.tracker.parts()) == 1
    scene.tracker.cleared("tray:agv1")
    assert scene.tracker.parts() == ()


def test_trays_are_known_by_number_on_tables_and_transporters() -> None:
    scene = Scene(ARIAC)
    kind = ARIAC.description.tray_tables["kts2"].tray_type
    height = ARIAC.description.tray_types[kind].size_m[2]
    on_table = ARIAC.slot_pose("kts2", "6") @ Pose((0.0, 0.0, height))
    on_agv = seat_pose(ARIAC, "agv1", 0.0) @ Pose((0.0, 0.0, height))
    for _ in range(3):
        scene.step()
        scene.show_trays("tables_camera_2", kind, 4, on_table)
        scene.show_trays("agv1_camera", kind, 2, on_agv)
    trays = scene.tracker.trays()
    assert [(t.tray_id, t.location) for t in trays] == [
        (2, "transporter:agv1"),
        (4, "tray_table:kts2"),
    ]
    np.testing.assert_allclose(trays[1].pose.xyz, on_table.xyz, atol=1e-9)
    assert scene.tracker.parts() == ()


def test_two_trays_with_one_number_are_two_trays() -> None:
    scene = Scene(ARIAC)
    kind = ARIAC.description.tray_tables["kts2"].tray_type
    lift = Pose((0.0, 0.0, ARIAC.description.tray_types[kind].size_m[2]))
    for _ in range(3):
        scene.step()
        poses = [ARIAC.slot_pose("kts2", slot) @ lift for slot in ("4", "6")]
        scene.show_trays("tables_camera_2", kind, 1, *poses)
    assert [(t.name, t.tray_id) for t in scene.tracker.trays()] == [("t1", 1), ("t2", 1)]


def test_unknown_cameras_and_conveyors_are_refused() -> None:
    scene = Scene(KITTING)
    with pytest.raises(SmartCellError, match="no camera 'eye'; known: infeed_camera"):
        scene.tracker.on_detections(Detections("eye", 0.0, ()))
    with pytest.raises(SmartCellError, match="no conveyor 'belt'; known: infeed"):
        scene.tracker.on_conveyor("belt", ConveyorState(0.0, True, 0.1, 0.0))
