"""Commands with the times from which they hold."""

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class TimedCommands(Generic[T]):
    """Hands out the newest command whose time has come.

    A command may be stamped ahead of time (a scenario announces what comes), so that it takes effect in
    the very tick that it is meant for, however long it travelled.
    """

    def __init__(self, depth: int = 100) -> None:
        """Begin without a command.

        Args:
            depth: Most announced commands to hold; beyond it the oldest goes.
        """
        self._queue: deque[tuple[float, T]] = deque(maxlen=depth)

    def add(self, time: float, command: T) -> None:
        """Take in a command; it replaces those announced for later than itself.

        Args:
            time: When it begins to hold [s].
            command: The command.
        """
        while self._queue and self._queue[-1][0] >= time:
            self._queue.pop()
        self._queue.append((time, command))

    def at(self, time: float) -> tuple[float, T] | None:
        """Find the command in force.

        Args:
            time: Time now [s].

        Returns:
            The time of the newest command that holds by now, and the command; None before the first.
        """
        while len(self._queue) > 1 and self._queue[1][0] <= time:
            self._queue.popleft()
        if not self._queue or self._queue[0][0] > time:
            return None
        return self._queue[0]
