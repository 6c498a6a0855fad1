"""Trajectories of swinging feet."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Array = npt.NDArray[np.float64]


@njit(cache=True)
def minimum_jerk_step(state: Array, target: float, target_velocity: float, time_left: float, dt: float) -> None:
    r"""Move a reference along the minimum-jerk path to a target that may itself move.

    The quintic through position, velocity and acceleration now and
    :math:`(x_f, \dot x_f, 0)` after `time_left` is evaluated after `dt`. Since every call starts from
    where the last one ended, a target that jumps bends the path without a jump in velocity.

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


@njit(cache=True)
def hold_within_reach(target: Array, hip_x: float, hip_y: float, hip_z: float, leg_length: float) -> None:
    """Bring a landing point to where the leg can stand on it.

    Args:
        target: Landing point, moved level towards the hip where it is too far, world, shape (3,) [m].
        hip_x: Where the hip will be, world [m].
        hip_y: The same.
        hip_z: The same.
        leg_length: Largest distance of a foot from its hip [m].
    """
    drop = hip_z - target[2]
    dx, dy = target[0] - hip_x, target[1] - hip_y
    # Even a leg that hangs straight down may stand a little beside its hip.
    far = math.sqrt(max(leg_length * leg_length - drop * drop, 0.01 * leg_length * leg_length))
    distance = math.sqrt(dx * dx + dy * dy)
    if distance > far:
        target[0] = hip_x + dx * far / distance
        target[1] = hip_y + dy * far / distance


@njit(cache=True)
def swing_references(
    contact: Array,
    was_standing: Array,
    swing_left: Array,
    swing_phase: Array,
    feet: Array,
    com: Array,
    velocity: Array,
    yaw: float,
    yaw_rate: float,
    nominal: Array,
    hips: Array,
    leg_length: float,
    offset: Array,
    ground: Array,
    clearance: float,
    landing_depth: float,
    apex: float,
    duration: float,
    dt: float,
    plane_state: Array,
    lift_height: Array,
    targets: Array,
    position: Array,
    speed: Array,
    acceleration: Array,
) -> None:
    """Advance the references of all swinging feet by one tick.

    Args:
        contact: 1 where a leg is scheduled to stand, shape (4,).
        was_standing: The same one tick ago, shape (4,).
        swing_left: Time until touchdown, shape (4,) [s].
        swing_phase: Progress through the swing, shape (4,).
        feet: Measured foot centres, world, shape (4, 3) [m].
        com: Centre of mass, world, shape (3,) [m].
        velocity: Its velocity, world, shape (3,) [m/s].
        yaw: Yaw of the base [rad].
        yaw_rate: Commanded turning rate [rad/s].
        nominal: Points under the hips relative to the centre of mass, heading frame, shape (4, 2) [m].
        hips: Hip joints relative to the centre of mass, heading frame, shape (4, 3) [m].
        leg_length: Largest distance of a foot from its hip [m].
        offset: Foothold offset, world, shape (2,) [m].
        ground: Plane z = g₀ + g₁ x + g₂ y, shape (3,).
        clearance: Height of a foot's centre above the ground it stands on [m].
        landing_depth: How far below the ground to aim [m].
        apex: Swing height [m].
        duration: Length of the swing [s].
        dt: Time since the previous tick [s].
        plane_state: State of the minimum-jerk references in x and y, shape (4, 2, 3).
        lift_height: Height of each foot's centre at lift-off, shape (4,) [m].
        targets: Output for swinging legs: landing points, world, shape (4, 3) [m].
        position: Output: references, world, shape (4, 3) [m].
        speed: Output: shape (4, 3) [m/s].
        acceleration: Output: shape (4, 3) [m/s²].
    """
    vertical = np.empty(3)
    for leg in range(4):
        if contact[leg] > 0.5:
            continue
        left = swing_left[leg]
        if was_standing[leg] > 0.5:
            # Lift-off: the reference starts where the foot is, at rest.
            for i in range(2):
                plane_state[leg, i, 0] = feet[leg, i]
                plane_state[leg, i, 1] = 0.0
                plane_state[leg, i, 2] = 0.0
            lift_height[leg] = feet[leg, 2]
        turned = yaw + yaw_rate * left
        c, s = np.cos(turned), np.sin(turned)
        x, y = nominal[leg, 0], nominal[leg, 1]
        targets[leg, 0] = com[0] + velocity[0] * left + c * x - s * y + offset[0]
        targets[leg, 1] = com[1] + velocity[1] * left + s * x + c * y + offset[1]
        targets[leg, 2] = ground[0] + ground[1] * targets[leg, 0] + ground[2] * targets[leg, 1] + clearance
        hip_x = com[0] + velocity[0] * left + c * hips[leg, 0] - s * hips[leg, 1]
        hip_y = com[1] + velocity[1] * left + s * hips[leg, 0] + c * hips[leg, 1]
        hold_within_reach(targets[leg], hip_x, hip_y, com[2] + hips[leg, 2], leg_length)
        for i in range(2):
            minimum_jerk_step(plane_state[leg, i], targets[leg, i], 0.0, left, dt)
            position[leg, i] = plane_state[leg, i, 0]
            speed[leg, i] = plane_state[leg, i, 1]
            acceleration[leg, i] = plane_state[leg, i, 2]
        swing_height(swing_phase[leg], lift_height[leg], targets[leg, 2] - landing_depth, apex, duration, vertical)
        position[leg, 2] = vertical[0]
        speed[leg, 2] = vertical[1]
        acceleration[leg, 2] = vertical[2]
