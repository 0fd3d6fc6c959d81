"""Every place that an arm is there for has a way to it and back that touches nothing."""

from __future__ import annotations

import numpy as np
import pytest

from smart_cell.model.geometry import Pose
from smart_cell.runtime.motion.clearance import Samples, at_positions, occupied
from smart_cell.runtime.motion.moves import Trip
from smart_cell.runtime.motion.segments import MotionRefusedError
from smart_cell.runtime.motion.solids import Solid
from support.trips import TripStudy

AGVS = ("agv1", "agv2", "agv3", "agv4")
# The floor robot's and the ceiling robot's sides of the space that both can reach [m].
STRIP_FRONT, STRIP_BACK = -1.82, -2.60


@pytest.fixture(scope="module")
def kitting() -> TripStudy:
    return TripStudy("kitting")


@pytest.fixture(scope="module")
def ariac() -> TripStudy:
    return TripStudy("ariac")


def _on(place: str) -> tuple[str, ...]:
    return (place, f"{place}/floor", f"{place}/tray")


def _check_zones(study: TripStudy, arm: str, trip: Trip) -> None:
    """No zone of another arm is needed, and the arm ends where others may pass."""
    others = [name for other in study.arms if other != arm for name in study.own_zones(other)]
    assert not set(trip.zones) & set(others)
    end = trip.retreat.waypoints.end
    assert set(study.zones_at(arm, end)) <= set(study.own_zones(arm))


# ---------------------------------------------------------------------------- ready poses


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_tool_points_down_above_the_transfer_height_in_every_ready_pose(
    name: str, request: pytest.FixtureRequest
) -> None:
    study: TripStudy = request.getfixturevalue(name)
    for arm, model in study.arms.items():
        for ready in model.description.ready_poses:
            contact = model.contact(model.full(model.external_part(model.home), model.ready(ready)))
            np.testing.assert_allclose(contact[:3, 2], (0.0, 0.0, -1.0), atol=2e-3)
            assert contact[2, 3] >= model.description.transfer_height_m, f"{arm} {ready}"


@pytest.mark.parametrize("name", ["kitting", "ariac"])
def test_ready_poses_and_home_touch_nothing(name: str, request: pytest.FixtureRequest) -> None:
    study: TripStudy = request.getfixturevalue(name)
    for arm, model in study.arms.items():
        external = model.external_part(model.home)
        poses = {p: model.full(external, model.ready(p)) for p in model.description.ready_poses}
        for ready, q in {**poses, "home": model.home}.items():
            samples = at_positions(model, q[None], None)
            hit = study.planners[arm].clearance.first_hit(samples, study.around.standing)
            assert hit is None, f"{arm} {ready}: {hit}"


def test_arms_of_the_kitting_cell_rest_outside_the_shared_space(kitting: TripStudy) -> None:
    for arm, model in kitting.arms.items():
        for ready in model.description.ready_poses:
            assert kitting.zones_at(arm, model.ready(ready)) == (), f"{arm} {ready}"


def test_no_zone_is_the_resting_place_of_two_arms(ariac: TripStudy) -> None:
    owned = [zone for arm in ariac.arms for zone in ariac.own_zones(arm)]
    assert len(owned) == len(set(owned))


# ---------------------------------------------------------------------------- kitting cell


@pytest.mark.parametrize(("arm", "side"), [("left_arm", -1.0), ("right_arm", 1.0)])
@pytest.mark.parametrize("part", ["gear", "housing", "bearing", "valve"])
def test_each_arm_picks_along_its_stretch_of_the_belt(
    kitting: TripStudy, arm: str, side: float, part: str
) -> None:
    for x, y in ((1.2, 0.05), (0.6, -0.05), (0.15, 0.05)):
        frame = Pose.from_rpy((side * x, y, 0.80), (0.0, 0.0, 0.7))
        _check_zones(kitting, arm, kitting.pick(arm, part, frame, ("infeed",)))


def test_pick_stretch_of_the_belt_is_what_the_arms_reach(kitting: TripStudy) -> None:
    belt = kitting.cell.description.conveyors["infeed"]
    start = kitting.cell.pose("infeed").xyz[0]
    for arm, x in (("left_arm", belt.pick_from_x_m), ("right_arm", belt.pick_to_x_m)):
        kitting.pick(arm, "housing", Pose((start + x, 0.0, 0.80)), ("infeed",))


@pytest.mark.parametrize(
    ("arm", "outfeed"), [("left_arm", "outfeed_left"), ("right_arm", "outfeed_right")]
)
def test_each_arm_fills_its_own_tray(kitting: TripStudy, arm: str, outfeed: str) -> None:
    for slot in kitting.cell.slots(outfeed):
        frame = kitting.cell.slot_pose(outfeed, slot)
        trip = kitting.place(arm, "housing", frame, _on(outfeed))
        assert trip.zones == (), "the tray lies outside the shared space"


def test_no_arm_reaches_the_other_arms_tray(kitting: TripStudy) -> None:
    for arm, outfeed in (("left_arm", "outfeed_right"), ("right_arm", "outfeed_left")):
        frame = kitting.cell.slot_pose(outfeed, "1")
        with pytest.raises(MotionRefusedError, match="cannot reach"):
            kitting.place(arm, "gear", frame, _on(outfeed))


