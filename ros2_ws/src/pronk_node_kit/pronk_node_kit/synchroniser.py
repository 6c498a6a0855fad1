"""Joins messages of several topics that carry the same stamp."""

from collections.abc import Callable, Sequence
from typing import Any

from controllers.errors import InvalidValue, UnknownName
from pronk_node_kit.stamps import time_from_stamp

# Messages, as a multiple of the depth, for which an incomplete set may stay.
PATIENCE = 4


class Synchroniser:
    """Calls back once per stamp, when every input has brought its message.

    The callback gets the messages in the order of `inputs`. Stamps come out in rising order: once a set is complete,
    older incomplete sets are dropped, and a message that comes after its time is dropped too.

    Attributes:
        dropped: Sets that were never completed.
        late: Messages that came after a newer set had been delivered.
    """

    def __init__(self, inputs: Sequence[str], callback: Callable[..., None], depth: int = 20) -> None:
        """Prepare for the given inputs.

        Args:
            inputs: Names of the inputs; the callback's arguments follow this order.
            callback: Called with one message per input.
            depth: Most incomplete sets to hold; the oldest is dropped beyond it.

        Raises:
            InvalidValue: No input, a name twice, or a depth below 1.
        """
        if not inputs or len(set(inputs)) != len(inputs):
            raise InvalidValue(f"Synchroniser.inputs must be one or more different names, got {list(inputs)}")
        if depth < 1:
            raise InvalidValue(f"Synchroniser.depth must be >= 1, got {depth}")
        self._index = {name: i for i, name in enumerate(inputs)}
        self._callback = callback
        self._depth = depth
        self._pending: dict[float, list[Any]] = {}
        self._begun: dict[float, int] = {}
        self._added = 0
        self._delivered = -1.0
        self.dropped = 0
        self.late = 0

    def add(self, name: str, message: Any) -> None:
        """Take one message, and deliver its set when it is the last one.

        Args:
            name: Input that the message belongs to.
            message: A message with a header.

        Raises:
            UnknownName: The input was not declared.
        """
        if name not in self._index:
            raise UnknownName("input", name, self._index)
        self._added += 1
        time = time_from_stamp(message.header.stamp)
        if time <= self._delivered:
            self.late += 1
            return
        messages = self._pending.get(time)
        if messages is None:
            messages = self._pending[time] = [None] * len(self._index)
            self._begun[time] = self._added
        messages[self._index[name]] = message
        if None not in messages:
            self._deliver(time, messages)
        elif len(self._pending) > self._depth:
            self._make_room()

    def _make_room(self) -> None:
        # Sets from the future are the newest for long; they must not push out for ever all that comes in time.
        first = next(iter(self._pending))
        self._drop(first if self._added - self._begun[first] > PATIENCE * self._depth else min(self._pending))

    def _drop(self, time: float) -> None:
        del self._pending[time], self._begun[time]
        self.dropped += 1

    def _deliver(self, time: float, messages: list[Any]) -> None:
        self._delivered = time
        del self._pending[time], self._begun[time]
        for old in [t for t in self._pending if t < time]:
            self._drop(old)
        self._callback(*messages)

    def receiver(self, name: str) -> Callable[[Any], None]:
        """Make the subscription callback of one input.

        Args:
            name: Input.

        Returns:
            A function of one message.
        """
        return lambda message: self.add(name, message)

    def reset(self) -> None:
        """Forget everything, as after a jump of the clock."""
        self._pending.clear()
        self._begun.clear()
        self._delivered = -1.0
