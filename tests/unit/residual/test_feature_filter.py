"""The filter over harmonics and features finds what is there, and nothing more."""

import math

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.residual.feature_filter import FeatureFilter, FeatureFilterConfig
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.residual.momentum_filter import fill_harmonics, observe

MASS, INERTIA = 15.2, np.diag([0.17, 0.48, 0.53])
DT, PERIOD = 0.01, 0.5
CONTACTS = np.array([[1.0, 0.0, 0.0, 1.0]])


def make(**overrides):
    return FeatureFilter(FeatureFilterConfig.for_robot(MASS, **overrides), INERTIA)


def inputs_at(time, state=None, vertical=MASS * 9.81):
    wrench = np.array([[0.0, 0.0, vertical, 0.0, 0.0, 0.0]])
    phase = np.array([time / PERIOD % 1.0])
    return LearnerInputs(np.zeros((1, 9)) if state is None else state[None], wrench, CONTACTS, phase)


def interval(residual, inputs, **changes):
    """Make the measurement of an interval in which a given wrench was missing."""
    residual = np.asarray(residual, dtype=float)
    missing = np.concatenate((residual[:3] / MASS, np.linalg.solve(INERTIA, residual[3:])))
    values = {"velocity": np.zeros(6), "acceleration": missing, "nominal_acceleration": np.zeros(6), "dt": DT}
    return ResidualMeasurement(**{"inputs": inputs, "mass": MASS, "inertia": INERTIA, **values, **changes})


def teach(learner, wrench, seconds, state=None, start=0.0):
    """Feed the mean of a wrench over each interval."""
    for k in range(round(seconds / DT)):
        t = start + k * DT
        here = None if state is None else state(t)
        missing = wrench(t + 0.5 * DT) if here is None else wrench(t + 0.5 * DT, here)
        learner.update(interval(missing, inputs_at(t, here)))


def test_knowing_nothing_it_predicts_nothing():
    assert make().predict(inputs_at(0.0)) == pytest.approx(np.zeros((1, 6)))


def test_it_finds_63_percent_of_a_step_within_a_tenth_of_a_second():
    learner = make()
    teach(learner, lambda t: np.zeros(6), 3.0)
    load = np.array([20.0, -10.0, -40.0, 1.0, -2.0, 0.5])
    teach(learner, lambda t: load, 0.1, start=3.0)
    assert np.all(learner.predict(inputs_at(3.1))[0] / load > 0.63)


def test_a_constant_wrench_is_learned_exactly():
    learner, load = make(), np.array([8.0, -5.0, -60.0, 1.0, -2.0, 0.5])
    teach(learner, lambda t: load, 6.0)
    assert learner.predict(inputs_at(6.0))[0] == pytest.approx(load, rel=0.01, abs=0.02)


def test_what_the_gait_repeats_is_predicted_at_later_phases():
    learner = make()

    def wave(t):
        return np.array([0.0, 0.0, 15.0 * math.cos(4.0 * math.pi * t / PERIOD), 0.0, 0.0, 0.0])

    teach(learner, wave, 8.0)
    times = 8.0 + 0.04 * np.arange(8)
    n = len(times)
    horizon = LearnerInputs(
        np.zeros((n, 9)),
        np.tile(inputs_at(0.0).contact_wrench, (n, 1)),
        np.tile(CONTACTS, (n, 1)),
        times / PERIOD % 1.0,
    )
    fine = (times[:, None] + 0.04 * (np.arange(50) + 0.5) / 50).ravel()
    expected = np.array([wave(t)[2] for t in fine]).reshape(n, 50).mean(axis=1)
    assert learner.predict(horizon)[:, 2] == pytest.approx(expected, abs=0.8)


@pytest.mark.parametrize(("axis", "followed"), [(0, False), (1, False), (2, True)])
def test_a_force_that_comes_once_in_a_stride_is_foreseen_vertically_alone(axis, followed):
    learner = make(features=0)

    def wave(t):
        return 15.0 * np.eye(6)[axis] * math.sin(2.0 * math.pi * t / PERIOD)

    teach(learner, wave, 8.0)
    # Half a cycle ahead it has the opposite sign, which only a harmonic knows.
    at, ahead = (learner.predict(inputs_at(time))[0, axis] for time in (8.125, 8.375))
    swing = ahead - at
    assert (swing == pytest.approx(-30.0, abs=3.0)) if followed else (abs(swing) < 6.0)


