"""The robots of a batch of scenes, and what they can sense."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SensingConfig:
    """What a robot can sense and how much of it is kept.

    Attributes:
        sensing_range: Distance of heads within which neighbours are seen [m]. It must reach beyond the sum of two
            radii by what two robots can travel in one period, else the filter learns of a neighbour too late.
        neighbours: Slots for neighbours; the nearest are kept.
        obstacles: Slots for obstacles (arena sides included); the nearest are kept.
        dt: Control period [s].
    """

    sensing_range: float
    neighbours: int = 16
    obstacles: int = 8
    dt: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        if not self.sensing_range > 0.0:
            raise InvalidValue(f"SensingConfig.sensing_range must be positive, got {self.sensing_range}")
        if not (np.isfinite(self.dt) and self.dt > 0.0):
            raise InvalidValue(f"SensingConfig.dt must be positive and finite, got {self.dt}")
        for name in ("neighbours", "obstacles"):
            if getattr(self, name) < 0:
                raise InvalidValue(f"SensingConfig.{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True)
class Agents:
    """The robots of S scenes with A places each.

    Attributes:
        position: Heads, world frame, shape (S, A, 2) [m].
        velocity: Velocities, world frame, shape (S, A, 2) [m/s].
        goal: Goals, world frame, shape (S, A, 2) [m].
        radius: Radii, with whatever the dynamics and the senses ask for on top, shape (S, A) [m].
        speed: Speed limits of the heads, shape (S, A) [m/s].
        tail: From head to tail, shape (S, A, 2) [m].
        present: False leaves a place empty, shape (S, A).
        cooperative: False for movers that run no filter, or whose state is old, shape (S, A).
    """

    position: Array
    velocity: Array
    goal: Array
    radius: Array
    speed: Array
    tail: Array
    present: BoolArray
    cooperative: BoolArray

    @classmethod
    def of(
        cls,
        position: npt.ArrayLike,
        goal: npt.ArrayLike,
        radius: npt.ArrayLike,
        speed: npt.ArrayLike,
        velocity: npt.ArrayLike = 0.0,
        tail: npt.ArrayLike = 0.0,
        present: npt.ArrayLike = True,
        cooperative: npt.ArrayLike = True,
    ) -> "Agents":
        """Make agents from arrays that broadcast to the shapes of the attributes.

        Args:
            position: Heads, shape (S, A, 2) [m].
            goal: Goals, (S, A, 2) [m].
            radius: Radii, (S, A) [m].
            speed: Speed limits, (S, A) [m/s].
            velocity: Velocities, (S, A, 2) [m/s].
            tail: From head to tail, (S, A, 2) [m].
            present: Which places are taken, (S, A).
            cooperative: Which robots run a filter, (S, A).

        Returns:
            The agents. A robot with a position or velocity that is not finite must be left out by `present`.

        Raises:
            InvalidValue: A shape does not fit, or a value is not finite or negative where it must not be.
        """
        place = np.asarray(position, dtype=np.float64)
        if place.ndim != 3 or place.shape[2] != 2:
            raise InvalidValue(f"Agents.position must have shape (S, A, 2), got {place.shape}")
        flat = place.shape[:2]
        there = np.broadcast_to(np.asarray(present, dtype=np.bool_), flat)
        arrays = []
        for name, value, shape in (
            ("position", place, place.shape),
            ("velocity", velocity, place.shape),
            ("goal", goal, place.shape),
            ("radius", radius, flat),
            ("speed", speed, flat),
            ("tail", tail, place.shape),
        ):
            try:
                array = np.ascontiguousarray(np.broadcast_to(np.asarray(value, dtype=np.float64), shape))
            except ValueError as error:
                raise InvalidValue(f"Agents.{name} must broadcast to shape {shape}, got {np.shape(value)}") from error
            if not np.isfinite(array[there]).all():
                raise InvalidValue(f"Agents.{name} must be finite for robots that are present")
            if name in ("radius", "speed") and (array[there] < 0.0).any():
                raise InvalidValue(f"Agents.{name} must not be negative, got {array[there].min()}")
            arrays.append(array)
        friendly = np.ascontiguousarray(np.broadcast_to(np.asarray(cooperative, dtype=np.bool_), flat))
        place, moving, goals, radii, speeds, tails = arrays
        return cls(place, moving, goals, radii, speeds, tails, np.ascontiguousarray(there), friendly)
