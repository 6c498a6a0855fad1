"""What goes wrong between robots that tell one another where they are: noise, delay, lost messages.

Every robot sends its state once a period. What others know of it is the latest message that they received, from which
they extrapolate nothing: the message's age times the sender's speed limit is added to its radius instead, together
with the bound of the noise, so that gaps are underestimated. Messages are lost for each receiver apart. A sender whose
message is older than `stale_s` counts as a mover that does not cooperate. At the start all know where all are. Each
robot knows its own state, and the obstacles, exactly.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from controllers.safety.agents import Agents, SensingConfig
from controllers.safety.graph import Neighbourhood, perceive
from controllers.safety.obstacles import Obstacles

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Faults:
    """How bad communication is.

    Attributes:
        position_noise_m: Errors of positions are uniform in a disc of this radius [m].
        velocity_noise_mps: Errors of velocities are uniform in a disc of this radius [m/s].
        delay_steps: Periods that every message takes.
        loss: Probability that a message does not arrive.
        stale_s: Age beyond which a sender counts as one that does not cooperate [s].
        inflate: Whether radii grow by what may be wrong with a message.
    """

    position_noise_m: float = 0.0
    velocity_noise_mps: float = 0.0
    delay_steps: int = 0
    loss: float = 0.0
    stale_s: float = 1.0
    inflate: bool = True

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises:
            InvalidValue: Names the field.
        """
        for name in ("position_noise_m", "velocity_noise_mps", "delay_steps", "stale_s"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0.0):
                raise InvalidValue(f"Faults.{name} must be finite and not negative, got {value}")
        if not 0.0 <= self.loss < 1.0:
            raise InvalidValue(f"Faults.loss must lie in [0, 1), got {self.loss}")


class Messages:
    """What each robot of S scenes knows of the A − 1 others."""

    def __init__(self, faults: Faults, dt: float, seed: int) -> None:
        """Start where all know where all are.

        Args:
            faults: How bad communication is.
            dt: Control period [s].
            seed: Seed.
        """
        self.faults = faults
        self.dt = dt
        self.rng = np.random.default_rng(seed)
        self.sent: list[Agents] = []
        self.position = np.zeros(0)
        self.velocity = np.zeros(0)
        self.tail = np.zeros(0)
        self.age = np.zeros(0)

    def observe(self, sensing: SensingConfig, agents: Agents, obstacles: Obstacles, stall: Array) -> Neighbourhood:
        """Send and receive for one period, and build each robot's own neighbourhood.

        Args:
            sensing: Range and slots.
            agents: Where all robots are, S scenes with A places.
            obstacles: What does not move.
            stall: Time without progress, shape (S, A) [s].

        Returns:
            Neighbourhoods of S·A rows; neighbours have no row numbers.
        """
        s, a = agents.radius.shape
        self._receive(agents)
        others = np.array([[j for j in range(a) if j != i] for i in range(a)], dtype=np.int64).reshape(a, a - 1)
        ego = np.arange(a)[:, None]

        def view(own: Array, told: Array) -> Array:
            # First the robot itself, then what it was told of the others: (S, A, A, …) to (S·A, A, …).
            seen = np.concatenate((own[:, :, None], told[:, ego, others]), axis=2)
            return np.ascontiguousarray(seen.reshape((s * a, a, *own.shape[2:])))

        def same(array: Array) -> Array:
            return np.broadcast_to(array[:, None], (s, a, *array.shape[1:]))

        faults = self.faults
        error = faults.position_noise_m + self.age * same(agents.speed)
        radius = same(agents.radius) + (error if faults.inflate else 0.0)
        seen = Agents(
            view(agents.position, self.position),
            view(agents.velocity, self.velocity),
            view(agents.goal, same(agents.goal)),
            view(agents.radius, radius),
            view(agents.speed, same(agents.speed)),
            view(agents.tail, self.tail),
            view(agents.present, same(agents.present)),
            view(agents.cooperative, same(agents.cooperative) & (self.age <= faults.stale_s)),
        )
        around = Obstacles(
            *(
                np.repeat(array, a, axis=0)
                for array in (obstacles.corners, obstacles.count, obstacles.radius, obstacles.lower, obstacles.upper)
            )
        )
        return perceive(sensing, seen, around, stall.reshape(s * a, 1), egos=1)

    def _receive(self, agents: Agents) -> None:
        s, a = agents.radius.shape
        faults = self.faults
        if not self.age.size:
            self.position, self.velocity, self.tail = (
                np.repeat(array[:, None], a, axis=1) for array in (agents.position, agents.velocity, agents.tail)
            )
            self.age = np.full((s, a, a), -self.dt)
        self.age = self.age + self.dt
        self.sent.append(agents)
        if len(self.sent) <= faults.delay_steps:
            return
        message = self.sent.pop(0)
        arrives = self.rng.random((s, a, a)) >= faults.loss
        for known, true, noise in (
            (self.position, message.position, faults.position_noise_m),
            (self.velocity, message.velocity, faults.velocity_noise_mps),
            (self.tail, message.tail, 0.0),
        ):
            told = np.broadcast_to(true[:, None], known.shape) + self._error(known.shape, noise)
            known[arrives] = told[arrives]
        self.age[arrives] = faults.delay_steps * self.dt

    def _error(self, shape: tuple[int, ...], bound: float) -> Array:
        if bound == 0.0:
            return np.zeros(shape)
        angle = self.rng.uniform(0.0, 2.0 * np.pi, shape[:-1])
        length = bound * np.sqrt(self.rng.random(shape[:-1]))
        return np.stack((length * np.cos(angle), length * np.sin(angle)), axis=-1)

    def keep(self, chosen: BoolArray) -> None:
        """Drop scenes that need not go on.

        Args:
            chosen: Which scenes stay, shape (S,).
        """
        self.sent = [
            Agents(
                m.position[chosen],
                m.velocity[chosen],
                m.goal[chosen],
                m.radius[chosen],
                m.speed[chosen],
                m.tail[chosen],
                m.present[chosen],
                m.cooperative[chosen],
            )
            for m in self.sent
        ]
        if self.age.size:
            self.position, self.velocity = self.position[chosen], self.velocity[chosen]
            self.tail, self.age = self.tail[chosen], self.age[chosen]
