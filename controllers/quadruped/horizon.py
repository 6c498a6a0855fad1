"""What the MPC is told about the future: levers of standing and planned feet, and the reference."""

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def preview(
    intervals: Array,
    contacts: Array,
    com: Array,
    velocity: Array,
    velocity_reference: Array,
    yaw: float,
    yaw_rate: float,
    decay: float,
    feet: Array,
    targets: Array,
    swinging: Array,
    nominal: Array,
    offset_reference: Array,
    offset_error_gain: float,
    ground: Array,
    levers: Array,
    yaws: Array,
) -> None:
    """Predict the levers of all feet, in world axes.

    The body is taken to return to the commanded velocity exponentially. Feet on the ground stay where
    they are; a swinging foot lands on its target; later touchdowns follow the foothold rule with
    the velocity predicted for that moment.

    Args:
        intervals: Lengths of the intervals, shape (N,) [s].
        contacts: 1 where a foot stands, shape (N, 4).
        com: Centre of mass, world, shape (3,) [m].
        velocity: Its velocity, world, shape (3,) [m/s].
        velocity_reference: Commanded velocity, world, shape (3,) [m/s].
        yaw: Yaw of the base [rad].
        yaw_rate: Commanded turning rate [rad/s].
        decay: Time constant of the return to the commanded velocity [s].
        feet: Feet now, world, shape (4, 3) [m].
        targets: Landing points of swinging feet, world, shape (4, 3) [m].
        swinging: 1 where a leg swings now, shape (4,).
        nominal: Points under the hips relative to the centre of mass, heading frame, shape (4, 2) [m].
        offset_reference: Foothold offset at the commanded velocity, world, shape (2,) [m].
        offset_error_gain: Foothold offset per velocity error [s].
        ground: Height, slope along x and slope along y of the ground (z = g₀ + g₁ x + g₂ y), shape (3,).
        levers: Output, foot minus centre of mass at the middle of each interval, world axes, shape (N, 4, 3) [m].
        yaws: Output, yaw at the middle of each interval, shape (N,) [rad].
    """
    n = intervals.shape[0]
    place = np.empty((4, 3))
    down = np.empty(4)
    for leg in range(4):
        down[leg] = 1.0 - swinging[leg]
        for i in range(3):
            place[leg, i] = targets[leg, i] if swinging[leg] > 0.5 else feet[leg, i]
    first_landing = swinging.copy()
    start = 0.0
    body = np.empty(3)
    for k in range(n):
        middle = start + 0.5 * intervals[k]
        reach = decay * (1.0 - np.exp(-middle / decay))
        for i in range(2):
            body[i] = com[i] + velocity_reference[i] * middle + (velocity[i] - velocity_reference[i]) * reach
        body[2] = com[2]
        yaws[k] = yaw + yaw_rate * middle
        for leg in range(4):
            if contacts[k, leg] > 0.5 and down[leg] < 0.5:
                down[leg] = 1.0
                if first_landing[leg] > 0.5:
                    first_landing[leg] = 0.0
                else:
                    reach0 = decay * (1.0 - np.exp(-start / decay))
                    fade = np.exp(-start / decay)
                    c, s = np.cos(yaw + yaw_rate * start), np.sin(yaw + yaw_rate * start)
                    under = (
                        c * nominal[leg, 0] - s * nominal[leg, 1],
                        s * nominal[leg, 0] + c * nominal[leg, 1],
                    )
                    for i in range(2):
                        error = velocity[i] - velocity_reference[i]
                        place[leg, i] = (
                            com[i]
                            + velocity_reference[i] * start
                            + error * reach0
                            + under[i]
                            + offset_reference[i]
                            + offset_error_gain * error * fade
                        )
                    place[leg, 2] = ground[0] + ground[1] * place[leg, 0] + ground[2] * place[leg, 1]
            elif contacts[k, leg] < 0.5:
                down[leg] = 0.0
            for i in range(3):
                levers[k, leg, i] = place[leg, i] - body[i]
        start += intervals[k]
