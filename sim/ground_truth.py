"""What the simulator knows and no controller may read."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FALLEN_TILT_RAD = 1.0
FALLEN_HEIGHT_M = 0.12
STOOD_HEIGHT_M = 0.2


@dataclass(frozen=True)
class GroundTruth:
    """True state of the simulated robot.

    Contact forces, joint efforts and accelerations belong to the last physics step, everything else to `time`.

    Attributes:
        time: Time on the simulation's clock [s].
        position_world: Base origin, shape (3,) [m].
        orientation: Quaternion (w, x, y, z), base in world, shape (4,).
        velocity_world: Velocity of the base origin, world frame, shape (3,) [m/s].
        velocity_body: The same in the base frame, shape (3,) [m/s].
        angular_velocity_body: Base frame, shape (3,) [rad/s].
        joint_position: Canonical order, shape (12,) [rad].
        joint_velocity: Canonical order, shape (12,) [rad/s].
        joint_effort: Torques that the motors exerted, shape (12,) [N·m].
        foot_position_world: Centres of the foot spheres, shape (4, 3) [m].
        foot_force_world: Force of the ground on each foot, normal and friction together, shape (4, 3) [N].
        external_wrench_world: Force and torque about the nominal centre of mass that payloads (their weight only)
            and applied wrenches exert now, world axes, shape (6,) [N, N·m].
        external_wrench_inertial_world: The same with the inertial reaction of the payloads included: a payload of
            mass m pulls with m (g - its acceleration), shape (6,) [N, N·m].
        payload_mass: Mass of all payloads on the robot now [kg].
        height: Base origin above the ground below it [m].
        roll: Roll [rad].
        pitch: Pitch [rad].
        trunk_contact: Whether the base touches the ground.
        has_stood: Whether the base has been higher than `STOOD_HEIGHT_M` since the reset.
    """

    time: float
    position_world: Array
    orientation: Array
    velocity_world: Array
    velocity_body: Array
    angular_velocity_body: Array
    joint_position: Array
    joint_velocity: Array
    joint_effort: Array
    foot_position_world: Array
    foot_force_world: Array
    external_wrench_world: Array
    external_wrench_inertial_world: Array
    payload_mass: float
    height: float
    roll: float
    pitch: float
    trunk_contact: bool
    has_stood: bool


def has_fallen(truth: GroundTruth, walking: bool = True) -> bool:
    """Decide whether the robot lies where it should stand.

    It has fallen when |roll| or |pitch| exceeds `FALLEN_TILT_RAD` at any time; and, while it is supposed to stand or
    walk and has stood up before, when its trunk touches the ground or its base is lower than `FALLEN_HEIGHT_M`.

    Args:
        truth: True state.
        walking: Whether the command is to stand or walk (False for "rest" and "sit", where lying is no fall).

    Returns:
        Whether it has fallen.
    """
    if max(abs(truth.roll), abs(truth.pitch)) > FALLEN_TILT_RAD:
        return True
    if not (walking and truth.has_stood):
        return False
    return truth.trunk_contact or truth.height < FALLEN_HEIGHT_M


def roll_pitch(rotation: Array) -> tuple[float, float]:
    """Read roll and pitch off a rotation matrix (z-y-x convention).

    Args:
        rotation: Base in world, shape (3, 3).

    Returns:
        Roll and pitch [rad].
    """
    roll = math.atan2(rotation[2, 1], rotation[2, 2])
    return roll, math.atan2(-rotation[2, 0], math.hypot(rotation[2, 1], rotation[2, 2]))
