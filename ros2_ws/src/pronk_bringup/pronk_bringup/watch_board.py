"""What the dashboard knows: rates and ages of topics, states, health; without ROS and without a terminal."""

import math
from collections import deque
from dataclasses import dataclass, field

# Rates are taken over the last so many seconds.
WINDOW_S = 2.0
# A topic is late when nothing came for so long, and for so many of its usual periods.
LATE_S = 0.5
LATE_PERIODS = 5.0
LEVELS = ("ok", "warn", "error", "stale")


@dataclass
class Meter:
    """Counts the messages of one topic by the time of receipt on a steady clock.

    Attributes:
        count: Messages so far.
        received: Time of the newest [s]; None before the first.
    """

    count: int = 0
    received: float | None = None
    _samples: deque[tuple[float, int]] = field(default_factory=deque)
    _usual: float = 0.0

    def take(self, now: float) -> None:
        """Count a message.

        Args:
            now: Time of receipt [s].
        """
        self.count += 1
        self.received = now

    def rate(self, now: float) -> float:
        """Return the rate over the window; to be asked several times per window.

        Args:
            now: Present time [s].

        Returns:
            Messages per second [Hz]; 0 until it has been asked twice.
        """
        self._samples.append((now, self.count))
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW_S:
            self._samples.popleft()
        before, count = self._samples[0]
        rate = (self.count - count) / (now - before) if now > before else 0.0
        self._usual = max(self._usual, rate)
        return rate

    def age(self, now: float) -> float:
        """Return the time since the newest message.

        Args:
            now: Present time [s].

        Returns:
            Age [s]; infinite before the first message.
        """
        return math.inf if self.received is None else now - self.received

    def late(self, now: float) -> bool:
        """Tell whether a topic that used to come has stopped.

        Args:
            now: Present time [s].

        Returns:
            Whether its age is beyond what its best rate so far lets one expect.
        """
        return self._usual > 0.0 and self.age(now) > max(LATE_S, LATE_PERIODS / self._usual)


@dataclass(frozen=True)
class Report:
    """Newest report of a node.

    Attributes:
        level: "ok", "warn", "error" or "stale"; "silent" when the node has stopped reporting.
        message: What it says.
        received: Time of receipt [s].
    """

    level: str
    message: str
    received: float


@dataclass
class Board:
    """All that is shown.

    Attributes:
        meters: By topic.
        states: Newest text by topic.
        reports: Newest report by node.
    """

    meters: dict[str, Meter] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)

    def add(self, topic: str) -> Meter:
        """Begin to count a topic.

        Args:
            topic: Full name.

        Returns:
            Its meter, the same for the same name.
        """
        return self.meters.setdefault(topic, Meter())

    def report(self, node: str, level: int, message: str, now: float) -> None:
        """Take a node's report on its health.

        Args:
            node: Full name.
            level: Number of the level in `diagnostic_msgs`.
            message: What it says.
            now: Time of receipt [s].
        """
        name = LEVELS[level] if 0 <= level < len(LEVELS) else f"level {level}"
        self.reports[node] = Report(name, message, now)

    def health(self, now: float, patience: float = 3.0) -> list[tuple[str, str, str]]:
        """Return the health of all nodes.

        Args:
            now: Present time [s].
            patience: Time after which a node that reported counts as silent [s]; nodes report at 1 Hz.

        Returns:
            Node, level and message, by name.
        """
        rows = []
        for node, report in sorted(self.reports.items()):
            silent = now - report.received
            if silent > patience:
                rows.append((node, "silent", f"no report for {silent:.0f} s; the last was {report.level}"))
            else:
                rows.append((node, report.level, report.message))
        return rows

    def traffic(self, now: float) -> list[tuple[str, float, float, bool]]:
        """Return rates and ages of all topics.

        Args:
            now: Present time [s].

        Returns:
            Topic, rate [Hz], age [s] and whether it is late, by name.
        """
        return [(name, m.rate(now), m.age(now), m.late(now)) for name, m in sorted(self.meters.items())]
