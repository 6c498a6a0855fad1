"""A sensor reading as one array, checked once, for the compiled kernels."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, N_LEGS, RobotState

Array = npt.NDArray[np.float64]

# Where each quantity starts in a packed reading.
POSITION = 0
VELOCITY = 12
EFFORT = 24
ORIENTATION = 36
GYRO = 40
ACCELEROMETER = 43
FOOT_FORCE = 46
READING_SIZE = 50

# A sum of squares beyond this is no measurement of a robot; NaN and Inf are not below it either.
_LARGEST = 1e12
_JOINTS = (N_JOINTS,)
_NO_SENSORS = np.zeros(N_LEGS)


@njit(cache=True)
def _measurable(packed: Array) -> bool:
    total = 0.0
    for i in range(packed.shape[0]):
        total += packed[i] * packed[i]
    norm = 0.0
    for i in range(ORIENTATION, GYRO):
        norm += packed[i] * packed[i]
    return total < _LARGEST and abs(math.sqrt(norm) - 1.0) <= 1e-2


def pack_reading(state: RobotState, packed: Array) -> None:
    """Copy a reading into one array; refuse what `RobotState.validate` refuses, in a fraction of its time.

    One array of fixed type and layout keeps the kernels from being compiled anew for read-only or strided input.

    Args:
        state: The reading.
        packed: Out: joint positions, rates, torques, quaternion, gyroscope, accelerometer, foot forces (0 without
            sensors), shape (50,). Its content is undefined after an error.

    Raises:
        InvalidValue: A wrong shape, a value not finite or beyond all measure, or a quaternion not of unit norm.
    """
    foot_force = _NO_SENSORS if state.foot_force is None else state.foot_force
    fits = (
        state.joint_position.shape == _JOINTS
        and state.joint_velocity.shape == _JOINTS
        and state.joint_effort.shape == _JOINTS
        and state.orientation.shape == (4,)
        and state.angular_velocity_body.shape == (3,)
        and state.linear_acceleration_body.shape == (3,)
        and foot_force.shape == (N_LEGS,)
    )
    if not fits:
        state.validate()
    np.concatenate(
        (
            state.joint_position,
            state.joint_velocity,
            state.joint_effort,
            state.orientation,
            state.angular_velocity_body,
            state.linear_acceleration_body,
            foot_force,
        ),
        out=packed,
    )
    if not (_measurable(packed) and math.isfinite(state.time)):
        state.validate()
        raise InvalidValue(f"RobotState must hold measurements below {math.sqrt(_LARGEST):.0e}, got larger ones")
