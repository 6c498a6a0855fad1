"""Six numbers: a first-order low-pass of the residual."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import float64, njit, void

from controllers.errors import InvalidValue
from controllers.residual.bounds import WrenchBounds, saturate
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.screening import screen

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class BiasConfig:
    """Speed of the observer.

    Attributes:
        bounds: Largest wrench that is predicted, and the largest that is remembered.
        force_time_constant_s: Time in which the error on a constant force falls to 1/e [s].
        moment_time_constant_s: The same for a constant moment [s].
        skip_contact_changes: Leave out intervals in which a foot touched down or lifted off.
    """

    bounds: WrenchBounds
    force_time_constant_s: float = 0.15
    moment_time_constant_s: float = 0.15
    skip_contact_changes: bool = False

    def __post_init__(self) -> None:
        """Refuse time constants that are not positive and finite.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        for name in ("force_time_constant_s", "moment_time_constant_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidValue(f"BiasConfig.{name} must be finite and > 0, got {value}")

    @classmethod
    def for_robot(cls, mass: float, **overrides: Any) -> "BiasConfig":
        """Scale the bounds to a robot.

        Args:
            mass: Nominal mass [kg].
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        return cls(**{"bounds": WrenchBounds.for_mass(mass), **overrides})


@njit(void(float64[::1], float64[:, ::1], float64, float64, float64), cache=True)
def _smooth(residual: Array, estimate: Array, dt: float, force_time: float, moment_time: float) -> None:
    for i in range(6):
        share = -math.expm1(-dt / (force_time if i < 3 else moment_time))
        estimate[0, i] += share * (residual[i] - estimate[0, i])


class BiasObserver:
    """Low-pass of the residual wrench, the same along the whole horizon.

    For an interval of length dt the estimate moves by the share 1 − exp(−dt / time constant) of its error,
    the exact answer of a first-order low-pass to a residual that is constant over the interval, so the
    speed does not depend on the update rate. It is what random features become when their inputs hardly
    move, hence the rival that features have to beat.

    The estimate is cut to its bounds in every step: after an impossible reading it does not have to
    come back from further away than the robot could ever have been pushed.
    """

    def __init__(self, config: BiasConfig) -> None:
        """Start with a zero estimate.

        Args:
            config: Time constants and bounds.
        """
        self.config = config
        self._estimate = np.zeros((1, 6))
        self._residual = np.zeros(6)
        self.ignored = 0

    def predict(self, inputs: LearnerInputs) -> Array:
        """Return the estimate at every node.

        Args:
            inputs: States along the horizon, N nodes; only their number matters.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        out = np.empty((inputs.state.shape[0], 6))
        out[:] = self._estimate
        return out

    def update(self, measurement: ResidualMeasurement) -> None:
        """Move towards the residual of one interval.

        Args:
            measurement: One control interval; ignored and counted when it is invalid or not finite.
        """
        c = self.config
        if c.skip_contact_changes and measurement.contacts_changed:
            return
        if not screen(measurement, self._residual):
            self.ignored += 1
            return
        _smooth(self._residual, self._estimate, measurement.dt, c.force_time_constant_s, c.moment_time_constant_s)
        saturate(self._estimate, c.bounds.force, c.bounds.moment)

    def reset(self) -> None:
        """Forget the estimate."""
        self._estimate[:] = 0.0
