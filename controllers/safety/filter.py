"""The safety filter: the velocity nearest to the preferred one that no barrier forbids."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.barrier import MARGIN, VelocityBounds, build_qp
from controllers.safety.gains import Gains, GainSchedule, bounded
from controllers.safety.graph import Neighbourhood
from controllers.safety.planar_qp import INFEASIBLE, solve

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class FilterConfig:
    """Settings of the filter.

    Attributes:
        dt: Control period [s]; gains above 1/dt are clamped.
        margin: Taken off every gap [m].
    """

    dt: float
    margin: float = MARGIN

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        if not (np.isfinite(self.dt) and self.dt > 0.0):
            raise InvalidValue(f"FilterConfig.dt must be positive and finite, got {self.dt}")
        if not (np.isfinite(self.margin) and self.margin >= 0.0):
            raise InvalidValue(f"FilterConfig.margin must be finite and not negative, got {self.margin}")


@dataclass(frozen=True)
class Filtered:
    """What the filter decided for N robots.

    Attributes:
        velocity: Velocity of each head, world frame, shape (N, 2) [m/s].
        status: SOLVED, RELAXED or INFEASIBLE of `planar_qp`, shape (N,).
        violation: By how much barriers of uncooperative movers could not be kept, shape (N,) [m/s].
        correction: Distance from the preferred velocity, shape (N,) [m/s].
        gains: The gains that were used.
        clamped: How many values of the schedule were out of range, shape (N,).
    """

    velocity: Array
    status: IntArray
    violation: Array
    correction: Array
    gains: Gains
    clamped: IntArray

    @property
    def found(self) -> BoolArray:
        """Whether the program had a solution, shape (N,)."""
        return np.not_equal(self.status, INFEASIBLE)


class SafetyFilter:
    """Filters preferred velocities with gains from a schedule."""

    def __init__(self, config: FilterConfig, schedule: GainSchedule) -> None:
        """Keep settings and schedule.

        Args:
            config: Settings.
            schedule: Chooses gains.
        """
        self.config = config
        self.schedule = schedule

    def filter(self, neighbourhood: Neighbourhood, preferred: Array, bounds: VelocityBounds | None = None) -> Filtered:
        """Filter one period of a batch.

        Args:
            neighbourhood: What N robots perceive.
            preferred: Velocities that the robots would take alone, shape (N, 2) [m/s].
            bounds: Velocities that the heads may take; None bounds the speed by `neighbourhood.speed`.

        Returns:
            What to do; a program without solution is a status, not an exception.
        """
        gains, clamped = bounded(self.schedule.gains(neighbourhood), neighbourhood, self.config.dt)
        solution = solve(build_qp(neighbourhood, gains, preferred, self.config.dt, bounds, self.config.margin))
        correction = np.linalg.norm(solution.velocity - preferred, axis=1)
        return Filtered(solution.velocity, solution.status, solution.violation, correction, gains, clamped)
