"""One sensor reading into the base filter: leg odometry and IMU, as compiled kernels."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.base_filter import (
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
from controllers.robot.contact import GRAVITY
from controllers.robot.kinematics import calf_rate_kernel, forward_kernel, velocity_kernel
from controllers.robot.plane import refit_plane
from controllers.robot.reading import ACCELEROMETER, GYRO, ORIENTATION, POSITION, VELOCITY
from controllers.rotations import matrix_from_quaternion, quaternion_normalised

Array = npt.NDArray[np.float64]

# Constants that the kernels take as one array, named as the fields of `EstimatorConfig` in lower case are.
CONFIGURED = (
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
    "initial_bias_std",
    "slope_time",
)
(
    ACCELERATION_NOISE,
    BIAS_NOISE,
    FOOT_NOISE,
    LEVER_STD,
    FOOT_VELOCITY_STD,
    TRUST_TIME,
    SLIP_GATE,
    GROUND_STD,
    REST_TIME,
    REST_RATE,
    REST_ACCELERATION,
    REST_VELOCITY_STD,
    INITIAL_VELOCITY_STD,
    INITIAL_BIAS_STD,
    SLOPE_TIME,
) = range(15)
# Derived ones that follow: radius of a foot, that with which it rolls, forces at which trust begins and is full.
FOOT_RADIUS, ROLLING_RADIUS, LOW_FORCE, HIGH_FORCE = range(15, 19)

# Where things stand in the filter's memory beside mean and covariance.
_STANCE_TIME = 0
_IMU_LEVER_VELOCITY = 4
_TIME_WITHOUT_STANCE = 7
_STOOD = 8
_FOOTPRINTS = 12
_PLANE = 24
MEMORY_SIZE = 27
# A weight below this counts as swing.
_LEAST_WEIGHT = 0.05
# Squared length that weighs against changes of the slope that feet roll on [m²], and the steepest that is believed.
_SLOPE_REGULARISATION = 0.01
_STEEPEST = 0.8


@njit(cache=True)
def _leg_motion(
    geometry: Array, reading: Array, rotation: Array, rolling_radius: float, plane: Array, motion: Array
) -> None:
    """Find lever, velocity relative to the base and rolling velocity of each foot, world, shape (3, 4, 3)."""
    # From the point of contact to the centre of a foot.
    length = math.sqrt(1.0 + plane[1] * plane[1] + plane[2] * plane[2])
    up_x, up_y, up_z = -plane[1] / length, -plane[2] / length, 1.0 / length
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
        spin_z = rotation[2, 0] * cx + rotation[2, 1] * cy + rotation[2, 2] * cz
        # The centre moves with calf rate x (radius * normal of the ground).
        motion[2, leg, 0] = rolling_radius * (spin_y * up_z - spin_z * up_y)
        motion[2, leg, 1] = rolling_radius * (spin_z * up_x - spin_x * up_z)
        motion[2, leg, 2] = rolling_radius * (spin_x * up_y - spin_y * up_x)


@njit(cache=True)
def _follow_slope(mean: Array, weights: Array, share: float, footprints: Array, plane: Array) -> None:
    """Let the slope that feet roll on follow the places where they stood last."""
    for leg in range(4):
        if weights[leg] > 0.0:
            for i in range(3):
                footprints[leg, i] = mean[i, S + leg]
    fresh = np.empty(3)
    refit_plane(footprints, _SLOPE_REGULARISATION, plane, fresh)
    for i in range(1, 3):
        plane[i] += share * (min(max(fresh[i], -_STEEPEST), _STEEPEST) - plane[i])


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
def start(
    geometry: Array,
    constants: Array,
    imu: Array,
    reading: Array,
    contact: Array,
    mean: Array,
    covariances: Array,
    memory: Array,
    out: Array,
) -> None:
    """Place the base above its standing feet, or above its lowest foot if none stands.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        constants: Settings of the estimator in the order of the indices above.
        imu: Position of the IMU in the base frame, shape (3,) [m].
        reading: Packed reading, see `controllers.robot.reading`.
        contact: 1 for feet that carry load, shape (4,).
        mean: Output: mean of the filter per axis, shape (3, 7).
        covariances: Output: one matrix for all axes or one more for z, shape (1 or 2, 7, 7).
        memory: Output: what is kept between readings.
        out: Output: position, body velocity, quaternion and body rate, shape (13,).
    """
    rotation = matrix_from_quaternion(reading[ORIENTATION : ORIENTATION + 4])
    motion = np.empty((3, 4, 3))
    memory[_PLANE : _PLANE + 3] = 0.0
    _leg_motion(geometry, reading, rotation, constants[ROLLING_RADIUS], memory[_PLANE : _PLANE + 3], motion)
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
    mean[2, P] = constants[FOOT_RADIUS] - (total / stood if stood > 0.0 else lowest)
    for g in range(covariances.shape[0]):
        covariances[g, P, P] = constants[LEVER_STD] ** 2
        covariances[g, V, V] = constants[INITIAL_VELOCITY_STD] ** 2
        covariances[g, B, B] = constants[INITIAL_BIAS_STD] ** 2
    for leg in range(4):
        plant_foot(mean, covariances, leg, motion[0, leg], constants[LEVER_STD] ** 2)
        for i in range(3):
            memory[_FOOTPRINTS + 3 * leg + i] = mean[i, S + leg]
        memory[_STANCE_TIME + leg] = constants[TRUST_TIME] if contact[leg] > 0.5 else 0.0
        memory[_STOOD + leg] = contact[leg]
    memory[_TIME_WITHOUT_STANCE] = 0.0 if stood > 0.0 else constants[REST_TIME]
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
def advance(
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
    """Take one reading in.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        constants: Settings of the estimator in the order of the indices above.
        imu: Position of the IMU in the base frame, shape (3,) [m].
        reading: Packed reading, see `controllers.robot.reading`.
        force: Normal force of each foot, shape (4,) [N].
        contact: Trust in each foot's contact, 0 to 1, shape (4,).
        dt: Time since the previous reading [s].
        lost: Whether readings were missed, so that feet must be planted anew.
        mean: Mean of the filter per axis; updated, shape (3, 7).
        covariances: Its covariances; updated, shape (1 or 2, 7, 7).
        memory: What is kept between readings; updated.
        out: Output: position, body velocity, quaternion and body rate, shape (13,).
    """
    rotation = matrix_from_quaternion(reading[ORIENTATION : ORIENTATION + 4])
    motion = np.empty((3, 4, 3))
    plane = memory[_PLANE : _PLANE + 3]
    _leg_motion(geometry, reading, rotation, constants[ROLLING_RADIUS], plane, motion)
    levers, velocities, rolling = motion[0], motion[1], motion[2]
    lever_variance = constants[LEVER_STD] ** 2

    weights = np.empty(4)
    foot_variances = np.empty(4)
    stands = False
    for leg in range(4):
        memory[_STANCE_TIME + leg] = memory[_STANCE_TIME + leg] + dt if contact[leg] > 0.0 else 0.0
        w = contact[leg] * weight_of_stance(
            memory[_STANCE_TIME + leg], constants[TRUST_TIME], force[leg], constants[LOW_FORCE], constants[HIGH_FORCE]
        )
        weights[leg] = w if w >= _LEAST_WEIGHT else 0.0
        foot_variances[leg] = constants[FOOT_NOISE] ** 2 * dt / (w * w) if w >= _LEAST_WEIGHT else 0.0
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
    predict(
        mean,
        covariances,
        acceleration,
        rolling,
        dt,
        constants[ACCELERATION_NOISE] ** 2,
        constants[BIAS_NOISE] ** 2,
        foot_variances,
    )
    if lost:
        for g in range(covariances.shape[0]):
            covariances[g, V, V] += constants[INITIAL_VELOCITY_STD] ** 2

    told = np.empty((4, 3))
    variances = np.empty(4)
    for leg in range(4):
        if weights[leg] == 0.0:
            continue
        variances[leg] = (constants[FOOT_VELOCITY_STD] / weights[leg]) ** 2
        for i in range(3):
            told[leg, i] = rolling[leg, i] - velocities[leg, i]
        distance = surprise(mean, covariances, told[leg], variances[leg])
        if distance > constants[SLIP_GATE]:
            # A foot that slips says little about velocity and nothing about where it was.
            variances[leg] *= distance / constants[SLIP_GATE]
            foot_variances[leg] = -1.0
    for leg in range(4):
        stood, memory[_STOOD + leg] = memory[_STOOD + leg] > 0.0, weights[leg]
        if stood and weights[leg] > 0.0 and foot_variances[leg] >= 0.0 and not lost:
            measure_lever(mean, covariances, leg, levers[leg], lever_variance)
        else:
            plant_foot(mean, covariances, leg, levers[leg], lever_variance)
    for leg in range(4):
        if weights[leg] > 0.0:
            measure_velocity(mean, covariances, told[leg], variances[leg])
            if covariances.shape[0] == 2:
                ground = (constants[GROUND_STD] / weights[leg]) ** 2
                measure_foot_height(mean, covariances, leg, constants[FOOT_RADIUS], ground)
    if stands:
        footprints = memory[_FOOTPRINTS : _FOOTPRINTS + 12].reshape((4, 3))
        _follow_slope(mean, weights, min(dt / constants[SLOPE_TIME], 1.0), footprints, plane)
    if memory[_TIME_WITHOUT_STANCE] >= constants[REST_TIME]:
        rate = math.sqrt(reading[GYRO] ** 2 + reading[GYRO + 1] ** 2 + reading[GYRO + 2] ** 2)
        pull = math.sqrt(a[0] ** 2 + a[1] ** 2 + a[2] ** 2)
        if rate < constants[REST_RATE] and abs(pull - GRAVITY) < constants[REST_ACCELERATION]:
            measure_velocity(mean, covariances, np.zeros(3), constants[REST_VELOCITY_STD] ** 2)
    _report(mean, rotation, reading, out)
