"""How well a quadruped followed what was asked of it: numbers from arrays of one window of a run.

Every function takes the samples of a window, time first, and knows nothing of how the window was chosen. An empty
window has no answer: NaN. Names carry the unit of the result.
"""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]

SETTLE_HEIGHT_M = 0.010
SETTLE_ROLL_RAD = float(np.radians(3.0))
GAIT_CYCLE_S = 0.5


def root_mean_square(values: Array) -> float:
    """Compute the root of the mean of the squares.

    Args:
        values: Samples, any shape; a vector per sample counts with the square of its length.

    Returns:
        RMS in the unit of the samples; NaN without samples.
    """
    samples = np.asarray(values, dtype=np.float64)
    if samples.shape[0] == 0:
        return float("nan")
    return float(np.sqrt(np.sum(samples**2) / samples.shape[0]))


def mean(values: Array) -> float:
    """Compute the mean.

    Args:
        values: Samples, shape (T,).

    Returns:
        Mean; NaN without samples.
    """
    samples = np.asarray(values, dtype=np.float64)
    return float(samples.mean()) if samples.size else float("nan")


def height_rmse_m(height: Array, reference: Array) -> float:
    """Compare the height of the trunk with what was asked.

    Args:
        height: True height of the base above the ground, shape (T,) [m].
        reference: Height asked for, shape (T,) [m].

    Returns:
        RMS of the difference [m].
    """
    return root_mean_square(_difference("height", height, reference))


def height_mean_error_m(height: Array, reference: Array) -> float:
    """Tell how far the trunk sank (negative) or rose.

    Args:
        height: True height of the base above the ground, shape (T,) [m].
        reference: Height asked for, shape (T,) [m].

    Returns:
        Mean of the difference [m].
    """
    return mean(_difference("height", height, reference))


def speed_rmse_mps(velocity: Array, reference: Array) -> float:
    """Compare one component of the velocity with what was asked.

    Args:
        velocity: Velocity in the heading frame, shape (T,) [m/s].
        reference: Velocity asked for, shape (T,) [m/s].

    Returns:
        RMS of the difference, oscillation within the gait cycle included [m/s].
    """
    return root_mean_square(_difference("velocity", velocity, reference))


def speed_mean_error_mps(velocity: Array, reference: Array) -> float:
    """Tell how much too fast (positive) or too slow the robot went on average.

    Args:
        velocity: Velocity in the heading frame, shape (T,) [m/s].
        reference: Velocity asked for, shape (T,) [m/s].

    Returns:
        Mean of the difference [m/s].
    """
    return mean(_difference("velocity", velocity, reference))


def angle_rmse_rad(angle: Array, reference: Array | float = 0.0) -> float:
    """Compare roll or pitch with what was asked.

    Args:
        angle: Angle, shape (T,) [rad].
        reference: Angle asked for, shape (T,) or one number [rad].

    Returns:
        RMS of the difference [rad].
    """
    return root_mean_square(_difference("angle", angle, np.broadcast_to(reference, np.shape(angle))))


def wrench_rmse_n(estimate: Array, truth: Array) -> float:
    """Compare the learned force with the true one.

    Args:
        estimate: Wrench, force first, shape (T, 6) [N, N·m].
        truth: True wrench in the same frame, shape (T, 6) [N, N·m].

    Returns:
        RMS of the length of the difference of the forces [N].
    """
    return root_mean_square(_difference("wrench", estimate, truth)[:, :3])


def wrench_rmse_nm(estimate: Array, truth: Array) -> float:
    """Compare the learned moment with the true one.

    Args:
        estimate: Wrench, force first, shape (T, 6) [N, N·m].
        truth: True wrench in the same frame, shape (T, 6) [N, N·m].

    Returns:
        RMS of the length of the difference of the moments [N·m].
    """
    return root_mean_square(_difference("wrench", estimate, truth)[:, 3:])


