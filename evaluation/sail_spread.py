"""Spreads rollouts of a planner over processes of this machine or over Ray."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evaluation.engines import get_engine, named
from policies.sail.rollouts import Batch, Result, Spread, run_batch


@dataclass(frozen=True)
class BatchCase:
    """What a batch is a trial of, for an engine's messages.

    Attributes:
        name: The task.
    """

    name: str


@dataclass(frozen=True)
class BatchTrial:
    """A batch of rollouts, as engines take trials.

    Attributes:
        batch: What to run.
    """

    batch: Batch

    @property
    def case(self) -> BatchCase:
        """The task."""
        return BatchCase(self.batch.task)

    @property
    def method(self) -> str:
        """Whose models."""
        return "first models" if self.batch.models is None else self.batch.models.parent.name

    @property
    def seed(self) -> int:
        """Of the first rollout."""
        return self.batch.seeds[0]

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from others."""
        return self.method, self.batch.task, self.seed


def perform(trial: BatchTrial, trace: Path | None = None) -> list[Result]:
    """Run a batch.

    Args:
        trial: The batch.
        trace: Not used.

    Returns:
        How each rollout went.
    """
    return run_batch(trial.batch)


def spread_over(engine: str, jobs: int) -> Spread:
    """Choose where batches of rollouts run.

    Args:
        engine: One of `evaluation.engines.ENGINES`.
        jobs: Batches at the same time; a single one runs in this process, except on Ray.

    Returns:
        What the loop runs batches with.

    Raises:
        UnknownName: There is no such engine; lists those that exist.
    """
    run = get_engine(engine)

    def spread(batches: Sequence[Batch], keep: Callable[[list[Result]], None]) -> None:
        trials: list[Any] = [BatchTrial(batch) for batch in batches]
        # Engines speak of rows; what they carry is theirs to pass on only.
        chosen: Any = perform

        def take(trial: Any, results: Any) -> None:
            keep(results)

        if engine == "process" and jobs == 1:
            for trial in trials:
                take(trial, named(trial, partial(chosen, trial)))
        elif trials:
            run(trials, {trial.key: None for trial in trials}, min(jobs, len(trials)), chosen, take)

    return spread
