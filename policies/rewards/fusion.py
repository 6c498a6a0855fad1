"""Progress from hops: one network, asked from three sides, and the three answers made into one.

*Incremental*: from the state before, whose progress is known; drifts. *Forward-anchored*: from the start; precise
early. *Backward-anchored*: from the goal; precise late. The paper (Robo-Dopamine, arXiv 2512.23703) takes their mean
(its equation 8) or, wary of states that it never saw, trusts the anchors by how well they agree (9 to 11). Only its
incremental estimate stays in [0, 1] by itself; here all are clamped.

The mean gives a drifting estimate a third of the say. With the variance of each hop, as an ensemble or a learned head
tells it, weights of inverse variance are the best linear ones: the incremental estimate carries the uncertainty of what
it builds on, and the whole becomes a scalar Kalman filter. Where the three disagree more than their variances allow,
the variance of the result grows accordingly (Birge 1932).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.hops import apply_hop

Array = npt.NDArray[np.float64]

METHODS = ("incremental", "forward", "backward", "mean", "consistency", "inverse_variance")


@dataclass(frozen=True)
class FusionConfig:
    """Settings of the fusion.

    Attributes:
        method: "incremental", "forward" or "backward" alone, their "mean", "consistency" or "inverse_variance".
        alpha: How fast "consistency" loses trust in anchors that disagree; published: 20.
        epsilon: Keeps the relative disagreement of "consistency" finite near the start.
        deviation: Standard deviation of a hop where none is told.
        least_deviation: No hop is believed to be more precise.
    """

    method: str = "inverse_variance"
    alpha: float = 20.0
    epsilon: float = 1e-3
    deviation: float = 0.1
    least_deviation: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what cannot fuse.

        Raises:
            UnknownName: There is no such method.
            InvalidValue: A number is out of range.
        """
        if self.method not in METHODS:
            raise UnknownName("fusion of progress", self.method, METHODS)
        for name in ("alpha", "epsilon", "deviation", "least_deviation"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0.0):
                raise InvalidValue(f"FusionConfig.{name} must be finite and positive, got {value}")


@dataclass(frozen=True)
class HopEstimates:
    """What a network says of one state, asked from three sides.

    Attributes:
        incremental: Hop from the state before.
        forward: Hop from the start.
        backward: Hop from the goal.
        deviation: Standard deviations of the three, shape (3,); None where the network does not know.
    """

    incremental: float
    forward: float
    backward: float
    deviation: Array | None = None


@dataclass(frozen=True)
class Progress:
    """Progress of one state.

    Attributes:
        value: In [0, 1].
        variance: What is believed about its error.
        sides: Incremental, forward-anchored and backward-anchored estimates, clamped, shape (3,).
        trust: Weight of "consistency" in [0, 1]; 1 for other methods.
    """

    value: float
    variance: float
    sides: Array
    trust: float = 1.0


def start(config: FusionConfig) -> Progress:
    """Tell the progress of the first state of an episode, zero by definition.

    Args:
        config: Settings.

    Returns:
        It.
    """
    return Progress(0.0, config.least_deviation**2, np.zeros(3))


def fuse(before: Progress, hops: HopEstimates, config: FusionConfig) -> Progress:
    """Find the progress of a state from that of the state before and from what the network says.

    Args:
        before: Fused progress of the state before.
        hops: What the network says; beyond [-1, 1] it is clipped.
        config: Settings.

    Returns:
        Its progress.

    Raises:
        InvalidValue: A hop or a deviation is not finite, or a deviation is negative.
    """
    size = np.array([hops.incremental, hops.forward, hops.backward], dtype=np.float64)
    if not np.isfinite(size).all():
        raise InvalidValue(f"hops must be finite, got {size}")
    size = np.clip(size, -1.0, 1.0)
    incremental = float(apply_hop(before.value, size[0]))
    sides = np.clip([incremental, size[1], 1.0 + size[2]], 0.0, 1.0)
    variance = _variances(before, size, hops.deviation, config)
    if config.method in METHODS[:3]:
        chosen = METHODS.index(config.method)
        return Progress(float(sides[chosen]), float(variance[chosen]), sides)
    if config.method == "consistency":
        return _consistent(before, incremental, sides, variance, config)
    weight = 1.0 / variance if config.method == "inverse_variance" else np.ones(3)
    weight /= weight.sum()
    value = float(weight @ sides)
    believed = float(weight**2 @ variance)
    # The three deviate from their mean by this much; believed alone, 2 degrees of freedom would give 1.
    surprise = float(np.sum((sides - value) ** 2 / variance)) / 2.0
    return Progress(min(max(value, 0.0), 1.0), believed * max(surprise, 1.0), sides)


