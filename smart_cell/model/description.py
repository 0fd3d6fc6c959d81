"""What a robot cell is: the frozen models behind a cell's YAML file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smart_cell.model.geometry import Pose
from smart_cell.model.supply import Supply, as_text

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
SlotName = Annotated[
    str, BeforeValidator(as_text), Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_]+$")
]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Length = Annotated[Number, Field(ge=1e-6, le=100.0)]
Coordinate = Annotated[Number, Field(ge=-1000.0, le=1000.0)]
Angle = Annotated[Number, Field(ge=-6.2832, le=6.2832)]
Positive = Annotated[Number, Field(ge=1e-6, le=1e9)]
NotNegativeLength = Annotated[Number, Field(ge=0.0, le=100.0)]
Friction = Annotated[Number, Field(ge=0.001, le=10.0)]
Argument = Annotated[str, Field(max_length=512, pattern=r"^[^\x00-\x1f\x7f]*$")]
Vector3 = tuple[Coordinate, Coordinate, Coordinate]
Size3 = tuple[Length, Length, Length]


class Model(BaseModel):
    """Base of all description models: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class PlacedPose(Model):
    """Pose of something in a named frame."""

    parent: Name = "world"
    xyz: Vector3 = (0.0, 0.0, 0.0)
    rpy: tuple[Angle, Angle, Angle] = (0.0, 0.0, 0.0)

    def local(self) -> Pose:
        """Return the pose in its parent frame."""
        return Pose.from_rpy(self.xyz, self.rpy)


class Shape(Model):
    """A box (edge lengths [m]) or an upright cylinder (radius, height [m]); exactly one of them."""

    box_m: Size3 | None = None
    cylinder_m: tuple[Length, Length] | None = None

    @model_validator(mode="after")
    def _one_shape(self) -> Shape:
        if (self.box_m is None) == (self.cylinder_m is None):
            raise ValueError("give exactly one of box_m and cylinder_m")
        return self

    @property
    def extents(self) -> tuple[float, float, float]:
        """Edge lengths of the bounding box [m]."""
        if self.box_m is not None:
            return self.box_m
        assert self.cylinder_m is not None
        radius, height = self.cylinder_m
        return (2 * radius, 2 * radius, height)


class PartType(Model):
    """A kind of part. Its frame lies on the underside; the shape stands on it.

    Attributes:
        shape: Geometry, centred over ``center_xy_m``.
        center_xy_m: Centre of the shape in the part's frame [m].
        mass_kg: Mass [kg].
        colors: Allowed colours, the names that orders use.
        grasp_xy_m: Where the cup lands on top of the part, in the part's frame [m].
    """

    shape: Shape
    center_xy_m: tuple[Coordinate, Coordinate] = (0.0, 0.0)
    mass_kg: Positive
    friction: Friction = 1.0
    colors: tuple[Name, ...] = Field(min_length=1, max_length=32)
    grasp_xy_m: tuple[Coordinate, Coordinate] = (0.0, 0.0)

    @property
    def height(self) -> float:
        """Height of the part [m]."""
        return self.shape.extents[2]


class ExternalPlace(Model):
    """Where the external axes go for a target.

    Attributes:
        offset_m: Wanted position of the target relative to the carrier link's origin, world axes
            [m]; prismatic axes follow as far as they can (least squares).
        joints: Values of the axes that do not follow, such as a gantry's rotation [rad or m].
    """

    offset_m: Vector3 = (0.0, 0.0, 0.0)
    joints: dict[str, Number] = Field(default_factory=dict, max_length=16)


class ExternalAxes(Model):
    """Axes that carry the arm: a rail, a gantry.

    Attributes:
        joints: Their names, from the base of the chain.
        carrier: Link at which the arm proper begins (base of the chain that remains).
        places: Preferred places, tried in this order.
    """

    joints: tuple[str, ...] = Field(min_length=1, max_length=10)
    carrier: str
    places: tuple[ExternalPlace, ...] = Field(min_length=1, max_length=64)


class MotionLimits(Model):
    """Limits that a URDF cannot hold, by joint name; ``default`` is for the joints not named.

    Units: rad/s^2 and rad/s^3, for prismatic joints m/s^2 and m/s^3; velocity_scale in (0, 1].
    """

    acceleration: dict[str, Positive] = Field(min_length=1, max_length=17)
    jerk: dict[str, Positive] = Field(min_length=1, max_length=17)
    velocity_scale: Annotated[Number, Field(ge=0.001, le=1.0)] = 1.0


