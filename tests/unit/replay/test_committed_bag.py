"""Thresholds on a recorded walk with a load; `tests/data/make_walk_bag.py` made the bag.

The bag begins in the midst of walking and lasts 1.5 s, so that learners start from nothing: what is held here is what
they make of so little. The numbers when the thresholds were set stand behind them.
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
    assert report.about["readings"] == 750 and report.about["taken_over_in_motion"]
