"""Targets and whether the measured rows reach them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from controllers.errors import UnknownName
from evaluation.results import Row

STATISTICS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": lambda values: float(values.mean()),
    "mean_abs": lambda values: float(np.abs(values).mean()),
    "max": lambda values: float(values.max()),
    "sum": lambda values: float(values.sum()),
}


@dataclass(frozen=True)
class Claim:
    """One target.

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


@dataclass(frozen=True)
class Verdict:
    """A claim and what was measured.

    Attributes:
        claim: The claim.
        measured: Value of the statistic; None when no trial has the metric.
        n: Number of trials that it was taken over.
        passed: Whether the target is reached; None when no such trial was run.
    """

    claim: Claim
    measured: float | None
    n: int
    passed: bool | None


def judge(claims: Sequence[Claim], rows: Sequence[Row]) -> list[Verdict]:
    """Compare claims with rows.

    A claim about trials none of which was completed has failed. Trials that were never run leave it open.

    Args:
        claims: The claims.
        rows: Trials.

    Returns:
        One verdict per claim, in their order.
    """
    return [_judge(claim, rows) for claim in claims]


def _judge(claim: Claim, rows: Sequence[Row]) -> Verdict:
    value, n, run = _statistic(claim, claim.method, rows)
    if claim.versus is not None:
        other, others, other_run = _statistic(claim, claim.versus, rows)
        value = None if value is None or other is None else value - other
        n, run = min(n, others), min(run, other_run)
    if not run:
        return Verdict(claim, None, 0, None)
    if value is None:
        return Verdict(claim, None, 0, False)
    return Verdict(claim, value, n, value >= claim.limit if claim.at_least else value <= claim.limit)


def _statistic(claim: Claim, method: str, rows: Sequence[Row]) -> tuple[float | None, int, int]:
    chosen = [row for row in rows if row.case == claim.case and row.method == method]
    values = [row.metrics[claim.metric] for row in chosen if claim.metric in row.metrics]
    finite = np.array([value for value in values if value is not None and np.isfinite(value)])
    if not len(finite):
        return None, 0, len(chosen)
    return STATISTICS[claim.statistic](finite), len(finite), len(chosen)
