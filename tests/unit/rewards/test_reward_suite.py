import json

import numpy as np
import pytest
import torch
from rich.console import Console
from toy_clips import SIZE, SMALL, TASKS, VIEWS, toy_clip, toy_sentences

from controllers.errors import InvalidValue, UnknownName
from evaluation.published_judges import PublishedJudge
from evaluation.reward_methods import ADAPTED, DUMMIES, GOAL, choose_methods, reward_methods
from evaluation.reward_probes import probe_misfit, probe_order, probe_pause, probe_retry, reference_of
from evaluation.reward_trials import RewardTrials
from evaluation.rewards import (
    GROUPS,
    TITLES,
    RewardTarget,
    evaluate_rewards,
    pool,
    summarise_method,
    summary_cells,
    targets_of,
)
from policies.rewards.adaptation import AdaptationConfig
from policies.rewards.hop_network import HopNetwork
from policies.rewards.judge import Judgement
from policies.rewards.plain_judges import PlainJudge, make_plain_judge
from policies.rewards.reward_model import RewardModel
from policies.text import SentenceEncoder


class Oracle(PlainJudge):
    """Reads off the pictures where the square is; knows what task the goal is of."""

    def _reset(self, images, goal, start):
        super()._reset(images, goal, start)
        self._goal = goal

    def begin(self, images, instruction, goal=None, start=None):
        self._instruction = instruction
        return super().begin(images, instruction, goal, start)

    def _first(self, images):
        return self._next(images)

    def _next(self, images):
        picture = images["front"]
        red = (picture[..., 0] > 200) & (picture[..., 1] < 80)
        row, column = (np.flatnonzero(red.any(axis=axis))[0] / (SIZE - 5) for axis in (1, 0))
        at_rest = 6 / (SIZE - 5)
        shown = "slant" if abs(row - column) < 0.05 else "right" if abs(row - at_rest) < 0.05 else "down"
        fits = TASKS[shown] == self._instruction or max(row, column) < 0.6
        progress = {"right": column, "down": row, "slant": row}[shown]
        return float(progress) if fits else 0.0

    def _told(self, progress):
        self._progress = progress
        return Judgement(progress, 0.1, float(progress > 0.99), 1.0)


def clips():
    """Of each task three successes and two episodes that come to nothing."""
    halves = np.concatenate([np.linspace(0.0, 0.6, 8), np.linspace(0.6, 0.1, 6)])
    found = [toy_clip(task, seed=seed) for task in TASKS for seed in range(3)]
    return found + [toy_clip(task, halves, seed=seed, expert=False) for task in TASKS for seed in (5, 6)]


def model():
    torch.manual_seed(0)
    return RewardModel(HopNetwork(SMALL).eval(), SentenceEncoder(toy_sentences(TASKS.values())))


class OracleTrials(RewardTrials):
    def judge(self, method, task):
        return Oracle(VIEWS, SIZE) if not method.dummy else super().judge(method, task)


def passed(method, summary):
    """Which targets a judge reaches, measured by those of a judge that was adapted."""
    values = {name: entry["mean"] for name, entry in summary.items()}
    return {t.metric: t.holds(values.get(t.metric)) for t in targets_of(method, adapted=True)}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    out = tmp_path_factory.mktemp("suite")
    methods = choose_methods([*DUMMIES, GOAL], VIEWS)
    trials = OracleTrials(model(), clips(), methods, out, "d")
    summary, _ = evaluate_rewards(trials, methods, {m.name: 0.5 for m in methods}, out, Console(quiet=True))
    return summary, out


@pytest.mark.parametrize("name", ["clock", "positive"])
def test_judges_that_do_not_look_fail_although_they_order_every_episode(outcome, name):
    reached = passed(name, outcome[0][name])
    # A monotone stream orders an expert's episode perfectly; this alone is why order alone is no measure.
    assert reached["order_sparse"] and reached["order_medium"] and reached["order_dense"]
    assert not any(reached[metric] for metric in ("order_reversed", "auc", "retry", "loop"))


def test_distance_of_pixels_fails_too(outcome):
    reached = passed("pixels", outcome[0]["pixels"])
    assert not all(reached.values())