class Arm(Model):
    """A robot arm, with its external axes if it has any.

    Attributes:
        urdf: URDF or xacro, as a data file (``urdf/...``) or a path beside the cell file.
        xacro_args: Arguments for xacro.
        base: Root link of the chain, standing at ``mount``.
        tip: Last link of the chain (``tool0``: z out of the flange).
        mount: Pose of the base link.
        external: Axes that carry the arm.
        limits: Acceleration and jerk limits.
        gripper: The gripper at the tip.
        home: Full joint position [rad, m], in chain order; where it starts and rests, folded.
        ready_poses: Named positions of the arm joints proper (without external axes), tool down
            at a safe height, from which the arm lowers to its targets; transfers go between these.
        folded: Name of the ready pose in which external axes may move.
        transfer_height_m: World z above which the tool's contact face keeps while it transfers.
        tool_speed_m_s: Limit of the tool's speed on straight lines.
        tool_acceleration_m_s2: Limit of the tool's acceleration on straight lines.
        duties: What the arm is for: ``parts``, ``trays``; it only gets such work.
        preference: Lower is asked first where several arms can do a step.
    """

    urdf: str = Field(min_length=1, max_length=512)
    xacro_args: dict[str, Argument] = Field(default_factory=dict, max_length=64)
    base: str = "base_link"
    tip: str = "tool0"
    mount: PlacedPose = PlacedPose()
    external: ExternalAxes | None = None
    limits: MotionLimits
    gripper: Name
    home: tuple[Number, ...] = Field(min_length=1, max_length=16)
    ready_poses: dict[Name, tuple[Number, ...]] = Field(min_length=1, max_length=64)
    folded: Name
    transfer_height_m: Coordinate
    tool_speed_m_s: Positive = 1.0
    tool_acceleration_m_s2: Positive = 4.0
    duties: tuple[Literal["parts", "trays"], ...] = ("parts",)
    preference: Annotated[int, Field(strict=True, ge=0, le=100)] = 0


class Tool(Model):
    """A tool that a gripper can wear: what it grasps and how.

    Attributes:
        grasps: ``parts`` or ``trays``.
        radius_m: Radius of the cup.
        press_m: How far past the surface the tool is sent at a grasp.
        drop_m: How far above the surface a part is released.
    """

    grasps: Literal["parts", "trays"] = "parts"
    radius_m: Length = 0.02
    press_m: NotNegativeLength = 0.003
    drop_m: NotNegativeLength = 0.005


class Gripper(Model):
    """A suction gripper on an arm's tip.

    Attributes:
        kind: Only suction in this version.
        tcp: Pose of the contact face in the arm's tip frame; z points out of the cup.
        body: Shape of the gripper's body between the tip and the contact face, along tip z.
        tools: Tools by name; a gripper without tool changers has exactly one.
        tool: The tool fitted at the start.
        break_force_n: Pull at which a grasp is lost [N].
        max_tilt_rad: Largest angle between contact normal and tool z at which it grasps.
    """

    kind: Literal["suction"] = "suction"
    tcp: PlacedPose = PlacedPose()
    body: Shape
    mass_kg: Positive = 0.1
    tools: dict[Name, Tool] = Field(min_length=1, max_length=8)
    tool: Name
    break_force_n: Positive = 200.0
    max_tilt_rad: Positive = 0.3141593


class ToolChanger(Model):
    """A place where an arm changes its tool: the contact face goes to ``pose``, straight down."""

    pose: PlacedPose
    tool: Name
    tolerance_m: Length = 0.01
    approach_m: Length = 0.4


class Conveyor(Model):
    """A belt. Its frame lies on the belt's top, at the centre of the start; x is where it moves to.

    Attributes:
        pose: Frame of the belt.
        length_m: Length along x, from x = 0.
        width_m: Width along y, centred.
        height_m: Thickness of the belt's body below its top.
        speed_m_s: Nominal speed; the belt runs from the start.
        spawn_x_m: Where parts enter, along x.
        pick_from_x_m: Begin of the stretch in which arms may pick.
        pick_to_x_m: End of that stretch.
        rails_m: Height of the side guides above the belt's top; 0 = none.
    """

    pose: PlacedPose
    length_m: Length
    width_m: Length
    height_m: Length = 0.1
    speed_m_s: Annotated[Number, Field(ge=0.001, le=3.0)]
    spawn_x_m: NotNegativeLength = 0.0
    pick_from_x_m: NotNegativeLength = 0.0
    pick_to_x_m: Positive
    rails_m: NotNegativeLength = 0.0


class TrayType(Model):
    """A tray that parts are kitted onto. Its frame lies on the top surface, centred.

    Attributes:
        size_m: Edge lengths.
        slots: Position of each slot's centre on the tray [m]; slots have the tray's orientation.
    """

    size_m: Size3
    mass_kg: Positive
    slots: dict[SlotName, tuple[Coordinate, Coordinate]] = Field(min_length=1, max_length=256)
    friction: Friction = 1.0


