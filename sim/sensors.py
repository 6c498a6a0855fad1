"""What the robot's sensors report of the true state: white noise and delay."""

import math
from collections import deque
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, N_LEGS, RobotState

Array = npt.NDArray[np.float64]

GYRO = slice(0, 3)
ACCELEROMETER = slice(3, 6)
POSITION = slice(6, 6 + N_JOINTS)
VELOCITY = slice(18, 18 + N_JOINTS)
EFFORT = slice(30, 30 + N_JOINTS)
FOOT = slice(42, 42 + N_LEGS)
TILT = slice(46, 49)
CHANNELS = 49


@dataclass(frozen=True)
class SensorConfig:
    """Noise and delay of the sensors; the standard deviations resemble those of a Go2.

    Attributes:
        gyro_std: White noise of the gyroscope [rad/s].
        accelerometer_std: White noise of the accelerometer [m/s²].
        orientation_std: White noise of the attitude, as a small rotation about each body axis [rad].
        joint_position_std: White noise of the encoders [rad].
        joint_velocity_std: White noise of the joint rates [rad/s].
        joint_effort_std: White noise of the measured torques [N·m].
        foot_force_std: White noise of the foot sensors [N].
        delay_ticks: Age of a reading when it is handed out, in whole control periods.
        foot_sensors: Whether the robot has foot sensors at all.
    """

    gyro_std: float = 0.01
    accelerometer_std: float = 0.05
    orientation_std: float = 2e-3
    joint_position_std: float = 5e-4
    joint_velocity_std: float = 0.05
    joint_effort_std: float = 0.1
    foot_force_std: float = 1.0
    delay_ticks: int = 0
    foot_sensors: bool = True

    def __post_init__(self) -> None:
        """Refuse negative, infinite and fractional values.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_std") and not (math.isfinite(value) and value >= 0.0):
                raise InvalidValue(f"SensorConfig.{field.name} must be finite and >= 0, got {value}")
        if isinstance(self.delay_ticks, bool) or not isinstance(self.delay_ticks, int) or self.delay_ticks < 0:
            raise InvalidValue(f"SensorConfig.delay_ticks must be an integer >= 0, got {self.delay_ticks!r}")

    @classmethod
    def ideal(cls, foot_sensors: bool = True) -> "SensorConfig":
        """Make sensors without noise and delay.

        Args:
            foot_sensors: Whether the robot has foot sensors.

        Returns:
            The configuration whose readings are the truth.
        """
        return cls(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, delay_ticks=0, foot_sensors=foot_sensors)


class SensorSuite:
    """Turns true quantities into readings, one per control tick.

    Args:
        config: Noise and delay.
    """

    def __init__(self, config: SensorConfig) -> None:
        self.config = config
        std = np.zeros(CHANNELS)
        std[GYRO] = config.gyro_std
        std[ACCELEROMETER] = config.accelerometer_std
        std[POSITION] = config.joint_position_std
        std[VELOCITY] = config.joint_velocity_std
        std[EFFORT] = config.joint_effort_std
        std[FOOT] = config.foot_force_std
        std[TILT] = config.orientation_std
        self._std = std
        self._zero = np.zeros(N_LEGS)
        self._noisy = bool(std.any())
        self._rng = np.random.default_rng(0)
        self._readings: deque[RobotState] = deque(maxlen=config.delay_ticks + 1)

    def reset(self, rng: np.random.Generator) -> None:
        """Forget earlier readings.

        Args:
            rng: Source of the noise from now on.
        """
        self._rng = rng
        self._readings.clear()

    @property
    def reading(self) -> RobotState:
        """The reading that is `delay_ticks` old, or the oldest there is since the reset."""
        return self._readings[0]

    def measure(self, time: float, truth: Array, orientation: Array) -> None:
        """Take one reading.

        Args:
            time: Time of measurement [s].
            truth: True values of all channels in the order of this module's slices (`TILT` is not used),
                shape (49,); handed over, not to be changed by the caller afterwards.
            orientation: True attitude (w, x, y, z), shape (4,); handed over likewise.
        """
        if self._noisy:
            noise = self._rng.standard_normal(CHANNELS)
            noise *= self._std
            truth += noise
            orientation = _tilted(orientation, *noise[TILT].tolist())
        foot_force = None
        if self.config.foot_sensors:
            foot_force = truth[FOOT]
            np.maximum(foot_force, self._zero, out=foot_force)
        self._readings.append(
            RobotState(
                time,
                truth[POSITION],
                truth[VELOCITY],
                truth[EFFORT],
                orientation,
                truth[GYRO],
                truth[ACCELEROMETER],
                foot_force,
            )
        )


def _tilted(quaternion: Array, x: float, y: float, z: float) -> Array:
    """Rotate an attitude by a small rotation vector [rad] in its own frame."""
    w0, x0, y0, z0 = quaternion.tolist()
    x, y, z = 0.5 * x, 0.5 * y, 0.5 * z
    # The first-order quaternion is normalised below; its error is cubic in an angle of milliradians.
    w1 = w0 - x0 * x - y0 * y - z0 * z
    x1 = x0 + w0 * x + y0 * z - z0 * y
    y1 = y0 + w0 * y + z0 * x - x0 * z
    z1 = z0 + w0 * z + x0 * y - y0 * x
    scale = 1.0 / math.sqrt(w1 * w1 + x1 * x1 + y1 * y1 + z1 * z1)
    return np.array((w1 * scale, x1 * scale, y1 * scale, z1 * scale))
