"""Readings of a robot that stands, and of one that trots on feet that roll."""

import dataclasses

import numpy as np

from controllers.robot.interface import RobotState
from controllers.robot.kinematics import LegKinematics

DT = 0.002
GRAVITY = 9.81
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
UP = np.array([0.0, 0.0, GRAVITY])


def standing(robot, time=0.0, load=1.0, **changes):
    """The robot at rest on its feet, level; `load` is the carried fraction of the weight."""
    state = RobotState(
        time=time,
        joint_position=np.array(robot.standing_position),
        joint_velocity=np.zeros(12),
        joint_effort=np.zeros(12),
        orientation=LEVEL.copy(),
        angular_velocity_body=np.zeros(3),
        linear_acceleration_body=UP.copy(),
        foot_force=np.full(4, 0.25 * load * robot.mass * GRAVITY),
    )
    return dataclasses.replace(state, **changes)


class Trot:
    """A level base that speeds up and holds its speed over feet that are spheres and roll without slipping.

    Stance feet roll from touchdown on; swing feet are carried along at the middle of their stride. Joint rates solve
    the rolling constraint: centre velocity = angular velocity of the calf x radius * up.
    """

    PERIOD, RISE_TIME = 0.4, 0.5

    def __init__(self, robot, speed):
        self.robot, self.speed = robot, np.array([speed, 0.0, 0.0])
        self.legs = LegKinematics(robot)
        self.neutral = self.legs.foot_positions(np.array(robot.standing_position))
        self.levers = self.neutral.copy()
        self.position = np.array([0.0, 0.0, robot.standing_height])
        self.time = 0.0
        self.velocity = np.zeros(3)

    def stance(self, time):
        first = time % self.PERIOD < 0.5 * self.PERIOD
        return np.array([first, not first, not first, first], dtype=float)

    def rates(self, velocity, stance):
        """Joint rates and velocity of the foot centres in the world, the base moving without turning."""
        q, _ = self.legs.inverse(self.levers)
        _, jacobians = self.legs.foot_positions_and_jacobians(q)
        roll = self.robot.foot_radius
        rates, centres = np.zeros(12), np.tile(velocity, (4, 1))
        for leg in np.flatnonzero(stance):
            hip = q[3 * leg]
            pitch = np.array([0.0, np.cos(hip), np.sin(hip)])
            turn = np.column_stack([[1.0, 0.0, 0.0], pitch, pitch])
            rolling = np.column_stack([np.cross(turn[:, i], [0.0, 0.0, roll]) for i in range(3)])
            rates[3 * leg : 3 * leg + 3] = np.linalg.solve(jacobians[leg] - rolling, -velocity)
            centres[leg] = rolling @ rates[3 * leg : 3 * leg + 3]
        return q, rates, centres

    def advance(self):
        stance = self.stance(self.time + 0.5 * DT)
        before = self.velocity
        self.time += DT
        self.velocity = self.speed * min(self.time / self.RISE_TIME, 1.0)
        mean = 0.5 * (before + self.velocity)
        landed = stance > self.stance(self.time - 0.5 * DT)
        start = self.levers.copy()
        for leg in np.flatnonzero(landed):
            # Half a stride ahead, so that the stance is about symmetric.
            start[leg] = self.neutral[leg] + 0.25 * self.PERIOD * self.velocity
        # Heun's step of the rolling feet.
        self.levers = start
        slope = self.rates(before, stance)[2] - before
        self.levers = start + DT * slope
        slope = 0.5 * (slope + self.rates(self.velocity, stance)[2] - self.velocity)
        self.levers = start + DT * slope
        self.levers[stance == 0.0] = self.neutral[stance == 0.0] + [0.0, 0.0, 0.05]
        self.position = self.position + DT * mean
        q, rates, _ = self.rates(self.velocity, stance)
        load = 0.5 * self.robot.mass * GRAVITY * stance
        pull = (self.velocity - before) / DT + UP
        return RobotState(self.time, q, rates, np.zeros(12), LEVEL.copy(), np.zeros(3), pull, load), stance
