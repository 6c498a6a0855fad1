"""The velocity that a robot would take alone: straight to its goal, facing the way."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.safety.reading import Reading, Wish
from controllers.safety.settings import refuse_negative

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GoalSeekingConfig:
    """Settings of the way to a goal.

    Attributes:
        speed: Cruising speed [m/s].
        gain: Speed per distance near the goal [1/s].
        yaw_gain: Yaw rate per angle [1/s].
        yaw_rate: Limit of the yaw rate [rad/s].
        tolerance: Distance at which the robot has arrived and stands [m].
    """

    speed: float = 0.5
    gain: float = 1.0
    yaw_gain: float = 1.0
    yaw_rate: float = 0.6
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        refuse_negative(self)


def seek(config: GoalSeekingConfig, own: Reading, goal: Array, time: float) -> Wish:
    """Head for a goal.

    Args:
        config: Settings.
        own: Where the robot is.
        goal: Where it wants to go, shape (2,) [m].
        time: Now [s].

    Returns:
        Velocity in the heading frame; zero within the tolerance of the goal.
    """
    way = goal - own.position
    distance = float(np.linalg.norm(way))
    if not distance > config.tolerance:
        return Wish(time, np.zeros(2))
    off = float(np.arctan2(way[1], way[0])) - own.heading
    off = float(np.arctan2(np.sin(off), np.cos(off)))
    speed = min(config.speed, config.gain * distance)
    # Near the goal the direction to it turns quickly; the robot then keeps its heading.
    keen = min(distance / (4.0 * config.tolerance), 1.0) if config.tolerance > 0.0 else 1.0
    rate = float(np.clip(config.yaw_gain * off * keen, -config.yaw_rate, config.yaw_rate))
    return Wish(time, speed * np.array([np.cos(off), np.sin(off)]), rate)
