"""Which feet carry load, with foot sensors or from joint torques alone."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.robot.description import RobotDescription
from controllers.robot.dynamics import inverse_dynamics_kernel
from controllers.robot.interface import N_LEGS, RobotState
from controllers.robot.kinematics import forward_kernel
from controllers.robot.reading import (
    ACCELEROMETER,
    EFFORT,
    FOOT_FORCE,
    GYRO,
    ORIENTATION,
    POSITION,
    READING_SIZE,
    VELOCITY,
    pack_reading,
)
from controllers.rotations import matrix_from_quaternion

Array = npt.NDArray[np.float64]

GRAVITY = 9.81

# Where the kernel finds its constants.
_FILTER_TIME, _LONGEST_STEP, _FRICTION_RATE, _DAMPING_LENGTH, _TOUCHDOWN, _LIFTOFF = range(6)


@dataclass(frozen=True)
class ContactConfig:
    """How contact is decided.

    Attributes:
        use_foot_sensors: Whether to believe foot sensors where there are any.
        touchdown_fraction: Normal force above which a foot stands, as a fraction of the robot's weight.
        liftoff_fraction: Normal force below which a standing foot stands no more; less than `touchdown_fraction`.
        filter_time: Time constant of the low-pass on forces found from torques [s]; 0 for none.
        damping_length: Damping of the inverted leg Jacobian [m]; it bounds the force that torque noise can feign in a
            stretched leg, and shrinks forces by (damping_length / singular value)², 0.3 % in a standing Go2.
        friction_rate: Joint rate at which dry friction has come to tanh(1) of its full value [rad/s].
        longest_step: Age of the last reading beyond which joint accelerations are not derived from it [s].
    """

    use_foot_sensors: bool = True
    touchdown_fraction: float = 0.12
    liftoff_fraction: float = 0.07
    filter_time: float = 0.002
    damping_length: float = 0.01
    friction_rate: float = 0.3
    longest_step: float = 0.02

    def __post_init__(self) -> None:
        """Refuse values with which contact cannot be decided.

        Raises:
            InvalidValue: Names the field, what was got and what is allowed.
        """
        if not isinstance(self.use_foot_sensors, bool):
            raise InvalidValue(f"ContactConfig.use_foot_sensors must be true or false, got {self.use_foot_sensors!r}")
        if not 0.0 < self.liftoff_fraction < self.touchdown_fraction < 1.0:
            raise InvalidValue(
                "ContactConfig needs 0 < liftoff_fraction < touchdown_fraction < 1, got "
                f"liftoff_fraction={self.liftoff_fraction}, touchdown_fraction={self.touchdown_fraction}"
            )
        if not 0.0 <= self.filter_time < math.inf:
            raise InvalidValue(f"ContactConfig.filter_time must be finite and >= 0, got {self.filter_time}")
        for name in ("damping_length", "friction_rate", "longest_step"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise InvalidValue(f"ContactConfig.{name} must be finite and > 0, got {getattr(self, name)}")


@njit(cache=True)
def _solve_damped(jacobian: Array, torque: Array, damping: float, force: Array) -> None:
    """Find f that minimises |J^T f - torque|² + damping² |f|², by Cramer's rule."""
    a = np.empty((3, 3))
    b = np.empty(3)
    for i in range(3):
        b[i] = 0.0
        for k in range(3):
            b[i] += jacobian[i, k] * torque[k]
            a[i, k] = 0.0
            for m in range(3):
                a[i, k] += jacobian[i, m] * jacobian[k, m]
        a[i, i] += damping * damping
    c00 = a[1, 1] * a[2, 2] - a[1, 2] * a[2, 1]
    c01 = a[1, 2] * a[2, 0] - a[1, 0] * a[2, 2]
    c02 = a[1, 0] * a[2, 1] - a[1, 1] * a[2, 0]
    c11 = a[0, 0] * a[2, 2] - a[0, 2] * a[2, 0]
    c12 = a[0, 1] * a[2, 0] - a[0, 0] * a[2, 1]
    c22 = a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0]
    scale = 1.0 / (a[0, 0] * c00 + a[0, 1] * c01 + a[0, 2] * c02)
    force[0] = scale * (c00 * b[0] + c01 * b[1] + c02 * b[2])
    force[1] = scale * (c01 * b[0] + c11 * b[1] + c12 * b[2])
    force[2] = scale * (c02 * b[0] + c12 * b[1] + c22 * b[2])


