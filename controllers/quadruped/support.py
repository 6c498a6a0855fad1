"""Whether the feet bear what they are asked to."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.quadruped.centroidal import GRAVITY

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SupportConfig:
    """When a foot counts as missing.

    Attributes:
        patience: Time that a foot may be late on the ground [s].
        least_load: Normal force that must be asked of it, as a fraction of the robot's weight: with less, even a foot
            that stands may feel like one that does not.
    """

    patience: float = 0.03
    least_load: float = 0.2

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.0 <= self.patience < math.inf:
            raise InvalidValue(f"SupportConfig.patience must be finite and >= 0 s, got {self.patience}")
        if not 0.0 < self.least_load < math.inf:
            raise InvalidValue(f"SupportConfig.least_load must be finite and > 0, got {self.least_load}")


@njit(cache=True)
def _look(
    standing: Array, contact: Array, forces: Array, least: float, patience: float, dt: float, absent: Array
) -> bool:
    missing = False
    for leg in range(4):
        lacks = standing[leg] > 0.5 and contact[leg] < 0.5 and forces[leg, 2] > least
        absent[leg] = absent[leg] + dt if lacks else 0.0
        missing = missing or absent[leg] > patience
    return missing


class Support:
    """Looks for feet that are asked to bear and have nothing below them.

    What such a foot was commanded to push with never reached the body. A learner that believes it did takes the
    robot's fall for a load: after a shove, or over a hole, it would learn a wrench that nobody exerts.

    Attributes:
        missing: Whether a foot is missing now.
    """

    def __init__(self, config: SupportConfig, mass: float) -> None:
        """Begin with all feet on the ground.

        Args:
            config: When a foot counts as missing.
            mass: Nominal mass [kg].
        """
        self.config = config
        self._least = config.least_load * mass * GRAVITY
        self._absent = np.zeros(4)
        self.missing = False

    def reset(self) -> None:
        """Take all feet for being there."""
        self._absent[:] = 0.0
        self.missing = False

    def update(self, standing: Array, contact: Array, forces: Array, dt: float) -> bool:
        """Look at the feet.

        Args:
            standing: 1 for feet that should stand, shape (4,).
            contact: 1 for feet that carry load, shape (4,).
            forces: Commanded ground reaction forces, world, shape (4, 3) [N].
            dt: Time since the last update [s].

        Returns:
            Whether a foot is missing.
        """
        self.missing = _look(standing, contact, forces, self._least, self.config.patience, dt, self._absent)
        return self.missing
