"""Trajectories of swinging feet."""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def minimum_jerk_step(state: Array, target: float, target_velocity: float, time_left: float, dt: float) -> None:
    r"""Move a reference along the minimum-jerk path to a target that may itself move.

    The quintic through position, velocity and acceleration now and
    :math:`(x_f, \dot x_f, 0)` after `time_left` is evaluated after `dt`. Since every call starts from
    where the last one ended, a target that jumps bends the path without a jump in acceleration.

    Args:
        state: Position, velocity, acceleration; updated in place, shape (3,).
        target: Position at touchdown [m].
        target_velocity: Velocity at touchdown [m/s].
        time_left: Time until touchdown [s].
        dt: Step [s].
    """
    p, v, a = state[0], state[1], state[2]
    if time_left <= dt:
        state[0] = target
        state[1] = target_velocity
        state[2] = 0.0
        return
    t = time_left
    dp = target - (p + v * t + 0.5 * a * t * t)
    dv = target_velocity - (v + a * t)
    da = -a
    c3 = (10.0 * dp - 4.0 * dv * t + 0.5 * da * t * t) / t**3
    c4 = (-15.0 * dp + 7.0 * dv * t - da * t * t) / t**4
    c5 = (6.0 * dp - 3.0 * dv * t + 0.5 * da * t * t) / t**5
    s = dt
    state[0] = p + v * s + 0.5 * a * s * s + c3 * s**3 + c4 * s**4 + c5 * s**5
    state[1] = v + a * s + 3.0 * c3 * s**2 + 4.0 * c4 * s**3 + 5.0 * c5 * s**4
    state[2] = a + 6.0 * c3 * s + 12.0 * c4 * s**2 + 20.0 * c5 * s**3


@njit(cache=True)
def swing_height(phase: float, lift: float, land: float, apex: float, duration: float, out: Array) -> None:
    """Height of a swinging foot: a quintic from lift-off to landing height plus a bump that is flat at both ends.

    Args:
        phase: Progress through the swing in [0, 1].
        lift: Height at lift-off [m].
        land: Height at touchdown [m].
        apex: Height of the bump in the middle [m].
        duration: Length of the swing [s].
        out: Output, height, its rate and its acceleration, shape (3,).
    """
    s = min(max(phase, 0.0), 1.0)
    blend = s * s * s * (10.0 - 15.0 * s + 6.0 * s * s)
    blend1 = 30.0 * s * s * (1.0 - 2.0 * s + s * s)
    blend2 = 60.0 * s * (1.0 - 3.0 * s + 2.0 * s * s)
    u = s * (1.0 - s)
    u1 = 1.0 - 2.0 * s
    bump = 16.0 * u * u
    bump1 = 32.0 * u * u1
    bump2 = 32.0 * (u1 * u1 - 2.0 * u)
    out[0] = lift + (land - lift) * blend + apex * bump
    out[1] = ((land - lift) * blend1 + apex * bump1) / duration
    out[2] = ((land - lift) * blend2 + apex * bump2) / (duration * duration)
