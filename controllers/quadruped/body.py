"""The moving body in world axes, computed once per control tick."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.interface import BaseEstimate
from controllers.robot.kinematics import forward_kernel
from controllers.rotations import matrix_from_quaternion

Array = npt.NDArray[np.float64]


@njit(cache=True)
def _body_kernel(
    geometry: Array,
    com_body: Array,
    joint_position: Array,
    position: Array,
    orientation: Array,
    velocity_body: Array,
    spin_body: Array,
    underfoot: Array,
    rotation: Array,
    feet: Array,
    levers: Array,
    com: Array,
    base_velocity: Array,
    velocity: Array,
    spin: Array,
) -> tuple[float, float, float]:
    rotation[:] = matrix_from_quaternion(orientation)
    feet_body = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    forward_kernel(geometry, joint_position, feet_body, jacobians)
    arm = np.empty(3)
    for i in range(3):
        a = v = w = 0.0
        for j in range(3):
            a += rotation[i, j] * com_body[j]
            v += rotation[i, j] * velocity_body[j]
            w += rotation[i, j] * spin_body[j]
        arm[i] = a
        com[i] = position[i] + a
        base_velocity[i] = v
        spin[i] = w
    velocity[0] = base_velocity[0] + spin[1] * arm[2] - spin[2] * arm[1]
    velocity[1] = base_velocity[1] + spin[2] * arm[0] - spin[0] * arm[2]
    velocity[2] = base_velocity[2] + spin[0] * arm[1] - spin[1] * arm[0]
    for leg in range(4):
        for i in range(3):
            s = position[i]
            for j in range(3):
                s += rotation[i, j] * feet_body[leg, j]
            feet[leg, i] = s
            levers[leg, i] = s + underfoot[i] - com[i]
    yaw = np.arctan2(rotation[1, 0], rotation[0, 0])
    roll = np.arctan2(rotation[2, 1], rotation[2, 2])
    pitch = -np.arcsin(min(max(rotation[2, 0], -1.0), 1.0))
    return roll, pitch, yaw


@dataclass
class BodyState:
    """Pose, twist and feet of the robot, world axes.

    Attributes:
        rotation: Base to world, shape (3, 3).
        feet: Centres of the feet, shape (4, 3) [m].
        levers: From the centre of mass to where the ground touches the feet, shape (4, 3) [m].
        base_position: Origin of the base, shape (3,) [m].
        base_velocity: Velocity of the base origin, shape (3,) [m/s].
        com: Nominal centre of mass, shape (3,) [m].
        velocity: Its velocity, shape (3,) [m/s].
        spin_body: Angular velocity, base frame, shape (3,) [rad/s].
        spin: Angular velocity, world, shape (3,) [rad/s].
        roll: Roll [rad].
        pitch: Pitch [rad].
        yaw: Yaw [rad], continuous over turns.
    """

    rotation: Array = field(default_factory=lambda: np.eye(3))
    feet: Array = field(default_factory=lambda: np.zeros((4, 3)))
    levers: Array = field(default_factory=lambda: np.zeros((4, 3)))
    base_position: Array = field(default_factory=lambda: np.zeros(3))
    base_velocity: Array = field(default_factory=lambda: np.zeros(3))
    com: Array = field(default_factory=lambda: np.zeros(3))
    velocity: Array = field(default_factory=lambda: np.zeros(3))
    spin_body: Array = field(default_factory=lambda: np.zeros(3))
    spin: Array = field(default_factory=lambda: np.zeros(3))
    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0

    def update(
        self, geometry: Array, com_body: Array, joint_position: Array, estimate: BaseEstimate, underfoot: Array
    ) -> None:
        """Recompute everything from a reading.

        Args:
            geometry: Packed leg geometry, shape (4, 4, 3) [m].
            com_body: Nominal centre of mass in the base frame, shape (3,) [m].
            joint_position: Joint angles, shape (12,) [rad].
            estimate: Pose and twist of the base.
            underfoot: From the centres of standing feet to where the ground touches them, world, shape (3,) [m].
        """
        self.base_position = estimate.position_world
        self.spin_body = estimate.angular_velocity_body
        self.roll, self.pitch, yaw = _body_kernel(
            geometry,
            com_body,
            joint_position,
            estimate.position_world,
            estimate.orientation,
            estimate.velocity_body,
            estimate.angular_velocity_body,
            underfoot,
            self.rotation,
            self.feet,
            self.levers,
            self.com,
            self.base_velocity,
            self.velocity,
            self.spin,
        )
        self.yaw += (yaw - self.yaw + np.pi) % (2.0 * np.pi) - np.pi
