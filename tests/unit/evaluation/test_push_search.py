import numpy as np
import pytest

from evaluation import push_search
from evaluation.adaptation_suites import LARGEST_PUSH
from evaluation.push_search import LARGEST_N, RESOLUTION_N, largest_push
from evaluation.rollout import RunLog
from evaluation.runner import perform
from evaluation.suite import Trial


@pytest.fixture
def robot_that_stands(monkeypatch):
    """Make every robot survive shoves of up to so many newtons."""
    tried = []

    def up_to(newton):
        def run(scenario, config, learner):
            tried.append(
                (scenario.disturbances[0].force_n[1], scenario.seed, config.locomotion.learner, config.estimator)
            )
            return RunLog(scenario, tried[-1][0] > newton, 1.0, {})

        monkeypatch.setattr(push_search, "run", run)
        monkeypatch.setattr(push_search, "fall_time", lambda log: 1.0 if log.fell else None)
        return tried

    return up_to


def trial(seed=2):
    return Trial(LARGEST_PUSH, "kalman", seed, "ground_truth")


@pytest.mark.parametrize("newton", [5.0, 33.0, 255.0, 318.0, 500.0, 629.0])
def test_the_edge_is_found_to_the_resolution(robot_that_stands, newton):
    robot_that_stands(newton)
    found = largest_push(trial()).metrics["largest_push_n"]
    assert newton - RESOLUTION_N < found <= newton


def test_every_shove_meets_the_same_phase_noise_method_and_estimator(robot_that_stands):
    tried = robot_that_stands(300.0)
    row = largest_push(trial(4))
    assert {entry[1:] for entry in tried} == {(4, "kalman", "ground_truth")}
    assert row.metrics["shoves"] == len(tried) == np.log2(LARGEST_N / RESOLUTION_N)
    assert (row.method, row.case, row.seed, row.metrics["push_phase"]) == ("kalman", "largest_push", 4, 4.0)


def test_a_robot_that_survives_nothing_fell_and_one_that_survives_all_has_the_largest(robot_that_stands):
    robot_that_stands(0.0)
    weak = largest_push(trial()).metrics
    assert (weak["fell"], weak["survived"], weak["largest_push_n"]) == (1.0, 0.0, 0.0)
    robot_that_stands(1e4)
    strong = largest_push(trial()).metrics
    assert (strong["fell"], strong["largest_push_n"]) == (0.0, LARGEST_N - RESOLUTION_N)


def test_a_suite_runs_the_search_in_place_of_a_single_run(robot_that_stands):
    robot_that_stands(300.0)
    assert perform(trial()).metrics["largest_push_n"] == largest_push(trial()).metrics["largest_push_n"]
