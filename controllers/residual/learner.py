"""The protocol of residual learners.

The nominal single-rigid-body model says

    M ν̇ + h = J_u u,        ν = [v; ω],

and a learner estimates the wrench d that is missing on the right-hand side. Everything is
expressed in the heading frame: origin at the nominal centre of mass, z up, x along the yaw of
the base. A constant payload and a constant push along the body are constants there, however the
robot turns.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass
class LearnerInputs:
    """States along a horizon of N nodes (N = 1 for a measurement).

    Attributes:
        state: Roll, pitch, height error [rad, rad, m], velocity (3) [m/s] and angular velocity (3) [rad/s]
            in the heading frame, shape (N, 9).
        contact_wrench: Sum of the commanded foot forces and of their moments about the centre of mass,
            heading frame, shape (N, 6) [N, N·m].
        contacts: 1 where a foot is scheduled to carry load, shape (N, 4).
        gait_phase: Phase of the gait cycle in [0, 1), shape (N,).
    """

    state: Array
    contact_wrench: Array
    contacts: Array
    gait_phase: Array


@dataclass
class ResidualMeasurement:
    """What one control interval revealed.

    Attributes:
        inputs: State and wrench at the start of the interval (N = 1).
        velocity: Velocity and angular velocity at the end of the interval, heading frame, shape (6,).
        acceleration: Mean measured acceleration over the interval, shape (6,) [m/s², rad/s²].
        nominal_acceleration: What the nominal model predicts from the applied forces, shape (6,).
        mass: Nominal mass [kg].
        inertia: Nominal rotational inertia about the centre of mass, heading frame, shape (3, 3) [kg·m²].
        dt: Length of the interval [s].
        contacts_changed: Whether the set of feet in contact changed within the interval.
        valid: False when the forces of the interval are not known (solver failed, robot fell).
        slipping: Whether a foot slipped within the interval: what it bore is known badly.
    """

    inputs: LearnerInputs
    velocity: Array
    acceleration: Array
    nominal_acceleration: Array
    mass: float
    inertia: Array
    dt: float
    contacts_changed: bool = False
    valid: bool = True
    slipping: bool = False

    def residual_wrench(self) -> Array:
        """Return M (ν̇ − ν̇_nominal): the wrench that the model missed, shape (6,) [N, N·m]."""
        difference = self.acceleration - self.nominal_acceleration
        return np.concatenate((self.mass * difference[:3], self.inertia @ difference[3:]))


class ResidualLearner(Protocol):
    """Learns a wrench online; the MPC does not know which learner it has."""

    def predict(self, inputs: LearnerInputs) -> Array:
        """Return the bounded residual wrench at each node, shape (N, 6) [N, N·m], heading frame."""
        ...

    def update(self, measurement: ResidualMeasurement) -> None:
        """Learn from one interval; a measurement that is invalid or not finite leaves the estimate alone."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


@runtime_checkable
class UncertainLearner(Protocol):
    """A learner that can tell how far its predictions may be off."""

    def standard_deviation(self, inputs: LearnerInputs) -> Array:
        """Return the standard deviation of the wrench at each node, shape (N, 6) [N, N·m], and change nothing."""
        ...


@runtime_checkable
class SustainedLearner(Protocol):
    """A learner that can part what stays from what the gait repeats."""

    def sustained(self, inputs: LearnerInputs) -> Array:
        """Return the wrench now without what averages out over a gait cycle, shape (6,) [N, N·m], heading frame."""
        ...
