"""Episodes with one stored potential per state, and their relabelling for learners that learn from old data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.shaping import ShapingConfig, continuation, shaping

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShapedEpisode:
    """An episode of n decisions and n + 1 states.

    There is one value per state and both sides of a decision read it, so that no side can be relabelled alone.

    Attributes:
        reward: Reward of the task for each decision, without shaping, discounted to its beginning, shape (n,).
        value: What the model said of each state, shape (n + 1,).
        duration: Elementary steps that each decision lasted, shape (n,).
        terminated: Whether the task ended with the last decision.
        truncated: Whether a time limit cut the episode after it.
        version: Number of the model that gave the values.
    """

    reward: Array
    value: Array
    duration: IntArray
    terminated: bool
    truncated: bool = False
    version: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no episode.

        Raises:
            InvalidValue: Shapes do not fit, or a number is not finite.
        """
        n = len(self.reward)
        for name, length in (("reward", n), ("value", n + 1), ("duration", n)):
            array = np.asarray(getattr(self, name))
            if array.shape != (length,) or n == 0:
                raise InvalidValue(
                    f"an episode of {n} decisions needs {name} of shape ({length},) and at least one decision, "
                    f"got shape {array.shape}"
                )
            if not np.isfinite(array).all():
                raise InvalidValue(f"{name} of an episode must be finite")
            frozen = np.array(array)
            frozen.setflags(write=False)
            object.__setattr__(self, name, frozen)

    def shaping(self, config: ShapingConfig) -> Array:
        """Compute what shaping adds to each reward.

        Args:
            config: Settings.

        Returns:
            Additions, shape (n,).
        """
        return shaping(config, self.value[:-1], self.value[1:], self.duration, *self._ends())

    def continuation(self, config: ShapingConfig) -> Array:
        """Tell how the value of the state after each decision counts.

        Args:
            config: Settings.

        Returns:
            γ^k, or 0 where the learner must not bootstrap, shape (n,).
        """
        return continuation(config, self.duration, *self._ends())

    def _ends(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        last = np.arange(len(self.reward)) == len(self.reward) - 1
        return last & self.terminated, last & self.truncated


@dataclass(frozen=True)
class ShapedTransitions:
    """Decisions as an off-policy learner samples them; states are counted through all episodes.

    Attributes:
        before: Number of the state before, shape (N,).
        after: Number of the state after, shape (N,).
        reward: Shaped reward, shape (N,).
        continuation: By how much the value of the state after counts, shape (N,).
        version: Number of the model that gave all potentials.
    """

    before: IntArray
    after: IntArray
    reward: Array
    continuation: Array
    version: int


def relabel(
    episodes: Sequence[ShapedEpisode], value: Callable[[int], npt.ArrayLike], version: int
) -> list[ShapedEpisode]:
    """Give every state of every episode the value that a new model gives it.

    All episodes are relabelled or none: a failure leaves the old ones as they were.

    Args:
        episodes: Stored episodes.
        value: Called with the number of an episode, answers what the new model says of all its states, shape (n + 1,).
        version: Number of the new model, greater than all before.

    Returns:
        The episodes with new values.

    Raises:
        InvalidValue: The version is no newer one, or an answer has the wrong shape or is not finite.
    """
    newest = max((episode.version for episode in episodes), default=-1)
    if version <= newest:
        raise InvalidValue(f"version must be greater than that of the stored values, {newest}, got {version}")
    return [
        replace(episode, value=np.asarray(value(i), dtype=np.float64), version=version)
        for i, episode in enumerate(episodes)
    ]


def transitions(episodes: Sequence[ShapedEpisode], config: ShapingConfig, lookahead: int = 1) -> ShapedTransitions:
    """Make shaped transitions of episodes, each over several decisions where the learner looks ahead.

    Over m decisions of k steps in all the additions telescope as well: Σ γ^(t_i - t_0) F_i = γ^k Φ_m - Φ_0.

    Args:
        episodes: Stored episodes, all with values of the same model.
        config: Settings.
        lookahead: Decisions that one transition spans, fewer at the end of an episode.

    Returns:
        One transition for every decision.

    Raises:
        InvalidValue: There are no episodes, they hold values of different models, or the lookahead is below 1.
    """
    versions = sorted({episode.version for episode in episodes})
    if len(versions) != 1:
        raise InvalidValue(
            f"episodes must hold values of one model, got {len(versions)} versions"
            f"{': ' + ', '.join(map(str, versions)) if versions else ''}; relabel them first"
        )
    if lookahead < 1:
        raise InvalidValue(f"lookahead must be at least 1, got {lookahead}")
    before, after, rewards, factors = [], [], [], []
    offset = 0
    for episode in episodes:
        shaped, onward = episode.reward + episode.shaping(config), episode.continuation(config)
        n = len(shaped)
        total, factor, reached = np.zeros(n), np.ones(n), np.arange(n)
        for ahead in range(lookahead):
            rows = np.arange(n - ahead)
            total[rows] += factor[rows] * shaped[rows + ahead]
            factor[rows] *= onward[rows + ahead]
            reached[rows] = rows + ahead + 1
        before.append(offset + np.arange(n))
        after.append(offset + reached)
        rewards.append(total)
        factors.append(factor)
        offset += n + 1
    return ShapedTransitions(
        np.concatenate(before), np.concatenate(after), np.concatenate(rewards), np.concatenate(factors), versions[0]
    )
