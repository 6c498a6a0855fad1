"""Times the parts of a control tick: replayed from a recording, and in the closed loop."""

import time as clock
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.gatekeeper import Gatekeeper, GatekeeperConfig
from controllers.quadruped.controller import LocomotionConfig
from controllers.residual.catalog import make_learner
from controllers.robot.catalog import load_robot
from controllers.robot.estimator import BaseEstimator
from controllers.robot.unitree.checksum import checksum
from controllers.robot.unitree.commands import LowCommandEncoder
from evaluation.rollout import Rollout, RolloutConfig, pass_gate
from pronk.bench_programs import Recording
from sim.scenarios import Scenario, get_scenario

Array = npt.NDArray[np.float64]

PASSES = 5


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
        return make_learner("pronk", robot.mass, np.array(robot.inertia))

    trained = learner()
    for measurement in recording.measurements:
        trained.update(measurement)
    nodes, shown = recording.config.horizon, recording.measurements
    previews = [inputs for inputs in recording.previews if len(inputs.state) == nodes]
    return [
        summarise(
            "learner: update",
            time_sequence(lambda: learner().update, shown),
        ),
        summarise(f"learner: preview of {nodes} nodes", time_sequence(lambda: trained.predict, previews)),
    ]


def time_parts(recording: Recording) -> list[Timing]:
    """Time estimator, gatekeeper and the messages to a Go2 on the readings and commands of a run.

    Args:
        recording: Readings and commands of a run.

    Returns:
        One timing each.
    """
    robot = load_robot("go2")
    encoder = LowCommandEncoder()
    records = [encoder.encode(command).copy() for command in recording.commands]

    def gate() -> Callable[[Any], object]:
        gatekeeper = Gatekeeper(GatekeeperConfig.for_robot(robot))
        return lambda pair: pass_gate(gatekeeper, pair[0], pair[1], pair[0].time)

    pairs = list(zip(recording.states, recording.commands, strict=True))
    return [
        summarise("estimator: one step", time_sequence(lambda: BaseEstimator(robot).step, recording.states)),
        summarise("gatekeeper: one step", time_sequence(gate, pairs)),
        summarise("Go2: LowCmd from a command, signed", time_sequence(lambda: encoder.encode, recording.commands)),
        summarise("Go2: checksum of LowCmd alone", time_sequence(lambda: checksum, records)),
    ]


def time_loop(scenario: Scenario) -> tuple[list[Timing], dict[str, float]]:
    """Time the whole control tick in closed loop with physics.

    Args:
        scenario: What is run; only ticks in which the robot walks count.

    Returns:
        Timings, and the real-time factors in processor time.
    """
    rollout = Rollout(scenario, RolloutConfig(LocomotionConfig()))
    backend, columns, planned = rollout.backend, [], []
    # Without the ground truth that `Rollout.tick` asks for: no robot has it, and it pushes code out of the caches.
    while not rollout.done:
        state = replace(backend.read(), foot_force=None)
        command = scenario.command(state.time)
        t0 = clock.process_time()
        estimate = rollout.estimator.step(state)
        t1 = clock.process_time()
        joints, info = rollout.controller.step(state, estimate, command, state.time)
        t2 = clock.process_time()
        motors = pass_gate(rollout.gatekeeper, state, joints, state.time)
        t3 = clock.process_time()
        backend.write(motors)
        backend.advance()
        t4 = clock.process_time()
        if info.mode == "walking":
            columns.append((t1 - t0, t2 - t1, t3 - t2, t4 - t3))
            planned.append(info.plan is not None)
    times, with_plan = np.array(columns), np.array(planned)
    ticks, steps, control = times[:, :3].sum(axis=1), times[:, 3], times[:, 1]
    seconds = len(ticks) * backend.config.control_dt
    timings = [
        summarise("control tick, all (500 Hz, plans at 100 Hz)", ticks[None], "estimator, controller, gatekeeper"),
        summarise("control tick with a plan", ticks[with_plan][None]),
        summarise("control tick without a plan", ticks[~with_plan][None]),
        summarise("physics: one step of 2 ms", steps[None], "MuJoCo, motors and sensors"),
    ]
    factors = {
        "cpu_realtime_factor": seconds / float(control.sum() + steps.sum()),
        "all_realtime_factor": seconds / float(ticks.sum() + steps.sum()),
        "controller_realtime_factor": seconds / float(control.sum()),
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

    def call(*arguments: Any, **named: Any) -> Any:
        begin = clock.perf_counter()
        result = method(*arguments, **named)
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
