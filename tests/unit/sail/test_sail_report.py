import json

import pytest
from line_world import LineStudio
from rich.console import Console

from controllers.errors import InvalidValue
from evaluation.sail_curves import ALL, LoopCurve, find_loops, measure_gains, read_loop
from evaluation.sail_report import write_report
from policies.sail.filters import KeepSuccesses
from policies.sail.iteration_report import IterationReport
from policies.sail.loop import SailConfig, SailLoop
from policies.sail.records import read_json
from pronk import cli


def report(iteration, reached, collected):
    return IterationReport(iteration, sum(reached) / len(reached), len(reached), reached, {}, collected, 0.5)


def loop(task, seed, first, last, method="success", collected=0):
    reached = tuple(tuple(i < many for i in range(10)) for many in (first, last))
    return LoopCurve(task, method, seed, (report(0, reached[0], 4), report(1, reached[1], collected)))


def test_tasks_count_the_same_however_many_loops_they_have():
    gains = {gain.task: gain for gain in measure_gains([loop("a", 0, 0, 4), loop("a", 1, 2, 4), loop("b", 0, 5, 9)])}
    assert gains["a"].shares == pytest.approx((0.1, 0.4))
    assert gains["b"].gain == pytest.approx(0.4)
    # (0.1 + 0.5) / 2 and (0.4 + 0.9) / 2
    assert gains[ALL].shares == pytest.approx((0.3, 0.65))
    assert (gains[ALL].tasks, gains[ALL].loops) == (2, 3)


def test_filters_are_summed_up_apart():
    found = measure_gains([loop("a", 0, 0, 4), loop("a", 0, 0, 8, method="none")])
    assert [(gain.method, gain.gain) for gain in found] == [
        ("success", pytest.approx(0.4)),
        ("none", pytest.approx(0.8)),
    ]


def test_a_gain_is_certain_only_where_loops_agree():
    same = measure_gains([loop("a", seed, 0, 8) for seed in range(3)])[0]
    apart = measure_gains([loop("a", 0, 0, 9), loop("a", 1, 9, 0), loop("a", 2, 0, 9)])[0]
    assert same.ci95[0] > 0.5
    assert apart.ci95[0] < 0.0 < apart.ci95[1]


def test_a_single_loop_has_no_interval():
    assert measure_gains([loop("a", 0, 0, 4)])[0].ci95 is None


@pytest.mark.parametrize(
    ("loops", "text"),
    [
        ([loop("a", 3, 0, 4, collected=5)], "the loop of 'a', seed 3, is not finished"),
        ([loop("a", 0, 0, 4), loop("a", 0, 0, 4)], r"loops are there twice: \[\('success', 'a', 0\)\]"),
        (
            [loop("a", 0, 0, 4), LoopCurve("b", "success", 0, (report(0, (True,), 0),))],
            r"loops differ in their iterations: \[0, 1\]",
        ),
    ],
)
def test_loops_that_do_not_belong_together_are_refused(loops, text):
    with pytest.raises(InvalidValue, match=text):
        measure_gains(loops)


@pytest.fixture
def folder(tmp_path):
    """Two loops of the line, one of them stopped after its first iteration."""
    for seed in (0, 1):
        config = SailConfig("line", iterations=2, rollouts=4, goals=6, seed=seed)
        run = SailLoop(LineStudio(), KeepSuccesses(), config, tmp_path / f"line_{seed}", "success of the line").run()
        for _ in range(3 - 2 * seed):
            next(run)
    return tmp_path


def test_loops_are_read_as_they_reported(folder):
    done, stopped = (read_loop(place) for place in find_loops([folder]))
    assert (done.task, done.method, done.seed, done.finished) == ("line", "success", 0, True)
    assert (stopped.seed, stopped.finished, len(stopped.reports)) == (1, False, 1)
    wanted = [
        json.loads((folder / f"line_0/iteration_{i}/report.json").read_text(encoding="utf-8"))["success"]
        for i in range(3)
    ]
    assert done.shares == wanted
    assert sum(done.gains) / 6 == pytest.approx(wanted[-1] - wanted[0])


def test_the_command_tells_finished_loops_and_names_the_others(folder, capsys):
    out = folder / "report"
    assert cli.main(["report", "sail", str(folder), "--out", str(out)]) == 0
    assert "left out, not finished (1 iterations): line, success, seed 1" in capsys.readouterr().out
    shown = (out / "report.md").read_text(encoding="utf-8")
    share = read_loop(folder / "line_0").shares[-1]
    assert f"| {100 * share:.0f} |" in shown
    assert (out / "curves.png").stat().st_size > 10_000
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    assert [row["metrics"]["last_success"] for row in results["rows"]] == [share]


