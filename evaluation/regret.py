"""Empirical dynamic regret: what a method cost more than one that was told the truth, in the same trial.

The regret after t steps is R_t = Σ_{k ≤ t} (c_k − c*_k), with c the stage cost of `evaluation.stage_cost` and c*
that of the comparator on the same seed. A learner that learns has regret per step R_t / t that falls; R_t that grows as
t^s has slope s on logarithmic axes, below 1 where it is sublinear.

The comparator knows the total residual as far as it repeats with the gait, but not what the rigid-body model misses
beyond that, and it obeys the same MPC. It is a strong method rather than an optimum: others may cost less. Regret is
then negative; it is kept as it is, has no slope, and is counted under "not worse".
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from evaluation.comparison import fell
from evaluation.cost_curve import BIN_S, COSTS, CostCurve
from evaluation.results import Row
from evaluation.statistics import bootstrap_ci95

Array = npt.NDArray[np.float64]

COMPARATORS = ("clairvoyant", "oracle")
# "Early" is the average over this share of the steps, as in `evaluation.relative_claims`.
EARLY = 0.5
FEWEST_BINS = 8


@dataclass(frozen=True)
class Regret:
    """Regret of one trial.

    Attributes:
        time: Since costs are counted, at the ends of the bins, shape (B,) [s].
        cumulative: Regret R_t in units of stage cost times seconds, shape (B,).
        per_step: R_t / t, the average stage cost beyond that of the comparator, shape (B,).
    """

    time: Array
    cumulative: Array
    per_step: Array

    @classmethod
    def between(cls, method: CostCurve, comparator: CostCurve) -> "Regret":
        """Sum the difference of two runs of the same trial.

        Args:
            method: Costs of the method.
            comparator: Costs of what it is compared with.

        Returns:
            The regret.

        Raises:
            InvalidValue: The runs do not span the same time, or hardly any.
        """
        spans = [(curve.begin, len(curve.cost)) for curve in (method, comparator)]
        if spans[0] != spans[1] or len(method.cost) < FEWEST_BINS:
            raise InvalidValue(
                f"regret needs two runs of the same {FEWEST_BINS} or more bins, got "
                + " and ".join(f"{count} from {begin:g} s on" for begin, count in spans)
            )
        total = np.cumsum(method.cost - comparator.cost)
        steps = np.arange(1, len(total) + 1)
        return cls(BIN_S * steps, BIN_S * total, total / steps)

    @property
    def early(self) -> float:
        """Regret per step over the first half of the run."""
        return float(self.per_step[max(1, round(EARLY * len(self.per_step))) - 1])

    @property
    def late(self) -> float:
        """Regret per step over the whole run."""
        return float(self.per_step[-1])

    @property
    def slope(self) -> float:
        """Slope of log R_t over log t in the second half (least squares); NaN unless R_t is positive all along it."""
        second = slice(len(self.time) // 2, None)
        if not (self.cumulative[second] > 0.0).all():
            return math.nan
        return float(np.polyfit(np.log(self.time[second]), np.log(self.cumulative[second]), 1)[0])


@dataclass(frozen=True)
class RegretSummary:
    """Regret of a method in a case over its seeds.

    Attributes:
        comparator: What it is compared with.
        case: Case.
        method: Method.
        n: Trials that neither fell in.
        out: Trials in which either fell; they do not count.
        early: Mean regret per step over the first half of the run.
        early_ci95: Its interval (percentile bootstrap over seeds), or None.
        late: The same over the whole run.
        late_ci95: Its interval.
        slope: Median slope of the trials that have one, or None.
        falls: Trials in which the regret per step is less late than early.
        not_worse: Trials in which it is not positive in the end.
    """

    comparator: str
    case: str
    method: str
    n: int
    out: int
    early: float | None
    early_ci95: tuple[float, float] | None
    late: float | None
    late_ci95: tuple[float, float] | None
    slope: float | None
    falls: int
    not_worse: int


def cost_path(folder: Path, case: str, method: str, seed: int) -> Path:
    """Name the file of a trial's costs.

    Args:
        folder: Folder of the results.
        case: Case.
        method: Method.
        seed: Seed.

    Returns:
        Its path.
    """
    return folder / COSTS / f"{case}__{method}__{seed}.npz"


def regrets(rows: Sequence[Row], folder: Path, comparator: str) -> dict[tuple[str, str, int], Regret | None]:
    """Compute the regret of every trial whose comparator was run on the same seed.

    Args:
        rows: Trials.
        folder: Folder of the results, with the costs of the trials.
        comparator: What the others are compared with.

    Returns:
        By case, method and seed; None where either fell. Trials whose costs were not kept are left out.
    """
    by_key = {(row.case, row.method, row.seed): row for row in rows}
    found: dict[tuple[str, str, int], Regret | None] = {}
    for (case, method, seed), row in by_key.items():
        best = by_key.get((case, comparator, seed))
        paths = [cost_path(folder, case, name, seed) for name in (method, comparator)]
        if best is None or method in COMPARATORS or not all(path.exists() for path in paths):
            continue
        curves = [CostCurve.read(path) for path in paths]
        down = fell(row) or fell(best) or any(curve.fell for curve in curves)
        found[case, method, seed] = None if down else Regret.between(*curves)
    return found


def summarise_regret(rows: Sequence[Row], folder: Path) -> list[RegretSummary]:
    """Average the regret of all methods.

    Args:
        rows: Trials.
        folder: Folder of the results.

    Returns:
        By comparator, case and method in the order of the rows.
    """
    summaries = []
    for comparator in COMPARATORS:
        groups: dict[tuple[str, str], list[Regret | None]] = {}
        for (case, method, _), regret in regrets(rows, folder, comparator).items():
            groups.setdefault((case, method), []).append(regret)
        for (case, method), members in groups.items():
            summaries.append(_summary(comparator, case, method, members))
    return summaries


def _summary(comparator: str, case: str, method: str, members: Sequence[Regret | None]) -> RegretSummary:
    kept = [regret for regret in members if regret is not None]
    early, late = [r.early for r in kept], [r.late for r in kept]
    slopes = [r.slope for r in kept if math.isfinite(r.slope)]
    return RegretSummary(
        comparator,
        case,
        method,
        len(kept),
        len(members) - len(kept),
        float(np.mean(early)) if kept else None,
        bootstrap_ci95(early),
        float(np.mean(late)) if kept else None,
        bootstrap_ci95(late),
        float(np.median(slopes)) if slopes else None,
        sum(r.late < r.early for r in kept),
        sum(r.late <= 0.0 for r in kept),
    )


def with_regret(rows: Sequence[Row], folder: Path) -> list[Row]:
    """Add the regret against the clairvoyant to the metrics of the trials that have one.

    Args:
        rows: Trials.
        folder: Folder of the results.

    Returns:
        The trials, with "regret_per_step_early", "regret_per_step_late" and "regret_falls" (0/1).
    """
    known = regrets(rows, folder, COMPARATORS[0])
    return [_extended(row, known.get((row.case, row.method, row.seed))) for row in rows]


def _extended(row: Row, regret: Regret | None) -> Row:
    if regret is None:
        return row
    more: Mapping[str, float] = {
        "regret_per_step_early": regret.early,
        "regret_per_step_late": regret.late,
        "regret_falls": float(regret.late < regret.early),
    }
    return replace(row, metrics={**row.metrics, **more})


def regret_cells(summaries: Sequence[RegretSummary]) -> tuple[list[str], list[list[str]]]:
    """Lay regret out for `evaluation.table.markdown_table`.

    Args:
        summaries: Of one comparator.

    Returns:
        Heads of the columns and the rows of texts.
    """
    heads = ["case", "method", "n", "out", "per step, first half", "per step, whole run", "slope", "falls"]
    rows = []
    for s in summaries:
        early, late = _interval(s.early, s.early_ci95), _interval(s.late, s.late_ci95)
        slope = "–" if s.slope is None else f"{s.slope:.2f}"
        counts = (f"{s.falls}/{s.n}", f"{s.not_worse}/{s.n}")
        rows.append([s.case, s.method, str(s.n), str(s.out), early, late, slope, *counts])
    return [*heads, "not worse"], rows


def _interval(mean: float | None, ci95: tuple[float, float] | None) -> str:
    if mean is None:
        return "–"
    return f"{mean:.3f}" if ci95 is None else f"{mean:.3f} [{ci95[0]:.3f}, {ci95[1]:.3f}]"


def regret_json(summaries: Sequence[RegretSummary]) -> list[dict[str, Any]]:
    """Turn summaries into what JSON holds.

    Args:
        summaries: The summaries.

    Returns:
        One dictionary each.
    """
    return [asdict(summary) for summary in summaries]
