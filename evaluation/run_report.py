"""The report of a recorded run, made from its bag: table, metrics, plots and a video."""

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from controllers.quadruped import metrics
from controllers.quadruped.controller import LocomotionConfig
from evaluation.bag_log import CONTROLLER, SIMULATOR, BagLog, read_bag
from evaluation.machine import describe_machine, describe_versions
from evaluation.measurement import fall_time
from evaluation.phases import comparison_rows, measure_phases, phases, show
from evaluation.plots import plot_runs
from evaluation.recorded import find_fall, recorded_values
from evaluation.results import write_json
from evaluation.rollout import RolloutConfig, RunLog, run
from evaluation.table import rich_table
from evaluation.trace import Trace
from evaluation.video import FRAMES_PER_SECOND, finish_video, frames_of, start_video
from evaluation.windows import Window
from sim.offscreen import NoRenderer
from sim.scenarios import Scenario

Array = npt.NDArray[np.float64]

UNLEARNED = "none"
PROCESSES = 2
# A run that was recorded to within this of the scenario's end counts as complete.
END_TOLERANCE_S = 0.5


@dataclass(frozen=True)
class Health:
    """How the processes of a run kept up.

    Attributes:
        solve_time_p50_s: Median time to build and solve a plan [s].
        solve_time_p99_s: 99th percentile of it [s].
        deadline_misses: Plans that came late.
        deadline_miss_fraction: The same as a share of all plans.
        command_age_p50_s: Median age of the motor commands when the simulator used them [s].
        command_age_p99_s: 99th percentile of it [s].
        realtime_factor: Simulated seconds per second.
    """

    solve_time_p50_s: float
    solve_time_p99_s: float
    deadline_misses: float
    deadline_miss_fraction: float
    command_age_p50_s: float
    command_age_p99_s: float
    realtime_factor: float


def measure_health(log: BagLog) -> Health:
    """Read off how the processes kept up, as far as they reported it.

    Args:
        log: The recorded run.

    Returns:
        The numbers; NaN for those that were not reported.
    """
    misses, plans = (_last(_numbers(log, CONTROLLER, name)) for name in ("deadline_misses", "plans"))
    solve = _solve_times(log)
    return Health(
        metrics.solve_time_s(solve, 50.0),
        metrics.solve_time_s(solve, 99.0),
        misses,
        misses / plans if plans > 0.0 else float("nan"),
        _last(_numbers(log, SIMULATOR, "command_age_p50_s")),
        _last(_numbers(log, SIMULATOR, "command_age_p99_s")),
        _last(_numbers(log, SIMULATOR, "real_time_factor")),
    )


def _solve_times(log: BagLog) -> Array:
    """Take the times of the plans that were reported; 0 says that there was none."""
    times = _numbers(log, CONTROLLER, "solve_time_s")
    return times[times > 0.0]


def _numbers(log: BagLog, topic: str, name: str) -> Array:
    series = log.series.get(topic)
    values = None if series is None else series.values.get(name)
    return np.empty(0) if values is None else values[np.isfinite(values)]


def _last(values: Array) -> float:
    return float(values[-1]) if len(values) else float("nan")


def unlearned_run(scenario: Scenario) -> RunLog:
    """Run a scenario without learning, in this process.

    Args:
        scenario: The scenario.

    Returns:
        The log of the run.
    """
    return run(scenario, RolloutConfig(LocomotionConfig(learner=UNLEARNED)))


def report_run(
    bag: Path, scenario: Scenario, out: Path, console: Console, video: bool = True, comparison: bool = True
) -> int:
    """Make the report of a recorded run.

    Args:
        bag: Folder of the bag, or an MCAP file.
        scenario: What was run.
        out: Folder for `metrics.json`, `run.png` and `run.mp4`.
        console: Where the table goes.
        video: Whether to make the video.
        comparison: Whether to run the scenario without learning, for comparison.

    Returns:
        Exit code: 0, or 1 if the robot fell or the run ended early.

    Raises:
        InvalidValue: There is no bag, or it lacks the true odometry.
    """
    log = read_bag(bag)
    values = recorded_values(log, scenario)
    fall = find_fall(values, scenario)
    with TemporaryDirectory() as folder, _pool() as pool:
        other: Future[RunLog] | None = pool.submit(unlearned_run, scenario) if comparison else None
        drawing = None
        if video:
            frames = frames_of(values, scenario)
            label = f"{scenario.robot}  {scenario.name}"
            drawing = start_video(pool, Path(folder), frames, scenario, label, PROCESSES + 1, FRAMES_PER_SECOND)
        unlearned = None if other is None else other.result()
        survived = _report_numbers(log, scenario, values, fall, unlearned, out, console)
        if drawing is not None:
            try:
                finish_video(out / "run.mp4", drawing)
            except NoRenderer as error:
                console.print(f"no video: {error}")
    return 0 if survived else 1


