"""Judges without any learning, beside which a learned one has to show that it is worth something."""

from abc import ABC, abstractmethod

import numpy as np

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.hops import apply_hop
from policies.rewards.judge import Judge, Judgement, Judgements, Pictures, check_pictures, judge_episode

PLAIN = ("clock", "positive", "pixels")


class PlainJudge(ABC):
    """What the plain judges share: they remember a number, and know nothing of success."""

    def __init__(self, views: tuple[str, ...] = ("corner4",), size: int = 64) -> None:
        """Set up.

        Args:
            views: Cameras.
            size: Of their pictures [pixel].
        """
        self.views, self.size = views, size

    def begin(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgement:
        """Begin an episode.

        Args:
            images: First pictures.
            instruction: Not read.
            goal: Pictures of the task done.
            start: Pictures of the start of the episode that the goal is from.

        Returns:
            What is thought of the first state.
        """
        check_pictures(images, self.views, self.size)
        self._reset(images, goal, start)
        return self._told(self._first(images))

    def step(self, images: Pictures) -> Judgement:
        """Judge the next state.

        Args:
            images: Its pictures.

        Returns:
            What is thought of it.
        """
        check_pictures(images, self.views, self.size)
        return self._told(self._next(images))

    def episode(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgements:
        """Judge a whole episode.

        Args:
            images: Pictures by camera, shape (T + 1, size, size, 3) each.
            instruction: Not read.
            goal: As for `begin`.
            start: As for `begin`.

        Returns:
            What is thought of each state.
        """
        return judge_episode(self, images, instruction, goal, start)

    def _reset(self, images: Pictures, goal: Pictures | None, start: Pictures | None) -> None:
        self._progress = 0.0

    def _first(self, images: Pictures) -> float:
        return 0.0

    @abstractmethod
    def _next(self, images: Pictures) -> float: ...

    def _told(self, progress: float) -> Judgement:
        self._progress = progress
        # Success by one's own progress is all that such a judge can offer.
        return Judgement(progress, 0.3, progress, 1.0)


class ClockJudge(PlainJudge):
    """Counts states, whatever they show."""

    def __init__(self, views: tuple[str, ...] = ("corner4",), size: int = 64, horizon: int = 100) -> None:
        """Set up.

        Args:
            views: Cameras.
            size: Of their pictures [pixel].
            horizon: States after which all counts as done.
        """
        super().__init__(views, size)
        self._horizon = horizon

    def _next(self, images: Pictures) -> float:
        return min(1.0, self._progress + 1.0 / self._horizon)


class PositiveJudge(PlainJudge):
    """Sees a little improvement in every step: monotone, and of no use (it scores 1.0 by rank correlation alone)."""

    def _next(self, images: Pictures) -> float:
        return float(apply_hop(self._progress, 0.05))


class PixelJudge(PlainJudge):
    """Compares the distance to the picture of the goal with that between the pictures of start and goal."""

    def _reset(self, images: Pictures, goal: Pictures | None, start: Pictures | None) -> None:
        super()._reset(images, goal, start)
        if goal is None:
            raise InvalidValue("distance of pixels needs pictures of the goal, got none")
        self._goal, self._whole = goal, 0.0
        self._whole = max(self._distance(start or images), 1e-9)

    def _first(self, images: Pictures) -> float:
        return self._next(images)

    def _next(self, images: Pictures) -> float:
        return float(np.clip(1.0 - self._distance(images) / self._whole, 0.0, 1.0))

    def _distance(self, images: Pictures) -> float:
        squares = [
            np.mean((images[view].astype(np.float64) - self._goal[view].astype(np.float64)) ** 2) for view in self.views
        ]
        return float(np.sqrt(np.mean(squares)))


def make_plain_judge(name: str, views: tuple[str, ...] = ("corner4",), size: int = 64) -> Judge:
    """Make a judge without learning.

    Args:
        name: "clock", "positive" or "pixels".
        views: Cameras.
        size: Of their pictures [pixel].

    Returns:
        The judge.

    Raises:
        UnknownName: There is no such judge.
    """
    kinds = {"clock": ClockJudge, "positive": PositiveJudge, "pixels": PixelJudge}
    if name not in kinds:
        raise UnknownName("plain judge", name, PLAIN)
    return kinds[name](views, size)
