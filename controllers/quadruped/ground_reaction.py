"""What the ground did to the feet, beside what it was asked for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.quadruped.adaptation import add_impulse
from controllers.quadruped.body import BodyState
from controllers.robot.interface import BaseEstimate
from controllers.robot.kinematics import forward_kernel, move_jacobians

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroundReactionConfig:
    """Tuning of the average.

    Attributes:
        time_constant: Of the average [s]; a stride or longer, so that the swing of the gait cancels.
    """

    time_constant: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.0 < self.time_constant <= 10.0:
            raise InvalidValue(f"GroundReactionConfig.time_constant must lie in (0, 10], got {self.time_constant}")


# |det J| of a leg so stretched that its torques tell little of the force [m³]; a standing Go2 has 0.013.
LEAST_VOLUME = 1e-3


@njit(cache=True)
def move_forces(
    geometry: Array, joint_position: Array, rotation: Array, underfoot: Array, forces: Array, moved: Array
) -> None:
    """Find the forces under the feet that turn the joints like forces at their centres do.

    Both follow from the same torques, J_cᵀ f_c = J_uᵀ f_u. With a foot of centimetres a sideways force seems some 7 %
    larger at the centre, whose lever about the hip is shorter.

    Args:
        geometry: Packed leg geometry, shape (4, 4, 3) [m].
        joint_position: Shape (12,) [rad].
        rotation: Base to world, shape (3, 3).
        underfoot: From the centres of the feet to where the ground touches them, world, shape (3,) [m].
        forces: At the centres, world, shape (4, 3) [N].
        moved: Output: where the ground touches, world, shape (4, 3) [N]; NaN for a leg that is stretched out.
    """
    feet = np.empty((4, 3))
    centres = np.empty((4, 3, 3))
    forward_kernel(geometry, joint_position, feet, centres)
    touching = centres.copy()
    move_jacobians(joint_position, rotation, underfoot, touching)
    for leg in range(4):
        torque = centres[leg].T @ (rotation.T @ forces[leg])
        j = touching[leg]
        # By Cramer's rule for J_uᵀ x = torque, whose rows are the columns of J_u.
        a, b, c = j[:, 0].copy(), j[:, 1].copy(), j[:, 2].copy()
        bc, ca, ab = np.cross(b, c), np.cross(c, a), np.cross(a, b)
        volume = np.dot(a, bc)
        if abs(volume) < LEAST_VOLUME:
            moved[leg] = np.nan
        else:
            moved[leg] = rotation @ ((torque[0] * bc + torque[1] * ca + torque[2] * ab) / volume)


@njit(cache=True)
def _follow(
    geometry: Array,
    joint_position: Array,
    rotation: Array,
    underfoot: Array,
    commanded: Array,
    standing: Array,
    measured: Array,
    contact: Array,
    levers: Array,
    yaw: float,
    blend: float,
    average: Array,
) -> None:
    ground = np.empty((4, 3))
    move_forces(geometry, joint_position, rotation, underfoot, measured, ground)
    # The impulse of a second is as much as the force.
    wrench = np.zeros(6)
    add_impulse(commanded, levers, standing, 1.0, wrench)
    add_impulse(ground, levers, contact, -1.0, wrench)
    if not np.isfinite(wrench).all():
        return
    c, s = np.cos(yaw), np.sin(yaw)
    for k in (0, 3):
        average[k] += blend * (c * wrench[k] + s * wrench[k + 1] - average[k])
        average[k + 1] += blend * (c * wrench[k + 1] - s * wrench[k] - average[k + 1])
        average[k + 2] += blend * (wrench[k + 2] - average[k + 2])


class GroundReaction:
    """Averages by how much the commanded forces of the feet exceed those that the joint torques tell of.

    A learner accounts for the forces that were commanded, m a = m g + f + r, because those are what a plan can choose:
    its residual r holds the load w, and also what legs make of commands, which swing, meet the ground and leave it at
    other times than scheduled. The ground's own forces f' leave the load alone, m a = m g + f' + w, so that

        w = r + f − f'

    on average over a stride. Control needs r; who asks what pulls at the robot means w.
    """

    def __init__(self, config: GroundReactionConfig, geometry: Array) -> None:
        """Begin with nothing measured.

        Args:
            config: Tuning.
            geometry: Packed leg geometry, shape (4, 4, 3) [m].
        """
        self.config = config
        self._geometry = geometry
        self._average = np.zeros(6)

    @property
    def excess(self) -> Array:
        """Average of f − f', about the centre of mass, heading frame, shape (6,) [N, N·m]."""
        return self._average.copy()

    def reset(self) -> None:
        """Forget all."""
        self._average[:] = 0.0

    def update(
        self,
        commanded: Array,
        standing: Array,
        estimate: BaseEstimate,
        body: BodyState,
        joint_position: Array,
        underfoot: Array,
        dt: float,
    ) -> None:
        """Take in what happened during one control tick.

        Args:
            commanded: Forces that the feet were told, world, shape (4, 3) [N].
            standing: 1 for feet that were told to stand, shape (4,).
            estimate: Tells the forces of the ground and which feet carry load. Where it does not know the forces, as
                when it came as messages, the average stays as it is.
            body: The robot in world axes.
            joint_position: Shape (12,) [rad].
            underfoot: From the centres of the feet to where the ground touches them, world, shape (3,) [m].
            dt: Length of the tick [s].
        """
        if estimate.ground_force_world is None:
            return
        _follow(
            self._geometry,
            joint_position,
            body.rotation,
            underfoot,
            commanded,
            standing,
            estimate.ground_force_world,
            estimate.contact,
            body.levers,
            body.yaw,
            min(dt / self.config.time_constant, 1.0),
            self._average,
        )
