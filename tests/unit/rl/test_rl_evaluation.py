import dataclasses
import json

import pytest
from rich.console import Console

from controllers.errors import InvalidValue, UnknownName
from evaluation import rl as module
from evaluation.results import Row
from evaluation.rl import RlMethod, evaluate_rl, measure, run_folder
from evaluation.rl_report import cells, compare
from policies.rl.soft_actor_critic import LearnerConfig
from policies.rl.training import RlConfig, RolloutProgress

QUICK = LearnerConfig(hidden=8, critics=2, batch=8, updates=1, repeats=1, pretraining=1)


def quiet():
    return Console(quiet=True)


@pytest.fixture
def quick(monkeypatch):
    def config(trial):
        form = RlMethod.parse(trial.method).form
        return RlConfig(form, 0, trial.rollouts, trial.seed, every=2, episodes=2, learner=QUICK)

    monkeypatch.setattr(module, "_config", config)


def curve(*evaluated):
    return [RolloutProgress(i, i % 2 == 0, 10 * i, share, {}) for i, share in enumerate(evaluated)]


def test_a_training_is_summed_up_by_hand():
    found = measure(curve(0.1, None, 0.9, None, 0.7), 4)
    # Success of the last rollout alone, since a fifth of four is less than one.
    assert found == {
        "start_success": 0.1,
        "final_success": 0.7,
        "mean_success": pytest.approx(1.7 / 3.0),
        "rollouts_to_80": 2.0,
        "reached": 1.0,
        "rollout_success": 1.0,
        "steps": 40.0,
    }


def test_a_training_that_never_gets_there_counts_as_all_its_rollouts_and_says_so():
    found = measure(curve(0.1, None, 0.7), 2)
    assert (found["rollouts_to_80"], found["reached"]) == (2.0, 0.0)
    rows = [Row("sparse", "t", seed, found) for seed in range(3)]
    assert cells(rows, 2)[0][-1] == "> 2 (3 never)"
    assert cells([*rows[:1], *(Row("sparse", "t", s, {**found, "reached": 1.0}) for s in (1, 2))], 2)[0][-1] == (
        "2 (1 never)"
    )


def test_pairs_share_their_task_and_seed():
    def row(method, task, seed, value):
        return Row(method, task, seed, {"rollouts_to_80": value})

    rows = [row("sparse", "a", 0, 100.0), row("sparse", "a", 1, 50.0), row("sparse", "b", 0, 80.0)]
    rows += [row("shaped", "a", 1, 40.0), row("shaped", "a", 0, 60.0), row("shaped", "b", 7, 1.0)]
    found = {entry["task"]: entry for entry in compare(rows, "shaped", "sparse", "rollouts_to_80")}
    assert set(found) == {"a", "all"}
    assert found["a"]["difference"] == pytest.approx(-25.0) and found["a"]["n"] == 2
    low, high = found["a"]["ci95"]
    assert -40.0 <= low < high <= -10.0


def test_a_comparison_writes_results_tables_and_curves_and_goes_on_where_it_was(tmp_path, quick, monkeypatch):
    rows = evaluate_rl(["ledge"], ["sparse", "naive:oracle"], [0, 1], 4, tmp_path, quiet())
    assert [(row.method, row.seed) for row in rows] == [
        *(("sparse", 0), ("naive:oracle", 0), ("sparse", 1), ("naive:oracle", 1))
    ]
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["rollouts"] == 4 and len(results["rows"]) == 4
    assert {entry["metric"] for entry in results["paired"]} == {"rollouts_to_80", "mean_success", "final_success"}
    text = (tmp_path / "report.md").read_text()
    assert "| ledge | naive:oracle | 2 |" in text and "## Leaves the ledge" in text
    assert (tmp_path / "curves.png").stat().st_size > 1000

    def never(*_):
        raise AssertionError("a finished training was run again")

    monkeypatch.setattr(module, "make_decisions", never)
    again = evaluate_rl(["ledge"], ["sparse", "naive:oracle"], [0, 1], 4, tmp_path, quiet())
    assert [dataclasses.asdict(row) for row in again] == [dataclasses.asdict(row) for row in rows]


def test_every_training_has_a_folder_of_its_own(tmp_path):
    row = Row("shaped:oracle", "reach-wall", 3, {})
    assert run_folder(tmp_path, row).name == "reach-wall__shaped_oracle__3"


def test_unknown_methods_and_empty_comparisons_are_refused(tmp_path):
    with pytest.raises(UnknownName, match="form of reward 'dense'"):
        RlMethod.parse("dense:oracle")
    with pytest.raises(UnknownName, match=r"source of progress for 'shaped' \(such as 'shaped:oracle'\) ''"):
        RlMethod.parse("shaped")
    with pytest.raises(InvalidValue, match="there is nothing to run"):
        evaluate_rl(["ledge"], [], [0], 4, tmp_path, quiet())
    assert RlMethod.parse("sparse") == RlMethod("sparse", "none")