def _pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"))


def _report_numbers(
    log: BagLog,
    scenario: Scenario,
    values: dict[str, Array],
    fall: float | None,
    unlearned: RunLog | None,
    out: Path,
    console: Console,
) -> bool:
    end = float(values["time"][-1])
    finished = end >= scenario.duration_s - END_TOLERANCE_S
    survived = fall is None and finished
    learned = measure_phases(scenario, values, fall)
    runs, heads = [learned], ["", "this run"]
    fates = [_fate(fall, end, finished)]
    document: dict[str, Any] = {
        "scenario": scenario.name,
        "robot": scenario.robot,
        "survived": survived,
        "fell": fall is not None,
        "end_time_s": end if fall is None else fall,
        "phases": phases(scenario),
        "run": learned,
    }
    if unlearned is not None:
        down = fall_time(unlearned)
        without = measure_phases(scenario, unlearned.values, down)
        runs.append(without)
        heads.append("without learning, in one process")
        fates.append(_fate(down, unlearned.end_time, True))
        document["without_learning"] = {"fell": down is not None, **without}
    health = measure_health(log)
    rows = [["survived", *fates], *comparison_rows(runs)]
    rows += [[title, text, *["–"] * (len(runs) - 1)] for title, text in _health_rows(health)]
    console.print(rich_table(f"{scenario.name} on {scenario.robot}, from {log.path.name}", heads, rows, left=1))
    if not log.complete:
        console.print("the recorder was killed: the bag holds what came before")
    window = phases(scenario).get("during") or next(iter(phases(scenario).values()))
    plot_runs(out / "run.png", scenario.name, _traces(scenario, values, fall, log, unlearned, window))
    write_json(
        out / "metrics.json",
        {
            **document,
            "health": vars(health),
            "messages": log.counts,
            "bag_complete": log.complete,
            "machine": describe_machine(),
            "versions": describe_versions(),
        },
    )
    return survived


def _traces(
    scenario: Scenario,
    values: dict[str, Array],
    fall: float | None,
    log: BagLog,
    unlearned: RunLog | None,
    window: Window,
) -> list[Trace]:
    solve = {**values, "solve_time": _solve_times(log)}
    end = float(values["time"][-1]) if fall is None else fall
    traces = [Trace.of(RunLog(scenario, fall is not None, end, solve), "this run", window)]
    if unlearned is not None:
        traces.append(Trace.of(unlearned, "without learning", window))
    return traces


def _fate(fall: float | None, end: float, finished: bool) -> str:
    if fall is not None:
        return f"no, fell at {fall:.1f} s"
    return "yes" if finished else f"no, the run ended at {end:.1f} s"


def _health_rows(health: Health) -> list[tuple[str, str]]:
    misses = show(health.deadline_misses, 1.0, 0)
    if np.isfinite(health.deadline_miss_fraction):
        misses += f" ({show(health.deadline_miss_fraction, 100.0, 2)} %)"
    return [
        ("solver median / p99 [µs]", _pair(health.solve_time_p50_s, health.solve_time_p99_s, 1e6, 0)),
        ("deadline misses", misses),
        ("command age median / p99 [ms]", _pair(health.command_age_p50_s, health.command_age_p99_s, 1e3, 1)),
        ("real-time factor", show(health.realtime_factor, 1.0, 2)),
    ]


def _pair(first: float, second: float, scale: float, digits: int) -> str:
    return f"{show(first, scale, digits)} / {show(second, scale, digits)}"
