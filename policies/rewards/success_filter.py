"""Which episodes are worth learning from: those that a detector takes for successes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.judge import Judge, Judgements, Pictures
from sim.episodes import Episode

Array = npt.NDArray[np.float64]

# Share of the greatest chance that counts as nearly as great.
NEARLY = 0.9


@dataclass(frozen=True)
class FilterConfig:
    """Settings.

    Attributes:
        threshold: Chance of success from which on a state counts as a success.
        stable: States in a row that must.
        least_progress: Progress that must be reached there.
        least_confidence: Confidence that must be there.
        every: Only every k-th state is judged, and the last.
    """

    threshold: float = 0.5
    stable: int = 2
    least_progress: float = 0.0
    least_confidence: float = 0.0
    every: int = 1

    def __post_init__(self) -> None:
        """Refuse what filters nothing.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name in ("threshold", "least_progress", "least_confidence"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"FilterConfig.{name} must lie in [0, 1], got {getattr(self, name)}")
        for name in ("stable", "every"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"FilterConfig.{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Verdict:
    """What became of an episode.

    Attributes:
        kept: Whether it is worth learning from.
        state: State of the episode in which success was seen; -1 where it was not.
        chance: Greatest chance of success that held for long enough.
        peak: State in which it first was nearly as great.
    """

    kept: bool
    state: int
    chance: float
    peak: int


def filter_episode(
    judge: Judge, episode: Episode, config: FilterConfig | None = None, goal: Pictures | None = None
) -> Verdict:
    """Judge an episode as a success or none, by its pictures and its instruction alone.

    Args:
        judge: Who judges.
        episode: The episode; what it knows about its own success is not looked at.
        config: Settings.
        goal: Pictures of the task done, from another episode; None where there are none.

    Returns:
        Whether to keep it.

    Raises:
        InvalidValue: The episode lacks a camera of the judge.
    """
    config = config or FilterConfig()
    missing = [view for view in judge.views if view not in episode.images]
    if missing:
        raise InvalidValue(f"the episode has no pictures of {', '.join(missing)}, which the judge needs")
    count = episode.info.steps + 1
    states = np.unique(np.append(np.arange(0, count, config.every), count - 1))
    shown = {view: episode.images[view][states] for view in judge.views}
    found = decide(judge.episode(shown, episode.info.instruction, goal), config)
    state = int(states[found.state]) if found.state >= 0 else -1
    return Verdict(found.kept, state, found.chance, int(states[found.peak]))


def decide(told: Judgements, config: FilterConfig) -> Verdict:
    """Decide about an episode that was judged.

    Success must hold for some states in a row: a detector that errs once in fifty states errs in every other episode
    of as many states, but rarely twice running. Episodes that end with their first success show it once: the last
    state needs no second.

    Args:
        told: What was thought of its states.
        config: Settings.

    Returns:
        Whether to keep it; the state is a row of what was told.
    """
    enough = (told.progress >= config.least_progress) & (told.confidence >= config.least_confidence)
    chance = np.where(enough, told.success, 0.0)
    stable = min(config.stable, len(chance))
    # Least chance of each run of states.
    held = np.array([chance[i : i + stable].min() for i in range(len(chance) - stable + 1)] + [chance[-1]])
    ends = np.append(np.arange(stable - 1, len(chance)), len(chance) - 1)
    seen = np.flatnonzero(held >= config.threshold)
    state = int(ends[seen[0]]) if len(seen) else -1
    peak = int(ends[np.flatnonzero(held >= NEARLY * held.max())[0]])
    return Verdict(state >= 0, state, float(held.max()), peak)


@dataclass(frozen=True)
class FilterQuality:
    """How well a filter kept the successes.

    Attributes:
        precision: Share of those kept that are successes; NaN where none was kept.
        recall: Share of successes that were kept; NaN where there are none.
        false_positive_rate: Share of failures that were kept; NaN where there are none.
    """

    precision: float
    recall: float
    false_positive_rate: float


def filter_quality(kept: Sequence[bool], successful: Sequence[bool]) -> FilterQuality:
    """Measure a filter.

    Args:
        kept: Whether each episode was kept.
        successful: Whether it is a success.

    Returns:
        The quality.
    """
    chosen, true = np.asarray(kept, dtype=np.bool_), np.asarray(successful, dtype=np.bool_)
    both = float((chosen & true).sum())
    parts = (float(chosen.sum()), float(true.sum()), float((~true).sum()))
    wrong = float((chosen & ~true).sum())
    precision, recall, rate = (
        top / bottom if bottom else float("nan") for top, bottom in zip((both, both, wrong), parts, strict=True)
    )
    return FilterQuality(precision, recall, rate)
