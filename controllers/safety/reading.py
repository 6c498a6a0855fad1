"""What one robot is told: odometry of its own and of others, the velocity that is wanted, and when that came."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """Odometry of one robot, in the frame that all robots share.

    Attributes:
        time: When it was received [s].
        position: Shape (2,) [m].
        heading: Direction of the robot's x axis [rad].
        velocity: World frame, shape (2,) [m/s].
    """

    time: float
    position: Array
    heading: float
    velocity: Array

    def validate(self) -> None:
        """Refuse what is not finite or has the wrong shape.

        Raises:
            InvalidValue: Names the field and what was got.
        """
        for name, shape in (("time", ()), ("position", (2,)), ("heading", ()), ("velocity", (2,))):
            value = getattr(self, name)
            if np.shape(value) != shape:
                raise InvalidValue(f"{name} must have shape {shape}, got {np.shape(value)}")
            if not np.isfinite(value).all():
                raise InvalidValue(f"{name} must be finite, got {np.asarray(value).tolist()}")


@dataclass(frozen=True)
class Wish:
    """The velocity that a planner or an operator asks for, in the heading frame.

    Attributes:
        time: When it was received [s].
        velocity: Forward and left, shape (2,) [m/s].
        yaw_rate: To the left [rad/s].
    """

    time: float
    velocity: Array
    yaw_rate: float = 0.0


@dataclass(frozen=True)
class Observation:
    """All that one robot knows at one instant.

    Attributes:
        time: Now, on the clock of the readings [s].
        own: Newest odometry of its own; None before the first.
        neighbours: Newest odometry of every robot that it must know of, by name; None before the first.
        wish: Newest velocity wanted; None before the first.
        goal: Where the robot wants to go, shape (2,) [m]; None where only the velocity is known.
    """

    time: float
    own: Reading | None
    neighbours: Mapping[str, Reading | None] = field(default_factory=dict)
    wish: Wish | None = None
    goal: Array | None = None
