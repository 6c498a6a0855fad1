"""A Kalman filter of the missing wrench."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.residual.bounds import WrenchBounds, saturate
from controllers.residual.gait_clock import FASTEST_GAIT_HZ, GaitClock
from controllers.residual.kalman_filter import fill_basis, filter_residual, preview_wrench
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.screening import screen

Array = npt.NDArray[np.float64]

# The interval for which the standard deviations in the configuration are meant.
NOISE_INTERVAL_S = 0.01
# Standard deviation of what may be missing before anything is known, as a share of the bounds.
PRIOR_SHARE = 0.2


@dataclass(frozen=True)
class KalmanConfig:
    """Noise, drift and harmonics of the filter.

    Attributes:
        bounds: Largest wrench that is predicted; also of the remembered constant and of each harmonic.
        force_noise: Standard deviation of the force residual over an interval of 10 ms [N].
        moment_noise: The same of the moment residual [N·m].
        force_time_constant_s: Time constant at which the filter of the constant force settles without
            harmonics; sets how fast that force is taken to drift [s].
        moment_time_constant_s: The same for the moment [s].
        harmonics: Multiples of the gait frequency at which the residual is taken to repeat; empty for none.
        harmonic_time_constant_s: The same for the amplitudes of the harmonics [s].
        switch_noise: Factor on the standard deviation of an interval in which a foot touched down or lifted off.
        switch_decay_s: Time in which that surplus falls to 1/e afterwards [s].
        gate: Innovation, in standard deviations, beyond which a measurement counts as no more certain than
            its size suggests; infinite switches the gate off.
    """

    bounds: WrenchBounds
    force_noise: float = 50.0
    moment_noise: float = 10.0
    force_time_constant_s: float = 0.15
    moment_time_constant_s: float = 0.15
    harmonics: tuple[int, ...] = (1, 2)
    harmonic_time_constant_s: float = 1.0
    switch_noise: float = 3.0
    switch_decay_s: float = 0.02
    gate: float = 3.0

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        times = ("force_time_constant_s", "moment_time_constant_s", "harmonic_time_constant_s", "switch_decay_s")
        for name in ("force_noise", "moment_noise", *times):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidValue(f"KalmanConfig.{name} must be finite and > 0, got {value}")
        if len(set(self.harmonics)) != len(self.harmonics) or not all(1 <= k <= 10 for k in self.harmonics):
            raise InvalidValue(f"KalmanConfig.harmonics must be different numbers from 1 to 10, got {self.harmonics}")
        if not 1.0 <= self.switch_noise < math.inf:
            raise InvalidValue(f"KalmanConfig.switch_noise must be finite and >= 1, got {self.switch_noise}")
        if not self.gate > 0.0:
            raise InvalidValue(f"KalmanConfig.gate must be > 0, got {self.gate}")

    @classmethod
    def for_robot(cls, mass: float, **overrides: Any) -> "KalmanConfig":
        """Scale the bounds to a robot.

        Args:
            mass: Nominal mass [kg].
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        return cls(**{"bounds": WrenchBounds.for_mass(mass), **overrides})


