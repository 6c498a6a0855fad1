"""Welds payloads to the base of a compiled model and takes them off again."""

from collections.abc import Sequence

import mujoco
import numpy as np
import numpy.typing as npt

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
        rotation = np.empty(9)
        mujoco.mju_quat2Mat(rotation, self._bare[3])
        rotation = rotation.reshape(3, 3)
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
            mujoco.mju_mat2Quat(model.body_iquat[base], np.ascontiguousarray(axes).ravel())
        else:
            # The stored originals rather than a composition of one, so that a payload leaves no rounding behind.
            model.body_mass[base], model.body_ipos[base] = self._bare[0], self._bare[1]
            model.body_inertia[base], model.body_iquat[base] = self._bare[2], self._bare[3]
        mujoco.mj_setConst(model, self._scratch)

    def wrench(self, rotation: Array, point: Array, gravity: Array, motion: Array | None) -> Array:
        """Compute what the payloads do to the robot.

        Args:
            rotation: Base in world, shape (3, 3).
            point: Point that torques refer to, base frame, shape (3,) [m].
            gravity: World frame, shape (3,) [m/s²].
            motion: None for the weight alone; for the inertial reaction as well, the acceleration of the base
                origin (world), the angular velocity and the angular acceleration (both base frame), shape (9,).

        Returns:
            Force and torque, world axes, shape (6,) [N, N·m].
        """
        out = np.zeros(6)
        for load in self.loads:
            # All in the base frame, rotated at the end.
            force = load.mass * (rotation.T @ gravity)
            torque = np.zeros(3)
            if motion is not None:
                omega, alpha = motion[3:6], motion[6:9]
                spin = np.cross(omega, np.cross(omega, load.com)) + np.cross(alpha, load.com)
                force = force - load.mass * (rotation.T @ motion[:3] + spin)
                torque = -load.inertia @ alpha - np.cross(omega, load.inertia @ omega)
            out[:3] += rotation @ force
            out[3:] += rotation @ (torque + np.cross(load.com - point, force))
        return out
