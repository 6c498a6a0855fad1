"""Runs the trials of a suite, and only those that are not finished."""

from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from controllers.errors import InvalidValue
from controllers.quadruped.controller import LocomotionConfig
from controllers.quadruped.warmup import warm_up_controller, warm_up_estimator
from controllers.robot.catalog import load_robot
from evaluation.cost_curve import CostCurve
from evaluation.engines import Perform, get_engine, named
from evaluation.journal import Journal, fingerprint
from evaluation.measurement import measure
from evaluation.privileged import PRIVILEGED
from evaluation.regret import cost_path
from evaluation.results import Row
from evaluation.rollout import RolloutConfig, run
from evaluation.suite import Trial
from evaluation.trace import Trace

JOURNAL = "rows.jsonl"
TRACES = "traces"

Fingerprint = Callable[[Any], str]


@cache
def _warm_up(robot: str, learner: str) -> None:
    """Load the kernels, once in a process, so that the first trial is not timed with them."""
    description = load_robot(robot)
    warm_up_estimator(description)
    warm_up_controller(description, LocomotionConfig(learner=learner))


def perform(trial: Trial, trace: Path | None = None, out: Path | None = None) -> Row:
    """Run one trial.

    Args:
        trial: What to run.
        trace: Where to keep its curves; None for nowhere.
        out: Folder of the results, for its costs, from which regret is computed; None for nowhere.

    Returns:
        Its metrics.
    """
    if trial.case.perform is not None:
        return trial.case.perform(trial, trace)
    scenario = trial.case.build(trial.seed)
    window = trial.case.window(scenario)
    make = PRIVILEGED.get(trial.method)
    config = RolloutConfig(LocomotionConfig(learner="none" if make else trial.method), estimator=trial.estimator)
    _warm_up(scenario.robot, config.locomotion.learner)
    log = run(scenario, config, make(scenario, config) if make else None)
    if trace is not None:
        Trace.of(log, trial.method, window).save(trace)
    if out is not None:
        CostCurve.of(log).save(cost_path(out, *trial.key))
    return Row(trial.method, trial.case.name, trial.seed, measure(log, window))


def trace_path(out: Path, trial: Trial | Row) -> Path:
    """Name the file of a trial's curves.

    Args:
        out: Folder of the results.
        trial: The trial, or its row.

    Returns:
        Its path.
    """
    case = trial.case if isinstance(trial, Row) else trial.case.name
    return out / TRACES / f"{case}__{trial.method}__{trial.seed}.npz"


def run_trials(
    trials: Sequence[Trial],
    out: Path,
    jobs: int = 1,
    console: Console | None = None,
    perform: Perform = perform,
    fingerprint: Fingerprint = fingerprint,
    engine: str = "process",
) -> list[Row]:
    """Run trials; those that stand in the journal of an earlier, interrupted run are taken from there.

    Args:
        trials: What to run; curves are kept of the first seed of each.
        out: Folder of the results.
        jobs: How many run at the same time.
        console: Where progress is shown; None for nowhere.
        perform: Runs one trial.
        fingerprint: Digests all that decides the outcome of a trial.
        engine: Where they run when there are several jobs, one of `evaluation.engines.ENGINES`; "ray" is used for a
            single job as well.

    Returns:
        One row per trial, in the order of the trials.

    Raises:
        InvalidValue: The number of jobs is not positive, or the engine is not installed.
        UnknownName: There is no such engine; lists those that exist.
        TrialFailed: A trial raised an error; rows of the others that were finished are in the journal.
    """
    if jobs < 1:
        raise InvalidValue(f"jobs must be >= 1, got {jobs}")
    spread = get_engine(engine)
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

        if engine == "process" and min(jobs, len(todo)) == 1:
            for trial in todo:
                keep(trial, named(trial, partial(perform, trial, traces[trial.key])))
        elif todo:
            spread(todo, traces, min(jobs, len(todo)), perform, keep)
    return [rows[trial.key] for trial in trials]
