"""Training pairs of a demonstration, balanced over the size of hops and over the time between."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.hops import hop
from policies.rewards.step_labels import StepLabels

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairConfig:
    """Settings; the defaults are those that were published with Robo-Dopamine (arXiv 2512.23703, appendix B.3).

    Attributes:
        score_bins: Bins of the hop over [-1, 1].
        gap_bins: Bins of the distance in points.
        zero_share: Share of pairs of nearly the same moment, whose hop is zero.
        zero_window: How far apart those are at most, as a share of the frames between a point's neighbours.
    """

    score_bins: int = 25
    gap_bins: int = 4
    zero_share: float = 0.05
    zero_window: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot balance.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name in ("score_bins", "gap_bins"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"PairConfig.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("zero_share", "zero_window"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"PairConfig.{name} must lie in [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True)
class Pairs:
    """Pairs of frames with their labels.

    Attributes:
        before: Frame before, shape (K,).
        after: Frame after, shape (K,).
        hop: Label in [-1, 1], shape (K,).
        anchor: Whether it is an anchor, whose hop is zero by definition, shape (K,).
    """

    before: IntArray
    after: IntArray
    hop: Array
    anchor: npt.NDArray[np.bool_]


def sample_pairs(labels: StepLabels, count: int, rng: np.random.Generator, config: PairConfig | None = None) -> Pairs:
    """Draw pairs so that small and large hops, near and far moments, forward and back come equally often.

    Of all pairs of points seven in sixteen span less than a quarter of the episode and one in sixteen more than three
    quarters; a model that is trained on those hardly sees the latter. The cells of the table of hop and distance are
    filled as level as their contents allow: a cell with few pairs gives all it has, the others share the rest. No pair
    is drawn twice.

    Args:
        labels: Points of a demonstration.
        count: Number of pairs; fewer come back where there are fewer.
        rng: Draws them.
        config: Settings.

    Returns:
        The pairs, in random order.

    Raises:
        InvalidValue: The count is below 1.
    """
    if count < 1:
        raise InvalidValue(f"count must be at least 1, got {count}")
    config = config or PairConfig()
    anchors = round(config.zero_share * count)
    before, after, label = _balanced(labels, count - anchors, rng, config)
    anchor_before, anchor_after = _anchors(labels, anchors, rng, config)
    before, after = np.concatenate([before, anchor_before]), np.concatenate([after, anchor_after])
    label = np.concatenate([label, np.zeros(anchors)])
    order = rng.permutation(len(before))
    return Pairs(before[order], after[order], label[order], (np.arange(len(before)) >= len(before) - anchors)[order])


def cells(labels: StepLabels, config: PairConfig) -> tuple[IntArray, IntArray, Array, IntArray]:
    """Sort all ordered pairs of different points into the table of hop and distance.

    Args:
        labels: Points of a demonstration.
        config: Settings.

    Returns:
        Point before, point after, hop and number of the cell of each pair, shape (M (M + 1),) each.
    """
    points = len(labels.frame)
    p, q = (grid.ravel() for grid in np.meshgrid(np.arange(points), np.arange(points), indexing="ij"))
    p, q = p[p != q], q[p != q]
    size = hop(labels.progress[p], labels.progress[q])
    score = np.minimum((0.5 * (size + 1.0) * config.score_bins).astype(np.int64), config.score_bins - 1)
    gap = (np.abs(q - p) - 1) * config.gap_bins // (points - 1)
    return p, q, size, score * config.gap_bins + gap


def level(available: IntArray, total: int) -> IntArray:
    """Share a number among cells as evenly as their contents allow.

    Args:
        available: Contents of each cell, shape (K,).
        total: What is to be taken; all where there is less.

    Returns:
        What to take of each cell: the contents, or one of two neighbouring numbers for all others, shape (K,).
    """
    taken = np.zeros_like(available)
    left = min(total, int(available.sum()))
    while left > 0:
        open_cells = np.flatnonzero(available > taken)
        each = left // len(open_cells)
        if each == 0:
            taken[open_cells[:left]] += 1
            break
        more = np.minimum(available[open_cells] - taken[open_cells], each)
        taken[open_cells] += more
        left -= int(more.sum())
    return taken


def _balanced(
    labels: StepLabels, count: int, rng: np.random.Generator, config: PairConfig
) -> tuple[IntArray, IntArray, Array]:
    p, q, size, cell = cells(labels, config)
    order = rng.permutation(len(p))
    # Which cells get one more than others is drawn as well.
    name = rng.permutation(config.score_bins * config.gap_bins)[cell[order]]
    order = order[np.argsort(name, kind="stable")]
    contents = np.bincount(name, minlength=config.score_bins * config.gap_bins)
    taken, begin = level(contents, count), np.concatenate([[0], np.cumsum(contents)[:-1]])
    chosen = np.concatenate([order[b : b + n] for b, n in zip(begin, taken, strict=True)])
    return labels.frame[p[chosen]], labels.frame[q[chosen]], size[chosen]


def _anchors(labels: StepLabels, count: int, rng: np.random.Generator, config: PairConfig) -> tuple[IntArray, IntArray]:
    point = rng.integers(0, len(labels.frame), count)
    reach = np.floor(config.zero_window * labels.local_frames[point]).astype(np.int64)
    shifted = labels.frame[point] + rng.integers(-reach, reach + 1)
    return labels.frame[point], np.clip(shifted, 0, labels.frame[-1])
