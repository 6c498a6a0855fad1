"""Rigid-body dynamics of four legs on a moving base.

Recursive Newton-Euler in link frames (Luh, Walker and Paul, "On-line computational scheme for mechanical manipulators",
1980), written out for the hinge axes x, y, y.
"""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.body import LeggedBody
from controllers.robot.interface import N_JOINTS, N_LEGS
from controllers.robot.kernel_input import kernel_input

Array = npt.NDArray[np.float64]
Vector = tuple[float, float, float]


@njit(cache=True, inline="always")
def _sum(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


@njit(cache=True, inline="always")
def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


@njit(cache=True, inline="always")
def _about_x(c: float, s: float, v: Vector) -> Vector:
    return (v[0], c * v[1] - s * v[2], s * v[1] + c * v[2])


@njit(cache=True, inline="always")
def _about_y(c: float, s: float, v: Vector) -> Vector:
    return (c * v[0] + s * v[2], v[1], -s * v[0] + c * v[2])


@njit(cache=True)
def _acceleration_at(acceleration: Vector, spin_rate: Vector, spin: Vector, r: Vector) -> Vector:
    return _sum(acceleration, _sum(_cross(spin_rate, r), _cross(spin, _cross(spin, r))))


@njit(cache=True)
def _wrench(
    mass: float, com: Array, inertia: Array, acceleration: Vector, spin_rate: Vector, spin: Vector
) -> tuple[Vector, Vector]:
    """Force and moment about the link's origin that this motion of the link needs, link frame."""
    c = (com[0], com[1], com[2])
    a = _acceleration_at(acceleration, spin_rate, spin, c)
    force = (mass * a[0], mass * a[1], mass * a[2])
    i = inertia
    momentum = (
        i[0, 0] * spin[0] + i[0, 1] * spin[1] + i[0, 2] * spin[2],
        i[1, 0] * spin[0] + i[1, 1] * spin[1] + i[1, 2] * spin[2],
        i[2, 0] * spin[0] + i[2, 1] * spin[1] + i[2, 2] * spin[2],
    )
    rate = (
        i[0, 0] * spin_rate[0] + i[0, 1] * spin_rate[1] + i[0, 2] * spin_rate[2],
        i[1, 0] * spin_rate[0] + i[1, 1] * spin_rate[1] + i[1, 2] * spin_rate[2],
        i[2, 0] * spin_rate[0] + i[2, 1] * spin_rate[1] + i[2, 2] * spin_rate[2],
    )
    return force, _sum(_sum(rate, _cross(spin, momentum)), _cross(c, force))


@njit(cache=True)
def inverse_dynamics_kernel(
    geometry: Array,
    link_mass: Array,
    link_com: Array,
    link_inertia: Array,
    armature: Array,
    damping: Array,
    joint_position: Array,
    joint_velocity: Array,
    joint_acceleration: Array,
    base_acceleration: Array,
    base_spin: Array,
    base_spin_rate: Array,
    torques: Array,
) -> None:
    """Find the joint torques of a motion with no force on the feet.

    Args:
        geometry: Hip position, thigh, calf and foot offset of each leg, shape (4, 4, 3) [m].
        link_mass: Shape (4, 3) [kg].
        link_com: Link frames, shape (4, 3, 3) [m].
        link_inertia: About the centres of mass, link frames, shape (4, 3, 3, 3) [kg·m²].
        armature: Shape (12,) [kg·m²].
        damping: Shape (12,) [N·m·s/rad].
        joint_position: Shape (12,) [rad].
        joint_velocity: Shape (12,) [rad/s].
        joint_acceleration: Shape (12,) [rad/s²].
        base_acceleration: Acceleration of the base origin less gravity (what an accelerometer there reads), base frame,
            shape (3,) [m/s²].
        base_spin: Angular velocity of the base, base frame, shape (3,) [rad/s].
        base_spin_rate: Angular acceleration of the base, base frame, shape (3,) [rad/s²].
        torques: Out: shape (12,) [N·m].
    """
    a0 = (base_acceleration[0], base_acceleration[1], base_acceleration[2])
    w0 = (base_spin[0], base_spin[1], base_spin[2])
    z0 = (base_spin_rate[0], base_spin_rate[1], base_spin_rate[2])
    for leg in range(4):
        j = 3 * leg
        g = geometry[leg]
        c1, s1 = math.cos(joint_position[j]), math.sin(joint_position[j])
        c2, s2 = math.cos(joint_position[j + 1]), math.sin(joint_position[j + 1])
        c3, s3 = math.cos(joint_position[j + 2]), math.sin(joint_position[j + 2])
        thigh = (g[1, 0], g[1, 1], g[1, 2])
        calf = (g[2, 0], g[2, 1], g[2, 2])
        # Outward: motion of each link's origin in its own frame.
        a1 = _about_x(c1, -s1, _acceleration_at(a0, z0, w0, (g[0, 0], g[0, 1], g[0, 2])))
        w1 = _about_x(c1, -s1, w0)
        turn = (joint_velocity[j], 0.0, 0.0)
        z1 = _sum(_about_x(c1, -s1, z0), _sum(_cross(w1, turn), (joint_acceleration[j], 0.0, 0.0)))
        w1 = _sum(w1, turn)
        a2 = _about_y(c2, -s2, _acceleration_at(a1, z1, w1, thigh))
        w2 = _about_y(c2, -s2, w1)
        turn = (0.0, joint_velocity[j + 1], 0.0)
        z2 = _sum(_about_y(c2, -s2, z1), _sum(_cross(w2, turn), (0.0, joint_acceleration[j + 1], 0.0)))
        w2 = _sum(w2, turn)
        a3 = _about_y(c3, -s3, _acceleration_at(a2, z2, w2, calf))
        w3 = _about_y(c3, -s3, w2)
        turn = (0.0, joint_velocity[j + 2], 0.0)
        z3 = _sum(_about_y(c3, -s3, z2), _sum(_cross(w3, turn), (0.0, joint_acceleration[j + 2], 0.0)))
        w3 = _sum(w3, turn)
        # Inward: each link carries what it needs and what the next one needs.
        f3, n3 = _wrench(link_mass[leg, 2], link_com[leg, 2], link_inertia[leg, 2], a3, z3, w3)
        f2, n2 = _wrench(link_mass[leg, 1], link_com[leg, 1], link_inertia[leg, 1], a2, z2, w2)
        carried = _about_y(c3, s3, f3)
        n2 = _sum(n2, _sum(_about_y(c3, s3, n3), _cross(calf, carried)))
        f2 = _sum(f2, carried)
        _f1, n1 = _wrench(link_mass[leg, 0], link_com[leg, 0], link_inertia[leg, 0], a1, z1, w1)
        carried = _about_y(c2, s2, f2)
        n1 = _sum(n1, _sum(_about_y(c2, s2, n2), _cross(thigh, carried)))
        torques[j] = n1[0]
        torques[j + 1] = n2[1]
        torques[j + 2] = n3[1]
        for k in range(j, j + 3):
            torques[k] += armature[k] * joint_acceleration[k] + damping[k] * joint_velocity[k]


@njit(cache=True)
def mass_matrix_kernel(
    geometry: Array,
    link_mass: Array,
    link_com: Array,
    link_inertia: Array,
    armature: Array,
    joint_position: Array,
    matrices: Array,
) -> None:
    """Find each leg's joint-space inertia with the base held.

    Args:
        geometry: Hip position, thigh, calf and foot offset of each leg, shape (4, 4, 3) [m].
        link_mass: Shape (4, 3) [kg].
        link_com: Link frames, shape (4, 3, 3) [m].
        link_inertia: About the centres of mass, link frames, shape (4, 3, 3, 3) [kg·m²].
        armature: Shape (12,) [kg·m²].
        joint_position: Shape (12,) [rad].
        matrices: Out: shape (4, 3, 3) [kg·m²].
    """
    still = np.zeros(3)
    zero = np.zeros(12)
    unit = np.zeros(12)
    column = np.empty(12)
    for i in range(3):
        # With the base held, the legs do not feel each other: one sweep gives a column for all four.
        unit[:] = 0.0
        unit[i::3] = 1.0
        inverse_dynamics_kernel(
            geometry,
            link_mass,
            link_com,
            link_inertia,
            armature,
            zero,
            joint_position,
            zero,
            unit,
            still,
            still,
            still,
            column,
        )
        for leg in range(4):
            for k in range(3):
                matrices[leg, k, i] = column[3 * leg + k]


class LegDynamics:
    """Dynamics of all four legs of one robot."""

    def __init__(self, body: LeggedBody) -> None:
        """Pack a robot for the kernels.

        Args:
            body: Geometry and masses; a `RobotDescription` is one.
        """
        self._geometry = body.packed()
        self._links = (np.array(body.link_mass), np.array(body.link_com), np.array(body.link_inertia))
        self._armature = np.array(body.armature)
        self._damping = np.array(body.damping)
        self._no_damping = np.zeros(N_JOINTS)
        self._still = np.zeros(3)

    def leg_inverse_dynamics(
        self,
        joint_position: Array,
        joint_velocity: Array,
        joint_acceleration: Array,
        gravity_body: Array,
        angular_velocity_body: Array,
        linear_acceleration_body: Array | None = None,
        angular_acceleration_body: Array | None = None,
        damped: bool = False,
    ) -> Array:
        """Find the joint torques of a motion with no force on the feet.

        Args:
            joint_position: Shape (12,) [rad].
            joint_velocity: Shape (12,) [rad/s].
            joint_acceleration: Shape (12,) [rad/s²].
            gravity_body: Gravity in the base frame (0, 0, -9.81 for a level base), shape (3,) [m/s²].
            angular_velocity_body: Base frame, shape (3,) [rad/s].
            linear_acceleration_body: Acceleration of the base origin against the world, base frame, shape (3,) [m/s²];
                None for none.
            angular_acceleration_body: Base frame, shape (3,) [rad/s²]; None for none.
            damped: Whether to add what the joints' viscous friction takes.

        Returns:
            Torques, rotor inertia included, shape (12,) [N·m].
        """
        torques = np.empty(N_JOINTS)
        acceleration = -gravity_body if linear_acceleration_body is None else linear_acceleration_body - gravity_body
        inverse_dynamics_kernel(
            self._geometry,
            *self._links,
            self._armature,
            self._damping if damped else self._no_damping,
            kernel_input(joint_position),
            kernel_input(joint_velocity),
            kernel_input(joint_acceleration),
            kernel_input(acceleration),
            kernel_input(angular_velocity_body),
            self._still if angular_acceleration_body is None else kernel_input(angular_acceleration_body),
            torques,
        )
        return torques

    def leg_mass_matrices(self, joint_position: Array) -> Array:
        """Find each leg's joint-space inertia with the base held, rotor inertia included.

        Args:
            joint_position: Shape (12,) [rad].

        Returns:
            One matrix for each leg, shape (4, 3, 3) [kg·m²].
        """
        matrices = np.empty((N_LEGS, 3, 3))
        mass_matrix_kernel(self._geometry, *self._links, self._armature, kernel_input(joint_position), matrices)
        return matrices
