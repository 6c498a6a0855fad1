"""What judges an episode while it runs: pictures in; progress, doubt, chance of success and confidence out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]
# One picture by camera, shape (size, size, 3); or those of an episode, shape (T + 1, size, size, 3).
Pictures = Mapping[str, Image]

# A picture whose values vary less than this shows nothing: a covered lens, a dead sensor.
LEAST_CONTRAST = 2.0


@dataclass(frozen=True)
class Judgement:
    """What is thought of one state.

    Attributes:
        progress: 0 at the start of the task, 1 at its goal.
        deviation: Standard deviation of the error of the progress.
        success: Chance that the task is done in this very state, from a detector that does not look at the progress.
        confidence: In [0, 1]; low where pictures, instruction and references do not belong together, or a camera
            stands still.
    """

    progress: float
    deviation: float
    success: float
    confidence: float

    def __post_init__(self) -> None:
        """Refuse what is no judgement.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name in ("progress", "success", "confidence"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"Judgement.{name} must lie in [0, 1], got {getattr(self, name)}")
        if not (np.isfinite(self.deviation) and self.deviation >= 0.0):
            raise InvalidValue(f"Judgement.deviation must be finite and not negative, got {self.deviation}")


@dataclass(frozen=True)
class Judgements:
    """What is thought of the states of an episode, shape (T + 1,) each; see `Judgement`."""

    progress: Array
    deviation: Array
    success: Array
    confidence: Array


class Judge(Protocol):
    """Judges one episode at a time; what it remembers of it begins anew with `begin`.

    Attributes:
        views: Names of the cameras whose pictures it needs.
        size: Width and height of these pictures [pixel].
    """

    views: tuple[str, ...]
    size: int

    def begin(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgement:
        """Begin an episode.

        Args:
            images: First pictures by camera, shape (size, size, 3) each.
            instruction: What is to be done, in words.
            goal: Pictures of the task done, from another episode of it; None where there are none.
            start: Pictures of the start of that other episode; None takes the first pictures of this one, whose
                progress is then zero by definition.

        Returns:
            What is thought of the first state.
        """
        ...

    def step(self, images: Pictures) -> Judgement:
        """Judge the next state; the time since the last one does not matter.

        Args:
            images: Its pictures by camera.

        Returns:
            What is thought of it.
        """
        ...

    def episode(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgements:
        """Judge a whole episode at once; the same as `begin` and `step`, but faster where the judge can.

        Args:
            images: Pictures by camera, shape (T + 1, size, size, 3) each.
            instruction: What is to be done, in words.
            goal: As for `begin`.
            start: As for `begin`.

        Returns:
            What is thought of each state.
        """
        ...


def judge_episode(
    judge: Judge,
    images: Pictures,
    instruction: str,
    goal: Pictures | None = None,
    start: Pictures | None = None,
) -> Judgements:
    """Judge an episode state by state.

    Args:
        judge: Who judges.
        images: Pictures by camera, shape (T + 1, size, size, 3) each.
        instruction: What is to be done, in words.
        goal: As for `Judge.begin`.
        start: As for `Judge.begin`.

    Returns:
        What is thought of each state.

    Raises:
        InvalidValue: A camera is missing, or cameras have different numbers of pictures.
    """
    count = check_length(images, judge.views)
    told = [judge.begin({view: images[view][0] for view in judge.views}, instruction, goal, start)]
    told += [judge.step({view: images[view][t] for view in judge.views}) for t in range(1, count)]
    return gather(told)


def gather(judgements: list[Judgement]) -> Judgements:
    """Put judgements side by side.

    Args:
        judgements: Of successive states.

    Returns:
        The same as arrays.
    """
    names = ("progress", "deviation", "success", "confidence")
    return Judgements(*(np.array([getattr(j, name) for j in judgements], dtype=np.float64) for name in names))


def check_length(images: Pictures, views: tuple[str, ...]) -> int:
    """Refuse pictures of an episode that do not belong together.

    Args:
        images: Pictures by camera, shape (T + 1, size, size, 3) each.
        views: Cameras that are needed.

    Returns:
        T + 1.

    Raises:
        InvalidValue: A camera is missing, or cameras have different numbers of pictures.
    """
    _check_views(images, views)
    counts = {view: len(images[view]) for view in views}
    if len(set(counts.values())) != 1 or min(counts.values()) < 1:
        raise InvalidValue(f"every camera must have the same number of pictures, got {counts}")
    return next(iter(counts.values()))


def check_pictures(images: Pictures, views: tuple[str, ...], size: int) -> None:
    """Refuse pictures that nothing can be judged by.

    Args:
        images: One picture by camera.
        views: Cameras that are needed; more do no harm.
        size: Width and height that pictures must have [pixel].

    Raises:
        InvalidValue: A camera is missing, or a picture has the wrong shape or type or shows nothing.
    """
    _check_views(images, views)
    for view in views:
        picture = np.asarray(images[view])
        if picture.shape != (size, size, 3) or picture.dtype != np.uint8:
            raise InvalidValue(
                f"the picture of camera '{view}' must be uint8 with shape ({size}, {size}, 3), "
                f"got {picture.dtype} with {picture.shape}"
            )
        contrast = float(picture.std())
        if contrast < LEAST_CONTRAST:
            raise InvalidValue(
                f"the picture of camera '{view}' shows nothing (mean {picture.mean():.0f}, spread {contrast:.1f}): "
                "is the lens covered or the camera off?"
            )


def _check_views(images: Pictures, views: tuple[str, ...]) -> None:
    missing = [view for view in views if view not in images]
    if missing:
        raise InvalidValue(f"pictures of {', '.join(missing)} are missing; got {', '.join(images) or 'none'}")


class StillnessWatch:
    """Tells how far cameras can be trusted to be alive.

    A live camera never shows the very same bytes twice, if only for its noise. A picture that stays the same while that
    of another camera changes comes from a camera that hangs. Where all stay the same the robot may be at rest in front
    of a noiseless simulated camera: a doubt, no proof.
    """

    def __init__(self, views: tuple[str, ...], patience: int = 10) -> None:
        """Begin.

        Args:
            views: Cameras to watch.
            patience: Equal pictures in a row from which on a camera counts as still.

        Raises:
            InvalidValue: The patience is below 1.
        """
        if patience < 1:
            raise InvalidValue(f"patience must be at least 1, got {patience}")
        self._views, self._patience = views, patience
        self._last: dict[str, bytes] = {}
        self._equal = dict.fromkeys(views, 0)

    def see(self, images: Pictures) -> float:
        """Take in the next pictures.

        Args:
            images: By camera.

        Returns:
            Trust in [0, 1]: 1 while all is well, 0.5 where all cameras are still, 0 where only some are.
        """
        for view in self._views:
            # Bytes of its own: the caller may use the array again.
            now = np.asarray(images[view]).tobytes()
            self._equal[view] = self._equal[view] + 1 if self._last.get(view) == now else 0
            self._last[view] = now
        still = [count >= self._patience for count in self._equal.values()]
        return 1.0 if not any(still) else 0.5 if all(still) else 0.0
