"""Commands, wrenches and telemetry made into messages, and back: exact to the bit, by name, and closed to NaN."""

import math
from collections.abc import Mapping

import numpy as np
from geometry_msgs.msg import TwistStamped, WrenchStamped
from pronk_msgs.msg import BodyCommand
from pronk_msgs.msg import JointCommand as JointCommandMessage
from sensor_msgs.msg import JointState

from controllers.errors import InvalidValue
from controllers.robot.interface import JointCommand, LocomotionCommand
from controllers.robot.joints import JOINT_NAMES
from pronk_node_kit.name_map import Array, NameMap, all_finite, doubles
from pronk_node_kit.stamps import set_stamp, time_from_stamp


class JointCommandEncoder:
    """Turns a joint command into its message."""

    def __init__(self) -> None:
        """Build the message."""
        self._message = JointCommandMessage(name=list(JOINT_NAMES))

    def encode(self, command: JointCommand) -> JointCommandMessage:
        """Fill the message, which the next call fills anew.

        Args:
            command: Command for all joints.

        Returns:
            The message.

        Raises:
            InvalidValue: Wrong shape, NaN, Inf or a negative gain.
        """
        _check_command(command)
        message = self._message
        set_stamp(command.time, message.header.stamp)
        message.position = doubles(command.position)
        message.velocity = doubles(command.velocity)
        message.effort = doubles(command.effort)
        message.stiffness = doubles(command.stiffness)
        message.damping = doubles(command.damping)
        return message


class JointCommandDecoder:
    """Reads joint commands, whatever the order of their names."""

    def __init__(self, topic: str = "joint_commands") -> None:
        """Start without knowledge of the names' order.

        Args:
            topic: What the message is called in errors.
        """
        self._names = NameMap(topic, JOINT_NAMES)

    def decode(self, message: JointCommandMessage) -> JointCommand:
        """Read a message.

        Args:
            message: Command by joint name.

        Returns:
            The command in canonical order; its arrays are new.

        Raises:
            InvalidValue: A name is missing, a length is wrong, a value is NaN or Inf, or a gain is negative.
        """
        names = self._names
        names.learn(message.name)
        command = JointCommand(
            time=time_from_stamp(message.header.stamp),
            position=names.pick("position", message.position),
            velocity=names.pick("velocity", message.velocity),
            effort=names.pick("effort", message.effort),
            stiffness=names.pick("stiffness", message.stiffness),
            damping=names.pick("damping", message.damping),
        )
        _check_command(command)
        return command


def _check_command(command: JointCommand) -> None:
    # The full check takes longer than the conversion; it runs only to word the error.
    p, v, e = command.position, command.velocity, command.effort
    kp, kd = command.stiffness, command.damping
    good = p.shape == v.shape == e.shape == kp.shape == kd.shape == (12,) and all_finite(p, v, e, kp, kd)
    if not good or min(kp.tolist()) < 0.0 or min(kd.tolist()) < 0.0:
        command.validate()


class LocomotionCommandEncoder:
    """Splits what is asked of the legs into `cmd_vel` and `body_command`."""

    def __init__(self, base_frame: str = "base_link") -> None:
        """Build the messages.

        Args:
            base_frame: Frame of the velocities.
        """
        self._twist = TwistStamped()
        self._twist.header.frame_id = base_frame
        self._body = BodyCommand()

    def encode(self, command: LocomotionCommand, time: float) -> tuple[TwistStamped, BodyCommand]:
        """Fill the messages, which the next call fills anew.

        Args:
            command: What is asked.
            time: Time of asking [s].

        Returns:
            `cmd_vel` and `body_command`.
        """
        set_stamp(time, self._twist.header.stamp, self._body.header.stamp)
        twist, body = self._twist.twist, self._body
        twist.linear.x, twist.linear.y = float(command.velocity_x), float(command.velocity_y)
        twist.angular.z = float(command.yaw_rate)
        body.gait = command.gait
        body.body_height = math.nan if command.body_height is None else float(command.body_height)
        body.roll, body.pitch = float(command.roll), float(command.pitch)
        return self._twist, self._body


def locomotion_command(twist: TwistStamped, body: BodyCommand) -> LocomotionCommand:
    """Join the newest `cmd_vel` and `body_command`; their stamps need not agree.

    Args:
        twist: Velocities; only linear x, y and angular z are used.
        body: Gait and posture; a height of NaN asks for the nominal height.

    Returns:
        What is asked of the legs.

    Raises:
        InvalidValue: A velocity or an angle is NaN or Inf, or the height is infinite.
    """
    return LocomotionCommand(
        velocity_x=twist.twist.linear.x,
        velocity_y=twist.twist.linear.y,
        yaw_rate=twist.twist.angular.z,
        gait=body.gait,
        body_height=None if math.isnan(body.body_height) else body.body_height,
        roll=body.roll,
        pitch=body.pitch,
    )


def wrench_message(wrench: Array, time: float, frame: str) -> WrenchStamped:
    """Make the message of a wrench.

    Args:
        wrench: Force [N], then torque [N·m], shape (6,).
        time: Time at which it acts [s].
        frame: Frame in which it is written.

    Returns:
        A new message.

    Raises:
        InvalidValue: Wrong shape, NaN or Inf.
    """
    _check_wrench(wrench)
    message = WrenchStamped()
    set_stamp(time, message.header.stamp)
    message.header.frame_id = frame
    force, torque = message.wrench.force, message.wrench.torque
    force.x, force.y, force.z, torque.x, torque.y, torque.z = np.asarray(wrench, dtype=np.float64).tolist()
    return message


def wrench_array(message: WrenchStamped) -> Array:
    """Read the message of a wrench.

    Args:
        message: Wrench in any frame; the caller looks at `header.frame_id`.

    Returns:
        Force [N], then torque [N·m], shape (6,).

    Raises:
        InvalidValue: A value is NaN or Inf.
    """
    force, torque = message.wrench.force, message.wrench.torque
    wrench = np.array((force.x, force.y, force.z, torque.x, torque.y, torque.z))
    _check_wrench(wrench)
    return wrench


def _check_wrench(wrench: Array) -> None:
    if wrench.shape != (6,):
        raise InvalidValue(f"wrench must have shape (6,), got {wrench.shape}")
    if not all_finite(wrench) and not np.isfinite(wrench).all():
        where = ", ".join(str(i) for i in np.flatnonzero(~np.isfinite(wrench)))
        raise InvalidValue(f"wrench must be finite, got NaN or Inf at index {where}")


def telemetry_message(values: Mapping[str, float], time: float) -> JointState:
    """Make a stamped list of named numbers, which plotting tools show by name.

    Args:
        values: Numbers by name; the name ends with the unit.
        time: Time at which they held [s].

    Returns:
        A new message with the numbers in `position`.
    """
    message = JointState(name=list(values), position=doubles(np.fromiter(values.values(), dtype=np.float64)))
    set_stamp(time, message.header.stamp)
    return message


def telemetry_values(message: JointState) -> dict[str, float]:
    """Read a stamped list of named numbers.

    Args:
        message: Message made by `telemetry_message`.

    Returns:
        Numbers by name.

    Raises:
        InvalidValue: Not as many numbers as names.
    """
    if len(message.name) != len(message.position):
        raise InvalidValue(f"telemetry has {len(message.name)} names but {len(message.position)} values")
    return dict(zip(message.name, message.position, strict=True))