class DisturbanceKalmanFilter:
    """Estimates each axis of the wrench by a Kalman filter with a random walk and gait harmonics.

    The model of one axis is, with the gait phase φ,

        d(t) = x₀ + Σ_k x_k^c cos 2π k φ(t) + x_k^s sin 2π k φ(t),      ẋ = w,      y = d + v,

    w and v white. All axes share the regressors but not the noise. Without harmonics the filter settles to a
    first-order low-pass with time constant √(density of v / density of w) (Kalman and Bucy 1961), which is how
    the drift is set: by the time constant asked for. With them, what a gait cycle repeats goes into the
    harmonics, where it belongs to the phase and is previewed over the horizon, instead of shaking the constant.

    Impacts make residuals around touchdown and lift-off uncertain. Such an interval is not skipped but has
    `switch_noise` times the standard deviation, a surplus that decays over `switch_decay_s`. An innovation beyond
    the gate is given the variance that puts it on the gate: a single outlier moves the estimate by a bounded
    amount, while a step that lasts is still followed, so the filter cannot lock itself out.
    """

    def __init__(self, config: KalmanConfig) -> None:
        """Start with a zero estimate.

        Args:
            config: Noise, drift, harmonics and bounds.
        """
        self.config = config
        c = config
        size = 1 + 2 * len(c.harmonics)
        deviation = np.repeat([c.force_noise, c.moment_noise], 3)
        times = np.repeat([c.force_time_constant_s, c.moment_time_constant_s], 3)
        self._noise = deviation**2 * NOISE_INTERVAL_S
        # A harmonic has a mean square of one half: it takes twice the drift to be followed as fast.
        self._drift = np.stack((self._noise / times**2, 2.0 * self._noise / c.harmonic_time_constant_s**2), axis=1)
        self._harmonics = np.array(c.harmonics, dtype=np.int64)
        self._largest = np.repeat([c.bounds.force, c.bounds.moment], 3) ** 2
        self._basis, self._product = np.zeros(size), np.zeros(size)
        self._mean = np.zeros((size, 6))
        self._covariance = np.zeros((6, size, size))
        self._residual = np.zeros(6)
        self._switched_s = math.inf
        self._clock = GaitClock()
        self.ignored = 0
        self.reset()

    def predict(self, inputs: LearnerInputs) -> Array:
        """Evaluate the estimate at every node, harmonics at the gait phase of the node.

        Args:
            inputs: States along the horizon, N nodes; only gait phase and contacts matter.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        out = np.empty((inputs.state.shape[0], 6))
        preview_wrench(
            inputs.gait_phase, inputs.contacts, self._harmonics, self._clock.walking, self._basis, self._mean, out
        )
        return self.config.bounds.apply(out)

    def update(self, measurement: ResidualMeasurement) -> None:
        """Filter the residual of one interval.

        Args:
            measurement: One control interval; ignored and counted when it is invalid or not finite.
        """
        c, dt = self.config, measurement.dt
        if not screen(measurement, self._residual):
            self.ignored += 1
            self._clock.lose()
            return
        phase = float(measurement.inputs.gait_phase[0])
        pace = self._clock.see(phase, dt, measurement.inputs.contacts)
        if pace < FASTEST_GAIT_HZ:
            # The middle of the interval; its beginning where the pace is not known.
            phase += 0.5 * dt * pace
        self._switched_s = 0.0 if measurement.contacts_changed else self._switched_s + dt
        walking = self._clock.walking and math.isfinite(phase)
        surplus = (c.switch_noise**2 - 1.0) * math.exp(-self._switched_s / c.switch_decay_s)
        fill_basis(phase, self._harmonics, walking, self._basis)
        filter_residual(
            *(self._residual, self._basis, dt, walking, 1.0 + surplus, c.gate),
            *(self._noise, self._drift, self._largest, self._product, self._mean, self._covariance),
        )
        saturate(self._mean, c.bounds.force, c.bounds.moment)

    def reset(self) -> None:
        """Forget the estimate."""
        self._mean[:] = 0.0
        self._covariance[:] = PRIOR_SHARE**2 * self._largest[:, None, None] * np.eye(self._mean.shape[0])
        self._switched_s = math.inf
        self._clock.reset()

    def covariance(self) -> Array:
        """Return the covariance of the states of each axis.

        Returns:
            Constant first, then cosine and sine of each harmonic, shape (6, S, S) [N², (N·m)²].
        """
        return self._covariance.copy()

    def standard_deviation(self, inputs: LearnerInputs) -> Array:
        """Tell how uncertain the prediction is.

        Args:
            inputs: As in `predict`.

        Returns:
            Standard deviation of the wrench at the phase of each node, shape (N, 6) [N, N·m].
        """
        walking = self._clock.walking or bool(inputs.contacts.min() < 0.5)
        basis = np.empty((len(inputs.gait_phase), len(self._basis)))
        for row, phase in zip(basis, inputs.gait_phase, strict=True):
            fill_basis(phase, self._harmonics, walking, row)
        return np.asarray(np.sqrt(np.einsum("ni,aij,nj->na", basis, self._covariance, basis)))
