import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.residual.added_body import body_parameters, fill_regressor
from controllers.residual.rls_inertia import InertiaEstimator, RlsInertiaConfig

BOX = body_parameters(8.0, np.array([-0.08, 0.04, 0.13]), np.diag([0.03, 0.05, 0.06]))
NO_FILTER = {"filter_s": 1e-6}


def make(bench, **overrides):
    return InertiaEstimator(RlsInertiaConfig.for_robot(bench.mass, **overrides), bench.mass, bench.inertia)


def carry(bench, rng, parameters=BOX, noise=0.0, level=True):
    """One interval of a robot that carries a body and moves at random; its residual, and its regressor."""
    state = rng.normal(size=9) * np.array([0.05, 0.05, 0.01, 0.5, 0.1, 0.1, 0.5, 0.5, 0.3])
    if level:
        state[:2] = 0.0
    acceleration = rng.normal(size=6) * np.repeat([2.0, 6.0], 3)
    regressor = np.empty((6, 10))
    fill_regressor(state[0], state[1], acceleration, state[6:], regressor)
    residual = regressor @ parameters + noise * rng.normal(size=6) * np.repeat([1.0, 0.1], 3)
    if not level:
        cr, sr, cp, sp = np.cos(state[0]), np.sin(state[0]), np.cos(state[1]), np.sin(state[1])
        turn = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]]) @ np.array(
            [[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]]
        )
        residual = np.concatenate((turn @ residual[:3], turn @ residual[3:]))
    missing = np.concatenate((residual[:3] / bench.mass, np.linalg.solve(bench.inertia, residual[3:])))
    wrench = np.tile([0.0, 0.0, bench.mass * 9.81, 0.0, 0.0, 0.0], (1, 1))
    measurement = bench.interval(
        np.zeros(6),
        bench.nodes(state[None], wrench),
        dt=0.01,
        acceleration=acceleration,
        nominal_acceleration=acceleration - missing,
    )
    return measurement, regressor, residual


def test_mass_centre_and_inertia_of_a_load_are_found_exactly_without_noise(bench):
    rng = np.random.default_rng(0)
    weak = {"mass_prior": 1e3, "moment_prior": 1e3, "inertia_prior": 1e3}
    learner = make(bench, **weak, **NO_FILTER)
    for _ in range(200):
        learner.update(carry(bench, rng, level=False)[0])
    assert learner.parameters == pytest.approx(BOX, rel=1e-3, abs=1e-4)
    assert learner.parameters[1:4] / learner.parameters[0] == pytest.approx([-0.08, 0.04, 0.13], abs=1e-4)


def test_it_is_least_squares_with_exponential_forgetting_and_a_lasting_prior(bench):
    rng = np.random.default_rng(1)
    learner = make(bench, time_constant_s=0.2, **NO_FILTER)
    information, vector = np.zeros((10, 10)), np.zeros(10)
    weights = np.repeat([50.0, 10.0], 3) ** -2.0
    for _ in range(60):
        measurement, regressor, residual = carry(bench, rng, noise=20.0)
        learner.update(measurement)
        keep = np.exp(-0.01 / 0.2)
        information = keep * information + regressor.T @ (weights[:, None] * regressor)
        vector = keep * vector + regressor.T @ (weights * residual)
    scale = np.array([bench.mass, *(0.1 * bench.mass,) * 3, *(0.3 * 0.53,) * 6])
    expected = np.linalg.inv(information + np.diag(scale**-2.0))
    assert learner.parameters == pytest.approx(expected @ vector, rel=1e-9)
    assert learner.covariance() == pytest.approx(expected, rel=1e-9)


def test_the_filter_keeps_noise_of_the_acceleration_from_shrinking_the_mass(bench):
    # The noise stands on both sides of the balance; unfiltered, it looks like a mass of minus the robot's own.
    found = {}
    for filter_s in (1e-6, 0.2):
        rng = np.random.default_rng(2)
        learner = make(bench, filter_s=filter_s, time_constant_s=3.0)
        for _ in range(1500):
            measurement, _, _ = carry(bench, rng)
            measurement.acceleration = measurement.acceleration + np.array([0, 0, 6.0 * rng.normal(), 0, 0, 0])
            learner.update(measurement)
        found[filter_s] = learner.parameters[0]
    assert found[1e-6] < 5.0
    assert found[0.2] == pytest.approx(8.0, rel=0.1)


def test_a_load_that_leaves_is_forgotten_with_the_time_constant(bench):
    learner = make(bench, time_constant_s=0.2, mass_prior=100.0, filter_s=0.001)
    still = bench.interval([0.0, 0.0, -50.0, 0.0, 0.0, 0.0], dt=0.01, acceleration=np.zeros(6))
    still.nominal_acceleration = np.array([0.0, 0.0, 50.0 / bench.mass, 0.0, 0.0, 0.0])
    for _ in range(300):
        learner.update(still)
    assert learner.parameters[0] == pytest.approx(50.0 / 9.81, rel=1e-3)
    still.nominal_acceleration = np.zeros(6)
    for _ in range(20):
        learner.update(still)
    assert learner.parameters[0] == pytest.approx(50.0 / 9.81 * np.exp(-1.0), rel=0.01)


