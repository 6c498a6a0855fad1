import io
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import row, trials
from rich.console import Console

from controllers.errors import InvalidValue
from evaluation import journal
from evaluation.engines import TrialFailed
from evaluation.journal import Journal
from evaluation.runner import JOURNAL, run_trials

TESTS = Path(__file__).parent
KILLED = """
import os, signal, sys
from pathlib import Path
from made_runs import row, trials
from evaluation.runner import run_trials

def perform(trial, trace):
    if trial.seed == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return row(trial.seed, height_rmse_m=0.001 * trial.seed)

run_trials(trials(), Path(sys.argv[1]), perform=perform)
"""


class Performer:
    def __init__(self, stop_at=None, error=KeyboardInterrupt):
        self.seen, self.stop_at, self.error = [], stop_at, error

    def __call__(self, trial, trace):
        if trial.seed == self.stop_at:
            raise self.error("stop")
        self.seen.append(trial.seed)
        return row(trial.seed, height_rmse_m=0.001 * trial.seed)


def simple(trial, trace):
    return row(trial.seed, height_rmse_m=0.001 * trial.seed)


def test_rows_come_in_the_order_of_the_trials(tmp_path):
    rows = run_trials(list(reversed(trials())), tmp_path, perform=Performer())
    assert [r.seed for r in rows] == [3, 2, 1, 0]


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run_trials(trials(), tmp_path, perform=Performer(stop_at=2))
    second = Performer()
    rows = run_trials(trials(), tmp_path, perform=second)
    assert second.seen == [2, 3]
    assert [r.metrics["height_rmse_m"] for r in rows] == pytest.approx([0.0, 0.001, 0.002, 0.003])


def test_a_killed_run_keeps_what_was_finished(tmp_path):
    program = [sys.executable, "-c", KILLED, str(tmp_path)]
    environment = {"PYTHONPATH": f"{TESTS.parents[2]}:{TESTS}", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(program, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    second = Performer()
    assert len(run_trials(trials(), tmp_path, perform=second)) == 4
    assert second.seen == [2, 3]


def test_a_torn_last_line_costs_only_its_own_trial(tmp_path):
    run_trials(trials(3), tmp_path, perform=Performer())
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[:-20])
    second, third = Performer(), Performer()
    run_trials(trials(4), tmp_path, perform=second)
    run_trials(trials(4), tmp_path, perform=third)
    assert (second.seen, third.seen) == ([2, 3], [])


def test_another_estimator_or_method_is_run_afresh(tmp_path):
    run_trials(trials(2), tmp_path, perform=Performer())
    other = Performer()
    run_trials([replace(trial, estimator="ground_truth") for trial in trials(2)], tmp_path, perform=other)
    run_trials(trials(2, "l1"), tmp_path, perform=other)
    assert other.seen == [0, 1, 0, 1]


def test_changed_code_is_run_afresh(tmp_path, monkeypatch):
    run_trials(trials(1), tmp_path, perform=Performer())
    monkeypatch.setattr(journal, "source_digest", lambda: "other code")
    other = Performer()
    run_trials(trials(1), tmp_path, perform=other)
    assert other.seen == [0]


def test_a_scenario_that_changed_is_run_afresh(tmp_path):
    run_trials(trials(1), tmp_path, perform=Performer())
    case = trials(1)[0].case
    longer = replace(case, build=lambda seed: replace(case.build(seed), duration_s=13.0))
    other = Performer()
    run_trials([replace(trials(1)[0], case=longer)], tmp_path, perform=other)
    assert other.seen == [0]


def test_an_error_in_a_trial_names_the_trial_and_keeps_the_others(tmp_path):
    with pytest.raises(TrialFailed, match="case 'quiet', method 'none', seed 1: RuntimeError: stop"):
        run_trials(trials(), tmp_path, perform=Performer(stop_at=1, error=RuntimeError))
    assert list(Journal(tmp_path / JOURNAL).finished(trials())) == [("quiet", "none", 0)]


def test_two_processes_give_the_rows_of_one(tmp_path):
    one = run_trials(trials(), tmp_path / "one", jobs=1, perform=simple)
    two = run_trials(trials(), tmp_path / "two", jobs=2, perform=simple)
    assert one == two


def test_no_jobs_are_refused(tmp_path):
    with pytest.raises(InvalidValue, match="jobs must be >= 1, got 0"):
        run_trials(trials(), tmp_path, jobs=0)


def test_progress_names_the_trial_and_the_time_left(tmp_path):
    console = Console(file=io.StringIO(), width=120, force_terminal=True)
    run_trials(trials(2), tmp_path, console=console, perform=Performer())
    text = console.file.getvalue()
    assert "quiet · none" in text
    assert "2/2" in text


def test_curves_are_kept_of_the_first_seed_only(tmp_path):
    asked = {}
    run_trials(
        trials(2), tmp_path, perform=lambda trial, trace: asked.update({trial.seed: trace}) or simple(trial, trace)
    )
    assert asked[0].name == "quiet__none__0.npz"
    assert asked[1] is None