def test_a_judge_that_sees_passes(outcome):
    reached = passed(GOAL, outcome[0][GOAL])
    assert [name for name, ok in reached.items() if not ok] == []
    assert outcome[0][GOAL]["order_reversed"]["mean"] == pytest.approx(-1.0, abs=0.02)


def test_results_can_be_read_and_an_interrupted_run_goes_on(outcome):
    summary, out = outcome
    results = json.loads((out / "results.json").read_text())
    assert results["judges"][GOAL]["auc"]["mean"] == summary[GOAL]["auc"]["mean"]
    # Three clips are demonstrations: nobody is asked about them.
    assert len(results["rows"]) == 4 * (len(clips()) - 3)
    assert "| clock" in (out / "results.md").read_text() and (out / "plots" / "right.png").exists()
    journal = out / "trials.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-2]) + '\n{"key": ["d", "go')
    methods = choose_methods([*DUMMIES, GOAL], VIEWS)
    again = list(OracleTrials(model(), clips(), methods, out, "d").run())
    assert len(again) == len(lines) and len(journal.read_text().splitlines()) == len(lines) + 1


def test_the_learned_judges_run_through_all_that_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(AdaptationConfig, "__init__", _two_steps)
    methods = reward_methods(VIEWS)
    some = [c for c in clips() if c.task != "down" and c.seed in (0, 1, 5)]
    found = list(RewardTrials(model(), some, methods, tmp_path, "d").run())
    whole = next(t for t in found if t.method == ADAPTED and t.behaviour == "expert")
    assert {"order_dense", "pause_rmse", "retry", "misfit", "misfit_words", "loop", "bare_loop"} <= set(whole.metrics)
    side = next(t for t in found if t.method == "goal/forward")
    assert "order_dense" in side.metrics and "pause_rmse" not in side.metrics
    assert (tmp_path / "adapted" / "right-d.safetensors").exists()


