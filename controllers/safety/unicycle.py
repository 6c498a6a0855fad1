"""A robot on wheels, driven through a point ahead of its axle.

The head is a point l ahead of the axle. A constant twist moves it along an arc; `command` picks the twist
whose arc ends at z + dt u exactly, tan(ω dt/2) = y / (2 l + x) with the chord (x, y) in the robot's frame, and shortens
the chord where the twist would break a limit (shorter is always allowed, as u = 0 is). At the samples the theorem holds
as it stands. Between them arc and chord, run at constant speed, differ by at most dt²/8 max|z̈| ≤ dt²/8 ω_max
√(v_max² + l² ω_max²); the axle is l from the head. Both go into the radius.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.barrier import VelocityBounds
from controllers.safety.dynamics import require_positive

Array = npt.NDArray[np.float64]

CHORD_HALVINGS = 40


@dataclass(frozen=True)
class Unicycle:
    """ẋ = v cos θ, ẏ = v sin θ, θ̇ = ω. State [x, y, θ], input [v, ω].

    Attributes:
        dt: Control period [s].
        speed: Limit of |v| and of the head's speed [m/s].
        turn_rate: Limit of |ω| [rad/s].
        look_ahead: Distance l from the axle to the head [m].
    """

    dt: float
    speed: float
    turn_rate: float
    look_ahead: float

    def __post_init__(self) -> None:
        """Refuse values that are not positive, or steps that are long for the look-ahead.

        Raises:
            InvalidValue: Names the field.
        """
        require_positive("Unicycle", dt=self.dt, speed=self.speed, turn_rate=self.turn_rate, look_ahead=self.look_ahead)
        if self.speed * self.dt >= self.look_ahead:
            raise InvalidValue(
                f"Unicycle.look_ahead must exceed one step, {self.speed * self.dt} m, got {self.look_ahead}"
            )
        if self.turn_rate * self.dt >= np.pi:
            raise InvalidValue(f"Unicycle.turn_rate must stay below π/dt = {np.pi / self.dt}, got {self.turn_rate}")

    @property
    def head_speed(self) -> float:
        """Largest speed of the head, along the chord of a period [m/s]."""
        return self.speed

    @property
    def radius_margin(self) -> float:
        """Look-ahead distance, and how far an arc may stray from its chord [m]."""
        fastest = np.hypot(self.speed, self.look_ahead * self.turn_rate)
        return self.look_ahead + float(self.dt**2 / 8.0 * self.turn_rate * fastest)

    def rest(self, position: Array, heading: Array) -> Array:
        """Return poses, shape (N, 3)."""
        return np.concatenate((position, heading[:, None]), axis=1)

    def position(self, state: Array) -> Array:
        """Return the axles' centres, shape (N, 2) [m]."""
        return state[:, :2]

    def head(self, state: Array) -> Array:
        """Find the look-ahead points.

        Args:
            state: Poses, shape (N, 3).

        Returns:
            Points, shape (N, 2) [m].
        """
        direction = np.stack((np.cos(state[:, 2]), np.sin(state[:, 2])), axis=1)
        return np.asarray(state[:, :2] + self.look_ahead * direction, dtype=np.float64)

    def tail(self, state: Array) -> Array:
        """Return zeros, shape (N, 2) [m]: the radius covers the robot."""
        return np.zeros((state.shape[0], 2))

    def velocity(self, state: Array) -> Array:
        """Return zeros, shape (N, 2): the state holds no velocity."""
        return np.zeros((state.shape[0], 2))

    def bounds(self, state: Array) -> VelocityBounds:
        """Bound the head's speed; `command` sees to the turn rate."""
        return VelocityBounds.disc(np.full(state.shape[0], self.speed))

    def _twist(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Twist over one period that moves the head by (x, y) in the robot's frame."""
        reach = 2.0 * self.look_ahead + x
        half = np.arctan2(y, reach)
        # The axle's chord lies at half the turn; the arc is longer than it by half / sin(half).
        chord = x * np.cos(half) + y * np.sin(half)
        return chord / np.sinc(half / np.pi), 2.0 * half

    def command(self, state: Array, velocity: Array) -> Array:
        """Find the twists whose arcs end where the heads are to be after one period.

        Args:
            state: Poses, shape (N, 3).
            velocity: Velocities of the heads, no faster than `speed`, shape (N, 2) [m/s].

        Returns:
            Speed and turn rate within their limits, shape (N, 2) [m/s, rad/s]; the chord keeps its direction and is
            shortened where a limit asks for it.
        """
        c, s = np.cos(state[:, 2]), np.sin(state[:, 2])
        chord = self.dt * velocity
        x, y = c * chord[:, 0] + s * chord[:, 1], c * chord[:, 1] - s * chord[:, 0]
        slope = np.tan(0.5 * self.turn_rate * self.dt)
        excess = np.abs(y) - slope * x
        tight = excess > 2.0 * self.look_ahead * slope
        scale = np.where(tight, 2.0 * self.look_ahead * slope / np.where(tight, excess, 1.0), 1.0)
        arc, _ = self._twist(scale * x, scale * y)
        low, high = np.zeros_like(scale), scale
        fast = np.abs(arc) > self.speed * self.dt
        if fast.any():
            for _ in range(CHORD_HALVINGS):
                middle = 0.5 * (low + high)
                arc, _ = self._twist(middle * x, middle * y)
                fits = np.abs(arc) <= self.speed * self.dt
                low, high = np.where(fits, middle, low), np.where(fits, high, middle)
            scale = np.where(fast, low, scale)
        arc, turn = self._twist(scale * x, scale * y)
        return np.stack((arc / self.dt, np.clip(turn / self.dt, -self.turn_rate, self.turn_rate)), axis=1)

    def advance(self, state: Array, command: Array, time: float) -> Array:
        """Move along the arc of a constant twist.

        Args:
            state: Poses at the start of the period, shape (N, 3).
            command: Speeds and turn rates, shape (N, 2) [m/s, rad/s].
            time: Since the start of the period, at most dt [s].

        Returns:
            Poses, shape (N, 3).
        """
        half = 0.5 * time * command[:, 1]
        chord = time * command[:, 0] * np.sinc(half / np.pi)
        middle = state[:, 2] + half
        moved = np.stack((chord * np.cos(middle), chord * np.sin(middle), 2.0 * half), axis=1)
        return np.asarray(state + moved, dtype=np.float64)
