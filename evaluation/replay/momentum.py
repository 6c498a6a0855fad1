r"""How well a residual learner foretells the momentum of the robot, given what its feet really did.

With the forces :math:`f_i` of the feet, as the recorded commands or torques tell them, the nominal model says

.. math:: \dot p = \sum_i f_i + m g, \qquad \dot h = \sum_i r_i \times f_i,

and a learner adds a wrench. What momentum gained beyond the integral of the nominal model is therefore what the learner
should have foretold when it was asked about the horizon. It is compared at fixed times ahead. Nothing here depends on
the forces that the learner's own controller would have commanded, so that every learner is measured on one past.
"""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.quadruped.adaptation import add_impulse
from controllers.quadruped.centroidal import GRAVITY

Array = npt.NDArray[np.float64]

# Samples after which predictions are compared, all at once.
BLOCK = 1024
# A longer gap between readings leaves what happened in it unknown [s].
LONGEST_GAP = 0.02


@njit(cache=True)
def add_tick(
    mass: float,
    inertia_body: Array,
    rotation: Array,
    velocity: Array,
    spin: Array,
    levers: Array,
    forces: Array,
    carrying: Array,
    dt: float,
    impulse: Array,
    surplus: Array,
    inertia: Array,
) -> None:
    """Go on by one tick.

    Args:
        mass: Nominal mass [kg].
        inertia_body: Nominal inertia about the centre of mass, base axes, shape (3, 3) [kg·m²].
        rotation: Base to world, shape (3, 3).
        velocity: Of the centre of mass, world, shape (3,) [m/s].
        spin: Angular velocity, world, shape (3,) [rad/s].
        levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
        forces: Of the ground on the feet since the last tick, world, shape (4, 3) [N].
        carrying: 1 for feet that stood, shape (4,).
        dt: Time since the last tick [s].
        impulse: In and out: what the nominal model accounts for, linear and angular, shape (6,) [N·s, N·m·s].
        surplus: Output, momentum beyond that, shape (6,) [N·s, N·m·s].
        inertia: Output, inertia in world axes, shape (3, 3) [kg·m²].
    """
    add_impulse(forces, levers, carrying, dt, impulse)
    impulse[2] -= dt * mass * GRAVITY
    inertia[:] = rotation @ inertia_body @ rotation.T
    momentum = inertia @ spin
    for i in range(3):
        surplus[i] = mass * velocity[i] - impulse[i]
        surplus[3 + i] = momentum[i] - impulse[3 + i]


class Surplus:
    """The momentum that the nominal model does not account for, over the last ticks.

    Attributes:
        value: At the newest tick, world, shape (6,) [N·s, N·m·s].
        inertia: At the newest tick, world axes, shape (3, 3) [kg·m²].
        stretch: Number of the stretch without gaps to which the newest tick belongs.
    """

    def __init__(self, mass: float, inertia_body: Array) -> None:
        """Begin with nothing known.

        Args:
            mass: Nominal mass [kg].
            inertia_body: Nominal inertia about the centre of mass, base axes, shape (3, 3) [kg·m²].
        """
        self.mass = mass
        self._inertia_body = inertia_body
        self._impulse = np.zeros(6)
        self.value = np.zeros(6)
        self.inertia = np.eye(3)
        self.stretch = 0
        self._time: float | None = None

    def interrupt(self) -> None:
        """Note that what happens from the last tick to the next is not known."""
        self.stretch += 1
        self._time = None

    def advance(
        self, time: float, rotation: Array, velocity: Array, spin: Array, levers: Array, forces: Array, carrying: Array
    ) -> None:
        """Take in a tick.

        Args:
            time: Its time [s].
            rotation: Base to world, shape (3, 3).
            velocity: Of the centre of mass, world, shape (3,) [m/s].
            spin: Angular velocity, world, shape (3,) [rad/s].
            levers: From the centre of mass to where the ground touches the feet, world, shape (4, 3) [m].
            forces: Of the feet since the last tick, world, shape (4, 3) [N].
            carrying: 1 for feet that stood, shape (4,).
        """
        if self._time is not None and time - self._time > LONGEST_GAP:
            self.interrupt()
        dt = 0.0 if self._time is None else time - self._time
        self._time = time
        add_tick(
            self.mass,
            self._inertia_body,
            rotation,
            velocity,
            spin,
            levers,
            forces,
            carrying,
            dt,
            self._impulse,
            self.value,
            self.inertia,
        )


@dataclass
class _Prediction:
    time: float
    stretch: int
    start: Array
    gains: Array
    cosine: float
    sine: float
    inertia: Array


