"""A filter of the missing wrench over gait harmonics and random features, fed by momentum."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.residual.bounds import GRAVITY, WrenchBounds, saturate
from controllers.residual.gait_clock import FASTEST_GAIT_HZ, GaitClock
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.momentum_filter import (
    FIRST_HARMONIC,
    INPUTS,
    LEVEL,
    SLOPE,
    fill_features,
    fill_harmonics,
    observe,
    preview,
)
from controllers.residual.screening import screen

Array = npt.NDArray[np.float64]

# A pace that was never measured; every gait of the catalog is near it.
USUAL_PERIOD_S = 0.5
# Ranges of velocity [m/s], roll, pitch [rad] and vertical force of the feet (share of the weight) in a trot.
_INPUT_SCALE = (0.5, 0.25, 0.15, 0.1, 0.1, 0.4)
# Number of the vertical force among the axes of a wrench.
VERTICAL = 2
# A gait is sampled some fifty times in a cycle.
MOST_HARMONICS = 10
# Standard deviation of what may be missing before anything is known, as a share of the bounds.
PRIOR_SHARE = 0.05
# Vertical force that features add, as a share of the horizontal one.
VERTICAL_SHARE = 0.25
# Factor on the variance of an interval in which a foot slips: it bears what friction lets it, not what was commanded.
SLIP_NOISE = 25.0


@dataclass(frozen=True)
class FeatureFilterConfig:
    """Noise, drift and regressors of the filter; forces [N], moments [N·m], drifts per square root of a second.

    Attributes:
        mass: Nominal mass [kg].
        bounds: Largest wrench that is predicted.
        lateral_drift: Random walk of the level of the horizontal forces.
        vertical_drift: The same of the vertical force.
        moment_drift: The same of the moments.
        lateral_slope: Standard deviation of the slope of the horizontal forces [N/s].
        vertical_slope: The same of the vertical force [N/s].
        moment_slope: The same of the moments [N·m/s].
        slope_time_s: Time in which a slope fades [s].
        harmonics: Multiples of the gait frequency at which the residual is taken to repeat; empty for none.
        vertical_harmonics: Further multiples at which the vertical force alone repeats. A load that bounces once in a
            stride needs the first; horizontally it would take the robot's sway for a load.
        harmonic_force: Standard deviation of a harmonic of the force.
        harmonic_moment: Standard deviation of a harmonic of the moment.
        harmonic_time_s: Time in which harmonics drift by as much [s].
        features: Number of random features M; 0 leaves the whitened inputs themselves.
        kernel_std: Standard deviation of the frequencies on whitened inputs.
        feature_force: Standard deviation of the force that a whitened input, or all random features together, adds.
        feature_moment: The same of the moment.
        feature_time_s: Time in which the weights of features drift by as much [s].
        velocity_floor: Smallest noise of the measured velocity [m/s].
        spin_floor: Smallest noise of the measured angular velocity [rad/s].
        velocity_guess: Noise of the velocity before any is measured [m/s].
        spin_guess: Noise of the angular velocity before any is measured [rad/s].
        impact: Variance of unmodelled impulses over an interval, as a share of the variance of the measured momentum.
        phase_bins: Number of gait phases whose noise is told apart.
        forgetting: Share of a sample in the noise of its phase.
        gate: Innovation, in standard deviations, beyond which a measurement counts as no more certain than its size
            suggests; infinite switches the gate off.
        seed: Seed of the random features.
    """

    mass: float
    bounds: WrenchBounds
    lateral_drift: float
    vertical_drift: float
    moment_drift: float
    lateral_slope: float
    vertical_slope: float
    moment_slope: float
    harmonic_force: float
    harmonic_moment: float
    feature_force: float
    feature_moment: float
    slope_time_s: float = 0.3
    harmonics: tuple[int, ...] = (2, 4, 6, 8)
    vertical_harmonics: tuple[int, ...] = (1, 10)
    harmonic_time_s: float = 3.0
    features: int = 16
    kernel_std: float = 0.5
    feature_time_s: float = 10.0
    velocity_floor: float = 0.002
    spin_floor: float = 0.004
    velocity_guess: float = 0.03
    spin_guess: float = 0.09
    impact: float = 0.3
    phase_bins: int = 48
    forgetting: float = 0.03
    gate: float = 4.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        whole = ("features", "phase_bins", "seed")
        for name, value in vars(self).items():
            if name in ("bounds", "harmonics", "vertical_harmonics", "gate", *whole):
                continue
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidValue(f"FeatureFilterConfig.{name} must be finite and > 0, got {value}")
        waves = self.all_harmonics
        if len(set(waves)) != len(waves) or not all(1 <= k <= MOST_HARMONICS for k in waves):
            raise InvalidValue(
                "FeatureFilterConfig.harmonics and vertical_harmonics must be different numbers from 1 to "
                f"{MOST_HARMONICS}, got {self.harmonics} and {self.vertical_harmonics}"
            )
        for name, low, high in (("features", 0, 200), ("phase_bins", 1, 1000), ("seed", 0, 2**32 - 1)):
            if not low <= getattr(self, name) <= high:
                raise InvalidValue(f"FeatureFilterConfig.{name} must lie in [{low}, {high}], got {getattr(self, name)}")
        if not self.forgetting <= 1.0:
            raise InvalidValue(f"FeatureFilterConfig.forgetting must be <= 1, got {self.forgetting}")
        if not self.gate > 0.0:
            raise InvalidValue(f"FeatureFilterConfig.gate must be > 0, got {self.gate}")

    @property
    def all_harmonics(self) -> tuple[int, ...]:
        """Multiples of the gait frequency in the order of the regressors."""
        return (*self.harmonics, *self.vertical_harmonics)

    @classmethod
    def for_robot(cls, mass: float, **overrides: Any) -> "FeatureFilterConfig":
        """Scale bounds, drifts and priors to a robot.

        Args:
            mass: Nominal mass [kg].
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        scaled = {
            "mass": mass,
            "bounds": WrenchBounds.for_mass(mass),
            "lateral_drift": 1.3 * mass,
            "vertical_drift": 4.0 * mass,
            "moment_drift": 0.2 * mass,
            "lateral_slope": 0.3 * mass,
            "vertical_slope": 8.0 * mass,
            "moment_slope": 0.07 * mass,
            "harmonic_force": 1.0 * mass,
            "harmonic_moment": 0.2 * mass,
            "feature_force": 0.5 * mass,
            "feature_moment": 0.013 * mass,
        }
        return cls(**{**scaled, **overrides})


