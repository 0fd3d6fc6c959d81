"""URDF as frozen values: links with primitive shapes, joints with limits, read safely."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from xml.dom import minidom

from smart_cell.model.errors import InputError, Problem
from smart_cell.model.geometry import Pose
from smart_cell.model.xml_reading import Element, Mark, expand

LARGEST_M = 100.0
FARTHEST_M = 1000.0
LARGEST_NUMBER = 1e12
LARGEST_POSITION = 1e9
LEAST_VELOCITY = 1e-6
JOINT_TYPES = ("revolute", "continuous", "prismatic", "fixed")
_ROBOT_CHILDREN = ("link", "joint", "material", "transmission", "gazebo", "ros2_control")
_LINK_CHILDREN = ("inertial", "visual", "collision", "self_collision_checking")
_JOINT_CHILDREN = (
    *("origin", "parent", "child", "axis", "limit", "dynamics"),
    *("mimic", "safety_controller", "calibration"),
)
Vector = tuple[float, float, float]


@dataclass(frozen=True)
class Body:
    """A primitive shape on a link.

    Attributes:
        shape: What it is.
        size_m: box: edge lengths; cylinder: radius, length (along z, centred); sphere: radius.
        origin: Pose of the shape's centre in the link's frame.
        rgba: Colour, each in 0..1; None = none given.
    """

    shape: Literal["box", "cylinder", "sphere"]
    size_m: tuple[float, ...]
    origin: Pose
    rgba: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Inertial:
    """Mass [kg], centre of mass with its frame, and inertia about it [kg m^2].

    Attributes:
        inertia: ixx, iyy, izz, ixy, ixz, iyz.
    """

    mass_kg: float
    origin: Pose
    inertia: tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class Link:
    """One rigid link."""

    name: str
    inertial: Inertial | None
    visuals: tuple[Body, ...]
    collisions: tuple[Body, ...]


@dataclass(frozen=True)
class Joint:
    """One joint; ``origin`` is the pose of the joint's frame in the parent link.

    Attributes:
        axis: Unit vector in the joint's frame.
        lower: Lower limit [rad, m]; -inf if continuous or fixed.
        upper: Upper limit [rad, m]; inf if continuous or fixed.
        velocity: Largest speed [rad/s, m/s]; 0 if fixed.
        effort: Largest effort [N m, N]; 0 if none is given.
    """

    name: str
    type: Literal["revolute", "continuous", "prismatic", "fixed"]
    parent: str
    child: str
    origin: Pose
    axis: Vector
    lower: float
    upper: float
    velocity: float
    effort: float

    @property
    def moves(self) -> bool:
        """Whether the joint has an axis."""
        return self.type != "fixed"


@dataclass(frozen=True)
class Urdf:
    """A robot description; ``text`` is the expanded XML."""

    name: str
    links: Mapping[str, Link]
    joints: Mapping[str, Joint]
    text: str = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def parent_joints(self) -> Mapping[str, Joint]:
        """The joint above each link but the root."""
        return MappingProxyType({joint.child: joint for joint in self.joints.values()})

    @property
    def root(self) -> str:
        """Name of the link that has no parent."""
        return next(name for name in self.links if name not in self.parent_joints)

    def chain(self, base: str, tip: str) -> tuple[Joint, ...]:
        """Return all joints from ``base`` to ``tip``, fixed ones included, from the base.

        Raises:
            ValueError: A link is unknown, or ``base`` is not above ``tip``.
        """
        for link in (base, tip):
            if link not in self.links:
                known = ", ".join(self.links)
                raise ValueError(f"no link {link!r} in robot {self.name!r}; there are: {known}")
        path: list[Joint] = []
        link = tip
        while link != base:
            joint = self.parent_joints.get(link)
            if joint is None:
                raise ValueError(f"link {base!r} is not above link {tip!r} in {self.name!r}")
            path.append(joint)
            link = joint.parent
        return tuple(reversed(path))

    def moving_joints(self, base: str, tip: str) -> tuple[Joint, ...]:
        """Return the joints with an axis from ``base`` to ``tip``: the order of joint vectors.

        Raises:
            ValueError: As ``chain``.
        """
        return tuple(joint for joint in self.chain(base, tip) if joint.moves)


def load_urdf(
    path: Path, arguments: Mapping[str, str] | None = None, shown: str | None = None
) -> Urdf:
    """Read a URDF or xacro file.

    Args:
        path: The file.
        arguments: Values for ``xacro:arg``.
        shown: Name of the file in problems; None = the path.

    Raises:
        InputError: With all problems, at their places.
    """
    document, warnings = expand(path, arguments or {}, shown)
    return _Reader(list(warnings)).read(document)


def _children(element: Any, tag: str) -> list[Any]:
    nodes = (node for node in element.childNodes if isinstance(node, Element))
    return [node for node in nodes if node.tagName == tag]


class _Reader:
    """Reads one expanded document; collects problems and goes on."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.materials: dict[str, tuple[float, float, float, float]] = {}

    def read(self, document: minidom.Document) -> Urdf:
        root = document.documentElement
        assert isinstance(root, Element)
        if root.tagName != "robot":
            raise root.mark.refuse(f"the root element is <{root.tagName}>, not <robot>")
        self.unknown(root, _ROBOT_CHILDREN)
        for material in _children(root, "material"):
            self.color(material)
        links = self.named(_children(root, "link"), self.link)
        joints = self.named(_children(root, "joint"), self.joint)
        if not links:
            self.say(root, "the robot has no link")
        elif not self.failed():
            self.tree(root, links, joints)
        if self.failed():
            raise InputError(self.problems)
        text = '<?xml version="1.0"?>\n' + root.toxml() + "\n"
        name = root.getAttribute("name") or "robot"
        return Urdf(
            name, MappingProxyType(links), MappingProxyType(joints), text, tuple(self.problems)
        )

    def failed(self) -> bool:
        return any(not problem.warning for problem in self.problems)

    def say(self, element: Any, message: str, *, warning: bool = False) -> None:
        mark: Mark = element.mark
        self.problems.append(mark.problem(message, warning=warning))

    def unknown(self, element: Any, known: tuple[str, ...]) -> None:
        for node in element.childNodes:
            if isinstance(node, Element) and node.tagName not in known:
                self.say(
                    node, f"unknown element <{node.tagName}> in <{element.tagName}>", warning=True
                )

    def named(self, elements: list[Any], read: Any) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for element in elements:
            name = element.getAttribute("name")
            if not name:
                self.say(element, f"<{element.tagName}> without a name")
            elif name in result:
                self.say(element, f"{element.tagName} {name!r} is described twice")
            else:
                result[name] = read(element, name)
        return result

    def numbers(
        self,
        element: Any,
        attribute: str,
        count: int,
        default: tuple[float, ...] | None,
        largest: float = LARGEST_NUMBER,
    ) -> tuple[float, ...]:
        """Return ``count`` finite numbers of an attribute; a problem where they are not there."""
        where = f"<{element.tagName} {attribute}>"
        zeros = (0.0,) * count
        if not element.hasAttribute(attribute):
            if default is None:
                self.say(element, f"{where} is missing")
            return zeros if default is None else default
        text = element.getAttribute(attribute)
        try:
            values = tuple(float(word) for word in text.split())
        except ValueError:
            values = ()
        if len(values) != count or not all(abs(value) <= largest for value in values):
            what = "a finite number" if count == 1 else f"{count} finite numbers"
            if values and max(abs(value) for value in values) > largest:
                what += f" of at most {largest:g}"
            self.say(element, f"{where} must be {what}; got {text[:80]!r}")
            return zeros
        return values

    def number(self, element: Any, attribute: str, default: float | None = None) -> float:
        return self.numbers(element, attribute, 1, None if default is None else (default,))[0]

    def origin(self, element: Any) -> Pose:
        for node in _children(element, "origin"):
            zero = (0.0, 0.0, 0.0)
            xyz = self.numbers(node, "xyz", 3, zero, FARTHEST_M)
            return Pose.from_rpy(xyz, self.numbers(node, "rpy", 3, zero))
        return Pose()

    def color(self, material: Any) -> tuple[float, float, float, float] | None:
        name = material.getAttribute("name")
        for node in _children(material, "color"):
            values = self.numbers(node, "rgba", 4, None)
            if not all(0.0 <= value <= 1.0 for value in values):
                self.say(node, "<color rgba> must lie in 0..1")
            rgba = (values[0], values[1], values[2], values[3])
            if name:
                self.materials.setdefault(name, rgba)
            return rgba
        return self.materials.get(name)

    def link(self, element: Any, name: str) -> Link:
        self.unknown(element, _LINK_CHILDREN)
        inertial = [self.inertial(node) for node in _children(element, "inertial")[:1]]
        visuals = [self.body(node, required=False) for node in _children(element, "visual")]
        solids = [self.body(node, required=True) for node in _children(element, "collision")]
        return Link(
            name,
            inertial[0] if inertial else None,
            tuple(body for body in visuals if body is not None),
            tuple(body for body in solids if body is not None),
        )

    def inertial(self, element: Any) -> Inertial:
        mass = 0.0
        for node in _children(element, "mass"):
            mass = self.number(node, "value")
        if not mass > 0.0:
            self.say(element, f"the mass must be greater than 0 kg; got {mass:g}")
        moments = [0.0] * 6
        for node in _children(element, "inertia"):
            names = ("ixx", "iyy", "izz", "ixy", "ixz", "iyz")
            moments = [self.number(node, key, None if key[1] == key[2] else 0.0) for key in names]
            if min(moments[:3]) < 0.0:
                self.say(node, "ixx, iyy and izz must not be negative")
        a, b, c, d, e, f = moments
        return Inertial(mass, self.origin(element), (a, b, c, d, e, f))

    def body(self, element: Any, *, required: bool) -> Body | None:
        rgba = None
        for node in _children(element, "material"):
            rgba = self.color(node)
        for geometry in _children(element, "geometry"):
            for node in geometry.childNodes:
                if isinstance(node, Element):
                    return self.primitive(element, node, rgba, required=required)
        self.say(element, f"<{element.tagName}> without geometry")
        return None

    def primitive(
        self,
        element: Any,
        node: Any,
        rgba: tuple[float, float, float, float] | None,
        *,
        required: bool,
    ) -> Body | None:
        kind = node.tagName
        if kind == "box":
            size = self.numbers(node, "size", 3, None)
        elif kind == "cylinder":
            size = (self.number(node, "radius"), self.number(node, "length"))
        elif kind == "sphere":
            size = (self.number(node, "radius"),)
        else:
            text = f"geometry <{kind}> is not supported: give box, cylinder or sphere"
            text += "" if required else "; the visual is left out"
            self.say(node, text, warning=not required)
            return None
        if not (min(size) > 0.0 and max(size) <= LARGEST_M):
            text = f"greater than 0 m and at most {LARGEST_M:g} m"
            self.say(node, f"sizes of a {kind} must be {text}; got {size}")
        return Body(kind, size, self.origin(element), rgba)

    def joint(self, element: Any, name: str) -> Joint:
        self.unknown(element, _JOINT_CHILDREN)
        kind = element.getAttribute("type")
        if kind not in JOINT_TYPES:
            allowed = ", ".join(JOINT_TYPES)
            self.say(element, f"joint {name!r}: type {kind!r} is not one of {allowed}")
            kind = "fixed"
        ends = []
        for tag in ("parent", "child"):
            links = [node.getAttribute("link") for node in _children(element, tag)]
            if len(links) != 1 or not links[0]:
                self.say(element, f"joint {name!r} must name one {tag} link")
            ends.append(links[0] if links else "")
        if _children(element, "mimic"):
            self.say(element, f"joint {name!r}: mimic joints are not supported")
        lower, upper, velocity, effort = self.limits(element, name, kind)
        return Joint(
            *(name, kind, ends[0], ends[1], self.origin(element), self.axis(element, name, kind)),
            *(lower, upper, velocity, effort),
        )

    def axis(self, element: Any, name: str, kind: str) -> Vector:
        values: tuple[float, ...] = (1.0, 0.0, 0.0)
        for node in _children(element, "axis"):
            values = self.numbers(node, "xyz", 3, None)
        length = math.hypot(*values)
        if kind == "fixed":
            return (1.0, 0.0, 0.0)
        if not length > 1e-6:
            self.say(element, f"joint {name!r}: the axis has no direction")
            return (1.0, 0.0, 0.0)
        return (values[0] / length, values[1] / length, values[2] / length)

    def limits(self, element: Any, name: str, kind: str) -> tuple[float, float, float, float]:
        free = (-math.inf, math.inf)
        if kind == "fixed":
            return (*free, 0.0, 0.0)
        nodes = _children(element, "limit")
        if not nodes:
            keys = "velocity" if kind == "continuous" else "lower, upper and velocity"
            self.say(element, f"joint {name!r} has no <limit>: {keys} are needed")
            return (*free, 1.0, 0.0)
        node = nodes[0]
        velocity = self.number(node, "velocity")
        if not velocity >= LEAST_VELOCITY:
            text = f"velocity must be at least {LEAST_VELOCITY:g}; got {velocity:g}"
            self.say(node, f"joint {name!r}: {text}")
        effort = self.number(node, "effort", 0.0)
        if effort < 0.0:
            self.say(node, f"joint {name!r}: effort must not be negative; got {effort:g}")
        if kind == "continuous":
            return (*free, velocity, effort)
        lower, upper = (
            self.numbers(node, key, 1, None, LARGEST_POSITION)[0] for key in ("lower", "upper")
        )
        if not lower < upper:
            self.say(node, f"joint {name!r}: lower {lower:g} must be less than upper {upper:g}")
        return (lower, upper, velocity, effort)

    def tree(self, root: Any, links: dict[str, Link], joints: dict[str, Joint]) -> None:
        """Check that links and joints form one tree."""
        above: dict[str, str] = {}
        for element in _children(root, "joint"):
            joint = joints[element.getAttribute("name")]
            for end in (joint.parent, joint.child):
                if end not in links:
                    self.say(element, f"joint {joint.name!r}: there is no link {end!r}")
            if joint.child in above:
                self.say(element, f"link {joint.child!r} has two parent joints")
            above[joint.child] = joint.parent
        if self.failed():
            return
        roots = [name for name in links if name not in above]
        if len(roots) != 1:
            shown = ", ".join(roots[:8]) or "none (a loop)"
            self.say(root, f"the links must form one tree; roots: {shown}")
            return
        for name in links:
            link, steps = name, 0
            while link in above and steps <= len(links):
                link, steps = above[link], steps + 1
            if steps > len(links):
                self.say(root, f"link {name!r} is part of a loop")
                return
