"""Curves of a recorded topic, thinned while it is read so that memory does not grow with the bag."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from evaluation.replay.message_layout import Fields, MessageReader, Values

Array = npt.NDArray[np.float64]

# More points than a plot has columns of pixels show nothing more.
MOST_POINTS = 1000
ODOMETRY = "nav_msgs/msg/Odometry"
TWIST_STAMPED = "geometry_msgs/msg/TwistStamped"
TWIST = "geometry_msgs/msg/Twist"
WRENCH = "geometry_msgs/msg/WrenchStamped"
IMU = "sensor_msgs/msg/Imu"
INERTIA = "geometry_msgs/msg/InertiaStamped"
JOINT_STATE = "sensor_msgs/msg/JointState"
JOINT_COMMAND = "pronk_msgs/msg/JointCommand"


def _axes(name: str, axes: str = "xyz") -> dict[str, str]:
    return {f"{name}.{axis}": f"{name}.{axis}" for axis in axes}


def _inside(outer: str, fields: dict[str, str]) -> dict[str, str]:
    return {f"{outer}.{path}": name for path, name in fields.items()}


_POSE = _axes("position") | _axes("orientation", "wxyz")
_VELOCITY = _axes("linear") | _axes("angular")
# Field of the message and name of its curve.
PLAIN: dict[str, dict[str, str]] = {
    ODOMETRY: _inside("pose.pose", _POSE) | _inside("twist.twist", _VELOCITY),
    TWIST_STAMPED: _inside("twist", _VELOCITY),
    TWIST: _VELOCITY,
    WRENCH: _inside("wrench", _axes("force") | _axes("torque")),
    IMU: _axes("linear_acceleration") | _axes("angular_velocity"),
    INERTIA: {"inertia.m": "mass"},
    "std_msgs/msg/Float64": {"data": "data"},
}
NAMED = ("position", "velocity", "effort")


@dataclass
class Curves:
    """Curves of one topic.

    Attributes:
        topic: Full name.
        type: Message type.
        time: Times of recording since the start of the bag, shape (T,) [s].
        values: By name, each of shape (T,), NaN where a message lacks it. Those of named values are called
            "position/NAME", "velocity/NAME" and "effort/NAME".
    """

    topic: str
    type: str
    time: Array
    values: dict[str, Array]

    def of(self, kind: str) -> dict[str, Array]:
        """Pick the named values of a kind.

        Args:
            kind: "position", "velocity" or "effort".

        Returns:
            Values of shape (T,) by name, in the order of the messages.
        """
        return {name.partition("/")[2]: v for name, v in self.values.items() if name.startswith(f"{kind}/")}


@dataclass
class CurveReader:
    """Reads every so many messages of one topic; the spacing doubles whenever there are too many.

    Attributes:
        topic: Full name.
        type: Message type.
        types: Definitions of the type and those that it uses.
        most: Points that are kept at most.
    """

    topic: str
    type: str
    types: dict[str, Fields]
    most: int = MOST_POINTS
    _stride: int = 1
    _seen: int = 0
    _rows: list[tuple[float, dict[str, float]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare the reading of fields."""
        plain = PLAIN.get(self.type)
        self._decode: Callable[[Values], dict[str, float]]
        if plain is None:
            wanted: list[str] = ["name", *NAMED]
            self._decode = _named
        else:
            names = list(plain.values())
            wanted = list(plain)
            self._decode = lambda values: _scalars(names, values)
        self._reader = MessageReader(self.types, self.type, wanted)

    @staticmethod
    def can_read(kind: str) -> bool:
        """Tell whether a type has curves.

        Args:
            kind: Message type.

        Returns:
            Whether it does.
        """
        return kind in PLAIN or kind in (JOINT_STATE, JOINT_COMMAND)

    def take(self, time: float, data: bytes) -> None:
        """Take the next message.

        Args:
            time: Time of recording since the start of the bag [s].
            data: Its bytes.

        Raises:
            InvalidValue: The bytes are no message of the type.
        """
        place, self._seen = self._seen, self._seen + 1
        if place % self._stride:
            return
        self._rows.append((time, self._decode(self._reader.read(data))))
        if len(self._rows) > self.most:
            self._rows = self._rows[::2]
            self._stride *= 2

    def curves(self) -> Curves:
        """Return what was read.

        Returns:
            The curves.
        """
        names = list(dict.fromkeys(name for _, row in self._rows for name in row))
        table = np.array([[row.get(name, np.nan) for name in names] for _, row in self._rows], dtype=np.float64)
        table = np.where(np.isfinite(table), table, np.nan).reshape(len(self._rows), len(names))
        time = np.array([moment for moment, _ in self._rows])
        return Curves(self.topic, self.type, time, {name: table[:, k] for k, name in enumerate(names)})


def _scalars(names: Sequence[str], values: Values) -> dict[str, float]:
    if len(values.numbers) != len(names):
        raise InvalidValue(f"the bag defines {len(values.numbers)} of {len(names)} numbers as float64")
    return dict(zip(names, values.numbers.tolist(), strict=True))


def _named(values: Values) -> dict[str, float]:
    names, numbers = values.plain[0], values.numbers.tolist()
    row: dict[str, float] = {}
    begin = 0
    for kind, length in zip(NAMED, values.layout.lengths, strict=True):
        # A list of another length than that of the names cannot be told apart; empty ones are allowed by the type.
        if length == len(names):
            listed = numbers[begin : begin + length]
            row.update({f"{kind}/{name}": value for name, value in zip(names, listed, strict=True)})
        begin += length
    return row
