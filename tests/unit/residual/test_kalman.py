import numpy as np
import pytest
from scipy.linalg import solve_discrete_are

from controllers.errors import InvalidValue
from controllers.residual.kalman import DisturbanceKalmanFilter, KalmanConfig

WRENCH = np.array([10.0, -5.0, -39.0, 2.0, 1.0, -0.5])
TROT = np.array([[1.0, 0.0, 0.0, 1.0]])
PERIOD = 0.5
PLAIN = {"harmonics": (), "switch_noise": 1.0, "gate": np.inf}


def make(bench, **overrides):
    return DisturbanceKalmanFilter(KalmanConfig.for_robot(bench.mass, **overrides))


def at(bench, time, contacts=TROT):
    """Inputs of a trot with a period of `PERIOD`."""
    time = np.atleast_1d(time)
    inputs = bench.nodes(count=len(time))
    inputs.gait_phase[:] = time / PERIOD % 1.0
    inputs.contacts[:] = contacts
    return inputs


def feed(bench, learner, wrench, start=0.0, seconds=1.0, dt=0.01):
    """Run a filter on a wrench that is a function of the time in the middle of each interval."""
    for time in start + dt * np.arange(round(seconds / dt)):
        learner.update(bench.interval(wrench(time + 0.5 * dt), at(bench, time), dt=dt))


def steady(bench, learner):
    feed(bench, learner, lambda _: np.zeros(6), seconds=4.0)
    return learner


def test_the_covariance_settles_where_the_riccati_equation_says(bench):
    noise, tau, dt = 40.0, 0.2, 0.01
    learner = steady(bench, make(bench, force_noise=noise, force_time_constant_s=tau, **PLAIN))
    # A random walk with density (noise² · 10 ms) / tau² seen through white noise, sampled every 10 ms.
    drift = np.array([[noise**2 * dt / tau**2 * dt]])
    predicted = solve_discrete_are(np.eye(1), np.eye(1), drift, np.array([[noise**2]]))[0, 0]
    gain = predicted / (predicted + noise**2)
    assert learner.covariance()[2, 0, 0] == pytest.approx((1.0 - gain) * predicted, rel=1e-6)
    learner.update(bench.interval([0.0, 0.0, 10.0, 0.0, 0.0, 0.0], at(bench, 0.0), dt=dt))
    assert learner.predict(at(bench, 0.0))[0, 2] == pytest.approx(10.0 * gain, rel=1e-6)


def test_without_harmonics_it_settles_like_a_low_pass_with_the_time_constant_asked_for(bench):
    learner = make(bench, force_time_constant_s=0.2, moment_time_constant_s=0.4, **PLAIN)
    for _ in range(2000):
        learner.update(bench.interval(np.zeros(6), dt=0.002))
    for _ in range(100):
        learner.update(bench.interval(WRENCH, dt=0.002))
    reached = 1.0 - np.exp([-1.0] * 3 + [-0.5] * 3)
    assert learner.predict(bench.nodes())[0] == pytest.approx(reached * WRENCH, rel=0.01)


def test_with_harmonics_and_no_drift_it_is_the_batch_solution(bench):
    rng = np.random.default_rng(3)
    slow = {"force_time_constant_s": 1e7, "moment_time_constant_s": 1e7, "harmonic_time_constant_s": 1e7}
    learner = make(bench, harmonics=(1, 3), switch_noise=1.0, gate=np.inf, **slow)
    seen = rng.normal(size=(25, 6)) * np.repeat([30.0, 5.0], 3)
    times = 0.01 * np.arange(25)
    for time, residual in zip(times, seen, strict=True):
        learner.update(bench.interval(residual, at(bench, time), dt=0.01))
    # The pace of the gait is known from the second interval on.
    angle = 2.0 * np.pi * np.outer((times + np.where(times > 0.0, 0.005, 0.0)) / PERIOD, [1, 3])
    phi = np.stack((np.ones(25), *np.stack((np.cos(angle), np.sin(angle)), axis=2).reshape(25, 4).T), axis=1)
    prior = 0.2 * np.repeat([learner.config.bounds.force, learner.config.bounds.moment], 3)
    noise = np.repeat([50.0, 10.0], 3)
    expected = []
    for axis in range(6):
        information = phi.T @ phi / noise[axis] ** 2 + np.eye(5) / prior[axis] ** 2
        expected.append(np.linalg.solve(information, phi.T @ seen[:, axis] / noise[axis] ** 2))
        assert learner.covariance()[axis] == pytest.approx(np.linalg.inv(information), rel=1e-4, abs=1e-6)
    ahead = at(bench, np.array([0.3, 0.42, 0.54]))
    middle = 2.0 * np.pi * np.outer(np.array([0.36, 0.48, 0.6]) / PERIOD, [1, 3])
    basis = np.stack((np.ones(3), *np.stack((np.cos(middle), np.sin(middle)), axis=2).reshape(3, 4).T), axis=1)
    assert learner.predict(ahead) == pytest.approx(basis @ np.array(expected).T, rel=1e-4, abs=1e-4)