def test_the_command_refuses_a_folder_without_loops(tmp_path, capsys):
    assert cli.main(["report", "sail", str(tmp_path)]) == 2
    assert "holds no improvement loop: there is no sail.json in it or one folder below" in capsys.readouterr().err


def test_a_loop_that_was_only_begun_is_refused(folder):
    for file in folder.glob("line_1/iteration_0/report.json"):
        file.unlink()
    with pytest.raises(InvalidValue, match=r"none of the iterations of '.*line_1' is over"):
        read_loop(folder / "line_1")


def test_what_was_forgotten_is_told(tmp_path):
    seen = [IterationReport(i, 0.5, 2, (True, False), {"x": 0.8 - 0.1 * i, "y": 0.4}, 3 * (1 - i)) for i in (0, 1)]
    write_report([LoopCurve("a", "none", 0, tuple(seen))], tmp_path, Console(quiet=True))
    assert "| 60 → 55 |" in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_loops_of_several_tasks_run_one_after_the_other_and_are_summed_up(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    (tmp_path / "data").mkdir()
    words = ["--iterations", "0", "--goals", "1", "--rollouts", "1", "--data", str(tmp_path / "data")]
    command = ["eval", "sail", "--tasks", "reach-wall,coffee-button", "--seeds", "0:1", *words, "--out", str(tmp_path)]
    assert cli.main(command) == 0
    assert "loop 2 of 2: coffee-button, filter 'success', seed 0" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [gain["task"] for gain in results["gains"]] == ["reach-wall", "coffee-button", ALL]
    assert sorted(place.name for place in find_loops([tmp_path / "runs"])) == [
        "coffee-button__success__0",
        "reach-wall__success__0",
    ]


def test_a_loop_of_a_cloned_policy_is_told_apart_from_one_of_a_planner(tmp_path):
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    (tmp_path / "data").mkdir()
    words = ["--iterations", "0", "--goals", "1", "--rollouts", "1", "--data", str(tmp_path / "data"), "--no-video"]
    for method in ("cloning", "in_domain"):
        command = ["train", "sail", "--task", "reach-wall", "--method", method, *words, "--out", str(tmp_path / method)]
        assert cli.main(command) == 0
    assert [read_loop(tmp_path / name).method for name in ("cloning", "in_domain")] == ["success:cloning", "success"]
    # It looks again after every frame.
    assert read_json(tmp_path / "cloning" / "sail.json")["frames"] == 1


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--tasks", "walk"], "task of the world 'manipulation' 'walk'"),
        (["--filters", "all"], "filter 'all'"),
        (["--method", "both"], "method of the planner 'both'"),
        (
            ["--method", "cloning", "--explore", "2", "--explorer", "prior"],
            "a cloned policy has no prior that explores",
        ),
        (["--method", "cloning", "--last"], "no mean of fine-tunings"),
    ],
)
def test_unknown_names_are_refused_before_anything_runs(tmp_path, capsys, words, text):
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    assert cli.main(["eval", "sail", "--data", str(tmp_path), "--out", str(tmp_path / "out"), *words]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_judge_is_not_asked_about_episodes_that_its_cameras_did_not_see(tmp_path, capsys):
    pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")
    pytest.importorskip("metaworld", reason="metaworld is not installed")
    data = tmp_path / "data"
    collect = ["collect", "manipulation", "--tasks", "reach-wall", "--behaviour", "play", "--episodes", "1"]
    assert cli.main([*collect, "--cameras", "corner4", "--out", str(data)]) == 0
    words = ["--iterations", "0", "--goals", "1", "--rollouts", "1", "--data", str(data)]
    command = ["train", "sail", "--task", "reach-wall", "--filter", "judge", "--no-video", *words]
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "1 of 1 episodes of 'reach-wall' in the data were not seen by all cameras of the judge" in told
    assert read_json(tmp_path / "out" / "given.json") in (None, [])
    # Play is no demonstration.
    shown = ["--demonstrations", str(data), "--out", str(tmp_path / "shown")]
    assert cli.main([*command, *shown]) == 2
    assert "needs a success of the expert at 'reach-wall' to learn from" in capsys.readouterr().err
