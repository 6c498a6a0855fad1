"""How far footholds move towards a load that stays."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.quadruped.centroidal import GRAVITY

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LoadShiftConfig:
    """Tuning of the shift.

    Attributes:
        gain: Share of the zero-moment point's displacement that the feet follow.
        time_constant: Smoothing of the wrench [s].
        max_shift: Largest shift [m].
        max_rate: Largest change of the shift [m/s].
    """

    gain: float = 1.0
    time_constant: float = 0.2
    max_shift: float = 0.12
    max_rate: float = 0.3

    def __post_init__(self) -> None:
        """Refuse settings out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.0 <= self.gain <= 2.0:
            raise InvalidValue(f"LoadShiftConfig.gain must lie in [0, 2], got {self.gain}")
        for name, largest in (("time_constant", 5.0), ("max_shift", 0.3), ("max_rate", 10.0)):
            value = getattr(self, name)
            if not 0.0 < value <= largest:
                raise InvalidValue(f"LoadShiftConfig.{name} must lie in (0, {largest:g}], got {value}")


class LoadShift:
    """Moves the footholds below the point through which the feet must push.

    A wrench (F, M) about the centre of mass at height h leaves a body in balance when the sum of the foot forces,
    (−F_x, −F_y, m g − F_z), passes through the point of the ground at

        x = (h F_x + M_y) / (m g − F_z),      y = (h F_y − M_x) / (m g − F_z)

    from below the centre of mass: the zero-moment point (Vukobratović and Borovac, 2004). For M = 0 it is the
    displaced fixed point of the linear inverted pendulum under a constant force. Two feet of a trot can push along
    the line between them only, so feet that are centred below the body let a sideways force tip it, however well the
    force is known. A shift that follows the artefacts of the gait would disturb a robot that carries nothing, so only
    what a learner calls sustained is followed, smoothly and at a bounded rate.
    """

    def __init__(self, config: LoadShiftConfig, mass: float) -> None:
        """Begin without a shift.

        Args:
            config: Tuning.
            mass: Nominal mass [kg].
        """
        self.config = config
        self._weight = mass * GRAVITY
        self._wrench = np.zeros(6)
        self.value = np.zeros(2)

    def reset(self) -> None:
        """Return to footholds centred below the body."""
        self._wrench[:] = 0.0
        self.value[:] = 0.0

    def update(self, wrench: Array, height: float, dt: float) -> Array:
        """Follow the load.

        Args:
            wrench: What acts besides gravity and the feet, about the centre of mass, heading frame, shape (6,)
                [N, N·m]; one that is not finite counts as none.
            height: Of the centre of mass above the ground [m].
            dt: Time since the last update [s].

        Returns:
            Shift of the footholds, heading frame, shape (2,) [m].
        """
        c = self.config
        seen = wrench if np.isfinite(wrench).all() else np.zeros(6)
        self._wrench += min(dt / c.time_constant, 1.0) * (seen - self._wrench)
        fx, fy, fz, mx, my, _ = self._wrench.tolist()
        # A robot that is lifted carries less than its weight but never nothing while its feet decide anything.
        carried = max(self._weight - fz, 0.3 * self._weight)
        x, y = c.gain * (height * fx + my) / carried, c.gain * (height * fy - mx) / carried
        shrink = min(1.0, c.max_shift / max(math.hypot(x, y), 1e-9))
        step_x, step_y = x * shrink - self.value[0], y * shrink - self.value[1]
        slow = min(1.0, c.max_rate * dt / max(math.hypot(step_x, step_y), 1e-9))
        self.value[0] += slow * step_x
        self.value[1] += slow * step_y
        return self.value