class FeatureFilter:
    r"""Learns the missing wrench by recursive least squares on regressors that vary, from momentum.

    Model, for each axis of the wrench with its own weights,

        d(t) = level + Σ_k a_k cos 2π k φ + b_k sin 2π k φ + cᵀ z + wᵀ ψ(z),      d level/dt = slope + noise,

    with the gait phase φ, whitened inputs z (velocity, roll, pitch, vertical force of the feet) and random Fourier
    features ψ(z) (Rahimi and Recht 2007). The level and its slope, which fades, follow loads that change; harmonics
    take what a gait cycle repeats and are previewed over the horizon, averaged over its intervals; the vertical force
    in z is the regressor of a payload, which scales with acceleration: of m v̇ = F − (m + δ)(g + v̇) − … a share
    −δ / (m + δ) of the force of the feet is missed; roll and pitch are what its moment scales with.

    **Measurement.** Residuals are differences of velocities, so their noise is not white: what an interval gains by
    an error of the velocity the next one loses. The filter therefore keeps the momentum as a state and takes the
    velocities themselves as measurements. Around touchdown a velocity tells little and between touchdowns much; its
    variance is learned for each phase of the gait. Whatever a noisy phase hides comes back with the first clean
    velocity after it, since momentum remembers impulse.

    **Update.** A Kalman filter with random-walk weights: the minimiser of the squared one-step errors of the momentum
    plus quadratic drift penalties, that is, recursive least squares with forgetting by covariance. Weights and
    predictions are projected onto balls whose radii are `config.bounds`.

    **Regret.** Against any sequence of weights of bounded path length V_T, discounted least squares on bounded
    regressors has dynamic regret O(√(T V_T)) when its memory is matched to V_T (Yuan and Lamperski, AAAI 2020), hence
    sublinear whenever V_T grows slower than T: a finite number of load changes, or a drift that dies out. Assumed
    are bounded noise, bounded weights (the projection), and a wrench that lies in the span of the regressors; what
    lies outside adds its mean square per step. For a fixed drift, as here, the bound holds with the memory it implies.

    Invalid intervals break the chain of momentum but leave the weights as they are: a failed solver, a fall or a jump
    of the clock winds nothing up. A slipping foot makes an interval uncertain (`ResidualMeasurement.slipping`).
    """

    def __init__(self, config: FeatureFilterConfig, inertia: Array) -> None:
        """Start with a zero estimate.

        Args:
            config: Noise, drift, regressors and bounds.
            inertia: Nominal rotational inertia about the centre of mass, shape (3, 3) [kg·m²].
        """
        self.config = c = config
        rng = np.random.default_rng(c.seed)
        self._frequencies = rng.normal(0.0, c.kernel_std, (c.features, INPUTS))
        self._phases = rng.uniform(0.0, 2.0 * np.pi, c.features)
        self._scale = np.array(_INPUT_SCALE)
        self._weight = c.mass * GRAVITY
        self._harmonics = np.array(c.all_harmonics, dtype=np.int64)
        waves = 2 * len(c.all_harmonics)
        self._first_feature = FIRST_HARMONIC + waves
        size = self._first_feature + INPUTS + c.features
        self._drift, self._prior = np.zeros((6, size)), np.zeros((6, size))
        forces = (c.lateral_drift, c.lateral_drift, c.vertical_drift)
        slopes = (c.lateral_slope, c.lateral_slope, c.vertical_slope)
        self._drift[:, LEVEL] = np.square((*forces, *(c.moment_drift,) * 3))
        slope = np.square((*slopes, *(c.moment_slope,) * 3))
        # The stationary variance of a fading slope is half its drift times the time in which it fades.
        self._drift[:, SLOPE] = 2.0 * slope / c.slope_time_s
        wave = np.repeat(np.square(np.repeat((c.harmonic_force, c.harmonic_moment), 3))[:, None], waves, axis=1)
        wave[np.arange(6) != VERTICAL, 2 * len(c.harmonics) :] = 0.0
        self._drift[:, FIRST_HARMONIC : self._first_feature] = 2.0 * wave / (100.0 * c.harmonic_time_s)
        # Height must not depend on speed for nothing: vertically there is little but the load itself to be told apart.
        shares = (c.feature_force, c.feature_force, VERTICAL_SHARE * c.feature_force, *(c.feature_moment,) * 3)
        feature = np.square(shares)[:, None]
        self._drift[:, self._first_feature :] = 2.0 * feature / (100.0 * c.feature_time_s)
        bound = np.square(np.repeat((c.bounds.force, c.bounds.moment), 3))
        self._prior[:, LEVEL] = PRIOR_SHARE**2 * bound
        self._prior[:, SLOPE] = slope
        self._prior[:, FIRST_HARMONIC : self._first_feature] = wave
        self._prior[:, self._first_feature :] = feature
        self._largest = 4.0 * self._prior
        momentum = np.concatenate((np.full(3, c.mass), np.diag(inertia)))
        self._floor = np.square(momentum * np.repeat((c.velocity_floor, c.spin_floor), 3))
        self._guess = np.square(momentum * np.repeat((c.velocity_guess, c.spin_guess), 3))
        self._regressors = np.zeros(size)
        self._residual = np.zeros(6)
        self._clock = GaitClock()
        self.ignored = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        size = len(self._regressors)
        self._mean = np.zeros((6, size))
        self._covariance = np.zeros((6, size, size))
        self._covariance[:, np.arange(size), np.arange(size)] = self._prior
        self._noise = np.repeat(self._guess[:, None], self.config.phase_bins + 1, axis=1)
        self._visits = np.zeros(self.config.phase_bins + 1)
        self._last, self._evidence = np.zeros(6), np.zeros(6)
        self._clock.reset()
        self._period = USUAL_PERIOD_S
        self._fresh = True

    @property
    def log_evidence(self) -> float:
        """Logarithm of the density that was predicted for everything measured since the last reset.

        Differences between filters that saw the same tell which settings explain it better, for instance which width
        of the kernel.
        """
        return float(self._evidence.sum())

    def predict(self, inputs: LearnerInputs) -> Array:
        """Evaluate the estimate at every node.

        Args:
            inputs: States along the horizon, N nodes.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        wrench = self._preview(inputs) @ self._mean.T
        return self.config.bounds.apply(wrench)

    def sustained(self, inputs: LearnerInputs) -> Array:
        """Evaluate the estimate without its harmonics.

        Args:
            inputs: The state now (N = 1).

        Returns:
            Bounded wrench, shape (6,) [N, N·m], heading frame.
        """
        regressors = self._preview(inputs)[:1]
        regressors[:, FIRST_HARMONIC : self._first_feature] = 0.0
        return np.asarray(self.config.bounds.apply(regressors @ self._mean.T)[0])

    def standard_deviation(self, inputs: LearnerInputs) -> Array:
        """Tell how uncertain the prediction is.

        Args:
            inputs: As in `predict`.

        Returns:
            Standard deviation of the wrench at each node, shape (N, 6) [N, N·m].
        """
        regressors = self._preview(inputs)
        variance = np.einsum("ni,aij,nj->na", regressors, self._covariance, regressors)
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def update(self, measurement: ResidualMeasurement) -> None:
        """Take in one interval.

        Args:
            measurement: One control interval; ignored and counted when it is invalid or not finite.
        """
        inputs, dt = measurement.inputs, measurement.dt
        state, vertical = inputs.state[0], float(inputs.contact_wrench[0, 2])
        if not (screen(measurement, self._residual) and np.isfinite(state).all() and math.isfinite(vertical)):
            self.ignored += 1
            self._clock.lose()
            self._fresh = True
            return
        c, regressors = self.config, self._regressors
        phase = float(inputs.gait_phase[0])
        advance = self._advance(self._clock.see(phase, dt, inputs.contacts), dt)
        walking = self._clock.walking and math.isfinite(advance)
        regressors[LEVEL], regressors[SLOPE] = 1.0, 0.5 * dt
        middle = phase + 0.5 * advance if walking else 0.0
        fill_harmonics(middle, advance if walking else 0.0, self._harmonics, walking, regressors)
        fill_features(state, vertical, self._weight, self._scale, self._frequencies, self._phases, regressors)
        end = int((phase + advance) % 1.0 * c.phase_bins) % c.phase_bins if walking else c.phase_bins
        observe(
            self._residual,
            regressors,
            dt,
            c.slope_time_s,
            end,
            SLIP_NOISE if measurement.slipping else 1.0,
            self._fresh,
            c.impact,
            c.gate,
            c.forgetting,
            self._drift,
            self._largest,
            self._floor,
            self._noise,
            self._visits,
            self._last,
            self._mean,
            self._covariance,
            self._evidence,
        )
        self._fresh = False
        self._project()

    def _project(self) -> None:
        """Keep every weight in the ball of the wrenches that it may stand for."""
        weights = np.ascontiguousarray(self._mean[:, LEVEL:].T)
        slope = weights[SLOPE - LEVEL] * self.config.slope_time_s
        weights[SLOPE - LEVEL] = slope
        saturate(weights, self.config.bounds.force, self.config.bounds.moment)
        weights[SLOPE - LEVEL] /= self.config.slope_time_s
        self._mean[:, LEVEL:] = weights.T

    def _preview(self, inputs: LearnerInputs) -> Array:
        out = np.empty((len(inputs.gait_phase), len(self._regressors)))
        walking = self._clock.walking or bool(inputs.contacts.min() < 0.5)
        preview(
            inputs.state,
            inputs.contact_wrench[:, 2].copy(),
            inputs.gait_phase,
            self._period,
            self.config.slope_time_s,
            self._harmonics,
            walking,
            self._weight,
            self._scale,
            self._frequencies,
            self._phases,
            out,
        )
        return out

    def _advance(self, pace: float, dt: float) -> float:
        """Tell by how much the gait phase grows over an interval, by the pace so far; NaN where that is not known."""
        if not 0.0 < pace < FASTEST_GAIT_HZ:
            return math.nan if not math.isfinite(pace) else 0.0
        self._period = 1.0 / pace
        return dt * pace