@dataclass
class PredictionErrors:
    """Sums of squared errors of one learner's predictions.

    Attributes:
        ahead: Times ahead at which predictions are compared, shape (K,) [s].
        count: Number of predictions that could be compared with what happened.
        velocity: Sums of squared errors of the velocity along x, y, z of the heading frame, shape (K, 3) [m²/s²].
        spin: The same of the angular velocity, shape (K, 3) [rad²/s²].
    """

    ahead: Array
    count: int = 0
    velocity: Array = field(init=False)
    spin: Array = field(init=False)
    _pending: deque[_Prediction] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.velocity = np.zeros((len(self.ahead), 3))
        self.spin = np.zeros((len(self.ahead), 3))

    def predict(self, time: float, yaw: float, surplus: Surplus, intervals: Array, wrench: Array) -> None:
        """Note what a learner says about the horizon.

        Args:
            time: Time now [s].
            yaw: Of the heading frame in which it speaks [rad].
            surplus: Where momentum stands now.
            intervals: Lengths of the intervals, shape (N,) [s].
            wrench: Wrench in each interval, heading frame, shape (N, 6) [N, N·m].
        """
        ends = np.concatenate(([0.0], np.cumsum(intervals)))
        impulses = np.zeros((len(ends), 6))
        np.cumsum(wrench * intervals[:, None], axis=0, out=impulses[1:])
        # Impulses grow linearly within an interval, and on beyond the last one.
        place = np.minimum(np.searchsorted(ends, self.ahead, side="right") - 1, len(intervals) - 1)
        gains = impulses[place] + (self.ahead - ends[place])[:, None] * wrench[place]
        start, inertia = surplus.value.copy(), surplus.inertia.copy()
        self._pending.append(_Prediction(time, surplus.stretch, start, gains, math.cos(yaw), math.sin(yaw), inertia))

    @property
    def oldest(self) -> float:
        """Time of the oldest prediction that is not settled; infinite without any [s]."""
        return self._pending[0].time if self._pending else math.inf

    def settle(self, times: Array, values: Array, stretches: npt.NDArray[np.int64], mass: float) -> None:
        """Compare predictions with what happened, as far as it has.

        Args:
            times: Of the ticks, shape (T,) [s].
            values: Momentum beyond the nominal model, shape (T, 6).
            stretches: Of the ticks, shape (T,).
            mass: Nominal mass [kg].
        """
        due: list[_Prediction] = []
        while self._pending and self._pending[0].time + self.ahead[-1] <= times[-1]:
            due.append(self._pending.popleft())
        if not due:
            return
        when = np.array([p.time for p in due])[:, None] + self.ahead[None, :]
        after = np.minimum(np.searchsorted(times, when[:, -1] - 1e-9), len(times) - 1)
        whole = stretches[after] == np.array([p.stretch for p in due])
        if not whole.any():
            return
        flat = when.ravel()
        happened = np.stack([np.interp(flat, times, values[:, i]).reshape(when.shape) for i in range(6)], axis=2)
        happened -= np.array([p.start for p in due])[:, None, :]
        c, s = np.array([p.cosine for p in due])[:, None], np.array([p.sine for p in due])[:, None]
        gains = np.array([p.gains for p in due])
        inverse = np.linalg.inv(np.array([p.inertia for p in due]))
        linear = _turned(happened[:, :, :3], c, -s) - gains[:, :, :3]
        # Angular momentum becomes angular velocity in world axes, in which the inertia is known.
        angular = happened[:, :, 3:] - _turned(gains[:, :, 3:], c, s)
        spin = _turned(np.einsum("pij,pkj->pki", inverse, angular), c, -s)
        self.count += int(whole.sum())
        self.velocity += ((linear[whole] / mass) ** 2).sum(axis=0)
        self.spin += (spin[whole] ** 2).sum(axis=0)

    def velocity_rmse(self) -> Array:
        """Return the root mean square of the error of the velocity at each time ahead, shape (K,) [m/s]."""
        return self._root(self.velocity)

    def spin_rmse(self) -> Array:
        """Return the root mean square of the error of the angular velocity at each time ahead, shape (K,) [rad/s]."""
        return self._root(self.spin)

    def _root(self, squares: Array) -> Array:
        if not self.count:
            return np.full(len(self.ahead), np.nan)
        return np.asarray(np.sqrt(squares.sum(axis=1) / self.count))


class Foresight:
    """Compares the predictions of several learners with one past.

    Attributes:
        surplus: The momentum that is to be foretold.
        errors: By learner.
    """

    def __init__(self, mass: float, inertia_body: Array, ahead: Array, learners: Iterable[str]) -> None:
        """Begin with nothing known.

        Args:
            mass: Nominal mass [kg].
            inertia_body: Nominal inertia about the centre of mass, base axes, shape (3, 3) [kg·m²].
            ahead: Times ahead at which predictions are compared, rising, shape (K,) [s].
            learners: Names.
        """
        self.surplus = Surplus(mass, inertia_body)
        self.errors = {name: PredictionErrors(ahead) for name in learners}
        self._times: list[float] = []
        self._values: list[Array] = []
        self._stretches: list[int] = []

    def observe(self, time: float) -> None:
        """Note where `surplus` stands.

        Args:
            time: Time of its newest tick [s].
        """
        self._times.append(time)
        self._values.append(self.surplus.value.copy())
        self._stretches.append(self.surplus.stretch)
        if len(self._times) >= BLOCK:
            self.settle()

    def settle(self) -> None:
        """Compare what can be compared; what lies further ahead waits for more ticks."""
        if not self._times:
            return
        times, values, stretches = np.array(self._times), np.array(self._values), np.array(self._stretches)
        for errors in self.errors.values():
            errors.settle(times, values, stretches, self.surplus.mass)
        oldest = min(errors.oldest for errors in self.errors.values())
        keep = min(max(int(np.searchsorted(times, oldest)) - 1, 0), len(times) - 1)
        del self._times[:keep], self._values[:keep], self._stretches[:keep]


def _turned(vectors: Array, c: Array, s: Array) -> Array:
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return np.stack((c * x - s * y, s * x + c * y, z), axis=-1)
