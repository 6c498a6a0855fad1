"""From the fields of recorded messages to what the cores take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.interface import JointCommand
from controllers.robot.joints import index_of
from evaluation.replay.message_layout import Block, Layout, MessageReader, Values
from evaluation.replay.message_types import types_of
from evaluation.replay.segments import Channel

Array = npt.NDArray[np.float64]
NANOSECONDS_PER_SECOND = 1_000_000_000

# Where the names of joints and feet stand among the plain fields of `FIELDS`.
NAMES = 2
STAMP = ("header.stamp.sec", "header.stamp.nanosec")
_POSE = tuple(f"pose.pose.position.{a}" for a in "xyz") + tuple(f"pose.pose.orientation.{a}" for a in "wxyz")
_TWIST = tuple(f"twist.twist.{kind}.{a}" for kind in ("linear", "angular") for a in "xyz")
_PLANAR = ("twist.linear.x", "twist.linear.y", "twist.angular.z")
FIELDS: dict[str, tuple[str, ...]] = {
    "sensor_msgs/msg/JointState": (*STAMP, "name", "position", "velocity", "effort"),
    "sensor_msgs/msg/Imu": (
        *STAMP,
        *(f"orientation.{a}" for a in "wxyz"),
        *(f"{kind}.{a}" for kind in ("angular_velocity", "linear_acceleration") for a in "xyz"),
    ),
    "nav_msgs/msg/Odometry": (*STAMP, "header.frame_id", *_POSE, *_TWIST),
    "geometry_msgs/msg/TwistStamped": (*STAMP, *_PLANAR),
    "geometry_msgs/msg/Twist": ("linear.x", "linear.y", "angular.z"),
    "geometry_msgs/msg/PoseStamped": (*STAMP, "header.frame_id", "pose.position.x", "pose.position.y"),
    "geometry_msgs/msg/WrenchStamped": (
        *STAMP,
        "header.frame_id",
        *(f"wrench.{kind}.{a}" for kind in ("force", "torque") for a in "xyz"),
    ),
    "pronk_msgs/msg/BodyCommand": (*STAMP, "gait", "body_height", "roll", "pitch"),
    "pronk_msgs/msg/JointCommand": (*STAMP, "name", "position", "velocity", "effort", "stiffness", "damping"),
}


def stamp_of(sec: int, nanosec: int) -> int:
    """Join the two parts of a stamp [ns]."""
    return sec * NANOSECONDS_PER_SECOND + nanosec


def seconds(stamp: int) -> float:
    """Return a stamp as a time of the cores, exactly as Pronk's nodes do [s]."""
    return stamp * 1e-9


def time_of(message: Values) -> float:
    """Return the stamp of a message whose first two fields are `STAMP` [s]."""
    return seconds(stamp_of(message.plain[0], message.plain[1]))


def reader_of(channel: Channel) -> MessageReader:
    """Make the reader of a topic that replay knows.

    Args:
        channel: The topic; its type is one of `FIELDS`.

    Returns:
        The reader of the fields that `FIELDS` lists.

    Raises:
        InvalidValue: The bag's definition of the type cannot be read.
    """
    return MessageReader(types_of(channel), channel.type, FIELDS[channel.type])


class Names:
    """Brings the lists of a message, which run parallel to a list of names, into a fixed order."""

    def __init__(self, wanted: Sequence[str], lists: Sequence[str]) -> None:
        """Set the order.

        Args:
            wanted: Names in the order that the lists are to have.
            lists: What the lists are called; those of a message that `FIELDS` lists first.
        """
        self._wanted = tuple(wanted)
        self._lists = tuple(lists)
        self._layout: Layout | None = None
        self._index = np.empty(0, dtype=np.intp)
        # Stands for all layouts of blocks that have been brought into the wanted order and found finite.
        self._picked = Layout(big=False)

    def pick(self, given: Sequence[str], values: Values) -> Array:
        """Return the lists in the wanted order.

        Args:
            given: Names in the message's order.
            values: The message.

        Returns:
            A new array, one list behind the other.

        Raises:
            InvalidValue: A wanted name is missing or occurs twice, a list is not as long as the names, or a value is
                not finite.
        """
        if values.layout is self._picked:
            return values.numbers
        if values.layout is not self._layout:
            self._learn(given, values.layout)
        numbers = np.asarray(values.numbers[self._index])
        if not math.isfinite(np.add.reduce(numbers)) and not np.isfinite(numbers).all():
            worst = int(np.flatnonzero(~np.isfinite(numbers))[0])
            name = self._wanted[worst % len(self._wanted)]
            raise InvalidValue(f"{self._lists[worst // len(self._wanted)]} of {name} must be finite")
        return numbers

    def pick_block(self, place: int, block: Block) -> Block | None:
        """Bring several messages into the wanted order at once.

        Args:
            place: Where among the plain fields the names stand.
            block: The messages, as they were read.

        Returns:
            Messages whose numbers `pick` returns as they are; None where one of them would be refused.
        """
        if block.layout is not self._layout:
            try:
                self._learn(block.plain[0][place], block.layout)
            except InvalidValue:
                return None
        # Rows without gaps, for which the kernels are compiled.
        numbers = np.take(block.numbers, self._index, axis=1)
        return Block(block.plain, numbers, self._picked) if np.isfinite(numbers).all() else None

    def _learn(self, given: Sequence[str], layout: Layout) -> None:
        order = index_of(given, self._wanted)
        starts = np.cumsum((0, *layout.lengths))
        for name, length in zip(self._lists, layout.lengths, strict=False):
            if length != len(given):
                raise InvalidValue(f"{name} must have {len(given)} values, one per name, got {length}")
        self._index = np.concatenate([order + starts[place] for place in range(len(self._lists))])
        self._layout = layout


