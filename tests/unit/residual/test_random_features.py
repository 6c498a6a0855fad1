import math

import numpy as np
import pytest

from controllers.errors import InvalidValue, UnknownName
from controllers.residual.random_features import RandomFeatures, RandomFeaturesConfig

WRENCH = np.array([10.0, -5.0, -39.0, 2.0, 1.0, -0.5])


def make(bench, **overrides):
    return RandomFeatures(RandomFeaturesConfig.for_robot(bench.mass, **overrides))


def published(bench, **overrides):
    return RandomFeatures(RandomFeaturesConfig.published(bench.mass, **overrides))


def rise_time(bench, learner, dt, seconds):
    """Time to 1 - 1/e of a constant residual at a constant state [s]."""
    measurement = bench.interval(WRENCH, dt=dt)
    for step in range(1, round(seconds / dt) + 1):
        learner.update(measurement)
        if learner.predict(measurement.inputs)[0, 2] / WRENCH[2] >= 1.0 - np.exp(-1.0) - 1e-9:
            return step * dt
    return math.inf


def features_of_a_trot(bench, learner):
    # Whole strides at many speeds are what a run consists of; the learner sees each input as it is measured.
    rng = np.random.default_rng(5)
    parts = [bench.trot(np.arange(0.0, 1.0, 0.01), speed) for speed in (0.2, 0.5, 0.8)]
    state, wrench = (np.concatenate(p) for p in zip(*parts, strict=True))
    state = state + rng.normal(size=state.shape) * np.array([0.01, 0.01, 0.003, 0.04, 0.04, 0.04, 0.1, 0.1, 0.1])
    return learner.features(bench.nodes(state, wrench))


def test_features_are_cosines_of_whitened_inputs_and_a_constant(bench):
    learner = make(bench, features=3, seed=9)
    c = learner.config
    rng = np.random.default_rng(9)
    directions, phases = 0.7 * rng.standard_normal((15, 3)), rng.uniform(0.0, 2.0 * np.pi, 3)
    state, wrench = bench.trot(0.13)
    z = (np.concatenate((state[0], wrench[0])) - np.array(c.input_center)) / np.array(c.input_scale)
    assert np.abs(z).max() < c.input_clip
    expected = [*(np.sqrt(1.0 / 3.0) * np.cos(z @ directions + phases)), np.sqrt(0.5)]
    assert learner.features(bench.nodes(state, wrench))[0] == pytest.approx(expected, abs=1e-12)


def test_inner_products_approximate_the_gaussian_kernel(bench):
    learner = make(bench, features=20_000, constant_share=0.0)
    state, wrench = bench.trot(np.array([0.1, 0.2]), 0.5)
    state[1, 3] += 0.4
    phi = learner.features(bench.nodes(state, wrench))
    z = np.concatenate((state, wrench), axis=1) / np.array(learner.config.input_scale)
    kernel = np.exp(-0.5 * 0.7**2 * ((z[0] - z[1]) ** 2).sum())
    assert 0.2 < kernel < 0.9
    assert phi[0] @ phi[1] == pytest.approx(kernel, abs=0.03)


def test_published_features_hardly_move(bench):
    singular = np.linalg.svd(features_of_a_trot(bench, published(bench)), compute_uv=False)
    assert singular[1] / singular[0] < 0.02


def test_default_features_do_move(bench):
    singular = np.linalg.svd(features_of_a_trot(bench, make(bench)), compute_uv=False)
    assert singular[1] / singular[0] > 0.1


@pytest.mark.parametrize("dt", [0.002, 0.005, 0.01, 0.02])
@pytest.mark.parametrize("time_constant", [0.1, 0.4])
@pytest.mark.compiled
def test_the_time_constant_holds_at_every_update_rate(bench, dt, time_constant):
    learner = make(bench, time_constant_s=time_constant)
    assert rise_time(bench, learner, dt, 2.0) == pytest.approx(time_constant, abs=1e-9)


@pytest.mark.compiled
def test_the_published_learner_takes_as_long_as_published(bench):
    times = [rise_time(bench, published(bench, seed=seed), 0.005, 4.0) for seed in range(40)]
    assert 1.6 <= np.mean(times) <= 1.9


@pytest.mark.compiled
def test_the_published_learner_is_a_low_pass_of_its_rate_and_feature_norm(bench):
    learner = published(bench, seed=2)
    square = (learner.features(bench.nodes())[0] ** 2).sum()
    expected = -0.005 / np.log(1.0 - 2.0 * 0.003 * square)
    assert rise_time(bench, learner, 0.005, 4.0) == pytest.approx(expected, abs=0.005)


@pytest.mark.compiled
def test_the_published_learner_takes_as_long_at_half_the_rate(bench):
    assert rise_time(bench, published(bench), 0.01, 4.0) == pytest.approx(
        rise_time(bench, published(bench), 0.005, 4.0), abs=0.02
    )


