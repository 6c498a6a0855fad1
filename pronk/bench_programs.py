"""Records the quadratic programs of a real trot and times solvers on them."""

import copy
import importlib
import os
import sys
import time as clock
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.qp import QuadraticProgram
from controllers.qp import solve as solve_qp
from controllers.quadruped.controller import LocomotionConfig
from controllers.quadruped.mpc import ACTIVE_SET, ConvexMpc, ForceQp, MpcConfig, MpcInput
from controllers.quadruped.walking import WalkingConfig
from controllers.residual.learner import LearnerInputs, ResidualMeasurement
from controllers.robot.catalog import load_robot
from controllers.robot.interface import JointCommand, RobotState
from evaluation.rollout import Rollout, RolloutConfig
from sim.disturbances import Payload, push
from sim.scenarios import Scenario, get_scenario

Array = npt.NDArray[np.float64]

PUSH_EVERY_S = 0.9
PUSHES_N = (20.0, 120.0)
# Number of programs and of passes for libraries that take milliseconds.
SLOW_SAMPLES, SLOW_PASSES = 60, 2


@dataclass
class Recording:
    """What went through the controller in a run.

    Attributes:
        config: Settings of the force MPC.
        inputs: Inputs of the plans of the trot, in order; those of standing are left out.
        measurements: What the learner was shown.
        previews: What the learner was asked.
        states: Readings.
        commands: Commands as the motors got them.
    """

    config: MpcConfig
    inputs: list[MpcInput] = field(default_factory=list)
    measurements: list[ResidualMeasurement] = field(default_factory=list)
    previews: list[LearnerInputs] = field(default_factory=list)
    states: list[RobotState] = field(default_factory=list)
    commands: list[JointCommand] = field(default_factory=list)


@dataclass(frozen=True)
class ProgramTiming:
    """One solver on the recorded programs.

    Attributes:
        solver: Its name.
        timing: "p50_s", "p99_s" (fastest of several passes of each program), "raw_p99_s" (first pass), "n".
        difference_max_n: Largest difference of a force of the first interval from the exact solution [N].
        failures: Programs that it did not solve.
        active_share: Share of the programs whose solution rests on a constraint.
    """

    solver: str
    timing: dict[str, float]
    difference_max_n: float
    failures: int
    active_share: float = float("nan")


def bench_scenario(seconds: float, seed: int = 0) -> Scenario:
    """Trot at 0.5 m/s with random pushes and, in the second half, a payload of 3 kg.

    Args:
        seconds: Walking time [s].
        seed: Seed of the pushes.

    Returns:
        The scenario.
    """
    rng = np.random.default_rng(seed)
    pushes = []
    for at_s in np.arange(4.0, 3.0 + seconds, PUSH_EVERY_S):
        angle, force = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(*PUSHES_N)
        pushes.append(push(float(at_s), (force * np.cos(angle), force * np.sin(angle), 0.0)))
    payload = Payload(3.0, (-0.05, 0.02, 0.13), at_s=3.0 + 0.5 * seconds)
    base = get_scenario("flat_walk")
    return replace(base, name="bench", duration_s=3.0 + seconds, disturbances=(payload, *pushes))


def record_trot(horizon: int, seconds: float) -> Recording:
    """Run the trot and keep what went through the controller.

    Args:
        horizon: Number of intervals of the force MPC.
        seconds: Walking time [s].

    Returns:
        The recording; everything in it is a copy.
    """
    config = MpcConfig(horizon=horizon)
    rollout = Rollout(bench_scenario(seconds), RolloutConfig(LocomotionConfig(walking=WalkingConfig(mpc=config))))
    recording = Recording(config)
    walking = rollout.controller.walking
    with (
        _tapped(walking.mpc, "plan", lambda i, *rest: recording.inputs.append(copy.deepcopy(i))),
        _tapped(walking.adaptation.learner, "update", lambda m: recording.measurements.append(copy.deepcopy(m))),
        _tapped(walking.adaptation.learner, "predict", lambda i: recording.previews.append(copy.deepcopy(i))),
        _tapped(rollout.controller, "step", lambda s, *rest: recording.states.append(s)),
    ):
        while not rollout.done:
            recording.commands.append(rollout.tick().command)
    trotting = 2 * horizon + 4
    recording.inputs = [inputs for inputs in recording.inputs if inputs.contacts.sum() <= trotting]
    return recording


@contextmanager
def _tapped(owner: Any, name: str, note: Callable[..., object]) -> Iterator[None]:
    """Note the arguments of every call of a method."""
    method = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        note(*arguments)
        return method(*arguments, **named)

    setattr(owner, name, call)
    try:
        yield
    finally:
        setattr(owner, name, method)


def time_programs(recording: Recording, passes: int, samples: int) -> list[ProgramTiming]:
    """Time all solvers that are installed.

    Args:
        recording: Programs of a run.
        passes: How often each program is solved; the fastest counts.
        samples: Number of programs, taken evenly from the recording; slow libraries get fewer.

    Returns:
        One row per solver, the controller's own first.
    """
    rows = [_time_own(recording, passes, samples, warm) for warm in (True, False)]
    with _silent():
        rows += [_time_general(recording, passes, samples, name, solve) for name, solve in general_solvers().items()]
    return rows


def general_solvers() -> dict[str, Callable[[QuadraticProgram], Array | None]]:
    """Find the general-purpose solvers that are installed.

    Returns:
        Functions by name; each returns the solution, shape (n,), or None.
    """
    solvers: dict[str, Callable[[QuadraticProgram], Array | None]] = {
        "daqp": lambda problem: _solution(problem, "daqp"),
        "osqp": lambda problem: _solution(problem, "osqp"),
    }
    for name, make in (("quadprog", _quadprog), ("cvxpy", _cvxpy)):
        try:
            solvers[name] = make(importlib.import_module(name))
        except ImportError:
            continue
    return solvers


