"""Online learning of a state-dependent wrench on random Fourier features."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from controllers.residual.bounds import GRAVITY, WrenchBounds
from controllers.residual.feature_map import INPUT_SIZE, draw_frequencies, fill_features, predict_wrench
from controllers.residual.feature_uncertainty import FeatureUncertainty
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.screening import screen
from controllers.residual.weight_update import descend, regress

Array = npt.NDArray[np.float64]

METHODS = ("gradient", "least_squares")

# Range of roll, pitch [rad], height error [m], velocity [m/s] and angular velocity [rad/s] over the
# commands that a trotting robot gets (not within one trot: a new speed must not look like a new world).
_STATE_SCALE = (0.1, 0.1, 0.03, 0.5, 0.3, 0.15, 0.6, 0.6, 0.6)
# Range of the contact wrench, as a share of the weight and of weight times one metre.
_FORCE_SCALE = (0.15, 0.15, 0.4)
_MOMENT_SCALE = (0.04, 0.04, 0.02)


@dataclass(frozen=True)
class RandomFeaturesConfig:
    """Features, update and bounds.

    Attributes:
        bounds: Largest wrench that is predicted.
        input_center: Centre of roll, pitch, height error, velocity (3), angular velocity (3), contact
            force (3) and contact moment (3), 15 numbers [rad, m, m/s, rad/s, N, N·m].
        input_scale: Range of the same; infinite leaves an input out.
        input_clip: Largest magnitude of a whitened input.
        features: Number of random features M.
        kernel_std: Standard deviation of the frequencies on whitened inputs.
        feature_square: Mean of |φ|²; the published features have 0.5.
        constant_share: Part of that mean that belongs to a constant feature. It lets what does not
            depend on the state be told apart from what does, and carries to states never seen.
        method: "gradient" or "least_squares".
        time_constant_s: Gradient: time in which the error on a constant residual at a constant state falls
            to 1/e. Least squares: memory, the time in which the weight of a sample falls to 1/e; it wants to
            be several times longer, and never holds fewer samples than there are features [s].
        learning_rate: Gradient with a fixed rate η instead of a time constant, or None.
        learning_rate_interval_s: Interval at which `learning_rate` was chosen; at another interval the rate
            is scaled so that learning takes the same time [s].
        moment_speed: Gradient: how many times faster moments are learned than forces.
        ridge: Least squares: pull of the weights to zero, in samples per feature.
        projection: Radius of the ball that the weights stay in, as a multiple of the weights that produce
            `bounds` at a constant state; infinite switches it off.
        target_clip: Norm at which a measured residual is cut, as a multiple of `bounds`.
        skip_contact_changes: Leave out intervals in which a foot touched down or lifted off.
        seed: Seed of the features.
    """

    bounds: WrenchBounds
    input_center: tuple[float, ...]
    input_scale: tuple[float, ...]
    input_clip: float = 4.0
    features: int = 100
    kernel_std: float = 0.7
    feature_square: float = 1.0
    constant_share: float = 0.5
    method: str = "gradient"
    time_constant_s: float = 0.2
    learning_rate: float | None = None
    learning_rate_interval_s: float = 0.005
    moment_speed: float = 1.0
    ridge: float = 1.0
    projection: float = 1.5
    target_clip: float = 2.0
    skip_contact_changes: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
            UnknownName: The method does not exist.
        """
        if self.method not in METHODS:
            raise UnknownName("update method", self.method, METHODS)
        for name in ("input_center", "input_scale"):
            if len(getattr(self, name)) != INPUT_SIZE:
                raise InvalidValue(
                    f"RandomFeaturesConfig.{name} must hold {INPUT_SIZE} numbers, got {len(getattr(self, name))}"
                )
        if not np.isfinite(self.input_center).all():
            raise InvalidValue(f"RandomFeaturesConfig.input_center must be finite, got {self.input_center}")
        if not all(scale > 0.0 for scale in self.input_scale):
            raise InvalidValue(f"RandomFeaturesConfig.input_scale must be > 0, got {self.input_scale}")
        if self.features < 1:
            raise InvalidValue(f"RandomFeaturesConfig.features must be >= 1, got {self.features}")
        if not 0.0 <= self.constant_share <= 1.0:
            raise InvalidValue(f"RandomFeaturesConfig.constant_share must lie in [0, 1], got {self.constant_share}")
        positive = ("input_clip", "kernel_std", "feature_square", "time_constant_s", "learning_rate_interval_s")
        for name in (*positive, "moment_speed", "ridge"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidValue(f"RandomFeaturesConfig.{name} must be finite and > 0, got {value}")
        for name in ("projection", "target_clip"):
            if not getattr(self, name) > 0.0:
                raise InvalidValue(f"RandomFeaturesConfig.{name} must be > 0, got {getattr(self, name)}")
        if self.learning_rate is not None and not 0.0 < self.learning_rate < math.inf:
            raise InvalidValue(
                f"RandomFeaturesConfig.learning_rate must be finite and > 0, or None, got {self.learning_rate}"
            )

    @classmethod
    def for_robot(cls, mass: float, **overrides: Any) -> "RandomFeaturesConfig":
        """Scale inputs and bounds to a robot; the features then vary with what it does.

        Args:
            mass: Nominal mass [kg].
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        weight = mass * GRAVITY
        values: dict[str, Any] = {
            "bounds": WrenchBounds.for_mass(mass),
            "input_center": (0.0,) * 11 + (weight,) + (0.0,) * 3,
            "input_scale": (*_STATE_SCALE, *(weight * share for share in _FORCE_SCALE + _MOMENT_SCALE)),
        }
        return cls(**{**values, **overrides})

    @classmethod
    def published(cls, mass: float, **overrides: Any) -> "RandomFeaturesConfig":
        """Take the settings published with arXiv 2510.15626.

        Raw attitude, velocity and rates and a hundredth of the contact wrench meet frequencies of standard
        deviation 0.01, so all features are constant to within half a per cent, and the learner amounts to a
        low-pass with a time constant of 1 / (2 η |φ|² 200 Hz) ≈ 1.7 s. Only the saturation of what is
        predicted is ours.

        Args:
            mass: Nominal mass, which sets the bounds [kg].
            overrides: Fields of this class that should differ.

        Returns:
            The configuration.
        """
        values: dict[str, Any] = {
            "bounds": WrenchBounds.for_mass(mass),
            "input_center": (0.0,) * INPUT_SIZE,
            "input_scale": (1.0, 1.0, math.inf, *(1.0,) * 6, *(100.0,) * 6),
            "input_clip": 1e6,
            "features": 50,
            "kernel_std": 0.01,
            "feature_square": 0.5,
            "constant_share": 0.0,
            "learning_rate": 0.003,
            "projection": math.inf,
            "target_clip": math.inf,
            "skip_contact_changes": True,
        }
        return cls(**{**values, **overrides})


class RandomFeatures:
    """Learns the residual wrench as a function d(z) = α φ(z), one measurement at a time.

    The inputs z (attitude, height, velocities, contact wrench; whitened) pass through random Fourier
    features, φ_j(z) = a cos(ω_jᵀ z + b_j) with ω_j ~ N(0, kernel_std² I) and b_j uniform, whose inner
    products approximate a Gaussian kernel, plus one constant feature.

    Update. The one-step error of the nominal model with the learner is the residual that is left,
    e = M (ν̇ − ν̇_nominal) − α φ(z), and the loss |e|² is convex in α. "gradient" takes one step of online
    gradient descent and projects,

        α ← Π_B(α + 2 η e φ(z)ᵀ),

    with Π_B the nearest point in a product of two balls, one for the force rows and one for the moment
    rows. η is 1 − exp(−dt / time_constant_s) over 2 |φ|², so that the time constant holds at every
    update rate. "least_squares" is recursive least squares with forgetting and a persistent ridge.

    What is known about it. Let every weight matrix considered lie in B of diameter D and every gradient
    have norm at most G; both hold because φ, the clipped target and B are bounded. Against the best fixed
    α in hindsight, projected online gradient descent with steps D / (G √t) loses at most 3/2 G D √T over T
    rounds; against a sequence of comparators u_t with path length P = Σ |u_{t+1} − u_t|, a constant step η
    loses at most 7 D² / (4 η) + D P / η + η T G² / 2, which is O(√T (1 + P)) for η ~ 1/√T (Zinkevich 2003,
    theorems 1 and 2). A constant time constant trades that rate for the ability to follow a payload that
    comes and goes: the regret per round then stays proportional to η and to how fast the truth moves. The
    bounds speak of prediction loss, assume that the wrench in the measurement is the one that acted, and
    compare with functions that the features can represent. How such regret carries over to the cost of
    the controller is the subject of arXiv 2407.04143 and, for legged robots, arXiv 2510.15626.
    """

    def __init__(self, config: RandomFeaturesConfig) -> None:
        """Draw the features and start with zero weights.

        Args:
            config: Features, update and bounds.
        """
        self.config = config
        c = config
        self._directions, self._offsets = draw_frequencies(c.features, c.kernel_std, np.random.default_rng(c.seed))
        self._whitening = np.zeros((3, INPUT_SIZE))
        self._whitening[0] = c.input_center
        self._whitening[1] = 1.0 / np.asarray(c.input_scale)
        # A cosine of random phase has a mean square of one half.
        self._whitening[2, 0] = math.sqrt(2.0 * (1.0 - c.constant_share) * c.feature_square / c.features)
        self._constant = math.sqrt(c.constant_share * c.feature_square)
        self._unit = np.repeat([c.bounds.force, c.bounds.moment], 3)
        self._radius = c.projection / math.sqrt(c.feature_square)
        size = c.features + 1
        self._features = np.zeros(size)
        self._scratch = np.zeros(size)
        self._pull = np.zeros(size)
        self._axis = 0
        self._target = np.zeros((1, 6))
        self._weights = np.zeros((6, size))
        self._uncertainty = FeatureUncertainty(size, c.feature_square)
        self._covariance = np.zeros((size, size) if c.method == "least_squares" else (1, 1))
        self._clip = (
            WrenchBounds(c.target_clip * c.bounds.force, c.target_clip * c.bounds.moment)
            if math.isfinite(c.target_clip)
            else None
        )
        self.ignored = 0
        self.reset()

    @property
    def weights(self) -> Array:
        """Copy of α in units of the bounds, shape (6, M + 1), the constant feature last."""
        return self._weights.copy()

    def features(self, inputs: LearnerInputs) -> Array:
        """Evaluate φ at every node.

        Args:
            inputs: N nodes.

        Returns:
            Features, shape (N, M + 1), the constant one last.
        """
        nodes = inputs.state.shape[0]
        out = np.empty((nodes, self._features.shape[0]))
        for n in range(nodes):
            self._fill(inputs.state[n : n + 1], inputs.contact_wrench[n : n + 1], out[n])
        return out

    def predict(self, inputs: LearnerInputs) -> Array:
        """Evaluate the model at every node.

        Args:
            inputs: States along the horizon, N nodes; an input that is not finite counts as its centre.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        out = np.empty((self._nodes(inputs), 6))
        predict_wrench(
            inputs.state,
            inputs.contact_wrench,
            self._whitening,
            self.config.input_clip,
            self._directions,
            self._offsets,
            self._constant,
            self._features,
            self._weights,
            self._unit,
            out,
        )
        return self.config.bounds.apply(out)

    def update(self, measurement: ResidualMeasurement) -> None:
        """Learn from one interval.

        Args:
            measurement: One control interval; ignored and counted when it is invalid or not finite.
        """
        c = self.config
        if c.skip_contact_changes and measurement.contacts_changed:
            return
        if self._nodes(measurement.inputs) != 1:
            raise InvalidValue(f"a measurement must have 1 node, got {measurement.inputs.state.shape[0]}")
        target = self._target[0]
        if not screen(measurement, target) or not self._fill(
            measurement.inputs.state, measurement.inputs.contact_wrench, self._features
        ):
            self.ignored += 1
            return
        if self._clip is not None:
            self._clip.apply(self._target)
        target /= self._unit
        square = float(self._features @ self._features)
        step, moment_step = self._steps(measurement.dt, square)
        shares = (step * square, moment_step * square)
        self._uncertainty.note(self._features, target, self._weights, shares, measurement.dt / c.time_constant_s)
        if c.method == "least_squares":
            # Fewer samples than features in memory determine nothing, and the covariance would blow up.
            forgetting = max(math.exp(-measurement.dt / c.time_constant_s), 1.0 - 1.0 / self._features.shape[0])
            regress(
                *(self._features, target, forgetting, c.ridge, self._axis, self._radius),
                *(self._scratch, self._pull, self._covariance, self._weights),
            )
            self._axis = (self._axis + 1) % self._features.shape[0]
        else:
            descend(self._features, target, step, moment_step, self._radius, self._weights)

    def standard_deviation(self, inputs: LearnerInputs) -> Array:
        """Tell how uncertain the prediction is, see `FeatureUncertainty`.

        Args:
            inputs: As in `predict`.

        Returns:
            Standard deviation of the wrench at each node, shape (N, 6) [N, N·m].
        """
        features = self.features(inputs)
        if self.config.method == "least_squares":
            return np.asarray(self._uncertainty.least_squares(features, self._covariance) * self._unit)
        return np.asarray(self._uncertainty.gradient(features) * self._unit)

    def reset(self) -> None:
        """Forget everything but the features."""
        self._weights[:] = 0.0
        self._uncertainty.reset()
        self._covariance[:] = np.eye(self._covariance.shape[0]) / self.config.ridge
        self._axis = 0

    def _steps(self, dt: float, square: float) -> tuple[float, float]:
        """Twice the learning rates of forces and of moments."""
        c, square = self.config, max(square, 1e-9)
        if c.learning_rate is not None:
            step = 2.0 * c.learning_rate * dt / c.learning_rate_interval_s
            # Beyond one over |φ|² a step overshoots the measurement that it learns from.
            return min(step, 1.0 / square), min(step * c.moment_speed, 1.0 / square)
        pace = dt / c.time_constant_s
        return -math.expm1(-pace) / square, -math.expm1(-pace * c.moment_speed) / square

    def _fill(self, state: Array, wrench: Array, out: Array) -> bool:
        return bool(
            fill_features(
                *(state, wrench, self._whitening, self.config.input_clip),
                *(self._directions, self._offsets, self._constant, out),
            )
        )

    @staticmethod
    def _nodes(inputs: LearnerInputs) -> int:
        nodes = len(inputs.state)
        if inputs.state.shape != (nodes, 9) or inputs.contact_wrench.shape != (nodes, 6):
            raise InvalidValue(
                f"learner inputs must have shapes (N, 9) and (N, 6), "
                f"got {inputs.state.shape} and {inputs.contact_wrench.shape}"
            )
        return nodes
