"""What a learner acts in: decisions that last several steps, a value of progress for every state it saw."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from policies.rewards.shaped_episodes import ShapedEpisode

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Seen:
    """A state between two decisions.

    Attributes:
        observation: What the policy sees, shape (O,).
        value: Progress in [0, 1], or any other potential, as its model gave it when the state was seen.
    """

    observation: Array
    value: float


@dataclass(frozen=True)
class Outcome:
    """What a decision led to.

    Attributes:
        seen: The state after it.
        reward: Of the task on the way, discounted to the beginning of the decision.
        duration: Elementary steps that it lasted.
        terminated: Whether the task ended.
        truncated: Whether the time limit cut the episode.
        success: Whether the task is done.
    """

    seen: Seen
    reward: float
    duration: int
    terminated: bool
    truncated: bool
    success: bool


class Decisions(Protocol):
    """Where a learner acts, decision by decision.

    Attributes:
        width: O, numbers in an observation.
        actions: A, numbers in an action, each in [-1, 1].
        lasting: k, elementary steps of a decision, the last one of an episode excepted.
        discount: γ per elementary step, by which rewards inside a decision are discounted.
    """

    width: int
    actions: int
    lasting: int
    discount: float

    def reset(self, seed: int) -> Seen:
        """Begin an episode; the seed alone decides which."""
        ...

    def step(self, action: Array) -> Outcome:
        """Decide once."""
        ...

    def demonstrate(self, seed: int) -> "Rollout":
        """Record what an expert does in an episode."""
        ...

    def evaluating(self, on: bool) -> None:
        """Tell whether values of progress are needed; they cost time, and evaluation does without."""
        ...

    def picture(self) -> npt.NDArray[np.uint8]:
        """Draw the present moment, for a video."""
        ...

    def close(self) -> None:
        """Free what draws."""
        ...


@dataclass(frozen=True)
class Rollout:
    """An episode of n decisions, as it is stored and learned from.

    Attributes:
        observation: Shape (n + 1, O).
        action: Shape (n, A).
        shaped: Rewards, values of progress, durations and the kind of end.
        success: Whether the task was done.
    """

    observation: Array
    action: Array
    shaped: ShapedEpisode
    success: bool

    @property
    def steps(self) -> int:
        """Elementary steps in all."""
        return int(self.shaped.duration.sum())


class Recorder:
    """Gathers a rollout."""

    def __init__(self, first: Seen) -> None:
        """Begin.

        Args:
            first: The first state.
        """
        self._observations, self._values = [first.observation], [first.value]
        self._actions: list[Array] = []
        self._outcomes: list[Outcome] = []

    def add(self, action: Array, outcome: Outcome) -> None:
        """Take a decision down.

        Args:
            action: What was decided.
            outcome: What it led to.
        """
        self._observations.append(outcome.seen.observation)
        self._values.append(outcome.seen.value)
        self._actions.append(np.array(action, dtype=np.float64))
        self._outcomes.append(outcome)

    def finish(self, version: int = 0) -> Rollout:
        """End it.

        Args:
            version: Number of the model that gave the values.

        Returns:
            The rollout.

        Raises:
            InvalidValue: There was no decision, or a number is not finite.
        """
        last: Any = self._outcomes[-1] if self._outcomes else None
        shaped = ShapedEpisode(
            np.array([outcome.reward for outcome in self._outcomes]),
            np.array(self._values),
            np.array([outcome.duration for outcome in self._outcomes], dtype=np.int64),
            bool(last and last.terminated),
            bool(last and last.truncated),
            version,
        )
        return Rollout(np.array(self._observations), np.array(self._actions), shaped, bool(last.success))
