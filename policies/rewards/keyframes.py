"""Cuts a demonstration into steps where a human would: the gripper acts, or the hand comes to rest."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class KeyframeConfig:
    """Settings of the segmentation.

    Attributes:
        still: Share of the greatest speed of the episode below which the hand counts as resting.
        smoothing: Frames over which the speed is averaged, odd.
        closed: Gripper command from which on it counts as closing; open and close commands are -1 and 1.
        opened: Gripper command up to which it counts as opening; between the two the last state stays.
        gap: Least number of frames between two keyframes.
    """

    still: float = 0.25
    smoothing: int = 5
    closed: float = 0.3
    opened: float = -0.3
    gap: int = 5

    def __post_init__(self) -> None:
        """Refuse what cannot segment.

        Raises:
            InvalidValue: A number is out of range.
        """
        if not 0.0 <= self.still < 1.0:
            raise InvalidValue(f"KeyframeConfig.still must lie in [0, 1), got {self.still}")
        if self.smoothing < 1 or self.smoothing % 2 == 0:
            raise InvalidValue(f"KeyframeConfig.smoothing must be odd and at least 1, got {self.smoothing}")
        if not self.opened <= self.closed:
            raise InvalidValue(f"KeyframeConfig.opened must not exceed closed, got {self.opened} and {self.closed}")
        if self.gap < 1:
            raise InvalidValue(f"KeyframeConfig.gap must be at least 1, got {self.gap}")


def find_keyframes(position: Array, gripper: Array | None = None, config: KeyframeConfig | None = None) -> IntArray:
    """Find the frames between the steps of an episode.

    Gripper events come first, since they are certain; rests of the hand fill in where none is near. James and Davison
    (2022) choose keyframes of demonstrations by the same two signs.

    Args:
        position: Of the hand or the base in each frame, shape (L, D) [m].
        gripper: Command to the gripper in each frame, shape (L,); None for a robot without one.
        config: Settings.

    Returns:
        Increasing frame numbers that begin with 0 and end with L - 1, shape (N + 1,) for N steps.

    Raises:
        InvalidValue: There are fewer than two frames, shapes differ or a number is not finite.
    """
    config = config or KeyframeConfig()
    position = np.asarray(position, dtype=np.float64)
    if position.ndim != 2 or len(position) < 2:
        raise InvalidValue(f"position must have shape (L, D) with at least 2 frames, got {position.shape}")
    command = np.zeros(len(position)) if gripper is None else np.asarray(gripper, dtype=np.float64)
    if command.shape != (len(position),):
        raise InvalidValue(f"gripper must have shape ({len(position)},), got {command.shape}")
    if not (np.isfinite(position).all() and np.isfinite(command).all()):
        raise InvalidValue("position and gripper must be finite in every frame")
    last = len(position) - 1
    chosen = [0, last]
    events = [(frame, frame, frame) for frame in gripper_events(command, config).tolist()]
    for begin, slowest, end in (*events, *rests(position, config)):
        # A rest that the gripper used is no step of its own, however long it lasts.
        if all(other - end >= config.gap or begin - other >= config.gap for other in chosen):
            chosen.append(slowest)
    return np.array(sorted(chosen), dtype=np.int64)


def gripper_events(command: Array, config: KeyframeConfig) -> IntArray:
    """Find where a gripper begins to open or to close.

    Args:
        command: In each frame, shape (L,).
        config: Settings; the two thresholds keep a noisy command from counting many times.

    Returns:
        Frames of the first command of the other kind, shape (K,).
    """
    kind = np.where(command >= config.closed, 1, np.where(command <= config.opened, -1, 0))
    decided = np.flatnonzero(kind)
    if len(decided) == 0:
        return np.zeros(0, dtype=np.int64)
    changes = np.flatnonzero(np.diff(kind[decided])) + 1
    return np.asarray(decided[changes])


def rests(position: Array, config: KeyframeConfig) -> list[tuple[int, int, int]]:
    """Find where a hand moves least before it moves on.

    Args:
        position: In each frame, shape (L, D) [m].
        config: Settings.

    Returns:
        First, slowest (the middle one of equals) and last frame of each time below the threshold that neither begins
        nor ends the episode.
    """
    speed = smooth(np.linalg.norm(np.gradient(position, axis=0), axis=1), config.smoothing)
    resting = np.concatenate([[False], speed < config.still * speed.max(), [False]])
    edges = np.flatnonzero(np.diff(resting.astype(np.int64)))
    found = []
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if begin > 0 and end < len(speed):
            equal = np.flatnonzero(speed[begin:end] <= speed[begin:end].min() + 1e-12)
            found.append((begin, begin + int(equal[len(equal) // 2]), end - 1))
    return found


def smooth(signal: Array, width: int) -> Array:
    """Average a signal over a window that shrinks at both ends.

    Args:
        signal: Shape (L,).
        width: Of the window, odd.

    Returns:
        The average, shape (L,).
    """
    half = width // 2
    total = np.concatenate([[0.0], np.cumsum(signal)])
    index = np.arange(len(signal))
    begin, end = np.maximum(index - half, 0), np.minimum(index + half + 1, len(signal))
    return np.asarray((total[end] - total[begin]) / (end - begin))
