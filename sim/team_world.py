"""The MuJoCo model of several robots of one kind on a level floor, among obstacles."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.description import RobotDescription
from controllers.safety.obstacles import Obstacle
from sim.disturbances import Payload
from sim.terrain import Flat
from sim.world import add_ground, build_robot, normalise, set_options

Array = npt.NDArray[np.float64]

OBSTACLES = "obstacles"
OBSTACLE_HEIGHT_M = 0.5


@dataclass(frozen=True)
class Place:
    """A robot of a team and where it starts.

    Attributes:
        name: Name of the robot; begins the names of its parts in the model.
        x: Position of its base [m].
        y: Position of its base [m].
        yaw: Direction that it faces [rad].
        payloads: What it carries.
    """

    name: str
    x: float
    y: float
    yaw: float = 0.0
    payloads: tuple[Payload, ...] = ()

    def __post_init__(self) -> None:
        """Refuse places that are none.

        Raises:
            InvalidValue: A number is not finite, or the name is empty or holds a slash.
        """
        if not self.name or "/" in self.name:
            raise InvalidValue(f"the name of a robot must not be empty or hold '/', got '{self.name}'")
        if not all(math.isfinite(value) for value in (self.x, self.y, self.yaw)):
            raise InvalidValue(f"the place of '{self.name}' must be finite, got {self.x}, {self.y}, {self.yaw}")


def prefix_of(name: str) -> str:
    """Tell what the names of a robot's parts begin with.

    Args:
        name: Name of the robot.

    Returns:
        The prefix.
    """
    return f"{name}/"


def build_team(
    robot: RobotDescription,
    places: Sequence[Place],
    obstacles: Sequence[Obstacle],
    friction: float,
    physics_dt: float,
) -> mujoco.MjSpec:
    """Put robots and obstacles on a level floor.

    Args:
        robot: Kind of all robots.
        places: Where they start; the names must differ.
        obstacles: Discs and walls, which become cylinders and boxes; polygons with more corners are refused.
        friction: Coulomb coefficient of the floor.
        physics_dt: Integration step [s].

    Returns:
        The world, ready to compile.

    Raises:
        InvalidValue: There is no robot, two have one name, or an obstacle is neither a disc nor a wall.
    """
    names = [place.name for place in places]
    if not names or len(set(names)) < len(names):
        raise InvalidValue(f"a team needs robots with names that differ, got {names}")
    spec = mujoco.MjSpec()
    spec.modelname = "team"
    # Angles of the MJCF and of what is added here mean the same.
    spec.compiler.degree = False
    set_options(spec, physics_dt)
    add_ground(spec, Flat(), friction)
    for place in places:
        child = build_robot(robot, friction)
        for key in list(child.keys):
            child.delete(key)
        frame = spec.worldbody.add_frame()
        spec.attach(child, prefix=prefix_of(place.name), frame=frame)
    _add_obstacles(spec, obstacles, friction)
    return spec


def _add_obstacles(spec: mujoco.MjSpec, obstacles: Sequence[Obstacle], friction: float) -> None:
    # A body of their own: what touches them must not pass for the ground.
    body = spec.worldbody.add_body(name=OBSTACLES)
    for obstacle in obstacles:
        corners = obstacle.corners
        if len(corners) > 2:
            raise InvalidValue(f"obstacles of a team must be discs or walls, got {len(corners)} corners")
        half = 0.5 * OBSTACLE_HEIGHT_M
        for x, y in corners.tolist():
            if obstacle.radius > 0.0:
                normalise(
                    body.add_geom(
                        type=mujoco.mjtGeom.mjGEOM_CYLINDER, pos=[x, y, half], size=[obstacle.radius, half, 0.0]
                    ),
                    friction,
                )
        if len(corners) == 2:
            (ax, ay), (bx, by) = corners.tolist()
            angle = 0.5 * math.atan2(by - ay, bx - ax)
            box = body.add_geom(
                type=mujoco.mjtGeom.mjGEOM_BOX,
                pos=[0.5 * (ax + bx), 0.5 * (ay + by), half],
                quat=[math.cos(angle), 0.0, 0.0, math.sin(angle)],
                size=[0.5 * math.hypot(bx - ax, by - ay), max(obstacle.radius, 0.005), half],
            )
            normalise(box, friction)
