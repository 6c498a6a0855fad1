import numpy as np
import pytest
from scipy.linalg import block_diag, expm

from controllers.robot.base_filter import (
    measure_foot_height,
    measure_lever,
    measure_velocity,
    plant_foot,
    predict,
    surprise,
    weight_of_stance,
)

DT = 0.002
P, V, FEET, B = 0, 1, slice(2, 6), 6
ACCELERATION, BIAS = 0.1, 0.03
FOOT = np.array([1e-6, 2e-6, 3e-6, 4e-6])
LEVER_VARIANCE, VELOCITY_VARIANCE = 1e-6, np.array([1e-3, 2e-3, 5e-4, 4e-3])
EYE = np.eye(3)


def random_start(rng, groups=1):
    root = rng.normal(size=(groups, 7, 7))
    return rng.normal(size=(3, 7)), 0.01 * np.einsum("gij,gkj->gik", root, root)


def full_covariance(covariances):
    """Axis by axis: x, y, z each with its seven states."""
    return block_diag(*(covariances[min(axis // 2, len(covariances) - 1)] for axis in range(3)))


def textbook_model(dt):
    """Transition and noise of one axis by Van Loan's exponential (1978)."""
    a, q = np.zeros((7, 7)), np.zeros((7, 7))
    a[P, V], a[V, B] = 1.0, -1.0
    q[V, V], q[B, B] = ACCELERATION, BIAS
    q[FEET, FEET] = np.diag(FOOT / dt)
    exponential = expm(np.block([[-a, q], [np.zeros((7, 7)), a.T]]) * dt)
    transition = exponential[7:, 7:].T
    return transition, transition @ exponential[:7, 7:]


def batch_update(mean, covariance, rows, values, variances):
    h, r = np.array(rows), np.diag(variances)
    innovation_covariance = h @ covariance @ h.T + r
    gain = covariance @ h.T @ np.linalg.inv(innovation_covariance)
    return mean + gain @ (values - h @ mean), covariance - gain @ h @ covariance


def row(axis, **entries):
    out = np.zeros(21)
    for name, value in entries.items():
        out[7 * axis + {"p": 0, "v": 1, "s0": 2, "s1": 3, "s2": 4, "s3": 5, "b": 6}[name]] = value
    return out


@pytest.mark.parametrize("groups", [1, 2])
def test_one_step_equals_a_textbook_filter_with_all_21_states_and_one_batch_update(rng, groups):
    mean, covariances = random_start(rng, groups)
    acceleration, rolling = rng.normal(size=3), rng.normal(size=(4, 3))
    levers, velocities, heights = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)

    transition, noise = textbook_model(DT)
    forced = np.zeros((3, 7))
    forced[:, P], forced[:, V], forced[:, FEET] = 0.5 * DT**2 * acceleration, DT * acceleration, DT * rolling.T
    expected = (mean @ transition.T + forced).ravel()
    big = np.kron(EYE, transition)
    covariance = big @ full_covariance(covariances) @ big.T + np.kron(EYE, noise)
    rows, values, variances = [], [], []
    for foot in range(4):
        for axis in range(3):
            rows += [row(axis, **{"p": -1.0, f"s{foot}": 1.0}), row(axis, v=1.0)]
            values += [levers[foot, axis], velocities[foot, axis]]
            variances += [LEVER_VARIANCE, VELOCITY_VARIANCE[foot]]
        if groups == 2:
            rows.append(row(2, **{f"s{foot}": 1.0}))
            values.append(heights[foot])
            variances.append(1e-5)
    expected, covariance = batch_update(expected, covariance, rows, np.array(values), variances)

    predict(mean, covariances, acceleration, rolling, DT, ACCELERATION, BIAS, FOOT)
    for foot in range(4):
        measure_lever(mean, covariances, foot, levers[foot], LEVER_VARIANCE)
        measure_velocity(mean, covariances, velocities[foot], VELOCITY_VARIANCE[foot])
        if groups == 2:
            measure_foot_height(mean, covariances, foot, heights[foot], 1e-5)

    np.testing.assert_allclose(mean.ravel(), expected, atol=1e-8)
    np.testing.assert_allclose(full_covariance(covariances), covariance, atol=1e-10)


def test_planting_a_foot_is_the_limit_of_a_boundless_step_followed_by_a_measurement(rng):
    mean, covariances = random_start(rng)
    lever = rng.normal(size=3)
    loosened = full_covariance(covariances)
    measured = []
    for axis in range(3):
        loosened[7 * axis + 4, :] = loosened[:, 7 * axis + 4] = 0.0
        loosened[7 * axis + 4, 7 * axis + 4] = 1e6
        measured.append(row(axis, p=-1.0, s2=1.0))
    expected, covariance = batch_update(mean.ravel(), loosened, measured, lever, [LEVER_VARIANCE] * 3)
    plant_foot(mean, covariances, 2, lever, LEVER_VARIANCE)
    np.testing.assert_allclose(mean.ravel(), expected, atol=1e-5)
    np.testing.assert_allclose(full_covariance(covariances), covariance, atol=1e-5)


def test_a_known_foot_height_moves_only_the_vertical(rng):
    mean, covariances = random_start(rng, 2)
    before, covariance = mean.copy(), covariances.copy()
    measure_foot_height(mean, covariances, 1, 0.5, 1e-4)
    np.testing.assert_array_equal(mean[:2], before[:2])
    np.testing.assert_array_equal(covariances[0], covariance[0])
    gain = covariance[1, :, 3] / (covariance[1, 3, 3] + 1e-4)
    np.testing.assert_allclose(mean[2], before[2] + gain * (0.5 - before[2, 3]), atol=1e-12)


@pytest.mark.parametrize("groups", [1, 2])
def test_surprise_is_the_squared_mahalanobis_distance(rng, groups):
    mean, covariances = random_start(rng, groups)
    velocity = rng.normal(size=3)
    deviation = velocity - mean[:, V]
    matrix = np.diag([covariances[0, V, V], covariances[0, V, V], covariances[-1, V, V]]) + 0.04 * EYE
    expected = deviation @ np.linalg.solve(matrix, deviation)
    assert surprise(mean, covariances, velocity, 0.04) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("stance_time", "force", "expected"),
    [
        (0.0, 100.0, 0.0),
        (0.02, 100.0, 0.25),
        (0.04, 100.0, 1.0),
        (9.0, 30.0, 0.5),
        (0.02, 30.0, 0.125),
        (9.0, 10.0, 0.0),
        (9.0, 5.0, 0.0),
    ],
)
def test_weight_grows_with_the_square_of_time_and_with_load(stance_time, force, expected):
    assert weight_of_stance(stance_time, 0.04, force, 10.0, 50.0) == pytest.approx(expected)


def test_without_a_ramp_a_foot_counts_at_once():
    assert weight_of_stance(0.0, 0.0, 60.0, 10.0, 50.0) == 1.0
