"""Readings in the vendor's form made into robot states, and what else they tell of the robot."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.interface import RobotState
from controllers.robot.unitree.checksum import checksum
from controllers.robot.unitree.layout import MOTOR_STATE, Record, word_of, words
from controllers.robot.unitree.motors import FEET_FROM_VENDOR, JOINTS_FROM_MOTORS
from controllers.robot.unitree.remote import Remote, read_remote

Array = npt.NDArray[np.float64]

# Larger angles, speeds and torques are no measurement of this robot.
_LARGEST = {"q": 10.0, "dq": 200.0, "tau_est": 500.0}
_BOUNDS = np.array(list(_LARGEST.values()))[:, np.newaxis]
_NUMBERS = [word_of(MOTOR_STATE, name) for name in _LARGEST]
_LOST, _TEMPERATURE = word_of(MOTOR_STATE, "lost"), word_of(MOTOR_STATE, "temperature")


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
        motors = words(record, "motor_state")[JOINTS_FROM_MOTORS]
        with np.errstate(invalid="ignore"):  # A NaN that signals would warn here already; it is refused below.
            joints = motors[:, _NUMBERS].T.astype(np.float64)
            imu = words(record, "imu_state")[0].astype(np.float64)
        feet = r["foot_force"][FEET_FROM_VENDOR] * self._newton_per_count
        state = RobotState(time, joints[0], joints[1], joints[2], imu[:4], imu[4:7], imu[7:10], feet)
        # One look at all numbers; it is False for NaN, too. Only the wording of an error needs to know which.
        if not ((abs(joints) <= _BOUNDS).all() and _is_attitude(imu)):
            state.validate()
            for name, values in zip(_LARGEST, joints, strict=True):
                if float(abs(values).max()) > _LARGEST[name]:
                    raise InvalidValue(f"lowstate: |{name}| must be <= {_LARGEST[name]:g}, got {abs(values).max():.4g}")
        numbers = motors.view(np.uint32)
        battery = r["bms_state"]
        return Go2Reading(
            state,
            int(r["tick"]),
            (numbers[:, _TEMPERATURE] & 0xFF).astype(np.uint8).view(np.int8).astype(np.int64),
            numbers[:, _LOST].astype(np.int64),
            int(battery["soc"]) if battery["soc"] or battery["cell_vol"].any() else None,
            float(r["power_v"]),
            read_remote(r["wireless_remote"]),
        )


def _is_attitude(imu: Array) -> bool:
    w, x, y, z, *rates = imu[:10].tolist()
    return abs(w * w + x * x + y * y + z * z - 1.0) <= 1.9e-2 and math.isfinite(sum(rates))