def test_what_is_sustained_leaves_the_gait_out():
    learner = make()
    teach(learner, lambda t: np.array([0.0, 6.0 + 10.0 * math.sin(4.0 * math.pi * t / PERIOD), 0, 0, 0, 0]), 8.0)
    values = [learner.sustained(inputs_at(8.0 + k * 0.05))[1] for k in range(5)]
    assert values == pytest.approx([6.0] * 5, abs=0.6)


def test_a_drag_is_predicted_at_a_speed_that_changes_along_the_horizon():
    learner = make()

    def state(t):
        return np.array([0, 0, 0, 0.5 * math.sin(2.0 * t), 0, 0, 0, 0, 0])

    teach(learner, lambda t, x: np.array([-30.0 * x[3], 0, 0, 0, 0, 0]), 40.0, state)
    slow, fast = np.zeros(9), np.zeros(9)
    slow[3], fast[3] = -0.4, 0.4
    difference = learner.predict(inputs_at(40.0, fast))[0, 0] - learner.predict(inputs_at(40.0, slow))[0, 0]
    assert difference == pytest.approx(-24.0, rel=0.15)


def test_a_payload_is_told_by_the_share_of_the_foot_force_that_is_missed():
    learner, rng = make(features=0), np.random.default_rng(0)
    share = 8.0 / (8.0 + MASS)
    for k in range(4000):
        vertical = MASS * 9.81 * (1.0 + 0.3 * math.sin(0.7 * k) + 0.1 * rng.normal())
        learner.update(interval([0, 0, -share * vertical, 0, 0, 0], inputs_at(k * DT, vertical=vertical)))
    weak, strong = (learner.predict(inputs_at(40.0, vertical=f * MASS * 9.81))[0, 2] for f in (0.8, 1.2))
    assert strong - weak == pytest.approx(-share * 0.4 * MASS * 9.81, rel=0.1)


def test_an_error_of_one_velocity_is_not_taken_for_a_force():
    """A velocity that is wrong once shows as two residuals of opposite sign."""
    learner, plain = make(), make()
    teach(learner, lambda t: np.zeros(6), 3.0)
    teach(plain, lambda t: np.zeros(6), 3.0)
    blow = np.array([0.0, 0.0, MASS * 0.05 / DT, 0.0, 0.0, 0.0])
    for sign, t in ((1.0, 3.0), (-1.0, 3.01)):
        learner.update(interval(sign * blow, inputs_at(t)))
    teach(learner, lambda t: np.zeros(6), 0.05, start=3.02)
    assert abs(learner.predict(inputs_at(3.07))[0, 2]) < 0.05 * blow[2]


