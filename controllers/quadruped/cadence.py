"""How fast a gait is stepped when the body gets away from its reference."""

import math
from dataclasses import dataclass

from controllers.errors import InvalidValue


@dataclass(frozen=True)
class CadenceConfig:
    """Tuning of the cadence.

    Attributes:
        onset: Error of the horizontal velocity up to which the gait keeps its own pace [m/s].
        full: Error from which on it steps as fast as it may [m/s].
        shortest_swing: Shortest swing that a hurried gait may have [s]; one as long as the gait's own never hurries.
        calming: Time constant with which the pace returns [s].
    """

    onset: float = 0.4
    full: float = 0.8
    shortest_swing: float = 0.17
    calming: float = 0.15

    def __post_init__(self) -> None:
        """Refuse settings out of range.

        Raises:
            InvalidValue: Names the setting, what was got and what is allowed.
        """
        if not 0.0 <= self.onset < self.full < math.inf:
            raise InvalidValue(
                f"CadenceConfig must have finite 0 <= onset < full, got onset {self.onset} and full {self.full}"
            )
        for name, low, high in (("shortest_swing", 0.08, 5.0), ("calming", 0.0, 5.0)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise InvalidValue(f"CadenceConfig.{name} must lie in [{low}, {high:g}] s, got {value}")


class Cadence:
    r"""Steps sooner after a shove.

    Between two steps the distance of the capture point from the feet grows by :math:`e^{T\sqrt{g/h}}` (Koolen et al.,
    IJRR 2012), by a factor of 3.5 over the swing of a trot of 0.44 s. What a step can still catch is bounded by the
    length of the legs, so the time until it is what decides whether a fast body is caught.

    Attributes:
        value: Pace, as a multiple of the gait's own.
    """

    def __init__(self, config: CadenceConfig) -> None:
        """Begin at the gait's own pace.

        Args:
            config: Tuning.
        """
        self.config = config
        self.value = 1.0

    def reset(self) -> None:
        """Return to the gait's own pace."""
        self.value = 1.0

    def update(self, error: float, swing_time: float, dt: float, hurried: bool = False) -> float:
        """Choose the pace.

        Args:
            error: How far the horizontal velocity is from its reference [m/s]; one that is not finite counts as none.
            swing_time: How long a leg of the gait swings at its own pace [s].
            dt: Time since the last update [s].
            hurried: Whether to step as fast as the gait may, whatever the error.

        Returns:
            Pace, at least 1.
        """
        c = self.config
        share = min(max((error - c.onset) / (c.full - c.onset), 0.0), 1.0) if math.isfinite(error) else 0.0
        share = 1.0 if hurried else share
        fastest = max(swing_time / c.shortest_swing, 1.0)
        wanted = 1.0 + share * (fastest - 1.0)
        # Hurry begins at once; calm returns slowly, so that a body that sways does not change pace within a step.
        kept = math.exp(-dt / c.calming) if c.calming > 0.0 else 0.0
        self.value = min(max(wanted, wanted + kept * (self.value - wanted)), fastest)
        return self.value
