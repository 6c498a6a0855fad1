"""Where swinging feet should land."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from controllers.errors import InvalidValue
from controllers.quadruped.centroidal import GRAVITY

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FootholdConfig:
    """Tuning of the foothold rule.

    Attributes:
        capture_gain: Multiple of the capture-point time √(h/g) applied to the velocity error.
        max_step: Largest distance between foothold and the point under the hip, per axis [m].
        reach: Largest distance of a foothold from its hip, as a share of the straight leg's length: a foot that comes
            down further away bears nothing.
        stance_width: Extra sideways distance of each foot from the point under the hip [m].
    """

    capture_gain: float = 1.0
    max_step: float = 0.3
    reach: float = 0.93
    stance_width: float = 0.0

    def __post_init__(self) -> None:
        """Refuse settings out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.0 <= self.capture_gain <= 3.0:
            raise InvalidValue(f"FootholdConfig.capture_gain must lie in [0, 3], got {self.capture_gain}")
        if not 0.0 < self.max_step <= 1.0:
            raise InvalidValue(f"FootholdConfig.max_step must lie in (0, 1] m, got {self.max_step}")
        if not 0.5 <= self.reach <= 1.0:
            raise InvalidValue(f"FootholdConfig.reach must lie in [0.5, 1], got {self.reach}")
        if not -0.2 <= self.stance_width <= 0.2:
            raise InvalidValue(f"FootholdConfig.stance_width must lie in [-0.2, 0.2] m, got {self.stance_width}")


def foothold_offset(
    config: FootholdConfig,
    velocity: Array,
    velocity_reference: Array,
    yaw_rate_reference: float,
    height: float,
    stance_time: float,
) -> Array:
    r"""Distance of a foothold from the point under its hip at touchdown.

    :math:`\tfrac12 T_s \bar v + k\sqrt{h/g}\,(v-\bar v) + \tfrac{h}{g}\, v\times\bar\omega`: Raibert's
    neutral point (Legged Robots That Balance, 1986), the step that captures the velocity error of a
    linear inverted pendulum, and the lean of a turn. It holds in any frame with z up, as long as
    both velocities are in the same one.

    Args:
        config: Tuning.
        velocity: Velocity of the body, at least shape (2,) [m/s].
        velocity_reference: Commanded velocity, same frame, at least shape (2,) [m/s].
        yaw_rate_reference: Commanded turning rate [rad/s].
        height: Height of the centre of mass above the ground [m].
        stance_time: Time that the foot will stand [s].

    Returns:
        Offset in the frame of the velocities, each component within `max_step`, shape (2,) [m].
    """
    return _offset(
        velocity,
        velocity_reference,
        yaw_rate_reference,
        height,
        stance_time,
        config.capture_gain,
        config.max_step,
    )


@njit(cache=True)
def _offset(
    velocity: Array,
    velocity_reference: Array,
    yaw_rate_reference: float,
    height: float,
    stance_time: float,
    capture_gain: float,
    limit: float,
) -> Array:
    fall = capture_gain * np.sqrt(max(height, 0.05) / GRAVITY)
    lean = height / GRAVITY * yaw_rate_reference
    out = np.empty(2)
    for i in range(2):
        out[i] = 0.5 * stance_time * velocity_reference[i] + fall * (velocity[i] - velocity_reference[i])
    out[0] += lean * velocity[1]
    out[1] -= lean * velocity[0]
    for i in range(2):
        out[i] = min(max(out[i], -limit), limit)
    return out
