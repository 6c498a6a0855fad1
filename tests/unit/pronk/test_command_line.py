import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.claims import Claim, Verdict
from evaluation.locomotion_suites import SUITES
from pronk import cli

ROOT = Path(__file__).parents[3]


def misuse(capsys, *words):
    """Run the command line; return its exit code and what it printed as an error."""
    try:
        code = cli.main(words)
    except SystemExit as end:
        code = end.code
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fly"], "invalid choice: 'fly'"),
        ([], "the following arguments are required: COMMAND"),
        (["eval", "swimming"], "invalid choice: 'swimming'"),
        (["eval", "locomotion", "--suite", "all"], "unknown suite 'all'; available: adaptation, "),
        (["eval", "locomotion", "--engine", "steam"], "unknown engine 'steam'; available: process, ray"),
        (["eval", "locomotion", "--methods", "magic"], "unknown method 'magic'; available: "),
        (["eval", "locomotion", "--estimator", "eyes"], "unknown estimator 'eyes'; available: ground_truth, kalman"),
        (["eval", "locomotion", "--seeds", "a:b"], "seeds must have the form A:B or a,b,c with integers, got 'a:b'"),
        (["eval", "locomotion", "--only", "x"], "unknown case of suite 'smoke' 'x'"),
        (["eval", "locomotion", "--jobs", "0"], "jobs must be >= 1, got 0"),
        (["eval", "locomotion", "--jobs", "two"], "argument --jobs: invalid int value: 'two'"),
        (["eval", "locomotion", "--cases", "none.yaml"], "cannot read the case file none.yaml"),
        (["tune", "swimming"], "invalid choice: 'swimming'"),
        (["tune", "locomotion", "--methods", "none"], "unknown method that can be tuned 'none'; available: bias, "),
        (["tune", "locomotion", "--only", "x"], "unknown tuning case 'x'; available: clean, drag, "),
        (["tune", "locomotion", "--budget", "0"], "budget must lie in [1, 4096], got 0"),
        (["train", "swimming"], "invalid choice: 'swimming'"),
        (["train", "navigation", "--variant", "x"], "unknown variant of the navigation policy 'x'; available: paper, "),
        (["train", "navigation", "--algorithm", "x"], "unknown training algorithm 'x'; available: evolution, ppo"),
        (["train", "navigation", "--budget", "0"], "TrainingConfig.budget must be at least 1, got 0"),
        (["scenario", "moon"], "unknown scenario 'moon'; available: "),
        (["scenario", "flat_walk", "--robot", "cat"], "unknown robot 'cat'; available: aliengo, go1, go2"),
        (["scenario", "flat_walk", "--learner", "magic"], "unknown residual learner 'magic'"),
        (["report", "no_such_bag"], "'no_such_bag' is no bag"),
        (["view", "no_such_bag"], "'no_such_bag' does not exist"),
        (["report", "adaptation"], "the following arguments are required: --case"),
        (["report", "adaptation", "--suite", "payload", "--case", "x"], "unknown case of suite 'payload' 'x'; avail"),
        (["report", "adaptation", "--suite", "moon", "--case", "x"], "unknown suite 'moon'; available: "),
        (["report", "adaptation", "--case", "x", "--seed", "one"], "argument --seed: invalid int value: 'one'"),
        (["report", "suite", "no_such_folder"], "no_such_folder has no results.json"),
        (["report", "./adaptation"], "'adaptation' is no bag"),
        (["demo", "--scenario", "moon"], "unknown scenario 'moon'"),
        (["demo", "--learner", "magic"], "unknown residual learner 'magic'"),
        (["bench", "--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_misuse_gives_one_line_and_exit_code_two(capsys, words, message):
    code, error = misuse(capsys, *words)
    assert code == 2
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_the_help_lists_the_suites_that_exist():
    assert set(cli.SUITES) == set(SUITES)


def test_a_case_that_is_not_in_its_file_is_refused_with_those_that_are(capsys, tmp_path):
    path = tmp_path / "cases.yaml"
    path.write_text("- {name: light, duration_s: 1.0, command: [{at_s: 0.0}]}\n")
    code, error = misuse(capsys, "scenario", "heavy", "--cases", str(path))
    assert (code, error) == (2, f"error: no case 'heavy' in {path}; available: light\n")


def test_launch_hands_its_words_on(capsys):
    code, error = misuse(capsys, "launch", str(ROOT / "launch" / "no.launch.yaml"))
    assert code == 2
    assert "no.launch.yaml" in error


def test_launch_without_ros_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pronk_bringup.runner", None)
    code, error = misuse(capsys, "launch", "x.launch.yaml")
    assert code == 2
    assert "pip install 'pronk[ros]'" in error


@pytest.mark.parametrize(
    ("words", "passed", "code"),
    [([], False, 0), (["--check"], False, 1), (["--check"], True, 0), (["--check"], None, 0)],
)
def test_missed_targets_fail_only_a_check(monkeypatch, tmp_path, words, passed, code):
    verdict = Verdict(Claim("c", "a", "none", "fell", 0.0), 1.0, 1, passed)
    monkeypatch.setattr("evaluation.locomotion.evaluate", lambda *arguments: [verdict])
    assert cli.main(["eval", "locomotion", "--out", str(tmp_path), *words]) == code


def test_an_interrupt_ends_with_its_own_exit_code(capsys, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("evaluation.locomotion.evaluate", interrupted)
    assert misuse(capsys, "eval", "locomotion") == (130, "interrupted\n")


def test_help_comes_without_the_heavy_libraries_and_one_thread_is_set():
    program = (
        "import sys, os; from pronk.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'numpy', 'mujoco', 'numba', 'matplotlib'} & set(sys.modules), 'too much was loaded'\n"
        "assert os.environ['OMP_NUM_THREADS'] == os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for command in (
        "launch",
        "eval",
        "collect",
        "gate",
        "tune",
        "bench",
        "drill",
        "doctor",
        "scenario",
        "report",
        "replay",
        "view",
        "watch",
        "demo",
    ):
        assert command in done.stdout
