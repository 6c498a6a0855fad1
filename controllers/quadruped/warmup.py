"""Compiles and exercises every kernel before the first real tick, which must not wait for a compiler."""

import numpy as np

from controllers.quadruped.controller import WALKING, LocomotionConfig, LocomotionController
from controllers.robot.description import RobotDescription
from controllers.robot.estimator import BaseEstimator
from controllers.robot.interface import BaseEstimate, LocomotionCommand, RobotState
from controllers.robot.kinematics import LegKinematics

PERIOD_S = 0.002
WALKING_TICKS = 500
# Feet that slip need kernels that walking does not: this many ticks with joints that run, longer than a stance.
SLIPPING_TICKS = 200
SLIPPING_JOINT_SPEED = 2.0


def standing_state(description: RobotDescription, time: float) -> RobotState:
    """Make the reading of a robot that stands still on flat ground.

    Args:
        description: The robot.
        time: Stamp [s].

    Returns:
        The reading, torques included.
    """
    position = np.array(description.standing_position)
    _, jacobians = LegKinematics(description).foot_positions_and_jacobians(position)
    load = np.array([0.0, 0.0, 0.25 * description.mass * 9.81])
    return RobotState(
        time=time,
        joint_position=position,
        joint_velocity=np.zeros(12),
        joint_effort=-np.einsum("lij,i->lj", jacobians, load).ravel(),
        orientation=np.array([1.0, 0.0, 0.0, 0.0]),
        angular_velocity_body=np.zeros(3),
        linear_acceleration_body=np.array([0.0, 0.0, 9.81]),
    )


def warm_up_controller(description: RobotDescription, config: LocomotionConfig) -> None:
    """Run a throw-away controller on a robot that stands still, through rising, trotting and slipping.

    Args:
        description: The robot.
        config: Tuning; decides which kernels are needed.
    """
    controller = LocomotionController(description, config)
    command = LocomotionCommand(velocity_x=0.1, gait="trot")
    left, tick = WALKING_TICKS + SLIPPING_TICKS, 0
    while left > 0:
        state = standing_state(description, tick * PERIOD_S)
        if left <= SLIPPING_TICKS:
            state.joint_velocity[:] = SLIPPING_JOINT_SPEED
        estimate = BaseEstimate(
            time=state.time,
            position_world=np.array([0.0, 0.0, description.standing_height]),
            orientation=state.orientation,
            velocity_body=np.zeros(3),
            angular_velocity_body=np.zeros(3),
            ground_force_world=np.zeros((4, 3)),
        )
        controller.step(state, estimate, command, state.time)
        left -= controller.mode == WALKING
        tick += 1


def warm_up_estimator(description: RobotDescription) -> None:
    """Run a throw-away estimator on a robot that stands still.

    Args:
        description: The robot.
    """
    estimator = BaseEstimator(description)
    for tick in range(20):
        estimator.step(standing_state(description, tick * PERIOD_S))
