from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from controllers.errors import InvalidValue, UnknownName
from controllers.residual.bounds import WrenchBounds
from controllers.residual.catalog import LEARNERS, make_learner
from controllers.residual.l1 import L1Adaptive
from controllers.residual.random_features import RandomFeatures
from controllers.residual.tuned import TUNED

anything = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(-50.0, 50.0))


def make(bench, name, **overrides):
    return make_learner(name, bench.mass, bench.inertia, **overrides)


@pytest.mark.parametrize("name", LEARNERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_prediction_is_finite_and_bounded_whatever_came_in(bench, name, data):
    learner = make(bench, name)
    bounds = WrenchBounds.for_mass(bench.mass)
    for _ in range(data.draw(st.integers(1, 12))):
        state = data.draw(arrays(float, (1, 9), elements=anything))
        wrench = data.draw(arrays(float, (1, 6), elements=anything))
        inputs = bench.nodes(state, wrench)
        residual = data.draw(arrays(float, 6, elements=st.one_of(anything, st.floats(-1e5, 1e5))))
        with np.errstate(all="ignore"):
            measurement = bench.interval(residual, inputs, dt=data.draw(st.one_of(st.just(0.01), anything)))
        for _ in range(data.draw(st.integers(1, 20))):
            learner.update(measurement)
        out = learner.predict(inputs)
        assert out.shape == (1, 6)
        assert np.linalg.norm(out[0, :3]) <= bounds.force * (1 + 1e-12)
        assert np.linalg.norm(out[0, 3:]) <= bounds.moment * (1 + 1e-12)


# These do not look at the residual at all, or take it for the pull of a mass, which it is not on a robot in free fall.
EXCUSED = ("none", "nominal", "integrator", "integrator_default", "rls_inertia", "rls_inertia_default")


@pytest.mark.parametrize("name", [name for name in LEARNERS if name not in EXCUSED])
def test_every_learner_of_wrenches_finds_a_constant_payload(bench, name):
    learner = make(bench, name)
    wrench = np.array([0.0, 0.0, -78.5, -3.1, -6.3, 0.0])
    for time in np.arange(0.0, 12.0, 0.005):
        inputs = bench.nodes(*bench.trot(time))
        learner.update(bench.interval(wrench, inputs, dt=0.005))
    found = learner.predict(bench.nodes(*bench.trot(np.arange(0.0, 0.5, 0.05))))
    assert np.abs(found - wrench)[:, :3].max() < 3.0
    assert np.abs(found - wrench)[:, 3:].max() < 0.7


@pytest.mark.parametrize("name", LEARNERS)
def test_no_learner_remembers_anything_after_a_reset(bench, name):
    learner, fresh = make(bench, name, seed=4), make(bench, name, seed=4)
    inputs = bench.nodes(*bench.trot(0.3))
    for _ in range(30):
        learner.update(bench.interval([5.0, 0.0, -40.0, 1.0, 0.0, 0.0], inputs))
    learner.reset()
    assert not learner.predict(inputs).any()
    for each in (learner, fresh):
        each.update(bench.interval([1.0, 2.0, 3.0, 0.1, 0.2, 0.3], inputs))
    assert np.array_equal(learner.predict(inputs), fresh.predict(inputs))


def test_the_nominal_controller_predicts_nothing(bench):
    learner = make(bench, "none")
    learner.update(bench.interval(np.full(6, 10.0)))
    assert np.array_equal(learner.predict(bench.nodes(count=4)), np.zeros((4, 6)))


def test_names_lead_to_their_presets(bench):
    assert isinstance(make(bench, "l1"), L1Adaptive)
    assert make(bench, "l1").config == make(bench, "l1_published").config
    assert isinstance(make(bench, "random_features"), RandomFeatures)
    assert make(bench, "rff_published").config.learning_rate == 0.003
    assert make(bench, "rff_least_squares").config.method == "least_squares"


@pytest.mark.parametrize("name", TUNED)
def test_a_tuned_learner_is_its_preset_but_for_what_was_tuned(bench, name):
    preset, settings = TUNED[name]
    assert make(bench, name).config == replace(make(bench, preset).config, **settings)


def test_the_published_update_may_run_on_whitened_inputs(bench):
    published, whitened = make(bench, "rff_published").config, make(bench, "rff_whitened").config
    inputs = {key: getattr(whitened, key) for key in ("input_center", "input_scale", "input_clip")}
    default = make(bench, "random_features_default").config
    assert inputs == {key: getattr(default, key) for key in inputs}
    assert replace(published, **inputs) == whitened


def test_overrides_reach_the_configuration(bench):
    assert make(bench, "random_features", features=30).config.features == 30
    assert make(bench, "l1", force_cutoff=2.0).config.force_cutoff == 2.0
    assert make(bench, "bias", force_time_constant_s=0.4).config.force_time_constant_s == 0.4


def test_an_unknown_learner_is_answered_with_those_that_exist(bench):
    with pytest.raises(UnknownName) as caught:
        make(bench, "magic")
    assert str(caught.value) == f"unknown residual learner 'magic'; available: {', '.join(sorted(LEARNERS))}"


@pytest.mark.parametrize("name", ["l1", "random_features"])
def test_an_unknown_parameter_is_answered_with_those_that_exist(bench, name):
    with pytest.raises(UnknownName, match="unknown learner parameter 'speed'; available: bounds, "):
        make(bench, name, speed=1.0)


def test_the_nominal_controller_takes_no_parameters(bench):
    with pytest.raises(InvalidValue, match="learner 'none' has no parameters, got seeds"):
        make(bench, "none", seeds=1)


@pytest.mark.parametrize(
    ("mass", "inertia", "message"),
    [(0.0, np.eye(3), "mass must be finite and > 0, got 0.0"), (15.0, np.eye(2), "inertia must be a finite")],
)
def test_a_robot_without_mass_is_refused(mass, inertia, message):
    with pytest.raises(InvalidValue, match=message):
        make_learner("none", mass, inertia)
