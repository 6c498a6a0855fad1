"""Hand-over of the newest value from one thread to another."""

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Holds one value; a new one replaces an unread one, so the reader never works off a backlog."""

    def __init__(self) -> None:
        """Make an empty mailbox."""
        self._condition = threading.Condition()
        self._value: T | None = None
        self._closed = False
        self.overwritten = 0

    def put(self, value: T) -> None:
        """Leave a value; counts in `overwritten` when the previous one had not been read.

        Args:
            value: The value; None is not allowed.
        """
        with self._condition:
            if self._value is not None:
                self.overwritten += 1
            self._value = value
            self._condition.notify()

    def take(self, timeout: float | None = 0.0) -> T | None:
        """Remove and return the value.

        Args:
            timeout: How long to wait for one [s]; 0 does not wait, None waits until a value comes or `close` is called.

        Returns:
            The value, or None when there was none in time.
        """
        with self._condition:
            if timeout != 0.0:
                self._condition.wait_for(lambda: self._value is not None or self._closed, timeout)
            value, self._value = self._value, None
            return value

    def close(self) -> None:
        """Wake every waiting reader; they get None."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
