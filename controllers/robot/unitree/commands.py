"""Joint commands in the vendor's form."""

import numpy as np

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

# A number beyond this is no command to a motor of this size, whatever its unit.
_LARGEST = 1e3
# The five numbers of a motor follow one another: q, dq, tau, kp, kd.
_NUMBERS = slice(word_of(MOTOR_COMMAND, "q"), word_of(MOTOR_COMMAND, "kd") + 1)
_OFF = np.array((NO_POSITION, NO_VELOCITY), dtype=np.float32)


class LowCommandEncoder:
    """Builds LowCmd messages; the only place where one is filled, so none is ever half old and half new."""

    def __init__(self) -> None:
        """Start from the command without torques."""
        self._record = stop_command()
        self._numbers = words(self._record, "motor_cmd")[:N_JOINTS, _NUMBERS]

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
        table = np.array(rows).T[MOTORS_FROM_JOINTS]
        # One look at all numbers; it is False for NaN, too. Only the wording of an error needs to know which.
        if not (abs(table).max() <= _LARGEST and table[:, 3:].min() >= 0.0):
            command.validate()
            raise InvalidValue(f"JointCommand must hold numbers up to {_LARGEST:g}, got {abs(table).max():.4g}")
        off = table[:, 3:] == 0.0
        if off.any():
            table[off[:, 0], 0] = NO_POSITION
            table[off[:, 1], 1] = NO_VELOCITY
        self._numbers[:] = table
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
