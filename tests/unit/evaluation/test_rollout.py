from dataclasses import replace

import numpy as np
import pytest

from controllers.quadruped.controller import LocomotionConfig
from evaluation.adaptation_scenarios import slope
from evaluation.rollout import Rollout, RolloutConfig, run
from sim.scenarios import get_scenario
from sim.sensors import SensorConfig


def test_a_run_with_delayed_sensors_begins_with_the_second_reading_that_arrives():
    scenario = replace(get_scenario("flat_walk"), duration_s=1.0, sensors=SensorConfig(delay_ticks=5))
    rollout = Rollout(scenario)
    times = [(tick.state.time, tick.truth.time) for tick in (rollout.tick() for _ in range(4))]
    assert [time for time, _ in times] == pytest.approx([0.0, 0.002, 0.004, 0.006])
    # From then on every reading is five control periods old.
    assert [now - time for time, now in times[1:]] == pytest.approx([0.01] * 3)


@pytest.mark.parametrize(("learner", "known"), [("kalman", True), ("random_features", True), ("none", False)])
def test_a_run_logs_the_uncertainty_of_learners_that_have_one_while_they_walk(learner, known):
    scenario = replace(get_scenario("flat_walk"), duration_s=2.6)
    log = run(scenario, RolloutConfig(LocomotionConfig(learner=learner)))
    walking, deviation = log.values["walking"] > 0.5, log.values["residual_std"]
    assert 0.1 < walking.mean() < 0.9
    assert np.isnan(deviation[~walking]).all()
    assert (np.isfinite(deviation[walking]) & (deviation[walking] > 0.0) == known).all()


def test_a_robot_that_is_let_lie_is_only_damped():
    rollout = Rollout(replace(get_scenario("flat_walk"), duration_s=2.0))
    rising = [rollout.tick() for _ in range(400)][-1]
    assert rising.info.mode == "rising" and rising.command.stiffness.min() > 0.0
    rollout.let_lie()
    command = rollout.tick().command
    assert command.stiffness == pytest.approx(np.zeros(12)) and command.effort == pytest.approx(np.zeros(12))
    assert command.damping.min() > 0.0


def test_on_an_incline_the_body_keeps_its_height_and_odometry_climbs_as_the_ground_does():
    rollout = Rollout(replace(slope("up", 15.0), duration_s=9.0))
    ticks = []
    while not rollout.done:
        tick = rollout.tick()
        if tick.truth.time > 5.5:
            ticks.append(tick)
    errors = [tick.truth.height - tick.info.height_reference for tick in ticks]
    assert abs(np.mean(errors)) < 5e-4
    told = ticks[-1].estimate.position_world - ticks[0].estimate.position_world
    way = ticks[-1].truth.position_world - ticks[0].truth.position_world
    assert way[0] > 1.0 and way[2] / way[0] == pytest.approx(np.tan(np.radians(15.0)), abs=0.005)
    # Feet that rolled about the vertical would tell 0.03 less than this slope.
    assert told[2] / told[0] == pytest.approx(way[2] / way[0], abs=0.005)
