"""Online updates of a linear model with six outputs."""

import numpy as np
import numpy.typing as npt
from numba import float64, int64, njit, void

Array = npt.NDArray[np.float64]

_FAST = {"contract", "reassoc", "arcp"}


@njit(cache=True, fastmath=_FAST)
def _project(weights: Array, radius: float) -> None:
    for start in (0, 3):
        square = 0.0
        for c in range(start, start + 3):
            for j in range(weights.shape[1]):
                square += weights[c, j] * weights[c, j]
        if square > radius * radius:
            shrink = radius / np.sqrt(square)
            for c in range(start, start + 3):
                for j in range(weights.shape[1]):
                    weights[c, j] *= shrink


@njit(void(float64[::1], float64[::1], float64, float64, float64, float64[:, ::1]), cache=True, fastmath=_FAST)
def descend(features: Array, target: Array, step: float, moment_step: float, radius: float, weights: Array) -> None:
    """Take one projected gradient step on the squared error: α ← Π(α + step (y − αφ) φᵀ).

    Args:
        features: φ, shape (D,).
        target: y, shape (6,).
        step: Twice the learning rate of the first three rows.
        moment_step: The same of the last three.
        radius: Largest Frobenius norm of the first and of the last three rows of the weights.
        weights: α, changed in place, shape (6, D).
    """
    for c in range(6):
        error = target[c]
        for j in range(features.shape[0]):
            error -= weights[c, j] * features[j]
        move = error * (step if c < 3 else moment_step)
        for j in range(features.shape[0]):
            weights[c, j] += move * features[j]
    _project(weights, radius)


@njit(
    void(
        *(float64[::1], float64[::1], float64, float64, int64, float64),
        *(float64[::1], float64[::1], float64[:, ::1], float64[:, ::1]),
    ),
    cache=True,
    fastmath=_FAST,
)
def regress(
    features: Array,
    target: Array,
    forgetting: float,
    ridge: float,
    axis: int,
    radius: float,
    scratch: Array,
    pull: Array,
    covariance: Array,
    weights: Array,
) -> None:
    """Take one step of recursive least squares with forgetting and a ridge that is never forgotten.

    The ridge enters as a second sample: weight `axis` was seen to be zero. Visiting the axes in turn
    minimises Σ λ^{t−s} (|y_s − αφ_s|² + ridge (1 − λ) D |α_axis(s)|²), which keeps the information
    matrix above a multiple of the identity and so the covariance bounded, however little the features move.

    Args:
        features: φ, shape (D,).
        target: y, shape (6,).
        forgetting: λ in (0, 1].
        ridge: Weight of the pull to zero.
        axis: Index of the weight that is pulled in this step.
        radius: As in `descend`.
        scratch: Shape (D,).
        pull: Scratch too, shape (D,).
        covariance: P, symmetric, changed in place, shape (D, D).
        weights: α, changed in place, shape (6, D).
    """
    size = features.shape[0]
    spread = forgetting
    for i in range(size):
        total = 0.0
        for j in range(size):
            total += covariance[i, j] * features[j]
        scratch[i] = total
        spread += total * features[i]
    for c in range(6):
        error = target[c]
        for j in range(size):
            error -= weights[c, j] * features[j]
        for j in range(size):
            weights[c, j] += error / spread * scratch[j]
    root = 1.0 / np.sqrt(spread)
    inflate = 1.0 / forgetting
    for i in range(size):
        scratch[i] *= root
    # Column `axis` of the covariance after the first sample decides what the second one does.
    strength = ridge * (1.0 - forgetting) * size
    known = scratch[axis]
    variance = (covariance[axis, axis] - known * known) * inflate
    root = np.sqrt(strength / (1.0 + strength * variance))
    for i in range(size):
        pull[i] = root * inflate * (covariance[i, axis] - scratch[i] * known)
    for c in range(6):
        value = weights[c, axis] * root
        for j in range(size):
            weights[c, j] -= value * pull[j]
    for i in range(size):
        for j in range(size):
            covariance[i, j] = (covariance[i, j] - scratch[i] * scratch[j]) * inflate - pull[i] * pull[j]
    _project(weights, radius)
