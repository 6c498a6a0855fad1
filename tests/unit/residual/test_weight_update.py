import numpy as np
import pytest

from controllers.residual.weight_update import descend, regress


def test_a_step_is_the_negative_gradient_of_the_squared_error():
    rng = np.random.default_rng(0)
    features, target, weights = rng.normal(size=9), rng.normal(size=6), rng.normal(size=(6, 9))
    rate, h = 0.01, 1e-6

    def loss(w):
        return ((target - w @ features) ** 2).sum()

    gradient = np.empty_like(weights)
    for index in np.ndindex(weights.shape):
        bump = np.zeros_like(weights)
        bump[index] = h
        gradient[index] = (loss(weights + bump) - loss(weights - bump)) / (2 * h)
    moved = weights.copy()
    descend(features, target, 2.0 * rate, 6.0 * rate, np.inf, moved)
    assert moved[:3] == pytest.approx((weights - rate * gradient)[:3], abs=1e-8)
    assert moved[3:] == pytest.approx((weights - 3.0 * rate * gradient)[3:], abs=1e-8)


def test_projection_takes_the_nearest_point_of_each_ball():
    weights = np.vstack((np.full((3, 4), 3.0), np.full((3, 4), 0.1)))
    before = weights.copy()
    descend(np.zeros(4), np.zeros(6), 1.0, 1.0, 2.0, weights)
    assert weights[:3] == pytest.approx(before[:3] * 2.0 / np.linalg.norm(before[:3]))
    assert np.array_equal(weights[3:], before[3:])


def test_regression_equals_the_weighted_ridge_solution_of_all_samples():
    rng = np.random.default_rng(1)
    size, forgetting, ridge = 7, 0.97, 0.3
    covariance, weights = np.eye(size) / ridge, np.zeros((6, size))
    information, moments = ridge * np.eye(size), np.zeros((size, 6))
    for step in range(300):
        features, target, axis = rng.normal(size=size), rng.normal(size=6), step % size
        regress(
            *(features, target, forgetting, ridge, axis, np.inf),
            *(np.zeros(size), np.zeros(size), covariance, weights),
        )
        information = forgetting * information + np.outer(features, features)
        information[axis, axis] += ridge * (1.0 - forgetting) * size
        moments = forgetting * moments + np.outer(features, target)
    assert weights.T == pytest.approx(np.linalg.solve(information, moments), abs=1e-12)
    assert covariance == pytest.approx(np.linalg.inv(information), abs=1e-12)
    assert np.array_equal(covariance, covariance.T)


def test_the_covariance_stays_bounded_when_the_features_never_move():
    size, forgetting, ridge = 20, 0.98, 1.0
    covariance, weights = np.eye(size) / ridge, np.zeros((6, size))
    features = np.ones(size) / np.sqrt(size)
    for step in range(5000):
        regress(
            *(features, np.ones(6), forgetting, ridge, step % size, np.inf),
            *(np.zeros(size), np.zeros(size), covariance, weights),
        )
    # Forgetting alone would have grown it by 0.98^-5000 = 1e44.
    bound = 1.0 / (forgetting**size * (1.0 - forgetting) * size * ridge)
    eigenvalues = np.linalg.eigvalsh(covariance)
    assert 0.0 < eigenvalues[0] and eigenvalues[-1] <= bound
