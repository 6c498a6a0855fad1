"""The motion asked of the body: commands made smooth, integrated to a pose that cannot wind up."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.interface import LocomotionCommand

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ReferenceConfig:
    """Limits of the commanded motion.

    Attributes:
        max_speed: Bound of each commanded velocity component [m/s].
        max_yaw_rate: Bound of the commanded turning rate [rad/s].
        acceleration: Rate at which the velocity reference follows the command [m/s²].
        yaw_acceleration: The same for the turning rate [rad/s²].
        posture_rate: Rate of height [m/s], roll and pitch [rad/s] references.
        min_height: Lowest body height, as a fraction of the standing height.
        max_height: Highest body height, as a fraction of the standing height.
        max_tilt: Bound of commanded roll and pitch [rad].
        position_leash: Longest distance of the position reference from the body, per axis [m].
        yaw_leash: Largest distance of the yaw reference from the body [rad].
    """

    max_speed: float = 1.5
    max_yaw_rate: float = 2.0
    acceleration: float = 1.5
    yaw_acceleration: float = 4.0
    posture_rate: float = 0.15
    min_height: float = 0.7
    max_height: float = 1.1
    max_tilt: float = 0.35
    position_leash: float = 0.1
    yaw_leash: float = 0.3

    def __post_init__(self) -> None:
        """Refuse limits that are not positive.

        Raises:
            InvalidValue: Names the limit and what was got.
        """
        for name in ("max_speed", "max_yaw_rate", "acceleration", "yaw_acceleration", "posture_rate"):
            if not getattr(self, name) > 0.0:
                raise InvalidValue(f"ReferenceConfig.{name} must be > 0, got {getattr(self, name)}")
        if not 0.0 < self.min_height <= 1.0 <= self.max_height:
            raise InvalidValue(
                "ReferenceConfig needs 0 < min_height <= 1 <= max_height, "
                f"got min_height={self.min_height}, max_height={self.max_height}"
            )


def _toward(value: float, target: float, step: float) -> float:
    return value + min(max(target - value, -step), step)


class MotionReference:
    """Smoothed command and the pose it integrates to.

    Attributes:
        velocity: Velocity reference, heading frame, shape (2,) [m/s].
        yaw_rate: Turning rate reference [rad/s].
        height: Height of the base origin above the ground [m].
        roll: Roll reference [rad].
        pitch: Pitch reference [rad].
        position: Position reference of the centre of mass, world, shape (2,) [m].
        yaw: Yaw reference [rad], continuous (not wrapped).
    """

    def __init__(self, config: ReferenceConfig, standing_height: float) -> None:
        """Begin at rest.

        Args:
            config: Limits.
            standing_height: Nominal height of the base [m].
        """
        self.config = config
        self.standing_height = standing_height
        self.velocity = np.zeros(2)
        self.position = np.zeros(2)
        self.yaw_rate = 0.0
        self.height = standing_height
        self.roll = 0.0
        self.pitch = 0.0
        self.yaw = 0.0

    def reset(self, position: Array, yaw: float, height: float) -> None:
        """Begin at rest from a pose.

        Args:
            position: Centre of mass, world, at least shape (2,) [m].
            yaw: Yaw [rad].
            height: Height of the base now [m].
        """
        self.velocity = np.zeros(2)
        self.position = np.array(position[:2])
        self.yaw_rate = 0.0
        self.height = height
        self.roll = self.pitch = 0.0
        self.yaw = yaw

    def advance(self, command: LocomotionCommand, position: Array, yaw: float, dt: float, moving: bool) -> None:
        """Follow the command for one tick.

        Args:
            command: What is asked for.
            position: Measured centre of mass, world, at least shape (2,) [m].
            yaw: Measured yaw [rad], continuous.
            dt: Time since the last tick [s].
            moving: False while standing: velocity commands are ignored.
        """
        c = self.config
        limit = c.max_speed if moving else 0.0
        step = c.acceleration * dt
        self.velocity[0] = _toward(self.velocity[0], min(max(command.velocity_x, -limit), limit), step)
        self.velocity[1] = _toward(self.velocity[1], min(max(command.velocity_y, -limit), limit), step)
        turn = c.max_yaw_rate if moving else 0.0
        self.yaw_rate = _toward(
            self.yaw_rate, min(max(command.yaw_rate, -turn), turn), c.yaw_acceleration * dt
        )
        height = self.standing_height if command.body_height is None else command.body_height
        height = min(max(height, c.min_height * self.standing_height), c.max_height * self.standing_height)
        step = c.posture_rate * dt
        self.height = _toward(self.height, height, step)
        self.roll = _toward(self.roll, min(max(command.roll, -c.max_tilt), c.max_tilt), step)
        self.pitch = _toward(self.pitch, min(max(command.pitch, -c.max_tilt), c.max_tilt), step)
        self.yaw += self.yaw_rate * dt
        self.yaw = yaw + min(max(self.yaw - yaw, -c.yaw_leash), c.yaw_leash)
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        self.position[0] += (cos * self.velocity[0] - sin * self.velocity[1]) * dt
        self.position[1] += (sin * self.velocity[0] + cos * self.velocity[1]) * dt
        leash = c.position_leash
        for i in range(2):
            self.position[i] = position[i] + min(max(self.position[i] - position[i], -leash), leash)
