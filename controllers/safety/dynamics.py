"""Robots whose head moves as a single integrator: what the barriers need to know of each kind.

Every kind tells where its head is and which velocities the head may take, and turns a velocity of the head into an
input. The head obeys z⁺ = z + dt u exactly at the samples, and what the robot covers during a period and while it
brakes from its end (u = 0 ever after) stays within the hull of its present segment and the new head. With that the
theorem of `barrier` holds for all of them.

Single integrator: the head is the robot.

First-order lag, T v̇ = u − v: the head z = p + T v has ż = v + (u − v) = u. The robot follows its head, ṗ = (z − p) / T,
and so never leaves the hull of where it was and where the head has been. u = 0 lets it coast to z.

Double integrator, p̈ = a, |a| ≤ A, |v| ≤ V, input held over dt: with T ≥ max(V / A, dt), the input a = (u − v) / T and
the head z = p + (T − dt/2) v one finds z⁺ = p + v dt + a dt²/2 + (T − dt/2)(v + a dt) = z + dt (v + T a) = z + dt u.
At time τ of the period p(τ) = p + τ (1 − τ/2T) v + τ²/(2T) u is a convex combination of p, z and z⁺: the weight of z⁺
is γ = τ²/(2 T dt) ≥ 0, that of z is τ (1 − τ/2T) / (T − dt/2) − γ ≥ 0, and both together are at most dt/T ≤ 1.
v⁺ = (1 − dt/T) v + (dt/T) u keeps |v| ≤ V for |u| ≤ V; |u − v| ≤ A T keeps the acceleration and allows u = 0 because
|v| ≤ V ≤ A T. Braking is exponential: it takes up to twice the shortest stopping distance at full speed, which is the
price of linear constraints that can never contradict one another.

The unicycle has a file of its own, `unicycle`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.barrier import VelocityBounds

Array = npt.NDArray[np.float64]

# Rounding may carry a speed beyond its limit by this share.
SPEED_TOLERANCE = 1e-9


class Dynamics(Protocol):
    """A kind of robot, for N of them at once."""

    @property
    def head_speed(self) -> float:
        """Largest speed of the head [m/s]."""
        ...

    @property
    def radius_margin(self) -> float:
        """What the robot's radius must grow by for the barriers [m]."""
        ...

    def rest(self, position: Array, heading: Array) -> Array:
        """Return states at rest; position (N, 2) [m], heading (N,) [rad], states of shape (N, D)."""
        ...

    def position(self, state: Array) -> Array:
        """Return the robots' centres, shape (N, 2) [m]."""
        ...

    def head(self, state: Array) -> Array:
        """Return the points that the filter drives, shape (N, 2) [m]."""
        ...

    def tail(self, state: Array) -> Array:
        """Return the vectors from the heads to the segments' other ends, shape (N, 2) [m]."""
        ...

    def velocity(self, state: Array) -> Array:
        """Return velocities that others may be told, shape (N, 2) [m/s]."""
        ...

    def bounds(self, state: Array) -> VelocityBounds:
        """Return the velocities that the heads may take."""
        ...

    def command(self, state: Array, velocity: Array) -> Array:
        """Turn velocities of the heads, shape (N, 2) [m/s], into inputs, shape (N, 2)."""
        ...

    def advance(self, state: Array, command: Array, time: float) -> Array:
        """Return the states after holding inputs for `time` ≤ dt [s], shape (N, D)."""
        ...


def require_positive(kind: str, **values: float) -> None:
    """Refuse values that are not positive and finite.

    Args:
        kind: Name of the class whose fields they are.
        values: The fields.

    Raises:
        InvalidValue: Names the field.
    """
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0.0):
            raise InvalidValue(f"{kind}.{name} must be positive and finite, got {value}")


def _slow_enough(kind: str, speed: Array, limit: float) -> None:
    if speed.size and not speed.max() <= limit * (1.0 + SPEED_TOLERANCE):
        raise InvalidValue(f"{kind}: speeds must not exceed {limit} m/s, got {speed.max()}")