def test_arms_of_the_kitting_cell_meet_in_the_shared_space_only(kitting: TripStudy) -> None:
    """Outside the zone each arm stays on its own side of it."""
    for arm, side in (("left_arm", -1.0), ("right_arm", 1.0)):
        other_side = Solid.box(
            "other side", Pose((-side * 2.38, 0.0, 1.0)).matrix(), (4.0, 6.0, 4.0)
        )
        for x in (1.2, 0.5, 0.15):
            trip = kitting.pick(arm, "housing", Pose((side * x, 0.0, 0.80)), ("infeed",))
            for samples in kitting.samples(arm, trip):
                assert not _enters(samples, other_side)


def _enters(samples: Samples, box: Solid) -> bool:
    return bool(occupied(samples, [box]).any())


# ---------------------------------------------------------------------------- ARIAC, parts


def _floor_picks(study: TripStudy, place: str, slot: str, part: str) -> None:
    frame = study.cell.slot_pose(place, slot)
    trip = study.pick("floor_robot", part, frame, _on(place))
    _check_zones(study, "floor_robot", trip)
    back = Solid.box("aisle", Pose((STRIP_BACK - 2, 0.0, 1.5)).matrix(), (4.0, 14.0, 3.0))
    assert not any(_enters(s, back) for s in study.samples("floor_robot", trip))


@pytest.mark.parametrize(
    ("place", "slot", "part"),
    [
        ("bin1", "1", "battery"),
        ("bin2", "9", "pump"),
        ("bin5", "3", "pump"),
        ("bin6", "7", "battery"),
        ("bin3", "7", "pump"),
        ("bin4", "9", "battery"),
        ("bin7", "9", "pump"),
        ("bin8", "7", "battery"),
    ],
)
def test_floor_robot_picks_from_near_bins_and_the_nearest_row_of_far_ones(
    ariac: TripStudy, place: str, slot: str, part: str
) -> None:
    _floor_picks(ariac, place, slot, part)


@pytest.mark.parametrize(
    ("place", "slot", "part"),
    [
        ("bin3", "6", "battery"),
        ("bin4", "1", "pump"),
        ("bin7", "3", "battery"),
        ("bin8", "4", "pump"),
    ],
)
def test_ceiling_robot_picks_what_the_floor_robot_cannot_reach(
    ariac: TripStudy, place: str, slot: str, part: str
) -> None:
    frame = ariac.cell.slot_pose(place, slot)
    _check_zones(ariac, "ceiling_robot", ariac.pick("ceiling_robot", part, frame, _on(place)))
    with pytest.raises(MotionRefusedError):
        ariac.pick("floor_robot", part, frame, _on(place))


def _fills(study: TripStudy, arm: str, place: str, slot: str, part: str) -> None:
    frame = study.cell.slot_pose(place, slot)
    trip = study.place(arm, part, frame, _on(place))
    _check_zones(study, arm, trip)
    if arm == "ceiling_robot":
        front = Solid.box("rail", Pose((STRIP_FRONT + 2, 0.0, 1.5)).matrix(), (4.0, 14.0, 3.0))
        assert not any(_enters(s, front) for s in study.samples(arm, trip))


@pytest.mark.parametrize("arm", ["floor_robot", "ceiling_robot"])
@pytest.mark.parametrize(
    ("place", "slot", "part"),
    [("agv1", "4", "pump"), ("agv2", "1", "battery"), ("agv3", "3", "pump"), ("agv4", "2", "pump")],
)
def test_both_robots_fill_the_trays_of_the_agvs(
    ariac: TripStudy, arm: str, place: str, slot: str, part: str
) -> None:
    _fills(ariac, arm, place, slot, part)


def test_floor_robot_picks_along_the_whole_belt(ariac: TripStudy) -> None:
    belt = ariac.cell.description.conveyors["belt"]
    start = ariac.cell.pose("belt")
    for part, x, y in (
        ("pump", belt.pick_from_x_m, -0.14),
        ("battery", 5.0, 0.14),
        ("sensor", 5.0, -0.14),
        ("regulator", belt.pick_to_x_m, 0.14),
    ):
        trip = ariac.pick("floor_robot", part, start @ Pose((x, y, 0.0)), ("belt",))
        _check_zones(ariac, "floor_robot", trip)


def test_ceiling_robot_does_not_reach_the_belt(ariac: TripStudy) -> None:
    with pytest.raises(MotionRefusedError, match="cannot reach"):
        ariac.pick("ceiling_robot", "pump", ariac.cell.pose("belt") @ Pose((5, -0.14, 0)), ())


# ---------------------------------------------------------------------------- ARIAC, trays, tools


@pytest.mark.parametrize(
    ("table", "slot"),
    [("kts1", "1"), ("kts1", "3"), ("kts2", "4"), ("kts2", "6")],
)
def test_floor_robot_fetches_trays_from_the_outermost_slots(
    ariac: TripStudy, table: str, slot: str
) -> None:
    frame = ariac.cell.slot_pose(table, slot) @ Pose((0.0, 0.0, 0.01))
    trip = ariac.carry_tray("floor_robot", frame, (table,), fetch=True)
    _check_zones(ariac, "floor_robot", trip)


@pytest.mark.parametrize("place", AGVS)
def test_floor_robot_puts_trays_on_every_agv(ariac: TripStudy, place: str) -> None:
    frame = ariac.cell.pose(place) @ Pose((0.0, 0.0, 0.01))
    trip = ariac.carry_tray("floor_robot", frame, _on(place), fetch=False)
    _check_zones(ariac, "floor_robot", trip)


@pytest.mark.parametrize("place", ["kts1_parts", "kts1_trays", "kts2_parts", "kts2_trays"])
def test_floor_robot_reaches_all_tool_changers(ariac: TripStudy, place: str) -> None:
    trip = ariac.touch("floor_robot", ariac.cell.pose(place), (place,))
    _check_zones(ariac, "floor_robot", trip)
