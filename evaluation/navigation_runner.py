"""Runs the batches of a navigation suite over several processes."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.progress import Progress

from controllers.errors import ControlError, InvalidValue, UnknownName
from evaluation.navigation_methods import LEARNED, ORACLE, PARAMETRIC, known_methods, make_navigator, oracle_candidates
from evaluation.navigation_rollout import Outcome, run
from evaluation.navigation_suites import NavigationCase, NavigationSuite, seeds_of
from evaluation.results import Row

# Scenes that are moved together.
BATCH = 50


@dataclass(frozen=True)
class Batch:
    """Trials of one case and method that are run together.

    Attributes:
        case: The case.
        method: Name of the method.
        seeds: The trials.
    """

    case: NavigationCase
    method: str
    seeds: tuple[int, ...]


@dataclass(frozen=True)
class BatchResult:
    """What came out of a batch.

    Attributes:
        rows: One per seed.
        first: Outcome of the first seed, with its trace where that was asked for.
    """

    rows: list[Row]
    first: Outcome


def plan_batches(
    suite: NavigationSuite, methods: Sequence[str] | None = None, seeds: Sequence[int] | None = None
) -> list[Batch]:
    """Split a suite into batches.

    Args:
        suite: The suite.
        methods: Methods to run on every case; None for those of the suite and its cases.
        seeds: Seeds to run, as far as a case takes them; None for those of the suite.

    Returns:
        The batches.

    Raises:
        UnknownName: There is no such method; lists those that exist.
        InvalidValue: There is nothing to run, or a seed is one of tuning.
    """
    for method in methods or ():
        if method not in known_methods() and method.partition(":")[0] not in (*PARAMETRIC, *LEARNED):
            raise UnknownName("navigation method", method, known_methods())
    batches = []
    for case in suite.cases:
        numbers = seeds_of(suite, case, seeds)
        for method in dict.fromkeys(methods or case.methods or suite.methods):
            batches += [Batch(case, method, numbers[i : i + BATCH]) for i in range(0, len(numbers), BATCH)]
    if not batches:
        raise InvalidValue("there is nothing to run: no cases, methods or seeds")
    return batches


def _better(first: Outcome, second: Outcome) -> Outcome:
    """Prefer the scene in which more robots arrive unharmed, then the one in which they take less time."""

    def rank(outcome: Outcome) -> tuple[float, float]:
        values = outcome.metrics()
        extra = values["extra_time_s"]
        return values["agent_success"] or 0.0, -np.inf if extra is None else -extra

    return first if rank(first) >= rank(second) else second


def perform_batch(batch: Batch, record: bool = False) -> BatchResult:
    """Run a batch.

    Args:
        batch: What to run.
        record: Whether to keep the positions of the first seed.

    Returns:
        What came out.
    """
    scenes = [batch.case.build(seed) for seed in batch.seeds]
    if batch.method == ORACLE:
        outcomes: list[Outcome] = []
        for navigator in oracle_candidates():
            found = run(scenes, navigator, batch.case.sensing_range, record=record)
            outcomes = [_better(a, b) for a, b in zip(outcomes, found, strict=True)] if outcomes else found
    else:
        outcomes = run(scenes, make_navigator(batch.method), batch.case.sensing_range, record=record)
    rows = [
        Row(batch.method, batch.case.name, seed, outcome.metrics())
        for seed, outcome in zip(batch.seeds, outcomes, strict=True)
    ]
    return BatchResult(rows, outcomes[0])


def run_batches(batches: Sequence[Batch], jobs: int = 1, console: Console | None = None) -> Iterator[BatchResult]:
    """Run batches; positions are kept of the first seed of every case and method.

    Args:
        batches: What to run.
        jobs: Number of processes.
        console: Where progress is shown; None for nowhere.

    Yields:
        What came out, in the order in which batches end.

    Raises:
        InvalidValue: The number of jobs is not positive.
    """
    if jobs < 1:
        raise InvalidValue(f"jobs must be >= 1, got {jobs}")
    seen: set[tuple[str, str]] = set()
    record = []
    for batch in batches:
        record.append((batch.case.name, batch.method) not in seen)
        seen.add((batch.case.name, batch.method))
    with Progress(console=console, disable=console is None) as progress:
        task = progress.add_task("batches", total=len(batches))
        if jobs == 1 or len(batches) == 1:
            for batch, keeps in zip(batches, record, strict=True):
                progress.update(task, description=f"{batch.case.name} · {batch.method}")
                yield _named(batch, lambda b=batch, k=keeps: perform_batch(b, k))
                progress.advance(task)
            return
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            futures = {pool.submit(perform_batch, b, k): b for b, k in zip(batches, record, strict=True)}
            for future in as_completed(futures):
                yield _named(futures[future], future.result)
                progress.advance(task)


def _named(batch: Batch, call: Callable[[], BatchResult]) -> BatchResult:
    try:
        return call()
    except ControlError as error:
        raise InvalidValue(f"case '{batch.case.name}', method '{batch.method}': {error}") from error
