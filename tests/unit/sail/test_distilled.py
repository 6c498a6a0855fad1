import json

import pytest
from line_world import LineStudio, reached
from rich.console import Console

from controllers.errors import InvalidValue
from evaluation.distilled import measure_distilled
from policies.sail.filters import KeepSuccesses
from policies.sail.loop import EVALUATED, SailConfig, SailLoop
from policies.sail.loop_folder import find_kept
from policies.sail.records import read_json
from pronk import cli

GOALS = 12


def run_loop(folder, seed, iterations=1, stop=None):
    config = SailConfig("line", iterations, rollouts=6, goals=GOALS, seed=seed, cautious=False)
    run = SailLoop(LineStudio(), KeepSuccesses(), config, folder, "success of the line").run()
    return [next(run) for _ in range(iterations + 1 if stop is None else stop)]


def measure(folders, out, gain=0.02, by="two a piece"):
    return measure_distilled(folders, (), LineStudio(gain=gain), by, out, Console(quiet=True))


def test_a_policy_is_trained_on_what_was_kept_and_meets_the_goals_of_the_planner(tmp_path):
    reports = run_loop(tmp_path / "loop", 0)
    kept = sum(report.kept for report in reports)
    assert kept > 0
    (pair,) = measure([tmp_path / "loop"], tmp_path / "out")
    # By hand: the first skill of 0.05 and 0.02 more for each kept rollout.
    wanted = tuple(reached(EVALUATED + i, 0.05 + 0.02 * kept) for i in range(GOALS))
    assert pair.reports[1].reached == wanted and pair.reports[0].reached == reports[-1].reached
    row = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["rows"][0]
    assert row["metrics"] == {"planner_success": reports[-1].success, "policy_success": sum(wanted) / GOALS}


def test_what_is_there_is_not_trained_again(tmp_path):
    run_loop(tmp_path / "loop", 0)
    first = measure([tmp_path / "loop"], tmp_path / "out")
    # A studio that cannot train any more.
    assert measure([tmp_path / "loop"], tmp_path / "out", gain=float("nan")) == first


def test_policies_of_other_settings_are_not_taken_for_those_that_are_wanted(tmp_path):
    run_loop(tmp_path / "loop", 0)
    measure([tmp_path / "loop"], tmp_path / "out")
    with pytest.raises(InvalidValue, match=r"another policy \(two a piece, 2 iterations, not three, 2 iterations\)"):
        measure([tmp_path / "loop"], tmp_path / "out", by="three")
    # The loop went on in the meantime.
    run_loop(tmp_path / "loop", 0, iterations=2)
    with pytest.raises(InvalidValue, match="2 iterations, not two a piece, 3 iterations"):
        measure([tmp_path / "loop"], tmp_path / "out")


def test_a_stop_between_two_loops_costs_neither(tmp_path):
    for seed in (0, 1):
        run_loop(tmp_path / f"loop_{seed}", seed)
    measure([tmp_path / "loop_0"], tmp_path / "out")
    stood = (tmp_path / "out" / "line__success__0" / "reached.json").stat().st_mtime_ns
    pairs = measure([tmp_path / "loop_0", tmp_path / "loop_1"], tmp_path / "out")
    assert [pair.seed for pair in pairs] == [0, 1]
    assert (tmp_path / "out" / "line__success__0" / "reached.json").stat().st_mtime_ns == stood


def test_a_loop_that_is_not_finished_or_there_twice_is_refused(tmp_path):
    run_loop(tmp_path / "loop", 0, stop=1)
    with pytest.raises(InvalidValue, match="the loop of 'line', seed 0, is not finished"):
        measure([tmp_path / "loop"], tmp_path / "out")
    run_loop(tmp_path / "loop", 0)
    with pytest.raises(InvalidValue, match=r"loops are there twice: \['line__success__0'\]"):
        measure([tmp_path / "loop", tmp_path / "loop"], tmp_path / "out")


def test_what_was_kept_is_what_the_reports_count(tmp_path):
    reports = run_loop(tmp_path / "loop", 0, iterations=2)
    assert len(find_kept(tmp_path / "loop", [])) == sum(report.kept for report in reports)


def test_data_that_a_loop_was_not_run_with_are_refused(tmp_path):
    run_loop(tmp_path / "loop", 0)
    with pytest.raises(InvalidValue, match="held 0 episodes of its task, these hold 1: name the folders"):
        find_kept(tmp_path / "loop", [tmp_path / "episode_0.safetensors"])


def test_a_finished_loop_is_distilled_by_the_command(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    (tmp_path / "data").mkdir()
    data = ["--data", str(tmp_path / "data")]
    words = ["--iterations", "0", "--goals", "1", "--rollouts", "1", "--no-video", "--out", str(tmp_path / "loop")]
    assert cli.main(["train", "sail", "--task", "reach-wall", *data, *words]) == 0
    assert cli.main(["distil", str(tmp_path / "loop"), *data, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "nothing was kept, so the first policy stays" in told and "reach-wall, seed 0: planner " in told
    assert len(read_json(tmp_path / "out" / "reach-wall__success__0" / "reached.json")["reached"]) == 1
    # It is named as shipped policies are, so that it can be planned with.
    weights = ["--weights", str(tmp_path / "out" / "reach-wall__success__0" / "planner")]
    evaluate = ["eval", "planner", "--tasks", "reach-wall", "--methods", "cloning", "--seeds", "0:1", *weights]
    assert cli.main([*evaluate, "--out", str(tmp_path / "eval")]) == 0


def test_a_folder_without_loops_is_refused(tmp_path, capsys):
    assert cli.main(["distil", str(tmp_path), "--data", str(tmp_path)]) == 2
    assert "holds no improvement loop" in capsys.readouterr().err


def test_a_missing_first_policy_names_the_command_that_makes_it(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    run_loop(tmp_path / "loop", 0)
    words = ["distil", str(tmp_path / "loop"), "--data", str(tmp_path), "--weights", str(tmp_path)]
    assert cli.main(words) == 2
    assert "this makes them: pronk train cloning --data DIR,… --out DIR" in capsys.readouterr().err
