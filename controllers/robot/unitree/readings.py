"""Readings in the vendor's form made into robot states, and what else they tell of the robot."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, RobotState
from controllers.robot.unitree.checksum import checksum
from controllers.robot.unitree.layout import LOW_STATE, MOTOR_STATE, Record, word_of
from controllers.robot.unitree.motors import FEET_FROM_VENDOR, JOINTS_FROM_MOTORS
from controllers.robot.unitree.remote import Remote, read_remote

Array = npt.NDArray[np.float64]

# Larger angles, speeds and torques are no measurement of this robot.
_LARGEST = {"q": 10.0, "dq": 200.0, "tau_est": 500.0}
_BOUNDS = tuple(_LARGEST.values())
_NUMBERS = tuple(word_of(MOTOR_STATE, name) for name in _LARGEST)
_LOST, _TEMPERATURE = word_of(MOTOR_STATE, "lost"), word_of(MOTOR_STATE, "temperature")
_MOTORS, _IMU = word_of(LOW_STATE, "motor_state"), word_of(LOW_STATE, "imu_state")
_MOTOR_WORDS = MOTOR_STATE.itemsize // 4


@njit(cache=True)
def _unpack(
    floats: npt.NDArray[np.float32],
    integers: npt.NDArray[np.uint32],
    motors: npt.NDArray[np.intp],
    joints: Array,
    imu: Array,
    temperature: npt.NDArray[np.int64],
    lost: npt.NDArray[np.int64],
) -> bool:
    """Copy what is used of a message; tell whether all of it can have been measured."""
    good = True
    for joint in range(joints.shape[1]):
        begin = _MOTORS + _MOTOR_WORDS * motors[joint]
        for row in range(3):
            value = np.float64(floats[begin + _NUMBERS[row]])
            joints[row, joint] = value
            # False for NaN, too.
            good = good and bool(abs(value) <= _BOUNDS[row])
        heat = np.int64(integers[begin + _TEMPERATURE]) & 0xFF
        temperature[joint] = heat - 256 if heat > 127 else heat
        lost[joint] = np.int64(integers[begin + _LOST])
    norm, largest = 0.0, 0.0
    for i in range(imu.shape[0]):
        imu[i] = np.float64(floats[_IMU + i])
        if i < 4:
            norm += imu[i] * imu[i]
        else:
            largest += abs(imu[i])
    return good and abs(math.sqrt(norm) - 1.0) <= 0.99e-2 and math.isfinite(largest)


@dataclass(frozen=True, eq=False)
class Go2Reading:
    """One LowState.

    Attributes:
        state: What controllers see.
        tick: The vendor's counter of samples.
        motor_temperature: Of each joint's motor, canonical order, shape (12,) [°C].
        motor_lost: Packets lost on the way to each motor since switching on, shape (12,).
        battery: State of charge [%]; None when the battery reports nothing at all.
        voltage: Of the battery [V].
        remote: The vendor's remote control.
    """

    state: RobotState
    tick: int
    motor_temperature: npt.NDArray[np.int64]
    motor_lost: npt.NDArray[np.int64]
    battery: int | None
    voltage: float
    remote: Remote


class LowStateReader:
    """Reads LowState messages and refuses what cannot be a measurement."""

    def __init__(self, check_crc: bool = True, newton_per_count: float = 1.0) -> None:
        """Choose what is relied on.

        Args:
            check_crc: Refuse a message whose checksum is wrong.
            newton_per_count: Scale of the raw foot sensors [N]; the robot's own are not calibrated.
        """
        self._check_crc = check_crc
        self._newton_per_count = newton_per_count

    def read(self, record: Record, time: float) -> Go2Reading:
        """Read a message.

        Args:
            record: LowState, shape (1,).
            time: Time of receipt [s].

        Returns:
            The reading; its arrays are new.

        Raises:
            InvalidValue: A wrong checksum, NaN, Inf or a number that no such robot can have.
        """
        if self._check_crc and int(record["crc"][0]) != checksum(record):
            raise InvalidValue(
                f"lowstate must carry its checksum {checksum(record):#010x}, got {int(record['crc'][0]):#010x}"
            )
        r = record[0]
        joints, imu = np.empty((3, N_JOINTS)), np.empty(10)
        temperature, lost = np.empty(N_JOINTS, dtype=np.int64), np.empty(N_JOINTS, dtype=np.int64)
        good = _unpack(
            record.view(np.float32), record.view(np.uint32), JOINTS_FROM_MOTORS, joints, imu, temperature, lost
        )
        feet = r["foot_force"][FEET_FROM_VENDOR] * self._newton_per_count
        state = RobotState(time, joints[0], joints[1], joints[2], imu[:4], imu[4:7], imu[7:10], feet)
        if not good:
            state.validate()
            for name, values in zip(_LARGEST, joints, strict=True):
                if float(abs(values).max()) > _LARGEST[name]:
                    raise InvalidValue(f"lowstate: |{name}| must be <= {_LARGEST[name]:g}, got {abs(values).max():.4g}")
        battery = r["bms_state"]
        return Go2Reading(
            state,
            int(r["tick"]),
            temperature,
            lost,
            int(battery["soc"]) if battery["soc"] or battery["cell_vol"].any() else None,
            float(r["power_v"]),
            read_remote(r["wireless_remote"]),
        )
