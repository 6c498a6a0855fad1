import dataclasses

import numpy as np
import pytest
from line_world import LineStudio, LineWorld, StepPlanner

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.judge import Judgements
from policies.rewards.success_filter import FilterConfig
from policies.sail.filters import KeepAll, KeepJudged, KeepSuccesses, Verdict, make_filter, precision_and_recall
from policies.sail.rollouts import Batch, play
from policies.video.execution import ExecutionConfig, execute


@pytest.fixture(scope="module")
def episodes():
    found = [execute(LineWorld(), StepPlanner(skill), 3, ExecutionConfig(record=True)) for skill in (0.2, 0.01)]
    return [rollout.episode for rollout in found]


class BrightJudge:
    """Takes a picture for a success as far as it is bright, and remembers how many it was shown."""

    views, size = ("side",), 16

    def episode(self, images, instruction, goal=None, start=None):
        self.shown, self.instruction = len(images["side"]), instruction
        bright = images["side"].mean(axis=(1, 2, 3)) / 200.0
        return Judgements(bright, bright, bright, bright)


def test_filters_keep_all_successes_or_what_looks_like_one(episodes):
    success, failure = episodes
    assert success.info.successful and not failure.info.successful
    judged = KeepJudged(BrightJudge(), FilterConfig(0.9, stable=1))
    for keep, kept in ((KeepAll(), (True, True)), (KeepSuccesses(), (True, False)), (judged, (True, False))):
        assert tuple(keep.judge(episode).kept for episode in episodes) == kept
    # Blind to the truth: it goes by pictures alone.
    lied = dataclasses.replace(success, info=dataclasses.replace(success.info, successful=False))
    assert judged.judge(lied).kept and judged.judge(lied).score == pytest.approx(1.0)


def test_a_judge_is_shown_every_few_states_and_always_the_last(episodes):
    judge = BrightJudge()
    KeepJudged(judge).judge(episodes[1])
    # Twelve steps: states 0, 5, 10 and 12.
    assert judge.shown == 4 and judge.instruction == "go to the end"


def test_precision_and_recall_by_hand():
    assert precision_and_recall([True, True, True, False], [True, False, False, True]) == (1.0 / 3.0, 0.5)
    assert precision_and_recall([False], [False]) == (None, None)


def test_filters_are_found_by_name(episodes):
    judge = BrightJudge()
    kinds = [type(make_filter(name, judge)) for name in ("none", "success", "judge", "best")]
    assert kinds == [KeepAll, KeepSuccesses, KeepJudged, KeepJudged]
    with pytest.raises(UnknownName, match="filter 'some'; available: best, judge, none, success"):
        make_filter("some")
    for name in ("judge", "best"):
        with pytest.raises(InvalidValue, match=f"the filter '{name}' needs a judge, got none"):
            make_filter(name)


def test_the_best_third_is_kept_however_sure_the_judge_is(episodes):
    found = [Verdict(False, score, 7) for score in (0.01, 0.03, 0.02, 0.03, 0.0, 0.01)]
    best = make_filter("best", BrightJudge()).compare(found)
    # Of equals the first.
    assert [verdict.kept for verdict in best] == [False, True, False, True, False, False]
    assert [verdict.kept for verdict in make_filter("best", BrightJudge()).compare(found[:1])] == [True]
    assert [(v.score, v.end) for v in best] == [(v.score, v.end) for v in found]
    # By the threshold nothing changes, and others do not compare at all.
    for name in ("none", "success", "judge"):
        assert make_filter(name, BrightJudge()).compare(found) == found


def test_what_is_kept_ends_where_the_judge_sees_success_first(episodes):
    success = episodes[0]
    bright = success.images["side"].mean(axis=(1, 2, 3)) / 200.0
    judged = KeepJudged(BrightJudge(), FilterConfig(0.5, stable=1)).judge(success)
    assert judged.end == np.flatnonzero(bright >= 0.5)[0]
    best = KeepJudged(BrightJudge(), FilterConfig(0.99999, stable=1), share=0.5).judge(success)
    assert best.end == np.flatnonzero(bright >= 0.9 * bright.max())[0] > judged.end


def test_a_batch_is_recorded_only_where_it_has_a_folder(tmp_path):
    for folder in (None, tmp_path):
        rollouts = play(Batch(LineStudio(), None, "line", (1, 2), 2, folder))
        assert [rollout.seed for rollout in rollouts] == [1, 2]
        assert [rollout.episode is None for rollout in rollouts] == [folder is None] * 2
