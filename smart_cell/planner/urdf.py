"""The kinematic chain between two links of a URDF or xacro file; shapes are ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.dom import minidom

import numpy as np

from smart_cell.model.errors import InputError
from smart_cell.model.xml_reading import MAX_BYTES, Element, Mark, expand, parse_xml
from smart_cell.planner.arrays import Array
from smart_cell.planner.errors import RobotDescriptionError

_MOVING = ("revolute", "continuous", "prismatic")


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
        self.links = [node.getAttribute("name") for node in _children(root, "link")]
        self.above: dict[str, Any] = {}
        joints = _children(root, "joint")
        self._refuse_twice("link", _children(root, "link"))
        self._refuse_twice("joint", joints)
        for joint in joints:
            child = self._end(joint, "child")
            if child in self.above:
                raise joint.mark.refuse(f"link {child!r} has two parent joints")
            self.above[child] = joint

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
                shown = ", ".join(self.links[:40]) or "none"
                raise self.root.mark.refuse(f"there is no link {link!r}; there are: {shown}")
        path: list[ChainJoint] = []
        link = tip
        while link != base:
            element = self.above.get(link)
            if element is None or len(path) > len(self.links):
                raise self.root.mark.refuse(f"link {base!r} is not above link {tip!r}")
            path.append(self._joint(element, link))
            link = path[-1].parent
            if link not in self.links:
                raise element.mark.refuse(f"joint {path[-1].name!r}: there is no link {link!r}")
        return tuple(reversed(path))

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
