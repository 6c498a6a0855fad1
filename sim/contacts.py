"""Forces of the ground on a simulated robot."""

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.robot.interface import N_LEGS
from sim.world import ModelIndex

Array = npt.NDArray[np.float64]


def ground_contacts(model: mujoco.MjModel, data: mujoco.MjData, index: ModelIndex) -> tuple[Array, bool]:
    """Sum the forces of the ground on each foot, and look whether the base touches it.

    Args:
        model: Compiled world.
        data: Its state, with the contacts of the last physics step.
        index: Where things stand in the model.

    Returns:
        Force on each foot, normal and friction together, world frame, shape (4, 3) [N]; whether the base touches.
    """
    forces, trunk, wrench = np.zeros((N_LEGS, 3)), False, np.zeros(6)
    contact, bodies, feet = data.contact, model.geom_bodyid, index.feet.tolist()
    for i, (first, second) in enumerate(contact.geom.tolist()):
        if first not in index.ground and second not in index.ground:
            continue
        # The contact frame's x axis points from the first geom to the second, and so does the force.
        sign, geom = (1.0, second) if first in index.ground else (-1.0, first)
        if geom in feet:
            mujoco.mj_contactForce(model, data, i, wrench)
            forces[feet.index(geom)] += sign * (wrench[:3] @ contact.frame[i].reshape(3, 3))
        elif bodies[geom] == index.base:
            trunk = True
    return forces, trunk
