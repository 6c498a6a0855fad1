"""How many messages of each topic came when, in bins that grow with the bag."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FINEST_BIN_S = 0.1
MOST_BINS = 400
# A topic is silent when nothing comes for this long, and for this many times its mean period.
SILENCE_S = 0.5
SILENCE_PERIODS = 20.0
# The mean period is known after so many messages.
KNOWN_AFTER = 10


@dataclass
class TopicTraffic:
    """Messages of one topic.

    Attributes:
        topic: Full name.
        type: Message type.
        count: Number of messages.
        first: Time of the first since the start of the bag [s].
        last: Time of the last [s].
        longest_gap: Longest time between two messages [s].
        bytes: Their size together.
        unreadable: Messages that are no messages of the type.
    """

    topic: str
    type: str
    count: int = 0
    first: float = 0.0
    last: float = 0.0
    longest_gap: float = 0.0
    bytes: int = 0
    unreadable: int = 0

    @property
    def rate(self) -> float:
        """Mean rate between first and last message [Hz]; NaN for fewer than two."""
        span = self.last - self.first
        return (self.count - 1) / span if self.count > 1 and span > 0.0 else float("nan")

    def take(self, time: float, size: int) -> float:
        """Count a message.

        Args:
            time: Time of recording since the start of the bag [s].
            size: Its size [bytes].

        Returns:
            How long the topic had been silent, where that is longer than it should be, else 0 [s].
        """
        silent = 0.0
        if self.count == 0:
            self.first = self.last = time
        else:
            gap = time - self.last
            span = self.last - self.first
            known = self.count >= KNOWN_AFTER and span > 0.0
            if known and gap > max(SILENCE_S, SILENCE_PERIODS * span / (self.count - 1)):
                silent = gap
            self.longest_gap = max(self.longest_gap, gap)
            self.last = max(self.last, time)
        self.count += 1
        self.bytes += size
        return silent


@dataclass
class Histogram:
    """Counts messages in bins of time; the bins double whenever there are too many.

    Attributes:
        width: Width of a bin [s].
        most: Number of bins at most.
    """

    width: float = FINEST_BIN_S
    most: int = MOST_BINS
    _counts: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)

    def take(self, topic: str, time: float) -> None:
        """Count a message.

        Args:
            topic: Its topic.
            time: Time of recording since the start of the bag [s].
        """
        place = int(max(time, 0.0) / self.width)
        while place >= self.most:
            self._double()
            place = int(max(time, 0.0) / self.width)
        counts = self._counts.get(topic)
        if counts is None:
            counts = self._counts[topic] = np.zeros(self.most, dtype=np.int64)
        counts[place] += 1

    def _double(self) -> None:
        self.width *= 2.0
        half = self.most // 2
        for topic, counts in self._counts.items():
            merged = np.zeros(self.most, dtype=np.int64)
            merged[:half] = counts[: 2 * half].reshape(half, 2).sum(axis=1)
            self._counts[topic] = merged

    def rates(self, topic: str, duration: float) -> npt.NDArray[np.float64]:
        """Return the rate in each bin.

        Args:
            topic: The topic.
            duration: Length of the bag [s].

        Returns:
            Rates, shape (B,) [Hz].
        """
        bins = min(int(duration / self.width) + 1, self.most)
        counts = self._counts.get(topic, np.zeros(self.most, dtype=np.int64))
        return counts[:bins] / self.width
