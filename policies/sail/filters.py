"""Which rollouts a video model may learn from."""

from dataclasses import dataclass
from typing import Protocol

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.judge import Judge
from sim.episodes import Episode

NONE, SUCCESS, JUDGED = "none", "success", "judge"
FILTERS = (NONE, SUCCESS, JUDGED)


@dataclass(frozen=True)
class Verdict:
    """What a filter thinks of a rollout.

    Attributes:
        kept: Whether to learn from it.
        score: What it was judged by, from 0 to 1.
    """

    kept: bool
    score: float


class Filter(Protocol):
    """Sorts rollouts."""

    def judge(self, episode: Episode) -> Verdict:
        """Tell whether to learn from a rollout."""
        ...


class KeepAll:
    """Keeps every rollout."""

    def judge(self, episode: Episode) -> Verdict:
        """Judge a rollout.

        Args:
            episode: Not looked at.

        Returns:
            That it is kept.
        """
        return Verdict(True, 1.0)


class KeepSuccesses:
    """Keeps what the world knows to be a success: what a person would have to tell a robot."""

    def judge(self, episode: Episode) -> Verdict:
        """Judge a rollout.

        Args:
            episode: The rollout.

        Returns:
            Whether it succeeded.
        """
        return Verdict(episode.info.successful, float(episode.info.successful))


class KeepJudged:
    """Keeps what a judge of pictures takes for a success; it never sees the truth."""

    def __init__(self, judge: Judge, least: float = 0.5, every: int = 5) -> None:
        """Take a judge.

        Args:
            judge: Its detector of success decides, not its progress.
            least: Chance of success, in any state, from which on a rollout is kept.
            every: Steps between the states that it is shown; the last one always is.

        Raises:
            InvalidValue: A number is out of range.
        """
        if not 0.0 < least <= 1.0 or every < 1:
            raise InvalidValue(f"least must lie in (0, 1] and every be at least 1, got {least} and {every}")
        self._judge, self._least, self._every = judge, least, every

    def judge(self, episode: Episode) -> Verdict:
        """Judge a rollout.

        Args:
            episode: The rollout.

        Returns:
            Whether any state looks like a success.
        """
        last = episode.info.steps
        shown = sorted({*range(0, last + 1, self._every), last})
        images = {view: episode.images[view][shown] for view in self._judge.views}
        score = float(self._judge.episode(images, episode.info.instruction).success.max())
        return Verdict(score >= self._least, score)


def make_filter(name: str, judge: Judge | None = None) -> Filter:
    """Make a filter.

    Args:
        name: "none", "success" or "judge".
        judge: Who judges.

    Returns:
        The filter.

    Raises:
        UnknownName: There is no such filter.
        InvalidValue: A judge is needed and there is none.
    """
    if name not in FILTERS:
        raise UnknownName("filter", name, FILTERS)
    if name == NONE:
        return KeepAll()
    if name == SUCCESS:
        return KeepSuccesses()
    if judge is None:
        raise InvalidValue("the filter 'judge' needs a judge, got none")
    return KeepJudged(judge)


def precision_and_recall(kept: list[bool], true: list[bool]) -> tuple[float | None, float | None]:
    """Compare what was kept with what succeeded.

    Args:
        kept: Of each rollout.
        true: Whether each succeeded.

    Returns:
        Share of the kept ones that succeeded and share of the successes that were kept; None where there are none.
    """
    both = sum(k and t for k, t in zip(kept, true, strict=True))
    return (both / sum(kept) if any(kept) else None), (both / sum(true) if any(true) else None)