class Station(Model):
    """A stop of a transporter at travel ``position_m``; where it ``delivers``, trays leave."""

    position_m: Coordinate
    delivers: bool = False


class Transporter(Model):
    """Something that carries one tray between stations: an AGV, a shuttle on an outfeed.

    Attributes:
        pose: Frame of the tray's seat (underside of the tray) at travel 0.
        direction: Unit vector of travel in the seat's parent frame.
        stations: Stops by name; ``home`` is where it starts.
        home: Name of the station at which trays are filled.
        tray_type: The trays that it carries.
        tray: Number of the tray it carries at the start (None = none: an arm must fetch one).
        replenishes: True if an empty tray with the same number comes back for a delivered one.
        body: Boxes of its body, in the seat frame: each centre and size [m].
    """

    pose: PlacedPose
    direction: Vector3
    stations: dict[Name, Station] = Field(min_length=1, max_length=32)
    home: Name
    tray_type: Name
    tray: Annotated[int, Field(strict=True, ge=0, le=9999)] | None = None
    replenishes: bool = False
    velocity_m_s: Positive = 1.0
    acceleration_m_s2: Positive = 1.0
    jerk_m_s3: Positive = 5.0
    body: tuple[Obstacle, ...] = Field(default=(), max_length=64)


class Camera(Model):
    """A logical camera: reports the parts and trays in its view.

    Attributes:
        pose: Optical frame (z forward).
        field_of_view_rad: Full opening angles along the optical frame's x and y.
        range_m: Nearest and farthest distance along z.
        rate_hz: Frames per second.
        latency_s: From exposure to delivery.
    """

    pose: PlacedPose
    field_of_view_rad: tuple[Positive, Positive]
    range_m: tuple[NotNegativeLength, Positive]
    rate_hz: Annotated[Number, Field(ge=0.001, le=60.0)] = 10.0
    latency_s: Annotated[Number, Field(ge=0.0, le=5.0)] = 0.05


class BinType(Model):
    """A bin with slots. Its frame lies on the inner floor, centred."""

    inside_m: tuple[Length, Length]
    wall_thickness_m: Length
    wall_height_m: Length
    floor_thickness_m: Length = 0.0035
    slots: dict[SlotName, tuple[Coordinate, Coordinate]] = Field(min_length=1, max_length=256)


class Bin(Model):
    """A bin that stands somewhere."""

    type: Name
    pose: PlacedPose


class TrayTable(Model):
    """A table from which empty trays are fetched. Its frame lies on the top, centred."""

    pose: PlacedPose
    size_m: Size3
    tray_type: Name
    slots: dict[SlotName, tuple[Coordinate, Coordinate]] = Field(min_length=1, max_length=64)


class Obstacle(Model):
    """A fixed body that arms must not touch: a shape centred in its frame."""

    pose: PlacedPose
    shape: Shape


class Zone(Model):
    """A box of space that only one arm may enter at a time; axes of the parent frame."""

    pose: PlacedPose
    size_m: Size3


class Latency(Model):
    """Modelled delays of the deterministic run [s], from measurements of the real one."""

    planning_s: Annotated[Number, Field(ge=0.0, le=5.0)] = 0.05
    communication_s: Annotated[Number, Field(ge=0.0, le=5.0)] = 0.01


class CellDescription(Model):
    """A whole cell. Names are unique over all kinds of things that have a frame."""

    cell: Name
    description: str = Field(default="", max_length=4000)
    frames: dict[Name, PlacedPose] = Field(default_factory=dict, max_length=256)
    part_types: dict[Name, PartType] = Field(min_length=1, max_length=256)
    tray_types: dict[Name, TrayType] = Field(default_factory=dict, max_length=64)
    bin_types: dict[Name, BinType] = Field(default_factory=dict, max_length=64)
    arms: dict[Name, Arm] = Field(min_length=1, max_length=16)
    grippers: dict[Name, Gripper] = Field(min_length=1, max_length=16)
    tool_changers: dict[Name, ToolChanger] = Field(default_factory=dict, max_length=16)
    conveyors: dict[Name, Conveyor] = Field(default_factory=dict, max_length=16)
    transporters: dict[Name, Transporter] = Field(default_factory=dict, max_length=32)
    cameras: dict[Name, Camera] = Field(default_factory=dict, max_length=64)
    bins: dict[Name, Bin] = Field(default_factory=dict, max_length=64)
    tray_tables: dict[Name, TrayTable] = Field(default_factory=dict, max_length=16)
    obstacles: dict[Name, Obstacle] = Field(default_factory=dict, max_length=256)
    zones: dict[Name, Zone] = Field(default_factory=dict, max_length=64)
    latency: Latency = Latency()
    supply: Supply = Supply()
    orders: str | None = Field(default=None, max_length=512)


Transporter.model_rebuild()
CellDescription.model_rebuild()
