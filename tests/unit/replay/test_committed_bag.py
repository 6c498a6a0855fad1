"""Thresholds on a recorded walk with a load; `tests/data/make_walk_bag.py` made the bag.

The bag begins in the midst of walking and lasts 1.2 s, so that learners start from nothing: what is held here is what
they make of so little.
"""

from pathlib import Path

import pytest

from evaluation.replay.replay import ReplayConfig
from evaluation.replay.replay_report import ReplayOptions, replay_bag

BAG = Path(__file__).resolve().parents[2] / "data" / "go2_walk_with_load"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    options = ReplayOptions(ReplayConfig(learners=("none", "pronk")), bag=False)
    return replay_bag(BAG, tmp_path_factory.mktemp("results"), options)


@pytest.fixture(scope="module")
def metrics(report):
    return {row.method: row.metrics for row in report.rows}


def test_the_bag_is_small_and_whole(report):
    assert sum(path.stat().st_size for path in BAG.iterdir()) <= 300_000
    assert report.about["damages"] == [] and report.about["refused"] == {}
    assert report.about["readings"] == 600 and report.about["taken_over_in_motion"]


def test_the_estimate_is_near_the_truth(metrics):
    # The estimator begins at rest, in a robot that walks at 0.4 m/s; what it needs to learn that is counted.
    found = metrics["estimator"]
    assert found["velocity_rmse_mps"] < 0.05
    assert found["tilt_rmse_rad"] < 0.005
    assert found["height_rmse_m"] < 0.02


def test_the_nominal_model_misses_the_weight_of_the_load(metrics):
    # 5 kg that it knows nothing of: 49 N, which within the horizon of 0.36 s change the velocity of 15 kg by 1.2 m/s.
    assert metrics["none"]["wrench_rmse_n"] == pytest.approx(49.05, abs=3.0)
    assert metrics["none"]["horizon_velocity_rmse_mps"] == pytest.approx(1.2, abs=0.3)


def test_the_learner_foretells_momentum_better_than_the_nominal_model(metrics):
    nominal, learned = metrics["none"], metrics["pronk"]
    assert learned["predictions"] == nominal["predictions"] > 40
    names = ("one_step_velocity_rmse_mps", "horizon_velocity_rmse_mps", "wrench_rmse_n", "residual_difference_rms_n")
    for name in names:
        assert learned[name] < 0.8 * nominal[name], name


def test_would_be_commands_are_near_the_recorded_ones(metrics):
    assert metrics["pronk"]["torque_difference_rms_nm"] < metrics["none"]["torque_difference_rms_nm"] < 10.0
    assert metrics["pronk"]["position_difference_rms_rad"] < 0.1
    assert metrics["pronk"]["solver_failures"] == 0.0
