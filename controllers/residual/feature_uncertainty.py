"""How uncertain a linear model on features is, as far as what it has seen tells."""

import math

import numpy as np
import numpy.typing as npt
from numba import float64, njit, void

Array = npt.NDArray[np.float64]

# Noise and features are averaged over this many memories of the model, to cover whole gait cycles.
MEMORIES = 5.0
# Standard deviation of an output before anything is known, in units of the bounds.
PRIOR_SHARE = 0.2


@njit(void(float64[::1], float64[::1], float64[:, ::1], float64, float64[::1], float64[::1], float64[::1]), cache=True)
def _note(features: Array, target: Array, weights: Array, keep: float, count: Array, mean: Array, noise: Array) -> None:
    count[0] = keep * count[0] + 1.0
    share = 1.0 / count[0]
    for j in range(features.shape[0]):
        mean[j] += share * (features[j] - mean[j])
    for c in range(6):
        error = target[c]
        for j in range(features.shape[0]):
            error -= weights[c, j] * features[j]
        noise[c] += share * (error * error - noise[c])


class FeatureUncertainty:
    """Variance of the predictions of gradient descent or of least squares.

    Both need the variance σ² of the measurements, here the average of the squared errors of prediction.

    Gradient descent with a constant step is a filter: at a state that it keeps seeing, the estimate scatters with
    σ² s / (2 − s), s being the share of an error that one step takes away. A state whose features point elsewhere
    than the average of those seen keeps its prior uncertainty for the part that does. (A diagonal Gaussian posterior
    of the weights says less than that: with many features, none of which is seen alone, it hardly leaves its prior.)
    Least squares carries its own covariance P, and the variance is σ² φᵀ P φ.
    """

    def __init__(self, size: int, feature_square: float) -> None:
        """Start with the prior.

        Args:
            size: Number of features D.
            feature_square: Mean of their squared norm.
        """
        self._prior = PRIOR_SHARE**2 / feature_square
        self._count, self._mean, self._noise = np.zeros(1), np.zeros(size), np.zeros(6)
        self._steps = np.ones(6)

    def note(self, features: Array, target: Array, weights: Array, steps: tuple[float, float], memory: float) -> None:
        """Take note of one sample before it is learned from.

        Args:
            features: φ, shape (D,).
            target: y in units of the bounds, shape (6,).
            weights: Shape (6, D).
            steps: Share of the error that gradient descent takes away, of forces and of moments.
            memory: Length of the interval over the time constant of the model.
        """
        self._steps[:3], self._steps[3:] = steps
        _note(features, target, weights, math.exp(-memory / MEMORIES), self._count, self._mean, self._noise)

    def reset(self) -> None:
        """Return to the prior."""
        for array in (self._count, self._mean, self._noise):
            array[:] = 0.0

    def gradient(self, features: Array) -> Array:
        """Give the standard deviation of predictions that are learned by gradient descent.

        Args:
            features: φ of N nodes, shape (N, D).

        Returns:
            In units of the bounds, shape (N, 6).
        """
        square = np.einsum("nj,nj->n", features, features)
        along = (features @ self._mean) ** 2 / np.maximum(square * (self._mean @ self._mean), 1e-12)
        scatter = self._noise * self._steps / (2.0 - self._steps)
        return np.asarray(np.sqrt(np.outer((1.0 - along) * square, np.full(6, self._prior)) + np.outer(along, scatter)))

    def least_squares(self, features: Array, covariance: Array) -> Array:
        """Give the standard deviation of predictions that are learned by least squares.

        Args:
            features: φ of N nodes, shape (N, D).
            covariance: P, shape (D, D).

        Returns:
            In units of the bounds, shape (N, 6).
        """
        noise = self._noise if self._count[0] > 0.0 else np.full(6, self._prior)
        spread = np.einsum("ni,ij,nj->n", features, covariance, features)
        return np.asarray(np.sqrt(np.outer(np.maximum(spread, 0.0), noise)))
