"""Where the trials of a suite run at the same time: processes of this machine, or Ray."""

import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Protocol

from controllers.errors import ControlError, InvalidValue, UnknownName
from evaluation.results import Row
from evaluation.suite import Trial

Perform = Callable[[Any, Path | None], Row]
Keep = Callable[[Trial, Row], None]
Traces = Mapping[tuple[str, str, int], Path | None]

SINGLE_THREADED = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
RAY_ADDRESS = "RAY_ADDRESS"


class TrialFailed(ControlError, RuntimeError):
    """A trial ended in an error of the program, which is no result; what was finished before is kept."""


class WorkerDied(ControlError, RuntimeError):
    """The process that ran a trial is gone."""


class Engine(Protocol):
    """Runs trials side by side."""

    def __call__(self, todo: Sequence[Trial], traces: Traces, jobs: int, perform: Perform, keep: Keep) -> None:
        """Run trials, in any order.

        Args:
            todo: What to run.
            traces: Where the curves of each are kept, by its key.
            jobs: How many run at the same time.
            perform: Runs one trial.
            keep: Takes each finished trial with its row.

        Raises:
            TrialFailed: A trial raised an error.
        """
        ...


def named(trial: Trial, call: Callable[[], Row]) -> Row:
    """Run a trial, or fetch what it gave, and say which one it was if it fails.

    Args:
        trial: The trial.
        call: Gives its row.

    Returns:
        The row.

    Raises:
        TrialFailed: The call raised an error.
    """
    try:
        return call()
    except (BrokenProcessPool, WorkerDied) as error:
        raise TrialFailed("a worker process died (out of memory?); run the same command again to go on") from error
    except Exception as error:
        name = f"case '{trial.case.name}', method '{trial.method}', seed {trial.seed}"
        raise TrialFailed(f"{name}: {type(error).__name__}: {error}") from error


def over_processes(todo: Sequence[Trial], traces: Traces, jobs: int, perform: Perform, keep: Keep) -> None:
    """Run trials in processes of this machine, see `Engine`.

    Args:
        todo: What to run.
        traces: Where the curves of each are kept, by its key.
        jobs: Number of processes.
        perform: Runs one trial.
        keep: Takes each finished trial with its row.
    """
    # Forking would copy the threads' locks of numba and MuJoCo in whatever state they are.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context, initializer=_be_single_threaded)
    try:
        pending: dict[Future[Row], Trial] = {pool.submit(perform, trial, traces[trial.key]): trial for trial in todo}
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                trial = pending.pop(future)
                keep(trial, named(trial, future.result))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def over_ray(todo: Sequence[Trial], traces: Traces, jobs: int, perform: Perform, keep: Keep) -> None:
    """Run trials as tasks of Ray, see `Engine`.

    A cluster that the environment variable RAY_ADDRESS names is used; otherwise one of `jobs` processors is started on
    this machine and stopped afterwards. The journal is written here, curves by the workers: on a cluster the folder of
    the results, and this program, must be at the same place on every machine.

    Args:
        todo: What to run.
        traces: Where the curves of each are kept, by its key.
        jobs: Number of trials at the same time.
        perform: Runs one trial.
        keep: Takes each finished trial with its row.

    Raises:
        InvalidValue: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise InvalidValue("engine 'ray' needs the extra 'ray': pip install 'pronk[ray]'") from error
    began = not ray.is_initialized()
    if began:
        local = {} if os.environ.get(RAY_ADDRESS) else {"num_cpus": jobs, "include_dashboard": False}
        ray.init(runtime_env={"env_vars": SINGLE_THREADED}, log_to_driver=False, **local)
    task = ray.remote(num_cpus=1, max_retries=0)(perform)
    waiting, running = list(todo), {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                trial = waiting.pop(0)
                running[task.remote(trial, traces[trial.key])] = trial
            for reference in ray.wait(list(running), num_returns=1)[0]:
                trial = running.pop(reference)
                keep(trial, named(trial, lambda reference=reference: _fetch(ray, reference)))
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
        if began:
            ray.shutdown()


def _fetch(ray: Any, reference: Any) -> Row:
    try:
        row: Row = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        # Ray wraps what a task raised into an error whose text is the whole traceback.
        raise (error.cause or error) from error
    except ray.exceptions.RayError as error:
        raise WorkerDied(str(error)) from error
    return row


ENGINES: dict[str, Engine] = {"process": over_processes, "ray": over_ray}


def get_engine(name: str) -> Engine:
    """Look an engine up.

    Args:
        name: One of `ENGINES`.

    Returns:
        The engine.

    Raises:
        UnknownName: There is no such engine; lists those that exist.
    """
    if name not in ENGINES:
        raise UnknownName("engine", name, ENGINES)
    return ENGINES[name]


def _be_single_threaded() -> None:
    for name, value in SINGLE_THREADED.items():
        os.environ.setdefault(name, value)
