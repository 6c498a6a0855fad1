import numpy as np
import pytest

from controllers.residual.random_features import RandomFeatures, RandomFeaturesConfig


def make(bench, **overrides):
    return RandomFeatures(RandomFeaturesConfig.for_robot(bench.mass, **overrides))


def test_at_a_state_that_stays_gradient_descent_scatters_as_much_as_it_says(bench):
    rng = np.random.default_rng(0)
    learner, inputs = make(bench, time_constant_s=0.1), bench.nodes(*bench.trot(0.1))
    found, said = [], []
    for k in range(6000):
        noise = rng.normal(size=6) * np.repeat([15.0, 2.0], 3)
        learner.update(bench.interval(np.array([0, 0, -30.0, 0, 0, 0]) + noise, inputs, dt=0.01))
        if k > 100:
            found.append(learner.predict(inputs)[0])
            said.append(learner.standard_deviation(inputs)[0])
    assert np.std(found, axis=0) == pytest.approx(np.mean(said, axis=0), rel=0.12)


def test_a_state_unlike_those_seen_keeps_most_of_the_prior_uncertainty(bench):
    learner, inputs = make(bench, constant_share=0.0, kernel_std=1.0), bench.nodes(*bench.trot(0.1))
    far = bench.nodes(inputs.state + np.array([0.2, -0.2, 0.05, -0.8, 0.4, 0.0, 0.0, 0.0, 0.5]), inputs.contact_wrench)
    for _ in range(300):
        learner.update(bench.interval(np.zeros(6), inputs, dt=0.01))
    known, unknown = learner.standard_deviation(inputs)[0], learner.standard_deviation(far)[0]
    prior = 0.2 * np.repeat([learner.config.bounds.force, learner.config.bounds.moment], 3)
    assert (known < 0.05 * prior).all()
    assert (unknown > 0.7 * prior).all() and (unknown < 1.3 * prior).all()


def test_before_anything_is_known_the_standard_deviation_is_the_prior(bench):
    learner = make(bench, features=2000)
    prior = 0.2 * np.repeat([learner.config.bounds.force, learner.config.bounds.moment], 3)
    assert learner.standard_deviation(bench.nodes(count=3)) == pytest.approx(np.tile(prior, (3, 1)), rel=0.05)


def test_least_squares_without_forgetting_has_the_variance_of_bayesian_regression(bench):
    rng = np.random.default_rng(1)
    learner = make(bench, method="least_squares", time_constant_s=1e9, features=12, ridge=0.5)
    times = 0.013 * np.arange(40)
    phi = learner.features(bench.nodes(*bench.trot(times)))
    errors = []
    for time in times:
        inputs = bench.nodes(*bench.trot(time))
        residual = rng.normal(size=6) * np.repeat([15.0, 2.0], 3)
        errors.append(residual - learner.predict(inputs)[0])
        learner.update(bench.interval(residual, inputs, dt=0.01))
    noise = np.mean(np.square(errors), axis=0)
    ahead = bench.nodes(*bench.trot(np.array([0.1, 0.9])))
    covariance = np.linalg.inv(0.5 * np.eye(13) + phi.T @ phi)
    spread = [row @ covariance @ row for row in learner.features(ahead)]
    assert learner.standard_deviation(ahead) == pytest.approx(np.sqrt(np.outer(spread, noise)), rel=1e-3)


def test_a_reset_returns_to_the_prior(bench):
    learner, fresh = make(bench, seed=3), make(bench, seed=3)
    learner.update(bench.interval(np.ones(6)))
    learner.reset()
    inputs = bench.nodes(*bench.trot(0.2))
    assert np.array_equal(learner.standard_deviation(inputs), fresh.standard_deviation(inputs))
