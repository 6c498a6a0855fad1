"""Keeps the last good message of one kind, and says why another was refused."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

# Ages are differences of large floating-point times; below this they mean nothing.
TIME_RESOLUTION_S = 1e-6


class Refusal(NamedTuple):
    """What was wrong with a message: its "values" or its "stamp", and the explanation."""

    aspect: str
    why: str


class Inbox:
    """The last good message, packed into one array, and its age."""

    def __init__(
        self,
        kind: str,
        shape: tuple[int, ...],
        slots: Sequence[slice | int],
        usable: Callable[[Array], bool],
        timeout: float,
    ) -> None:
        """Start empty.

        Args:
            kind: What comes in, for messages.
            shape: Shape of the packed message.
            slots: Where each part of a message goes along the first axis of the packed one.
            usable: Tells whether a packed message may be kept.
            timeout: Largest distance of a stamp from the clock [s].
        """
        self.timeout = timeout
        self.values: Array = np.zeros(shape)
        self.stamp = -math.inf
        self._kind = kind
        self._usable = usable
        self._incoming: Array = np.zeros(shape)
        self._targets = [self.values[slot] for slot in slots]
        self._incoming_targets = [self._incoming[slot] for slot in slots]
        self._received = -math.inf

    @property
    def empty(self) -> bool:
        """Whether no good message has come in since the start or the last `clear`."""
        return self._received == -math.inf

    def clear(self) -> None:
        """Forget that a message came in; its values stay readable."""
        self.stamp = self._received = -math.inf

    def age(self, time: float) -> float:
        """Return the larger of the ages by receipt and by stamp [s]; infinite when empty.

        Args:
            time: Now [s].
        """
        return time - min(self._received, self.stamp)

    def expired(self, time: float) -> bool:
        """Tell whether the message is too old to act on.

        Args:
            time: Now [s].
        """
        return self.age(time) > self.timeout + TIME_RESOLUTION_S

    def receive(
        self,
        parts: Sequence[object],
        stamp: float,
        time: float,
        explain: Callable[[], None],
    ) -> Refusal | None:
        """Take in a message, or refuse it and keep the last good one.

        Args:
            parts: Arrays of the message; None leaves zeros.
            stamp: Time stamp of the message [s].
            time: Now [s].
            explain: Raises the error that names what is wrong; called only when something is.

        Returns:
            Why it is refused, or None.
        """
        if not self._pack(parts) or not self._usable(self._incoming):
            return Refusal("values", self._explanation(explain))
        fault = self._stamp_fault(stamp, time)
        if fault:
            return Refusal("stamp", fault)
        self.values, self._incoming = self._incoming, self.values
        self._targets, self._incoming_targets = self._incoming_targets, self._targets
        self._received, self.stamp = time, stamp
        return None

    def _pack(self, parts: Sequence[object]) -> bool:
        for part, target in zip(parts, self._incoming_targets, strict=True):
            if part is None:
                target[:] = 0.0
                continue
            try:
                value = np.asarray(part)
            except (TypeError, ValueError):
                return False
            if value.shape != target.shape or (value.dtype != target.dtype and value.dtype.kind not in "fiu"):
                return False
            target[:] = value
        return True

    def _explanation(self, explain: Callable[[], None]) -> str:
        try:
            explain()
        except (InvalidValue, TypeError, ValueError) as error:
            return str(error)
        return f"{self._kind} must hold real numbers"

    def _stamp_fault(self, stamp: float, time: float) -> str:
        if not math.isfinite(stamp):
            return f"{self._kind} stamp must be finite, got {stamp}"
        if stamp < self.stamp:
            return f"{self._kind} stamp {stamp:.6f} s is older than the newest, {self.stamp:.6f} s"
        if abs(time - stamp) > self.timeout + TIME_RESOLUTION_S:
            return f"{self._kind} stamp must be within {self.timeout} s of {time:.6f} s, got {stamp:.6f} s"
        return ""
