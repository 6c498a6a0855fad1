"""For how many frames a plan is followed before the next one is made.

Looking again soon keeps a hand exact where a task was demonstrated. But a future that is drawn anew every few steps can
be a small one each time, and a hand that is about to press stands still: who has hardly moved follows the next plan for
longer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CommitmentConfig:
    """Settings of a commitment.

    Attributes:
        frames: That are acted out of each plan.
        stalled_m: Who moved less than this since the last plan was made follows the next one for longer [m]; 0 never.
        stalled_frames: That are acted out then; plans of fewer frames are followed to their end.
    """

    frames: int = 1
    stalled_m: float = 0.03
    stalled_frames: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be followed.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name in ("frames", "stalled_frames"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"CommitmentConfig.{name} must be at least 1, got {getattr(self, name)}")
        if not (np.isfinite(self.stalled_m) and self.stalled_m >= 0.0):
            raise InvalidValue(f"CommitmentConfig.stalled_m must be finite and not negative, got {self.stalled_m}")


class Commitment:
    """Remembers where the last plan was made."""

    def __init__(self, config: CommitmentConfig) -> None:
        """Begin an episode.

        Args:
            config: Settings.
        """
        self._config = config
        self._last: Array | None = None

    def begin(self, place: Array) -> int:
        """Begin to follow a plan.

        Args:
            place: Where hand or body is, shape (D,) [m].

        Returns:
            For how many frames.
        """
        last, self._last = self._last, place.copy()
        stalled = last is not None and float(np.linalg.norm(place - last)) < self._config.stalled_m
        return max(self._config.stalled_frames, self._config.frames) if stalled else self._config.frames
