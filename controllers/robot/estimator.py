"""Pose and velocity of the base from IMU, joint encoders and contacts."""

import math
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.robot.base_filter import (
    N_STATES,
    B,
    P,
    S,
    V,
    measure_foot_height,
    measure_lever,
    measure_velocity,
    plant_foot,
    predict,
    surprise,
    weight_of_stance,
)
from controllers.robot.contact import GRAVITY, ContactConfig, ContactDetector
from controllers.robot.description import RobotDescription
from controllers.robot.interface import N_LEGS, BaseEstimate, RobotState
from controllers.robot.kinematics import calf_rate_kernel, forward_kernel, velocity_kernel
from controllers.robot.reading import ACCELEROMETER, GYRO, ORIENTATION, POSITION, READING_SIZE, VELOCITY, pack_reading
from controllers.rotations import matrix_from_quaternion, quaternion_normalised

Array = npt.NDArray[np.float64]

# Where things stand in the filter's memory beside mean and covariance.
_STANCE_TIME = 0
_IMU_LEVER_VELOCITY = 4
_TIME_WITHOUT_STANCE = 7
_MEMORY_SIZE = 8
# A weight below this counts as swing.
_LEAST_WEIGHT = 0.05


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
        trust_time: Time after touchdown over which trust in a foot grows to full [s].
        trust_fraction: Normal force from which on a foot has full trust, as a fraction of the robot's weight.
        slip_gate: Squared Mahalanobis distance of a foot's velocity, of 3 degrees of freedom, beyond which it slips.
        flat_ground: Whether the ground is known to be the plane z = 0.
        ground_std: Error of that plane [m].
        rest_time: Time without a standing foot after which a quiet IMU means that the robot lies still [s].
        rest_rate: Angular speed below which the IMU is quiet [rad/s].
        rest_acceleration: Difference of the specific force from g below which it is quiet [m/s²].
        rest_velocity_std: Error of the assumption that it lies still [m/s].
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


# The filter's constants as the kernel takes them, one array so that a call stays cheap.
_CONSTANTS = (
    "acceleration_noise",
    "bias_noise",
    "foot_noise",
    "lever_std",
    "foot_velocity_std",
    "trust_time",
    "slip_gate",
    "ground_std",
    "rest_time",
    "rest_rate",
    "rest_acceleration",
    "rest_velocity_std",
    "initial_velocity_std",
)
_FOOT_RADIUS, _ROLLING_RADIUS, _LOW_FORCE, _HIGH_FORCE = 13, 14, 15, 16


@njit(cache=True)
def _leg_motion(geometry: Array, reading: Array, rotation: Array, rolling_radius: float, motion: Array) -> None:
    """Find lever, velocity relative to the base and rolling velocity of each foot, world, shape (3, 4, 3)."""
    positions = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    velocities = np.empty((4, 3))
    rates = np.empty((4, 3))
    q = reading[POSITION : POSITION + 12]
    v = reading[VELOCITY : VELOCITY + 12]
    forward_kernel(geometry, q, positions, jacobians)
    velocity_kernel(jacobians, v, velocities)
    calf_rate_kernel(q, v, rates)
    wx, wy, wz = reading[GYRO], reading[GYRO + 1], reading[GYRO + 2]
    for leg in range(4):
        x, y, z = positions[leg, 0], positions[leg, 1], positions[leg, 2]
        vx = velocities[leg, 0] + wy * z - wz * y
        vy = velocities[leg, 1] + wz * x - wx * z
        vz = velocities[leg, 2] + wx * y - wy * x
        cx, cy, cz = rates[leg, 0] + wx, rates[leg, 1] + wy, rates[leg, 2] + wz
        for i in range(3):
            motion[0, leg, i] = rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2] * z
            motion[1, leg, i] = rotation[i, 0] * vx + rotation[i, 1] * vy + rotation[i, 2] * vz
        spin_x = rotation[0, 0] * cx + rotation[0, 1] * cy + rotation[0, 2] * cz
        spin_y = rotation[1, 0] * cx + rotation[1, 1] * cy + rotation[1, 2] * cz
        # The centre moves with calf rate x (radius * vertical).
        motion[2, leg, 0] = rolling_radius * spin_y
        motion[2, leg, 1] = -rolling_radius * spin_x
        motion[2, leg, 2] = 0.0


