"""Kinematics of four legs with hip (x), thigh (y) and calf (y) hinges.

The hip frame sits at the hip joint and turns with it, the thigh frame at the thigh joint, and so on; at zero angles
all are parallel to the base. A foot is the centre of its sphere.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.geometry import LegGeometry
from controllers.robot.interface import N_JOINTS, N_LEGS
from controllers.robot.kernel_input import kernel_input

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@njit(cache=True)
def forward_kernel(geometry: Array, joint_position: Array, positions: Array, jacobians: Array) -> None:
    """Place all feet and differentiate their positions.

    Args:
        geometry: Hip position, thigh, calf and foot offset of each leg, shape (4, 4, 3) [m].
        joint_position: Angles, shape (12,) [rad].
        positions: Out: feet in the base frame, shape (4, 3) [m].
        jacobians: Out: derivative of each foot by its leg's three angles, base frame, shape (4, 3, 3) [m/rad].
    """
    for leg in range(4):
        hip, thigh, calf = joint_position[3 * leg], joint_position[3 * leg + 1], joint_position[3 * leg + 2]
        c0, s0 = math.cos(hip), math.sin(hip)
        c1, s1 = math.cos(thigh), math.sin(thigh)
        c2, s2 = math.cos(thigh + calf), math.sin(thigh + calf)
        g = geometry[leg]
        # Foot from the knee, then from the thigh joint, then from the hip joint; all in the hip frame.
        ux = c2 * g[3, 0] + s2 * g[3, 2]
        uz = -s2 * g[3, 0] + c2 * g[3, 2]
        vx = c1 * g[2, 0] + s1 * g[2, 2] + ux
        vz = -s1 * g[2, 0] + c1 * g[2, 2] + uz
        dx = g[1, 0] + vx
        dy = g[1, 1] + g[2, 1] + g[3, 1]
        dz = g[1, 2] + vz
        positions[leg, 0] = g[0, 0] + dx
        positions[leg, 1] = g[0, 1] + c0 * dy - s0 * dz
        positions[leg, 2] = g[0, 2] + s0 * dy + c0 * dz
        jacobians[leg, 0, 0] = 0.0
        jacobians[leg, 1, 0] = -s0 * dy - c0 * dz
        jacobians[leg, 2, 0] = c0 * dy - s0 * dz
        jacobians[leg, 0, 1] = vz
        jacobians[leg, 1, 1] = s0 * vx
        jacobians[leg, 2, 1] = -c0 * vx
        jacobians[leg, 0, 2] = uz
        jacobians[leg, 1, 2] = s0 * ux
        jacobians[leg, 2, 2] = -c0 * ux


@njit(cache=True)
def velocity_kernel(jacobians: Array, joint_velocity: Array, velocities: Array) -> None:
    """Map joint rates to foot velocities.

    Args:
        jacobians: From `forward_kernel`, shape (4, 3, 3) [m/rad].
        joint_velocity: Rates, shape (12,) [rad/s].
        velocities: Out: velocity of each foot relative to the base, base frame, shape (4, 3) [m/s].
    """
    for leg in range(4):
        for i in range(3):
            total = 0.0
            for j in range(3):
                total += jacobians[leg, i, j] * joint_velocity[3 * leg + j]
            velocities[leg, i] = total


@njit(cache=True)
def calf_rate_kernel(joint_position: Array, joint_velocity: Array, rates: Array) -> None:
    """Find how fast each calf turns relative to the base.

    Args:
        joint_position: Angles, shape (12,) [rad].
        joint_velocity: Rates, shape (12,) [rad/s].
        rates: Out: angular velocity of each calf relative to the base, base frame, shape (4, 3) [rad/s].
    """
    for leg in range(4):
        hip = joint_position[3 * leg]
        pitch_rate = joint_velocity[3 * leg + 1] + joint_velocity[3 * leg + 2]
        rates[leg, 0] = joint_velocity[3 * leg]
        rates[leg, 1] = math.cos(hip) * pitch_rate
        rates[leg, 2] = math.sin(hip) * pitch_rate


@njit(cache=True)
def move_jacobians(joint_position: Array, rotation: Array, offset: Array, jacobians: Array) -> None:
    """Make Jacobians of the feet those of another point of each calf.

    Args:
        joint_position: Angles, shape (12,) [rad].
        rotation: Base to world, shape (3, 3).
        offset: From the feet to the points, world, shape (3,) [m].
        jacobians: In and out: derivatives by each leg's three angles, base frame, shape (4, 3, 3) [m/rad].
    """
    x = rotation[0, 0] * offset[0] + rotation[1, 0] * offset[1] + rotation[2, 0] * offset[2]
    y = rotation[0, 1] * offset[0] + rotation[1, 1] * offset[1] + rotation[2, 1] * offset[2]
    z = rotation[0, 2] * offset[0] + rotation[1, 2] * offset[1] + rotation[2, 2] * offset[2]
    for leg in range(4):
        # The hip turns about x; thigh and calf about the y axis that it has turned.
        c, s = math.cos(joint_position[3 * leg]), math.sin(joint_position[3 * leg])
        jacobians[leg, 1, 0] -= z
        jacobians[leg, 2, 0] += y
        for j in range(1, 3):
            jacobians[leg, 0, j] += c * z - s * y
            jacobians[leg, 1, j] += s * x
            jacobians[leg, 2, j] -= c * x


@njit(cache=True)
def _wrapped(angle: float) -> float:
    return angle - 2.0 * math.pi * math.ceil((angle - math.pi) / (2.0 * math.pi))


@njit(cache=True)
def inverse_kernel(geometry: Array, positions: Array, joint_position: Array, reached: Flags) -> None:
    """Find the angles that put each foot at its target, foot below the hip joint and knee bent backward.

    Args:
        geometry: Hip position, thigh, calf and foot offset of each leg, shape (4, 4, 3) [m].
        positions: Targets in the base frame, shape (4, 3) [m].
        joint_position: Out: angles in (-pi, pi], shape (12,) [rad]; joint stops are not looked at.
        reached: Out: whether the target lies in the leg's reach; where not, the foot goes to the nearest reachable
            point on the line from the thigh joint, shape (4,).
    """
    for leg in range(4):
        g = geometry[leg]
        px = positions[leg, 0] - g[0, 0]
        py = positions[leg, 1] - g[0, 1]
        pz = positions[leg, 2] - g[0, 2]
        ok = True
        # The hip turns the leg's plane, which stands off the hip axis by a fixed lever.
        lever = g[1, 1] + g[2, 1] + g[3, 1]
        drop_squared = py * py + pz * pz - lever * lever
        if drop_squared < 0.0:
            drop_squared = 0.0
            ok = False
        dz = -math.sqrt(drop_squared)
        hip = math.atan2(pz, py) - math.atan2(dz, lever)
        # In that plane the thigh and the calf are a two-link arm. Angles are measured from z towards x.
        vx = px - g[1, 0]
        vz = dz - g[1, 2]
        upper = math.sqrt(g[2, 0] ** 2 + g[2, 2] ** 2)
        lower = math.sqrt(g[3, 0] ** 2 + g[3, 2] ** 2)
        cosine = (vx * vx + vz * vz - upper * upper - lower * lower) / (2.0 * upper * lower)
        if cosine > 1.0:
            ok = ok and cosine < 1.0 + 1e-9
            cosine = 1.0
        elif cosine < -1.0:
            ok = ok and cosine > -1.0 - 1e-9
            cosine = -1.0
        calf = math.atan2(g[2, 0], g[2, 2]) - math.atan2(g[3, 0], g[3, 2]) - math.acos(cosine)
        c, s = math.cos(calf), math.sin(calf)
        wx = g[2, 0] + c * g[3, 0] + s * g[3, 2]
        wz = g[2, 2] - s * g[3, 0] + c * g[3, 2]
        joint_position[3 * leg] = _wrapped(hip)
        joint_position[3 * leg + 1] = _wrapped(math.atan2(vx, vz) - math.atan2(wx, wz))
        joint_position[3 * leg + 2] = _wrapped(calf)
        reached[leg] = ok


class LegKinematics:
    """Forward and inverse kinematics of all four legs of one robot."""

    def __init__(self, geometry: LegGeometry) -> None:
        """Pack the geometry for the kernels.

        Args:
            geometry: Where the joints are; a `RobotDescription` is one.
        """
        self.packed = geometry.packed()

    def forward(self, joint_position: Array, positions: Array, jacobians: Array) -> None:
        """Place all feet and differentiate their positions, without allocating.

        The arrays must be writable and contiguous; others work but are compiled for at their first use.

        Args:
            joint_position: Angles, shape (12,) [rad].
            positions: Out: feet in the base frame, shape (4, 3) [m].
            jacobians: Out: derivative of each foot by its leg's angles, base frame, shape (4, 3, 3) [m/rad].
        """
        forward_kernel(self.packed, joint_position, positions, jacobians)

    def foot_positions(self, joint_position: Array) -> Array:
        """Place all feet.

        Args:
            joint_position: Angles, shape (12,) [rad].

        Returns:
            Feet in the base frame, shape (4, 3) [m].
        """
        return self.foot_positions_and_jacobians(joint_position)[0]

    def foot_positions_and_jacobians(self, joint_position: Array) -> tuple[Array, Array]:
        """Place all feet and differentiate their positions.

        Args:
            joint_position: Angles, shape (12,) [rad].

        Returns:
            Feet in the base frame, shape (4, 3) [m]; derivative of each foot by its leg's angles, base frame,
            shape (4, 3, 3) [m/rad].
        """
        positions, jacobians = np.empty((N_LEGS, 3)), np.empty((N_LEGS, 3, 3))
        forward_kernel(self.packed, kernel_input(joint_position), positions, jacobians)
        return positions, jacobians

    def foot_velocities(self, joint_position: Array, joint_velocity: Array) -> Array:
        """Find how fast the feet move relative to the base.

        Args:
            joint_position: Angles, shape (12,) [rad].
            joint_velocity: Rates, shape (12,) [rad/s].

        Returns:
            Velocity of each foot, base frame, shape (4, 3) [m/s].
        """
        velocities = np.empty((N_LEGS, 3))
        velocity_kernel(self.foot_positions_and_jacobians(joint_position)[1], kernel_input(joint_velocity), velocities)
        return velocities

    def calf_rates(self, joint_position: Array, joint_velocity: Array) -> Array:
        """Find how fast each calf turns relative to the base, for feet that roll.

        Args:
            joint_position: Angles, shape (12,) [rad].
            joint_velocity: Rates, shape (12,) [rad/s].

        Returns:
            Angular velocity of each calf relative to the base, base frame, shape (4, 3) [rad/s].
        """
        rates = np.empty((N_LEGS, 3))
        calf_rate_kernel(kernel_input(joint_position), kernel_input(joint_velocity), rates)
        return rates

    def inverse(self, positions: Array) -> tuple[Array, Flags]:
        """Find the angles that put each foot at its target, foot below the hip joint and knee bent backward.

        Args:
            positions: Targets in the base frame, shape (4, 3) [m].

        Returns:
            Angles in (-pi, pi], shape (12,) [rad], joint stops not looked at; whether each target lies in its leg's
            reach, shape (4,). Where not, the leg points at the target as far as it can.
        """
        joint_position, reached = np.empty(N_JOINTS), np.empty(N_LEGS, dtype=np.bool_)
        inverse_kernel(self.packed, kernel_input(positions), joint_position, reached)
        return joint_position, reached
