"""Decides whether a measurement may teach a learner anything."""

import numpy as np
import numpy.typing as npt
from numba import boolean, float64, njit, types

from controllers.errors import InvalidValue
from controllers.residual.learner import ResidualMeasurement

Array = npt.NDArray[np.float64]

# No residual of a robot that a person can lift comes near this; sums of such numbers cannot overflow.
IMPLAUSIBLE_WRENCH = 1e6
# Outside this range a duration is a fault of a clock, and the learners' exponentials degenerate.
SHORTEST_INTERVAL_S = 1e-5
LONGEST_INTERVAL_S = 1.0


# One signature for every layout, read-only or not: nothing is ever compiled inside a control loop.
ANY_VECTOR = types.Array(float64, 1, "A", readonly=True)
ANY_MATRIX = types.Array(float64, 2, "A", readonly=True)


@njit(boolean(ANY_VECTOR, ANY_VECTOR, float64, ANY_MATRIX, float64[::1]), cache=True)
def _residual(acceleration: Array, nominal: Array, mass: float, inertia: Array, out: Array) -> bool:
    for i in range(3):
        out[i] = mass * (acceleration[i] - nominal[i])
        out[3 + i] = 0.0
        for j in range(3):
            out[3 + i] += inertia[i, j] * (acceleration[3 + j] - nominal[3 + j])
    for i in range(6):
        # A comparison with NaN is false, so this refuses NaN too.
        if not abs(out[i]) < IMPLAUSIBLE_WRENCH:
            return False
    return True


def screen(measurement: ResidualMeasurement, out: Array) -> bool:
    """Compute the residual wrench of a measurement, if the measurement is any good.

    Args:
        measurement: One control interval.
        out: Receives M (ν̇ − ν̇_nominal), shape (6,) [N, N·m]; meaningless when False is returned.

    Returns:
        Whether the measurement is valid, finite and physically plausible, its duration too.

    Raises:
        InvalidValue: An array has the wrong shape, which no sensor fault explains.
    """
    if measurement.acceleration.shape != (6,) or measurement.nominal_acceleration.shape != (6,):
        raise InvalidValue(
            f"accelerations must have shape (6,), got {measurement.acceleration.shape} "
            f"and {measurement.nominal_acceleration.shape}"
        )
    if measurement.inertia.shape != (3, 3):
        raise InvalidValue(f"inertia must have shape (3, 3), got {measurement.inertia.shape}")
    if not measurement.valid or not SHORTEST_INTERVAL_S <= measurement.dt <= LONGEST_INTERVAL_S:
        return False
    return bool(
        _residual(
            measurement.acceleration, measurement.nominal_acceleration, measurement.mass, measurement.inertia, out
        )
    )
