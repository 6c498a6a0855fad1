"""Progress of a demonstration: every step that somebody annotated counts the same, however long it took."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class StepLabels:
    """Points of a demonstration with their progress.

    Attributes:
        frame: Frame of each point, not decreasing, shape (M + 1,).
        progress: 0 at the first point, 1 at the last, in equal steps, shape (M + 1,).
        local_frames: Frames between the neighbours of each point, shape (M + 1,).
    """

    frame: IntArray
    progress: Array
    local_frames: IntArray


def check_keyframes(keyframes: npt.ArrayLike) -> IntArray:
    """Refuse what does not cut an episode.

    Args:
        keyframes: Frame numbers.

    Returns:
        The same as an array, shape (N + 1,).

    Raises:
        InvalidValue: They are fewer than two, do not begin with 0 or do not increase.
    """
    frames = np.asarray(keyframes)
    if frames.ndim != 1 or len(frames) < 2 or not np.issubdtype(frames.dtype, np.integer):
        raise InvalidValue(f"keyframes must be at least 2 whole numbers, got {frames}")
    if frames[0] != 0 or (np.diff(frames) <= 0).any():
        raise InvalidValue(f"keyframes must begin with 0 and increase, got {frames}")
    return frames.astype(np.int64)


def label_steps(keyframes: npt.ArrayLike, chunk: int = 1) -> StepLabels:
    """Put the same number of points on every step (Robo-Dopamine, arXiv 2512.23703, equation 1).

    With L frames, N steps and C frames a point, every step gets ⌊L / (N C)⌋ points, but at least one. Frames repeat
    where a step has fewer frames than points.

    Args:
        keyframes: Increasing frame numbers from 0 to L - 1, shape (N + 1,).
        chunk: C, frames per point on average.

    Returns:
        The labels.

    Raises:
        InvalidValue: The keyframes do not cut an episode, or the chunk is below 1.
    """
    frames = check_keyframes(keyframes)
    if chunk < 1:
        raise InvalidValue(f"chunk must be at least 1, got {chunk}")
    steps = len(frames) - 1
    points = max((int(frames[-1]) + 1) // (steps * chunk), 1)
    progress = np.arange(steps * points + 1) / (steps * points)
    frame = np.rint(np.interp(progress * steps, np.arange(steps + 1), frames)).astype(np.int64)
    after, before = np.append(frame[1:], frame[-1]), np.insert(frame[:-1], 0, frame[0])
    return StepLabels(frame, progress, after - before)


def progress_of_frames(keyframes: npt.ArrayLike) -> Array:
    """Give every frame of a demonstration its progress.

    Args:
        keyframes: Increasing frame numbers from 0 to L - 1, shape (N + 1,).

    Returns:
        Progress, i / N at keyframe i and linear in time between, shape (L,).

    Raises:
        InvalidValue: The keyframes do not cut an episode.
    """
    frames = check_keyframes(keyframes)
    share = np.linspace(0.0, 1.0, len(frames))
    return np.asarray(np.interp(np.arange(frames[-1] + 1), frames, share))
