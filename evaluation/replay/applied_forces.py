r"""The forces of the feet that a recorded command stood for, from how it differs from what a controller would command.

Both answer the same reading, and a leg's inertia, weight and friction enter both torques alike, so that of legs which
stand in both

.. math:: f = \hat f - R J^{-T} (\tau - \hat\tau),

where hats mark the controller's own force and torque. Where they command the same, the force is the same to the bit.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.kinematics import forward_kernel

Array = npt.NDArray[np.float64]

# Damping of the inverted leg Jacobian [m]; a stretched leg would turn noise of torques into forces.
DAMPING = 1e-3


@njit(cache=True)
def applied_forces(
    geometry: Array,
    joint_position: Array,
    rotation: Array,
    own_forces: Array,
    torque_difference: Array,
    forces: Array,
) -> None:
    """Find forces from a difference of torques.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        joint_position: Measured, shape (12,) [rad].
        rotation: Base to world, shape (3, 3).
        own_forces: Forces that the controller would command, world, shape (4, 3) [N].
        torque_difference: Recorded torques less those of the controller, shape (12,) [N·m].
        forces: Output, of the ground on the feet, world, shape (4, 3) [N].
    """
    feet = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    forward_kernel(geometry, joint_position, feet, jacobians)
    for leg in range(4):
        jacobian = jacobians[leg]
        difference = torque_difference[3 * leg : 3 * leg + 3]
        for i in range(3):
            forces[leg, i] = own_forces[leg, i]
        if not difference.any():
            continue
        matrix = jacobian @ jacobian.T
        for i in range(3):
            matrix[i, i] += DAMPING * DAMPING
        push = rotation @ np.linalg.solve(matrix, jacobian @ np.ascontiguousarray(difference))
        for i in range(3):
            forces[leg, i] -= push[i]
