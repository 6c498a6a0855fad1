import dataclasses

import pytest
from line_world import LineStudio, LineWorld, StepPlanner

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.judge import Judgements
from policies.rewards.success_filter import FilterConfig
from policies.sail.filters import KeepAll, KeepJudged, KeepSuccesses, make_filter, precision_and_recall
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
    kinds = [type(make_filter(name, judge)) for name in ("none", "success", "judge")]
    assert kinds == [KeepAll, KeepSuccesses, KeepJudged]
    with pytest.raises(UnknownName, match="filter 'some'; available: judge, none, success"):
        make_filter("some")
    with pytest.raises(InvalidValue, match="needs a judge, got none"):
        make_filter("judge")


def test_a_batch_is_recorded_only_where_it_has_a_folder(tmp_path):
    for folder in (None, tmp_path):
        rollouts = play(Batch(LineStudio(), None, "line", (1, 2), 2, folder))
        assert [rollout.seed for rollout in rollouts] == [1, 2]
        assert [rollout.episode is None for rollout in rollouts] == [folder is None] * 2