def settle_time_s(time: Array, error: Array, band: float, cycle_s: float = GAIT_CYCLE_S) -> float:
    """Find when an error has come to stay within a band.

    The error is averaged over one gait cycle around each sample, since a trotting trunk never stands still, and
    over what there is of the cycle at the ends of the window.

    Args:
        time: Evenly spaced times of the samples, from the moment of the disturbance on, shape (T,) [s].
        error: Error, shape (T,).
        band: Largest magnitude that counts as settled, in the unit of the error.
        cycle_s: Length of the average [s].

    Returns:
        Time from the first sample until the averaged error last leaves the band [s]; 0 when it never does; the
        length of the window, a lower bound, when it ends outside; NaN without samples.
    """
    _difference("time", time, error)
    if len(time) == 0:
        return float("nan")
    outside = np.flatnonzero(~(np.abs(cycle_average(time, error, cycle_s)) <= band))
    if len(outside) == 0:
        return 0.0
    last = int(outside[-1])
    return float(time[min(last + 1, len(time) - 1)] - time[0])


def cycle_average(time: Array, values: Array, cycle_s: float = GAIT_CYCLE_S) -> Array:
    """Average over a window of fixed length around each sample, shortened at the ends.

    Args:
        time: Evenly spaced times, shape (T,) [s].
        values: Samples, shape (T,).
        cycle_s: Length of the window [s].

    Returns:
        Averages, shape (T,).
    """
    count = len(values)
    if count < 2:
        return np.array(values, dtype=np.float64)
    step = float(time[-1] - time[0]) / (count - 1)
    half = max(round(0.5 * cycle_s / step), 0)
    total = np.concatenate(([0.0], np.cumsum(values)))
    index = np.arange(count)
    first, last = np.maximum(index - half, 0), np.minimum(index + half + 1, count)
    return np.asarray((total[last] - total[first]) / (last - first))


def solve_time_s(solve_time: Array, percentile: float) -> float:
    """Read a percentile off the times of the solver.

    Args:
        solve_time: Time of building and solving each plan, shape (T,); NaN where no plan was made [s].
        percentile: In [0, 100].

    Returns:
        The percentile [s]; NaN without plans.
    """
    times = np.asarray(solve_time, dtype=np.float64)
    times = times[np.isfinite(times)]
    return float(np.percentile(times, percentile)) if times.size else float("nan")


def deadline_miss_fraction(duration: Array, deadline_s: float) -> float:
    """Count computations that took longer than their period.

    Args:
        duration: Time of each computation, shape (T,); NaN where there was none [s].
        deadline_s: Time allowed [s].

    Returns:
        Share in [0, 1]; NaN without computations.
    """
    times = np.asarray(duration, dtype=np.float64)
    times = times[np.isfinite(times)]
    return float(np.mean(times > deadline_s)) if times.size else float("nan")


def cpu_realtime_factor(duration_s: float, cpu_time: Array) -> float:
    """Compare the length of a run with the processor time that it took.

    Args:
        duration_s: Simulated time [s].
        cpu_time: Processor time of each tick, shape (T,) [s].

    Returns:
        Simulated seconds per second of one core; NaN when no time was measured.
    """
    total = float(np.sum(cpu_time))
    return duration_s / total if total > 0.0 else float("nan")


def heading_velocity(velocity_body: Array, orientation: Array) -> Array:
    """Turn velocities from the base frame into the heading frame (z up, x along the yaw of the base).

    Args:
        velocity_body: Base frame, shape (T, 3) [m/s].
        orientation: Quaternions (w, x, y, z), base in world, shape (T, 4).

    Returns:
        Heading frame, shape (T, 3) [m/s].
    """
    w, axis = orientation[:, :1], orientation[:, 1:]
    turn = 2.0 * np.cross(axis, velocity_body)
    world = velocity_body + w * turn + np.cross(axis, turn)
    x, y, z = axis.T
    yaw = np.arctan2(2.0 * (w[:, 0] * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack((c * world[:, 0] + s * world[:, 1], c * world[:, 1] - s * world[:, 0], world[:, 2]), axis=1)


def _difference(what: str, values: Array, reference: Array) -> Array:
    if np.shape(values) != np.shape(reference):
        raise InvalidValue(
            f"{what} and its reference must have the same shape, got {np.shape(values)} and {np.shape(reference)}"
        )
    return np.asarray(values, dtype=np.float64) - np.asarray(reference, dtype=np.float64)
