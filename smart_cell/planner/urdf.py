"""The chain between two links of a URDF or xacro file, with its masses; shapes are ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.dom import minidom

import numpy as np

from smart_cell.model.errors import InputError
from smart_cell.model.xml_reading import MAX_BYTES, Element, Mark, expand, parse_xml
from smart_cell.planner.arrays import Array
from smart_cell.planner.errors import RobotDescriptionError

_MOVING = ("revolute", "continuous", "prismatic")
_MOMENTS = ("ixx", "ixy", "ixz", "iyy", "iyz", "izz")


@dataclass(frozen=True, eq=False)
class ChainJoint:
    """One joint of a chain, fixed ones included.

    Attributes:
        name: Unique in the robot.
        kind: ``revolute``, ``continuous``, ``prismatic`` or ``fixed``.
        parent: Link before it.
        child: Link behind it.
        origin: Pose of the joint's frame in the parent link, shape (4, 4).
        axis: Unit vector in the joint's frame, shape (3,).
        lower: [rad or m], -inf if continuous or fixed, NaN if the file states none.
        upper: [rad or m], inf if continuous or fixed, NaN if the file states none.
        velocity: [rad/s or m/s]; None if the file states none.
        effort: [N m or N]; inf if the file states none.
        inertia: Pseudo-inertia, in the child link's frame, of the child and of all that hangs on
            it beside the chain, shape (4, 4); see ``pseudo_inertia``.
    """

    name: str
    kind: str
    parent: str
    child: str
    origin: Array
    axis: Array
    lower: float
    upper: float
    velocity: float | None
    effort: float
    inertia: Array = field(default_factory=lambda: np.zeros((4, 4)))


def pseudo_inertia(mass: float, centre: Array, inertia: Array) -> Array:
    """Return a body's moments about the origin as one matrix that adds up over bodies.

    A change of frame T takes the matrix M to T M T^T (Wensing, Kim and Slotine 2018, "Linear matrix
    inequalities for physically consistent inertial parameter identification", IEEE RA-L 3(1)).

    Args:
        mass: [kg].
        centre: Centre of mass [m], shape (3,).
        inertia: About the centre of mass, in the frame's axes [kg m^2], shape (3, 3).

    Returns:
        [[second moments, first moments], [first moments, mass]], shape (4, 4).
    """
    result = np.empty((4, 4))
    second = 0.5 * np.trace(inertia) * np.eye(3) - inertia
    result[:3, :3] = second + mass * np.outer(centre, centre)
    result[:3, 3] = result[3, :3] = mass * centre
    result[3, 3] = mass
    return result


def read_chain(
    path: str | Path, base: str, tip: str, arguments: Mapping[str, str]
) -> tuple[ChainJoint, ...]:
    """Return the joints from ``base`` to ``tip`` of a URDF or xacro file, from the base.

    Raises:
        RobotDescriptionError: The file is unreadable or has no usable chain between the links.
    """
    try:
        document, _ = expand(Path(path), dict(arguments))
        return _Links(document, str(path)).chain(base, tip)
    except InputError as error:
        raise RobotDescriptionError(str(error)) from None


def parse_chain(text: str | bytes, base: str, tip: str) -> tuple[ChainJoint, ...]:
    """Return the joints from ``base`` to ``tip`` of a URDF text, from the base.

    Raises:
        RobotDescriptionError: The text is no URDF or has no usable chain between the links.
    """
    name = "<urdf>"
    content = text.encode() if isinstance(text, str) else text
    try:
        if len(content) > MAX_BYTES:
            raise Mark(name).refuse(f"is larger than {MAX_BYTES} bytes")
        return _Links(parse_xml(content, name), name).chain(base, tip)
    except InputError as error:
        raise RobotDescriptionError(str(error)) from None


def _children(element: Any, tag: str) -> list[Any]:
    nodes = (node for node in element.childNodes if isinstance(node, Element))
    return [node for node in nodes if node.tagName == tag]


def _numbers(element: Any, key: str, count: int, default: str) -> list[float]:
    text = element.getAttribute(key) or default
    try:
        values = [float(word) for word in text.split()]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(v) for v in values):
        raise element.mark.refuse(
            f"<{element.tagName} {key}> must be {count} finite numbers; got {text[:80]!r}"
        )
    return values


def _origin(joint: Any) -> Array:
    result = np.eye(4)
    for node in _children(joint, "origin"):
        roll, pitch, yaw = _numbers(node, "rpy", 3, "0 0 0")
        cr, sr = math.cos(roll), math.sin(roll)
        cp, sp = math.cos(pitch), math.sin(pitch)
        cy, sy = math.cos(yaw), math.sin(yaw)
        result[:3, :3] = (
            (cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr),
            (sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr),
            (-sp, cp * sr, cp * cr),
        )
        result[:3, 3] = _numbers(node, "xyz", 3, "0 0 0")
    return result


def _inertial(link: Any) -> Array:
    """Return the pseudo-inertia of a link in its frame; zero if it states none."""
    total = np.zeros((4, 4))
    for node in _children(link, "inertial")[:1]:
        values = {}
        for tag, keys in (("mass", ("value",)), ("inertia", _MOMENTS)):
            nodes = _children(node, tag)
            if not nodes:
                raise node.mark.refuse(f"<inertial> has no <{tag}>")
            for key in keys:
                values[key] = _numbers(nodes[0], key, 1, "")[0]
        if values["value"] < 0.0:
            raise node.mark.refuse(f"a mass is {values['value']:g} kg; it cannot be negative")
        xx, xy, xz, yy, yz, zz = (values[key] for key in _MOMENTS)
        about_centre = np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
        frame = _origin(node)
        total = frame @ pseudo_inertia(values["value"], np.zeros(3), about_centre) @ frame.T
    return total


def _axis(joint: Any, name: str) -> Array:
    axis = np.array([1.0, 0.0, 0.0])
    for node in _children(joint, "axis"):
        axis = np.array(_numbers(node, "xyz", 3, "1 0 0"))
    length = float(np.linalg.norm(axis))
    if not length > 1e-6:
        raise joint.mark.refuse(f"joint {name!r}: the axis has no direction")
    result: Array = axis / length
    return result


class _Links:
    """The joints of one document by their child link."""

    def __init__(self, document: minidom.Document, file: str) -> None:
        root: Any = document.documentElement
        if root is None or root.tagName != "robot":
            raise Mark(file).refuse("the root element is not <robot>")
        self.root = root
        self.links = {node.getAttribute("name"): node for node in _children(root, "link")}
        self.above: dict[str, Any] = {}
        self.below: dict[str, list[tuple[str, Any]]] = {}
        joints = _children(root, "joint")
        self._refuse_twice("link", _children(root, "link"))
        self._refuse_twice("joint", joints)
        for joint in joints:
            child = self._end(joint, "child")
            if child in self.above:
                raise joint.mark.refuse(f"link {child!r} has two parent joints")
            self.above[child] = joint
            self.below.setdefault(self._end(joint, "parent"), []).append((child, joint))

    @staticmethod
    def _refuse_twice(kind: str, elements: list[Any]) -> None:
        seen = set[str]()
        for element in elements:
            name = element.getAttribute("name")
            if name in seen:
                raise element.mark.refuse(f"there are two {kind}s {name!r}")
            seen.add(name)

    @staticmethod
    def _end(joint: Any, tag: str) -> str:
        links = [node.getAttribute("link") for node in _children(joint, tag)]
        if len(links) != 1 or not links[0]:
            raise joint.mark.refuse(f"a joint must name one {tag} link")
        return str(links[0])

    def chain(self, base: str, tip: str) -> tuple[ChainJoint, ...]:
        for link in (base, tip):
            if link not in self.links:
                shown = ", ".join(list(self.links)[:40]) or "none"
                raise self.root.mark.refuse(f"there is no link {link!r}; there are: {shown}")
        path: list[ChainJoint] = []
        on_chain = {base}
        link = tip
        while link != base:
            element = self.above.get(link)
            if element is None or len(path) > len(self.links):
                raise self.root.mark.refuse(f"link {base!r} is not above link {tip!r}")
            path.append(self._joint(element, link))
            on_chain.add(link)
            link = path[-1].parent
            if link not in self.links:
                raise element.mark.refuse(f"joint {path[-1].name!r}: there is no link {link!r}")
        return tuple(
            replace(joint, inertia=self._carried(joint.child, on_chain)) for joint in reversed(path)
        )

    def _carried(self, link: str, on_chain: set[str]) -> Array:
        """Return the inertia of a link and all that hangs on it beside the chain, joints at 0."""
        total = np.zeros((4, 4))
        seen = set(on_chain)
        waiting = [(link, np.eye(4))]
        while waiting:
            name, frame = waiting.pop()
            total += frame @ _inertial(self.links[name]) @ frame.T
            for child, joint in self.below.get(name, ()):
                if child not in seen and child in self.links:
                    seen.add(child)
                    waiting.append((child, frame @ _origin(joint)))
        return total

    def _joint(self, element: Any, child: str) -> ChainJoint:
        name = element.getAttribute("name")
        kind = element.getAttribute("type")
        if not name:
            raise element.mark.refuse("a joint without a name")
        if kind not in (*_MOVING, "fixed"):
            allowed = ", ".join((*_MOVING, "fixed"))
            raise element.mark.refuse(
                f"joint {name!r} on the chain has type {kind!r}; allowed: {allowed}"
            )
        if kind != "fixed" and _children(element, "mimic"):
            raise element.mark.refuse(
                f"joint {name!r} on the chain mimics another joint; a serial chain has no mimics"
            )
        axis = np.array([0.0, 0.0, 1.0]) if kind == "fixed" else _axis(element, name)
        lower, upper, velocity, effort = self._limits(element, name, kind)
        parent = self._end(element, "parent")
        return ChainJoint(
            name, kind, parent, child, _origin(element), axis, lower, upper, velocity, effort
        )

    @staticmethod
    def _limits(element: Any, name: str, kind: str) -> tuple[float, float, float | None, float]:
        nodes = _children(element, "limit")
        if kind == "fixed" or (kind == "continuous" and not nodes):
            return -math.inf, math.inf, None, math.inf
        if not nodes:
            return math.nan, math.nan, None, math.inf
        node = nodes[0]
        velocity = _numbers(node, "velocity", 1, "0")[0] if node.hasAttribute("velocity") else None
        effort = _numbers(node, "effort", 1, "0")[0] if node.hasAttribute("effort") else 0.0
        effort = effort if effort > 0.0 else math.inf
        if kind == "continuous":
            return -math.inf, math.inf, velocity, effort
        lower, upper = (
            _numbers(node, key, 1, "")[0] if node.hasAttribute(key) else math.nan
            for key in ("lower", "upper")
        )
        return lower, upper, velocity, effort
