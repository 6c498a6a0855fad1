"""What a run costs over time, thinned to what regret is computed from."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from evaluation.measurement import fall_time
from evaluation.rollout import RunLog
from evaluation.stage_cost import stage_cost
from evaluation.windows import PUSH_S, Window, onset, steady, walks
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

COSTS = "costs"
# Shorter than a gait cycle; sums at the ends of bins are those of the single control periods.
BIN_S = 0.1


def counted(scenario: Scenario) -> Window:
    """Find from when to when costs are summed: while the walking robot is disturbed.

    A load that has gone needs no adaptation; counted on, even a method that learns nothing would seem to get better.

    Args:
        scenario: The run.

    Returns:
        Begin and end [s]: from the first disturbance to the end of the last, or of the walk; after a push, and without
        a disturbance, to the end of the walk.
    """
    first = next((timed.at_s for timed in scenario.commands if walks(timed.command.gait)), 0.0)
    end = steady(scenario)[1]
    begin = min(max(first, onset(scenario) or 0.0), end)
    ends = [end if d.until_s is None else d.until_s for d in scenario.disturbances]
    last = min(max(ends, default=end), end)
    return begin, last if last - begin > PUSH_S else end


@dataclass(frozen=True)
class CostCurve:
    """Mean stage cost of a run in bins of `BIN_S`.

    Attributes:
        begin: Beginning of the first bin [s].
        cost: Mean of each bin, shape (B,); an unfinished bin is left out.
        fell: Whether the robot fell.
    """

    begin: float
    cost: Array
    fell: bool

    @classmethod
    def of(cls, log: RunLog) -> "CostCurve":
        """Take the costs out of a run.

        Args:
            log: The run.

        Returns:
            Its costs within `counted`.
        """
        begin, end = counted(log.scenario)
        time = log.values["time"]
        # Times are sums of control periods: a hair below a bin's edge belongs above it.
        place = np.floor((time - begin) / BIN_S + 1e-6).astype(int)
        full = max(0, int(np.floor((min(end, float(time[-1]) + 0.5 * BIN_S) - begin) / BIN_S + 1e-6)))
        inside = (place >= 0) & (place < full)
        cost = stage_cost(log.scenario, {name: array[inside] for name, array in log.values.items()})
        numbers = np.bincount(place[inside], minlength=full)
        sums = np.bincount(place[inside], cost, minlength=full)
        return cls(begin, sums / np.maximum(numbers, 1), fall_time(log) is not None)

    def save(self, path: Path) -> None:
        """Write it to a file.

        Args:
            path: NumPy archive; its folder is made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, begin=self.begin, cost=self.cost.astype(np.float32), fell=self.fell)

    @classmethod
    def read(cls, path: Path) -> "CostCurve":
        """Read a file that `save` wrote.

        Args:
            path: NumPy archive.

        Returns:
            The costs.
        """
        with np.load(path) as archive:
            return cls(float(archive["begin"]), archive["cost"].astype(np.float64), bool(archive["fell"]))
