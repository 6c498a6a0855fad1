"""Shows what a planner imagines beside what happens."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import imageio.v2 as imageio
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.execution import Rollout
from policies.video.planner import Plan
from sim.episodes import Episode
from sim.overlay import annotate
from sim.video import write_video

Image = npt.NDArray[np.uint8]

ENLARGED = 5
GAP = 4
CAPTION = 36
PAPER = 245
FRAMES_PER_SECOND = 20
# The last picture stays this long [s].
LAST_S = 1.0


def plan_strip(plans: Sequence[Plan], enlarged: int = 2) -> Image:
    """Lay plans out: a row for each, the present first, then what is imagined.

    Args:
        plans: Plans with as many frames.
        enlarged: Factor of each picture.

    Returns:
        Pixels, shape (H, W, 3).

    Raises:
        InvalidValue: There are none.
    """
    if not plans:
        raise InvalidValue("a strip needs at least one plan, got none")
    rows = []
    for plan in plans:
        cells = [np.pad(_enlarge(f, enlarged), ((2, 2), (2, 2), (0, 0)), constant_values=PAPER) for f in plan.frames]
        rows.append(np.concatenate(cells, axis=1))
    return np.concatenate(rows, axis=0)


def write_strip(path: Path, rollout: Rollout, rows: int = 6) -> None:
    """Write some plans of a rollout as a picture.

    Args:
        path: A PNG file.
        rollout: The rollout.
        rows: At most this many plans, spread over it.
    """
    chosen = np.unique(np.linspace(0, len(rollout.plans) - 1, rows).astype(int))
    path.parent.mkdir(parents=True, exist_ok=True)
    imageio.imwrite(path, plan_strip([rollout.plans[i] for i in chosen]))


def side_by_side(rollout: Rollout, camera: str, label: str) -> Iterator[Image]:
    """Draw a rollout: what was imagined for each moment beside what then was.

    Args:
        rollout: Recorded.
        camera: Which pictures.
        label: What is shown, for the caption.

    Yields:
        Pixels of each step.

    Raises:
        InvalidValue: It was not recorded.
    """
    episode = _recorded(rollout)
    for step, real in enumerate(episode.images[camera]):
        number = int(np.searchsorted(rollout.made_at, step, side="right")) - 1
        plan = rollout.plans[number]
        frame = min((step - rollout.made_at[number]) / plan.steps_per_frame, len(plan.frames) - 1.0)
        left, right = _enlarge(plan.frames[round(frame)], ENLARGED), _enlarge(real, ENLARGED)
        gap = np.full((left.shape[0], GAP, 3), PAPER, np.uint8)
        both = np.concatenate([left, gap, right], axis=1)
        done = "   success" if episode.success[: step + 1].any() else ""
        head = np.full((2 * CAPTION, both.shape[1], 3), PAPER, np.uint8)
        text = f"{label}   confidence {plan.confidence:.2f}"
        below = f"imagined | real   step {step}{done}"
        yield _even(np.concatenate([annotate(head, [(text, None), (below, None)]), both], axis=0))


def write_side_by_side(path: Path, rollout: Rollout, camera: str, label: str) -> int:
    """Write a rollout as a video.

    Args:
        path: An MP4 file.
        rollout: Recorded.
        camera: Which pictures.
        label: What is shown, for the caption.

    Returns:
        Number of pictures written.

    Raises:
        InvalidValue: It was not recorded.
    """
    pictures = list(side_by_side(rollout, camera, label))
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_video(path, [*pictures, *[pictures[-1]] * int(LAST_S * FRAMES_PER_SECOND)], FRAMES_PER_SECOND)


def _recorded(rollout: Rollout) -> Episode:
    if rollout.episode is None:
        raise InvalidValue(f"the rollout of '{rollout.task}' with seed {rollout.seed} was not recorded")
    return rollout.episode


def _enlarge(image: Image, factor: int) -> Image:
    return np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)


def _even(picture: Image) -> Image:
    """Videos have even sides."""
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), constant_values=PAPER)
