"""Integral action on height, velocity and attitude errors, as a learner."""

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
class IntegratorConfig:
    """Gains, per kilogram of nominal mass, so that one set serves robots of any size.

    Attributes:
        bounds: Largest wrench that is predicted, and the largest that is integrated to.
        mass: Nominal mass [kg].
        height_gain: Rate of the vertical force per height error [1/s³].
        velocity_gain: Rate of the horizontal force per velocity error [1/s²].
        attitude_gain: Rate of the moment per angle of roll or pitch [m²/s³].
        leak_s: Time constant at which the integrals are forgotten; infinite for pure integrals [s].
    """

    bounds: WrenchBounds
    mass: float
    height_gain: float = 120.0
    velocity_gain: float = 10.0
    attitude_gain: float = 6.0
    leak_s: float = math.inf

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if not 0.0 < self.mass < math.inf:
            raise InvalidValue(f"IntegratorConfig.mass must be finite and > 0, got {self.mass}")
        for name in ("height_gain", "velocity_gain", "attitude_gain"):
            value = getattr(self, name)
            if not 0.0 <= value < math.inf:
                raise InvalidValue(f"IntegratorConfig.{name} must be finite and >= 0, got {value}")
        if not self.leak_s > 0.0:
            raise InvalidValue(f"IntegratorConfig.leak_s must be > 0, got {self.leak_s}")

    @classmethod
    def for_robot(cls, mass: float, **overrides: Any) -> "IntegratorConfig":
        """Scale bounds and gains to a robot.

        Args:
            mass: Nominal mass [kg].
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        return cls(**{"bounds": WrenchBounds.for_mass(mass), "mass": mass, **overrides})


@njit(void(float64[::1], float64, float64, float64[::1], float64[:, ::1]), cache=True)
def _integrate(error: Array, dt: float, leak_s: float, gain: Array, wrench: Array) -> None:
    keep = math.exp(-dt / leak_s)
    for i in range(6):
        wrench[0, i] = keep * wrench[0, i] + dt * gain[i] * error[i]


class Integrator:
    """The cheapest remedy that open model-predictive controllers ship for an unknown load.

    A height that stays too low is answered as if a force pulled the robot down,

        ḋ_z = m height_gain (z − z_ref),      ḋ_xy = m velocity_gain (v − v_ref)_xy,
        ḋ_roll, pitch = m attitude_gain (roll, pitch),

    each less d / leak_s, and the wrench is the same along the horizon. Nothing is learned of yaw. Unlike the other
    learners this one does not look at the residual: it waits for an error, so it needs the whole closed loop to
    settle, and its gains are bounded by the stability of that loop rather than by noise.

    The velocity asked for is what the horizon returns to: the velocity at its last node. The angles are those
    against the horizon, which on a slope that the body follows are no errors; that, too, is what integrators in
    open controllers do, and what `leak_s` is for. The wrench is cut to its bounds while integrating, so that it
    does not wind up.
    """

    def __init__(self, config: IntegratorConfig) -> None:
        """Start with zero integrals.

        Args:
            config: Gains and bounds.
        """
        self.config = config
        c = config
        gains = [c.velocity_gain, c.velocity_gain, c.height_gain, c.attitude_gain, c.attitude_gain, 0.0]
        self._gain = c.mass * np.array(gains)
        self._wrench = np.zeros((1, 6))
        self._error = np.zeros(6)
        self._residual = np.zeros(6)
        self._goal = np.full(2, np.nan)
        self.ignored = 0

    def predict(self, inputs: LearnerInputs) -> Array:
        """Return the integrals at every node, and note the velocity that a horizon leads to.

        Args:
            inputs: States along the horizon, N nodes.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        n = inputs.state.shape[0]
        if n > 1:
            self._goal[:] = inputs.state[n - 1, 3:5]
        out = np.empty((n, 6))
        out[:] = self._wrench
        return out

    def update(self, measurement: ResidualMeasurement) -> None:
        """Integrate the errors over one interval.

        Args:
            measurement: One control interval; ignored and counted when it is invalid or not finite.
        """
        state = measurement.inputs.state[0]
        # Errors larger than a robot can make and survive are faults of the estimate.
        if not (screen(measurement, self._residual) and np.abs(state).max() < 1e3):
            self.ignored += 1
            return
        error = self._error
        error[:2] = state[3:5] - self._goal
        error[2] = state[2]
        error[3:5] = state[:2]
        if not np.abs(error).max() < 1e3:
            error[:2] = 0.0
        _integrate(error, measurement.dt, self.config.leak_s, self._gain, self._wrench)
        saturate(self._wrench, self.config.bounds.force, self.config.bounds.moment)

    def reset(self) -> None:
        """Forget the integrals."""
        self._wrench[:] = 0.0
        self._goal[:] = np.nan
