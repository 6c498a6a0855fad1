"""The whole robot lumped into one rigid body."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.robot.body import LeggedBody
from controllers.robot.kernel_input import kernel_input

Array = npt.NDArray[np.float64]


@njit(cache=True)
def _gather(
    mass: float, com: Array, inertia: Array, rotation: Array, origin: Array, first: Array, second: Array
) -> None:
    """Add a body to the first moment and to the inertia about the base origin."""
    r = np.empty(3)
    for i in range(3):
        r[i] = origin[i] + rotation[i, 0] * com[0] + rotation[i, 1] * com[1] + rotation[i, 2] * com[2]
        first[i] += mass * r[i]
    square = r[0] * r[0] + r[1] * r[1] + r[2] * r[2]
    for i in range(3):
        second[i, i] += mass * square
        for k in range(3):
            turned = -mass * r[i] * r[k]
            for m in range(3):
                for n in range(3):
                    turned += rotation[i, m] * inertia[m, n] * rotation[k, n]
            second[i, k] += turned


@njit(cache=True)
def composite_kernel(
    geometry: Array,
    base_mass: float,
    base_com: Array,
    base_inertia: Array,
    link_mass: Array,
    link_com: Array,
    link_inertia: Array,
    joint_position: Array,
    com: Array,
    inertia: Array,
) -> float:
    """Lump the whole robot into one rigid body.

    Args:
        geometry: Hip position, thigh, calf and foot offset of each leg, shape (4, 4, 3) [m].
        base_mass: [kg].
        base_com: Base frame, shape (3,) [m].
        base_inertia: About `base_com`, shape (3, 3) [kg·m²].
        link_mass: Shape (4, 3) [kg].
        link_com: Link frames, shape (4, 3, 3) [m].
        link_inertia: About the centres of mass, link frames, shape (4, 3, 3, 3) [kg·m²].
        joint_position: Shape (12,) [rad].
        com: Out: centre of mass in the base frame, shape (3,) [m].
        inertia: Out: about that centre, along the base axes, shape (3, 3) [kg·m²].

    Returns:
        Total mass [kg].
    """
    com[:] = 0.0
    inertia[:] = 0.0
    rotation = np.eye(3)
    origin = np.zeros(3)
    total = base_mass
    _gather(base_mass, base_com, base_inertia, rotation, origin, com, inertia)
    for leg in range(4):
        g = geometry[leg]
        c, s = math.cos(joint_position[3 * leg]), math.sin(joint_position[3 * leg])
        pitch = 0.0
        origin[:] = 0.0
        rotation[:] = 0.0
        for i in range(3):
            rotation[i, i] = 1.0
        for link in range(3):
            for i in range(3):
                origin[i] += rotation[i, 0] * g[link, 0] + rotation[i, 1] * g[link, 1] + rotation[i, 2] * g[link, 2]
            if link > 0:
                pitch += joint_position[3 * leg + link]
            cp, sp = math.cos(pitch), math.sin(pitch)
            rotation[0, 0], rotation[0, 1], rotation[0, 2] = cp, 0.0, sp
            rotation[1, 0], rotation[1, 1], rotation[1, 2] = s * sp, c, -s * cp
            rotation[2, 0], rotation[2, 1], rotation[2, 2] = -c * sp, s, c * cp
            total += link_mass[leg, link]
            _gather(link_mass[leg, link], link_com[leg, link], link_inertia[leg, link], rotation, origin, com, inertia)
    square = 0.0
    for i in range(3):
        com[i] /= total
        square += com[i] * com[i]
    for i in range(3):
        inertia[i, i] -= total * square
        for k in range(3):
            inertia[i, k] += total * com[i] * com[k]
    return total


class CompositeBody:
    """Mass, centre of mass and inertia of one robot as its legs move."""

    def __init__(self, body: LeggedBody) -> None:
        """Pack a robot for the kernel.

        Args:
            body: Geometry and masses; a `RobotDescription` is one.
        """
        self._geometry = body.packed()
        self._base = (body.base_mass, np.array(body.base_com), np.array(body.base_inertia))
        self._links = (np.array(body.link_mass), np.array(body.link_com), np.array(body.link_inertia))

    def at(self, joint_position: Array) -> tuple[float, Array, Array]:
        """Lump the robot at a joint configuration.

        Args:
            joint_position: Shape (12,) [rad].

        Returns:
            Mass [kg]; centre of mass in the base frame, shape (3,) [m]; inertia about it along the base axes,
            shape (3, 3) [kg·m²].
        """
        com, inertia = np.empty(3), np.empty((3, 3))
        mass = composite_kernel(self._geometry, *self._base, *self._links, kernel_input(joint_position), com, inertia)
        return mass, com, inertia
