"""Prior data and experience side by side, in one table that a learner draws batches from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.shaped_episodes import relabel, transitions
from policies.rewards.shaping import ShapingConfig
from policies.rl.decisions import Rollout
from policies.rl.reward_forms import SHAPED, pay

Floats = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """B transitions.

    Attributes:
        observation: Before, shape (B, O).
        action: Shape (B, A).
        reward: As the form pays it, shape (B,).
        continuation: By how much the value of the state after counts: γ^k, or 0 behind an end, shape (B,).
        following: Observation after, shape (B, O).
        prior: Whether it comes from a demonstration, shape (B,).
    """

    observation: Floats
    action: Floats
    reward: Floats
    continuation: Floats
    following: Floats
    prior: npt.NDArray[np.bool_]


class Replay:
    """Demonstrations and rollouts; half of each batch comes from either (RLPD: Ball et al. 2023).

    Values of progress stay as they were when the states were seen, one for each state. `relabel` gives all of them
    those of a newer model at once, on both sides of every transition.
    """

    def __init__(
        self,
        demonstrations: Sequence[Rollout],
        config: ShapingConfig,
        form: str = SHAPED,
        lookahead: int = 1,
        keep_successes: bool = False,
    ) -> None:
        """Begin with prior data.

        Args:
            demonstrations: What an expert did; may be none.
            config: Settings of shaping.
            form: What is paid, one of `policies.rl.reward_forms.FORMS`.
            lookahead: Decisions that a transition spans.
            keep_successes: Whether rollouts that succeed are prior data, too.
        """
        self.config, self.form, self.lookahead, self._keep = config, form, lookahead, keep_successes
        self.demonstrations = tuple(demonstrations)
        self.rollouts: list[Rollout] = []
        self._build()

    def add(self, rollout: Rollout) -> None:
        """Store a rollout.

        Args:
            rollout: What the learner did.
        """
        self.rollouts.append(rollout)
        self._build()

    def relabel(self, value: Callable[[Rollout], npt.ArrayLike], version: int) -> None:
        """Give every stored state what a newer model says of it.

        Args:
            value: Answers a rollout with the values of its states, shape (n + 1,).
            version: Number of the model, greater than all before.

        Raises:
            InvalidValue: The version is no newer one, or an answer has the wrong shape; nothing is changed then.
        """
        stored = [*self.demonstrations, *self.rollouts]
        fresh = relabel([rollout.shaped for rollout in stored], lambda i: value(stored[i]), version)
        changed = [replace(rollout, shaped=shaped) for rollout, shaped in zip(stored, fresh, strict=True)]
        count = len(self.demonstrations)
        self.demonstrations, self.rollouts = tuple(changed[:count]), changed[count:]
        self._build()

    @property
    def transitions(self) -> int:
        """Number of stored transitions."""
        return len(self._before)

    def sample(self, rng: np.random.Generator, size: int) -> Batch:
        """Draw transitions, half of them from prior data, where there is anything else.

        Args:
            rng: Draws them, with replacement.
            size: B.

        Returns:
            The batch.

        Raises:
            InvalidValue: Nothing is stored.
        """
        if not len(self._before):
            raise InvalidValue("nothing is stored to learn from")
        sides = [side for side in (self._prior, self._other) if len(side)]
        share = [size // 2, size - size // 2] if len(sides) == 2 else [size]
        rows = np.concatenate([rng.choice(side, n) for side, n in zip(sides, share, strict=True)])
        return Batch(
            self._states[self._before[rows]],
            self._actions[rows],
            self._reward[rows],
            self._continuation[rows],
            self._states[self._after[rows]],
            self._is_prior[rows],
        )

    def _build(self) -> None:
        stored = [*self.demonstrations, *self.rollouts]
        count = len(self.demonstrations)
        if not stored:
            self._before = np.zeros(0, dtype=np.int64)
            return
        paid = [pay(rollout.shaped, self.form, self.config) for rollout in stored]
        table = transitions([episode for episode, _ in paid], paid[0][1], self.lookahead)
        prior = [i < count or (self._keep and rollout.success) for i, rollout in enumerate(stored)]
        self._is_prior = np.repeat(prior, [len(rollout.action) for rollout in stored])
        self._prior, self._other = np.flatnonzero(self._is_prior), np.flatnonzero(~self._is_prior)
        self._before, self._after = table.before, table.after
        self._reward, self._continuation = table.reward.astype(np.float32), table.continuation.astype(np.float32)
        self._states = np.concatenate([rollout.observation for rollout in stored]).astype(np.float32)
        self._actions = np.concatenate([rollout.action for rollout in stored]).astype(np.float32)