@dataclass(frozen=True)
class SingleIntegrator:
    """ṗ = u. State [x, y], input [vx, vy].

    Attributes:
        dt: Control period [s].
        speed: Speed limit [m/s].
    """

    dt: float
    speed: float

    def __post_init__(self) -> None:
        """Refuse values that are not positive."""
        require_positive("SingleIntegrator", dt=self.dt, speed=self.speed)

    @property
    def head_speed(self) -> float:
        """Largest speed of the head [m/s]."""
        return self.speed

    @property
    def radius_margin(self) -> float:
        """None is needed [m]."""
        return 0.0

    def rest(self, position: Array, heading: Array) -> Array:
        """Return the positions, shape (N, 2)."""
        return np.array(position, dtype=np.float64)

    def position(self, state: Array) -> Array:
        """Return the state, shape (N, 2) [m]."""
        return state

    def head(self, state: Array) -> Array:
        """Return the state, shape (N, 2) [m]."""
        return state

    def tail(self, state: Array) -> Array:
        """Return zeros, shape (N, 2) [m]."""
        return np.zeros_like(state)

    def velocity(self, state: Array) -> Array:
        """Return zeros, shape (N, 2): the state holds no velocity."""
        return np.zeros_like(state)

    def bounds(self, state: Array) -> VelocityBounds:
        """Bound the speed."""
        return VelocityBounds.disc(np.full(state.shape[0], self.speed))

    def command(self, state: Array, velocity: Array) -> Array:
        """Return the velocity, shape (N, 2) [m/s]."""
        return velocity

    def advance(self, state: Array, command: Array, time: float) -> Array:
        """Move on a straight line; states have shape (N, 2)."""
        return np.asarray(state + time * command, dtype=np.float64)


@dataclass(frozen=True)
class LaggedVelocity:
    """T v̇ = u − v, a robot that follows velocity commands with a first-order lag, such as a walking quadruped.

    State [x, y, vx, vy], input [vx, vy], both in the world frame.

    Attributes:
        dt: Control period [s].
        speed: Limit of the commanded speed [m/s].
        time_constant: T [s].
        tracking_error: How far the true robot may stray from this model [m].
    """

    dt: float
    speed: float
    time_constant: float
    tracking_error: float = 0.0

    def __post_init__(self) -> None:
        """Refuse values that are not positive."""
        require_positive("LaggedVelocity", dt=self.dt, speed=self.speed, time_constant=self.time_constant)
        if not (np.isfinite(self.tracking_error) and self.tracking_error >= 0.0):
            raise InvalidValue(f"LaggedVelocity.tracking_error must not be negative, got {self.tracking_error}")

    @property
    def head_speed(self) -> float:
        """Largest speed of the head [m/s]."""
        return self.speed

    @property
    def radius_margin(self) -> float:
        """The tracking error [m]."""
        return self.tracking_error

    def rest(self, position: Array, heading: Array) -> Array:
        """Return positions with zero velocity, shape (N, 4)."""
        return np.concatenate((position, np.zeros_like(position)), axis=1)

    def position(self, state: Array) -> Array:
        """Return positions, shape (N, 2) [m]."""
        return state[:, :2]

    def head(self, state: Array) -> Array:
        """Return where the robots would coast to, shape (N, 2) [m]."""
        return np.asarray(state[:, :2] + self.time_constant * state[:, 2:], dtype=np.float64)

    def tail(self, state: Array) -> Array:
        """Return the vectors from there to the robots, shape (N, 2) [m]."""
        return np.asarray(-self.time_constant * state[:, 2:], dtype=np.float64)

    def velocity(self, state: Array) -> Array:
        """Return velocities, shape (N, 2) [m/s]."""
        return state[:, 2:]

    def bounds(self, state: Array) -> VelocityBounds:
        """Bound the commanded speed."""
        return VelocityBounds.disc(np.full(state.shape[0], self.speed))

    def command(self, state: Array, velocity: Array) -> Array:
        """Return the velocity, shape (N, 2) [m/s]."""
        return velocity

    def advance(self, state: Array, command: Array, time: float) -> Array:
        """Follow the exact solution for a constant command.

        Args:
            state: States at the start of the period, shape (N, 4).
            command: Commanded velocities, shape (N, 2) [m/s].
            time: Since the start of the period, at most dt [s].

        Returns:
            States, shape (N, 4).
        """
        left = np.exp(-time / self.time_constant)
        lag = state[:, 2:] - command
        position = state[:, :2] + time * command + self.time_constant * (1.0 - left) * lag
        return np.concatenate((position, command + left * lag), axis=1)


