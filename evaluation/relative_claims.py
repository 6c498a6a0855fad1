"""Targets that compare methods trial by trial: against the best rival, an order, and regret."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.claims import Verdict
from evaluation.comparison import fell
from evaluation.privileged import PRIVILEGED
from evaluation.results import Row
from evaluation.statistics import bootstrap_ci95, paired_bootstrap_ci95, relative_difference

Runs = dict[int, Row]


def runs_of(rows: Sequence[Row], case: str) -> dict[str, Runs]:
    """Sort the trials of a case.

    Args:
        rows: Trials.
        case: Case.

    Returns:
        Trial by method and seed.
    """
    found: dict[str, Runs] = {}
    for row in rows:
        if row.case == case:
            found.setdefault(row.method, {})[row.seed] = row
    return found


def completed_pairs(first: Runs, second: Runs, metric: str) -> tuple[list[float], list[float]]:
    """Take a metric of the seeds that both completed.

    Args:
        first: Trials of one method by seed.
        second: Trials of another.
        metric: Metric.

    Returns:
        Values of either, in the order of the seeds.
    """
    values = []
    for seed in sorted(first.keys() & second.keys()):
        pair = [_value(row, metric) for row in (first[seed], second[seed])]
        if pair[0] is not None and pair[1] is not None:
            values.append((pair[0], pair[1]))
    return [a for a, _ in values], [b for _, b in values]


def best_rival(runs: dict[str, Runs], ours: str, metric: str, rivals: Sequence[str] = ()) -> str | None:
    """Find the rival that is hardest to beat.

    Candidates are all methods but ours and those that are told the truth. Only those with the fewest falls over our
    seeds count, so that a rival that falls is not the best while another does not; of these it is the one with the
    lowest mean over its completed trials. It is chosen on the very trials that are reported, which favours the rival.

    Args:
        runs: Trial by method and seed.
        ours: Our method.
        metric: Metric, of which less is better.
        rivals: The only candidates; empty for all.

    Returns:
        Its name; None where no rival was run.
    """
    ranked = []
    for name, own in runs.items():
        shared = [own[seed] for seed in own if seed in runs.get(ours, {})]
        if name == ours or name in PRIVILEGED or (rivals and name not in rivals) or not shared:
            continue
        values = [value for row in shared if (value := _value(row, metric)) is not None]
        ranked.append((sum(map(fell, shared)) / len(shared), float(np.mean(values)) if values else math.inf, name))
    return min(ranked)[2] if ranked else None


@dataclass(frozen=True)
class RelativeClaim:
    """Our error is lower than that of a rival by a share.

    The statistic is mean(ours) / mean(rival) - 1 over the seeds that both completed. Ours must not have fallen more
    often than the rival.

    Attributes:
        text: What is claimed, in a few words.
        case: Case whose rows count.
        method: Ours.
        metric: Metric, of which less is better.
        limit: Bound on the statistic.
        rivals: Rivals of which the best counts, see `best_rival`; empty for all that were run.
        decisive: Whether the interval (bootstrap over seeds, pairs drawn as a whole) must lie below 0 as well.
        alternative: A second metric: the target is reached where either reaches it; None for none.
        binding: Whether missing it fails a check.
    """

    text: str
    case: str
    method: str
    metric: str
    limit: float = -0.30
    rivals: tuple[str, ...] = ()
    decisive: bool = True
    alternative: str | None = None
    binding: bool = True
    unit: str = "%"
    scale: float = 100.0

    @property
    def target(self) -> str:
        """The bound as text."""
        return f"≤ {self.limit * self.scale:+.4g} %" + (", interval < 0" if self.decisive else "")

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods without whose rows it cannot be judged."""
        return (self.method, *self.rivals)

    def judge(self, rows: Sequence[Row]) -> Verdict:
        """Compare it with rows.

        Args:
            rows: Trials.

        Returns:
            What was measured, against which rival. Without a pair that both completed it is reached where ours
            completed every trial and has failed where not; with a single pair, which has no interval, a decisive
            claim stays open.
        """
        runs = runs_of(rows, self.case)
        metrics = (self.metric,) if self.alternative is None else (self.metric, self.alternative)
        verdicts = [self._judge(runs, metric) for metric in metrics]
        rank = {True: 0, None: 1, False: 2}
        return min(verdicts, key=lambda v: (rank[v.passed], math.inf if v.measured is None else v.measured))

    def _judge(self, runs: dict[str, Runs], metric: str) -> Verdict:
        rival = best_rival(runs, self.method, metric, self.rivals)
        if rival is None:
            return Verdict(self, None, 0, None)
        seeds = runs[self.method].keys() & runs[rival].keys()
        falls = [sum(fell(runs[name][seed]) for seed in seeds) for name in (self.method, rival)]
        detail = metric if self.alternative is not None else ""
        if any(falls):
            detail = f"{detail}, " * bool(detail) + f"fell {falls[0]} and {falls[1]} of {len(seeds)}"
        ours, theirs = completed_pairs(runs[self.method], runs[rival], metric)
        if not ours:
            return Verdict(self, None, 0, falls[0] == 0 and falls[1] > 0, rival, None, detail)
        value, interval = relative_difference(ours, theirs), paired_bootstrap_ci95(ours, theirs)
        passed: bool | None = value <= self.limit and falls[0] <= falls[1]
        if passed and self.decisive:
            passed = None if interval is None else interval[1] < 0.0
        return Verdict(self, value, len(ours), passed, rival, interval, detail)


