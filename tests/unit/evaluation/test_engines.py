import os
import sys
import types

import pytest
from made_runs import row, trials

from controllers.errors import InvalidValue, UnknownName
from evaluation.engines import ENGINES, TrialFailed, get_engine
from evaluation.journal import Journal
from evaluation.runner import JOURNAL, run_trials


class TaskError(Exception):
    def __init__(self, cause):
        super().__init__("Traceback (most recent call last): ...")
        self.cause = cause


class RayError(Exception):
    pass


class FakeRay:
    """Ray's interface as far as it is used; tasks run when they are fetched, the newest first."""

    def __init__(self, dies_at=None):
        self.exceptions = types.SimpleNamespace(RayTaskError=TaskError, RayError=RayError)
        self.started, self.running, self.most, self.cancelled, self.stopped = None, [], 0, [], False
        self.submitted = 0
        self.dies_at = dies_at

    def is_initialized(self):
        return False

    def init(self, **options):
        self.started = options

    def shutdown(self):
        self.stopped = True

    def remote(self, **options):
        assert options == {"num_cpus": 1, "max_retries": 0}
        return lambda perform: types.SimpleNamespace(remote=lambda *arguments: self.submit(perform, arguments))

    def submit(self, perform, arguments):
        reference = (self.submitted, perform, arguments)
        self.submitted += 1
        self.running.append(reference)
        self.most = max(self.most, len(self.running))
        return reference

    def wait(self, references, num_returns):
        assert num_returns == 1 and set(references) == set(self.running)
        return [self.running[-1]], self.running[:-1]

    def get(self, reference):
        self.running.remove(reference)
        _, perform, arguments = reference
        if arguments[0].seed == self.dies_at:
            raise RayError("node died")
        try:
            return perform(*arguments)
        except Exception as error:
            raise TaskError(error) from error

    def cancel(self, reference, force):
        assert force
        self.cancelled.append(reference)
        self.running.remove(reference)


@pytest.fixture
def ray(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    return fake


def simple(trial, trace):
    return row(trial.seed, height_rmse_m=0.001 * trial.seed)


def failing(trial, trace):
    if trial.seed == 2:
        raise RuntimeError("stop")
    return simple(trial, trace)


def test_ray_gives_the_rows_of_one_process(tmp_path, ray):
    expected = run_trials(trials(), tmp_path / "one", perform=simple)
    assert run_trials(trials(), tmp_path / "ray", jobs=2, perform=simple, engine="ray") == expected
    assert ray.most == 2 and ray.stopped
    assert (ray.started["num_cpus"], ray.started["runtime_env"]["env_vars"]["OMP_NUM_THREADS"]) == (2, "1")


def test_a_cluster_that_exists_is_not_sized(tmp_path, ray, monkeypatch):
    monkeypatch.setitem(os.environ, "RAY_ADDRESS", "head:6379")
    run_trials(trials(), tmp_path, jobs=2, perform=simple, engine="ray")
    assert "num_cpus" not in ray.started


def test_an_error_under_ray_names_the_trial_and_keeps_the_others(tmp_path, ray):
    with pytest.raises(TrialFailed, match="case 'quiet', method 'none', seed 2: RuntimeError: stop"):
        run_trials(trials(), tmp_path, jobs=2, perform=failing, engine="ray")
    assert ray.stopped and len(ray.cancelled) == 1
    finished = Journal(tmp_path / JOURNAL).finished(trials())
    assert 2 not in {seed for _, _, seed in finished}
    # The next run makes only what is missing.
    ran = []
    run_trials(
        trials(),
        tmp_path,
        jobs=2,
        perform=lambda trial, trace: ran.append(trial.seed) or simple(trial, trace),
        engine="ray",
    )
    assert sorted(ran) == sorted({0, 1, 2, 3} - {seed for _, _, seed in finished})


def test_a_worker_that_dies_under_ray_is_told_with_the_way_on(tmp_path, ray):
    ray.dies_at = 1
    with pytest.raises(TrialFailed, match=r"a worker process died .*; run the same command again to go on"):
        run_trials(trials(), tmp_path, jobs=1, perform=simple, engine="ray")


def test_without_ray_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidValue, match=r"engine 'ray' needs the extra 'ray': pip install 'pronk\[ray\]'"):
        run_trials(trials(), tmp_path, jobs=2, perform=simple, engine="ray")


def test_an_unknown_engine_is_refused_with_those_that_exist(tmp_path):
    with pytest.raises(UnknownName, match="unknown engine 'steam'; available: process, ray"):
        run_trials(trials(), tmp_path, engine="steam")
    assert get_engine("process") is ENGINES["process"]
