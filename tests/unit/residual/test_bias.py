import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.residual.bias import BiasConfig, BiasObserver
from controllers.residual.bounds import WrenchBounds

WRENCH = np.array([10.0, -5.0, -39.0, 2.0, 1.0, -0.5])


def make(bench, **overrides):
    return BiasObserver(BiasConfig.for_robot(bench.mass, **overrides))


@pytest.mark.parametrize("dt", [0.002, 0.01])
def test_force_and_moment_approach_a_constant_residual_exponentially_at_any_rate(bench, dt):
    learner = make(bench, force_time_constant_s=0.2, moment_time_constant_s=0.4)
    for _ in range(round(0.3 / dt)):
        learner.update(bench.interval(WRENCH, dt=dt))
    reached = 1.0 - np.exp([-1.5] * 3 + [-0.75] * 3)
    assert learner.predict(bench.nodes())[0] == pytest.approx(reached * WRENCH, rel=1e-9)


def test_the_prediction_is_constant_over_the_horizon_and_does_not_share_memory_with_the_estimate(bench):
    learner = make(bench)
    learner.update(bench.interval(WRENCH))
    wrench = learner.predict(bench.nodes(count=7))
    assert wrench.shape == (7, 6) and (wrench == wrench[0]).all()
    wrench[:] = 1e3
    assert np.abs(learner.predict(bench.nodes())).max() < 10.0


def test_the_estimate_does_not_wind_up(bench):
    # Ten seconds against a force that no robot meets, then one time constant without it: 1/e of the bound is left.
    bounds = WrenchBounds(50.0, 5.0)
    learner = make(bench, bounds=bounds, force_time_constant_s=0.1)
    for _ in range(1000):
        learner.update(bench.interval([0.0, 3e4, -4e4, 0.0, 0.0, 0.0], dt=0.01))
    assert learner.predict(bench.nodes())[0, :3] == pytest.approx([0.0, 30.0, -40.0])
    for _ in range(10):
        learner.update(bench.interval(np.zeros(6), dt=0.01))
    assert learner.predict(bench.nodes())[0, :3] == pytest.approx(np.exp(-1.0) * np.array([0.0, 30.0, -40.0]))


def test_intervals_with_a_contact_change_are_left_out_on_demand_only(bench):
    for skip in (True, False):
        learner = make(bench, skip_contact_changes=skip)
        learner.update(bench.interval(WRENCH, contacts_changed=True))
        assert learner.predict(bench.nodes()).any() != skip
        assert learner.ignored == 0


@pytest.mark.parametrize("change", [{"valid": False}, {"acceleration": np.full(6, np.nan)}, {"dt": 0.0}])
def test_a_useless_measurement_leaves_the_estimate_alone_and_is_counted(bench, change):
    learner = make(bench)
    learner.update(bench.interval(WRENCH))
    before = learner.predict(bench.nodes())
    learner.update(bench.interval(WRENCH, **change))
    assert np.array_equal(learner.predict(bench.nodes()), before)
    assert learner.ignored == 1


@pytest.mark.parametrize("name", ["force_time_constant_s", "moment_time_constant_s"])
@pytest.mark.parametrize("value", [0.0, np.inf])
def test_a_time_constant_that_makes_no_sense_is_refused(bench, name, value):
    with pytest.raises(InvalidValue, match=rf"BiasConfig.{name} must be finite and > 0, got {value}"):
        make(bench, **{name: value})
