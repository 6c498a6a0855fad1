"""Numbers that say how good a reward is: order, separation, calibration."""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


def ranks(values: npt.ArrayLike) -> Array:
    """Rank numbers.

    Args:
        values: Shape (N,).

    Returns:
        Ranks from 1; equal numbers share the mean of theirs, shape (N,).
    """
    array = np.asarray(values, dtype=np.float64)
    _, place, counts = np.unique(array, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - 0.5 * (counts - 1))[place])


def rank_correlation(first: npt.ArrayLike, second: npt.ArrayLike) -> float:
    """Compare two orders (Spearman).

    Args:
        first: Shape (N,).
        second: Shape (N,).

    Returns:
        In [-1, 1]; 0 where one of them is constant, since it orders nothing.

    Raises:
        InvalidValue: Shapes differ, there are fewer than two numbers, or one is not finite.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise InvalidValue(f"two rows of at least 2 numbers are needed, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidValue("numbers that are ranked must be finite")
    x, y = ranks(a) - 0.5 * (len(a) + 1), ranks(b) - 0.5 * (len(b) + 1)
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > 0.0 else 0.0


def separation(score: npt.ArrayLike, positive: npt.ArrayLike) -> float:
    """Tell how often a positive scores above a negative (area under the ROC curve); ties count half.

    Args:
        score: Shape (N,).
        positive: Shape (N,).

    Returns:
        In [0, 1]; NaN where there are no positives or no negatives.
    """
    values, good = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=np.bool_)
    count = int(good.sum())
    if count == 0 or count == len(good):
        return float("nan")
    above = ranks(values)[good].sum() - 0.5 * count * (count + 1)
    return float(above / (count * (len(good) - count)))


def calibration_error(chance: npt.ArrayLike, happened: npt.ArrayLike, bins: int = 10) -> float:
    """Tell how far chances lie from what happened (expected calibration error, bins of equal width).

    Args:
        chance: In [0, 1], shape (N,).
        happened: Shape (N,).
        bins: Number of bins.

    Returns:
        Mean distance between chance and frequency, in [0, 1]; NaN for none.
    """
    told, true = np.asarray(chance, dtype=np.float64), np.asarray(happened, dtype=np.float64)
    if len(told) == 0:
        return float("nan")
    place = np.minimum((told * bins).astype(np.int64), bins - 1)
    gap = np.abs(np.bincount(place, told - true, bins))
    return float(gap.sum() / len(told))
