"""How large a residual wrench may be."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

GRAVITY = 9.81

# 12 g of force take 0.8 of the weight of a Go2 alone; the rest is for what the model itself misses, above all the
# vertical forces that stance feet do not exert when they slip or land late.
FORCE_SHARE_OF_WEIGHT = 1.2
# 24 N·m on a robot of 15 kg: its heaviest payload at 20 cm from the centre of mass.
MOMENT_PER_MASS = 1.6


@njit(cache=True)
def saturate(wrench: Array, force: float, moment: float) -> None:
    """Shorten each force and each moment to its bound, in place, keeping the direction.

    Args:
        wrench: Wrenches, shape (N, 6) [N, N·m]; a row that is not finite becomes zero.
        force: Largest norm of the first three entries [N].
        moment: Largest norm of the last three entries [N·m].
    """
    for n in range(wrench.shape[0]):
        for start, bound in ((0, force), (3, moment)):
            # Scaled first, so that squares of huge numbers do not overflow.
            largest = 0.0
            finite = True
            for i in range(start, start + 3):
                finite = finite and np.isfinite(wrench[n, i])
                largest = max(largest, abs(wrench[n, i]))
            if not finite:
                wrench[n, start : start + 3] = 0.0
            elif largest > 0.0:
                square = 0.0
                for i in range(start, start + 3):
                    square += (wrench[n, i] / largest) ** 2
                norm = largest * np.sqrt(square)
                if norm > bound:
                    for i in range(start, start + 3):
                        wrench[n, i] = wrench[n, i] / largest * (bound / np.sqrt(square))


@dataclass(frozen=True)
class WrenchBounds:
    """Largest norms of a residual wrench.

    Attributes:
        force: Of the force [N].
        moment: Of the moment [N·m].
    """

    force: float
    moment: float

    def __post_init__(self) -> None:
        """Refuse bounds that are not positive and finite.

        Raises:
            InvalidValue: Names the bound.
        """
        for name in ("force", "moment"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"WrenchBounds.{name} must be finite and > 0, got {value}")

    @classmethod
    def for_mass(cls, mass: float) -> "WrenchBounds":
        """Scale the bounds to a robot.

        Args:
            mass: Nominal mass [kg].

        Returns:
            The bounds.
        """
        return cls(FORCE_SHARE_OF_WEIGHT * mass * GRAVITY, MOMENT_PER_MASS * mass)

    def apply(self, wrench: Array) -> Array:
        """Shorten wrenches in place.

        Args:
            wrench: Shape (N, 6) [N, N·m].

        Returns:
            The same array.
        """
        saturate(wrench, self.force, self.moment)
        return wrench
