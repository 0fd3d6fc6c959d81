"""The importer of ARIAC trials: NIST's numbers, names, leniency, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from smart_cell.model.ariac_values import angle, boolean, decimal, integer
from smart_cell.model.cell import Cell
from smart_cell.model.errors import InputError, Problem
from smart_cell.model.loading import load_cell, load_trial
from smart_cell.model.orders import Job
from smart_cell.production.scoring import maximum
from support.ariac import TRIAL, trial_file


@pytest.fixture(scope="module")
def cell() -> Cell:
    return load_cell("ariac")


def read(cell: Cell, folder: Path, text: str, *, strict: bool = False) -> tuple[Job, list[str]]:
    path = folder / "trial.yaml"
    path.write_text(text)
    warnings: list[Problem] = []
    job = load_trial(path, cell, strict=strict, warnings=warnings)
    return job, [str(p).replace(str(path), "trial") for p in warnings]


def refused(cell: Cell, folder: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(cell, folder, text)
    assert all(problem.line > 0 for problem in caught.value.problems)
    return "\n".join(str(p) for p in caught.value.problems if not p.warning)


def changed(old: str, new: str) -> str:
    assert TRIAL.count(old) == 1, old
    return TRIAL.replace(old, new)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("pi", math.pi),
        ("-pi", -math.pi),
        ("pi/6", math.pi / 6),
        ("2*pi", 0.0),
        ("2pi", 0.0),
        ("3*pi/2", -math.pi / 2),
        ("-pi/2", -math.pi / 2),
        ("-3*pi/4", -3 * math.pi / 4),
        ("0", 0.0),
        ("1", 1.0),
        ("3", 3.0),
        ("0.0", 0.0),
        ("-0", 0.0),
        ("0e5", 0.0),
    ],
)
def test_angles_that_mean_what_nist_reads(text: str, value: float) -> None:
    result, meant = angle(text)
    assert math.cos(result - value) == pytest.approx(1.0)
    assert meant


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.57", 0.0),
        ("0.5", 0.0),
        ("-1", 0.0),
        ("1e0", 0.0),
        ("p1/2", 0.0),
        ("pi*2", 0.0),
        ("pi pi", 0.0),
        ("", 0.0),
        ("abc", 0.0),
        ("1.5*pi", 0.0),
        ("2*pi/x", 0.0),
        ("pi / 2", 0.0),
        ("pi/0", 0.0),
        ("1" + 400 * "0", 0.0),
        ("1" + 308 * "0" + "*pi", 0.0),
        ("\u00b2", 0.0),
        ("True", 0.0),
        ("3*pi/2x", math.pi),
    ],
)
def test_angles_that_nist_misreads_are_read_alike_and_known(text: str, value: float) -> None:
    result, meant = angle(text)
    assert math.cos(result - value) == pytest.approx(1.0)
    assert not meant


def test_numbers_may_be_bare_or_quoted() -> None:
    assert (integer("4"), integer(4), integer(4.0), integer("4.0")) == (4, 4, 4, 4)
    assert [integer(v) for v in (True, None, "x", 4.5, [], math.inf, "1e400")] == [None] * 7
    assert decimal("0.5") == 0.5
    assert [boolean(v) for v in (True, "yes", "Off", 1, None)] == [True, True, False, None, None]


def test_whole_trial(cell: Cell, tmp_path: Path) -> None:
    job, warnings = read(cell, tmp_path, TRIAL)
    assert warnings == []
    order = job.orders[0]
    assert (order.order_id, order.transporter, order.tray_id) == ("MMB30H56", "agv4", 3)
    assert (order.destination, order.priority) == ("warehouse", 0)
    products = [(p.type, p.color, p.slot) for p in order.products]
    assert products == [("battery", "blue", "3"), ("pump", "purple", "1")]
    assert [(t.tray_id, t.table, t.slot) for t in job.supply.trays] == [
        (3, "kts1", "1"),
        (8, "kts2", "4"),
    ]
    assert job.supply.loaded_trays == {"agv2": 5}
    places = [(p.place, p.slot, p.type, p.flipped) for p in job.supply.parts]
    assert places == [
        ("agv2", "1", "pump", False),
        ("bin2", "1", "pump", False),
        ("bin2", "3", "pump", False),
        ("bin6", "7", "battery", True),
    ]
    assert abs(job.supply.parts[0].rotation_rad) == pytest.approx(math.pi)
    assert job.supply.parts[3].rotation_rad == pytest.approx(math.pi / 6)
    belt = job.supply.belts[0]
    assert (belt.conveyor, belt.period_s, belt.order, belt.repeats) == (
        "belt",
        3.0,
        "sequential",
        True,
    )
    assert (belt.parts[0].count, belt.parts[0].offset, belt.parts[0].flipped) == (5, -0.25, True)
    assert (job.scoring, job.time_limit_s) == ("ariac2024", None)


def test_belt_part_lies_in_the_world_as_nist_spawns_it(cell: Cell, tmp_path: Path) -> None:
    job, _ = read(cell, tmp_path, TRIAL)
    belt = job.supply.belts[0]
    frame = cell.pose("belt")
    x, y, _ = (frame.matrix() @ (cell.description.conveyors["belt"].spawn_x_m, 0.14, 0.0, 1.0))[:3]
    assert (x, y) == pytest.approx((-0.6 + 0.14, 4.0), abs=1e-6)
    assert math.cos(frame.yaw + belt.yaw_rad + math.pi / 2) == pytest.approx(1.0)
    assert belt.half_spread_m == 0.14


@pytest.mark.parametrize(
    ("name", "points", "warnings"),
    [
        ("kitting_2024.yaml", 9, 0),
        ("four_pumps_2023.yaml", 17, 0),
        ("conveyor_2024.yaml", 5, 0),
        ("drop_challenge_2023.yaml", 17, 1),
        ("issue249_faulty_2023.yaml", 9, 1),
        ("robot_malfunction_2023.yaml", 9, 1),
    ],
)
def test_nists_own_kitting_trials(cell: Cell, name: str, points: int, warnings: int) -> None:
    found: list[Problem] = []
    job = load_trial(trial_file(name), cell, warnings=found)
    assert sum(maximum(order) for order in job.orders) == points
    assert len(found) == warnings
    assert all("is not simulated" in p.message for p in found)


def test_malformed_trial_is_told_at_its_line(cell: Cell) -> None:
    path = trial_file("malformed_2023.yaml")
    with pytest.raises(InputError) as caught:
        load_trial(path, cell)
    assert caught.value.unreadable
    assert str(caught.value).startswith(f"{path}:82:")


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("assembly_2024.yaml", [51]),
        ("combined_2024.yaml", [39]),
        ("kitting_assembly_2023.yaml", [48]),
        ("tutorial_2023.yaml", [81, 115]),
    ],
)
def test_other_order_types_are_refused_at_their_lines(
    cell: Cell, name: str, lines: list[int]
) -> None:
    with pytest.raises(InputError, match="kitting orders only") as caught:
        load_trial(trial_file(name), cell)
    assert [p.line for p in caught.value.problems if not p.warning] == lines


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("'pi/6'", "1.57", "reads '1.57' as 0"),
        ("'pi/6'", "'p1/2'", "reads 'p1/2' as 0"),
        ("as1: '0.0'", "as1: 'p1/2'", "assembly_inserts.as1"),
        ("time_limit: -1", "time_limit: 0", "taken as no limit"),
        ("time_limit: -1", "time_limit: -1\nauthor: me", "author: unknown key"),
        ("    priority: false", "    priority: false\n    note: x", "orders[0].note: unknown key"),
        ("slots: [1, 3]", "slots: [1, 1]", "slot 1 is taken already"),
        ("slots: [1, 3]", "slots: [1, 12]", "there is no such slot"),
        ("slots: [1, 3]", "slots: 1", "must be a list of slots"),
        ("    bin2:", "    bin9:", "is not a bin"),
        ("    agv2:", "    agv7:", "is not an AGV"),
        ("type: 'pump'", "type: 'gear'", "there is no part type 'gear', left out"),
        ("color: 'purple'\n        slots", "color: 'pink'\n        slots", "in colour 'pink'"),
        ("        flipped: true\n", "        flipped: 'maybe'\n", "is read as false"),
        ("        flipped: true\n", "        faulty: true\n", "taken as good"),
        ("offset: -0.25", "offset: 3", "is read as 0"),
        ("number: 5", "number: 0", "is left out"),
        ("    active: true", "    inactive: true", "stays empty"),
        ("tray_ids: [3, 8]", "tray_ids: [3]", "no trays at all, as with NIST"),
        ("      time_condition: 0\n", "      {}\n", "announced at the start"),
        ("tray_id: 3", "tray_id: 7", "there is no tray 7"),
        (
            "  - sensor_blackout:\n      duration: 0.0",
            "  - quake:\n      duration: 0.0",
            "unknown key",
        ),
        ("sensors_to_disable: []", "sensors_to_disable: [camera]\n      x: 1", "unknown key"),
    ],
)
def test_what_nist_would_pass_over_is_a_warning_and_strictly_a_problem(
    cell: Cell, tmp_path: Path, old: str, new: str, words: str
) -> None:
    text = changed(old, new)
    _, warnings = read(cell, tmp_path, text)
    assert any(words in warning for warning in warnings), warnings
    assert all(" warning: " in warning for warning in warnings)
    with pytest.raises(InputError):
        read(cell, tmp_path, text, strict=True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("agv_number: 4", "agv_number: 5", "kitting_task.agv_number: must be the number of an AGV"),
        ("destination: 'warehouse'", "destination: moon", "'moon' is not a destination"),
        ("          quadrant: 3", "          quadrant: 5", "products[0].quadrant: the tray has no"),
        ("          quadrant: 3", "          quadrant: -1", "the tray has no slot '-1'"),
        ("          quadrant: 3", "", "quadrant: must be a whole number; got None"),
        ("type: 'battery'", "type: 'gear'", "products[0].type: there is no part type 'gear'"),
        ("color: 'blue'", "color: 'pink'", "no battery in colour 'pink'"),
        ("quadrant: 1}\nchallenges", "quadrant: 3}\nchallenges", "each slot may be used once"),
        ("type: 'kitting'", "type: 'sorting'", "'sorting' is not an order type"),
        ("    kitting_task:", "    kiting_task:", "must have a kitting_task"),
        ("time_condition: 0\n", "time_condition: -5\n", "must be a time of 0 to"),
        ("time_condition: 0\n", "submission_condition: {order_id: X}\n", "order 'X', which is not"),
        ("priority: false", "priority: 7", "must be true or false; got 7"),
        ("spawn_rate: 3.0", "spawn_rate: 0", "must be the seconds between parts"),
        ("order: sequential", "order: sorted", "must be sequential or random"),
        ("number: 5", "number: -5", "must be 1 to"),
        ("slots: [1, 4]", "slots: [1, 9]", "must be a slot, 1 to 6; got 9"),
        ("tray_ids: [3, 8]", "tray_ids: [3, 80]", "must be the number of a tray, 0 to 9; got 80"),
        ("slots: [1, 4]", "slots: [1, 1]", "slot 1 is given twice"),
        ("id: 'MMB30H56'", "id: 'a b'", "orders[0].id"),
        ("id: 'MMB30H56'", "id: ", "orders[0].id: must be a text"),
        ("time_limit: -1", "time_limit: soon", "must be seconds or -1"),
    ],
)
def test_what_cannot_be_run_is_refused_at_its_place(
    cell: Cell, tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert words in refused(cell, tmp_path, changed(old, new))


@pytest.mark.parametrize(
    ("destination", "station"),
    [("kitting", "kitting"), ("as1", "assembly_front"), ("as4", "assembly_back")],
)
def test_destinations(cell: Cell, tmp_path: Path, destination: str, station: str) -> None:
    job, _ = read(
        cell, tmp_path, changed("destination: 'warehouse'", f"destination: {destination}")
    )
    assert job.orders[0].destination == station


def test_conditions_priority_and_ids_of_other_kinds(cell: Cell, tmp_path: Path) -> None:
    text = TRIAL.replace(
        "time_condition: 0\n", "part_place_condition: {agv: 4, type: pump, color: red}\n"
    )
    text = text.replace("'MMB30H56'", "mm-1").replace("priority: false", "priority: true")
    job, warnings = read(cell, tmp_path, text)
    assert warnings == []
    assert job.orders[0].announcement.placed == ("agv4", "pump", "red")
    assert job.orders[0].order_id == "mm-1"
    assert job.orders[0].priority > 0
    assert maximum(job.orders[0]) == 27


def test_time_limit_and_quoted_numbers(cell: Cell, tmp_path: Path) -> None:
    text = TRIAL.replace("time_limit: -1", "time_limit: '500'").replace(
        "agv_number: 4", "agv_number: '4'"
    )
    job, warnings = read(cell, tmp_path, text)
    assert (job.time_limit_s, job.orders[0].transporter, warnings) == (500.0, "agv4", [])


def test_trial_without_orders_is_refused(cell: Cell, tmp_path: Path) -> None:
    assert "list of orders" in refused(cell, tmp_path, "time_limit: -1\norders: []\n")
    assert "list of orders" in refused(cell, tmp_path, "time_limit: -1\n")


def test_trial_in_a_cell_without_its_places_is_refused(tmp_path: Path) -> None:
    assert "agv4" in refused(load_cell("kitting"), tmp_path, TRIAL)