def test_the_published_update_is_a_plain_gradient_step(bench):
    learner = published(bench)
    measurement = bench.interval(WRENCH)
    phi = learner.features(measurement.inputs)[0]
    learner.update(measurement)
    unit = np.repeat([learner.config.bounds.force, learner.config.bounds.moment], 3)
    assert learner.weights * unit[:, None] == pytest.approx(2 * 0.003 * np.outer(WRENCH, phi), abs=1e-12)


def drag(state):
    out = np.zeros(6)
    out[0] = -60.0 * state[3] * abs(state[3])
    return out


def driven(bench, learner, seconds):
    """Let a learner see a drag that grows with speed while the speed alternates."""
    rng = np.random.default_rng(0)
    for time in np.arange(0.0, seconds, 0.01):
        state, wrench = bench.trot(time, 0.1 if time % 4.0 < 2.0 else 0.8)
        noise = rng.normal(size=6) * np.array([8.0, 8.0, 8.0, 1.0, 1.0, 1.0])
        learner.update(bench.interval(drag(state[0]) + noise, bench.nodes(state, wrench), dt=0.01))
    return learner


@pytest.mark.parametrize("overrides", [{}, {"method": "least_squares", "time_constant_s": 5.0}])
def test_a_drag_that_depends_on_speed_is_told_apart_within_one_horizon(bench, overrides):
    learner = driven(bench, make(bench, **overrides), 24.0)
    force = learner.predict(bench.nodes(np.concatenate([bench.trot(0.1, v)[0] for v in (0.1, 0.8)])))[:, 0]
    assert force[0] - force[1] == pytest.approx(drag(bench.trot(0.1, 0.1)[0][0])[0] + 60 * 0.8**2, rel=0.4)


def test_published_features_cannot_tell_speeds_apart(bench):
    learner = driven(bench, published(bench), 24.0)
    force = learner.predict(bench.nodes(np.concatenate([bench.trot(0.1, v)[0] for v in (0.1, 0.8)])))[:, 0]
    assert abs(force[0] - force[1]) < 1.0


def test_the_horizon_is_predicted_node_by_node(bench):
    learner = driven(bench, make(bench), 2.0)
    state, wrench = bench.trot(np.arange(0.0, 0.5, 0.05))
    whole = learner.predict(bench.nodes(state, wrench))
    single = [learner.predict(bench.nodes(state[n : n + 1], wrench[n : n + 1]))[0] for n in range(10)]
    assert np.array_equal(whole, single)
    unit = np.repeat([learner.config.bounds.force, learner.config.bounds.moment], 3)
    expected = learner.features(bench.nodes(state, wrench)) @ learner.weights.T * unit
    assert whole == pytest.approx(expected, abs=1e-10)


def test_weights_stay_in_their_ball_and_the_prediction_within_its_bound(bench):
    learner = make(bench, projection=1.0, time_constant_s=0.02)
    for _ in range(500):
        learner.update(bench.interval(np.array([0.0, 0.0, -1e4, 0.0, 5e3, 0.0])))
    assert np.linalg.norm(learner.weights[:3]) == pytest.approx(1.0)
    assert np.linalg.norm(learner.weights[3:]) == pytest.approx(1.0)
    found = learner.predict(bench.nodes())[0]
    assert 0.7 * learner.config.bounds.force < -found[2] <= learner.config.bounds.force * (1 + 1e-12)


def test_one_wild_measurement_moves_the_estimate_no_more_than_one_at_the_clip(bench):
    wild, clipped = make(bench), make(bench)
    wild.update(bench.interval([0.0, 0.0, 1e5, 0.0, 0.0, 0.0]))
    clipped.update(bench.interval([0.0, 0.0, 2.0 * clipped.config.bounds.force, 0.0, 0.0, 0.0]))
    assert wild.predict(bench.nodes()) == pytest.approx(clipped.predict(bench.nodes()), abs=1e-9)


@pytest.mark.parametrize("method", ["gradient", "least_squares"])
@pytest.mark.parametrize("place", ["state", "contact_wrench", "acceleration", "invalid"])
def test_a_useless_measurement_leaves_the_weights_alone_and_is_counted(bench, method, place):
    learner = make(bench, method=method)
    learner.update(bench.interval(WRENCH))
    before = learner.weights
    bad = bench.interval(WRENCH)
    if place == "invalid":
        bad.valid = False
    else:
        array = bad.acceleration if place == "acceleration" else getattr(bad.inputs, place)
        array.flat[2] = np.nan
    learner.update(bad)
    assert np.array_equal(learner.weights, before)
    assert learner.ignored == 1


def test_an_input_that_is_not_finite_counts_as_its_centre(bench):
    learner = driven(bench, make(bench), 1.0)
    state, wrench = bench.trot(0.2)
    lost, centred = state.copy(), state.copy()
    lost[0, 4], centred[0, 4] = np.nan, 0.0
    assert np.array_equal(learner.predict(bench.nodes(lost, wrench)), learner.predict(bench.nodes(centred, wrench)))


