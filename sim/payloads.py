"""Welds payloads to the base of a compiled model and takes them off again."""

from collections.abc import Sequence

import mujoco
import numpy as np
import numpy.typing as npt

from controllers.rotations import matrix_from_quaternion
from sim.disturbances import Payload, RigidBody, compose

Array = npt.NDArray[np.float64]


class PayloadCarrier:
    """Keeps the inertial parameters of a base body equal to base plus payloads.

    Args:
        model: Compiled world; changed in place.
        base: The body that carries the payloads.
    """

    def __init__(self, model: mujoco.MjModel, base: int) -> None:
        self._model = model
        self._base = base
        # mj_setConst uses its MjData as work space and overwrites qpos, so it must never see the live one.
        self._scratch = mujoco.MjData(model)
        self._bare = (
            float(model.body_mass[base]),
            model.body_ipos[base].copy(),
            model.body_inertia[base].copy(),
            model.body_iquat[base].copy(),
        )
        rotation = matrix_from_quaternion(self._bare[3])
        self.bare = RigidBody(self._bare[0], self._bare[1], rotation @ np.diag(self._bare[2]) @ rotation.T)
        self.loads: tuple[RigidBody, ...] = ()

    @property
    def mass(self) -> float:
        """Mass of all payloads on the base [kg]."""
        return sum(load.mass for load in self.loads)

    def carry(self, payloads: Sequence[Payload], elapsed: float) -> None:
        """Put on the base what it has to carry now, and nothing else.

        Positions and velocities are left as they are: a payload lands with the velocity of the base.

        Args:
            payloads: All payloads of the run.
            elapsed: Time since the reset [s].
        """
        masses = [(payload, payload.mass(elapsed)) for payload in payloads]
        loads = tuple(payload.body(mass) for payload, mass in masses if mass > 0.0)
        if not loads and not self.loads:
            return
        self.loads = loads
        model, base = self._model, self._base
        if loads:
            total = compose((self.bare, *loads))
            moments, axes = np.linalg.eigh(total.inertia)
            if np.linalg.det(axes) < 0.0:
                axes[:, 2] *= -1.0
            model.body_mass[base] = total.mass
            model.body_ipos[base] = total.com
            model.body_inertia[base] = moments
            # MuJoCo's own conversion: a compiled kernel might be compiled here, in the middle of a run.
            mujoco.mju_mat2Quat(model.body_iquat[base], axes.ravel())
        else:
            # The stored originals rather than a composition of one, so that a payload leaves no rounding behind.
            model.body_mass[base], model.body_ipos[base] = self._bare[0], self._bare[1]
            model.body_inertia[base], model.body_iquat[base] = self._bare[2], self._bare[3]
        mujoco.mj_setConst(model, self._scratch)

    def wrenches(self, rotation: Array, point: Array, gravity: Array, motion: Array) -> tuple[Array, Array]:
        """Compute what the payloads do to the robot.

        Args:
            rotation: Base in world, shape (3, 3).
            point: Point that torques refer to, base frame, shape (3,) [m].
            gravity: World frame, shape (3,) [m/s²].
            motion: Acceleration of the base origin (world), angular velocity and angular acceleration (both base
                frame), shape (9,).

        Returns:
            Force and torque, world axes, shape (6,) [N, N·m]: of their weight alone, and with their inertial reaction.
        """
        weight, inertial = np.zeros(6), np.zeros(6)
        # Scalar arithmetic: on three numbers it is several times faster than array operations.
        omega, alpha = motion[3:6].tolist(), motion[6:9].tolist()
        for load in self.loads:
            lever = (rotation @ (load.com - point)).tolist()
            com = load.com.tolist()
            spin = np.add(_cross(omega, _cross(omega, com)), _cross(alpha, com))
            pull = load.mass * gravity
            reaction = pull - load.mass * (motion[:3] + rotation @ spin)
            momentum = (load.inertia @ motion[3:6]).tolist()
            turning = rotation @ (load.inertia @ motion[6:9] + _cross(omega, momentum))
            weight[:3] += pull
            weight[3:] += _cross(lever, pull.tolist())
            inertial[:3] += reaction
            inertial[3:] += _cross(lever, reaction.tolist()) - turning
        return weight, inertial


def _cross(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
