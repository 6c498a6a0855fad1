"""Feet that meet the ground before their time."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.quadruped.gait import LegSchedule

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LandingConfig:
    """When a swinging foot counts as landed.

    Attributes:
        earliest: Progress through the swing before which it does not: a foot that lifts may still touch.
        least_left: Time before its scheduled touchdown from which on it is left to that [s].
        confirmation: Time for which it must feel the ground [s].
    """

    earliest: float = 0.5
    least_left: float = 0.02
    confirmation: float = 0.006

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.0 <= self.earliest <= 1.0:
            raise InvalidValue(f"LandingConfig.earliest must lie in [0, 1], got {self.earliest}")
        for name in ("least_left", "confirmation"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise InvalidValue(f"LandingConfig.{name} must be finite and >= 0 s, got {getattr(self, name)}")


@njit(cache=True)
def _look(
    swing_phase: Array,
    swing_left: Array,
    standing: Array,
    contact: Array,
    limits: tuple[float, float, float],
    dt: float,
    felt: Array,
    landed: Array,
) -> bool:
    earliest, least_left, confirmation = limits
    found = False
    for leg in range(4):
        swings = standing[leg] < 0.5 and swing_phase[leg] >= earliest
        felt[leg] = felt[leg] + dt if swings and contact[leg] > 0.5 else 0.0
        down = felt[leg] > 0.0 and felt[leg] >= confirmation and swing_left[leg] >= least_left
        landed[leg] = 1.0 if down else 0.0
        found = found or down
    return found


class Landing:
    """Looks for swinging feet that are down already.

    A foot that strikes a bump in the second half of its swing would go on to push towards where the ground was
    expected, with the stiffness of a swinging leg and without the plan's knowing: the robot is thrown off the bump.
    Taken for standing, it bears what the plan asks of it instead.

    Attributes:
        landed: 1 where a foot was found to be down in the newest tick, shape (4,).
    """

    def __init__(self, config: LandingConfig) -> None:
        """Keep the settings.

        Args:
            config: When a foot counts as landed.
        """
        self._limits = (config.earliest, config.least_left, config.confirmation)
        self._felt = np.zeros(4)
        self.landed = np.zeros(4)

    def reset(self) -> None:
        """Forget what the feet felt."""
        self._felt[:] = 0.0
        self.landed[:] = 0.0

    def update(self, schedule: LegSchedule, contact: Array, dt: float) -> bool:
        """Look at all feet.

        Args:
            schedule: Where each leg is in its cycle.
            contact: 1 where a foot feels the ground, shape (4,).
            dt: Time since the previous tick [s].

        Returns:
            Whether any foot landed.
        """
        return bool(
            _look(
                schedule.swing_phase,
                schedule.swing_left,
                schedule.contact,
                contact,
                self._limits,
                dt,
                self._felt,
                self.landed,
            )
        )
