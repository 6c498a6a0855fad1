from dataclasses import replace

import numpy as np
import pytest

from controllers.errors import InvalidValue
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.robot.catalog import load_robot
from evaluation.calibration import GaitAverage, ResidualRecorder, calibrate, middle_phases, node_times
from evaluation.rollout import run
from sim.disturbances import Wrench
from sim.scenarios import get_scenario

PERIOD = 0.44


def walk():
    """Rests, stands from 0.3 s, trots on the spot from 2.5 s and at 0.5 m/s from 3.0 s."""
    return replace(get_scenario("flat_walk"), duration_s=8.0)


class Clock:
    def __init__(self, time):
        self.time = time


def inputs(phase):
    phase = np.atleast_1d(np.asarray(phase, dtype=float)) % 1.0
    n = len(phase)
    return LearnerInputs(np.zeros((n, 9)), np.zeros((n, 6)), np.ones((n, 4)), phase)


def record(recorder, wrench, start, seconds, dt=0.01):
    """Feed a recorder with a residual that is a function of time and gait phase."""
    robot = load_robot("go2")
    for begin in np.arange(start, start + seconds, dt):
        recorder.set_truth(Clock(begin + dt))
        residual = wrench(begin + 0.5 * dt, (begin + 0.5 * dt) / PERIOD)
        missing = np.concatenate((residual[:3] / robot.mass, np.linalg.solve(robot.inertia, residual[3:])))
        recorder.update(
            ResidualMeasurement(
                inputs(begin / PERIOD), np.zeros(6), missing, np.zeros(6), robot.mass, np.array(robot.inertia), dt
            )
        )


def swell(time, phase):
    angle = 2.0 * np.pi * phase
    return np.array([5.0, 4.0 * np.sin(angle), -20.0 + 9.0 * np.cos(2.0 * angle), 0.5 * np.cos(angle), 0.0, 0.1])


def test_the_nodes_of_a_horizon_are_dated_by_their_phases():
    # The first interval is what is left of its grid cell; phases wrap.
    phase = np.array([0.95, 0.0, 0.1, 0.2])
    assert node_times(walk(), 5.0, phase) == pytest.approx(5.0 + PERIOD * np.array([0.025, 0.1, 0.2, 0.3]))
    assert node_times(walk(), 5.0, phase[:1]) == pytest.approx([5.0])
    assert middle_phases(phase) % 1.0 == pytest.approx([0.975, 0.05, 0.15, 0.25])


def test_an_average_finds_what_repeats_with_the_gait_again():
    recorder = ResidualRecorder(walk(), GaitAverage.zero(walk()))
    record(recorder, swell, 3.0, 4.0)
    average = recorder.average()
    phase = np.linspace(0.0, 1.0, 13)
    expected = np.array([swell(0.0, p) for p in phase])
    assert average.wrench(np.full(13, 6.0), phase) == pytest.approx(expected, abs=0.02)


def test_each_command_has_an_average_without_the_second_after_it_was_given():
    scenario = replace(walk(), commands=walk().commands[:1] + walk().commands[3:])
    late = scenario.commands[-1].at_s
    recorder = ResidualRecorder(scenario, GaitAverage.zero(scenario))
    record(recorder, lambda time, phase: np.full(6, 1.0), 0.0, late)
    record(recorder, lambda time, phase: np.full(6, 9.0 if time < late + 1.0 else 4.0), late, 3.0)
    average = recorder.average()
    wrench = average.wrench(np.array([late - 0.1, late + 0.1]), np.zeros(2))
    assert wrench[:, 2] == pytest.approx([1.0, 4.0], abs=1e-6)


def test_a_command_too_short_to_average_takes_over_the_one_before():
    recorder = ResidualRecorder(walk(), GaitAverage.zero(walk()))
    record(recorder, lambda time, phase: np.full(6, 2.0), 0.3, 3.9)
    wrench = recorder.average().wrench(np.array([0.1, 2.4, 2.9, 5.0]), np.zeros(4))
    assert wrench[:, 0] == pytest.approx([0.0, 2.0, 2.0, 2.0], abs=1e-6)


def test_useless_measurements_are_not_recorded():
    recorder = ResidualRecorder(walk(), GaitAverage.zero(walk()))
    recorder.update(
        ResidualMeasurement(inputs(0.1), np.zeros(6), np.full(6, np.nan), np.zeros(6), 15.0, np.eye(3), 0.01)
    )
    assert not recorder.average().coefficients.any()


def test_the_recorder_predicts_the_average_at_the_phases_of_the_horizon():
    trained = ResidualRecorder(walk(), GaitAverage.zero(walk()))
    record(trained, swell, 3.0, 4.0)
    recorder = ResidualRecorder(walk(), trained.average())
    recorder.set_truth(Clock(5.0))
    phase = 0.1 + 0.1 * np.arange(5)
    expected = np.array([swell(0.0, p + 0.05) for p in phase])
    assert recorder.predict(inputs(phase)) == pytest.approx(expected, abs=0.05)


def test_calibration_leaves_the_disturbances_out_and_sees_the_model_error_of_a_trot():
    scenario = replace(walk(), duration_s=5.0, disturbances=(Wrench((0.0, 60.0, 0.0), at_s=3.0),))
    average = calibrate(scenario, passes=1)
    constant = average.coefficients[-1, 0]
    # No trace of the push; but legs that swing leave the rigid body short of several newtons along the way.
    assert abs(constant[1]) < 10.0
    assert np.abs(average.coefficients[-1, 1:, :3]).max() > 2.0


def test_calibration_without_a_run_is_refused():
    with pytest.raises(InvalidValue, match="passes must be >= 1, got 0"):
        calibrate(walk(), passes=0)


def test_a_recorder_that_predicts_nothing_leaves_the_run_that_of_the_nominal_controller():
    scenario = replace(walk(), duration_s=3.2)
    recorded = run(scenario, learner=ResidualRecorder(scenario, GaitAverage.zero(scenario)))
    assert not recorded.values["residual"].any()
