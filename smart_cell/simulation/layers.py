"""What collides with what, and which touch is meant: collision bits and classes of geoms."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

MAX_ARMS = 16


class Layer(enum.IntFlag):
    """Collision bits. Two geoms collide if one's ``contype`` meets the other's ``conaffinity``."""

    STATIC = 1
    PART = 2
    TRAY = 4
    LINK = 8
    CARRIER = 16


def cup_bit(arm: int) -> int:
    """Return the bit of the gripper of the arm with that index, 0 to 15."""
    return 1 << (8 + arm)


ALL_CUPS = sum(cup_bit(arm) for arm in range(MAX_ARMS))

# A cup meets parts and trays only through *their* affinity, so that a gripper and the part it holds
# can be kept apart at run time by taking one bit from the part.
AFFINITY = {
    Layer.STATIC: int(Layer.PART | Layer.TRAY | Layer.LINK) | ALL_CUPS,
    Layer.PART: int(Layer.STATIC | Layer.PART | Layer.TRAY | Layer.LINK | Layer.CARRIER) | ALL_CUPS,
    Layer.TRAY: int(Layer.STATIC | Layer.PART | Layer.TRAY | Layer.LINK | Layer.CARRIER) | ALL_CUPS,
    Layer.LINK: int(Layer.STATIC | Layer.PART | Layer.TRAY | Layer.LINK | Layer.CARRIER) | ALL_CUPS,
    Layer.CARRIER: int(Layer.PART | Layer.TRAY | Layer.LINK) | ALL_CUPS,
}
CUP_AFFINITY = int(Layer.STATIC | Layer.LINK | Layer.CARRIER) | ALL_CUPS


class Class(enum.IntEnum):
    """What a geom is to the collision watch."""

    FLOOR = 0
    OBSTACLE = 1
    SURFACE = 2
    PART = 3
    TRAY = 4
    HELD = 5
    LINK = 6
    GRIPPER = 7
    CUP = 8


class Verdict(enum.IntEnum):
    """What a contact between two classes means."""

    NORMAL = 0
    TOUCH = 1
    STANDING = 2
    COLLISION = 3
    FELL = 4


def verdicts() -> NDArray[np.int8]:
    """Return the table of verdicts, shape (9, 9), symmetric, by class.

    TOUCH is meant unless its force is crushing; STANDING is meant if the contact is also level, as
    that of a held part with the surface it comes from or goes to; COLLISION is never meant; FELL is
    a part or tray on the floor.
    """
    table = np.zeros((len(Class), len(Class)), dtype=np.int8)
    for one in (Class.LINK, Class.GRIPPER, Class.CUP, Class.HELD):
        for other in Class:
            table[one, other] = table[other, one] = Verdict.COLLISION
    for a, b, verdict in (
        (Class.CUP, Class.PART, Verdict.TOUCH),
        (Class.CUP, Class.TRAY, Verdict.TOUCH),
        (Class.HELD, Class.SURFACE, Verdict.STANDING),
        (Class.HELD, Class.TRAY, Verdict.STANDING),
        (Class.PART, Class.FLOOR, Verdict.FELL),
        (Class.TRAY, Class.FLOOR, Verdict.FELL),
    ):
        table[a, b] = table[b, a] = verdict
    return table