@njit(cache=True)
def _imu_lever_velocity(rotation: Array, reading: Array, imu: Array, out: Array) -> None:
    """Find the velocity of the IMU relative to the base origin, world axes, shape (3,) [m/s]."""
    wx, wy, wz = reading[GYRO], reading[GYRO + 1], reading[GYRO + 2]
    x = wy * imu[2] - wz * imu[1]
    y = wz * imu[0] - wx * imu[2]
    z = wx * imu[1] - wy * imu[0]
    for i in range(3):
        out[i] = rotation[i, 0] * x + rotation[i, 1] * y + rotation[i, 2] * z


@njit(cache=True)
def _start(
    geometry: Array,
    constants: Array,
    imu: Array,
    reading: Array,
    contact: Array,
    initial_bias_std: float,
    mean: Array,
    covariances: Array,
    memory: Array,
    out: Array,
) -> None:
    """Place the base above its standing feet, or above its lowest foot if none stands."""
    rotation = matrix_from_quaternion(reading[ORIENTATION : ORIENTATION + 4])
    motion = np.empty((3, 4, 3))
    _leg_motion(geometry, reading, rotation, constants[_ROLLING_RADIUS], motion)
    mean[:] = 0.0
    covariances[:] = 0.0
    stood = 0.0
    total = 0.0
    lowest = np.inf
    for leg in range(4):
        z = motion[0, leg, 2]
        lowest = min(lowest, z)
        if contact[leg] > 0.5:
            stood += 1.0
            total += z
    mean[2, P] = constants[_FOOT_RADIUS] - (total / stood if stood > 0.0 else lowest)
    for g in range(covariances.shape[0]):
        covariances[g, P, P] = constants[3] ** 2
        covariances[g, V, V] = constants[12] ** 2
        covariances[g, B, B] = initial_bias_std**2
    for leg in range(4):
        plant_foot(mean, covariances, leg, motion[0, leg], constants[3] ** 2)
        memory[_STANCE_TIME + leg] = constants[5] if contact[leg] > 0.5 else 0.0
    memory[_TIME_WITHOUT_STANCE] = 0.0 if stood > 0.0 else constants[8]
    _imu_lever_velocity(rotation, reading, imu, memory[_IMU_LEVER_VELOCITY : _IMU_LEVER_VELOCITY + 3])
    _report(mean, rotation, reading, out)


@njit(cache=True)
def _report(mean: Array, rotation: Array, reading: Array, out: Array) -> None:
    """Write position, body velocity, quaternion and body rate, shape (13,)."""
    for i in range(3):
        out[i] = mean[i, P]
        out[3 + i] = rotation[0, i] * mean[0, V] + rotation[1, i] * mean[1, V] + rotation[2, i] * mean[2, V]
        out[10 + i] = reading[GYRO + i]
    out[6:10] = quaternion_normalised(reading[ORIENTATION : ORIENTATION + 4])