def test_filtering_equals_least_squares_over_all_weights_and_momenta():
    """One axis with fixed noise is a linear Gaussian model; its posterior mean is that of the stacked problem."""
    rng = np.random.default_rng(3)
    steps, size, dt = 12, 5, 0.01
    residual = rng.normal(0.0, 30.0, steps)
    regressors = np.column_stack((np.zeros(steps), np.ones(steps), np.zeros(steps), rng.normal(size=(steps, 2))))
    prior, noise, drift = np.array([0.0, 400.0, 0.0, 50.0, 70.0]), 0.09, np.array([0.0, 900.0, 0.0, 3.0, 5.0])
    mean, covariance = np.zeros((6, size)), np.tile(np.diag(prior), (6, 1, 1))
    table = np.full((6, 1), noise)
    for k in range(steps):
        observe(
            *(np.repeat(residual[k], 6), regressors[k], dt, 1.0, 0, 1.0, k == 0, 0.0, math.inf, 0.0),
            *(np.tile(drift, (6, 1)), np.full((6, size), np.inf), np.full(6, noise), table),
            *(np.full(1, np.inf), np.zeros(6), mean, covariance, np.zeros(6)),
        )
    # Unknowns: weights w_k of each interval (3 of them) and the error n_0 ... n_T of the momentum at its ends.
    keep = [1, 3, 4]
    rows, right, scale = [], [], []
    unknowns = 3 * (steps + 1) + 1

    def row(entries, value, variance):
        line = np.zeros(unknowns)
        for index, factor in entries:
            line[index] += factor
        rows.append(line)
        right.append(value)
        scale.append(1.0 / math.sqrt(variance))

    # The error of the first velocity, which the momentum counts from; the others are eliminated.
    first = unknowns - 1
    row([(first, 1.0)], 0.0, noise)
    total = 0.0
    for k in range(steps + 1):
        for i, state in enumerate(keep):
            if k == 0:
                row([(i, 1.0)], 0.0, prior[state])
            else:
                row([(3 * k + i, 1.0), (3 * (k - 1) + i, -1.0)], 0.0, drift[state] * dt)
    for k in range(steps):
        total += residual[k] * dt
        entries = [(first, 1.0)]
        for j in range(k + 1):
            # The weights that act in an interval are those before its drift.
            entries += [(3 * j + i, dt * regressors[j, state]) for i, state in enumerate(keep)]
        row(entries, total, noise)
    weights = np.array(scale)
    solution = np.linalg.lstsq(np.array(rows) * weights[:, None], np.array(right) * weights, rcond=None)[0]
    assert mean[0, keep] == pytest.approx(solution[3 * steps : 3 * steps + 3], rel=1e-6)


def test_noise_is_learned_apart_for_each_phase():
    learner, rng = make(), np.random.default_rng(1)
    before = 0.0
    for k in range(6000):
        end = (k + 1) * DT / PERIOD % 1.0
        error = rng.normal(0.0, 0.05 if end < 0.1 else 0.005)
        learner.update(interval([0, 0, MASS * (error - before) / DT, 0, 0, 0], inputs_at(k * DT)))
        before = error
    deviation = np.sqrt(learner._noise[2]) / MASS
    loud, quiet = deviation[1], np.median(deviation[20:40])
    assert loud > 4.0 * quiet


def test_predictions_stay_within_the_bounds():
    learner = make()
    teach(learner, lambda t: np.array([900.0, 0, -900.0, 90.0, 0, 0]), 3.0)
    wrench = learner.predict(inputs_at(3.0))[0]
    bounds = learner.config.bounds
    assert np.linalg.norm(wrench[:3]) <= bounds.force + 1e-9
    assert np.linalg.norm(wrench[3:]) <= bounds.moment + 1e-9


def test_it_unwinds_from_the_bound_as_fast_as_it_learns():
    learner = make()
    teach(learner, lambda t: np.array([0, 0, -900.0, 0, 0, 0]), 5.0)
    teach(learner, lambda t: np.zeros(6), 0.3, start=5.0)
    assert abs(learner.predict(inputs_at(5.3))[0, 2]) < 0.37 * learner.config.bounds.force


@pytest.mark.parametrize("fault", [{"valid": False}, {"dt": math.nan}, {"acceleration": np.full(6, math.nan)}])
def test_a_bad_interval_leaves_the_estimate_alone(fault):
    learner, load = make(), np.array([0.0, 0.0, -40.0, 0.0, 0.0, 0.0])
    teach(learner, lambda t: load, 3.0)
    before = learner.predict(inputs_at(3.0))
    learner.update(interval(**{"residual": load * 9, "inputs": inputs_at(3.0), **fault}))
    assert learner.predict(inputs_at(3.0)) == pytest.approx(before)
    assert learner.ignored == 1


@pytest.mark.parametrize("inputs", [{"state": np.full(9, math.nan)}, {"vertical": math.nan}])
def test_inputs_that_are_not_finite_are_ignored(inputs):
    learner = make()
    learner.update(interval(np.zeros(6), inputs_at(0.0, **inputs)))
    assert learner.ignored == 1


