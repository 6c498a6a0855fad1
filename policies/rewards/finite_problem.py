"""Finite decision problems, many at once, solved exactly: where claims about rewards can be proved by counting."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MOST_SWEEPS = 1000
# Actions whose values differ by less are equally good.
TIE = 1e-8


@dataclass(frozen=True)
class FiniteProblem:
    """N problems of S states and A actions each.

    The value of an action is Σ P (R + c V'): the continuation c = γ^k holds the discount over the k steps that an
    action lasts, and is 0 where the task ends.

    Attributes:
        chance: P, of each next state, shape (N, S, A, S).
        reward: R of each transition, shape (N, S, A, S).
        continuation: c of each transition in [0, 1], shape (N, S, A, S).
    """

    chance: Array
    reward: Array
    continuation: Array

    def __post_init__(self) -> None:
        """Refuse what is no problem.

        Raises:
            InvalidValue: Shapes differ, a number is not finite, chances do not sum to 1, or a continuation is not in
                [0, 1].
        """
        shape = self.chance.shape
        if len(shape) != 4 or shape[1] != shape[3] or self.reward.shape != shape or self.continuation.shape != shape:
            raise InvalidValue(
                "chance, reward and continuation must have the same shape (N, S, A, S), got "
                f"{shape}, {self.reward.shape} and {self.continuation.shape}"
            )
        if not np.isfinite(self.reward).all():
            raise InvalidValue("rewards must be finite")
        if not ((self.chance >= 0.0).all() and np.allclose(self.chance.sum(axis=3), 1.0, atol=1e-9)):
            raise InvalidValue("chances must not be negative and sum to 1 for every state and action")
        if not ((self.continuation >= 0.0) & (self.continuation <= 1.0)).all():
            raise InvalidValue("continuations must lie in [0, 1]")

    def with_reward(self, reward: Array) -> "FiniteProblem":
        """Pay differently for the same transitions.

        Args:
            reward: Of each transition, any shape that spreads to (N, S, A, S).

        Returns:
            The other problem.
        """
        return FiniteProblem(self.chance, np.broadcast_to(reward, self.chance.shape), self.continuation)

    def action_values(self, value: Array) -> Array:
        """Look one action ahead.

        Args:
            value: Of the states after it, shape (N, S).

        Returns:
            Value of each action, shape (N, S, A).
        """
        return np.asarray(
            np.einsum("nsat,nsat->nsa", self.chance, self.reward + self.continuation * value[:, None, None, :])
        )

    def solve(self) -> Array:
        """Find the optimal value of every action by policy iteration.

        Returns:
            Q*, shape (N, S, A).

        Raises:
            InvalidValue: Some policy never ends and does not discount, so that its value is not defined.
        """
        n, s = self.chance.shape[:2]
        rows, states = np.arange(n)[:, None], np.arange(s)[None]
        paid = np.einsum("nsat,nsat->nsa", self.chance, self.reward)
        onward = self.chance * self.continuation
        policy = np.zeros((n, s), dtype=np.int64)
        for _ in range(MOST_SWEEPS):
            try:
                system = np.eye(s) - onward[rows, states, policy]
                value = np.linalg.solve(system, paid[rows, states, policy][..., None])[..., 0]
            except np.linalg.LinAlgError as error:
                raise InvalidValue("a policy goes on for ever without discount; its value is not defined") from error
            action = paid + np.einsum("nsat,nt->nsa", onward, value)
            better = action.max(axis=2) > action[rows, states, policy] + TIE
            if not better.any():
                return np.asarray(action)
            policy = np.where(better, action.argmax(axis=2), policy)
        raise InvalidValue(f"policy iteration did not end within {MOST_SWEEPS} sweeps")


def solve_backwards(stages: list[FiniteProblem]) -> Array:
    """Find the optimal value of every action with a fixed number of decisions left, by dynamic programming.

    Args:
        stages: The problem of each decision, from first to last, T in all; nothing is worth anything after the last.

    Returns:
        Q*, shape (T, N, S, A).
    """
    value = np.zeros(stages[-1].chance.shape[:2])
    actions = []
    for stage in reversed(stages):
        actions.append(stage.action_values(value))
        value = actions[-1].max(axis=2)
    return np.array(actions[::-1])


def keeps_optimum(
    shaped: Array, original: Array, matters: npt.NDArray[np.bool_] | bool = True
) -> npt.NDArray[np.bool_]:
    """Tell for which problems what is optimal under one reward is optimal under the other.

    Args:
        shaped: Q* under the reward that is learned from, shape (N, S, A).
        original: Q* under the reward that counts, shape (N, S, A).
        matters: States that count, shape (N, S); terminal ones offer no choice.

    Returns:
        Whether every action that is optimal under the first is so under the second, shape (N,).
    """
    chosen = shaped >= shaped.max(axis=2, keepdims=True) - TIE
    loss = original.max(axis=2, keepdims=True) - original
    wrong = (chosen & (loss > 10.0 * TIE)).any(axis=2) & matters
    return np.asarray(~wrong.any(axis=1))
