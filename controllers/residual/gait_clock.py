"""Whether feet swing, and how fast the gait runs, as a learner can tell from what it is given."""

import math

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

# No gait has all feet on the ground for longer.
ALL_STAND_S = 0.25
# A phase that seems to run faster was set anew.
FASTEST_GAIT_HZ = 10.0


class GaitClock:
    """Follows contacts and gait phase from interval to interval."""

    def __init__(self) -> None:
        """Begin with a robot that stands."""
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._standing_s = math.inf
        self._phase, self._dt = math.nan, 0.0

    def lose(self) -> None:
        """Forget the phase of the last interval, which is not that before the next."""
        self._phase = math.nan

    @property
    def walking(self) -> bool:
        """Whether a foot swung lately."""
        return self._standing_s < ALL_STAND_S

    def see(self, phase: float, dt: float, contacts: Array) -> float:
        """Take in an interval.

        Args:
            phase: Gait phase at its beginning.
            dt: Its length [s].
            contacts: 1 where a foot is scheduled to carry load, shape (1, 4).

        Returns:
            Cycles per second over the interval before; NaN where that is not known.
        """
        pace = (phase - self._phase) % 1.0 / self._dt if self._dt > 0.0 else math.nan
        self._phase, self._dt = phase, dt
        self._standing_s = 0.0 if contacts.min() < 0.5 else self._standing_s + dt
        return pace
