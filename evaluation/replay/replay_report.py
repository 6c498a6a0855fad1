"""Replays bags and reports: a table, `results.json`, a picture and a results bag.

A replay is open loop: what a controller would have commanded does not change what the recorded robot did. So these
numbers tell how well things are foretold and estimated and how far commands differ, never how well a robot would walk.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from controllers.errors import InvalidValue
from controllers.safety.reading import Wish
from controllers.safety.run_time_filter import RunTimeInfo
from evaluation.replay.bag_output import BagOutput
from evaluation.replay.observers import PREFIX, ResultsBag, Trail
from evaluation.replay.recording import Recording
from evaluation.replay.remapping import JOINT_COMMANDS, JOINT_STATES, MOTOR_COMMANDS, Remapping, assign, read_remapping
from evaluation.replay.replay import Moment, Replay, ReplayConfig
from evaluation.replay.replay_plots import plot_replay
from evaluation.replay.safety import SafetyReplay
from evaluation.replay.segments import Channel
from evaluation.replay.ticks import TickFeed
from evaluation.results import Row, compile_results, write_json
from evaluation.table import rich_table

SUITE = "replay"
AUTHOR = "pronk replay"
ESTIMATOR, FILTER = "estimator", "safety filter of"
RESULTS = "results.json"


@dataclass(frozen=True)
class ReplayOptions:
    """How bags are replayed.

    Attributes:
        config: What is evaluated.
        remapping: By which names.
        namespace: Namespace of the robot; None for the only one.
        bag: Whether to write a results bag.
    """

    config: ReplayConfig = field(default_factory=ReplayConfig)
    remapping: Remapping = field(default_factory=Remapping)
    namespace: str | None = None
    bag: bool = True


@dataclass
class Report:
    """What came out of one bag.

    Attributes:
        name: Name of the bag.
        rows: Metrics, for the estimator and each learner.
        about: What was read, and what was missing.
        speed: How fast it went; the only part that differs from one replay to the next.
    """

    name: str
    rows: list[Row]
    about: dict[str, Any]
    speed: dict[str, float]


def replay_bag(path: Path, folder: Path, options: ReplayOptions) -> Report:
    """Replay one bag.

    Args:
        path: The bag: a folder or a file.
        folder: Where picture and results bag go.
        options: How.

    Returns:
        What came out of it.

    Raises:
        InvalidValue: The bag cannot be read, or nothing in it can be evaluated.
        UnknownName: The remapping asks for a gait that does not exist.
    """
    with Recording(path) as recording, _output(folder, options) as bag:
        topics = assign(recording.channels, options.remapping, options.namespace)
        safety = SafetyReplay(recording.channels, options.remapping.navigation)
        report = Report(path.name, [], {"path": str(path)}, {})
        # A bag of robots among each other alone need not have the readings of one.
        if JOINT_STATES in topics or not safety.robots:
            _replay_robot(recording, topics, folder, options, bag, report)
        if safety.robots:
            _replay_safety(recording, safety, options, bag, report)
        report.about |= {"messages": dict(sorted(recording.counts.items())), "damages": list(recording.damages)}
    return report


def _output(folder: Path, options: ReplayOptions) -> AbstractContextManager[BagOutput | None]:
    return BagOutput(folder / "bag", AUTHOR) if options.bag else nullcontext()


def _replay_robot(
    recording: Recording,
    topics: dict[str, Channel],
    folder: Path,
    options: ReplayOptions,
    bag: BagOutput | None,
    report: Report,
) -> None:
    feed = TickFeed(recording, topics, options.remapping)
    replay = Replay(options.config, JOINT_COMMANDS not in topics and MOTOR_COMMANDS not in topics)
    trail = Trail([candidate.name for candidate in replay.candidates])
    watchers: list[Callable[[Moment], None]] = [trail.watch]
    if bag is not None:
        watchers.append(ResultsBag(bag).watch)

    def watch(moment: Moment) -> None:
        for watcher in watchers:
            watcher(moment)

    replay.run(feed, watch)
    about = _describe(feed, replay)
    if not replay.readings:
        reasons = [*about["refused"].values(), *recording.damages]
        raise InvalidValue(f"'{recording.path}' gives no reading of the robot: {'; '.join(reasons) or _unpaired(feed)}")
    plot_replay(folder / "replay.png", f"{report.name}, replayed open loop", replay, trail.values())
    report.rows += _rows(report.name, replay)
    report.about |= about
    report.speed |= _speed(replay)


def _replay_safety(
    recording: Recording, safety: SafetyReplay, options: ReplayOptions, bag: BagOutput | None, report: Report
) -> None:
    def watch(name: str, time: float, command: Wish, info: RunTimeInfo) -> None:
        if bag is not None:
            place = f"{PREFIX}/{name.strip('/')}".rstrip("/")
            bag.velocity_command(f"{place}/cmd_vel", time, command.velocity, command.yaw_rate)
            numbers = {"least_gap_m": info.least_gap, "correction_mps": info.correction}
            bag.numbers(f"{place}/safety_state", time, numbers)

    safety.run(recording, watch)
    seed = options.config.seed
    report.rows += [
        Row(f"{FILTER} {name}", report.name, seed, robot.metrics()) for name, robot in safety.robots.items()
    ]
    report.about["robots"] = list(safety.neighbours)
    report.about["refused_navigation_messages"] = safety.refused


def _unpaired(feed: TickFeed) -> str:
    return f"{feed.incomplete} joint states have no partner of the same stamp (pairing: latest joins them all the same)"


def _describe(feed: TickFeed, replay: Replay) -> dict[str, Any]:
    refused = {topic: f"{topic}: {count} messages refused: {why}" for topic, (count, why) in feed.refused.items()}
    if replay.refused[0]:
        refused["readings"] = f"{replay.refused[0]} readings refused: {replay.refused[1]}"
    return {
        "start_s": replay.start,
        "end_s": replay.end,
        "readings": replay.readings,
        "assumed": list(feed.assumed),
        "refused": refused,
        "pairing": feed.pairing,
        "incomplete_readings": feed.incomplete,
        "taken_over_in_motion": replay.onset.taken_over,
        "forces_from": "measured torques" if replay.by_torque else "recorded commands",
    }


def _speed(replay: Replay) -> dict[str, float]:
    length = replay.end - replay.start
    return {
        "processor_time_s": replay.processor_time,
        "cpu_realtime_factor": length / max(replay.processor_time, 1e-9),
    }


def _rows(case: str, replay: Replay) -> list[Row]:
    truth, recorded, seed = replay.truth, replay.recorded, replay.config.seed
    estimator = {
        "velocity_rmse_mps": truth.velocity.norm_rms,
        "spin_rmse_radps": truth.spin.norm_rms,
        "tilt_rmse_rad": truth.tilt.rms,
        "height_rmse_m": truth.height.rms,
        "recorded_velocity_difference_rms_mps": recorded.velocity.norm_rms,
        "recorded_velocity_difference_max_mps": recorded.velocity.worst,
    }
    rows = [Row(ESTIMATOR, case, seed, estimator)]
    for candidate in replay.candidates:
        name = candidate.name
        errors, wrench, residual = replay.foresight.errors[name], replay.wrench[name], replay.residual[name]
        velocity, spin = errors.velocity_rmse(), errors.spin_rmse()
        metrics = {
            "predictions": float(errors.count),
            "one_step_velocity_rmse_mps": float(velocity[0]),
            "one_step_spin_rmse_radps": float(spin[0]),
            "horizon_velocity_rmse_mps": float(velocity[-1]),
            "horizon_spin_rmse_radps": float(spin[-1]),
            "wrench_rmse_n": wrench.force.norm_rms,
            "wrench_rmse_nm": wrench.moment.norm_rms,
            "residual_difference_rms_n": residual.force.norm_rms,
            "residual_difference_max_n": residual.force.worst,
            **candidate.command_differences(),
            "solver_failures": float(candidate.controller.walking.mpc.failures),
        }
        rows.append(Row(name, case, seed, metrics))
    return rows


LEARNER_COLUMNS = (
    ("one_step_velocity_rmse_mps", "v in one step:\nRMSE [mm/s]", 1e3, 2),
    ("one_step_spin_rmse_radps", "ω in one step:\nRMSE [mrad/s]", 1e3, 1),
    ("horizon_velocity_rmse_mps", "v at horizon:\nRMSE [mm/s]", 1e3, 1),
    ("horizon_spin_rmse_radps", "ω at horizon:\nRMSE [mrad/s]", 1e3, 0),
    ("wrench_rmse_n", "force\nRMSE [N]", 1.0, 1),
    ("wrench_rmse_nm", "moment\nRMSE [N·m]", 1.0, 2),
    ("torque_difference_rms_nm", "torque differs:\nRMS [N·m]", 1.0, 4),
    ("position_difference_rms_rad", "target differs:\nRMS [mrad]", 1e3, 3),
    ("same_command_fraction", "same\ncommand [%]", 1e2, 1),
)
ESTIMATOR_COLUMNS = (
    ("velocity_rmse_mps", "velocity\nRMSE [mm/s]", 1e3, 2),
    ("spin_rmse_radps", "ω RMSE\n[mrad/s]", 1e3, 2),
    ("tilt_rmse_rad", "tilt RMSE\n[mrad]", 1e3, 2),
    ("height_rmse_m", "height\nRMSE [mm]", 1e3, 2),
    ("recorded_velocity_difference_rms_mps", "against the recorded\nestimate, RMS [mm/s]", 1e3, 3),
)


FILTER_COLUMNS = (
    ("least_gap_m", "least barrier\n[m]", 1.0, 3),
    ("intervention_fraction", "intervenes\n[%]", 1e2, 1),
    ("stopped_fraction", "stops\n[%]", 1e2, 1),
    ("relaxed_fraction", "relaxes\n[%]", 1e2, 1),
    ("greatest_correction_mps", "greatest\ncorrection [m/s]", 1.0, 3),
    ("velocity_difference_rms_mps", "command differs:\nRMS [m/s]", 1.0, 4),
)


def show(report: Report, console: Console) -> None:
    """Print a report.

    Args:
        report: What came out of a bag.
        console: Where it goes.
    """
    about = report.about
    if "readings" in about:
        length = about["end_s"] - about["start_s"]
        console.print(
            f"{about['path']}: {about['readings']} readings over {length:.2f} s", soft_wrap=True, markup=False
        )
    for line in (*about["damages"], *about.get("refused", {}).values(), *about.get("assumed", ())):
        console.print(f"  {line}", soft_wrap=True, markup=False, highlight=False)
    if about.get("taken_over_in_motion"):
        console.print("  the bag begins in the midst of walking; controllers took over at a step", soft_wrap=True)
    methods = [row.method for row in report.rows]
    filters = tuple(method for method in methods if method.startswith(FILTER))
    learners = tuple(method for method in methods if method != ESTIMATOR and method not in filters)
    title = (
        f"Learners on {report.name}: errors of predictions, of the wrench, and how far recorded commands differ "
        f"(open loop, forces from {about.get('forces_from')})"
    )
    tables = (
        (f"Estimator on {report.name}", (ESTIMATOR,), ESTIMATOR_COLUMNS),
        (title, learners, LEARNER_COLUMNS),
        (f"Safety filters on {report.name} (open loop)", filters, FILTER_COLUMNS),
    )
    for title, chosen, columns in tables:
        rows = [row for row in report.rows if row.method in chosen]
        known = [c for c in columns if any(math.isfinite(row.metrics.get(c[0]) or math.nan) for row in rows)]
        if known:
            cells = [
                [row.method, *(_cell(row.metrics[name], scale, digits) for name, _, scale, digits in known)]
                for row in rows
            ]
            console.print(rich_table(title, ["", *(head for _, head, _, _ in known)], cells, left=1))
    if not report.speed:
        return
    factor, seconds = report.speed["cpu_realtime_factor"], report.speed["processor_time_s"]
    console.print(f"{factor:.1f} times real time ({seconds:.2f} s of processor time, kernels loaded within it)")


def _cell(value: float | None, scale: float, digits: int) -> str:
    return "–" if value is None or not math.isfinite(value) else f"{scale * value:.{digits}f}"


def replay_bags(bags: Sequence[Path], out: Path | None, options: ReplayOptions, console: Console) -> list[Report]:
    """Replay bags and write the results.

    Args:
        bags: Folders or files.
        out: Folder of the results, with a folder for each bag where there are several; None for a folder beside each.
        options: How.
        console: Where tables go.

    Returns:
        What came out of each bag.

    Raises:
        InvalidValue: A bag cannot be read; what was replayed before it has been written.
    """
    places = {bag: _place(bag, out, len(bags)) for bag in bags}
    if len(set(places.values())) < len(bags):
        raise InvalidValue("bags of one name need folders of their own: leave --out away, or replay them one by one")
    reports: list[Report] = []
    for bag, folder in places.items():
        report = replay_bag(bag, folder, options)
        reports.append(report)
        show(report, console)
        if out is None:
            _write(folder, [report])
            console.print(f"results: {folder.resolve()}", soft_wrap=True)
        else:
            _write(out, reports)
    if out is not None:
        console.print(f"results: {out.resolve()}", soft_wrap=True)
    return reports


def _place(bag: Path, out: Path | None, count: int) -> Path:
    # "." has no name of its own.
    whole = bag.resolve()
    if out is None:
        return whole.with_name(f"{whole.name}_replay")
    return out if count == 1 else out / whole.name


def _write(folder: Path, reports: Sequence[Report]) -> None:
    rows = [row for report in reports for row in report.rows]
    bags = {report.name: report.about for report in reports}
    speed = {report.name: report.speed for report in reports}
    write_json(folder / RESULTS, compile_results(SUITE, rows, bags=bags, speed=speed, open_loop=True))


def options_of(
    robot: str,
    learners: Sequence[str] | None,
    seed: int,
    remap: Path | None,
    namespace: str | None,
    control: bool,
    bag: bool,
) -> ReplayOptions:
    """Check what was asked for on the command line.

    Args:
        robot: Name of the robot.
        learners: Residual learners; None for the nominal model and Pronk's.
        seed: Seed of their random features.
        remap: Remapping file; None for none.
        namespace: Namespace of the robot; None for the only one.
        control: Whether to run controllers and learners.
        bag: Whether to write a results bag.

    Returns:
        The options.

    Raises:
        UnknownName: A name does not exist.
        InvalidValue: A value makes no sense.
    """
    chosen = {} if learners is None else {"learners": tuple(learners)}
    config = ReplayConfig(robot=robot, seed=seed, control=control, **chosen)
    return ReplayOptions(config, Remapping() if remap is None else read_remapping(remap), namespace, bag)