def _solution(problem: QuadraticProgram, solver: str) -> Array | None:
    solution = solve_qp(problem, solver)
    return solution.x if solution.found else None


def _quadprog(quadprog: Any) -> Callable[[QuadraticProgram], Array | None]:
    def solve(problem: QuadraticProgram) -> Array | None:
        upper, lower = np.isfinite(problem.upper), np.isfinite(problem.lower)
        rows = np.vstack((problem.matrix[lower], -problem.matrix[upper]))
        bounds = np.concatenate((problem.lower[lower], -problem.upper[upper]))
        try:
            return np.asarray(quadprog.solve_qp(problem.hessian, -problem.gradient, rows.T, bounds)[0])
        except ValueError:
            return None

    return solve


def _cvxpy(cvxpy: Any) -> Callable[[QuadraticProgram], Array | None]:
    """Compile a parametrised problem once per size and set of constraints, which is the fast way to use cvxpy."""
    compiled: dict[bytes, Any] = {}

    def solve(problem: QuadraticProgram) -> Array | None:
        key = problem.matrix.tobytes() + problem.lower.tobytes() + problem.upper.tobytes()
        if key not in compiled:
            n = len(problem.gradient)
            x, root, gradient = cvxpy.Variable(n), cvxpy.Parameter((n, n)), cvxpy.Parameter(n)
            below, above = np.isfinite(problem.lower), np.isfinite(problem.upper)
            constraints = [
                problem.matrix[below] @ x >= problem.lower[below],
                problem.matrix[above] @ x <= problem.upper[above],
            ]
            cost = 0.5 * cvxpy.sum_squares(root @ x) + gradient @ x
            compiled[key] = cvxpy.Problem(cvxpy.Minimize(cost), constraints), x, root, gradient
        program, x, root, gradient = compiled[key]
        root.value, gradient.value = np.linalg.cholesky(problem.hessian).T, problem.gradient
        program.solve(solver="OSQP", warm_start=False, eps_abs=1e-6, eps_rel=1e-6, max_iter=20000)
        return None if x.value is None else np.asarray(x.value)

    return solve


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what compiled libraries write from the terminal; writing it would also take time."""
    sys.stdout.flush()
    terminal, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(terminal, 1)
        os.close(terminal)
        os.close(nowhere)


def _chosen(recording: Recording, samples: int) -> list[MpcInput]:
    count = min(samples, len(recording.inputs))
    return [recording.inputs[i] for i in np.linspace(0, len(recording.inputs) - 1, count).astype(int)]


def _time_own(recording: Recording, passes: int, samples: int, warm: bool) -> ProgramTiming:
    """Time the controller's own solver; warm starts come from the plan made just before, as in the controller."""
    mpc = ConvexMpc(replace(recording.config, solver=ACTIVE_SET), load_robot("go2").mass)
    count = min(samples, len(recording.inputs) - 1)
    times = np.empty((passes, count))
    difference, failures, active = 0.0, 0, 0
    for column, index in enumerate(np.linspace(1, len(recording.inputs) - 1, count).astype(int)):
        inputs = recording.inputs[index]
        for number in range(passes):
            mpc.reset()
            if warm:
                mpc.solve(mpc.build_qp(recording.inputs[index - 1]))
            begin = clock.perf_counter()
            qp = mpc.build_qp(inputs)
            found, x, _ = mpc.solve(qp)
            times[number, column] = clock.perf_counter() - begin
        failures += not found
        if found:
            difference = max(difference, _difference(qp, x))
            active += _rests_on_constraint(qp, x)
    name = f"{ACTIVE_SET} ({'warm, as in the controller' if warm else 'cold'})"
    return ProgramTiming(name, _percentiles(times), difference, failures, active / max(count, 1))


def _time_general(
    recording: Recording, passes: int, samples: int, name: str, solve: Callable[[QuadraticProgram], Array | None]
) -> ProgramTiming:
    mpc = ConvexMpc(recording.config, load_robot("go2").mass)
    if name not in ("daqp", "quadprog"):
        samples, passes = min(samples, SLOW_SAMPLES), min(passes, SLOW_PASSES)
    programs = _chosen(recording, samples)
    times = np.empty((passes, len(programs)))
    difference, failures = 0.0, 0
    solve(mpc.build_qp(programs[0]).general())
    for column, inputs in enumerate(programs):
        for number in range(passes):
            begin = clock.perf_counter()
            qp = mpc.build_qp(inputs)
            x = solve(qp.general())
            times[number, column] = clock.perf_counter() - begin
        failures += x is None
        if x is not None:
            difference = max(difference, _difference(qp, x))
    return ProgramTiming(name, _percentiles(times), difference, failures)


def _difference(qp: ForceQp, x: Array) -> float:
    """Compare the forces of the first interval with the exact ones [N]."""
    exact = solve_qp(qp.general(), "daqp").x
    first = np.repeat(qp.contact_step == 0, 3)
    return float(np.abs(x - exact)[first].max(initial=0.0))


def _rests_on_constraint(qp: ForceQp, x: Array) -> bool:
    problem = qp.general()
    values = problem.matrix @ x
    return bool(np.minimum(values - problem.lower, problem.upper - values).min() < 1e-6)


def _percentiles(times: Array) -> dict[str, float]:
    best = times.min(axis=0)
    return {
        "p50_s": float(np.median(best)),
        "p99_s": float(np.percentile(best, 99)),
        "raw_p99_s": float(np.percentile(times[0], 99)),
        "n": float(times.shape[1]),
    }
