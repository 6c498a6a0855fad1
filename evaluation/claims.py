"""Targets and whether the measured rows reach them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from controllers.errors import UnknownName
from evaluation.results import Row
from evaluation.statistics import Interval

STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda values: float(values.mean()),
    "mean_abs": lambda values: float(np.abs(values).mean()),
    "min": lambda values: float(values.min()),
    "max": lambda values: float(values.max()),
    "sum": lambda values: float(values.sum()),
}


class Target(Protocol):
    """What every kind of claim has; all of them are frozen dataclasses."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def text(self) -> str:
        """What is claimed, in a few words."""
        ...

    @property
    def case(self) -> str:
        """Case whose rows count."""
        ...

    @property
    def method(self) -> str:
        """Method that is claimed to be good."""
        ...

    @property
    def metric(self) -> str:
        """Metric."""
        ...

    @property
    def unit(self) -> str:
        """Unit to show."""
        ...

    @property
    def scale(self) -> float:
        """Factor from the unit of what is measured to that unit."""
        ...

    @property
    def binding(self) -> bool:
        """Whether missing it fails a check."""
        ...

    @property
    def target(self) -> str:
        """The bound as text."""
        ...

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods without whose rows it cannot be judged."""
        ...

    def judge(self, rows: Sequence[Row]) -> Verdict:
        """Compare it with rows."""
        ...


@dataclass(frozen=True)
class Claim:
    """A bound on one number.

    Attributes:
        text: What is claimed, in a few words.
        case: Case whose rows count.
        method: Method whose rows count.
        metric: Metric.
        limit: Bound on the statistic, in the metric's unit.
        statistic: One of `STATISTICS`, over the trials that have the metric.
        at_least: Whether the limit is a lower bound.
        versus: Method whose statistic is subtracted first; None for none.
        unit: Unit to show.
        scale: Factor from the metric's unit to that unit.
        binding: Whether missing it fails a check; a comparison with others is not.
        beside: Method without whose trials of the case the metric does not exist; None for none.
    """

    text: str
    case: str
    method: str
    metric: str
    limit: float
    statistic: str = "mean"
    at_least: bool = False
    versus: str | None = None
    unit: str = ""
    scale: float = 1.0
    binding: bool = True
    beside: str | None = None

    def __post_init__(self) -> None:
        """Refuse a statistic that does not exist.

        Raises:
            UnknownName: Lists those that exist.
        """
        if self.statistic not in STATISTICS:
            raise UnknownName("statistic", self.statistic, STATISTICS)

    @property
    def target(self) -> str:
        """The bound as text."""
        return f"{'≥' if self.at_least else '≤'} {self.limit * self.scale:.4g} {self.unit}".rstrip()

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods without whose rows it cannot be judged."""
        return tuple(name for name in (self.method, self.versus, self.beside) if name is not None)

    def judge(self, rows: Sequence[Row]) -> Verdict:
        """Compare it with rows.

        Args:
            rows: Trials.

        Returns:
            What was measured; failed where trials were run of which none has the metric, open where none was run.
        """
        value, n, run = self._measure(self.method, rows)
        if self.versus is not None:
            other, others, other_run = self._measure(self.versus, rows)
            value = None if value is None or other is None else value - other
            n, run = min(n, others), min(run, other_run)
        if self.beside is not None:
            run = min(run, self._measure(self.beside, rows)[2])
        if not run:
            return Verdict(self, None, 0, None, against=self.versus)
        if value is None:
            return Verdict(self, None, 0, False, against=self.versus)
        passed = value >= self.limit if self.at_least else value <= self.limit
        return Verdict(self, value, n, passed, against=self.versus)

    def _measure(self, method: str, rows: Sequence[Row]) -> tuple[float | None, int, int]:
        chosen = [row for row in rows if row.case == self.case and row.method == method]
        values = [row.metrics[self.metric] for row in chosen if self.metric in row.metrics]
        finite = np.array([value for value in values if value is not None and np.isfinite(value)])
        if not len(finite):
            return None, 0, len(chosen)
        return STATISTICS[self.statistic](finite), len(finite), len(chosen)


@dataclass(frozen=True)
class Verdict:
    """A claim and what was measured.

    Attributes:
        claim: The claim.
        measured: Value of the statistic; None when no trial has the metric.
        n: Number of trials, or pairs of trials, that it was taken over.
        passed: Whether the target is reached; None when no such trial was run.
        against: Method that was compared with; None for none.
        ci95: 95 % interval of the value where the claim looks at it.
        detail: What else a reader should know.
    """

    claim: Target
    measured: float | None
    n: int
    passed: bool | None
    against: str | None = None
    ci95: Interval | None = None
    detail: str = ""


def judge(claims: Sequence[Target], rows: Sequence[Row]) -> list[Verdict]:
    """Compare claims with rows.

    A claim about trials none of which was completed has failed. Trials that were never run leave it open.

    Args:
        claims: The claims.
        rows: Trials.

    Returns:
        One verdict per claim, in their order.
    """
    return [claim.judge(rows) for claim in claims]
