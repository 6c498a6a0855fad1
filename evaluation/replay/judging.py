"""Kernels that compare a recorded command with a controller's own, and find what the feet did."""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.kinematics import forward_kernel, move_jacobians

Array = npt.NDArray[np.float64]

# Where the sums stand.
TICKS, TORQUE_SQUARES, TORQUE_GREATEST, AGREEING, TARGETS, TARGET_SQUARES, TARGET_GREATEST = range(7)
SUMS = 7
# Commands whose torques differ by less are the same [N·m].
SAME_TORQUE = 1e-6
# Damping of the inverted leg Jacobian [m]; a stretched leg would turn noise of torques into forces.
DAMPING = 1e-3


@njit(cache=True)
def compare_commands(joint_position: Array, joint_velocity: Array, recorded: Array, own: Array, sums: Array) -> None:
    """Add the difference of two commands to the sums of all differences.

    Args:
        joint_position: Measured, shape (12,) [rad].
        joint_velocity: Measured, shape (12,) [rad/s].
        recorded: Position, velocity, effort, stiffness, damping, shape (5, 12).
        own: The same of the controller, shape (5, 12).
        sums: In and out, see the names above, shape (7,).
    """
    squares = worst = 0.0
    for k in range(12):
        tau = 0.0
        for sign in (1.0, -1.0):
            c = recorded if sign > 0.0 else own
            tau += sign * (c[2, k] + c[3, k] * (c[0, k] - joint_position[k]) + c[4, k] * (c[1, k] - joint_velocity[k]))
        squares += tau * tau
        worst = max(worst, abs(tau))
        if recorded[3, k] > 0.0 and own[3, k] > 0.0:
            difference = recorded[0, k] - own[0, k]
            sums[TARGETS] += 1.0
            sums[TARGET_SQUARES] += difference * difference
            sums[TARGET_GREATEST] = max(sums[TARGET_GREATEST], abs(difference))
    sums[TICKS] += 1.0
    sums[TORQUE_SQUARES] += squares / 12.0
    sums[TORQUE_GREATEST] = max(sums[TORQUE_GREATEST], worst)
    if worst < SAME_TORQUE:
        sums[AGREEING] += 1.0


@njit(cache=True)
def standing_legs(stiffness: Array, standing: Array) -> None:
    """Tell which legs stand by a command of Pronk's controller: those that are not held by stiffness.

    Args:
        stiffness: Shape (12,) [N·m/rad].
        standing: Output, 1 for legs that stand, shape (4,).
    """
    for leg in range(4):
        standing[leg] = 1.0
        for i in range(3):
            if stiffness[3 * leg + i] > 0.0:
                standing[leg] = 0.0


@njit(cache=True)
def forces_by_command(
    geometry: Array,
    joint_position: Array,
    joint_velocity: Array,
    rotation: Array,
    underfoot: Array,
    own_forces: Array,
    own_standing: Array,
    own: Array,
    motors: Array,
    carrying: Array,
    forces: Array,
) -> bool:
    r"""Find the forces that a recorded command stood for, from how it differs from what a controller would command.

    Both answer the same reading, and a leg's inertia, weight and friction enter both torques alike, so that of legs
    which stand in both

    .. math:: f = \hat f - R J^{-T} (\tau - \hat\tau),

    where hats mark the controller's own force and torque. Where they command the same, so is the force, to the bit.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        joint_position: Measured, shape (12,) [rad].
        joint_velocity: Measured, shape (12,) [rad/s].
        rotation: Base to world, shape (3, 3).
        underfoot: From the centres of the feet to where the ground touches them, world, shape (3,) [m].
        own_forces: Forces that the controller would command, world, shape (4, 3) [N].
        own_standing: 1 for legs that stand for the controller, shape (4,).
        own: Position, velocity, effort, stiffness, damping of its command, shape (5, 12).
        motors: The same of the recorded command, shape (5, 12).
        carrying: Output, 1 for legs that stand in the recording, shape (4,).
        forces: Output, of the ground on the feet, world, shape (4, 3) [N].

    Returns:
        Whether any leg stands.
    """
    standing_legs(motors[3], carrying)
    difference = np.empty(12)
    any_stands = False
    for leg in range(4):
        any_stands = any_stands or carrying[leg] > 0.5
        both = carrying[leg] > 0.5 and own_standing[leg] > 0.5
        for i in range(3):
            k = 3 * leg + i
            difference[k] = motors[2, k] - own[2, k]
            if both:
                # Where one of both is at a limit, its damping counts as well.
                difference[k] += motors[3, k] * (motors[0, k] - joint_position[k])
                difference[k] -= own[3, k] * (own[0, k] - joint_position[k])
                difference[k] += motors[4, k] * (motors[1, k] - joint_velocity[k])
                difference[k] -= own[4, k] * (own[1, k] - joint_velocity[k])
    forces_by_torque(geometry, joint_position, rotation, underfoot, own_forces, difference, forces)
    return any_stands


@njit(cache=True)
def forces_by_torque(
    geometry: Array,
    joint_position: Array,
    rotation: Array,
    underfoot: Array,
    own_forces: Array,
    difference: Array,
    forces: Array,
) -> None:
    """Find forces from torques by which they differ from those of a controller.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        joint_position: Measured, shape (12,) [rad].
        rotation: Base to world, shape (3, 3).
        underfoot: From the centres of the feet to where the ground touches them, world, shape (3,) [m].
        own_forces: Forces that the controller would command, world, shape (4, 3) [N].
        difference: Torques less those that the controller feeds forward, shape (12,) [N·m].
        forces: Output, of the ground on the feet, world, shape (4, 3) [N].
    """
    feet = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    forward_kernel(geometry, joint_position, feet, jacobians)
    move_jacobians(joint_position, rotation, underfoot, jacobians)
    for leg in range(4):
        forces[leg] = own_forces[leg]
        own = difference[3 * leg : 3 * leg + 3]
        if own[0] == 0.0 and own[1] == 0.0 and own[2] == 0.0:
            continue
        jacobian = jacobians[leg]
        matrix = jacobian @ jacobian.T
        for i in range(3):
            matrix[i, i] += DAMPING * DAMPING
        push = np.linalg.solve(matrix, jacobian @ own)
        for i in range(3):
            for j in range(3):
                forces[leg, i] -= rotation[i, j] * push[j]