def fuse_episode(
    incremental: npt.ArrayLike,
    forward: npt.ArrayLike,
    backward: npt.ArrayLike,
    config: FusionConfig | None = None,
    deviation: npt.ArrayLike | None = None,
) -> list[Progress]:
    """Find the progress of all states of an episode.

    Args:
        incremental: Hops from each state to the next, shape (T,).
        forward: Hops from the start to each state but the first, shape (T,).
        backward: Hops from the goal to each state but the first, shape (T,).
        config: Settings.
        deviation: Standard deviations of the three, shape (T, 3); None where they are not known.

    Returns:
        T + 1 estimates, the first of which is zero.

    Raises:
        InvalidValue: Shapes differ, a number is not finite, or a deviation is negative.
    """
    config = config or FusionConfig()
    hops = [np.asarray(side, dtype=np.float64) for side in (incremental, forward, backward)]
    if len({side.shape for side in hops}) != 1 or hops[0].ndim != 1:
        raise InvalidValue(f"hops must have the same shape (T,), got {', '.join(str(side.shape) for side in hops)}")
    told = None if deviation is None else np.asarray(deviation, dtype=np.float64)
    if told is not None and told.shape != (len(hops[0]), 3):
        raise InvalidValue(f"deviation must have shape ({len(hops[0])}, 3), got {told.shape}")
    found = [start(config)]
    for t, (i, f, b) in enumerate(zip(*hops, strict=True)):
        found.append(fuse(found[-1], HopEstimates(i, f, b, None if told is None else told[t]), config))
    return found


def _variances(before: Progress, size: Array, deviation: Array | None, config: FusionConfig) -> Array:
    """Variances of the three estimates: the hop's own, and for the incremental one also that of the state before."""
    told = np.full(3, config.deviation) if deviation is None else np.asarray(deviation, dtype=np.float64)
    if told.shape != (3,) or not (np.isfinite(told).all() and (told >= 0.0).all()):
        raise InvalidValue(f"deviation of hops must be 3 finite numbers that are not negative, got {told}")
    own = np.maximum(told, config.least_deviation) ** 2
    # Exact for p + h (1 - p), or p (1 + h), with independent p and h: the spread of p widens that of the product, too.
    share = 1.0 - before.value if size[0] >= 0.0 else before.value
    incremental = (1.0 - abs(size[0])) ** 2 * before.variance + (share**2 + before.variance) * own[0]
    return np.array([max(incremental, config.least_deviation**2), own[1], own[2]])


def _consistent(before: Progress, incremental: float, sides: Array, variance: Array, config: FusionConfig) -> Progress:
    anchored = 0.5 * (sides[1] + sides[2])
    disagreement = abs(sides[2] - sides[1]) / (anchored + config.epsilon)
    trust = math.exp(-config.alpha * disagreement**2)
    value = before.value + 0.5 * trust * (anchored - before.value + incremental - before.value)
    spread = (1.0 - trust) ** 2 * before.variance + trust**2 * (variance[0] / 4.0 + variance[1:].sum() / 16.0)
    return Progress(float(min(max(value, 0.0), 1.0)), float(spread), sides, trust)
