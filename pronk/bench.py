"""Times every hot path on one thread, beside the solvers that a user would pick."""

import os
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from controllers.gatekeeper import Gatekeeper, GatekeeperConfig
from controllers.quadruped.controller import LocomotionConfig
from controllers.residual.catalog import make_learner
from controllers.robot.catalog import load_robot
from controllers.robot.estimator import BaseEstimator
from evaluation.machine import describe_machine, describe_versions
from evaluation.results import write_json
from evaluation.rollout import Rollout, RolloutConfig, pass_gate
from evaluation.table import rich_table
from pronk.bench_programs import ProgramTiming, Recording, record_trot, time_programs
from sim.scenarios import Scenario, get_scenario

Array = npt.NDArray[np.float64]

PASSES = 5
LOOKAHEADS = (10, 20)
BUSY_LOAD = 1.5
RIVAL_NAME = "Quadruped-PyMPC"
RIVAL_SOURCE = "measured on the same class of machine, 2 cores: Go2, trot, 100 Hz, acados, 12 intervals of 20 ms"
RIVAL = {"mpc_p50_s": 2.6e-3, "mpc_p99_s": 8.8e-3, "cpu_realtime_factor": 0.48}


@dataclass(frozen=True)
class Timing:
    """How long one thing takes.

    Attributes:
        name: What is timed.
        p50_s: Median over the samples [s].
        p99_s: 99th percentile over the samples [s].
        raw_p99_s: The same when every sample is timed once, so that the machine's other work shows [s].
        n: Number of samples.
        note: What else is to be known.
    """

    name: str
    p50_s: float
    p99_s: float
    raw_p99_s: float
    n: int
    note: str = ""


def summarise(name: str, times: Array, note: str = "") -> Timing:
    """Condense samples.

    Args:
        name: What was timed.
        times: Time of every pass, shape (passes, samples) [s].
        note: What else is to be known.

    Returns:
        Percentiles of the fastest pass of each sample, and of the first pass alone.
    """
    best = times.min(axis=0)
    return Timing(
        name,
        float(np.median(best)),
        float(np.percentile(best, 99)),
        float(np.percentile(times[0], 99)),
        times.shape[1],
        note,
    )


def time_sequence(make: Callable[[], Callable[[Any], object]], samples: Sequence[Any], passes: int = PASSES) -> Array:
    """Time a function that keeps a state, over the same sequence several times.

    Args:
        make: Makes the function afresh for each pass.
        samples: Its arguments in order.
        passes: Number of passes.

    Returns:
        Times, shape (passes, samples) [s].
    """
    times = np.empty((passes, len(samples)))
    for number in range(passes):
        function = make()
        for index, sample in enumerate(samples):
            begin = clock.perf_counter()
            function(sample)
            times[number, index] = clock.perf_counter() - begin
    return times


def time_learner(recording: Recording) -> list[Timing]:
    """Time update and preview of the default learner.

    Args:
        recording: Measurements and previews of a run.

    Returns:
        Both timings.
    """
    robot = load_robot("go2")

    def learner() -> Any:
        return make_learner("random_features", robot.mass, np.array(robot.inertia))

    trained = learner()
    for measurement in recording.measurements:
        trained.update(measurement)
    nodes, shown = recording.config.horizon, recording.measurements
    previews = [inputs for inputs in recording.previews if len(inputs.state) == nodes]
    return [
        summarise(
            "learner: features and update (100 features)",
            time_sequence(lambda: learner().update, shown),
        ),
        summarise(f"learner: preview of {nodes} nodes", time_sequence(lambda: trained.predict, previews)),
    ]


def time_parts(recording: Recording) -> list[Timing]:
    """Time estimator and gatekeeper on the readings and commands of a run.

    Args:
        recording: Readings and commands of a run.

    Returns:
        Both timings.
    """
    robot = load_robot("go2")

    def gate() -> Callable[[Any], object]:
        gatekeeper = Gatekeeper(GatekeeperConfig.for_robot(robot))
        return lambda pair: pass_gate(gatekeeper, pair[0], pair[1], pair[0].time)

    pairs = list(zip(recording.states, recording.commands, strict=True))
    return [
        summarise("estimator: one step", time_sequence(lambda: BaseEstimator(robot).step, recording.states)),
        summarise("gatekeeper: one step", time_sequence(gate, pairs)),
    ]


