"""Where a simulated robot starts, as coordinates of its model."""

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.robot.description import RobotDescription
from sim.world import ModelIndex

Array = npt.NDArray[np.float64]

SETTLE_S = 1.0
SETTLE_STIFFNESS = 40.0
SETTLE_DAMPING = 2.0


def standing(model: mujoco.MjModel, index: ModelIndex, robot: RobotDescription) -> Array:
    """Put the robot on its feet at the origin.

    Args:
        model: Compiled world.
        index: Where things stand in the model.
        robot: The robot.

    Returns:
        Coordinates with the feet just touching the ground, shape (nq,).
    """
    data, q = mujoco.MjData(model), index.base_qpos
    data.qpos[q : q + 7] = (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    data.qpos[index.qpos] = robot.standing_position
    mujoco.mj_kinematics(model, data)
    data.qpos[q + 2] = -float(np.min(data.geom_xpos[index.feet, 2] - model.geom_size[index.feet, 0]))
    return data.qpos.copy()


def lying(model: mujoco.MjModel, index: ModelIndex, robot: RobotDescription) -> Array:
    """Fold the robot's legs, switch it off and let it come to rest.

    Args:
        model: Compiled world; the motors are left off.
        index: Where things stand in the model.
        robot: The robot.

    Returns:
        Coordinates at rest on the ground, shape (nq,).
    """
    data, q = mujoco.MjData(model), index.base_qpos
    data.qpos[q : q + 7] = (0.0, 0.0, robot.lying_height, 1.0, 0.0, 0.0, 0.0)
    data.qpos[index.qpos] = robot.lying_position
    for stiffness in (SETTLE_STIFFNESS, 0.0):
        data.ctrl[:] = stiffness * robot.lying_position
        model.actuator_biasprm[:, 1], model.actuator_biasprm[:, 2] = -stiffness, -SETTLE_DAMPING
        mujoco.mj_step(model, data, round(SETTLE_S / model.opt.timestep))
    model.actuator_biasprm[:, 1:3] = 0.0
    return data.qpos.copy()
