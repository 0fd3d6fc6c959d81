"""Values and names of ARIAC trials, read as NIST's own parser reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

PART_TYPES = ("battery", "pump", "sensor", "regulator")
COLORS = ("red", "green", "blue", "orange", "purple")
BINS = tuple(f"bin{number}" for number in range(1, 9))
AGVS = tuple(f"agv{number}" for number in range(1, 5))
TABLES = ("kts1", "kts2")
BELT = "belt"
SPAWN_YAW = -math.pi / 2  # of an unrotated part on the belt, in the world [rad]
BELT_HALF_SPREAD_M = 0.14
STATIONS: Mapping[str, str] = {
    "kitting": "kitting",
    "warehouse": "warehouse",
    "as1": "assembly_front",
    "as2": "assembly_back",
    "as3": "assembly_front",
    "as4": "assembly_back",
    "assembly_front": "assembly_front",
    "assembly_back": "assembly_back",
}
PRIORITY = 1

ORDER_KEYS = ("id", "type", "announcement", "priority")
TASKS: Mapping[str, str] = {
    "kitting": "kitting_task",
    "assembly": "assembly_task",
    "combined": "combined_task",
}
CONDITIONS = ("time_condition", "part_place_condition", "submission_condition")
CHALLENGES: Mapping[str, tuple[str, ...]] = {
    "dropped_part": ("robot", "type", "color", "drop_after", "delay"),
    "robot_malfunction": ("duration", "robots_to_disable", *CONDITIONS),
    "sensor_blackout": ("duration", "sensors_to_disable", *CONDITIONS),
    "faulty_part": ("order_id", "quadrant1", "quadrant2", "quadrant3", "quadrant4"),
    "human": ("behavior", *CONDITIONS),
}
TRIAL_KEYS = ("time_limit", "kitting_trays", "assembly_inserts", "parts", "orders", "challenges")

_EXACT = re.compile(r"-?(?:[0-9]+\*?)?pi(?:/[0-9]+)?|[0-9]+")


def angle(text: str) -> tuple[float, bool]:
    """Return an angle [rad] as NIST's ``convert_pi_string_to_float`` reads it.

    Args:
        text: The value as it stands in the file, without quotes.

    Returns:
        The angle, turned into -pi .. pi, and whether it is what the text says: ``1.57`` and
        ``p1/2`` are read as 0, which they do not say.
    """
    try:
        value = _nist(text)
    except (ArithmeticError, ValueError):
        value = 0.0  # NIST's parser would have stopped here
    if not math.isfinite(value):
        return 0.0, False
    try:
        meant = math.isclose(float(text), value, abs_tol=1e-12)
    except ValueError:
        meant = _EXACT.fullmatch(text) is not None and not text.endswith("/0")
    return math.remainder(value, 2 * math.pi), meant


def _nist(text: str) -> float:
    """Repeat the steps of NIST's function, in its order."""
    if text.isdigit():
        return float(text)
    if "pi" not in text:
        return 0.0
    sign = -1.0 if "-" in text else 1.0
    pieces = text.replace("-", "").split("pi")
    if len(pieces) != 2:
        return 0.0
    before, after = pieces[0].replace("*", ""), pieces[1].replace("/", "")
    if pieces[0]:
        value = float(before) * math.pi if before.isdigit() else 0.0
        return sign * (value / float(after) if after.isdigit() else value)
    if pieces[1]:
        return sign * math.pi / float(after) if after.isdigit() else 0.0
    return sign * math.pi


def integer(value: object) -> int | None:
    """Return a whole number that stands bare or in quotes; None if it is none."""
    number = decimal(value)
    if number is None or not number.is_integer() or abs(number) > 1e9:
        return None
    return int(number)


def decimal(value: object) -> float | None:
    """Return a finite number that stands bare or in quotes; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def boolean(value: object) -> bool | None:
    """Return a truth value as YAML 1.1 knows them; None if it is none."""
    if isinstance(value, bool):
        return value
    words = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}
    return words.get(value.lower()) if isinstance(value, str) else None