@dataclass
class Motion:
    """Pose and twist of a base.

    Attributes:
        time: Stamp [s].
        frame: Frame of the pose.
        position: Shape (3,) [m].
        orientation: Quaternion w, x, y, z, shape (4,).
        velocity_body: Base frame, shape (3,) [m/s].
        angular_velocity_body: Base frame, shape (3,) [rad/s].
    """

    time: float
    frame: str
    position: Array
    orientation: Array
    velocity_body: Array
    angular_velocity_body: Array

    @classmethod
    def of(cls, message: Values) -> "Motion":
        """Take an odometry message.

        Args:
            message: Its fields as `FIELDS` lists them.

        Returns:
            The motion.

        Raises:
            InvalidValue: A value is not finite, or the quaternion has no unit length.
        """
        values = message.numbers
        if not (math.isfinite(np.add.reduce(values)) and abs(float(values[3:7] @ values[3:7]) - 1.0) < 0.02):
            raise InvalidValue("pose and twist must be finite and the quaternion of length 1")
        time, frame = time_of(message), message.plain[2]
        return cls(time, frame, values[0:3], values[3:7], values[7:10], values[10:13])


@dataclass(slots=True)
class RecordedCommand:
    """An impedance command as one array, which the kernels of replay take.

    Attributes:
        time: Time of the state that the command answers [s].
        values: Position [rad], velocity [rad/s], effort [N·m], stiffness [N·m/rad], damping [N·m·s/rad], shape (5, 12).
        pushes: Whether it feeds forward any torque.
    """

    time: float
    values: Array
    pushes: bool

    @property
    def effort(self) -> Array:
        """Feed-forward torques, shape (12,) [N·m]."""
        return np.asarray(self.values[2])

    @property
    def stiffness(self) -> Array:
        """Position gains, shape (12,) [N·m/rad]."""
        return np.asarray(self.values[3])

    def command(self) -> JointCommand:
        """Return it as the cores have it."""
        return JointCommand(self.time, *self.values)


class CommandDecoder:
    """Reads joint commands.

    Attributes:
        names: Order of the joints.
    """

    def __init__(self, joints: Sequence[str]) -> None:
        """Set the order of joints.

        Args:
            joints: The bag's names in canonical order.
        """
        self.names = Names(joints, ("position", "velocity", "effort", "stiffness", "damping"))

    def decode(self, message: Values) -> RecordedCommand:
        """Take a message.

        Args:
            message: Its fields as `FIELDS` lists them.

        Returns:
            The command.

        Raises:
            InvalidValue: A joint is missing, a list has the wrong length, or a value is not finite.
        """
        values = self.names.pick(message.plain[NAMES], message).reshape(5, 12)
        return RecordedCommand(time_of(message), values, bool(values[2].any()))

    def decode_block(self, block: Block) -> list[RecordedCommand]:
        """Take messages that `names` has brought into its order.

        Args:
            block: The messages.

        Returns:
            The commands.
        """
        values = block.numbers.reshape(-1, 5, 12)
        times = [seconds(stamp_of(plain[0], plain[1])) for plain in block.plain]
        return list(map(RecordedCommand, times, values, values[:, 2].any(axis=1).tolist()))


def wrench_of(message: Values) -> tuple[str, Array]:
    """Take the message of a wrench.

    Args:
        message: Its fields as `FIELDS` lists them.

    Returns:
        Its frame; force, then torque, shape (6,) [N, N·m].

    Raises:
        InvalidValue: A value is not finite.
    """
    if not math.isfinite(np.add.reduce(message.numbers)):
        raise InvalidValue("a wrench must be finite")
    return message.plain[2], message.numbers
