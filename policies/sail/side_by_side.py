"""A video of what a planner imagined beside what happened."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.execution import Rollout
from sim.video import write_video

Image = npt.NDArray[np.uint8]

# Each pixel becomes a square of this side, since pictures of 64 pixels are too small to look at.
MAGNIFIED = 4
PICTURES_PER_SECOND = 20
MARGIN = 8


def frames_of(rollout: Rollout) -> Iterator[Image]:
    """Put the imagined frame of each moment beside the picture of it.

    Args:
        rollout: With its episode.

    Yields:
        Imagined on the left, real on the right, one picture per state, shape (H, W, 3).

    Raises:
        InvalidValue: The episode was not recorded.
    """
    if rollout.episode is None:
        raise InvalidValue("a rollout must be recorded to be shown, its episode is missing")
    real = next(iter(rollout.episode.images.values()))
    for moment, picture in enumerate(real):
        number = max(int(np.searchsorted(rollout.made_at, moment, side="right")) - 1, 0)
        plan, since = rollout.plans[number], moment - rollout.made_at[number]
        imagined = plan.frames[min(round(since / plan.steps_per_frame), len(plan.frames) - 1)]
        gap = np.full((picture.shape[0] * MAGNIFIED, MARGIN, 3), 255, dtype=np.uint8)
        yield np.hstack([_larger(imagined), gap, _larger(picture)])


def write_side_by_side(path: Path, rollout: Rollout) -> int:
    """Write the video.

    Args:
        path: The MP4 file.
        rollout: With its episode.

    Returns:
        Number of pictures.
    """
    draft = path.with_name(f"draft_{path.name}")
    count = write_video(draft, frames_of(rollout), PICTURES_PER_SECOND)
    draft.replace(path)
    return count


def _larger(image: Image) -> Image:
    return image.repeat(MAGNIFIED, axis=0).repeat(MAGNIFIED, axis=1)
