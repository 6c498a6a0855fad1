"""Readings and commands for the tests of the gatekeeper."""

from types import SimpleNamespace

import numpy as np

from controllers.gatekeeper import Gatekeeper, GatekeeperConfig
from controllers.robot.interface import JointCommand, RobotState

LIMITS = SimpleNamespace(
    joint_lower=np.tile([-1.05, -1.57, -2.72], 4),
    joint_upper=np.tile([1.05, 3.49, -0.84], 4),
    torque_limit=np.tile([23.7, 23.7, 45.4], 4),
    velocity_limit=np.tile([30.0, 30.0, 20.0], 4),
)
STANDING = np.tile([0.0, 0.8, -1.6], 4)
FIELDS = ("position", "velocity", "effort", "stiffness", "damping")


def reading(time=0.0, **changes):
    values = {
        "joint_position": STANDING.copy(),
        "joint_velocity": np.zeros(12),
        "joint_effort": np.zeros(12),
        "orientation": np.array([1.0, 0.0, 0.0, 0.0]),
        "angular_velocity_body": np.zeros(3),
        "linear_acceleration_body": np.array([0.0, 0.0, 9.81]),
        "foot_force": np.full(4, 37.0),
    }
    return RobotState(time=time, **{**values, **changes})


def order(time=0.0, **changes):
    rng = np.random.default_rng(3)
    values = {
        "position": STANDING + rng.uniform(-0.02, 0.02, 12),
        "velocity": rng.uniform(-1.0, 1.0, 12),
        "effort": rng.uniform(-5.0, 5.0, 12),
        "stiffness": np.full(12, 40.0),
        "damping": np.full(12, 1.0),
    }
    return JointCommand(time=time, **{**values, **changes})


def make(**overrides):
    return Gatekeeper(GatekeeperConfig.for_robot(LIMITS, **overrides))


def armed(**overrides):
    gatekeeper = make(**overrides)
    gatekeeper.step(reading(), None, 0.0)
    assert gatekeeper.arm(0.0).accepted
    return gatekeeper


def is_braking(command, damping=3.0):
    zeros = all(not getattr(command, name).any() for name in ("velocity", "effort", "stiffness"))
    return zeros and np.array_equal(command.damping, np.full(12, damping))


def with_one(array, index, value):
    changed = np.array(array, dtype=float)
    changed[index] = value
    return changed


def rolled(angle):
    return np.array([np.cos(angle / 2), np.sin(angle / 2), 0.0, 0.0])


def pitched(angle):
    return np.array([np.cos(angle / 2), 0.0, np.sin(angle / 2), 0.0])
