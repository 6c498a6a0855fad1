"""Judges moments of episodes in the order in which they come, whoever carries the pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.judge import Judge, Judgement, StillnessWatch

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Episode:
    """What all moments of an episode are judged by.

    Attributes:
        number: Tells episodes apart.
        instruction: What is to be done.
        start: Pictures by camera of the start of the task when it was done once before; empty without.
        goal: The same of its end.
    """

    number: int
    instruction: str
    start: Mapping[str, Image]
    goal: Mapping[str, Image]


@dataclass(frozen=True)
class Moment:
    """A moment to judge.

    Attributes:
        episode: Whose.
        pictures: By camera.
        time: When they were taken [s].
    """

    episode: Episode
    pictures: Mapping[str, Image]
    time: float


class Judging:
    """Begins an episode with whichever moment of it comes first, since moments may be left out."""

    def __init__(self, judge: Judge) -> None:
        """Set up.

        Args:
            judge: Who judges.
        """
        self._judge = judge
        self._begun: Episode | None = None
        self._watch = StillnessWatch(judge.views)

    def __call__(self, moment: Moment) -> Judgement:
        """Judge a moment.

        Args:
            moment: The next one.

        Returns:
            What is thought of it; with less confidence where a camera stands still.

        Raises:
            InvalidValue: The pictures cannot be judged, or a picture of the goal is needed and missing.
        """
        episode = moment.episode
        if self._begun is not episode:
            self._begun = None
            self._watch = StillnessWatch(self._judge.views)
            told = self._judge.begin(
                moment.pictures, episode.instruction, dict(episode.goal) or None, dict(episode.start) or None
            )
            self._begun = episode
        else:
            told = self._judge.step(moment.pictures)
        return replace(told, confidence=min(told.confidence, self._watch.see(moment.pictures)))


class PictureSet:
    """Joins pictures of several cameras that were taken at the same time."""

    def __init__(self, views: tuple[str, ...], slack: float) -> None:
        """Begin.

        Args:
            views: Cameras.
            slack: Greatest difference between the times of pictures that belong together [s].

        Raises:
            InvalidValue: No camera is named, one is named twice, or the slack is negative.
        """
        if not views or len(set(views)) != len(views):
            raise InvalidValue(f"cameras must be named, each once, got {', '.join(views) or 'none'}")
        if not slack >= 0.0:
            raise InvalidValue(f"slack must not be negative, got {slack}")
        self._views, self._slack = views, slack
        self._newest: dict[str, tuple[Image, float]] = {}
        self._given = -np.inf

    def add(self, view: str, picture: Image, time: float) -> tuple[dict[str, Image], float] | None:
        """Take a picture.

        Args:
            view: Its camera.
            picture: Shape (height, width, 3).
            time: When it was taken [s].

        Returns:
            Pictures by camera and their time, when this one makes a set complete; each moment once.
        """
        self._newest[view] = picture, time
        if len(self._newest) < len(self._views):
            return None
        times = [at for _, at in self._newest.values()]
        if max(times) - min(times) > self._slack + 1e-9 or max(times) <= self._given:
            return None
        self._given = max(times)
        return {view: self._newest[view][0] for view in self._views}, self._given

    def begin(self) -> None:
        """Forget the pictures, as when time begins anew."""
        self._newest.clear()
        self._given = -np.inf
