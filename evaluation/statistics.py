"""Means and their uncertainty over trials."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from controllers.errors import InvalidValue

RESAMPLES = 2000
NORMAL_975 = 1.959963984540054

Interval = tuple[float, float]


def bootstrap_ci95(values: Sequence[float], seed: int = 0) -> Interval | None:
    """Estimate the 95 % confidence interval of a mean by the percentile bootstrap.

    Args:
        values: One finite number per trial.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end; None for fewer than two trials, which say nothing about their spread.
    """
    if len(values) < 2:
        return None
    sample = np.asarray(values, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = sample[rng.integers(0, len(sample), (RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def wilson_ci95(successes: int, trials: int) -> Interval | None:
    """Estimate the 95 % confidence interval of a share (Wilson 1927), which the bootstrap cannot at 0 of n.

    Args:
        successes: Number of successes.
        trials: Number of trials.

    Returns:
        Lower and upper end in [0, 1]; None without trials.
    """
    if trials == 0:
        return None
    z2 = NORMAL_975**2
    share = successes / trials
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = NORMAL_975 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    low = 0.0 if successes == 0 else middle - half
    return low, 1.0 if successes == trials else middle + half


def relative_difference(ours: Sequence[float], other: Sequence[float]) -> float:
    """Compare two means.

    Args:
        ours: One number per trial.
        other: Those that they are compared with, in the same order.

    Returns:
        mean(ours) / mean(other) - 1: -0.3 for 30 % less; NaN where the mean of the others is 0.
    """
    reference = float(np.mean(other))
    return float(np.mean(ours)) / reference - 1.0 if reference != 0.0 else math.nan


def paired_bootstrap_ci95(ours: Sequence[float], other: Sequence[float], seed: int = 0) -> Interval | None:
    """Estimate the 95 % confidence interval of the relative difference by the percentile bootstrap over pairs.

    A pair is drawn as a whole, so that what both owe to their seed cancels.

    Args:
        ours: One finite number per trial.
        other: Those of the same trials.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end; None for fewer than two pairs, or where a resampled mean of the others is 0.

    Raises:
        InvalidValue: There are not as many values of either kind.
    """
    first, second = np.asarray(ours, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if first.shape != second.shape:
        raise InvalidValue(f"pairs need as many values of either kind, got {len(first)} and {len(second)}")
    if len(first) < 2:
        return None
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(first), (RESAMPLES, len(first)))
    below = second[drawn].mean(axis=1)
    if np.any(below == 0.0):
        return None
    low, high = np.percentile(first[drawn].mean(axis=1) / below - 1.0, (2.5, 97.5))
    return float(low), float(high)


def nested_bootstrap_ci95(values: Sequence[Sequence[Sequence[float]]], seed: int = 0) -> Interval | None:
    """Estimate the 95 % confidence interval of a mean over groups of runs of trials, each level drawn anew.

    Trials of a run share its training and runs of a group its task, so that they are no independent values: a draw
    takes groups, then runs of each, then trials of each (Davison and Hinkley 1997, section 3.8).

    Args:
        values: By group and run one finite number per trial. Groups count the same, and so do the runs of a group.
        seed: Seed of the resampling.

    Returns:
        Lower and upper end; None for a single run, which says nothing about the spread of runs.

    Raises:
        InvalidValue: A group has no run, or a run no trial.
    """
    if not values or not all(group and all(len(run) for run in group) for group in values):
        raise InvalidValue("groups need runs and runs need trials, got an empty one")
    if sum(len(group) for group in values) < 2:
        return None
    rng = np.random.default_rng(seed)
    arrays = [[np.asarray(run, dtype=np.float64) for run in group] for group in values]

    def draw(group: list[Any]) -> float:
        runs = [group[i] for i in rng.integers(0, len(group), len(group))]
        return float(np.mean([run[rng.integers(0, len(run), len(run))].mean() for run in runs]))

    groups = rng.integers(0, len(arrays), (RESAMPLES, len(arrays)))
    means = [np.mean([draw(arrays[i]) for i in drawn]) for drawn in groups]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def wilcoxon_p(ours: Sequence[float], other: Sequence[float]) -> float | None:
    """Test whether paired values differ (Wilcoxon 1945, signed ranks, two-sided; exact for small samples without ties).

    Args:
        ours: One finite number per trial.
        other: Those of the same trials.

    Returns:
        Probability of ranks at least as uneven by chance; 1 where no pair differs, None without pairs.
    """
    # Only here: it takes a second to import, which all that report means and no tests would wait for.
    from scipy import stats

    difference = np.asarray(ours, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    if not len(difference):
        return None
    differing = difference[difference != 0.0]
    return float(stats.wilcoxon(differing).pvalue) if len(differing) else 1.0


def mcnemar_p(only_ours: int, only_other: int) -> float:
    """Test whether two paired shares differ (McNemar's exact test, two-sided).

    Args:
        only_ours: Pairs in which only ours succeeded.
        only_other: Pairs in which only the other succeeded.

    Returns:
        Probability of a split at least as uneven by chance; 1 where no pair differs.
    """
    from scipy import stats

    total = only_ours + only_other
    return float(stats.binomtest(only_ours, total, 0.5).pvalue) if total else 1.0


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Correct for the number of tests (Holm 1979): the chance of any false finding in the family stays below the level.

    Args:
        p_values: One per test of the family; None for a test that could not be made, which does not count.

    Returns:
        Adjusted values in the same order, to be compared with the level itself.
    """
    made = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(made):
        largest = max(largest, min(1.0, (len(made) - rank) * p))
        adjusted[place] = largest
    return adjusted
