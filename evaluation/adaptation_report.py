"""One trial of a case run with several methods: metrics, curves, wrenches and a video beside each other."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from controllers.errors import UnknownName
from controllers.quadruped.controller import LocomotionConfig
from controllers.residual.catalog import LEARNERS
from evaluation.comparison import OURS
from evaluation.figure_style import style_of
from evaluation.locomotion import draw
from evaluation.machine import describe_machine, describe_versions
from evaluation.measurement import fall_time, measure
from evaluation.phases import show
from evaluation.plots import plot_runs
from evaluation.privileged import PRIVILEGED
from evaluation.results import write_json
from evaluation.rollout import RolloutConfig, RunLog, run
from evaluation.side_by_side import Shown, write_comparison
from evaluation.suite import Case, Suite
from evaluation.suite_report import SuiteReport, read_results, write_reports
from evaluation.table import COLUMNS, MAIN_COLUMNS, rich_table
from evaluation.trace import Trace
from evaluation.wrench_plots import plot_wrench
from sim.offscreen import NoRenderer

UNLEARNED = "none"


def default_methods() -> tuple[str, ...]:
    """Choose what is shown: no learning, and the best learner of the catalog.

    Returns:
        Names of methods.
    """
    return UNLEARNED, next(name for name in OURS if name in LEARNERS)


def find_case(suite: Suite, name: str) -> Case:
    """Look a case up.

    Args:
        suite: The suite.
        name: Name of the case.

    Returns:
        The case.

    Raises:
        UnknownName: There is no such case; lists those that exist.
    """
    for case in suite.cases:
        if case.name == name:
            return case
    raise UnknownName(f"case of suite '{suite.name}'", name, [case.name for case in suite.cases])


def show_method(case: Case, method: str, seed: int, estimator: str) -> tuple[Shown, dict[str, float]]:
    """Run a trial to its end, also where the robot falls.

    Args:
        case: The case.
        method: Learner, or the name of a `PRIVILEGED` one.
        seed: Which trial.
        estimator: "kalman" or "ground_truth".

    Returns:
        The run, and the metrics that a suite would give it.
    """
    scenario = case.build(seed)
    window = case.window(scenario)
    make = PRIVILEGED.get(method)
    locomotion = LocomotionConfig(learner=UNLEARNED if make else method)
    config = RolloutConfig(locomotion, estimator=estimator, stop_on_fall=False)
    log = run(scenario, config, make(scenario, config) if make else None)
    until_fall = truncated(log)
    return Shown(method, log, Trace.of(until_fall, method, window)), measure(until_fall, window)


def truncated(log: RunLog) -> RunLog:
    """Leave out what came after a fall.

    Args:
        log: The run.

    Returns:
        The run up to the fall; the run itself where the robot did not fall.
    """
    down = fall_time(log)
    if down is None:
        return log
    before = log.values["time"] <= down
    return replace(log, values={name: array[before] for name, array in log.values.items()})


def report_adaptation(
    case: Case,
    methods: Sequence[str] | None,
    seed: int,
    estimator: str,
    out: Path,
    console: Console,
    video: bool = True,
) -> int:
    """Run one trial with several methods and show it.

    Args:
        case: The case.
        methods: Methods from left to right; None for `default_methods`.
        seed: Which trial.
        estimator: "kalman" or "ground_truth".
        out: Folder for `metrics.json`, `curves.png`, `wrench_*.png` and `video.mp4`.
        console: Where the table goes.
        video: Whether to make the video.

    Returns:
        Exit code: 0, or 1 if the robot fell with the last method.

    Raises:
        UnknownName: A method does not exist.
    """
    chosen = list(dict.fromkeys(methods or default_methods()))
    for method in chosen:
        if method not in LEARNERS and method not in PRIVILEGED:
            raise UnknownName("method", method, (*LEARNERS, *PRIVILEGED))
    runs, measured = zip(*(show_method(case, method, seed, estimator) for method in chosen), strict=True)
    title = f"{case.name}, seed {seed}, estimator {estimator}"
    console.print(
        rich_table(title, ["", *(style_of(method).label for method in chosen)], _cells(runs, measured), left=1)
    )
    plot_runs(out / "curves.png", f"{case.name}, seed {seed}", [shown.trace for shown in runs])
    for shown in runs:
        plot_wrench(out / f"wrench_{shown.method}.png", f"{case.name}, seed {seed}", shown.trace)
    document: dict[str, Any] = {
        "case": case.name,
        "seed": seed,
        "estimator": estimator,
        "scenario": runs[0].log.scenario.name,
        "robot": runs[0].log.scenario.robot,
        "metrics": dict(zip(chosen, measured, strict=True)),
        "machine": describe_machine(),
        "versions": describe_versions(),
    }
    write_json(out / "metrics.json", document)
    if video:
        try:
            write_comparison(out / "video.mp4", runs)
        except NoRenderer as error:
            console.print(f"no video: {error}")
    console.print(f"results: {out.resolve()}", soft_wrap=True)
    return int(measured[-1]["fell"] == 1.0)


def _cells(runs: Sequence[Shown], measured: Sequence[dict[str, float]]) -> list[list[str]]:
    fates = []
    for shown in runs:
        down = fall_time(shown.log)
        fates.append("yes" if down is None else f"no, fell at {down:.1f} s")
    rows = [["survived", *fates]]
    for column in {c.metric: c for c in (*MAIN_COLUMNS, *COLUMNS)}.values():
        if any(column.metric in metrics for metrics in measured):
            values = [show(metrics.get(column.metric), column.scale, column.digits) for metrics in measured]
            rows.append([column.title, *values])
    return rows


def remake_reports(folder: Path, suite: Suite | None = None, ours: str | None = None) -> SuiteReport:
    """Make tables and figures of a finished suite again, without running anything.

    Args:
        folder: Folder of its results.
        suite: The suite, where it is known; its cases tell families and levels.
        ours: Method that is compared with all others; None for the default.

    Returns:
        What was written.

    Raises:
        InvalidValue: There is no result in the folder, or it cannot be read.
    """
    results = read_results(folder)
    draw(folder, results)
    return write_reports(folder, results, suite, ours)
