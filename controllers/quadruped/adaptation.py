"""Feeds a residual learner from what the controller commands and measures, and asks it about the horizon."""

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.quadruped.centroidal import GRAVITY
from controllers.residual.learner import LearnerInputs, ResidualLearner, ResidualMeasurement, UncertainLearner

Array = npt.NDArray[np.float64]


@njit(cache=True)
def add_impulse(forces: Array, levers: Array, carrying: Array, dt: float, impulse: Array) -> None:
    """Add force and moment of the carrying feet over one tick.

    Args:
        forces: Of the ground on the feet, world, shape (4, 3) [N].
        levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
        carrying: 1 for feet that stand, shape (4,).
        dt: Length of the tick [s].
        impulse: In and out: force and moment over time, shape (6,) [N·s, N·m·s].
    """
    for leg in range(4):
        if carrying[leg] > 0.5:
            fx, fy, fz = forces[leg, 0], forces[leg, 1], forces[leg, 2]
            x, y, z = levers[leg, 0], levers[leg, 1], levers[leg, 2]
            impulse[0] += dt * fx
            impulse[1] += dt * fy
            impulse[2] += dt * fz
            impulse[3] += dt * (y * fz - z * fy)
            impulse[4] += dt * (z * fx - x * fz)
            impulse[5] += dt * (x * fy - y * fx)


@njit(cache=True)
def _accelerations(
    mass: float,
    inertia_body: Array,
    rotation: Array,
    yaw: float,
    before: Array,
    velocity: Array,
    spin: Array,
    wrench: Array,
    elapsed: float,
    measured: Array,
    nominal: Array,
    rates: Array,
    inertia: Array,
) -> None:
    """Measured and nominal accelerations of an interval, velocities and inertia, all in the heading frame."""
    c, s = np.cos(yaw), np.sin(yaw)
    heading = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    world = rotation @ inertia_body @ rotation.T
    momentum = world @ spin
    moment = np.empty(3)
    moment[0] = wrench[3] - (spin[1] * momentum[2] - spin[2] * momentum[1])
    moment[1] = wrench[4] - (spin[2] * momentum[0] - spin[0] * momentum[2])
    moment[2] = wrench[5] - (spin[0] * momentum[1] - spin[1] * momentum[0])
    linear = wrench[:3] / mass
    linear[2] -= GRAVITY
    nominal[:3] = heading @ linear
    nominal[3:] = heading @ np.linalg.solve(world, moment)
    measured[:3] = heading @ ((velocity - before[:3]) / elapsed)
    measured[3:] = heading @ ((spin - before[3:]) / elapsed)
    rates[:3] = heading @ velocity
    rates[3:] = heading @ spin
    inertia[:] = heading @ world @ heading.T


class Adaptation:
    """Momentum bookkeeping between two updates of a learner.

    The residual of an interval is the measured change of momentum less what gravity and the
    commanded forces of the feet in contact account for. Forces are averaged over the control ticks
    of the interval, so the update sees what was really commanded, not the first value of a plan.
    """

    def __init__(self, learner: ResidualLearner, mass: float, inertia_body: Array) -> None:
        """Begin with nothing measured.

        Args:
            learner: The learner to feed.
            mass: Nominal mass [kg].
            inertia_body: Nominal inertia about the centre of mass, base axes, shape (3, 3) [kg·m²].
        """
        self.learner = learner
        self._mass = mass
        self._inertia_body = inertia_body
        self._impulse = np.zeros(6)
        self._elapsed = 0.0
        self._start_velocity = np.zeros(6)
        self._open = False
        self._inputs: LearnerInputs | None = None
        self._contacts_changed = False
        self._valid = True
        self._slipping = False

    def reset(self) -> None:
        """Forget the open interval and everything learned."""
        self.learner.reset()
        self.interrupt()

    def interrupt(self) -> None:
        """Forget the open interval but keep what was learned."""
        self._open = False
        self._impulse[:] = 0.0
        self._elapsed = 0.0
        self._contacts_changed = False
        self._valid = True
        self._slipping = False

    def standard_deviation(self) -> Array:
        """Tell how uncertain the learner is of the wrench at the newest update.

        Computed when asked for, so that a controller whose uncertainty nobody reads does not pay for it.

        Returns:
            Standard deviation, heading frame, shape (6,) [N, N·m]; NaN where the learner has none, or before the
            first update.
        """
        if self._inputs is None or not isinstance(self.learner, UncertainLearner):
            return np.full(6, np.nan)
        return np.asarray(self.learner.standard_deviation(self._inputs)[0])

    def accumulate(
        self,
        forces: Array,
        levers: Array,
        carrying: Array,
        dt: float,
        contacts_changed: bool,
        valid: bool,
        slipping: bool = False,
    ) -> None:
        """Add what the feet were told to do during one control tick.

        Args:
            forces: Commanded ground reaction forces, world, shape (4, 3) [N].
            levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
            carrying: 1 for feet that stood, shape (4,).
            dt: Length of the tick [s].
            contacts_changed: Whether the set of standing feet changed.
            valid: Whether the forces are known (the solver had found a plan).
            slipping: Whether a foot slips.
        """
        add_impulse(forces, levers, carrying, dt, self._impulse)
        self._elapsed += dt
        self._contacts_changed |= contacts_changed
        self._valid &= valid
        self._slipping |= slipping

    def update(self, rotation: Array, yaw: float, velocity: Array, spin: Array, now: LearnerInputs) -> None:
        """Close the interval: hand its measurement to the learner and open the next one.

        Args:
            rotation: Base to world, shape (3, 3).
            yaw: Yaw of the base [rad].
            velocity: Of the centre of mass, world, shape (3,) [m/s].
            spin: Angular velocity, world, shape (3,) [rad/s].
            now: State and wrench at this moment (N = 1), for the interval that begins.
        """
        if self._open and self._inputs is not None and self._elapsed > 1e-6:
            measured, nominal, rates, inertia = np.empty(6), np.empty(6), np.empty(6), np.empty((3, 3))
            _accelerations(
                self._mass,
                self._inertia_body,
                rotation,
                yaw,
                self._start_velocity,
                velocity,
                spin,
                self._impulse / self._elapsed,
                self._elapsed,
                measured,
                nominal,
                rates,
                inertia,
            )
            self.learner.update(
                ResidualMeasurement(
                    inputs=self._inputs,
                    velocity=rates,
                    acceleration=measured,
                    nominal_acceleration=nominal,
                    mass=self._mass,
                    inertia=inertia,
                    dt=self._elapsed,
                    contacts_changed=self._contacts_changed,
                    valid=self._valid,
                    slipping=self._slipping,
                )
            )
        self._start_velocity[:3] = velocity
        self._start_velocity[3:] = spin
        self._open = True
        self._inputs = now
        self._impulse[:] = 0.0
        self._elapsed = 0.0
        self._contacts_changed = False
        self._valid = True
        self._slipping = False
