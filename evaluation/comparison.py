"""One method against every other, trial by trial."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np

from evaluation.privileged import PRIVILEGED
from evaluation.results import Row
from evaluation.statistics import (
    Interval,
    holm,
    mcnemar_p,
    paired_bootstrap_ci95,
    relative_difference,
    wilcoxon_p,
)

# Names of the method that a comparison is about, the first that was run.
OURS = ("pronk", "random_features")
METRICS = (
    "height_rmse_m",
    "vx_rmse_mps",
    "vy_rmse_mps",
    "roll_rmse_rad",
    "pitch_rmse_rad",
    "settle_time_s",
    "wrench_rmse_n",
)

Pair = tuple[Row, Row]


@dataclass(frozen=True)
class Comparison:
    """One metric of two methods on one case.

    Attributes:
        case: Case.
        metric: Metric, of which less is better.
        ours: Method that the comparison is about.
        other: Method that it is compared with.
        n: Pairs of trials of the same seed that both completed; everything below is about these.
        fallen: Pairs that were left out because one of the two fell or has no such number.
        ours_mean: Mean of ours; NaN without pairs.
        other_mean: Mean of the other.
        relative: ours_mean / other_mean - 1.
        ci95: Its bootstrap interval over pairs; None for fewer than two.
        p_value: Wilcoxon's signed-rank test, two-sided; None without pairs.
        p_holm: The same, corrected for all cases and rivals that this metric was compared on; None against a method
            that is told the truth.
    """

    case: str
    metric: str
    ours: str
    other: str
    n: int
    fallen: int
    ours_mean: float
    other_mean: float
    relative: float
    ci95: Interval | None
    p_value: float | None
    p_holm: float | None = None


@dataclass(frozen=True)
class SurvivalComparison:
    """Survival of two methods on one case.

    Attributes:
        case: Case.
        ours: Method that the comparison is about.
        other: Method that it is compared with.
        n: Pairs of trials of the same seed.
        ours_survived: How many of them ours survived.
        other_survived: How many the other survived.
        only_ours: How many only ours survived.
        only_other: How many only the other survived.
        p_value: McNemar's exact test, two-sided.
        p_holm: The same, corrected for all cases and rivals; None against a method that is told the truth.
    """

    case: str
    ours: str
    other: str
    n: int
    ours_survived: int
    other_survived: int
    only_ours: int
    only_other: int
    p_value: float | None
    p_holm: float | None = None


Compared = TypeVar("Compared", Comparison, SurvivalComparison)


def choose_ours(rows: Iterable[Row], wanted: str | None = None) -> str | None:
    """Find the method that a comparison is about.

    Args:
        rows: Trials.
        wanted: Its name; None for the first of `OURS` that was run.

    Returns:
        Its name; None where it was not run.
    """
    methods = {row.method for row in rows}
    names = OURS if wanted is None else (wanted,)
    return next((name for name in names if name in methods), None)


def fell(row: Row) -> bool:
    """Tell whether a trial ended in a fall.

    Args:
        row: The trial.

    Returns:
        Whether it did.
    """
    return row.metrics.get("fell") == 1.0


def _value(row: Row, metric: str) -> float | None:
    value = row.metrics.get(metric)
    return value if value is not None and math.isfinite(value) and not fell(row) else None


def pairs(rows: Iterable[Row], ours: str) -> dict[tuple[str, str], list[Pair]]:
    """Match trials of the same case and seed.

    Args:
        rows: Trials.
        ours: Method that is compared.

    Returns:
        By case and other method, in order of appearance: pairs of ours and theirs in the order of the seeds.
    """
    by_key = {(row.case, row.method, row.seed): row for row in rows}
    matched: dict[tuple[str, str], list[Pair]] = {}
    for (case, method, seed), row in by_key.items():
        mine = by_key.get((case, ours, seed))
        if method != ours and mine is not None:
            matched.setdefault((case, method), []).append((mine, row))
    for members in matched.values():
        members.sort(key=lambda pair: pair[0].seed)
    return matched


def compare(rows: Sequence[Row], ours: str, metrics: Sequence[str] = METRICS) -> list[Comparison]:
    """Compare a method with every other on every case and metric, paired over seeds.

    A pair in which either fell is left out, since a run cut short has no error to average, and counted. Tests of one
    metric, over all cases and methods, are one family of Holm's correction.

    Args:
        rows: Trials.
        ours: Method that is compared.
        metrics: Metrics, of which less is better.

    Returns:
        The comparisons, by metric, case and other method; none for a metric that no trial of a pair has.
    """
    matched = pairs(rows, ours)
    found: list[Comparison] = []
    for metric in metrics:
        family = [
            _compare(case, metric, ours, other, members)
            for (case, other), members in matched.items()
            if any(metric in row.metrics for pair in members for row in pair)
        ]
        found += _corrected(family)
    return found


def _compare(case: str, metric: str, ours: str, other: str, members: Sequence[Pair]) -> Comparison:
    values = [(_value(mine, metric), _value(theirs, metric)) for mine, theirs in members]
    complete = [(a, b) for a, b in values if a is not None and b is not None]
    first, second = [a for a, _ in complete], [b for _, b in complete]
    return Comparison(
        case,
        metric,
        ours,
        other,
        len(complete),
        len(members) - len(complete),
        float(np.mean(first)) if first else math.nan,
        float(np.mean(second)) if second else math.nan,
        relative_difference(first, second) if first else math.nan,
        paired_bootstrap_ci95(first, second),
        wilcoxon_p(first, second),
    )


def compare_survival(rows: Sequence[Row], ours: str) -> list[SurvivalComparison]:
    """Compare how often a method survives with every other, paired over seeds.

    Args:
        rows: Trials.
        ours: Method that is compared.

    Returns:
        The comparisons, by case and other method; all of them are one family of Holm's correction.
    """
    found = []
    for (case, other), members in pairs(rows, ours).items():
        outcomes = [(not fell(mine), not fell(theirs)) for mine, theirs in members if "fell" in mine.metrics]
        only_ours = sum(a and not b for a, b in outcomes)
        only_other = sum(b and not a for a, b in outcomes)
        counts = (sum(a for a, _ in outcomes), sum(b for _, b in outcomes))
        p = mcnemar_p(only_ours, only_other)
        found.append(SurvivalComparison(case, ours, other, len(outcomes), *counts, only_ours, only_other, p))
    return _corrected(found)


def _corrected(family: Sequence[Compared]) -> list[Compared]:
    # Bounds are no rivals: to differ from them is no finding.
    adjusted = holm([None if comparison.other in PRIVILEGED else comparison.p_value for comparison in family])
    return [replace(comparison, p_holm=p) for comparison, p in zip(family, adjusted, strict=True)]


def pairs_needed(tests: int, level: float = 0.05) -> int:
    """Compute how many pairs the signed-rank test needs to find anything in a family.

    Args:
        tests: Number of tests in the family.
        level: Level of significance.

    Returns:
        The fewest n whose smallest possible probability, 2^(1 - n), is below level / tests.
    """
    return math.floor(1.0 + math.log2(tests / level)) + 1


def comparison_cells(
    comparisons: Sequence[Comparison], titles: Mapping[str, tuple[str, float, int]]
) -> tuple[list[str], list[list[str]]]:
    """Lay comparisons out.

    Args:
        comparisons: Of one method.
        titles: By metric: head, factor to the shown unit and digits after the point.

    Returns:
        Heads of the columns and the rows of texts.
    """
    ours = comparisons[0].ours if comparisons else "ours"
    heads = ["case", "against", "metric", ours, "other", "difference [%]", "95 % interval", "p", "p (Holm)", "n", "out"]
    rows = []
    for c in comparisons:
        title, scale, digits = titles.get(c.metric, (c.metric, 1.0, 3))
        means = [_number(mean, lambda x, s=scale, d=digits: f"{x * s:.{d}f}") for mean in (c.ours_mean, c.other_mean)]
        interval = "–" if c.ci95 is None else f"[{100 * c.ci95[0]:+.1f}, {100 * c.ci95[1]:+.1f}]"
        change = _number(c.relative, lambda x: f"{100 * x:+.1f}")
        tests = [show_p(c.p_value), show_p(c.p_holm)]
        rows.append([c.case, c.other, title, *means, change, interval, *tests, str(c.n), str(c.fallen)])
    return heads, rows


def survival_cells(comparisons: Sequence[SurvivalComparison]) -> tuple[list[str], list[list[str]]]:
    """Lay comparisons of survival out.

    Args:
        comparisons: Of one method.

    Returns:
        Heads of the columns and the rows of texts.
    """
    ours = comparisons[0].ours if comparisons else "ours"
    heads = ["case", "against", f"{ours} survived", "other survived", f"only {ours}", "only other", "p", "p (Holm)"]
    rows = [
        [
            c.case,
            c.other,
            f"{c.ours_survived}/{c.n}",
            f"{c.other_survived}/{c.n}",
            str(c.only_ours),
            str(c.only_other),
            show_p(c.p_value),
            show_p(c.p_holm),
        ]
        for c in comparisons
    ]
    return heads, rows


def show_p(p: float | None) -> str:
    """Write the result of a test.

    Args:
        p: Probability; None for a test that could not be made.

    Returns:
        Its text.
    """
    if p is None:
        return "–"
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def _number(value: float, write: Callable[[float], str]) -> str:
    return write(value) if math.isfinite(value) else "–"


def comparisons_json(
    comparisons: Sequence[Comparison], survival: Sequence[SurvivalComparison]
) -> dict[str, list[dict[str, Any]]]:
    """Put comparisons into the form of a file.

    Args:
        comparisons: Of metrics.
        survival: Of survival.

    Returns:
        "comparisons" and "survival", one entry each.
    """
    return {"comparisons": [asdict(c) for c in comparisons], "survival": [asdict(c) for c in survival]}
