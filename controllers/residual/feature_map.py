"""Random Fourier features of what the robot does, and a linear model on them."""

import numpy as np
import numpy.typing as npt
from numba import boolean, float64, njit, void

from controllers.residual.screening import ANY_MATRIX

Array = npt.NDArray[np.float64]

# Roll, pitch, height error, velocity (3), angular velocity (3), contact force (3) and moment (3).
INPUT_SIZE = 15

# Sums may be reordered for speed; NaN and Inf keep their meaning.
_FAST = {"contract", "reassoc", "arcp"}


@njit(cache=True, fastmath=_FAST, error_model="numpy")
def _fill(
    state: Array,
    wrench: Array,
    node: int,
    whitening: Array,
    clip: float,
    directions: Array,
    offsets: Array,
    constant: float,
    out: Array,
) -> bool:
    count = offsets.shape[0]
    finite = True
    for j in range(count):
        out[j] = offsets[j]
    for i in range(15):
        value = state[node, i] if i < 9 else wrench[node, i - 9]
        if not np.isfinite(value):
            finite = False
            continue
        z = min(max((value - whitening[0, i]) * whitening[1, i], -clip), clip)
        for j in range(count):
            out[j] += z * directions[i, j]
    amplitude = whitening[2, 0]
    for j in range(count):
        out[j] = amplitude * np.cos(out[j])
    out[count] = constant
    return finite


@njit(
    boolean(
        *(ANY_MATRIX, ANY_MATRIX, float64[:, ::1], float64, float64[:, ::1], float64[::1], float64, float64[::1]),
    ),
    cache=True,
)
def fill_features(
    state: Array,
    wrench: Array,
    whitening: Array,
    clip: float,
    directions: Array,
    offsets: Array,
    constant: float,
    out: Array,
) -> bool:
    """Evaluate the features of one state.

    Args:
        state: Roll, pitch, height error, velocities, shape (1, 9).
        wrench: Contact wrench, shape (1, 6).
        whitening: Rows centre, inverse scale and amplitude (first entry), shape (3, 15).
        clip: Largest magnitude of a whitened input.
        directions: Frequencies, shape (15, M).
        offsets: Phases, shape (M,).
        constant: Value of the constant feature.
        out: Receives the features, shape (M + 1,), the constant one last.

    Returns:
        Whether all inputs were finite; those that were not count as their centre.
    """
    return _fill(state, wrench, 0, whitening, clip, directions, offsets, constant, out)


@njit(
    void(
        *(ANY_MATRIX, ANY_MATRIX, float64[:, ::1], float64, float64[:, ::1], float64[::1], float64, float64[::1]),
        *(float64[:, ::1], float64[::1], float64[:, ::1]),
    ),
    cache=True,
    fastmath=_FAST,
)
def predict_wrench(
    state: Array,
    wrench: Array,
    whitening: Array,
    clip: float,
    directions: Array,
    offsets: Array,
    constant: float,
    features: Array,
    weights: Array,
    unit: Array,
    out: Array,
) -> None:
    """Evaluate the model at every node of a horizon.

    Args:
        state: Shape (N, 9).
        wrench: Shape (N, 6).
        whitening: As in `fill_features`.
        clip: As in `fill_features`.
        directions: As in `fill_features`.
        offsets: As in `fill_features`.
        constant: As in `fill_features`.
        features: Scratch, shape (M + 1,).
        weights: Shape (6, M + 1).
        unit: Wrench that a model output of one stands for, shape (6,) [N, N·m].
        out: Receives the wrench, shape (N, 6) [N, N·m].
    """
    for node in range(state.shape[0]):
        _fill(state, wrench, node, whitening, clip, directions, offsets, constant, features)
        for c in range(6):
            total = 0.0
            for j in range(features.shape[0]):
                total += weights[c, j] * features[j]
            out[node, c] = unit[c] * total


def draw_frequencies(
    count: int, spread: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Draw the random features of a Gaussian kernel.

    Args:
        count: Number of features M.
        spread: Standard deviation of the frequencies; the kernel's width is its inverse.
        rng: Source of randomness.

    Returns:
        Frequencies of shape (15, M) and phases in [0, 2π) of shape (M,).
    """
    return spread * rng.standard_normal((INPUT_SIZE, count)), rng.uniform(0.0, 2.0 * np.pi, count)