def test_what_a_gait_cycle_repeats_is_previewed_and_keeps_off_the_constant(bench):
    def wrench(time):
        phase = 2.0 * np.pi * time / PERIOD
        return np.array([20.0 * np.sin(phase), 0.0, -30.0 + 25.0 * np.cos(2.0 * phase), 0.0, 3.0 * np.cos(phase), 0.0])

    learner = make(bench, switch_noise=1.0)
    feed(bench, learner, wrench, seconds=8.0)
    starts = 8.0 + 0.04 * np.arange(10)
    expected = np.array([wrench(time + 0.02) for time in starts])
    assert np.abs(learner.predict(at(bench, starts)) - expected)[:, :3].max() < 1.0
    assert np.abs(learner.predict(at(bench, starts)) - expected)[:, 3:].max() < 0.2
    plain = make(bench, **PLAIN)
    feed(bench, plain, wrench, seconds=8.0)
    assert np.abs(plain.predict(at(bench, starts)) - expected)[:, 2].max() > 20.0


def test_a_robot_that_stands_has_no_harmonics(bench):
    learner = make(bench, switch_noise=1.0)
    feed(bench, learner, lambda time: np.array([0, 0, 30.0 * np.cos(4.0 * np.pi * time), 0, 0, 0]), seconds=4.0)
    standing = np.ones((1, 4))
    for time in 4.0 + 0.01 * np.arange(60):
        learner.update(bench.interval([0, 0, -20.0, 0, 0, 0], at(bench, time, standing), dt=0.01))
    wrench = learner.predict(at(bench, 4.6 + 0.04 * np.arange(10), standing))
    assert (wrench == wrench[0]).all()
    assert wrench[0, 2] == pytest.approx(-20.0, abs=1.0)
    # The next trot is planned with what the last one taught.
    assert np.ptp(learner.predict(at(bench, 4.6 + 0.04 * np.arange(10)))[:, 2]) > 30.0


def test_an_interval_with_a_contact_change_counts_less_and_the_next_ones_recover(bench):
    moves = []
    for changed, pause in ((False, 0), (True, 0), (True, 1)):
        learner = steady(bench, make(bench, harmonics=(), switch_noise=3.0, switch_decay_s=0.02, gate=np.inf))
        variance = learner.covariance()[2, 0, 0] + 50.0**2 * 0.01 / 0.15**2 * 0.01
        for k in range(pause + 1):
            size = 10.0 if k == pause else 0.0
            measurement = bench.interval([0, 0, size, 0, 0, 0], dt=0.01, contacts_changed=changed and k == 0)
            learner.update(measurement)
        moves.append(learner.predict(bench.nodes())[0, 2])
    assert moves[0] == pytest.approx(10.0 * variance / (variance + 2500.0), rel=1e-3)
    assert moves[1] == pytest.approx(10.0 * variance / (variance + 9.0 * 2500.0), rel=1e-3)
    # Half a decay time later the surplus of variance, 8, has fallen by a factor of e to the minus one half.
    expected = 10.0 * variance / (variance + 2500.0 * (1.0 + 8.0 * np.exp(-0.5)))
    assert moves[2] == pytest.approx(expected, rel=0.15)