@njit(cache=True)
def _contact_kernel(
    geometry: Array,
    link_mass: Array,
    link_com: Array,
    link_inertia: Array,
    joints: Array,
    reading: Array,
    previous: Array,
    dt: float,
    constants: Array,
    sensed: bool,
    force_world: Array,
    stands: Array,
    normal: Array,
) -> None:
    """Update the low-passed forces and the contacts; a negative `dt` says that there is no previous reading."""
    blend = 1.0
    if dt >= 0.0 and constants[_FILTER_TIME] > 0.0:
        blend = -math.expm1(-dt / constants[_FILTER_TIME])
    position = reading[POSITION : POSITION + 12]
    velocity = reading[VELOCITY : VELOCITY + 12]
    spin = reading[GYRO : GYRO + 3]
    acceleration = np.zeros(12)
    spin_rate = np.zeros(3)
    if 0.0 < dt <= constants[_LONGEST_STEP]:
        for i in range(12):
            acceleration[i] = (velocity[i] - previous[VELOCITY + i]) / dt
        for i in range(3):
            spin_rate[i] = (spin[i] - previous[GYRO + i]) / dt
    free = np.empty(12)
    inverse_dynamics_kernel(
        geometry,
        link_mass,
        link_com,
        link_inertia,
        joints[0],
        joints[1],
        position,
        velocity,
        acceleration,
        reading[ACCELEROMETER : ACCELEROMETER + 3],
        spin,
        spin_rate,
        free,
    )
    feet = np.empty((4, 3))
    jacobians = np.empty((4, 3, 3))
    forward_kernel(geometry, position, feet, jacobians)
    rotation = matrix_from_quaternion(reading[ORIENTATION : ORIENTATION + 4])
    missing = np.empty(3)
    force = np.empty(3)
    for leg in range(4):
        for k in range(3):
            j = 3 * leg + k
            dry = joints[2, j] * math.tanh(velocity[j] / constants[_FRICTION_RATE])
            missing[k] = free[j] + dry - reading[EFFORT + j]
        _solve_damped(jacobians[leg], missing, constants[_DAMPING_LENGTH], force)
        for i in range(3):
            world = rotation[i, 0] * force[0] + rotation[i, 1] * force[1] + rotation[i, 2] * force[2]
            force_world[leg, i] += blend * (world - force_world[leg, i])
        normal[leg] = reading[FOOT_FORCE + leg] if sensed else force_world[leg, 2]
        stands[leg] = 1.0 if normal[leg] > constants[_LIFTOFF if stands[leg] > 0.5 else _TOUCHDOWN] else 0.0
    previous[:] = reading


class ContactDetector:
    r"""Finds the load on each foot and decides by two thresholds which feet stand.

    The legs' equation of motion :math:`\tau_{id}(q, \dot q, \ddot q) + \tau_{dry} = \tau + J^T f` gives the force of
    the ground on a foot as :math:`f = J^{-T} (\tau_{id} + \tau_{dry} - \tau)`, where the inverse dynamics contain the
    rotors, the joints' viscous friction and the motion of the base (the accelerometer, gravity included, is taken to
    sit at the base origin). Accelerations are backward differences; their noise goes through the same low-pass as all.
    """

    def __init__(self, description: RobotDescription, config: ContactConfig | None = None) -> None:
        """Pack a robot for the kernel.

        Args:
            description: The robot.
            config: How contact is decided.
        """
        self.config = config or ContactConfig()
        self._geometry = description.packed()
        self._links = (description.link_mass.copy(), description.link_com.copy(), description.link_inertia.copy())
        self._joints = np.stack([description.armature, description.damping, description.frictionloss])
        weight = GRAVITY * description.mass
        c = self.config
        self._touchdown = c.touchdown_fraction * weight
        self._liftoff = c.liftoff_fraction * weight
        self._constants = np.array(
            [c.filter_time, c.longest_step, c.friction_rate, c.damping_length, self._touchdown, self._liftoff]
        )
        self._incoming = np.zeros(READING_SIZE)
        self._previous = np.zeros(READING_SIZE)
        self._force_world = np.zeros((N_LEGS, 3))
        self._stands = np.zeros(N_LEGS)
        self._time: float | None = None

    @property
    def touchdown_force(self) -> float:
        """Normal force above which a foot stands [N]."""
        return self._touchdown

    @property
    def liftoff_force(self) -> float:
        """Normal force below which a standing foot stands no more [N]."""
        return self._liftoff

    @property
    def force_world(self) -> Array:
        """Low-passed force of the ground on each foot as the torques tell, world axes, shape (4, 3) [N]."""
        return self._force_world.copy()

    def reset(self) -> None:
        """Forget all readings."""
        self._force_world[:] = 0.0
        self._stands[:] = 0.0
        self._time = None

    def step(self, state: RobotState) -> tuple[Array, Array]:
        """Take a reading in.

        Args:
            state: The reading; later than the last one.

        Returns:
            Force of the ground on each foot along the world's vertical (with sensors: what they report),
            shape (4,) [N]; 1 where a foot stands, else 0, shape (4,).

        Raises:
            InvalidValue: The reading has wrong shapes or values, or is not later than the last one; it is ignored.
        """
        pack_reading(state, self._incoming)
        if self._time is not None and not state.time > self._time:
            raise InvalidValue(f"RobotState.time must increase, got {state.time} after {self._time}")
        return self.step_packed(state.time, self._incoming, state.foot_force is not None)

    def step_packed(self, time: float, reading: Array, sensed: bool) -> tuple[Array, Array]:
        """Take in a reading that `pack_reading` has checked.

        Args:
            time: Later than that of the last reading [s].
            reading: Packed reading, shape (50,).
            sensed: Whether it contains what foot sensors told.

        Returns:
            As `step`.
        """
        normal = np.empty(N_LEGS)
        _contact_kernel(
            self._geometry,
            *self._links,
            self._joints,
            reading,
            self._previous,
            -1.0 if self._time is None else time - self._time,
            self._constants,
            sensed and self.config.use_foot_sensors,
            self._force_world,
            self._stands,
            normal,
        )
        self._time = time
        return normal, self._stands.copy()
