"""Pose and velocity of the base from IMU, joint encoders and contacts."""

import math
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.base_filter import N_STATES, B, S
from controllers.robot.contact import GRAVITY, ContactConfig, ContactDetector
from controllers.robot.description import RobotDescription
from controllers.robot.interface import N_LEGS, BaseEstimate, RobotState
from controllers.robot.leg_odometry import CONFIGURED, MEMORY_SIZE, advance, start
from controllers.robot.reading import READING_SIZE, pack_reading

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EstimatorConfig:
    """Noise model and rules of the base estimator.

    Attributes:
        acceleration_noise: White noise of the world acceleration, from accelerometer and attitude [m/s²/√Hz].
        bias_noise: White noise that drives the accelerometer's bias [m/s³/√Hz].
        foot_noise: White noise that drives the position of a standing foot [m/s/√Hz].
        lever_std: Error of the position of a foot relative to the base [m].
        foot_velocity_std: Error of the velocity of the base as a standing leg tells it [m/s].
        initial_velocity_std: Uncertainty of the velocity at the first reading [m/s].
        initial_bias_std: Uncertainty of the accelerometer's bias at the first reading [m/s²].
        rolling_feet: Whether feet are spheres that roll without slipping (False: points).
        trust_time: Time after touchdown over which trust in a foot grows to full [s]. It covers the time in which a
            foot and the ground under it give way; less of it lets the estimated height climb with every step.
        trust_fraction: Normal force from which on a foot has full trust, as a fraction of the robot's weight.
        slip_gate: Squared Mahalanobis distance of a foot's velocity, of 3 degrees of freedom, beyond which it slips.
        flat_ground: Whether the ground is known to be the plane z = 0.
        ground_std: Error of that plane [m].
        rest_time: Time without a standing foot after which a quiet IMU means that the robot lies still [s].
        rest_rate: Angular speed below which the IMU is quiet [rad/s].
        rest_acceleration: Difference of the specific force from g below which it is quiet [m/s²].
        rest_velocity_std: Error of the assumption that it lies still [m/s].
        slope_time: Smoothing of the slope on which feet roll [s].
        longest_step: Time between readings beyond which the feet's places are taken as lost [s].
        contact: How contact is decided.
    """

    acceleration_noise: float = 0.01
    bias_noise: float = 0.005
    foot_noise: float = 0.003
    lever_std: float = 0.001
    foot_velocity_std: float = 0.06
    initial_velocity_std: float = 0.05
    initial_bias_std: float = 0.1
    rolling_feet: bool = True
    trust_time: float = 0.05
    trust_fraction: float = 0.25
    slip_gate: float = 25.0
    flat_ground: bool = False
    ground_std: float = 0.003
    rest_time: float = 0.3
    rest_rate: float = 0.1
    rest_acceleration: float = 0.6
    rest_velocity_std: float = 0.02
    slope_time: float = 0.3
    longest_step: float = 0.05
    contact: ContactConfig = field(default_factory=ContactConfig)

    def __post_init__(self) -> None:
        """Refuse values with which nothing can be estimated.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(f.default, bool):
                if not isinstance(value, bool):
                    raise InvalidValue(f"EstimatorConfig.{f.name} must be true or false, got {value!r}")
            elif f.name in ("trust_time", "rest_time"):
                if not 0.0 <= value < math.inf:
                    raise InvalidValue(f"EstimatorConfig.{f.name} must be finite and >= 0, got {value}")
            elif f.name != "contact" and not 0.0 < value < math.inf:
                raise InvalidValue(f"EstimatorConfig.{f.name} must be finite and > 0, got {value}")
        if not self.contact.liftoff_fraction < self.trust_fraction <= 1.0:
            raise InvalidValue(
                f"EstimatorConfig.trust_fraction must lie in ({self.contact.liftoff_fraction}, 1], above the fraction "
                f"at which feet lift off, got {self.trust_fraction}"
            )


class BaseEstimator:
    """Estimates the base's pose and velocity, and the load on the feet.

    Attitude and angular velocity are the IMU's; position, velocity, foot positions and accelerometer bias come from
    the Kalman filter of `controllers.robot.base_filter`. The odometry frame has the IMU's axes; its origin is on the
    ground under the base at the first reading. A standing foot is a sphere that rolls without slipping on the plane
    of the last footprints: its centre moves with the calf's angular velocity times its radius, which a point foot
    would take for base motion (about radius / leg length of the speed). Same readings, same result to the last bit.
    """

    def __init__(self, description: RobotDescription, config: EstimatorConfig | None = None) -> None:
        """Pack a robot for the kernels.

        Args:
            description: The robot.
            config: Noise model and rules.
        """
        self.config = config or EstimatorConfig()
        self.contacts = ContactDetector(description, self.config.contact)
        self._geometry = description.packed()
        self._imu = description.imu_position.copy()
        constants = [float(getattr(self.config, name)) for name in CONFIGURED]
        radius = description.foot_radius
        full = self.config.trust_fraction * description.mass * GRAVITY
        constants += [radius, radius if self.config.rolling_feet else 0.0, self.contacts.liftoff_force, full]
        self._constants = np.array(constants)
        self._reading = np.zeros(READING_SIZE)
        self._mean = np.zeros((3, N_STATES))
        self._covariances = np.zeros((2 if self.config.flat_ground else 1, N_STATES, N_STATES))
        self._memory = np.zeros(MEMORY_SIZE)
        self._time: float | None = None

    @property
    def mean(self) -> Array:
        """State along x, y and z: position, velocity, four foot positions, acceleration bias, shape (3, 7)."""
        return self._mean.copy()

    @property
    def covariances(self) -> Array:
        """Covariance along every axis; with flat ground that of x and y, then that of z, shape (1 or 2, 7, 7)."""
        return self._covariances.copy()

    @property
    def foot_position_world(self) -> Array:
        """Centres of the feet in the odometry frame, shape (4, 3) [m]."""
        return np.ascontiguousarray(self._mean[:, S:B].T)

    @property
    def acceleration_bias_world(self) -> Array:
        """Estimated bias of the accelerometer along the world axes, shape (3,) [m/s²]."""
        return self._mean[:, B].copy()

    def reset(self) -> None:
        """Forget everything; the next reading starts a new odometry frame."""
        self.contacts.reset()
        self._time = None

    def step(self, state: RobotState, schedule: Array | None = None) -> BaseEstimate:
        """Take a reading in.

        Args:
            state: The reading; later than the last one.
            schedule: 1 where a gait plans a foot to stand, 0 where to swing, shape (4,). A foot is trusted by its
                schedule times its detected contact. None trusts detection alone.

        Returns:
            Pose and twist of the base at the time of the reading; contacts as detected; the ground's forces, where
            the reading has torques.

        Raises:
            InvalidValue: The reading or the schedule has a wrong shape or value, or the reading is not later than the
                last one. The input is ignored and the estimate stays as it was.
        """
        pack_reading(state, self._reading)
        if self._time is not None and not state.time > self._time:
            raise InvalidValue(f"RobotState.time must increase, got {state.time} after {self._time}")
        trusted: Array | None = None
        if schedule is not None:
            trusted = np.array(schedule, dtype=np.float64)
            if trusted.shape != (N_LEGS,) or not (trusted.min() >= 0.0 and trusted.max() <= 1.0):
                raise InvalidValue(f"schedule must be four numbers in [0, 1], got {schedule}")
        force, contact = self.contacts.step_packed(state.time, self._reading, state.foot_force is not None)
        trusted = contact if trusted is None else trusted * contact
        out = np.empty(13)
        if self._time is None:
            start(
                self._geometry,
                self._constants,
                self._imu,
                self._reading,
                trusted,
                self._mean,
                self._covariances,
                self._memory,
                out,
            )
        else:
            gap = state.time - self._time
            advance(
                self._geometry,
                self._constants,
                self._imu,
                self._reading,
                force,
                trusted,
                min(gap, self.config.longest_step),
                gap > self.config.longest_step,
                self._mean,
                self._covariances,
                self._memory,
                out,
            )
        self._time = state.time
        # Motors that tell no torques tell of no force either: contacts may still come from foot sensors.
        ground = self.contacts.force_world if state.joint_effort.any() else None
        return BaseEstimate(state.time, out[0:3], out[6:10], out[3:6], out[10:13], force, contact, ground)