def test_an_outlier_beyond_the_gate_moves_the_estimate_less_than_one_on_the_gate(bench):
    moves = []
    for size in (155.0, 1500.0, 50_000.0):
        learner = steady(bench, make(bench, harmonics=(), gate=3.0))
        learner.update(bench.interval([0, 0, size, 0, 0, 0], dt=0.01))
        moves.append(learner.predict(bench.nodes())[0, 2])
    assert moves[0] > moves[1] > moves[2] > 0.0


def test_a_step_beyond_the_gate_is_followed_in_the_end(bench):
    learner = steady(bench, make(bench, harmonics=(), force_noise=5.0, gate=2.0))
    for _ in range(300):
        learner.update(bench.interval([0, 0, -110.0, 0, 0, 0], dt=0.01))
    assert learner.predict(bench.nodes())[0, 2] == pytest.approx(-110.0, rel=0.02)


def test_the_standard_deviation_is_that_of_the_error_of_the_prediction(bench):
    # Truth drawn from the filter's own model: the mean squared error must be what the filter claims.
    rng = np.random.default_rng(8)
    learner = make(bench, **PLAIN)
    drift, truth, errors = 50.0 * 0.1 / 0.15, 0.0, []
    for k in range(20_000):
        truth = np.clip(truth + rng.normal(scale=drift * 0.1), -80.0, 80.0)
        learner.update(bench.interval([0, 0, truth + rng.normal(scale=50.0), 0, 0, 0], dt=0.01))
        if k > 500:
            errors.append(learner.predict(bench.nodes())[0, 2] - truth)
    assert np.std(errors) == pytest.approx(learner.standard_deviation(bench.nodes())[0, 2], rel=0.1)


def test_the_standard_deviation_reaches_along_the_horizon(bench):
    learner = make(bench)
    feed(bench, learner, lambda _: WRENCH, seconds=0.1)
    inputs = at(bench, 0.1 + 0.04 * np.arange(10))
    deviation = learner.standard_deviation(inputs)
    assert deviation.shape == (10, 6)
    # A tenth of a second into a cycle, the other half of it is more uncertain than what was just seen.
    assert deviation[5, 2] > 1.2 * deviation[0, 2]


@pytest.mark.parametrize("change", [{"valid": False}, {"acceleration": np.full(6, np.nan)}, {"dt": 0.0}])
def test_a_useless_measurement_leaves_the_estimate_alone_and_is_counted(bench, change):
    learner = make(bench)
    feed(bench, learner, lambda _: WRENCH)
    before, covariance = learner.predict(at(bench, 1.0)), learner.covariance()
    learner.update(bench.interval(WRENCH, at(bench, 1.0), **change))
    assert np.array_equal(learner.predict(at(bench, 1.0)), before)
    assert np.array_equal(learner.covariance(), covariance)
    assert learner.ignored == 1


def test_uncertainty_stays_bounded_where_a_gait_phase_that_stands_still_reveals_nothing(bench):
    learner = make(bench)
    for _ in range(5000):
        learner.update(bench.interval(WRENCH, at(bench, 0.1), dt=0.01))
    largest = learner.config.bounds.force**2
    assert 0.0 < np.linalg.eigvalsh(learner.covariance())[0].max() < 6.0 * largest
    assert np.linalg.eigvalsh(learner.covariance()).min() > -1e-9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"force_noise": 0.0}, "KalmanConfig.force_noise must be finite and > 0, got 0.0"),
        ({"harmonics": (1, 1)}, r"KalmanConfig.harmonics must be different numbers from 1 to 10, got \(1, 1\)"),
        ({"harmonics": (0,)}, r"KalmanConfig.harmonics must be different numbers from 1 to 10, got \(0,\)"),
        ({"switch_noise": 0.5}, "KalmanConfig.switch_noise must be finite and >= 1, got 0.5"),
        ({"gate": 0.0}, "KalmanConfig.gate must be > 0, got 0.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(bench, change, message):
    with pytest.raises(InvalidValue, match=message):
        make(bench, **change)
