"""Slow work beside an executor: one thread, one request that waits, answers in order."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from controllers.errors import ControlError
from pronk_node_kit.mailbox import Mailbox

Q = TypeVar("Q")
A = TypeVar("A")


@dataclass(frozen=True)
class Answer(Generic[Q, A]):
    """What came of a request.

    Attributes:
        request: The request.
        value: What the work returned; None where it failed.
        error: Why it failed; None where it did not.
        duration: How long it took [s].
    """

    request: Q
    value: A | None
    error: Exception | None
    duration: float

    def refusal(self) -> ControlError | None:
        """Return why the work refused the request, or None; any other failure is a fault and goes on.

        Raises:
            Exception: What the work failed of, where it was not the request's fault.
        """
        if self.error is not None and not isinstance(self.error, ControlError):
            raise self.error
        return self.error


class Worker(Generic[Q, A]):
    """Does slow work in a thread of its own.

    While it works one request may wait; a newer one takes its place, so that what is answered is never a backlog.
    numpy and torch let other threads run while they compute.
    """

    def __init__(self, make: Callable[[], Callable[[Q], A]], notify: Callable[[], None], name: str = "worker") -> None:
        """Start the thread and wait until it is ready to work.

        Args:
            make: Called in the thread for what is done for each request; what draws must be made where it is used.
            notify: Called in the thread when an answer is there; it must not block.
            name: Of the thread.

        Raises:
            Exception: What `make` failed of.
        """
        self._make, self._notify = make, notify
        self._made = threading.Event()
        self._failure: Exception | None = None
        self._requests: Mailbox[Q] = Mailbox()
        self._answers: deque[Answer[Q, A]] = deque()
        self._closed = False
        # A model that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        self._made.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def superseded(self) -> int:
        """Requests that a newer one replaced before they were begun."""
        return self._requests.overwritten

    def ask(self, request: Q) -> None:
        """Leave a request.

        Args:
            request: Handed to the work.
        """
        self._requests.put(request)

    def answers(self) -> list[Answer[Q, A]]:
        """Take all answers that have come, in order."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def close(self, patience: float = 1.0) -> None:
        """End the thread after the work that it does; what waits is not begun.

        Args:
            patience: How long to wait for it [s].
        """
        self._closed = True
        self._requests.close()
        self._thread.join(patience)

    def _run(self) -> None:
        try:
            work = self._make()
        except Exception as error:
            self._failure = error
            return
        finally:
            self._made.set()
        while not self._closed:
            request = self._requests.take(timeout=None)
            if request is None or self._closed:
                continue
            start = time.perf_counter()
            value, failure = None, None
            try:
                value = work(request)
            except Exception as error:
                failure = error
            if self._closed:
                return
            self._answers.append(Answer(request, value, failure, time.perf_counter() - start))
            self._notify()
