"""Means and their uncertainty over trials."""

import math
from collections.abc import Sequence

import numpy as np

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
