"""What was imagined, what then was, and how progress was judged, beside each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageDraw

from sim.overlay import annotate
from sim.video import write_video

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

SIDE, GAP, HEAD = 320, 4, 56
PAPER = 245
MARGIN = 24
INK, CURVE, DOUBT = (60, 66, 76), (38, 84, 214), (176, 190, 226)
# The last picture stays this long [s].
LAST_S = 1.0


@dataclass(frozen=True)
class PlanShown:
    """A plan as it is shown.

    Attributes:
        time: When the picture was taken that it begins with [s].
        frames: The present and the imagined, shape (K + 1, size, size, 3).
        frame_period: Between frames [s].
        confidence: Of the plan.
    """

    time: float
    frames: Image
    frame_period: float
    confidence: float


@dataclass(frozen=True)
class Judged:
    """A judgement as it is shown.

    Attributes:
        time: Of the state that it is about [s].
        progress: From 0 to 1.
        deviation: Standard deviation of its error.
    """

    time: float
    progress: float
    deviation: float


@dataclass(frozen=True)
class TaskShown:
    """A run to show.

    Attributes:
        label: What was done.
        times: Of all pictures [s].
        pictures: What was, shape (size, size, 3) each.
        plans: In order of time.
        judgements: In order of time; empty where nobody judged.
        success_at: When the task succeeded [s]; None where it did not.
    """

    label: str
    times: Sequence[float]
    pictures: Sequence[Image]
    plans: Sequence[PlanShown]
    judgements: Sequence[Judged]
    success_at: float | None


def imagined_at(plans: Sequence[PlanShown], time: float) -> tuple[Image | None, float]:
    """Find what was imagined for a moment.

    Args:
        plans: In order of time.
        time: The moment [s].

    Returns:
        The frame of the newest plan, and its confidence; None and 0 before the first.
    """
    made = [plan for plan in plans if plan.time <= time + 1e-9]
    if not made:
        return None, 0.0
    plan = made[-1]
    number = round(min((time - plan.time) / plan.frame_period, len(plan.frames) - 1.0))
    return plan.frames[number], plan.confidence


def draw_curve(judgements: Sequence[Judged], time: float, begin: float, end: float) -> Image:
    """Draw progress up to a moment, with a band of its deviation.

    Args:
        judgements: In order of time.
        time: The moment [s].
        begin: Time at the left [s].
        end: Time at the right [s].

    Returns:
        Pixels, shape (SIDE, SIDE, 3).
    """
    image = PilImage.new("RGB", (SIDE, SIDE), (PAPER, PAPER, PAPER))
    draw = ImageDraw.Draw(image)
    room = SIDE - 2 * MARGIN

    def place(at: float, progress: float) -> tuple[float, float]:
        return MARGIN + room * (at - begin) / max(end - begin, 1e-9), SIDE - MARGIN - room * min(
            max(progress, 0.0), 1.0
        )

    for progress in (0.0, 0.5, 1.0):
        draw.line((place(begin, progress), place(end, progress)), fill=(210, 214, 220))
    seen = [j for j in judgements if j.time <= time + 1e-9]
    for judged in seen:
        low, high = judged.progress - judged.deviation, judged.progress + judged.deviation
        draw.line((place(judged.time, low), place(judged.time, high)), fill=DOUBT, width=2)
    if len(seen) > 1:
        draw.line([place(j.time, j.progress) for j in seen], fill=CURVE, width=3)
    draw.rectangle((MARGIN, MARGIN, SIDE - MARGIN, SIDE - MARGIN), outline=INK)
    told = f"progress {seen[-1].progress:.2f}" if seen else "progress: nobody judges yet"
    draw.text((MARGIN + 6, MARGIN + 6), told, fill=INK)
    return np.asarray(image)


def draw_task(task: TaskShown) -> Iterator[Image]:
    """Draw each moment of a run: imagined, real, progress.

    Args:
        task: The run.

    Yields:
        Pixels, all of one even size.
    """
    nothing = np.full((SIDE, SIDE, 3), PAPER, np.uint8)
    gap = np.full((SIDE, GAP, 3), PAPER, np.uint8)
    for time, real in zip(task.times, task.pictures, strict=True):
        frame, confidence = imagined_at(task.plans, time)
        left = nothing if frame is None else _fit(frame)
        curve = draw_curve(task.judgements, time, task.times[0], task.times[-1])
        row = np.concatenate([left, gap, _fit(real), gap, curve], axis=1)
        head = np.full((HEAD, row.shape[1], 3), PAPER, np.uint8)
        done = "   success" if task.success_at is not None and time >= task.success_at - 1e-9 else ""
        lines = [
            (f"{task.label}   confidence {confidence:.2f}", None),
            (f"imagined | real | progress   t = {time - task.times[0]:5.2f} s{done}", None),
        ]
        yield np.concatenate([annotate(head, lines), row], axis=0)


def write_task_video(path: Path, task: TaskShown, fps: int = 20) -> int:
    """Write a run as a video; its last picture stays for a second.

    Args:
        path: An MP4 file.
        task: The run.
        fps: Pictures per second.

    Returns:
        Number of pictures written.

    Raises:
        InvalidValue: There are no pictures.
    """

    def with_end() -> Iterator[Image]:
        picture = None
        for picture in draw_task(task):
            yield picture
        if picture is not None:
            yield from [picture] * round(LAST_S * fps)

    return write_video(path, with_end(), fps)


def _fit(picture: Image) -> Image:
    """Enlarge a picture, with its pixels visible, to the side of a panel."""
    image = PilImage.fromarray(picture).resize((SIDE, SIDE), PilImage.Resampling.NEAREST)
    return np.asarray(image)
