"""Recursive least squares on the mass, the centre of mass and the inertia of what the robot carries."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import boolean, float64, njit

from controllers.errors import InvalidValue
from controllers.residual.added_body import (
    PARAMETERS,
    fill_regressor,
    into_base_axes,
    preview_added_body,
    solve_positive,
    tilt,
)
from controllers.residual.bounds import GRAVITY, WrenchBounds
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.screening import ANY_VECTOR, screen

Array = npt.NDArray[np.float64]

# The interval for which the standard deviations in the configuration are meant.
NOISE_INTERVAL_S = 0.01
# Angles, speeds and rates that no robot reaches and survives.
IMPLAUSIBLE_STATE = 1e3


@dataclass(frozen=True)
class RlsInertiaConfig:
    """Memory, noise and prior of the regression.

    Attributes:
        bounds: Largest wrench that is predicted; also of the weight of the added mass and of its moment.
        time_constant_s: Memory: time in which the weight of a sample falls to 1/e [s].
        filter_s: Time constant of the low-pass that both sides of the momentum balance pass first [s].
        force_noise: Standard deviation of the force residual over an interval of 10 ms [N].
        moment_noise: The same of the moment residual [N·m].
        mass_prior: Standard deviation of the added mass before anything was seen, as a share of the nominal
            mass. This prior is never forgotten: it holds what motion does not reveal.
        moment_prior: The same of the first moment, as a share of nominal mass times 0.1 m.
        inertia_prior: The same of the added inertia, as a share of the largest nominal one.
        acceleration_share: 1 predicts with the accelerations that the planned forces will cause, 0 with the
            weight alone, and values between with both.
        skip_contact_changes: Leave out intervals in which a foot touched down or lifted off.
    """

    bounds: WrenchBounds
    time_constant_s: float = 0.3
    filter_s: float = 0.05
    force_noise: float = 50.0
    moment_noise: float = 10.0
    mass_prior: float = 1.0
    moment_prior: float = 1.0
    inertia_prior: float = 0.3
    acceleration_share: float = 0.5
    skip_contact_changes: bool = False

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        priors = ("mass_prior", "moment_prior", "inertia_prior")
        for name in ("time_constant_s", "filter_s", "force_noise", "moment_noise", *priors):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidValue(f"RlsInertiaConfig.{name} must be finite and > 0, got {value}")
        if not 0.0 <= self.acceleration_share <= 1.0:
            raise InvalidValue(f"RlsInertiaConfig.acceleration_share must lie in [0, 1], got {self.acceleration_share}")

    @classmethod
    def for_robot(cls, mass: float, **overrides: Any) -> "RlsInertiaConfig":
        """Scale the bounds to a robot.

        Args:
            mass: Nominal mass [kg].
            overrides: Fields of this class that should differ from the default.

        Returns:
            The configuration.
        """
        return cls(**{"bounds": WrenchBounds.for_mass(mass), **overrides})


@njit(
    boolean(
        *(ANY_VECTOR, ANY_VECTOR, float64[::1], float64, float64, float64),
        *(float64[::1], float64[::1], float64[::1], float64[:, ::1], float64[::1]),
        *(float64[:, ::1], float64[::1], float64[:, ::1], float64[::1], float64[:, ::1], float64[::1]),
    ),
    cache=True,
)
def _learn(
    state: Array,
    acceleration: Array,
    residual: Array,
    dt: float,
    filter_s: float,
    memory_s: float,
    density: Array,
    prior: Array,
    limit: Array,
    regressor: Array,
    target: Array,
    smooth_regressor: Array,
    smooth_target: Array,
    information: Array,
    vector: Array,
    scratch: Array,
    parameters: Array,
) -> bool:
    """Filter both sides of the balance, forget, add to the normal equations and solve them with the prior."""
    for value in state:
        # A comparison with NaN is false, so this refuses NaN too.
        if not abs(value) < IMPLAUSIBLE_STATE:
            return False
    fill_regressor(state[0], state[1], acceleration, state[6:9], regressor)
    into_base_axes(state[0], state[1], residual, target)
    share = -math.expm1(-dt / filter_s)
    keep = math.exp(-dt / memory_s)
    for i in range(6):
        smooth_target[i] += share * (target[i] - smooth_target[i])
        for j in range(10):
            smooth_regressor[i, j] += share * (regressor[i, j] - smooth_regressor[i, j])
    for j in range(10):
        vector[j] *= keep
        for k in range(j + 1):
            information[j, k] *= keep
    for i in range(6):
        weight = dt / density[i]
        for j in range(10):
            weighted = weight * smooth_regressor[i, j]
            vector[j] += weighted * smooth_target[i]
            for k in range(j + 1):
                information[j, k] += weighted * smooth_regressor[i, k]
    for j in range(10):
        parameters[j] = vector[j]
        for k in range(j + 1):
            scratch[j, k] = information[j, k]
        scratch[j, j] += prior[j]
    if not solve_positive(scratch, parameters):
        parameters[:] = 0.0
    for j in range(10):
        parameters[j] = min(max(parameters[j], -limit[j]), limit[j])
    return True


class InertiaEstimator:
    """Learns what is welded to the robot: added mass, first moment and inertia.

    Both bodies move together, so the residual is what the added body exerts, and linear in its ten parameters θ
    (`added_body`, in base axes):

        d = Y(g − a, ω, α) θ.

    Both sides pass the same first-order low-pass, which keeps the equation and turns the measured accelerations
    into changes of momentum over `filter_s`; without it the noise of the acceleration, which stands on both sides,
    would bias the estimate. The estimate minimises

        Σ_s e^{−(t − s) / time_constant} dt_s |d_s − Y_s θ|² / density + θᵀ P₀⁻¹ θ,

    exactly, by Cholesky's factorisation of its ten normal equations: recursive least squares with exponential
    forgetting and a prior that is not forgotten, so the covariance stays bounded where motion excites nothing.
    What is solved for is cut to what the bounds allow.

    A force that is no weight, such as a push or the ground's slope, finds no place in this model other than a
    wrong mass. That is the nature of the method, and why payloads and forces are different problems.
    """

    def __init__(self, config: RlsInertiaConfig, mass: float, inertia: Array) -> None:
        """Start with nothing on the robot.

        Args:
            config: Memory, noise, prior and bounds.
            mass: Nominal mass [kg].
            inertia: Nominal inertia about the centre of mass, base axes, shape (3, 3) [kg·m²].
        """
        self.config = config
        c = config
        self._mass = float(mass)
        self._inertia = np.array(inertia, dtype=np.float64, order="C")
        largest = float(np.linalg.eigvalsh(self._inertia)[-1])
        deviation = np.repeat([c.force_noise, c.moment_noise], 3)
        self._density = deviation**2 * NOISE_INTERVAL_S
        scale = [c.mass_prior * mass, *(0.1 * c.moment_prior * mass,) * 3, *(c.inertia_prior * largest,) * 6]
        self._prior = 1.0 / np.array(scale) ** 2
        limit = [c.bounds.force / GRAVITY, *(c.bounds.moment / GRAVITY,) * 3, *(2.0 * largest,) * 6]
        self._limit = np.array(limit)
        self._regressor, self._smooth_regressor = np.zeros((6, PARAMETERS)), np.zeros((6, PARAMETERS))
        self._base_residual, self._smooth_residual = np.zeros(6), np.zeros(6)
        self._information, self._scratch = np.zeros((PARAMETERS, PARAMETERS)), np.zeros((PARAMETERS, PARAMETERS))
        self._vector = np.zeros(PARAMETERS)
        self._parameters = np.zeros((1, PARAMETERS))
        self._residual = np.zeros(6)
        self.ignored = 0

    @property
    def parameters(self) -> Array:
        """Mass [kg], first moment [kg·m], inertia (xx, yy, zz, xy, xz, yz) [kg·m²], shape (10,)."""
        return np.array(self._parameters[0])

    def predict(self, inputs: LearnerInputs) -> Array:
        """Predict what the added body will exert.

        Args:
            inputs: States and planned contact wrenches along the horizon, N nodes.

        Returns:
            Bounded wrench, shape (N, 6) [N, N·m], heading frame.
        """
        out = np.empty((inputs.state.shape[0], 6))
        preview_added_body(
            *(self._parameters, inputs.state, inputs.contact_wrench, self._mass, self._inertia),
            *(self.config.acceleration_share, out),
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
        if not screen(measurement, self._residual) or not _learn(
            measurement.inputs.state[0],
            measurement.acceleration,
            self._residual,
            measurement.dt,
            c.filter_s,
            c.time_constant_s,
            *(self._density, self._prior, self._limit),
            *(self._regressor, self._base_residual, self._smooth_regressor, self._smooth_residual),
            *(self._information, self._vector, self._scratch, self._parameters[0]),
        ):
            self.ignored += 1

    def reset(self) -> None:
        """Forget the estimate."""
        memory = (self._smooth_regressor, self._smooth_residual, self._information, self._vector, self._parameters)
        for array in memory:
            array[:] = 0.0

    def covariance(self) -> Array:
        """Return the covariance of the ten parameters, as far as the noise is white.

        Returns:
            Shape (10, 10), in the units of `parameters`.
        """
        lower = np.tril(self._information)
        return np.asarray(np.linalg.inv(lower + np.tril(lower, -1).T + np.diag(self._prior)))

    def standard_deviation(self, inputs: LearnerInputs) -> Array:
        """Tell how uncertain the prediction is.

        Args:
            inputs: As in `predict`; of them only roll and pitch matter.

        Returns:
            Standard deviation of the weight of the added body and its moment, heading axes, shape (N, 6) [N, N·m].
        """
        covariance = self.covariance()
        out = np.empty((inputs.state.shape[0], 6))
        regressor, rotation = np.empty((6, PARAMETERS)), np.empty((3, 3))
        for row, state in zip(out, inputs.state, strict=True):
            fill_regressor(state[0], state[1], np.zeros(6), np.zeros(3), regressor)
            tilt(state[0], state[1], rotation)
            turned = np.concatenate((rotation @ regressor[:3], rotation @ regressor[3:]))
            row[:] = np.sqrt(np.einsum("ij,jk,ik->i", turned, covariance, turned))
        return out
