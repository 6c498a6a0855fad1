"""The motion asked of the body: commands made smooth, integrated to a pose that cannot wind up."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

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
        """Refuse limits out of range.

        Raises:
            InvalidValue: Names the limit, what was got and what is allowed.
        """
        for name in ("max_speed", "max_yaw_rate", "acceleration", "yaw_acceleration", "posture_rate"):
            if not getattr(self, name) > 0.0:
                raise InvalidValue(f"ReferenceConfig.{name} must be > 0, got {getattr(self, name)}")
        for name in ("max_tilt", "position_leash", "yaw_leash"):
            if not getattr(self, name) >= 0.0:
                raise InvalidValue(f"ReferenceConfig.{name} must be >= 0, got {getattr(self, name)}")
        if not 0.0 < self.min_height <= 1.0 <= self.max_height:
            raise InvalidValue(
                "ReferenceConfig needs 0 < min_height <= 1 <= max_height, "
                f"got min_height={self.min_height}, max_height={self.max_height}"
            )


@njit(cache=True)
def _toward(value: float, target: float, step: float) -> float:
    return value + min(max(target - value, -step), step)


@njit(cache=True)
def _follow(pose: Array, target: Array, rates: Array, leash: Array, position: Array, yaw: float, dt: float) -> None:
    """Advance (v_x, v_y, yaw rate, height, roll, pitch, yaw, x, y); only the first six have targets."""
    for i in range(6):
        pose[i] = _toward(pose[i], target[i], rates[i] * dt)
    heading = pose[6] + pose[2] * dt
    heading = yaw + min(max(heading - yaw, -leash[1]), leash[1])
    pose[6] = heading
    c, s = np.cos(heading), np.sin(heading)
    pose[7] += (c * pose[0] - s * pose[1]) * dt
    pose[8] += (s * pose[0] + c * pose[1]) * dt
    for i in range(2):
        pose[7 + i] = position[i] + min(max(pose[7 + i] - position[i], -leash[0]), leash[0])


class MotionReference:
    """Smoothed command and the pose it integrates to.

    Attributes:
        velocity: Velocity reference, heading frame, shape (2,) [m/s].
        position: Position reference of the centre of mass, world, shape (2,) [m].
    """

    def __init__(self, config: ReferenceConfig, standing_height: float) -> None:
        """Begin at rest.

        Args:
            config: Limits.
            standing_height: Nominal height of the base [m].
        """
        self.config = config
        self.standing_height = standing_height
        self._pose = np.zeros(9)
        self._pose[3] = standing_height
        self.velocity = self._pose[0:2]
        self.position = self._pose[7:9]
        c = config
        self._rates = np.array([c.acceleration] * 2 + [c.yaw_acceleration] + [c.posture_rate] * 3)
        self._leash = np.array([c.position_leash, c.yaw_leash])
        self._target = np.zeros(6)
        self._last: tuple[LocomotionCommand, bool] | None = None

    @property
    def yaw_rate(self) -> float:
        """Turning rate reference [rad/s]."""
        return float(self._pose[2])

    @property
    def height(self) -> float:
        """Height reference of the base origin above the ground [m]."""
        return float(self._pose[3])

    @property
    def roll(self) -> float:
        """Roll reference relative to the ground [rad]."""
        return float(self._pose[4])

    @property
    def pitch(self) -> float:
        """Pitch reference relative to the ground [rad]."""
        return float(self._pose[5])

    @property
    def yaw(self) -> float:
        """Yaw reference, continuous over turns [rad]."""
        return float(self._pose[6])

    def reset(self, position: Array, yaw: float, height: float) -> None:
        """Begin at rest from a pose.

        Args:
            position: Centre of mass, world, at least shape (2,) [m].
            yaw: Yaw [rad].
            height: Height of the base now [m].
        """
        self._pose[:] = 0.0
        self._pose[3] = height
        self._pose[6] = yaw
        self._pose[7:9] = position[:2]

    def advance(self, command: LocomotionCommand, position: Array, yaw: float, dt: float, moving: bool) -> None:
        """Follow the command for one tick.

        Args:
            command: What is asked for.
            position: Measured centre of mass, world, at least shape (2,) [m].
            yaw: Measured yaw [rad], continuous.
            dt: Time since the last tick [s].
            moving: False while standing: velocity commands are ignored.
        """
        if self._last is None or self._last[0] is not command or self._last[1] != moving:
            self._last = (command, moving)
            self._aim(command, moving)
        _follow(self._pose, self._target, self._rates, self._leash, position, yaw, dt)

    def _aim(self, command: LocomotionCommand, moving: bool) -> None:
        c = self.config
        speed = c.max_speed if moving else 0.0
        turn = c.max_yaw_rate if moving else 0.0
        height = self.standing_height if command.body_height is None else command.body_height
        low, high = c.min_height * self.standing_height, c.max_height * self.standing_height
        self._target[:] = (
            min(max(command.velocity_x, -speed), speed),
            min(max(command.velocity_y, -speed), speed),
            min(max(command.yaw_rate, -turn), turn),
            min(max(height, low), high),
            min(max(command.roll, -c.max_tilt), c.max_tilt),
            min(max(command.pitch, -c.max_tilt), c.max_tilt),
        )
