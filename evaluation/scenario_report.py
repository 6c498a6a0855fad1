"""Runs one scenario in this process and shows what came out."""

from pathlib import Path

from rich.console import Console

from controllers.quadruped.controller import LocomotionConfig
from evaluation.machine import describe_machine, describe_versions
from evaluation.measurement import fall_time, measure
from evaluation.phases import comparison_rows, measure_phases, phases, show
from evaluation.plots import plot_runs
from evaluation.results import write_json
from evaluation.rollout import RolloutConfig, run
from evaluation.table import rich_table
from evaluation.trace import Trace
from evaluation.video import write_run_video
from evaluation.windows import loaded
from sim.offscreen import NoRenderer
from sim.scenarios import Scenario


def report_scenario(
    scenario: Scenario, learner: str, estimator: str, out: Path, console: Console, video: bool = True
) -> int:
    """Run a scenario; write metrics, a plot and a video.

    Args:
        scenario: What to run.
        learner: Residual learner.
        estimator: "kalman" or "ground_truth".
        out: Folder for `metrics.json`, `run.png` and `run.mp4`.
        console: Where the table goes.
        video: Whether to make the video.

    Returns:
        Exit code: 0, or 1 if the robot fell.

    Raises:
        UnknownName: The learner or the estimator does not exist.
    """
    log = run(scenario, RolloutConfig(LocomotionConfig(learner=learner), estimator=estimator))
    window = loaded(scenario)
    measured = measure(log, window)
    fall = fall_time(log)
    by_phase = measure_phases(scenario, log.values, fall)
    rows = [["survived", "yes" if fall is None else f"no, fell at {fall:.1f} s"], *comparison_rows([by_phase])]
    times = (measured["solve_time_p50_s"], measured["solve_time_p99_s"])
    rows.append(["solver median / p99 [µs]", " / ".join(show(time, 1e6, 0) for time in times)])
    rows.append(["× real time (CPU)", show(measured.get("cpu_realtime_factor"))])
    title = f"{scenario.name} on {scenario.robot}, learner {learner}, estimator {estimator}"
    console.print(rich_table(title, ["", "value"], rows, left=1))
    plot_runs(out / "run.png", title, [Trace.of(log, learner, window)])
    document = {
        "scenario": scenario.name,
        "robot": scenario.robot,
        "learner": learner,
        "estimator": estimator,
        "metrics": measured,
        "phases": phases(scenario),
        "by_phase": by_phase,
        "machine": describe_machine(),
        "versions": describe_versions(),
    }
    write_json(out / "metrics.json", document)
    if video:
        try:
            write_run_video(out / "run.mp4", log.values, scenario, f"{scenario.robot}  {scenario.name}  {learner}")
        except NoRenderer as error:
            console.print(f"no video: {error}")
    console.print(f"results: {out.resolve()}")
    return int(fall is not None)