def test_the_prediction_is_the_weight_and_its_moment_where_nothing_accelerates(bench):
    rng = np.random.default_rng(3)
    learner = make(bench, acceleration_share=0.0, mass_prior=1e3, moment_prior=1e3, inertia_prior=1e3, **NO_FILTER)
    for _ in range(200):
        learner.update(carry(bench, rng)[0])
    weight = np.array([0.0, 0.0, -8.0 * 9.81])
    expected = np.concatenate((weight, np.cross([-0.08, 0.04, 0.13], weight)))
    assert learner.predict(bench.nodes(count=3)) == pytest.approx(np.tile(expected, (3, 1)), rel=1e-3, abs=1e-2)


def test_a_push_up_of_the_planned_forces_makes_the_load_heavier(bench):
    rng = np.random.default_rng(3)
    learner = make(bench, acceleration_share=1.0, mass_prior=1e3, moment_prior=1e3, inertia_prior=1e3, **NO_FILTER)
    for _ in range(200):
        learner.update(carry(bench, rng, body_parameters(4.0, np.zeros(3), np.zeros((3, 3))))[0])
    wrench = np.zeros((2, 6))
    wrench[:, 2] = np.array([1.0, 1.2]) * (bench.mass + 4.0) * 9.81
    light, heavy = learner.predict(bench.nodes(np.zeros((2, 9)), wrench))[:, 2]
    assert light == pytest.approx(-4.0 * 9.81, rel=1e-3)
    assert heavy == pytest.approx(1.2 * light, rel=1e-3)


def test_the_standard_deviation_of_the_weight_is_that_of_the_mass(bench):
    rng = np.random.default_rng(5)
    learner = make(bench)
    for _ in range(20):
        learner.update(carry(bench, rng)[0])
    deviation = learner.standard_deviation(bench.nodes(count=2))
    assert deviation.shape == (2, 6)
    assert deviation[0, 2] == pytest.approx(9.81 * np.sqrt(learner.covariance()[0, 0]))
    # The moment about x is h_y times g.
    assert deviation[0, 3] == pytest.approx(9.81 * np.sqrt(learner.covariance()[2, 2]))


def test_the_estimate_is_cut_to_what_the_bounds_allow(bench):
    learner = make(bench, mass_prior=1e3, moment_prior=1e3)
    for _ in range(100):
        learner.update(bench.interval([0.0, 0.0, -9e3, 900.0, 0.0, 0.0], acceleration=np.zeros(6)))
        assert np.abs(learner.parameters[:2]).max() <= learner.config.bounds.force / 9.81 + 1e-12
    assert np.abs(learner.parameters[1:4]).max() <= learner.config.bounds.moment / 9.81 + 1e-12


def test_a_description_with_frozen_arrays_is_welcome(bench):
    inertia = bench.inertia.copy()
    inertia.setflags(write=False)
    learner = InertiaEstimator(RlsInertiaConfig.for_robot(bench.mass), bench.mass, inertia)
    assert not learner.predict(bench.nodes()).any()


@pytest.mark.parametrize("change", [{"valid": False}, {"acceleration": np.full(6, np.nan)}, {"dt": 0.0}])
def test_a_useless_measurement_leaves_the_estimate_alone_and_is_counted(bench, change):
    learner = make(bench)
    learner.update(bench.interval([0.0, 0.0, -39.0, 2.0, 1.0, 0.0]))
    before = learner.parameters
    learner.update(bench.interval([0.0, 0.0, -39.0, 2.0, 1.0, 0.0], **change))
    assert np.array_equal(learner.parameters, before)
    assert learner.ignored == 1


def test_an_estimate_of_the_state_gone_wild_teaches_nothing(bench):
    learner = make(bench)
    learner.update(bench.interval(np.ones(6), bench.nodes(np.full((1, 9), np.nan))))
    assert learner.ignored == 1 and not learner.parameters.any()


def test_intervals_with_a_contact_change_are_left_out_on_demand(bench):
    for skip in (True, False):
        learner = make(bench, skip_contact_changes=skip)
        learner.update(bench.interval(np.ones(6), contacts_changed=True))
        assert learner.parameters.any() != skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filter_s": 0.0}, "RlsInertiaConfig.filter_s must be finite and > 0, got 0.0"),
        ({"mass_prior": np.inf}, "RlsInertiaConfig.mass_prior must be finite and > 0, got inf"),
        ({"acceleration_share": 1.5}, r"RlsInertiaConfig.acceleration_share must lie in \[0, 1\], got 1.5"),
    ],
)
def test_settings_that_make_no_sense_are_refused(bench, change, message):
    with pytest.raises(InvalidValue, match=message):
        make(bench, **change)