def test_only_the_published_learner_skips_contact_changes(bench):
    skipping, learning = published(bench), make(bench)
    for learner in (skipping, learning):
        learner.update(bench.interval(WRENCH, contacts_changed=True))
    assert not skipping.weights.any() and skipping.ignored == 0
    assert learning.weights.any()


def test_the_same_seed_gives_the_same_learner_and_another_one_another(bench):
    runs = [driven(bench, make(bench, seed=seed), 1.0).predict(bench.nodes()) for seed in (1, 1, 2)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


@pytest.mark.compiled
def test_least_squares_survives_a_memory_of_less_than_one_sample(bench):
    learner = make(bench, method="least_squares", time_constant_s=0.001)
    for time in np.arange(0.0, 20.0, 0.01):
        learner.update(bench.interval(WRENCH, bench.nodes(*bench.trot(time)), dt=0.01))
    assert learner.predict(bench.nodes(*bench.trot(0.2)))[0] == pytest.approx(WRENCH, rel=0.05)


@pytest.mark.compiled
def test_least_squares_forgets_a_payload_that_left(bench):
    learner = make(bench, method="least_squares", time_constant_s=1.0)
    for residual in (WRENCH, np.zeros(6)):
        for time in np.arange(0.0, 6.0, 0.01):
            learner.update(bench.interval(residual, bench.nodes(*bench.trot(time)), dt=0.01))
    assert np.abs(learner.predict(bench.nodes(*bench.trot(0.2)))).max() < 0.02 * 39.0


@pytest.mark.parametrize(
    ("state", "wrench", "message"),
    [
        (np.zeros((2, 8)), np.zeros((2, 6)), r"got \(2, 8\) and \(2, 6\)"),
        (np.zeros((2, 9)), np.zeros((3, 6)), r"got \(2, 9\) and \(3, 6\)"),
    ],
)
def test_inputs_of_another_shape_are_refused(bench, state, wrench, message):
    with pytest.raises(InvalidValue, match=message):
        make(bench).predict(bench.nodes(state, wrench))


def test_a_measurement_of_several_nodes_is_refused(bench):
    with pytest.raises(InvalidValue, match="a measurement must have 1 node, got 2"):
        make(bench).update(bench.interval(WRENCH, bench.nodes(count=2)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": 0}, "features must be >= 1, got 0"),
        ({"kernel_std": 0.0}, "kernel_std must be finite and > 0, got 0.0"),
        ({"time_constant_s": math.nan}, "time_constant_s must be finite and > 0, got nan"),
        ({"constant_share": 1.5}, r"constant_share must lie in \[0, 1\], got 1.5"),
        ({"learning_rate": -1.0}, "learning_rate must be finite and > 0, or None, got -1.0"),
        ({"projection": 0.0}, "projection must be > 0, got 0.0"),
        ({"input_scale": (1.0,)}, "input_scale must hold 15 numbers, got 1"),
        ({"input_scale": (0.0,) * 15}, "input_scale must be > 0"),
        ({"input_center": (math.nan,) * 15}, "input_center must be finite"),
    ],
)
def test_settings_that_make_no_sense_are_refused(bench, change, message):
    with pytest.raises(InvalidValue, match=message):
        make(bench, **change)


def test_an_unknown_method_is_answered_with_those_that_exist(bench):
    with pytest.raises(UnknownName, match="unknown update method 'newton'; available: gradient, least_squares"):
        make(bench, method="newton")


@pytest.mark.parametrize("overrides", [{"time_constant_s": 0.2}, {"learning_rate": 0.01, "time_constant_s": 9.0}])
def test_moments_are_learned_faster_by_the_factor_asked_for(bench, overrides):
    slow, fast = make(bench, **overrides), make(bench, moment_speed=4.0, **overrides)
    measurement = bench.interval(WRENCH, dt=0.005)
    for _ in range(4):
        slow.update(measurement)
    fast.update(measurement)
    # Four steps of one speed, or one of four times the speed: exactly the same for rates in continuous time.
    left = 1.0 - slow.predict(measurement.inputs)[0, 3:] / WRENCH[3:]
    assert 1.0 - fast.predict(measurement.inputs)[0, 3:] / WRENCH[3:] == pytest.approx(left, rel=0.004)
    for _ in range(3):
        fast.update(measurement)
    assert fast.predict(measurement.inputs)[0, :3] == pytest.approx(slow.predict(measurement.inputs)[0, :3])


def test_a_speed_of_moments_that_makes_no_sense_is_refused(bench):
    with pytest.raises(InvalidValue, match=r"RandomFeaturesConfig.moment_speed must be finite and > 0, got 0.0"):
        make(bench, moment_speed=0.0)
