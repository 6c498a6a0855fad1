"""Runs the trials of a suite over several processes."""

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from controllers.errors import ControlError, InvalidValue
from controllers.quadruped.controller import LocomotionConfig
from evaluation.journal import Journal, fingerprint
from evaluation.measurement import measure
from evaluation.privileged import PRIVILEGED
from evaluation.results import Row
from evaluation.rollout import RolloutConfig, run
from evaluation.suite import Trial
from evaluation.trace import Trace

JOURNAL = "rows.jsonl"
TRACES = "traces"

Perform = Callable[[Any, Path | None], Row]
Fingerprint = Callable[[Any], str]


class TrialFailed(ControlError, RuntimeError):
    """A trial ended in an error of the program, which is no result; what was finished before is kept."""


def perform(trial: Trial, trace: Path | None = None) -> Row:
    """Run one trial.

    Args:
        trial: What to run.
        trace: Where to keep its curves; None for nowhere.

    Returns:
        Its metrics.
    """
    if trial.case.perform is not None:
        return trial.case.perform(trial, trace)
    scenario = trial.case.build(trial.seed)
    window = trial.case.window(scenario)
    make = PRIVILEGED.get(trial.method)
    config = RolloutConfig(LocomotionConfig(learner="none" if make else trial.method), estimator=trial.estimator)
    log = run(scenario, config, make(scenario, config) if make else None)
    if trace is not None:
        Trace.of(log, trial.method, window).save(trace)
    return Row(trial.method, trial.case.name, trial.seed, measure(log, window))


def trace_path(out: Path, trial: Trial) -> Path:
    """Name the file of a trial's curves.

    Args:
        out: Folder of the results.
        trial: The trial.

    Returns:
        Its path.
    """
    return out / TRACES / f"{trial.case.name}__{trial.method}__{trial.seed}.npz"


def run_trials(
    trials: Sequence[Trial],
    out: Path,
    jobs: int = 1,
    console: Console | None = None,
    perform: Perform = perform,
    fingerprint: Fingerprint = fingerprint,
) -> list[Row]:
    """Run trials; those that stand in the journal of an earlier, interrupted run are taken from there.

    Args:
        trials: What to run; curves are kept of the first seed of each.
        out: Folder of the results.
        jobs: Number of processes.
        console: Where progress is shown; None for nowhere.
        perform: Runs one trial.
        fingerprint: Digests all that decides the outcome of a trial.

    Returns:
        One row per trial, in the order of the trials.

    Raises:
        InvalidValue: The number of jobs is not positive.
        TrialFailed: A trial raised an error; rows of the others that were finished are in the journal.
    """
    if jobs < 1:
        raise InvalidValue(f"jobs must be >= 1, got {jobs}")
    journal = Journal(out / JOURNAL, fingerprint)
    rows = journal.finished(trials)
    first = trials[0].seed if trials else 0
    traces = {trial.key: trace_path(out, trial) if trial.seed == first else None for trial in trials}
    todo = [trial for trial in trials if trial.key not in rows]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=console is None) as progress:
        task = progress.add_task("trials", total=len(trials), completed=len(rows))

        def keep(trial: Trial, row: Row) -> None:
            rows[trial.key] = row
            journal.append(trial, row)
            fell = row.metrics.get("fell")
            progress.update(task, advance=1, description=f"{row.case} · {row.method}" + (" · fell" if fell else ""))

        if jobs == 1 or len(todo) == 1:
            for trial in todo:
                keep(trial, _named(trial, partial(perform, trial, traces[trial.key])))
        elif todo:
            _spread(todo, traces, min(jobs, len(todo)), perform, keep)
    return [rows[trial.key] for trial in trials]


def _spread(
    todo: Sequence[Trial],
    traces: dict[tuple[str, str, int], Path | None],
    jobs: int,
    perform: Perform,
    keep: Callable[[Trial, Row], None],
) -> None:
    # Forking would copy the threads' locks of numba and MuJoCo in whatever state they are.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_be_single_threaded)
    try:
        pending: dict[Future[Row], Trial] = {pool.submit(perform, trial, traces[trial.key]): trial for trial in todo}
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                trial = pending.pop(future)
                keep(trial, _named(trial, future.result))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def _named(trial: Trial, call: Callable[[], Row]) -> Row:
    try:
        return call()
    except BrokenProcessPool as error:
        raise TrialFailed("a worker process died (out of memory?); run the same command again to go on") from error
    except Exception as error:
        name = f"case '{trial.case.name}', method '{trial.method}', seed {trial.seed}"
        raise TrialFailed(f"{name}: {type(error).__name__}: {error}") from error


def _be_single_threaded() -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
