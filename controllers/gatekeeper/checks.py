"""Compiled checks of the gatekeeper: one pass over all joints each, no allocation.

A packed command has the rows position, velocity, effort, stiffness, damping, shape (5, 12). A packed
reading is joint position (12), velocity (12), effort (12), quaternion w x y z (4), gyroscope (3),
accelerometer (3), foot force (4), shape (50,).
"""

import math
from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

READING_SIZE = 50
QUATERNION_TOLERANCE = 1e-2


class Trip(IntEnum):
    """What a valid reading says against moving on."""

    NONE = 0
    ROLL = 1
    PITCH = 2
    POSITION = 3
    OVERSPEED = 4


class Clamp(IntFlag):
    """Which parts of a command had to be cut."""

    POSITION = 1
    RATE = 2
    VELOCITY = 4
    EFFORT = 8
    STIFFNESS = 16
    DAMPING = 32
    TORQUE = 64


@njit(cache=True, error_model="numpy")
def is_usable_reading(reading: Array) -> bool:
    """Tell whether a packed reading is finite with a quaternion of unit norm.

    Args:
        reading: Packed reading, shape (50,).

    Returns:
        True when it can be judged further.
    """
    for i in range(reading.shape[0]):
        if not math.isfinite(reading[i]):
            return False
    square = 0.0
    for i in range(36, 40):
        square += reading[i] * reading[i]
    return abs(math.sqrt(square) - 1.0) <= QUATERNION_TOLERANCE


@njit(cache=True, error_model="numpy")
def is_usable_command(command: Array) -> bool:
    """Tell whether a packed command is finite with gains that are not negative.

    Args:
        command: Packed command, shape (5, 12).

    Returns:
        True when its limits can be checked.
    """
    for row in range(5):
        for joint in range(command.shape[1]):
            if not math.isfinite(command[row, joint]):
                return False
            if row >= 3 and command[row, joint] < 0.0:
                return False
    return True


@njit(cache=True, error_model="numpy")
def find_trip(
    reading: Array,
    lower: Array,
    upper: Array,
    top_speed: Array,
    lookahead: float,
    max_roll: float,
    max_pitch: float,
) -> tuple[int, int, float]:
    """Look for the first thing in a reading that must end motion.

    Args:
        reading: Packed reading, shape (50,).
        lower: Lowest position that is tolerated, shape (12,) [rad].
        upper: Highest position that is tolerated, shape (12,) [rad].
        top_speed: Highest speed that is tolerated, shape (12,) [rad/s].
        lookahead: Time for which the joint speed is projected ahead [s].
        max_roll: Largest tolerated |roll| [rad].
        max_pitch: Largest tolerated |pitch| [rad].

    Returns:
        A `Trip` code, the joint that it concerns (0 for tilt) and the offending value.
    """
    w, x, y, z = reading[36], reading[37], reading[38], reading[39]
    norm = w * w + x * x + y * y + z * z
    roll = math.atan2(2.0 * (w * x + y * z), w * w - x * x - y * y + z * z)
    pitch = math.asin(min(1.0, max(-1.0, 2.0 * (w * y - z * x) / norm)))
    if abs(roll) > max_roll:
        return 1, 0, roll
    if abs(pitch) > max_pitch:
        return 2, 0, pitch
    for joint in range(12):
        velocity = reading[12 + joint]
        if abs(velocity) > top_speed[joint]:
            return 4, joint, velocity
        ahead = reading[joint] + lookahead * velocity
        if ahead < lower[joint] or ahead > upper[joint]:
            return 3, joint, ahead
    return 0, 0, 0.0


@njit(cache=True, error_model="numpy")
def limit_command(
    command: Array,
    reading: Array,
    previous: Array,
    limits: Array,
    max_stiffness: float,
    max_damping: float,
    period: float,
    out: Array,
) -> int:
    """Cut a usable command to the limits; what lies within them is copied bit for bit.

    The target of a joint may leave the span between its last target and its measured position by no
    more than rate x period. A joint whose torque at the measured state is too high gets its effort and
    both gains scaled by the same factor: the torque is then the limit itself, the motor law keeps its
    equilibrium, and gains only ever shrink.

    Args:
        command: Packed command, shape (5, 12).
        reading: Packed reading, shape (50,).
        previous: Last packed command that was sent, shape (5, 12); zero stiffness means no target yet.
        limits: Rows lowest target, highest target, speed, torque, target rate, shape (5, 12).
        max_stiffness: Highest position gain [N·m/rad].
        max_damping: Highest velocity gain [N·m·s/rad].
        period: Time since the last command was sent [s].
        out: Receives the packed command, shape (5, 12).

    Returns:
        `Clamp` flags of all that was cut.
    """
    flags = 0
    for j in range(command.shape[1]):
        position, velocity, effort = command[0, j], command[1, j], command[2, j]
        stiffness, damping = command[3, j], command[4, j]
        measured, measured_rate = reading[j], reading[12 + j]
        if stiffness > 0.0:
            low = measured
            high = measured
            if previous[3, j] > 0.0:
                low = min(low, previous[0, j])
                high = max(high, previous[0, j])
            low -= limits[4, j] * period
            high += limits[4, j] * period
            if position < low:
                position = low
                flags |= 2
            elif position > high:
                position = high
                flags |= 2
        if position < limits[0, j]:
            position = limits[0, j]
            flags |= 1
        elif position > limits[1, j]:
            position = limits[1, j]
            flags |= 1
        if abs(velocity) > limits[2, j]:
            velocity = math.copysign(limits[2, j], velocity)
            flags |= 4
        if abs(effort) > limits[3, j]:
            effort = math.copysign(limits[3, j], effort)
            flags |= 8
        if stiffness > max_stiffness:
            stiffness = max_stiffness
            flags |= 16
        if damping > max_damping:
            damping = max_damping
            flags |= 32
        torque = effort + stiffness * (position - measured) + damping * (velocity - measured_rate)
        if abs(torque) > limits[3, j]:
            scale = limits[3, j] / abs(torque)
            effort *= scale
            stiffness *= scale
            damping *= scale
            flags |= 64
        out[0, j], out[1, j], out[2, j], out[3, j], out[4, j] = position, velocity, effort, stiffness, damping
    return flags


@njit(cache=True, error_model="numpy")
def brake(reading: Array, limits: Array, damping: float, fresh: bool, out: Array) -> None:
    """Write the command that only damps.

    A gain that would ask for more than the torque limit at a measured speed is lowered to that limit.

    Args:
        reading: Packed reading, shape (50,); its positions are reported as targets without force.
        limits: As in `limit_command`, shape (5, 12).
        damping: Velocity gain [N·m·s/rad].
        fresh: Whether the speeds in the reading can be relied on.
        out: Receives the packed command, shape (5, 12).
    """
    for j in range(out.shape[1]):
        speed = abs(reading[12 + j])
        gain = damping
        if fresh and gain * speed > limits[3, j]:
            gain = limits[3, j] / speed
        out[0, j] = min(max(reading[j], limits[0, j]), limits[1, j])
        out[1, j] = 0.0
        out[2, j] = 0.0
        out[3, j] = 0.0
        out[4, j] = gain
