"""Robots and commands that many tests need."""

import numpy as np

from controllers.robot.interface import JointCommand
from sim.quadruped_backend import MujocoQuadruped, SimConfig
from sim.sensors import SensorConfig


def impedance(backend, stiffness=80.0, damping=2.0):
    """The command that holds the nominal standing pose."""
    zero = np.zeros(12)
    pose = backend.description.standing_position.copy()
    return JointCommand(backend.time, pose, zero, zero.copy(), np.full(12, stiffness), np.full(12, damping))


def ideal_robot(robot="go2", initial_pose="stand", physics_dt=0.002, control_dt=0.002, **world):
    config = SimConfig(
        physics_dt=physics_dt, control_dt=control_dt, sensors=SensorConfig.ideal(), initial_pose=initial_pose
    )
    return MujocoQuadruped(robot, config, **world)
