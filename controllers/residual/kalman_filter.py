"""Kernels of the disturbance Kalman filter: a wrench that drifts, with a part that repeats every gait cycle."""

import math

import numpy as np
import numpy.typing as npt
from numba import boolean, float64, int64, njit, void

from controllers.residual.screening import ANY_MATRIX, ANY_VECTOR

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@njit(void(float64, int64[::1], boolean, float64[::1]), cache=True)
def fill_basis(phase: float, harmonics: IntArray, walking: bool, basis: Array) -> None:
    """Evaluate what the states of one axis add up to: 1, cos 2π k φ, sin 2π k φ for every harmonic k.

    Args:
        phase: Gait phase φ.
        harmonics: Multiples of the gait frequency, shape (H,).
        walking: Whether feet swing; a standing robot has no gait, and the harmonics count for nothing.
        basis: Output, shape (1 + 2 H,).
    """
    basis[0] = 1.0
    for j in range(harmonics.shape[0]):
        angle = 2.0 * math.pi * harmonics[j] * phase
        basis[1 + 2 * j] = math.cos(angle) if walking else 0.0
        basis[2 + 2 * j] = math.sin(angle) if walking else 0.0


@njit(
    void(
        *(float64[::1], float64[::1], float64, boolean, float64, float64),
        *(float64[::1], float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], float64[:, :, ::1]),
    ),
    cache=True,
)
def filter_residual(
    residual: Array,
    basis: Array,
    dt: float,
    walking: bool,
    inflation: float,
    gate: float,
    noise: Array,
    drift: Array,
    largest: Array,
    product: Array,
    mean: Array,
    covariance: Array,
) -> None:
    """Predict and correct the filters of all six axes by one interval.

    Args:
        residual: Measured wrench, shape (6,) [N, N·m].
        basis: From `fill_basis`, shape (S,).
        dt: Length of the interval [s].
        walking: As in `fill_basis`; harmonics that are not seen do not drift either.
        inflation: Factor on the variance of the measurement.
        gate: Number of standard deviations beyond which an innovation counts as less certain.
        noise: Spectral density of the measurement noise, shape (6,) [N²·s, (N·m)²·s].
        drift: Spectral densities of the random walks of the constant and of each harmonic, shape (6, 2)
            [N²/s, (N·m)²/s].
        largest: Variance of a state at which it stops to grow, shape (6,) [N², (N·m)²].
        product: Scratch, shape (S,).
        mean: States by axis in columns, changed in place, shape (S, 6).
        covariance: Of each axis, changed in place, shape (6, S, S).
    """
    size = basis.shape[0]
    for axis in range(6):
        p = covariance[axis]
        for i in range(size if walking else 1):
            # What is never seen would otherwise become uncertain without end.
            if p[i, i] < largest[axis]:
                p[i, i] += drift[axis, min(i, 1)] * dt
        innovation = residual[axis]
        spread = 0.0
        for i in range(size):
            innovation -= basis[i] * mean[i, axis]
            total = 0.0
            for j in range(size):
                total += p[i, j] * basis[j]
            product[i] = total
            spread += total * basis[i]
        # The variance that puts an outlier right on the gate: it pulls, but no harder than the gate allows.
        spread = max(spread + inflation * noise[axis] / dt, (innovation / gate) ** 2)
        for i in range(size):
            mean[i, axis] += product[i] / spread * innovation
            for j in range(i + 1):
                p[i, j] -= product[i] * product[j] / spread
                p[j, i] = p[i, j]


@njit(
    void(ANY_VECTOR, ANY_MATRIX, int64[::1], boolean, float64[::1], float64[:, ::1], float64[:, ::1]),
    cache=True,
)
def preview_wrench(
    phase: Array, contacts: Array, harmonics: IntArray, walking: bool, basis: Array, mean: Array, out: Array
) -> None:
    """Evaluate the estimate along a horizon, in the middle of each interval.

    Args:
        phase: Gait phase at the beginning of each interval, shape (N,).
        contacts: 1 where a foot stands, shape (N, 4).
        harmonics: As in `fill_basis`.
        walking: Whether feet swing now; they also do where the horizon says so.
        basis: Scratch, shape (S,).
        mean: As in `filter_residual`.
        out: Output, shape (N, 6) [N, N·m].
    """
    n = phase.shape[0]
    swings = walking
    for k in range(n):
        for leg in range(4):
            swings = swings or contacts[k, leg] < 0.5
    half = 0.0
    for k in range(n):
        if k + 1 < n:
            half = 0.5 * ((phase[k + 1] - phase[k]) % 1.0)
        fill_basis(phase[k] + half, harmonics, swings and math.isfinite(phase[k] + half), basis)
        for axis in range(6):
            total = 0.0
            for i in range(basis.shape[0]):
                total += basis[i] * mean[i, axis]
            out[k, axis] = total
