"""Joint commands in the vendor's form."""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, JointCommand
from controllers.robot.unitree.checksum import sign
from controllers.robot.unitree.layout import (
    MOTOR_COMMAND,
    NO_POSITION,
    NO_VELOCITY,
    Record,
    stop_command,
    word_of,
    words,
)
from controllers.robot.unitree.motors import JOINTS_FROM_MOTORS, MOTORS_FROM_JOINTS

Array = npt.NDArray[np.float64]

# A number beyond this is no command to a motor of this size, whatever its unit.
_LARGEST = 1e3
# The five numbers of a motor follow one another: q, dq, tau, kp, kd.
_FIRST = word_of(MOTOR_COMMAND, "q")
_NUMBERS = slice(_FIRST, _FIRST + 5)
_OFF = np.array((NO_POSITION, NO_VELOCITY), dtype=np.float32)


@njit(cache=True)
def _pack(table: Array, joints: npt.NDArray[np.intp], motors: npt.NDArray[np.float32]) -> bool:
    """Write rows position, velocity, effort, stiffness, damping into the motors; False, and nothing, if one is bad."""
    for row in range(table.shape[0]):
        for joint in range(table.shape[1]):
            value = table[row, joint]
            # False for NaN, too.
            if not abs(value) <= _LARGEST or (row >= 3 and value < 0.0):
                return False
    for motor in range(table.shape[1]):
        joint = joints[motor]
        motors[motor, _FIRST] = table[0, joint] if table[3, joint] > 0.0 else NO_POSITION
        motors[motor, _FIRST + 1] = table[1, joint] if table[4, joint] > 0.0 else NO_VELOCITY
        for row in range(2, 5):
            motors[motor, _FIRST + row] = table[row, joint]
    return True


class LowCommandEncoder:
    """Builds LowCmd messages; the only place where one is filled, so none is ever half old and half new."""

    def __init__(self) -> None:
        """Start from the command without torques."""
        self._record = stop_command()
        self._words = words(self._record, "motor_cmd")

    def encode(self, command: JointCommand) -> Record:
        """Fill and sign the message, which the next call fills anew.

        Args:
            command: Command for all joints.

        Returns:
            LowCmd with checksum, shape (1,); loops whose gain is zero are switched off, unused motors stay so.

        Raises:
            InvalidValue: Wrong shape, NaN, Inf, a negative gain or a number beyond all measure.
        """
        rows = (command.position, command.velocity, command.effort, command.stiffness, command.damping)
        if any(row.shape != (N_JOINTS,) for row in rows):
            command.validate()
        table = np.array(rows, dtype=np.float64)
        if not _pack(table, MOTORS_FROM_JOINTS, self._words):
            command.validate()
            raise InvalidValue(f"JointCommand must hold numbers up to {_LARGEST:g}, got {abs(table).max():.4g}")
        sign(self._record)
        return self._record


def read_command(record: Record, time: float) -> JointCommand:
    """Read what a LowCmd asks of the legs; the robot's side of `LowCommandEncoder`.

    Args:
        record: LowCmd, shape (1,).
        time: Time stamp to give it [s].

    Returns:
        The command; loops that are switched off have gain and target zero.

    Raises:
        InvalidValue: NaN, Inf or a negative gain.
    """
    table = words(record, "motor_cmd")[JOINTS_FROM_MOTORS, _NUMBERS]
    off = table[:, :2] == _OFF
    with np.errstate(invalid="ignore"):  # A NaN that signals is refused below.
        table = table.T.astype(np.float64)
    if off.any():
        for row in (0, 1):
            table[row, off[:, row]] = table[row + 3, off[:, row]] = 0.0
    command = JointCommand(time, table[0], table[1], table[2], table[3], table[4])
    command.validate()
    return command
