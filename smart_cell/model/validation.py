"""Cross-checks of a cell description: names, frames, joints, grippers; all problems at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ValidationError

from smart_cell.model.description import Arm, CellDescription
from smart_cell.model.frames import SECTIONS, WORLD, placed, resolve
from smart_cell.model.layout import LayoutChecker
from smart_cell.model.supply_check import SupplyChecker
from smart_cell.model.units import UnitChecker
from smart_cell.model.urdf import Joint, Urdf
from smart_cell.model.yaml_reading import Document, Location, M, allowed

MAX_JOINTS = 16
MAX_LINKS = 64
DEFAULT = "default"
Broken = frozenset[tuple[str, str]]


def prune(document: Document, model: type[M]) -> tuple[M | None, Broken]:
    """Return what is valid of a document whose schema problems are already reported.

    So that names and geometry of the healthy part are checked too, each broken thing (an arm, a
    bin, ...) is left out as a whole; its name counts as known.

    Returns:
        The remaining model, None if nothing usable remains; section and name of what was left out.
    """
    data = document.data
    if not isinstance(data, dict):
        return None, frozenset()
    broken: set[tuple[str, str]] = set()
    for _ in range(4):  # what is left out may hide the next problem; a few rounds are enough
        try:
            return model.model_validate(data), frozenset(broken)
        except ValidationError as error:
            data = dict(data)
            for detail in error.errors(include_url=False, include_context=False):
                _leave_out(data, model, detail["loc"], broken)
    return None, frozenset(broken)


def _leave_out(
    data: dict[str, object],
    model: type[BaseModel],
    location: Location,
    broken: set[tuple[str, str]],
) -> None:
    section = str(location[0])
    content = data.get(section)
    if section == "cell":
        data["cell"] = "cell"
    elif len(location) >= 2 and isinstance(content, dict) and section in SECTION_NAMES:
        name = str(location[1])
        data[section] = {key: value for key, value in content.items() if key != name}
        broken.add((section, name))
    else:
        data.pop(section, None)
        broken.add((section, ""))


SECTION_NAMES = (*SECTIONS, "part_types", "tray_types", "bin_types", "grippers")


class CellChecker:
    """Checks one description; problems go to the document.

    Args:
        document: The file.
        description: Its content.
        urdfs: Robot descriptions by arm; an arm whose URDF has problems is not in it.
        broken: Section and name of what schema problems took out of the description.
    """

    def __init__(
        self,
        document: Document,
        description: CellDescription,
        urdfs: Mapping[str, Urdf],
        broken: Broken = frozenset(),
    ) -> None:
        """Keep what is to be checked."""
        self.document = document
        self.d = description
        self.urdfs = urdfs
        self.broken = broken

    def check(self) -> None:
        """Add all problems to the document."""
        self._names()
        self._frames()
        self._references()
        self._unused()
        self._grippers()
        for name, arm in self.d.arms.items():
            self._arm(name, arm)
        UnitChecker(self.document, self.d, self.urdfs).check()
        LayoutChecker(self.document, self.d).check()
        if not any(section == "supply" for section, _ in self.broken):
            known = {name for _, name in self.broken}
            SupplyChecker(self.document, self.d, ("supply",), known).check(self.d.supply)

    def _refer(self, location: Location, value: str, section: str, names: Iterable[str]) -> None:
        """Check that ``value`` is one of the names of a section."""
        known = list(names)
        if value in known or (section, value) in self.broken or (section, "") in self.broken:
            return
        self.document.say(
            location, f"there is no {_singular(section)} {value!r}; {allowed(value, known)}"
        )

    def _names(self) -> None:
        seen: dict[str, str] = {WORLD: "the root frame"}
        for section in SECTIONS:
            for name in getattr(self.d, section):
                if name in seen:
                    text = f"the name {name!r} is taken by {seen[name]}"
                    self.document.say((section, name), text, key=True)
                seen.setdefault(name, f"{section}.{name}")

    def _frames(self) -> None:
        _, problems = resolve(self.d)
        lost = {name for _, name in self.broken}
        for location, name, pose in placed(self.d):
            if name in problems and pose.parent not in lost and "hangs on" not in problems[name]:
                names = (WORLD, *(n for _, n, _ in placed(self.d)))
                text = problems[name]
                text += f"; {allowed(pose.parent, names)}" if "no frame" in text else ""
                self.document.say((*location, "parent"), text)

    def _references(self) -> None:
        d = self.d
        for name, arm in d.arms.items():
            self._refer(("arms", name, "gripper"), arm.gripper, "grippers", d.grippers)
            self._refer(("arms", name, "folded"), arm.folded, "ready_poses", arm.ready_poses)
        for name, item in d.bins.items():
            self._refer(("bins", name, "type"), item.type, "bin_types", d.bin_types)
        for name, table in d.tray_tables.items():
            location = ("tray_tables", name, "tray_type")
            self._refer(location, table.tray_type, "tray_types", d.tray_types)
        for name, mover in d.transporters.items():
            location = ("transporters", name, "tray_type")
            self._refer(location, mover.tray_type, "tray_types", d.tray_types)
            self._refer(("transporters", name, "home"), mover.home, "stations", mover.stations)
        tools = {tool for gripper in d.grippers.values() for tool in gripper.tools}
        for name, changer in d.tool_changers.items():
            self._refer(("tool_changers", name, "tool"), changer.tool, "tools", sorted(tools))

    def _unused(self) -> None:
        """Warn of types that nothing is of: a name may be misspelt somewhere."""
        d = self.d
        used = {item.type for item in d.bins.values()}
        used |= {table.tray_type for table in d.tray_tables.values()}
        used |= {mover.tray_type for mover in d.transporters.values()}
        if any(name for _, name in self.broken) or used - {*d.bin_types, *d.tray_types}:
            return  # what is broken or misspelt may use them
        for section in ("bin_types", "tray_types"):
            for name in getattr(d, section):
                if name not in used:
                    text = "nothing in the cell is of this type"
                    self.document.say((section, name), text, warning=True, key=True)

    def _grippers(self) -> None:
        users: dict[str, str] = {}
        for name, arm in self.d.arms.items():
            if arm.gripper in users:
                text = f"gripper {arm.gripper!r} is already on arm {users[arm.gripper]!r}"
                self.document.say(("arms", name, "gripper"), text)
            users.setdefault(arm.gripper, name)
            gripper = self.d.grippers.get(arm.gripper)
            grasps = set() if gripper is None else {t.grasps for t in gripper.tools.values()}
            for index, duty in enumerate(arm.duties):
                if gripper is not None and duty not in grasps:
                    text = f"gripper {arm.gripper!r} has no tool that grasps {duty}"
                    self.document.say(("arms", name, "duties", index), text)
        arms_are_whole = not any(section == "arms" for section, _ in self.broken)
        for name, gripper in self.d.grippers.items():
            self._refer(("grippers", name, "tool"), gripper.tool, "tools", gripper.tools)
            if name not in users:
                if arms_are_whole:
                    self.document.say(("grippers", name), "no arm has this gripper", warning=True)
                continue
            tip = self.d.arms[users[name]].tip
            if gripper.tcp.parent not in (WORLD, tip):
                text = f"the tcp stands in the frame of the arm's tip: write {tip!r} or nothing"
                self.document.say(("grippers", name, "tcp", "parent"), text)

    def _arm(self, name: str, arm: Arm) -> None:
        urdf = self.urdfs.get(name)
        if urdf is None:
            return
        place: Location = ("arms", name)
        for key, link in (("base", arm.base), ("tip", arm.tip)):
            if link not in urdf.links:
                text = f"the URDF has no link {link!r}; {allowed(link, urdf.links)}"
                self.document.say((*place, key), text)
                return
        try:
            joints = urdf.moving_joints(arm.base, arm.tip)
        except ValueError as error:
            self.document.say((*place, "base"), str(error))
            return
        if not 1 <= len(joints) <= MAX_JOINTS:
            text = f"the chain has {len(joints)} joints; 1 to {MAX_JOINTS} are allowed"
            self.document.say((*place, "tip"), text)
            return
        links = len(urdf.chain(arm.base, arm.tip)) + 1
        if links > MAX_LINKS:
            text = f"the chain has {links} links; at most {MAX_LINKS} are allowed"
            self.document.say((*place, "tip"), text)
            return
        proper = self._external(place, arm, urdf, joints)
        self._position((*place, "home"), arm.home, joints)
        for pose, values in arm.ready_poses.items():
            self._position((*place, "ready_poses", pose), values, proper)
        for key in ("acceleration", "jerk"):
            self._limits((*place, "limits", key), getattr(arm.limits, key), joints)

    def _external(
        self, place: Location, arm: Arm, urdf: Urdf, joints: Sequence[Joint]
    ) -> Sequence[Joint]:
        """Check the external axes; return the joints of the arm proper."""
        if arm.external is None:
            return joints
        place = (*place, "external")
        names = [joint.name for joint in joints]
        count = len(arm.external.joints)
        if list(arm.external.joints) != names[:count] or count >= len(names):
            text = f"the external axes must be the first joints of the chain: {', '.join(names)}"
            self.document.say((*place, "joints"), text)
            return joints[min(count, len(joints)) :]
        carrier = arm.external.carrier
        try:
            above = [joint.name for joint in urdf.moving_joints(arm.base, carrier)]
        except ValueError as error:
            self.document.say((*place, "carrier"), str(error))
            above = names[:count]
        if above != names[:count]:
            text = (
                f"between base and carrier {carrier!r} lie the joints {', '.join(above) or 'none'}"
            )
            self.document.say((*place, "carrier"), f"{text}; must be the external ones")
        by_name = {joint.name: joint for joint in joints[:count]}
        for index, item in enumerate(arm.external.places):
            for joint, value in item.joints.items():
                at = (*place, "places", index, "joints", joint)
                if joint not in by_name:
                    text = f"there is no external axis {joint!r}; {allowed(joint, by_name)}"
                    self.document.say(at, text, key=True)
                else:
                    self._within(at, value, by_name[joint])
        return joints[count:]

    def _position(self, place: Location, values: Sequence[float], joints: Sequence[Joint]) -> None:
        if len(values) != len(joints):
            names = ", ".join(joint.name for joint in joints)
            text = f"{len(values)} values for {len(joints)} joints ({names})"
            self.document.say(place, text)
            return
        for index, (value, joint) in enumerate(zip(values, joints, strict=True)):
            self._within((*place, index), value, joint)

    def _within(self, place: Location, value: float, joint: Joint) -> None:
        if joint.lower <= value <= joint.upper:
            return
        unit = "m" if joint.type == "prismatic" else "rad"
        text = f"{value:g} is outside the limits {joint.lower:g} .. {joint.upper:g} {unit}"
        degrees = unit == "rad" and joint.lower <= math.radians(value) <= joint.upper
        hint = "; given in degrees?" if degrees and abs(value) > math.pi else ""
        self.document.say(place, f"{text} of joint {joint.name!r}{hint}")

    def _limits(
        self, place: Location, values: Mapping[str, float], joints: Sequence[Joint]
    ) -> None:
        names = [joint.name for joint in joints]
        for key in values:
            if key != DEFAULT and key not in names:
                text = f"there is no joint {key!r}; {allowed(key, (DEFAULT, *names))}"
                self.document.say((*place, key), text, key=True)
        missing = [name for name in names if name not in values]
        if missing and DEFAULT not in values:
            self.document.say(place, f"no value for {', '.join(missing)}, and no {DEFAULT!r}")


def _singular(section: str) -> str:
    return section.removesuffix("s").replace("_", " ")