@njit(cache=True)
def _advance(
    geometry: Array,
    constants: Array,
    imu: Array,
    reading: Array,
    force: Array,
    contact: Array,
    dt: float,
    lost: bool,
    mean: Array,
    covariances: Array,
    memory: Array,
    out: Array,
) -> None:
    """Take one reading in."""
    rotation = matrix_from_quaternion(reading[ORIENTATION : ORIENTATION + 4])
    motion = np.empty((3, 4, 3))
    _leg_motion(geometry, reading, rotation, constants[_ROLLING_RADIUS], motion)
    levers, velocities, rolling = motion[0], motion[1], motion[2]
    lever_variance = constants[3] ** 2

    weights = np.empty(4)
    foot_variances = np.empty(4)
    stands = False
    for leg in range(4):
        memory[_STANCE_TIME + leg] = memory[_STANCE_TIME + leg] + dt if contact[leg] > 0.0 else 0.0
        w = contact[leg] * weight_of_stance(
            memory[_STANCE_TIME + leg], constants[5], force[leg], constants[_LOW_FORCE], constants[_HIGH_FORCE]
        )
        weights[leg] = w if w >= _LEAST_WEIGHT else 0.0
        foot_variances[leg] = constants[2] ** 2 * dt / (w * w) if w >= _LEAST_WEIGHT else 0.0
        stands = stands or weights[leg] > 0.0
    memory[_TIME_WITHOUT_STANCE] = 0.0 if stands else memory[_TIME_WITHOUT_STANCE] + dt

    # The accelerometer sits off the base origin. Over a step, what that adds to the integral of its reading is the
    # change of the IMU's velocity relative to the origin, centripetal and angular acceleration together.
    lever_velocity = np.empty(3)
    _imu_lever_velocity(rotation, reading, imu, lever_velocity)
    acceleration = np.empty(3)
    a = reading[ACCELEROMETER : ACCELEROMETER + 3]
    for i in range(3):
        acceleration[i] = rotation[i, 0] * a[0] + rotation[i, 1] * a[1] + rotation[i, 2] * a[2]
        if not lost:
            acceleration[i] -= (lever_velocity[i] - memory[_IMU_LEVER_VELOCITY + i]) / dt
        memory[_IMU_LEVER_VELOCITY + i] = lever_velocity[i]
    acceleration[2] -= GRAVITY
    predict(mean, covariances, acceleration, rolling, dt, constants[0] ** 2, constants[1] ** 2, foot_variances)
    if lost:
        for g in range(covariances.shape[0]):
            covariances[g, V, V] += constants[12] ** 2

    told = np.empty((4, 3))
    variances = np.empty(4)
    for leg in range(4):
        if weights[leg] == 0.0:
            continue
        variances[leg] = (constants[4] / weights[leg]) ** 2
        for i in range(3):
            told[leg, i] = rolling[leg, i] - velocities[leg, i]
        distance = surprise(mean, covariances, told[leg], variances[leg])
        if distance > constants[6]:
            # A foot that slips says little about velocity and nothing about where it was.
            variances[leg] *= distance / constants[6]
            foot_variances[leg] = -1.0
    for leg in range(4):
        if weights[leg] == 0.0 or foot_variances[leg] < 0.0 or lost:
            plant_foot(mean, covariances, leg, levers[leg], lever_variance)
        else:
            measure_lever(mean, covariances, leg, levers[leg], lever_variance)
    for leg in range(4):
        if weights[leg] > 0.0:
            measure_velocity(mean, covariances, told[leg], variances[leg])
            if covariances.shape[0] == 2:
                ground = (constants[7] / weights[leg]) ** 2
                measure_foot_height(mean, covariances, leg, constants[_FOOT_RADIUS], ground)
    if memory[_TIME_WITHOUT_STANCE] >= constants[8]:
        rate = math.sqrt(reading[GYRO] ** 2 + reading[GYRO + 1] ** 2 + reading[GYRO + 2] ** 2)
        pull = math.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2)
        if rate < constants[9] and abs(pull - GRAVITY) < constants[10]:
            measure_velocity(mean, covariances, np.zeros(3), constants[11] ** 2)
    _report(mean, rotation, reading, out)


class BaseEstimator:
    """Estimates the base's pose and velocity, and the load on the feet.

    Attitude and angular velocity are the IMU's; position, velocity, foot positions and accelerometer bias come from
    the Kalman filter of `controllers.robot.base_filter`. The odometry frame has the IMU's axes; its origin is on the
    ground under the base at the first reading. A standing foot is a sphere that rolls without slipping on level
    ground: its centre moves with the calf's angular velocity times its radius, which a point foot would take for
    base motion (about radius / leg length of the speed). Same readings, same result to the last bit.
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
        constants = [float(getattr(self.config, name)) for name in _CONSTANTS]
        radius = description.foot_radius
        full = self.config.trust_fraction * description.mass * GRAVITY
        constants += [radius, radius if self.config.rolling_feet else 0.0, self.contacts.liftoff_force, full]
        self._constants = np.array(constants)
        self._reading = np.zeros(READING_SIZE)
        self._mean = np.zeros((3, N_STATES))
        self._covariances = np.zeros((2 if self.config.flat_ground else 1, N_STATES, N_STATES))
        self._memory = np.zeros(_MEMORY_SIZE)
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
            Pose and twist of the base at the time of the reading; contacts as detected.

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
            _start(
                self._geometry,
                self._constants,
                self._imu,
                self._reading,
                trusted,
                self.config.initial_bias_std,
                self._mean,
                self._covariances,
                self._memory,
                out,
            )
        else:
            gap = state.time - self._time
            _advance(
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
        return BaseEstimate(state.time, out[0:3], out[6:10], out[3:6], out[10:13], force, contact)
