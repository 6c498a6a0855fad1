from dataclasses import replace

import numpy as np
import pytest
from made_runs import made_log, short_scenario

from controllers.quadruped.gait import GAITS
from evaluation.wrench_response import step_window, wrench_response
from sim.disturbances import Drag, Payload, Wrench, push

PERIOD = GAITS["trot"].period
WEIGHT = 80.0


def run(tau, disturbance=None, bias=0.0, ripple=0.0, gain=1.0):
    """A learner that follows a force of 80 N down from 6 s on with a time constant, beside its own error."""
    disturbance = disturbance or Wrench((0.0, 0.0, -WEIGHT), at_s=6.0)
    log = made_log(replace(short_scenario(), disturbances=(disturbance,)))
    time = log.values["time"]
    since = np.maximum(time - 6.0, 0.0)
    log.values["true_wrench"][time >= 6.0, 2] = -WEIGHT
    follow = np.where(time >= 6.0, 1.0, 0.0) if tau == 0.0 else 1.0 - np.exp(-since / tau)
    log.values["residual"][:, 2] = bias - gain * WEIGHT * follow + ripple * np.sin(2.0 * np.pi * time / PERIOD)
    return wrench_response(log.scenario, log.values)


def test_the_rise_of_a_first_order_response_is_found_late_by_what_the_average_costs():
    # A centred average over T multiplies the distance to the end, for t > T/2, by sinh(x)/x with x = T/(2 tau).
    tau = 0.3
    x = PERIOD / (2.0 * tau)
    expected = tau * (1.0 + np.log(np.sinh(x) / x))
    assert run(tau)["wrench_rise_s"] == pytest.approx(expected, abs=0.004)
    assert tau < expected < 1.1 * tau


def test_a_jump_takes_an_eighth_of_a_cycle_and_leaves_no_error():
    found = run(0.0)
    assert found["wrench_rise_s"] == pytest.approx((1.0 - np.exp(-1.0) - 0.5) * PERIOD, abs=0.004)
    assert found["wrench_steady_error"] == pytest.approx(0.0, abs=1e-9)


def test_neither_the_model_error_before_nor_the_swing_of_the_gait_counts():
    plain, disturbed = run(0.2), run(0.2, bias=15.0, ripple=20.0)
    assert disturbed["wrench_rise_s"] == pytest.approx(plain["wrench_rise_s"], abs=0.01)
    assert disturbed["wrench_steady_error"] == pytest.approx(0.0, abs=0.005)


def test_a_gain_that_is_too_small_is_the_steady_error():
    assert run(0.1, gain=0.9)["wrench_steady_error"] == pytest.approx(0.1, abs=1e-6)


def test_a_learner_that_never_gets_there_has_the_length_of_the_window():
    found = run(0.1, gain=0.5)
    assert found["wrench_rise_s"] == pytest.approx(6.0)


def test_a_learner_that_learns_nothing_has_no_response():
    assert run(0.1, gain=0.0) == {}


@pytest.mark.parametrize(
    "disturbance",
    [
        push(6.0, (0.0, 200.0, 0.0)),
        Drag((60.0, 0.0, 0.0), at_s=6.0),
        Payload(8.0, at_s=6.0, profile="sine"),
        Wrench((0.0, 0.0, -WEIGHT), at_s=3.4),
    ],
    ids=["push", "drag", "sine", "before a steady walk"],
)
def test_what_is_no_step_during_a_steady_walk_has_no_response(disturbance):
    assert run(0.2, disturbance) == {}


def test_the_step_ends_where_the_next_load_comes():
    steps = (Payload(4.0, at_s=6.0, until_s=8.0), Payload(8.0, at_s=8.0, until_s=10.0))
    assert step_window(replace(short_scenario(), disturbances=steps)) == (6.0, 8.0)
    rocking = (Payload(4.0, at_s=6.0), Wrench((0.0, 5.0, 0.0), at_s=6.0, until_s=9.0))
    assert step_window(replace(short_scenario(), disturbances=rocking)) == (6.0, 9.0)
    assert step_window(short_scenario()) is None
