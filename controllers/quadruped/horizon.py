"""What the MPC and the learner are told about the future: levers of standing and planned feet, and the reference."""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.plane import find_underfoot

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
    clearance: float,
    levers: Array,
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
        ground: Plane z = g₀ + g₁ x + g₂ y, shape (3,).
        clearance: Height of a foot's centre above the ground it stands on [m].
        levers: Output, from the centre of mass to where the ground touches a foot at the middle of each interval, world
            axes, shape (N, 4, 3) [m].
    """
    n = intervals.shape[0]
    underfoot = np.empty(3)
    find_underfoot(ground, clearance, underfoot)
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
        # The body keeps its height above the ground.
        body[2] = com[2] + ground[1] * (body[0] - com[0]) + ground[2] * (body[1] - com[1])
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
                    place[leg, 2] = ground[0] + ground[1] * place[leg, 0] + ground[2] * place[leg, 1] + clearance
            elif contacts[k, leg] < 0.5:
                down[leg] = 0.0
            for i in range(3):
                levers[k, leg, i] = place[leg, i] + underfoot[i] - body[i]
        start += intervals[k]


@njit(cache=True)
def fill_horizon(
    intervals: Array,
    rotation: Array,
    yaw: float,
    com: Array,
    height: float,
    velocity: Array,
    spin: Array,
    inertia_body: Array,
    velocity_reference: Array,
    yaw_rate: float,
    yaw_error: float,
    position_error: Array,
    attitude_reference: Array,
    height_reference: float,
    ground: Array,
    follow_slope: float,
    decay: float,
    levers: Array,
    previous_forces: Array,
    position: Array,
    rates: Array,
    position_reference: Array,
    velocity_target: Array,
    inertia: Array,
    state: Array,
    wrench: Array,
) -> None:
    """Express state and reference in the heading frame, and describe the horizon to the learner.

    Args:
        intervals: Shape (N,) [s].
        rotation: Base to world, shape (3, 3).
        yaw: Yaw of the base [rad].
        com: Centre of mass, world, shape (3,) [m].
        height: Centre of mass above the ground [m].
        velocity: Its velocity, world, shape (3,) [m/s].
        spin: Angular velocity, world, shape (3,) [rad/s].
        inertia_body: About the centre of mass, base axes, shape (3, 3) [kg·m²].
        velocity_reference: Commanded velocity, world, shape (3,) [m/s].
        yaw_rate: Commanded turning rate [rad/s].
        yaw_error: Yaw reference minus yaw [rad].
        position_error: Position reference minus centre of mass, world, shape (2,) [m].
        attitude_reference: Commanded roll and pitch relative to the ground, shape (2,) [rad].
        height_reference: Commanded height of the centre of mass above the ground [m].
        ground: Plane z = g₀ + g₁ x + g₂ y, shape (3,).
        follow_slope: Fraction of the slope that the attitude follows.
        decay: Time constant of the return to the commanded velocity [s].
        levers: In world axes; turned into the heading frame in place, shape (N, 4, 3) [m].
        previous_forces: Forces of the previous plan, heading frame, shape (N, 4, 3) [N].
        position: Output: rotation vector and position now, shape (6,).
        rates: Output: angular and linear velocity now, shape (6,).
        position_reference: Output, shape (N, 6).
        velocity_target: Output, shape (N, 6).
        inertia: Output: heading frame, shape (N, 3, 3) [kg·m²].
        state: Output: states for the learner, shape (N, 9).
        wrench: Output: contact wrenches for the learner, shape (N, 6).
    """
    n = intervals.shape[0]
    c, s = np.cos(yaw), np.sin(yaw)
    to_heading = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    attitude = to_heading @ rotation
    # Rotation vector of a tilt from the antisymmetric part, exact to second order.
    tilt_x = 0.5 * (attitude[2, 1] - attitude[1, 2])
    tilt_y = 0.5 * (attitude[0, 2] - attitude[2, 0])
    v = to_heading @ velocity
    w = to_heading @ spin
    reference = to_heading @ velocity_reference
    position[:] = 0.0
    position[0] = tilt_x
    position[1] = tilt_y
    position[5] = height
    rates[:3] = w
    rates[3:] = v
    slope_x = c * ground[1] + s * ground[2]
    slope_y = -s * ground[1] + c * ground[2]
    climb = slope_x * reference[0] + slope_y * reference[1]
    error_x = c * position_error[0] + s * position_error[1]
    error_y = -s * position_error[0] + c * position_error[1]
    body_inertia = attitude @ inertia_body @ attitude.T
    time = 0.0
    for k in range(n):
        fade = np.exp(-time / decay)
        time += intervals[k]
        position_reference[k, 0] = attitude_reference[0] + follow_slope * np.arctan(slope_y)
        position_reference[k, 1] = attitude_reference[1] - follow_slope * np.arctan(slope_x)
        position_reference[k, 2] = yaw_error + yaw_rate * time
        position_reference[k, 3] = error_x + reference[0] * time
        position_reference[k, 4] = error_y + reference[1] * time
        # Heights are above the ground under the body now.
        position_reference[k, 5] = height_reference + climb * time
        velocity_target[k, 0] = 0.0
        velocity_target[k, 1] = 0.0
        velocity_target[k, 2] = yaw_rate
        velocity_target[k, 3] = reference[0]
        velocity_target[k, 4] = reference[1]
        velocity_target[k, 5] = climb
        inertia[k] = body_inertia
        state[k, 0] = tilt_x * fade
        state[k, 1] = tilt_y * fade
        state[k, 2] = (height - height_reference) * fade
        for i in range(3):
            state[k, 3 + i] = reference[i] + fade * (v[i] - reference[i])
            state[k, 6 + i] = fade * w[i]
        state[k, 8] += (1.0 - fade) * yaw_rate
        wrench[k, :] = 0.0
        for leg in range(4):
            x, y, z = levers[k, leg, 0], levers[k, leg, 1], levers[k, leg, 2]
            levers[k, leg, 0] = c * x + s * y
            levers[k, leg, 1] = -s * x + c * y
            x, y = levers[k, leg, 0], levers[k, leg, 1]
            fx, fy, fz = previous_forces[k, leg, 0], previous_forces[k, leg, 1], previous_forces[k, leg, 2]
            wrench[k, 0] += fx
            wrench[k, 1] += fy
            wrench[k, 2] += fz
            wrench[k, 3] += y * fz - z * fy
            wrench[k, 4] += z * fx - x * fz
            wrench[k, 5] += x * fy - y * fx