def test_a_published_model_is_asked_all_that_ours_are_asked_and_told_from_others_of_its_name(tmp_path):
    judge = Oracle(VIEWS, SIZE)
    methods = choose_methods(["local", "clock"], VIEWS, ["local"])
    for mark in ("one", "two"):
        found = list(
            RewardTrials(model(), clips(), methods, tmp_path, "d", {"local": PublishedJudge(judge, mark)}).run()
        )
    told = next(t for t in found if t.method == "local" and t.behaviour == "expert")
    assert told.metrics["order_dense"] == pytest.approx(1.0) and {"pause_rmse", "misfit", "loop"} <= set(told.metrics)
    lines = [json.loads(line)["key"][:2] for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    count = len(clips()) - 3
    assert [lines.count([key, name]) for key, name in (("d-one", "local"), ("d-two", "local"), ("d", "clock"))] == [
        count
    ] * 3


def test_a_published_model_that_nobody_has_cannot_be_chosen():
    with pytest.raises(UnknownName, match=r"unknown judge 'local'; available: .*adapted"):
        choose_methods(["local"], VIEWS)
    assert "local" not in {method.name for method in reward_methods(VIEWS)}


def _two_steps(self, steps=2):
    from policies.rewards.hop_batches import BatchConfig

    for name, value in {"steps": 2, "rate": 1e-3, "pull": 0.0, "seed": 0, "batch": BatchConfig(clips=2)}.items():
        object.__setattr__(self, name, value)


def test_order_is_asked_at_three_densities_and_backwards():
    clip, demonstration = toy_clip(seed=1), toy_clip(seed=2)
    reference = reference_of(demonstration, VIEWS, VIEWS)
    found = probe_order(Oracle(VIEWS, SIZE), clip, reference, VIEWS)
    assert found["order_sparse"] == found["order_medium"] == 1.0 and found["order_reversed"] == -1.0
    # Places are whole pixels, eleven of them.
    assert found["error"] < 0.05


def test_a_clock_runs_on_while_nothing_moves_and_does_not_see_a_retry():
    clip, reference = toy_clip(seed=1), reference_of(toy_clip(seed=2), VIEWS, VIEWS)
    clock = make_plain_judge("clock", VIEWS, SIZE)
    # 0.01 a state over eight states: the root of the mean of squares of 1 to 8.
    expected = 0.01 * np.sqrt(np.mean(np.arange(1, 9) ** 2))
    assert probe_pause(clock, clip, reference, VIEWS)["pause_rmse"] == pytest.approx(expected)
    assert probe_retry(clock, clip, reference, VIEWS)["retry"] == 0.0
    assert probe_retry(Oracle(VIEWS, SIZE), clip, reference, VIEWS) == {"retry": 1.0, "retry_order": 1.0}


def test_a_misfit_that_is_taken_for_a_success_is_not_recognised():
    clip, other = toy_clip("right", seed=1), reference_of(toy_clip("down", seed=2), VIEWS, VIEWS)

    class Yes(PlainJudge):
        def _first(self, images):
            return 1.0

        def _next(self, images):
            return 1.0

    assert probe_misfit(Yes(VIEWS, SIZE), clip, other, 0.5, VIEWS) == {"misfit": 0.0}
    assert probe_misfit(Oracle(VIEWS, SIZE), clip, other, 0.5, VIEWS) == {"misfit": 1.0}
    assert Judgement(1.0, 0.0, 1.0, 1.0).success == 1.0


def test_pooled_numbers_of_known_opinions():
    from evaluation.reward_trials import RewardTrial

    def opinion(chance, done, seed):
        chance = np.array(chance)
        return RewardTrial("m", "t", "other", seed, {}, chance, chance, np.ones_like(chance), np.array(done), chance)

    trials = [opinion([0.1, 0.9], [False, True], 0), opinion([0.1, 0.6], [False, False], 1)]
    found = pool(trials, 0.5)
    assert found["auc"] == 1.0 and found["false_positives"] == pytest.approx(1 / 3) and found["recall"] == 1.0
    # Bins 0.1, 0.6, 0.9: off by 0.1 twice, by 0.6 and by 0.1.
    assert found["ece"] == found["ece_clear"] == pytest.approx((0.2 + 0.6 + 0.1) / 4)
    assert found["filter_precision"] == 0.5 and found["filter_recall"] == 1.0 and found["filter_fpr"] == 1.0
    assert summarise_method(trials, 0.5)["auc"]["n"] == 2


def test_a_target_that_was_not_measured_is_not_reached():
    assert not RewardTarget("goal", "auc", 0.8).holds(None) and not RewardTarget("goal", "auc", 0.8).holds(np.nan)
    assert RewardTarget("goal", "ece", 0.05, at_least=False).holds(0.05)


def test_what_cannot_be_evaluated_is_refused(tmp_path):
    methods = choose_methods(["clock"], VIEWS)
    with pytest.raises(InvalidValue, match="episodes of at least 2 tasks are needed, got right"):
        RewardTrials(model(), [toy_clip("right")], methods, tmp_path, "d")
    with pytest.raises(InvalidValue, match="at least 2 successes of the expert at 'down' are needed, got 1"):
        RewardTrials(model(), [*(toy_clip("right", seed=s) for s in (0, 1)), toy_clip("down")], methods, tmp_path, "d")
    twice = [toy_clip("down", shares=[0.0, 0.5], seed=7, expert=False) for _ in range(2)]
    experts = [toy_clip(task, seed=seed) for task in ("right", "down") for seed in (0, 1, 7)]
    with pytest.raises(InvalidValue, match="two episodes of others at 'down' have seed 7: each must have a seed of"):
        RewardTrials(model(), [*experts, *twice], methods, tmp_path, "d")
    # An expert's seed may be another's, too.
    RewardTrials(model(), [*experts, twice[0]], methods, tmp_path, "d")
    with pytest.raises(UnknownName, match="unknown judge 'sundial'"):
        choose_methods(["sundial"], VIEWS)


def test_a_group_of_numbers_is_shown_without_intervals_and_without_judges_that_have_none_of_them():
    number = {"mean": 0.5, "ci95": [0.4, 0.6]}
    summary = {"goal": {"auc": number, "retry": number}, "other": {"retry": number}}
    assert summary_cells(summary, ("auc", "ece"), intervals=False) == (["judge", "AUC"], [["goal", "0.500"]])
    assert summary_cells(summary, ("retry",))[1] == [["goal", "0.500 [0.40, 0.60]"], ["other", "0.500 [0.40, 0.60]"]]


def test_every_number_with_a_title_belongs_to_one_group():
    grouped = [name for names in GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(TITLES)
