"""Health of a node, published once per second: counters, rates, deadlines and ages of inputs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from pronk_node_kit.topics import DIAGNOSTICS, create_publisher

OK, WARN, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR, DiagnosticStatus.STALE


@dataclass
class Counter:
    """Counts events since the start."""

    total: int = 0

    def add(self, n: int = 1) -> None:
        """Count.

        Args:
            n: How many.
        """
        self.total += n


@dataclass
class Rate:
    """Counts ticks; the report shows ticks per second of the node's clock since the last report."""

    least: float = 0.0
    ticks: int = 0
    total: int = 0

    def tick(self) -> None:
        """Count one cycle."""
        self.ticks += 1
        self.total += 1


@dataclass
class Deadline:
    """Collects durations and counts those beyond the limit.

    Attributes:
        limit: Longest duration that is in time [s].
        tolerated: Share of misses in one report above which it warns.
    """

    limit: float
    tolerated: float = 0.01
    total: int = 0
    missed: int = 0
    recent: list[float] = field(default_factory=list)

    def observe(self, duration: float) -> None:
        """Take one duration.

        Args:
            duration: How long it took [s].
        """
        self.total += 1
        self.missed += duration > self.limit
        self.recent.append(duration)


@dataclass
class Input:
    """Watches the age of an input by the time of receipt on a steady clock.

    Attributes:
        timeout: Age beyond which it is reported [s].
        level: Level of that report.
    """

    timeout: float
    level: bytes = WARN
    received: float | None = None

    def mark(self) -> None:
        """Note that a message came just now."""
        self.received = time.monotonic()

    def age(self) -> float:
        """Return the time since the newest message [s]; infinite before the first."""
        return float("inf") if self.received is None else time.monotonic() - self.received

    def stale(self) -> bool:
        """Tell whether the input is older than its timeout."""
        return self.age() > self.timeout


class Diagnostics:
    """Publishes one status of its node on `/diagnostics` at 1 Hz of real time.

    The level is the worst of: what `set_level` was last told, inputs that are stale, rates below their least, and
    deadlines missed more often than tolerated.
    """

    def __init__(self, node: Node, hardware_id: str = "pronk", period: float = 1.0) -> None:
        """Start to publish.

        Args:
            node: The node that is reported on.
            hardware_id: Which robot it belongs to.
            period: Time between reports [s].
        """
        self._node = node
        self._hardware_id = hardware_id
        self._publisher = create_publisher(node, DIAGNOSTICS)
        self._items: dict[str, Counter | Rate | Deadline | Input] = {}
        self._values: dict[str, Callable[[], object]] = {}
        self._level, self._message = OK, "running"
        self._reported = node.get_clock().now().nanoseconds
        # Health must be told also while simulated time stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(period, self.publish, clock=steady)

    def counter(self, name: str) -> Counter:
        """Add a counter.

        Args:
            name: Its name in the report.

        Returns:
            The counter.
        """
        self._items[name] = item = Counter()
        return item

    def rate(self, name: str, least: float = 0.0) -> Rate:
        """Add a rate.

        Args:
            name: Its name in the report.
            least: Rate below which it warns [Hz].

        Returns:
            The rate.
        """
        self._items[name] = item = Rate(least)
        return item

    def deadline(self, name: str, limit: float, tolerated: float = 0.01) -> Deadline:
        """Add a deadline.

        Args:
            name: Its name in the report.
            limit: Longest duration that is in time [s].
            tolerated: Share of misses in one report above which it warns.

        Returns:
            The deadline.
        """
        self._items[name] = item = Deadline(limit, tolerated)
        return item

    def input(self, name: str, timeout: float, level: bytes = WARN) -> Input:
        """Add an input.

        Args:
            name: Its topic.
            timeout: Age beyond which it is reported [s].
            level: Level of that report.

        Returns:
            The input.
        """
        self._items[name] = item = Input(timeout, level)
        return item

    def value(self, name: str, read: Callable[[], object]) -> None:
        """Add a value that is read at every report.

        Args:
            name: Its name in the report.
            read: Returns it.
        """
        self._values[name] = read

    def set_level(self, level: bytes, message: str) -> None:
        """Set what the node itself says of its health.

        Args:
            level: OK, WARN, ERROR or STALE.
            message: Why.
        """
        self._level, self._message = level, message

    def status(self) -> DiagnosticStatus:
        """Build the report, and start the next period of rates and deadlines.

        Returns:
            Level, message and key-value pairs.
        """
        now = self._node.get_clock().now().nanoseconds
        elapsed, self._reported = (now - self._reported) * 1e-9, now
        name = self._node.get_fully_qualified_name()
        status = DiagnosticStatus(name=name, hardware_id=self._hardware_id, level=self._level, message=self._message)
        complaints: list[tuple[bytes, str]] = []
        for key, item in self._items.items():
            if isinstance(item, Counter):
                self._add(status, key, item.total)
            elif isinstance(item, Rate):
                rate = item.ticks / elapsed if elapsed > 0.0 else 0.0
                item.ticks = 0
                self._add(status, f"{key} [Hz]", f"{rate:.1f}")
                if elapsed > 0.0 and rate < item.least:
                    complaints.append((WARN, f"{key} {rate:.1f} Hz, expected {item.least:g}"))
            elif isinstance(item, Deadline):
                complaints += self._add_deadline(status, key, item)
            else:
                self._add(status, f"{key} age [s]", f"{item.age():.3f}")
                if item.stale():
                    complaints.append((item.level, f"{key} is stale"))
        for key, read in self._values.items():
            self._add(status, key, read())
        for level, message in complaints:
            if level > status.level:
                status.level = level
            status.message = f"{status.message}; {message}"
        return status

    def _add_deadline(self, status: DiagnosticStatus, key: str, item: Deadline) -> list[tuple[bytes, str]]:
        recent, item.recent = sorted(item.recent), []
        self._add(status, f"{key} missed", item.missed)
        self._add(status, f"{key} total", item.total)
        if not recent:
            return []
        last = len(recent) - 1
        self._add(status, f"{key} p50 [ms]", f"{recent[last // 2] * 1e3:.3f}")
        self._add(status, f"{key} p99 [ms]", f"{recent[round(0.99 * last)] * 1e3:.3f}")
        share = sum(duration > item.limit for duration in recent) / len(recent)
        if share > item.tolerated:
            return [(WARN, f"{key} beyond {item.limit * 1e3:g} ms in {100 * share:.1f} % of cycles")]
        return []

    def _add(self, status: DiagnosticStatus, key: str, value: object) -> None:
        status.values.append(KeyValue(key=key, value=str(value)))

    def publish(self) -> None:
        """Send a report now."""
        message = DiagnosticArray(status=[self.status()])
        message.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(message)