def time_loop(scenario: Scenario) -> tuple[list[Timing], dict[str, float]]:
    """Time the whole control tick in closed loop with physics.

    Args:
        scenario: What is run; only ticks in which the robot walks count.

    Returns:
        Timings, and the real-time factors in processor time.
    """
    rollout = Rollout(scenario, RolloutConfig(LocomotionConfig()))
    tick, physics, planned = [], [], []
    while not rollout.done:
        result = rollout.tick()
        if result.info.mode == "walking":
            tick.append(result.controller_time)
            physics.append(result.physics_time)
            planned.append(result.info.plan is not None)
    parts = "estimator, controller, learner, gatekeeper"
    ticks, steps, with_plan = np.array(tick), np.array(physics), np.array(planned)
    seconds = len(ticks) * rollout.backend.config.control_dt
    timings = [
        summarise("control tick, all (500 Hz, plans at 100 Hz)", ticks[None], parts),
        summarise("control tick with a plan", ticks[with_plan][None]),
        summarise("control tick without a plan", ticks[~with_plan][None]),
        summarise("physics: one step of 2 ms", steps[None], "MuJoCo"),
    ]
    factors = {
        "cpu_realtime_factor": seconds / float(ticks.sum() + steps.sum()),
        "controller_realtime_factor": seconds / float(ticks.sum()),
        "physics_realtime_factor": seconds / float(steps.sum()),
    }
    return timings, factors


