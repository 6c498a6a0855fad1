"""Brings what messages carry into the order, type and instant that the cores need."""

import math
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.robot.joints import index_of
from pronk_node_kit.stamps import time_from_stamp

Array = npt.NDArray[np.float64]


def doubles(values: Array) -> array:
    """Copy numbers into the container that messages take without looking at each element.

    Args:
        values: Numbers, shape (n,).

    Returns:
        The same numbers, to the bit.
    """
    return array("d", np.asarray(values, dtype=np.float64).tobytes())


def all_finite(*arrays: Array) -> bool:
    """Tell cheaply whether arrays hold neither NaN nor Inf.

    Args:
        arrays: Short arrays of shape (n,), for which Python's own sum is five times faster than numpy's.

    Returns:
        True only if all are finite. False may, very rarely, also mean that a sum overflowed.
    """
    total = 0.0
    for values in arrays:
        total += sum(values.tolist())
    return math.isfinite(total)


def common_time(names: tuple[str, ...], *messages: Any) -> float:
    """Return the one time that messages with headers stand for.

    Args:
        names: What each message is called in errors.
        messages: The messages.

    Returns:
        Time [s].

    Raises:
        InvalidValue: The stamps differ.
    """
    time = time_from_stamp(messages[0].header.stamp)
    for message in messages[1:]:
        if time_from_stamp(message.header.stamp) != time:
            stamps = (time_from_stamp(m.header.stamp) for m in messages)
            listed = ", ".join(f"{name} {stamp:.9f}" for name, stamp in zip(names, stamps, strict=False))
            raise InvalidValue(f"messages of one instant must carry the same stamp, got {listed}")
    return time


class NameMap:
    """Brings the arrays of a message into a fixed order of names."""

    def __init__(self, message: str, wanted: Sequence[str]) -> None:
        """Set the order.

        Args:
            message: What the message is called in errors.
            wanted: Names in the order that the arrays are to have.
        """
        self._message = message
        self._wanted = wanted
        self._names: list[str] | None = None
        self._count = 0
        self._index = np.empty(0, dtype=np.intp)
        self._ordered = False

    def learn(self, names: list[str]) -> None:
        """Look at the names of a message; cheap when they are those of the last one.

        Args:
            names: Names in the message's order.

        Raises:
            InvalidValue: A wanted name is missing or one occurs twice.
        """
        if names == self._names:
            return
        try:
            self._index = index_of(names, self._wanted)
        except InvalidValue as error:
            raise InvalidValue(f"{self._message}: {error}") from None
        self._names = list(names)
        self._count = len(names)
        self._ordered = self._names == list(self._wanted)

    def pick(self, field: str, values: array) -> Array:
        """Return one array of the message in the wanted order.

        Args:
            field: Name of the field, for errors.
            values: Its values, as long as the names of the message.

        Returns:
            A new array, shape (len(wanted),).

        Raises:
            InvalidValue: The length differs from that of the names.
        """
        if len(values) != self._count:
            raise InvalidValue(
                f"{self._message}.{field} must have {self._count} values, one per name, got {len(values)}"
            )
        numbers = np.array(values, dtype=np.float64)
        return numbers if self._ordered else numbers[self._index]