@dataclass(frozen=True)
class DoubleIntegrator:
    """p̈ = a with hard limits. State [x, y, vx, vy], input [ax, ay].

    Attributes:
        dt: Control period [s].
        speed: Speed limit [m/s].
        acceleration: Acceleration limit [m/s²].
        per_axis: Whether the limits hold for each axis; otherwise for lengths of vectors.
        euler: Whether the robot moves as explicit Euler says, p⁺ = p + dt v (some benchmarks do); then the head is
            p + T v.
    """

    dt: float
    speed: float
    acceleration: float
    per_axis: bool = False
    euler: bool = False

    def __post_init__(self) -> None:
        """Refuse values that are not positive."""
        require_positive("DoubleIntegrator", dt=self.dt, speed=self.speed, acceleration=self.acceleration)

    @property
    def brake_time(self) -> float:
        """Time constant T of braking [s]."""
        return max(self.speed / self.acceleration, self.dt)

    @property
    def lead(self) -> float:
        """How far ahead of the robot its head is, in units of its velocity [s]."""
        return self.brake_time if self.euler else self.brake_time - 0.5 * self.dt

    @property
    def head_speed(self) -> float:
        """Largest speed of the head [m/s]."""
        return float(np.sqrt(2.0)) * self.speed if self.per_axis else self.speed

    @property
    def radius_margin(self) -> float:
        """None is needed [m]."""
        return 0.0

    def rest(self, position: Array, heading: Array) -> Array:
        """Return positions with zero velocity, shape (N, 4)."""
        return np.concatenate((position, np.zeros_like(position)), axis=1)

    def position(self, state: Array) -> Array:
        """Return positions, shape (N, 2) [m]."""
        return state[:, :2]

    def head(self, state: Array) -> Array:
        """Return where the robots would stop, shape (N, 2) [m]."""
        return np.asarray(state[:, :2] + self.lead * state[:, 2:], dtype=np.float64)

    def tail(self, state: Array) -> Array:
        """Return the vectors from there to the robots, shape (N, 2) [m]."""
        return np.asarray(-self.lead * state[:, 2:], dtype=np.float64)

    def velocity(self, state: Array) -> Array:
        """Return velocities, shape (N, 2) [m/s]."""
        return state[:, 2:]

    def bounds(self, state: Array) -> VelocityBounds:
        """Bound the head's velocity so that speed and acceleration keep their limits.

        Args:
            state: States, shape (N, 4).

        Returns:
            Bounds that contain zero.

        Raises:
            InvalidValue: A robot is faster than its limit.
        """
        velocity = state[:, 2:]
        n, change = state.shape[0], self.acceleration * self.brake_time
        if self.per_axis:
            _slow_enough("DoubleIntegrator", np.abs(velocity), self.speed)
            low = np.minimum(np.maximum(-self.speed, velocity - change), 0.0)
            high = np.maximum(np.minimum(self.speed, velocity + change), 0.0)
            return VelocityBounds(np.zeros((n, 2, 2)), np.full((n, 2), np.inf), low, high)
        speed = np.linalg.norm(velocity, axis=1)
        _slow_enough("DoubleIntegrator", speed, self.speed)
        centre, radius = np.zeros((n, 2, 2)), np.empty((n, 2))
        centre[:, 1] = velocity
        radius[:, 0], radius[:, 1] = self.speed, np.maximum(change, speed)
        return VelocityBounds(centre, radius, np.full((n, 2), -np.inf), np.full((n, 2), np.inf))

    def command(self, state: Array, velocity: Array) -> Array:
        """Return accelerations that give the heads these velocities, shape (N, 2) [m/s²]."""
        return np.asarray((velocity - state[:, 2:]) / self.brake_time, dtype=np.float64)

    def advance(self, state: Array, command: Array, time: float) -> Array:
        """Move at constant acceleration.

        Args:
            state: States at the start of the period, shape (N, 4).
            command: Accelerations, shape (N, 2) [m/s²].
            time: Since the start of the period, at most dt [s].

        Returns:
            States, shape (N, 4).
        """
        bend = 0.0 if self.euler else 0.5 * time * time
        position = state[:, :2] + time * state[:, 2:] + bend * command
        return np.concatenate((position, state[:, 2:] + time * command), axis=1)
