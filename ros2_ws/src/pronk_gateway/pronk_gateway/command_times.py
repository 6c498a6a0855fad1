"""How regularly commands reach a robot."""

import numpy as np

# A command is late when the one before is older than this many periods: the robot had a period without a new one.
LATE_PERIODS = 2.0


class CommandTimes:
    """Collects times of receipt.

    Args:
        period: Time between two commands as it should be [s].
    """

    def __init__(self, period: float) -> None:
        self._period = period
        self._last: float | None = None
        self._intervals: list[float] = []

    def observe(self, time: float) -> None:
        """Take a command.

        Args:
            time: Time of receipt on a steady clock [s].
        """
        if self._last is not None:
            self._intervals.append(time - self._last)
        self._last = time

    @property
    def count(self) -> int:
        """Number of intervals."""
        return len(self._intervals)

    def summary(self) -> dict[str, float]:
        """Condense what was collected.

        Returns:
            Intervals in seconds and the share of late ones, by names that end with the unit.
        """
        intervals = np.array(self._intervals) if self._intervals else np.zeros(1)
        mean = float(intervals.mean())
        return {
            "lowcmd_rate_hz": 1.0 / mean if mean > 0.0 else 0.0,
            "lowcmd_late_fraction": float((intervals > LATE_PERIODS * self._period).mean()),
            "lowcmd_interval_p50_s": float(np.percentile(intervals, 50)),
            "lowcmd_interval_p99_s": float(np.percentile(intervals, 99)),
            "lowcmd_interval_max_s": float(intervals.max()),
        }
