r"""Kalman filter of base position, velocity, foot positions and accelerometer bias, as compiled kernels.

Every noise is isotropic and attitude is an input, so that nothing couples the three world axes: along each of them

.. math:: x = [p, v, s_1, s_2, s_3, s_4, b]

with base position p, base velocity v, the centre s of each foot and the bias b of the measured acceleration obeys

.. math:: \dot p = v, \quad \dot v = a - b + w_a, \quad \dot s_i = u_i + w_s, \quad \dot b = w_b,

where a is the measured acceleration and u the velocity with which the foot rolls; it is measured by
:math:`s_i - p` (leg kinematics) and by v (stance feet). Neither the matrices nor the noises depend on the axis, hence
the 21 x 21 covariance is the Kronecker product of one 7 x 7 matrix and the identity. Measurements with independent
noise are taken in one scalar at a time (Bierman, "Factorization Methods for Discrete Sequential Estimation", 1977).

A known ground height adds a measurement of the vertical axis alone; then the vertical keeps a matrix of its own.

The state follows Bloesch et al., "State estimation for legged robots", RSS 2012, with attitude taken out of it.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]

P, V, S, B = 0, 1, 2, 6
N_STATES = 7


@njit(cache=True)
def predict(
    mean: Array,
    covariances: Array,
    acceleration: Array,
    rolling: Array,
    dt: float,
    acceleration_density: float,
    bias_density: float,
    foot_variances: Array,
) -> None:
    """Carry the estimate over one step.

    Args:
        mean: State along each world axis, updated, shape (3, 7).
        covariances: One matrix for all axes, or one for x and y and one for z, updated, shape (1 or 2, 7, 7).
        acceleration: Mean acceleration of the base over the step as measured, world axes, shape (3,) [m/s²].
        rolling: Velocity with which each foot rolls, world axes, shape (4, 3) [m/s].
        dt: Length of the step [s].
        acceleration_density: White noise of the acceleration, squared [m²/s³].
        bias_density: White noise that drives the bias, squared [m²/s⁵].
        foot_variances: Added to the variance of each foot position, shape (4,) [m²].
    """
    half = 0.5 * dt * dt
    for axis in range(3):
        x = mean[axis]
        a = acceleration[axis] - x[B]
        x[P] += dt * x[V] + half * a
        x[V] += dt * a
        for i in range(4):
            x[S + i] += dt * rolling[i, axis]
    # Exact integrals of the two white noises over the step.
    pp = acceleration_density * dt**3 / 3.0 + bias_density * dt**5 / 20.0
    pv = acceleration_density * half + bias_density * dt**4 / 8.0
    vv = acceleration_density * dt + bias_density * dt**3 / 3.0
    pb = -bias_density * dt**3 / 6.0
    vb = -bias_density * half
    for g in range(covariances.shape[0]):
        c = covariances[g]
        for j in range(N_STATES):
            c[P, j] += dt * c[V, j] - half * c[B, j]
            c[V, j] -= dt * c[B, j]
        for j in range(N_STATES):
            c[j, P] += dt * c[j, V] - half * c[j, B]
            c[j, V] -= dt * c[j, B]
        c[P, P] += pp
        c[P, V] += pv
        c[V, P] += pv
        c[V, V] += vv
        c[P, B] += pb
        c[B, P] += pb
        c[V, B] += vb
        c[B, V] += vb
        c[B, B] += bias_density * dt
        for i in range(4):
            c[S + i, S + i] += foot_variances[i]
        for i in range(N_STATES):
            for j in range(i):
                c[i, j] = c[j, i]


@njit(cache=True)
def plant_foot(mean: Array, covariances: Array, foot: int, lever: Array, variance: float) -> None:
    """Forget where a foot was and put it where the leg says.

    This is what a step of unbounded process noise followed by a measurement of the foot tends to.

    Args:
        mean: Updated, shape (3, 7).
        covariances: Updated, shape (1 or 2, 7, 7).
        foot: Which foot, 0 to 3.
        lever: From the base origin to the foot, world axes, shape (3,) [m].
        variance: Of that lever [m²].
    """
    k = S + foot
    for axis in range(3):
        mean[axis, k] = mean[axis, P] + lever[axis]
    for g in range(covariances.shape[0]):
        c = covariances[g]
        for j in range(N_STATES):
            if j != k:
                c[k, j] = c[P, j]
                c[j, k] = c[P, j]
        c[k, k] = c[P, P] + variance


@njit(cache=True)
def _apply(mean: Array, covariances: Array, g: int, gains: Array, scale: float, innovation: Array) -> None:
    """Add gains * innovation to the axes of matrix g and take gains gainsᵀ / scale off it."""
    first, last = 0, 3
    if covariances.shape[0] == 2:
        first, last = (0, 2) if g == 0 else (2, 3)
    for axis in range(first, last):
        step = innovation[axis] * scale
        for i in range(N_STATES):
            mean[axis, i] += gains[i] * step
    c = covariances[g]
    for i in range(N_STATES):
        for j in range(N_STATES):
            c[i, j] -= gains[i] * gains[j] * scale


@njit(cache=True)
def measure_velocity(mean: Array, covariances: Array, velocity: Array, variance: float) -> None:
    """Take in a measurement of the base's velocity.

    Args:
        mean: Updated, shape (3, 7).
        covariances: Updated, shape (1 or 2, 7, 7).
        velocity: World axes, shape (3,) [m/s].
        variance: Of each component [m²/s²].
    """
    gains = np.empty(N_STATES)
    innovation = np.empty(3)
    for axis in range(3):
        innovation[axis] = velocity[axis] - mean[axis, V]
    for g in range(covariances.shape[0]):
        for i in range(N_STATES):
            gains[i] = covariances[g, i, V]
        _apply(mean, covariances, g, gains, 1.0 / (gains[V] + variance), innovation)


@njit(cache=True)
def measure_lever(mean: Array, covariances: Array, foot: int, lever: Array, variance: float) -> None:
    """Take in a measurement of where a foot is relative to the base.

    Args:
        mean: Updated, shape (3, 7).
        covariances: Updated, shape (1 or 2, 7, 7).
        foot: Which foot, 0 to 3.
        lever: From the base origin to the foot, world axes, shape (3,) [m].
        variance: Of each component [m²].
    """
    k = S + foot
    gains = np.empty(N_STATES)
    innovation = np.empty(3)
    for axis in range(3):
        innovation[axis] = lever[axis] - (mean[axis, k] - mean[axis, P])
    for g in range(covariances.shape[0]):
        for i in range(N_STATES):
            gains[i] = covariances[g, i, k] - covariances[g, i, P]
        _apply(mean, covariances, g, gains, 1.0 / (gains[k] - gains[P] + variance), innovation)


@njit(cache=True)
def measure_foot_height(mean: Array, covariances: Array, foot: int, height: float, variance: float) -> None:
    """Take in that a foot stands on ground of known height; needs the vertical's own matrix.

    Args:
        mean: Updated, shape (3, 7).
        covariances: The second one is updated, shape (2, 7, 7).
        foot: Which foot, 0 to 3.
        height: Of its centre [m].
        variance: Of that height [m²].
    """
    k = S + foot
    gains = np.empty(N_STATES)
    innovation = np.zeros(3)
    innovation[2] = height - mean[2, k]
    for i in range(N_STATES):
        gains[i] = covariances[1, i, k]
    _apply(mean, covariances, 1, gains, 1.0 / (gains[k] + variance), innovation)


@njit(cache=True)
def surprise(mean: Array, covariances: Array, velocity: Array, variance: float) -> float:
    """Weigh how far a velocity measurement lies from what is expected (squared Mahalanobis distance).

    Args:
        mean: Shape (3, 7).
        covariances: Shape (1 or 2, 7, 7).
        velocity: World axes, shape (3,) [m/s].
        variance: Of each component [m²/s²].

    Returns:
        Chi-squared with three degrees of freedom if the model holds.
    """
    total = 0.0
    for axis in range(3):
        g = 1 if axis == 2 and covariances.shape[0] == 2 else 0
        innovation = velocity[axis] - mean[axis, V]
        total += innovation * innovation / (covariances[g, V, V] + variance)
    return total


@njit(cache=True)
def weight_of_stance(stance_time: float, ramp_time: float, force: float, low: float, high: float) -> float:
    """Rate how well a foot stands, from how long it has stood and how much it carries.

    Args:
        stance_time: Time since touchdown [s].
        ramp_time: Time after which time no more counts against it [s].
        force: Normal force [N].
        low: Force below which it does not stand [N].
        high: Force from which on the force no more counts against it [N].

    Returns:
        0 (swings) to 1 (stands firmly).
    """
    by_time = stance_time / ramp_time if ramp_time > 0.0 else 1.0
    by_force = (force - low) / (high - low)
    return max(0.0, min(1.0, by_time)) ** 2 * max(0.0, min(1.0, by_force))
