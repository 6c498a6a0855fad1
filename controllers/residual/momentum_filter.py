"""Kernels of the feature filter: momentum that a wrench of many regressors adds to, observed with noise."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Where things stand in the state of an axis: momentum, level, slope of the level; harmonics and features follow.
MOMENTUM, LEVEL, SLOPE, FIRST_HARMONIC = range(4)
INPUTS = 6
# Largest whitened input: what lies beyond was never walked with, and must not be extrapolated to.
LARGEST_INPUT = 3.0
# Squared innovation, in variances, up to which the noise of a phase is learned from it.
OUTLIER = 25.0
# Weight that the initial guess of the noise has, in samples.
GUESSED_SAMPLES = 3.0


@njit(cache=True)
def fill_harmonics(phase: float, width: float, harmonics: IntArray, walking: bool, regressors: Array) -> None:
    """Evaluate cos 2π k φ and sin 2π k φ, averaged over an interval.

    Args:
        phase: Gait phase in the middle of the interval.
        width: Length of the interval as a share of the gait cycle.
        harmonics: Multiples k of the gait frequency, shape (H,).
        walking: Whether feet swing; a standing robot has no gait.
        regressors: Output, shape (S,); entries of the harmonics are written.
    """
    for j in range(harmonics.shape[0]):
        half = math.pi * harmonics[j] * width
        average = (math.sin(half) / half if half > 1e-6 else 1.0) if walking else 0.0
        angle = 2.0 * math.pi * harmonics[j] * phase
        regressors[FIRST_HARMONIC + 2 * j] = average * math.cos(angle)
        regressors[FIRST_HARMONIC + 2 * j + 1] = average * math.sin(angle)


@njit(cache=True)
def fill_features(
    state: Array, vertical: float, weight: float, scale: Array, frequencies: Array, phases: Array, regressors: Array
) -> None:
    """Evaluate whitened inputs and random Fourier features of them, all zero for a body at rest.

    Args:
        state: Roll, pitch, height error, velocity and angular velocity, shape (9,).
        vertical: Vertical force of the feet [N].
        weight: Nominal weight [N].
        scale: Range of velocity (3), roll, pitch and vertical force as a share of the weight, shape (6,).
        frequencies: Of the random features, shape (M, 6).
        phases: Of the random features, shape (M,).
        regressors: Output, shape (S,); its last 6 + M entries are written.
    """
    first = regressors.shape[0] - INPUTS - phases.shape[0]
    for i in range(INPUTS):
        value = state[3 + i] if i < 3 else (state[i - 3] if i < 5 else vertical / weight - 1.0)
        regressors[first + i] = min(max(value / scale[i], -LARGEST_INPUT), LARGEST_INPUT)
    amplitude = math.sqrt(2.0 / max(phases.shape[0], 1))
    for m in range(phases.shape[0]):
        angle = phases[m]
        for i in range(INPUTS):
            angle += frequencies[m, i] * regressors[first + i]
        regressors[first + INPUTS + m] = amplitude * (math.cos(angle) - math.cos(phases[m]))


@njit(cache=True)
def learn_noise(innovation: float, last: float, known: float, noise: float, gain: float, floor: float) -> float:
    """Follow the variance of the noise at one phase of the gait.

    An innovation has the variance of the noise and that of the predicted momentum, which is subtracted. Not its square
    is used but its product with the difference of two successive ones: of a wrench that is being followed late,
    successive innovations share most, and it drops out.

    Args:
        innovation: This innovation.
        last: The one before.
        known: Variance of the predicted momentum.
        noise: Variance of the noise so far.
        gain: Share of the new sample.
        floor: Smallest variance.

    Returns:
        The variance.
    """
    bound = OUTLIER * (known + noise)
    sample = min(max((innovation - last) * innovation, -bound), bound) - known
    return max(noise + gain * (sample - noise), floor)


@njit(cache=True)
def observe(
    residual: Array,
    regressors: Array,
    dt: float,
    slope_time: float,
    phase_bin: int,
    inflation: float,
    fresh: bool,
    impact: float,
    gate: float,
    forgetting: float,
    drift: Array,
    largest: Array,
    floor: Array,
    noise: Array,
    visits: Array,
    last: Array,
    mean: Array,
    covariance: Array,
    evidence: Array,
) -> None:
    """Predict and correct the filters of all six axes by one interval.

    Args:
        residual: Measured wrench over the interval, shape (6,) [N, N·m].
        regressors: What the wrench of an axis is the sum of, shape (S,); that of the momentum is not used.
        dt: Length of the interval [s].
        slope_time: Time in which a slope fades [s].
        phase_bin: Phase of the gait at the end of the interval, as an index of `noise`.
        inflation: Factor on the variance of the measurement.
        fresh: Whether the momentum of the previous measurement is not known.
        impact: Unmodelled impulses, as a share of the variance of the measured momentum.
        gate: Number of standard deviations beyond which an innovation counts as less certain.
        forgetting: Smallest share of a sample in the noise of its phase.
        drift: Variance per time of each state's random walk, shape (6, S).
        largest: Variance at which a state stops to grow uncertain, shape (6, S).
        floor: Smallest variance of the measured momentum, shape (6,).
        noise: Variance of the measured momentum by phase, updated, shape (6, B).
        visits: How often each phase was seen, updated, shape (B,).
        last: Newest innovation, updated, shape (6,).
        mean: States by axis, updated, shape (6, S).
        covariance: Updated, shape (6, S, S).
        evidence: Sum of the logarithms of the predictive densities, updated, shape (6,).
    """
    size = regressors.shape[0]
    column = np.empty(size)
    fade = math.exp(-dt / slope_time)
    reach = slope_time * (1.0 - fade)
    visits[phase_bin] += 1.0
    share = max(forgetting, 1.0 / (GUESSED_SAMPLES + visits[phase_bin]))
    for axis in range(6):
        x, p = mean[axis], covariance[axis]
        if fresh:
            x[MOMENTUM] = last[axis] = 0.0
            p[MOMENTUM, :] = 0.0
            p[:, MOMENTUM] = 0.0
            p[MOMENTUM, MOMENTUM] = noise[axis, phase_bin]
        # Momentum gathers the wrench; then the level moves along its slope.
        for j in range(size):
            column[j] = 0.0
            for i in range(1, size):
                column[j] += regressors[i] * p[i, j]
        gathered = 0.0
        for i in range(1, size):
            gathered += regressors[i] * x[i]
        x[MOMENTUM] += dt * gathered
        both = 0.0
        for i in range(1, size):
            both += regressors[i] * column[i]
        p[MOMENTUM, MOMENTUM] += 2.0 * dt * column[MOMENTUM] + dt * dt * both + impact * noise[axis, phase_bin]
        for j in range(1, size):
            p[MOMENTUM, j] += dt * column[j]
            p[j, MOMENTUM] = p[MOMENTUM, j]
        x[LEVEL] += reach * x[SLOPE]
        x[SLOPE] *= fade
        for j in range(size):
            p[LEVEL, j] += reach * p[SLOPE, j]
            p[SLOPE, j] *= fade
        for j in range(size):
            p[j, LEVEL] += reach * p[j, SLOPE]
            p[j, SLOPE] *= fade
        for i in range(1, size):
            # What is never seen would otherwise become uncertain without end.
            if p[i, i] < largest[axis, i]:
                p[i, i] += drift[axis, i] * dt
        innovation = residual[axis] * dt - x[MOMENTUM]
        predicted = p[MOMENTUM, MOMENTUM] + inflation * noise[axis, phase_bin]
        evidence[axis] -= 0.5 * (math.log(2.0 * math.pi * predicted) + innovation * innovation / predicted)
        noise[axis, phase_bin] = learn_noise(
            innovation, last[axis], p[MOMENTUM, MOMENTUM], noise[axis, phase_bin], share, floor[axis]
        )
        last[axis] = innovation
        spread = max(predicted, (innovation / gate) ** 2)
        for i in range(size):
            column[i] = p[i, MOMENTUM]
        for i in range(size):
            x[i] += column[i] / spread * innovation
            for j in range(i + 1):
                p[i, j] -= column[i] * column[j] / spread
                p[j, i] = p[i, j]
        # The next measurement counts momentum from where this one was.
        x[MOMENTUM] -= residual[axis] * dt


@njit(cache=True)
def preview(
    state: Array,
    vertical: Array,
    gait_phase: Array,
    period: float,
    slope_time: float,
    harmonics: IntArray,
    walking: bool,
    weight: float,
    scale: Array,
    frequencies: Array,
    phases: Array,
    regressors: Array,
) -> None:
    """Evaluate the regressors along a horizon, over each of its intervals.

    Args:
        state: As in `fill_features`, shape (N, 9).
        vertical: Vertical force of the feet, shape (N,) [N].
        gait_phase: Phase at the beginning of each interval, shape (N,).
        period: Length of the gait cycle [s].
        slope_time: Time in which a slope fades [s].
        harmonics: As in `fill_harmonics`.
        walking: As in `fill_harmonics`.
        weight: As in `fill_features`.
        scale: As in `fill_features`.
        frequencies: As in `fill_features`.
        phases: As in `fill_features`.
        regressors: Output, shape (N, S).
    """
    n = gait_phase.shape[0]
    width, begin = 0.0, 0.0
    for k in range(n):
        if k + 1 < n:
            width = (gait_phase[k + 1] - gait_phase[k]) % 1.0
        regressors[k, MOMENTUM] = 0.0
        regressors[k, LEVEL] = 1.0
        middle = (begin + 0.5 * width) * period
        regressors[k, SLOPE] = slope_time * (1.0 - math.exp(-middle / slope_time))
        fill_harmonics(gait_phase[k] + 0.5 * width, width, harmonics, walking, regressors[k])
        fill_features(state[k], vertical[k], weight, scale, frequencies, phases, regressors[k])
        begin += width
