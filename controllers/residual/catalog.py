"""The learners by name."""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from controllers.residual.bias import BiasConfig, BiasObserver
from controllers.residual.feature_filter import FeatureFilter, FeatureFilterConfig
from controllers.residual.integrator import Integrator, IntegratorConfig
from controllers.residual.kalman import DisturbanceKalmanFilter, KalmanConfig
from controllers.residual.l1 import L1Adaptive, L1Config
from controllers.residual.learner import ResidualLearner
from controllers.residual.none import NoLearner
from controllers.residual.random_features import RandomFeatures, RandomFeaturesConfig
from controllers.residual.rls_inertia import InertiaEstimator, RlsInertiaConfig
from controllers.residual.tuned import TUNED

Array = npt.NDArray[np.float64]

# Arguments: nominal mass [kg], nominal inertia, shape (3, 3) [kg·m²], seed, values of configuration fields.
Factory = Callable[[float, Array, int, dict[str, Any]], ResidualLearner]


def _check_parameters(known: tuple[str, ...], given: dict[str, Any]) -> None:
    for name in given:
        if name not in known:
            raise UnknownName("learner parameter", name, known)


def _none(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
    if overrides:
        raise InvalidValue(f"learner 'none' has no parameters, got {', '.join(sorted(overrides))}")
    return NoLearner()


def _l1(preset: Callable[[float], L1Config]) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(L1Config)), overrides)
        return L1Adaptive(replace(preset(mass), **overrides))

    return make


def _random_features(preset: Callable[..., RandomFeaturesConfig], **settings: Any) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(RandomFeaturesConfig)), overrides)
        return RandomFeatures(preset(mass, **{"seed": seed, **settings, **overrides}))

    return make


def _bias(**settings: Any) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(BiasConfig)), overrides)
        return BiasObserver(BiasConfig.for_robot(mass, **{**settings, **overrides}))

    return make


def _kalman(**settings: Any) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(KalmanConfig)), overrides)
        return DisturbanceKalmanFilter(KalmanConfig.for_robot(mass, **{**settings, **overrides}))

    return make


def _rls_inertia(**settings: Any) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(RlsInertiaConfig)), overrides)
        return InertiaEstimator(RlsInertiaConfig.for_robot(mass, **{**settings, **overrides}), mass, inertia)

    return make


def _integrator(**settings: Any) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(IntegratorConfig)), overrides)
        return Integrator(IntegratorConfig.for_robot(mass, **{**settings, **overrides}))

    return make


def _pronk(**settings: Any) -> Factory:
    def make(mass: float, inertia: Array, seed: int, overrides: dict[str, Any]) -> ResidualLearner:
        _check_parameters(tuple(f.name for f in fields(FeatureFilterConfig)), overrides)
        return FeatureFilter(FeatureFilterConfig.for_robot(mass, **{"seed": seed, **settings, **overrides}), inertia)

    return make


def _published_on_whitened_inputs(mass: float, **overrides: Any) -> RandomFeaturesConfig:
    whitened = RandomFeaturesConfig.for_robot(mass)
    inputs = {name: getattr(whitened, name) for name in ("input_center", "input_scale", "input_clip")}
    return RandomFeaturesConfig.published(mass, **{**inputs, **overrides})


def _tuned(preset: Factory, settings: dict[str, Any]) -> Factory:
    return lambda mass, inertia, seed, overrides: preset(mass, inertia, seed, {**settings, **overrides})


LEARNERS: dict[str, Factory] = {
    "none": _none,
    "nominal": _none,
    "integrator_default": _integrator(),
    "bias_default": _bias(),
    "kalman_default": _kalman(),
    "rls_inertia_default": _rls_inertia(),
    "pronk_default": _pronk(),
    "l1": _l1(L1Config.published),
    "l1_published": _l1(L1Config.published),
    "random_features_default": _random_features(RandomFeaturesConfig.for_robot),
    "rff_least_squares": _random_features(RandomFeaturesConfig.for_robot, method="least_squares", time_constant_s=1.0),
    "rff_published": _random_features(RandomFeaturesConfig.published),
    "rff_whitened": _random_features(_published_on_whitened_inputs),
}
LEARNERS |= {name: _tuned(LEARNERS[preset], settings) for name, (preset, settings) in TUNED.items()}


def make_learner(name: str, mass: float, inertia: Array, seed: int = 0, **overrides: Any) -> ResidualLearner:
    """Make a learner.

    Args:
        name: A key of `LEARNERS`.
        mass: Nominal mass of the robot [kg].
        inertia: Nominal rotational inertia about the centre of mass, shape (3, 3) [kg·m²].
        seed: Seed of whatever the learner draws.
        overrides: Fields of the learner's configuration that should differ from its preset.

    Returns:
        The learner, knowing nothing yet.

    Raises:
        UnknownName: No such learner, or no such field.
        InvalidValue: Mass or inertia are not those of a body, or a field has a value out of range.
    """
    if name not in LEARNERS:
        raise UnknownName("residual learner", name, LEARNERS)
    if not 0.0 < mass < np.inf:
        raise InvalidValue(f"mass must be finite and > 0, got {mass}")
    if np.shape(inertia) != (3, 3) or not np.isfinite(inertia).all():
        raise InvalidValue(f"inertia must be a finite (3, 3) array, got {inertia}")
    return LEARNERS[name](mass, inertia, seed, overrides)