@dataclass(frozen=True)
class OrderClaim:
    """Methods rank in a certain order, the best first.

    Of two neighbours the one that fell less often is better; where both fell equally often, the one with the lower
    mean over the seeds that both completed. The statistic is the number of neighbours in order.

    Attributes:
        text: What is claimed, in a few words.
        case: Case whose rows count.
        order: Methods, the best first.
        metric: Metric, of which less is better.
        metric_unit: Unit in which it is shown.
        metric_scale: Factor from the metric's unit to that one.
        binding: Whether missing it fails a check.
    """

    text: str
    case: str
    order: tuple[str, ...]
    metric: str
    metric_unit: str = "mm"
    metric_scale: float = 1e3
    binding: bool = True
    unit: str = ""
    scale: float = 1.0

    @property
    def method(self) -> str:
        """The best method."""
        return self.order[0]

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods without whose rows it cannot be judged."""
        return self.order

    @property
    def target(self) -> str:
        """The bound as text."""
        return " < ".join(self.order)

    def judge(self, rows: Sequence[Row]) -> Verdict:
        """Compare it with rows.

        Args:
            rows: Trials.

        Returns:
            The number of neighbours in order, with the mean and the falls of each method; open where one was not run.
        """
        runs = runs_of(rows, self.case)
        if any(name not in runs for name in self.order):
            return Verdict(self, None, 0, None)
        n = min(len(runs[name]) for name in self.order)
        ordered = sum(self._better(runs[a], runs[b]) for a, b in zip(self.order, self.order[1:], strict=False))
        detail = ", ".join(f"{name} {self._describe(runs[name])}" for name in self.order)
        return Verdict(self, float(ordered), n, ordered == len(self.order) - 1, None, None, detail)

    def _better(self, first: Runs, second: Runs) -> bool:
        falls = [sum(map(fell, own.values())) / len(own) for own in (first, second)]
        if falls[0] != falls[1]:
            return falls[0] < falls[1]
        ours, theirs = completed_pairs(first, second, self.metric)
        return bool(ours) and float(np.mean(ours)) < float(np.mean(theirs))

    def _describe(self, own: Runs) -> str:
        values = [value for row in own.values() if (value := _value(row, self.metric)) is not None]
        mean = f"{float(np.mean(values)) * self.metric_scale:.3g} {self.metric_unit}" if values else "–"
        falls = sum(map(fell, own.values()))
        return f"{mean}, fell {falls}/{len(own)}" if falls else mean


@dataclass(frozen=True)
class RegretClaim:
    """Empirical dynamic regret per step falls over the run.

    What is compared is what the tables of regret hold (`evaluation.regret.with_regret`): regret per step over the first
    half of the time in which the walking robot is disturbed, and over the whole of it; the statistic is the mean of the
    second less the first, over seeds.

    Attributes:
        text: What is claimed, in a few words.
        case: Case whose rows count.
        method: Ours.
        metric: Regret per step over the whole of that time.
        early: Regret per step over its first half.
        versus: The comparator.
        binding: Whether missing it fails a check.
    """

    text: str
    case: str
    method: str
    metric: str = "regret_per_step_late"
    early: str = "regret_per_step_early"
    versus: str = "clairvoyant"
    binding: bool = True
    unit: str = ""
    scale: float = 1.0

    @property
    def target(self) -> str:
        """The bound as text."""
        return "< 0, interval < 0"

    @property
    def methods(self) -> tuple[str, ...]:
        """Methods without whose rows it cannot be judged."""
        return (self.method, self.versus)

    def judge(self, rows: Sequence[Row]) -> Verdict:
        """Compare it with rows.

        Args:
            rows: Trials.

        Returns:
            The change of regret per step, with both values; open where one of the methods was not run.
        """
        runs = runs_of(rows, self.case)
        if self.method not in runs or self.versus not in runs:
            return Verdict(self, None, 0, None, self.versus)
        pairs = [
            (early, whole)
            for row in runs[self.method].values()
            if (early := _value(row, self.early)) is not None and (whole := _value(row, self.metric)) is not None
        ]
        if not pairs:
            return Verdict(self, None, 0, False, self.versus)
        early, whole = np.array(pairs).T
        change = (whole - early).tolist()
        interval = bootstrap_ci95(change)
        detail = f"{float(early.mean()):.3g} in the first half, {float(whole.mean()):.3g} in all"
        value = float(np.mean(change))
        passed: bool | None = value < 0.0
        if passed:
            passed = None if interval is None else interval[1] < 0.0
        return Verdict(self, value, len(change), passed, self.versus, interval, detail)


def _value(row: Row, metric: str) -> float | None:
    value = row.metrics.get(metric)
    return value if value is not None and math.isfinite(value) and not fell(row) else None
