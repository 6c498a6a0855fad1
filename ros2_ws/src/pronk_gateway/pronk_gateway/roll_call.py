"""Who must be there before a simulated world may start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.subscription import Subscription

# Lockstep: silence after the first reading from which a world goes on by itself [s], and what it says of it.
FIRST_ANSWER_S = 5.0
FIRST_MISSED = "the first reading was not answered: somebody missed it, so here is the next"


@dataclass(frozen=True)
class Attendance:
    """What a roll call found.

    Attributes:
        complete: Everybody has been there for long enough.
        complaint: Who is missing, once it has been waited for long enough; else empty.
    """

    complete: bool
    complaint: str = ""


class RollCall:
    """Calls the roll until everybody that a world needs hears it and answers.

    Topics of this node count where the middleware has matched their ends: an end that the graph knows of may still
    miss the first message. Of topics between others only the graph tells, so the world is given time to settle.
    """

    def __init__(self, node: Node, settle_s: float, patience_s: float, now: float) -> None:
        """Begin to wait.

        Args:
            node: The world's node.
            settle_s: Time between seeing everybody and the start [s].
            patience_s: Longest wait for everybody [s].
            now: Steady time [s].
        """
        self._node = node
        self._settle, self._patience = settle_s, patience_s
        self._since = now
        self._seen_all: float | None = None
        self._checks: list[Callable[[], Sequence[str]]] = []

    def readers(self, publisher: Publisher, count: int, name: str = "") -> None:
        """Wait until a publisher of this node is matched by so many readers.

        Args:
            publisher: The publisher.
            count: Least number of readers.
            name: Topic before remapping, relative to the node's namespace, for a publisher that a launch may lead
                through another node, as a fault drill does: then that node is matched, and the graph knows its readers.
        """

        def missing() -> list[str]:
            matched = publisher.get_subscription_count()
            led = bool(name) and matched > 0 and self._node.count_subscribers(name) >= count
            return [] if matched >= count or led else [publisher.topic_name]

        self._checks.append(missing)

    def writer(self, subscription: Subscription) -> None:
        """Wait until a subscription of this node is matched by a publisher.

        Args:
            subscription: The subscription.
        """
        self._checks.append(lambda: [subscription.topic_name] if subscription.get_publisher_count() < 1 else [])

    def between_others(self, name: str, readers: int = 0) -> None:
        """Wait until the graph knows a publisher of a topic that does not end here.

        Args:
            name: Topic, relative to the node's namespace.
            readers: Least number of readers beside it.
        """

        def absent() -> list[str]:
            node = self._node
            there = node.count_publishers(name) >= 1 and (readers == 0 or node.count_subscribers(name) >= readers)
            return [] if there else [node.resolve_topic_name(name)]

        self._checks.append(absent)

    def also(self, missing: Callable[[], Sequence[str]]) -> None:
        """Wait for something else.

        Args:
            missing: Returns names of what is waited for.
        """
        self._checks.append(missing)

    def call(self, now: float) -> Attendance:
        """Look who is there.

        Args:
            now: Steady time [s].

        Returns:
            What was found.
        """
        missing = [name for check in self._checks for name in check()]
        if missing:
            self._seen_all = None
            overdue = now - self._since > self._patience
            why = f"no start after {self._patience} s: nobody serves {', '.join(missing)}"
            return Attendance(False, why if overdue else "")
        if self._seen_all is None:
            self._seen_all = now
        return Attendance(now - self._seen_all >= self._settle)
