"""Faults of messages on their way, for drills: lost, late, twice, out of order, and with wrong content.

Pure: works on anything with the attributes of the messages, reads no clock, and knows no ROS.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any

from controllers.errors import UnknownName
from pronk_node_kit.stamps import set_stamp, time_from_stamp

LONG_DELAY_S = 0.3
SHORT_DELAY_S = 0.005
PAST_S = 1.0
FUTURE_S = 10.0
HUGE = 1e6
# Below the topic under test: what its publisher says, before the fault.
INTACT = "intact"
NONE = "none"
TIMINGS = ("drop", "drop_half", "delay", "delay_short", "duplicate", "permute")
ARRAYS = ("position", "velocity", "effort", "stiffness", "damping")


def _set_number(message: Any, value: float) -> None:
    """Put a number into the first field that carries one."""
    for name in ARRAYS:
        if len(getattr(message, name, ())):
            getattr(message, name)[0] = value
            return
    if hasattr(message, "angular_velocity"):
        message.angular_velocity.x = value
    elif hasattr(message, "roll"):
        message.roll = value
    else:
        # A twist, or a twist with covariance inside an odometry.
        twist = message.twist.twist if hasattr(message.twist, "twist") else message.twist
        twist.linear.x = value


def _each_array(message: Any, change: Callable[[list[float]], list[float]]) -> None:
    for name in ARRAYS:
        values = list(getattr(message, name, ()))
        if values:
            setattr(message, name, change(values))


def _shift_stamp(message: Any, seconds: float) -> None:
    stamp = message.header.stamp
    set_stamp(max(0.0, time_from_stamp(stamp) + seconds), stamp)


def _reorder(message: Any) -> None:
    message.name = list(message.name)[::-1]
    _each_array(message, lambda values: values[::-1])


def _rename(message: Any) -> None:
    if hasattr(message, "gait"):
        message.gait = "gallop"
    else:
        message.name = ["nobody_joint", *list(message.name)[1:]]


def _tilt(message: Any) -> None:
    q = message.orientation
    q.w, q.x, q.y, q.z = math.cos(0.75), math.sin(0.75), 0.0, 0.0


def _stretch(message: Any) -> None:
    q = message.orientation
    q.w, q.x, q.y, q.z = 2.0 * q.w, 2.0 * q.x, 2.0 * q.y, 2.0 * q.z


def _negate_gains(message: Any) -> None:
    message.stiffness = [-1.0 for _ in message.stiffness]


CONTENTS: dict[str, Callable[[Any], None]] = {
    "nan": lambda message: _set_number(message, math.nan),
    "inf": lambda message: _set_number(message, math.inf),
    "huge": lambda message: _set_number(message, HUGE),
    "wrong_length": lambda message: _each_array(message, lambda values: values[:-1]),
    "wrong_order": lambda message: _each_array(message, lambda values: values[::-1]),
    "reordered": _reorder,
    "wrong_name": _rename,
    "old_stamp": lambda message: _shift_stamp(message, -PAST_S),
    "future_stamp": lambda message: _shift_stamp(message, FUTURE_S),
    "tilted": _tilt,
    "not_unit": _stretch,
    "negative_gain": _negate_gains,
}
FAULTS = (NONE, *TIMINGS, *CONTENTS)


class FaultyLine:
    """Passes messages on with a fault.

    Attributes:
        fault: Fault in force.
        last_intact: Stamp of the last message that was passed on as it came [s]; -1 before the first.
    """

    def __init__(self, fault: str = NONE) -> None:
        """Start with a fault.

        Args:
            fault: One of `FAULTS`.

        Raises:
            UnknownName: There is no such fault.
        """
        self.last_intact = -1.0
        self._count = 0
        self._late: deque[tuple[float, Any]] = deque()
        self._held: Any = None
        self.fault = NONE
        self.set_fault(fault)

    def set_fault(self, fault: str) -> None:
        """Change the fault; what is held back at that time is lost.

        Args:
            fault: One of `FAULTS`.

        Raises:
            UnknownName: There is no such fault.
        """
        if fault not in FAULTS:
            raise UnknownName("fault", fault, FAULTS)
        self.fault = fault
        self._late.clear()
        self._held = None

    def pass_on(self, message: Any) -> list[Any]:
        """Take in a message.

        Args:
            message: A message with a header; faults of content change it in place.

        Returns:
            Messages to send now, in this order. Delays are those of the stamps, so that a slow world does not shorten
            them: a late message leaves with the first whose stamp is newer by the delay.
        """
        self._count += 1
        if self.fault == NONE:
            self.last_intact = time_from_stamp(message.header.stamp)
            return [message]
        if self.fault in CONTENTS:
            CONTENTS[self.fault](message)
            return [message]
        if self.fault == "drop":
            return []
        if self.fault == "drop_half":
            return [message] * (self._count % 2)
        if self.fault == "duplicate":
            return [message, message]
        if self.fault == "permute":
            if self._held is None:
                self._held = message
                return []
            first, self._held = self._held, None
            return [message, first]
        return self._delayed(message)

    def _delayed(self, message: Any) -> list[Any]:
        delay = LONG_DELAY_S if self.fault == "delay" else SHORT_DELAY_S
        now = time_from_stamp(message.header.stamp)
        self._late.append((now + delay, message))
        due = []
        while self._late and self._late[0][0] <= now:
            due.append(self._late.popleft()[1])
        return due