def time_in_loop(scenario: Scenario) -> list[Timing]:
    """Time the parts of the control tick where they run: between physics steps that push them out of the caches.

    Args:
        scenario: What is run; only its second half counts.

    Returns:
        One timing per part.
    """
    rollout = Rollout(scenario, RolloutConfig(LocomotionConfig()))
    parts = {
        "in the loop: estimator": _clocked(rollout.estimator, "step"),
        "in the loop: controller": _clocked(rollout.controller, "step"),
        "in the loop: build and solve of a force plan": _clocked(rollout.controller.walking.mpc, "plan"),
        "in the loop: gatekeeper": _clocked(rollout.gatekeeper, "step"),
    }
    while not rollout.done:
        rollout.tick()
    return [summarise(name, np.array(times[len(times) // 2 :])[None]) for name, times in parts.items()]


def _clocked(owner: Any, name: str) -> list[float]:
    """Take the time of every call of a method from now on [s]."""
    method, times = getattr(owner, name), []

    def call(*arguments: Any) -> Any:
        begin = clock.perf_counter()
        result = method(*arguments)
        times.append(clock.perf_counter() - begin)
        return result

    setattr(owner, name, call)
    return times


def loop_factors(repeats: int, seconds: float) -> tuple[list[Timing], dict[str, float]]:
    """Run the closed loop several times and take the median run.

    Args:
        repeats: Number of runs.
        seconds: Walking time of each [s].

    Returns:
        Timings and factors of the run with the median real-time factor.
    """
    scenario = replace(get_scenario("flat_walk"), duration_s=3.0 + seconds)
    runs = [time_loop(scenario) for _ in range(repeats)]
    runs.sort(key=lambda run: run[1]["cpu_realtime_factor"])
    return runs[len(runs) // 2]


def bench(out: Path, console: Console, quick: bool = False) -> int:
    """Time everything, print tables and write `bench.json`.

    Args:
        out: Folder of the results.
        console: Where the tables go.
        quick: Take fewer samples.

    Returns:
        Exit code 0.
    """
    machine = describe_machine()
    console.print(f"{machine['processor']}, {machine['cores']} cores, load {machine['load_average']}; one thread")
    programs: dict[int, list[ProgramTiming]] = {}
    recordings: dict[int, Recording] = {}
    for horizon in LOOKAHEADS:
        console.print(f"recording a trot with pushes and a payload, N = {horizon}")
        recordings[horizon] = record_trot(horizon, 4.0 if quick else 12.0)
        programs[horizon] = time_programs(recordings[horizon], PASSES, 100 if quick else 500)
        _print_programs(console, horizon, programs[horizon])
    parts = [*time_learner(recordings[LOOKAHEADS[-1]]), *time_parts(recordings[LOOKAHEADS[0]])]
    parts += time_in_loop(replace(get_scenario("flat_walk"), duration_s=7.0))
    loop, factors = loop_factors(1 if quick else 3, 4.0 if quick else 10.0)
    _print_parts(console, [*parts, *loop])
    _print_rival(console, programs[LOOKAHEADS[0]][0], factors)
    load_after = os.getloadavg()
    if load_after[0] > BUSY_LOAD:
        console.print(f"the machine was busy (load {load_after[0]:.1f}); wall times are larger than on an idle one")
    write_json(
        out / "bench.json",
        {
            "machine": machine,
            "load_average_after": load_after,
            "versions": describe_versions(),
            "programs": {f"N={horizon}": [asdict(row) for row in rows] for horizon, rows in programs.items()},
            "parts": [asdict(timing) for timing in (*parts, *loop)],
            "realtime": factors,
            "rival": {"name": RIVAL_NAME, "source": RIVAL_SOURCE, **RIVAL},
        },
    )
    console.print(f"results: {(out / 'bench.json').resolve()}")
    return 0


def _print_programs(console: Console, horizon: int, rows: Sequence[ProgramTiming]) -> None:
    cells = []
    for row in rows:
        t = row.timing
        cells.append(
            [
                row.solver,
                f"{1e6 * t['p50_s']:.0f}",
                f"{1e6 * t['p99_s']:.0f}",
                f"{1e6 * t['raw_p99_s']:.0f}",
                f"{row.difference_max_n:.2g}",
                str(row.failures),
                f"{t['n']:.0f}",
            ]
        )
    heads = ["solver", "p50 [µs]", "p99 [µs]", "raw p99 [µs]", "largest force difference [N]", "failed", "QPs"]
    active = f"{100.0 * rows[0].active_share:.0f} % of the solutions rest on a constraint"
    console.print(rich_table(f"force plan: build and solve, N = {horizon}, trot; {active}", heads, cells, left=1))


def _print_parts(console: Console, timings: Sequence[Timing]) -> None:
    cells = [
        [t.name, f"{1e6 * t.p50_s:.1f}", f"{1e6 * t.p99_s:.1f}", f"{1e6 * t.raw_p99_s:.1f}", str(t.n)] for t in timings
    ]
    title = "parts; replayed back to back with warm caches unless in the loop"
    console.print(rich_table(title, ["part", "p50 [µs]", "p99 [µs]", "raw p99 [µs]", "n"], cells, left=1))


def _print_rival(console: Console, own: ProgramTiming, factors: Mapping[str, float]) -> None:
    t = own.timing
    rows = [
        [
            "force plan, median / raw p99 [ms]",
            f"{1e3 * t['p50_s']:.2f} / {1e3 * t['raw_p99_s']:.2f}",
            f"{1e3 * RIVAL['mpc_p50_s']:.1f} / {1e3 * RIVAL['mpc_p99_s']:.1f}",
        ],
        [
            "× real time, processor time, physics included",
            f"{factors['cpu_realtime_factor']:.1f}",
            f"{RIVAL['cpu_realtime_factor']}",
        ],
        ["× real time, controller alone", f"{factors['controller_realtime_factor']:.1f}", "–"],
        ["× real time, physics alone", f"{factors['physics_realtime_factor']:.1f}", "–"],
    ]
    console.print(rich_table("trot at 0.5 m/s", ["", "Pronk", RIVAL_NAME], rows, left=1))
    console.print(f"{RIVAL_NAME}: {RIVAL_SOURCE}", soft_wrap=True)
