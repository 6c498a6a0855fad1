import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.residual.bounds import WrenchBounds
from controllers.residual.integrator import Integrator, IntegratorConfig


def make(bench, **overrides):
    return Integrator(IntegratorConfig.for_robot(bench.mass, **overrides))


def with_errors(bench, **errors):
    """Inputs of one node; errors by the index of the state."""
    state = np.zeros((1, 9))
    for index, value in errors.items():
        state[0, int(index[1:])] = value
    return bench.nodes(state)


def integrate(bench, learner, seconds, dt=0.01, **errors):
    for _ in range(round(seconds / dt)):
        learner.update(bench.interval(np.zeros(6), with_errors(bench, **errors), dt=dt))
    return learner.predict(bench.nodes())[0]


def head_for(bench, learner, velocity):
    horizon = np.zeros((5, 9))
    horizon[-1, 3:5] = velocity
    learner.predict(bench.nodes(horizon))


def test_a_body_that_is_too_low_is_taken_to_be_pulled_down(bench):
    wrench = integrate(bench, make(bench, height_gain=100.0), 0.5, s2=-0.02)
    assert wrench == pytest.approx([0.0, 0.0, -bench.mass * 100.0 * 0.02 * 0.5, 0.0, 0.0, 0.0])


def test_roll_and_pitch_become_moments(bench):
    wrench = integrate(bench, make(bench, attitude_gain=6.0), 0.5, s0=0.05, s1=-0.1)
    assert wrench == pytest.approx([0.0, 0.0, 0.0, bench.mass * 0.15, bench.mass * -0.3, 0.0])


def test_a_robot_faster_than_where_its_horizon_leads_is_taken_to_be_pushed(bench):
    learner = make(bench, velocity_gain=10.0)
    head_for(bench, learner, (0.5, 0.0))
    wrench = integrate(bench, learner, 1.0, s3=0.4, s4=0.1)
    assert wrench[:2] == pytest.approx([bench.mass * -1.0, bench.mass * 1.0])
    assert not wrench[2:].any()


def test_without_a_horizon_velocities_are_no_errors(bench):
    assert not integrate(bench, make(bench), 1.0, s3=0.4).any()


def test_what_the_model_missed_is_none_of_its_business(bench):
    learner = make(bench)
    learner.update(bench.interval(np.full(6, 40.0), with_errors(bench)))
    assert not learner.predict(bench.nodes()).any()


def test_a_leak_forgets_exponentially(bench):
    learner = make(bench, height_gain=100.0, leak_s=2.0)
    before = integrate(bench, learner, 0.5, s2=-0.02)
    after = integrate(bench, learner, 1.0)
    assert after == pytest.approx(np.exp(-0.5) * before)
    assert before[2] < 0.0


def test_the_integral_does_not_wind_up(bench):
    # Held at the bound, it comes back at the speed of the error of the other sign from the first moment on.
    learner = make(bench, bounds=WrenchBounds(30.0, 5.0), height_gain=100.0)
    assert integrate(bench, learner, 10.0, s2=-0.1)[2] == pytest.approx(-30.0)
    assert integrate(bench, learner, 0.1, s2=0.1)[2] == pytest.approx(-30.0 + bench.mass * 1.0)


@pytest.mark.parametrize("change", [{"valid": False}, {"acceleration": np.full(6, np.nan)}, {"dt": 0.0}])
def test_a_useless_measurement_leaves_the_integrals_alone_and_is_counted(bench, change):
    learner = make(bench)
    before = integrate(bench, learner, 0.1, s2=-0.02)
    learner.update(bench.interval(np.zeros(6), with_errors(bench, s2=-0.02), **change))
    assert np.array_equal(learner.predict(bench.nodes())[0], before)
    assert learner.ignored == 1


def test_a_state_that_is_not_finite_is_ignored(bench):
    learner = make(bench)
    learner.update(bench.interval(np.zeros(6), with_errors(bench, s2=np.nan)))
    assert learner.ignored == 1 and not learner.predict(bench.nodes()).any()


def test_a_horizon_that_is_not_finite_leaves_height_and_attitude_to_be_integrated(bench):
    learner = make(bench)
    head_for(bench, learner, (np.inf, 0.0))
    wrench = integrate(bench, learner, 0.5, s2=-0.02, s3=0.4)
    assert wrench[2] < 0.0 and not wrench[:2].any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height_gain": -1.0}, "IntegratorConfig.height_gain must be finite and >= 0, got -1.0"),
        ({"leak_s": 0.0}, "IntegratorConfig.leak_s must be > 0, got 0.0"),
        ({"mass": 0.0}, "IntegratorConfig.mass must be finite and > 0, got 0.0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, message):
    with pytest.raises(InvalidValue, match=message):
        IntegratorConfig(WrenchBounds(1.0, 1.0), **{"mass": 15.0, **change})
