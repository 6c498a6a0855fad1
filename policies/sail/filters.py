"""Which rollouts a video model may learn from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.judge import Judge, Pictures
from policies.rewards.success_filter import FilterConfig, filter_episode, filter_quality
from sim.episodes import Episode

NONE, SUCCESS, JUDGED, BEST = "none", "success", "judge", "best"
FILTERS = (NONE, SUCCESS, JUDGED, BEST)
# Filters that ask a judge.
BY_JUDGE = (JUDGED, BEST)
# Of an iteration's rollouts, those that "best" keeps.
BEST_SHARE = 1.0 / 3.0


@dataclass(frozen=True)
class Verdict:
    """What a filter thinks of a rollout.

    Attributes:
        kept: Whether to learn from it.
        score: What it was judged by, from 0 to 1.
        end: Number of its first actions to learn from; -1 for all of them.
    """

    kept: bool
    score: float
    end: int = -1


class Filter(Protocol):
    """Sorts rollouts."""

    def judge(self, episode: Episode) -> Verdict:
        """Tell whether to learn from a rollout."""
        ...

    def compare(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Look at all rollouts of an iteration together, as they were judged one by one; may be asked again."""
        ...


class _OneByOne:
    """Rollouts do not have to be compared."""

    def compare(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Leave verdicts as they are.

        Args:
            verdicts: Of an iteration.

        Returns:
            The same.
        """
        return list(verdicts)


class KeepAll(_OneByOne):
    """Keeps every rollout."""

    def judge(self, episode: Episode) -> Verdict:
        """Judge a rollout.

        Args:
            episode: Not looked at.

        Returns:
            That it is kept.
        """
        return Verdict(True, 1.0)


class KeepSuccesses(_OneByOne):
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
    """Keeps what a judge of pictures takes for a success, up to where it does; it never sees the truth."""

    def __init__(
        self,
        judge: Judge,
        config: FilterConfig | None = None,
        goal: Pictures | None = None,
        share: float | None = None,
    ) -> None:
        """Take a judge.

        Args:
            judge: Its detector of success decides, not its progress.
            config: From which chance on, for how many states, and how many states it is shown.
            goal: Pictures of the task done, from a demonstration; None where there is none.
            share: Of an iteration's rollouts that are kept, those that look most like successes, whatever the
                threshold; None goes by the threshold. A judge of a new task may rank well what it is not sure about.
        """
        self._judge, self._config, self._goal = judge, config or FilterConfig(every=5), goal
        self._share = share

    def judge(self, episode: Episode) -> Verdict:
        """Judge a rollout.

        Args:
            episode: The rollout.

        Returns:
            Whether it looks like a success.

        Raises:
            InvalidValue: The rollout lacks a camera of the judge.
        """
        found = filter_episode(self._judge, episode, self._config, self._goal)
        return Verdict(found.kept, found.chance, found.state if self._share is None else found.peak)

    def compare(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """Keep the best of an iteration, if a share was told; the first of equals.

        Args:
            verdicts: Of an iteration.

        Returns:
            The verdicts.
        """
        if self._share is None:
            return list(verdicts)
        order = sorted(range(len(verdicts)), key=lambda i: -verdicts[i].score)
        best = set(order[: max(round(self._share * len(verdicts)), 1)])
        return [replace(verdict, kept=i in best) for i, verdict in enumerate(verdicts)]


def make_filter(
    name: str, judge: Judge | None = None, threshold: float | None = None, goal: Pictures | None = None
) -> Filter:
    """Make a filter.

    Args:
        name: "none", "success", "judge" or "best": the third that the judge likes best.
        judge: Who judges.
        threshold: Chance of success from which on the judge takes a state for one; None for that of the filter.
        goal: Pictures of the task done, for the judge.

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
        raise InvalidValue(f"the filter '{name}' needs a judge, got none")
    config = FilterConfig(every=5)
    config = config if threshold is None else replace(config, threshold=threshold)
    return KeepJudged(judge, config, goal, BEST_SHARE if name == BEST else None)


def precision_and_recall(kept: list[bool], true: list[bool]) -> tuple[float | None, float | None]:
    """Compare what was kept with what succeeded.

    Args:
        kept: Of each rollout.
        true: Whether each succeeded.

    Returns:
        Share of the kept ones that succeeded and share of the successes that were kept; None where there are none.
    """
    quality = filter_quality(kept, true)
    precision, recall = (None if math.isnan(x) else x for x in (quality.precision, quality.recall))
    return precision, recall
