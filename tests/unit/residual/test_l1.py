import numpy as np
import pytest
from scipy.integrate import solve_ivp

from controllers.errors import InvalidValue
from controllers.residual.bounds import WrenchBounds
from controllers.residual.l1 import L1Adaptive, L1Config

WRENCH = np.array([10.0, -5.0, -39.0, 2.0, 1.0, -0.5])


def response(bench, config, seconds, dt=0.005):
    """Predictions over time while a constant wrench is missing, shape (T, 6)."""
    learner = L1Adaptive(config)
    measurement = bench.interval(WRENCH, dt=dt)
    out = []
    for _ in range(round(seconds / dt)):
        learner.update(measurement)
        out.append(learner.predict(measurement.inputs)[0])
    return np.array(out)


def ten_times_faster(bench):
    bounds = WrenchBounds.for_mass(bench.mass)
    return L1Config(bounds, force_cutoff=5.0, moment_cutoff=5.0, moment_second_cutoff=10.0)


def rise_time(ratio, level, dt=0.005):
    return (np.argmax(ratio >= level) + 1) * dt


def test_the_published_gains_end_at_the_gain_of_the_adaptation_law(bench):
    # With a constant residual the law settles at exp(A_s dt) times the residual.
    final = response(bench, L1Config.published(bench.mass), 40.0)[-1] / WRENCH
    assert final == pytest.approx([np.exp(-0.025)] * 3 + [np.exp(-0.05)] * 3, rel=1e-6)


def test_the_published_force_reaches_63_percent_of_the_residual_after_two_point_one_seconds(bench):
    ratio = response(bench, L1Config.published(bench.mass), 5.0)[:, 2] / WRENCH[2]
    assert rise_time(ratio, 0.632) == pytest.approx(2.09, abs=0.02)


def test_the_published_moment_reaches_63_percent_of_its_end_after_three_point_two_seconds(bench):
    # Poles 0.5 and 1.0 rad/s in series answer a step with (1 - exp(-t/2))^2.
    ratio = response(bench, L1Config.published(bench.mass), 40.0)[:, 3]
    expected = -2.0 * np.log(1.0 - np.sqrt(1.0 - np.exp(-1.0)))
    assert rise_time(ratio / ratio[-1], 1.0 - np.exp(-1.0)) == pytest.approx(expected, abs=0.01)
    assert expected == pytest.approx(3.17, abs=0.01)


def test_ten_times_the_cut_off_is_ten_times_faster(bench):
    slow = response(bench, L1Config.published(bench.mass), 5.0)[:, 2] / WRENCH[2]
    fast = response(bench, ten_times_faster(bench), 5.0)[:, 2] / WRENCH[2]
    assert rise_time(fast, 0.6) == pytest.approx(rise_time(slow, 0.6) / 10.0, abs=0.01)


def test_the_recursion_is_the_published_predictor_beside_a_moving_mass(bench):
    # One axis of the predictor, integrated as a differential equation with the wrench held between updates.
    dt, pole, mass = 0.005, -5.0, bench.mass
    decay = np.exp(pole * dt)
    true, predicted, sigma, filtered = 0.0, 0.0, 0.0, 0.0
    learner = L1Adaptive(L1Config.published(mass))
    for k in range(200):
        push = 20.0 * np.sin(0.05 * k)

        def rates(_, y, push=push, sigma=sigma):
            return [0.3 + push / mass, 0.3 + sigma / mass + pole * (y[1] - y[0])]

        true, predicted = solve_ivp(rates, (0.0, dt), [true, predicted], rtol=1e-10, atol=1e-12).y[:, -1]
        sigma = -mass / (decay - 1.0) * pole * decay * (predicted - true)
        filtered += (1.0 - np.exp(-0.5 * dt)) * (sigma - filtered)
        learner.update(bench.interval([push, 0, 0, 0, 0, 0], dt=dt))
    assert learner.predict(bench.nodes())[0, 0] == pytest.approx(filtered, rel=1e-6)


def test_the_prediction_is_constant_over_the_horizon(bench):
    learner = L1Adaptive(ten_times_faster(bench))
    learner.update(bench.interval(WRENCH))
    wrench = learner.predict(bench.nodes(count=7))
    assert wrench.shape == (7, 6)
    assert (wrench == wrench[0]).all() and wrench[0].all()


def test_the_prediction_saturates_in_the_direction_of_the_residual(bench):
    learner = L1Adaptive(L1Config(WrenchBounds(30.0, 5.0), force_cutoff=50.0, moment_cutoff=50.0))
    for _ in range(2000):
        learner.update(bench.interval([0.0, 300.0, -400.0, 60.0, 0.0, 80.0]))
    assert learner.predict(bench.nodes())[0] == pytest.approx([0.0, 18.0, -24.0, 3.0, 0.0, 4.0], rel=1e-9)


@pytest.mark.parametrize("change", [{"valid": False}, {"acceleration": np.full(6, np.nan)}, {"dt": 0.0}])
def test_a_useless_measurement_leaves_the_estimate_alone_and_is_counted(bench, change):
    learner = L1Adaptive(ten_times_faster(bench))
    learner.update(bench.interval(WRENCH))
    before = learner.predict(bench.nodes())
    learner.update(bench.interval(WRENCH, **change))
    assert np.array_equal(learner.predict(bench.nodes()), before)
    assert learner.ignored == 1


def test_reset_forgets_the_estimate(bench):
    learner = L1Adaptive(ten_times_faster(bench))
    first = [learner.update(bench.interval(WRENCH)), learner.predict(bench.nodes())][1]
    learner.reset()
    assert not learner.predict(bench.nodes()).any()
    learner.update(bench.interval(WRENCH))
    assert np.array_equal(learner.predict(bench.nodes()), first)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"force_pole": 1.0}, "L1Config.force_pole must be finite and < 0, got 1.0"),
        ({"moment_cutoff": 0.0}, "L1Config.moment_cutoff must be finite and > 0, got 0.0"),
    ],
)
def test_gains_that_make_no_sense_are_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        L1Config(WrenchBounds(1.0, 1.0), **change)