def test_after_a_gap_momentum_starts_anew():
    """What happened in an interval with unknown forces must not be charged to the next."""
    learner, load = make(), np.array([0.0, 0.0, -40.0, 0.0, 0.0, 0.0])
    teach(learner, lambda t: load, 3.0)
    learner.update(interval([0, 0, 5000.0, 0, 0, 0], inputs_at(3.0), dt=DT, valid=False))
    teach(learner, lambda t: load, 0.1, start=3.01)
    assert learner.predict(inputs_at(3.11))[0, 2] == pytest.approx(-40.0, abs=1.0)


def test_an_interval_with_a_slipping_foot_teaches_less():
    # A shock beyond the gate would teach as little either way.
    careful, plain = make(gate=np.inf), make(gate=np.inf)
    for learner in (careful, plain):
        teach(learner, lambda t: np.zeros(6), 3.0)
    shock = [0.0, 80.0, 0.0, 0.0, 0.0, 0.0]
    careful.update(interval(shock, inputs_at(3.0), dt=DT, slipping=True))
    plain.update(interval(shock, inputs_at(3.0)))
    assert abs(careful.predict(inputs_at(3.01))[0, 1]) < 0.5 * abs(plain.predict(inputs_at(3.01))[0, 1])


def test_uncertainty_shrinks_as_it_learns():
    learner = make()
    before = learner.standard_deviation(inputs_at(0.0))
    teach(learner, lambda t: np.zeros(6), 3.0)
    assert np.all(learner.standard_deviation(inputs_at(3.0)) < 0.5 * before)


def test_evidence_prefers_the_drift_that_made_the_data():
    rng = np.random.default_rng(5)
    level = np.cumsum(rng.normal(0.0, 20.0 * math.sqrt(DT), 1500))
    error = np.diff(MASS * rng.normal(0.0, 0.01, 1501)) / DT
    drifts = (2.0, 20.0, 200.0)
    quiet = {"vertical_slope": 0.1, "features": 0, "harmonics": (), "impact": 1e-6}
    learners = [make(vertical_drift=drift, **quiet) for drift in drifts]
    for k, force in enumerate(level + error):
        for learner in learners:
            learner.update(interval([0, 0, force, 0, 0, 0], inputs_at(k * DT)))
    assert np.argmax([learner.log_evidence for learner in learners]) == 1


def test_reset_forgets_everything():
    learner = make()
    teach(learner, lambda t: np.full(6, 3.0), 2.0)
    learner.reset()
    assert learner.predict(inputs_at(0.0)) == pytest.approx(np.zeros((1, 6)))


def test_the_same_seed_draws_the_same_features():
    predictions = []
    for seed in (1, 1, 2):
        learner = make(seed=seed)
        state = np.array([0.02, 0.01, 0, 0.4, 0.1, 0, 0, 0, 0])
        for k in range(100):
            learner.update(interval([10.0, 0, 0, 0, 0, 0], inputs_at(k * DT, state * math.sin(0.1 * k))))
        predictions.append(learner.predict(inputs_at(1.0, state))[0])
    assert np.array_equal(predictions[0], predictions[1])
    assert not np.array_equal(predictions[0], predictions[2])


def test_harmonics_are_averaged_over_their_interval():
    regressors, width = np.zeros(8), 0.2
    fill_harmonics(0.3, width, np.array([2]), True, regressors)
    fine = 0.3 + width * ((np.arange(2000) + 0.5) / 2000 - 0.5)
    assert regressors[3] == pytest.approx(np.cos(4 * np.pi * fine).mean(), abs=1e-6)
    assert regressors[4] == pytest.approx(np.sin(4 * np.pi * fine).mean(), abs=1e-6)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("vertical_drift", 0.0, "vertical_drift must be finite and > 0, got 0.0"),
        ("harmonics", (2, 2), "harmonics must be different numbers from 1 to 10"),
        ("vertical_harmonics", (1, 8), r"from 1 to 10, got \(2, 4, 6, 8\) and \(1, 8\)"),
        ("features", 500, r"features must lie in \[0, 200\], got 500"),
        ("forgetting", 1.5, "forgetting must be <= 1, got 1.5"),
        ("gate", math.nan, "gate must be > 0, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(name, value, message):
    with pytest.raises(InvalidValue, match=message):
        make(**{name: value})
