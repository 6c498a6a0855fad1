"""Joint commands in the vendor's form."""

import numpy as np

from controllers.errors import InvalidValue
from controllers.robot.interface import N_JOINTS, JointCommand
from controllers.robot.unitree.checksum import sign
from controllers.robot.unitree.layout import NO_POSITION, NO_VELOCITY, Record, stop_command
from controllers.robot.unitree.motors import JOINTS_FROM_MOTORS, MOTORS_FROM_JOINTS

# A number beyond this is no command to a motor of this size, whatever its unit.
_LARGEST = 1e3


class LowCommandEncoder:
    """Builds LowCmd messages; the only place where one is filled, so none is ever half old and half new."""

    def __init__(self) -> None:
        """Start from the command without torques."""
        self._record = stop_command()
        self._motors = self._record["motor_cmd"][0][:N_JOINTS]

    def encode(self, command: JointCommand) -> Record:
        """Fill and sign the message, which the next call fills anew.

        Args:
            command: Command for all joints.

        Returns:
            LowCmd with checksum, shape (1,); loops whose gain is zero are switched off, unused motors stay so.

        Raises:
            InvalidValue: Wrong shape, NaN, Inf, a negative gain or a number beyond all measure.
        """
        command.validate()
        rows = (command.position, command.velocity, command.effort, command.stiffness, command.damping)
        largest = max(float(np.abs(row).max()) for row in rows)
        if largest > _LARGEST:
            raise InvalidValue(f"JointCommand must hold numbers up to {_LARGEST:g}, got {largest:.4g}")
        position, velocity, effort, stiffness, damping = (row[MOTORS_FROM_JOINTS] for row in rows)
        motors = self._motors
        motors["q"] = np.where(stiffness > 0.0, position, NO_POSITION)
        motors["dq"] = np.where(damping > 0.0, velocity, NO_VELOCITY)
        motors["tau"], motors["kp"], motors["kd"] = effort, stiffness, damping
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
    motors = record["motor_cmd"][0][JOINTS_FROM_MOTORS]
    q, dq, tau, kp, kd = (motors[name].astype(np.float64) for name in ("q", "dq", "tau", "kp", "kd"))
    placeless, speedless = q == np.float32(NO_POSITION), dq == np.float32(NO_VELOCITY)
    q[placeless], kp[placeless] = 0.0, 0.0
    dq[speedless], kd[speedless] = 0.0, 0.0
    command = JointCommand(time, q, dq, tau, kp, kd)
    command.validate()
    return command
