"""A Gymnasium wrapper that adds shaping to the reward of an environment."""

from collections.abc import Callable
from typing import Any, SupportsFloat, TypeVar

import gymnasium
import numpy as np

from controllers.errors import InvalidValue
from policies.rewards.shaping import ShapingConfig, shaping

Observation = TypeVar("Observation")
Action = TypeVar("Action")


class ShapedEnv(gymnasium.Wrapper[Observation, Action, Observation, Action], gymnasium.utils.RecordConstructorArgs):
    """Adds γ^k Φ' - Φ to every reward, each Φ as the model gave it when the state was seen.

    Put it around `gymnasium.wrappers.TimeLimit`, not inside: it must know of time limits.
    The info gets "task_reward", "shaping" and "potential_value" (what the model said, to be stored for relabelling).

    Args:
        env: The environment.
        value: Asked once for every state that is seen, with observation and info, for its progress or other potential;
            not asked behind an end of the task. It may remember the episode: `begin` tells when one starts.
        config: Settings; the discount is that of the learner, per elementary step.
        duration: Tells from the info how many elementary steps the last action lasted; None for one.
        begin: Called at every reset before the first state is valued.
    """

    def __init__(
        self,
        env: gymnasium.Env[Observation, Action],
        value: Callable[[Observation, dict[str, Any]], float],
        config: ShapingConfig,
        duration: Callable[[dict[str, Any]], int] | None = None,
        begin: Callable[[], None] | None = None,
    ) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self, value=value, config=config, duration=duration, begin=begin)
        gymnasium.Wrapper.__init__(self, env)
        self.config = config
        self._value, self._duration, self._begin = value, duration, begin
        self._before: float | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode and hold the potential of its first state.

        Args:
            seed: For the environment.
            options: For the environment.

        Returns:
            Observation and info.

        Raises:
            InvalidValue: The model's answer is not finite.
        """
        observation, info = self.env.reset(seed=seed, options=options)
        if self._begin is not None:
            self._begin()
        self._before = self._ask(observation, info)
        return observation, {**info, "potential_value": self._before}

    def step(self, action: Action) -> tuple[Observation, SupportsFloat, bool, bool, dict[str, Any]]:
        """Act, and add shaping to the reward.

        Args:
            action: For the environment.

        Returns:
            Observation, shaped reward, whether the task ended, whether a time limit cut it, info.

        Raises:
            ResetNeeded: The episode has not begun, or its task has ended.
            InvalidValue: The model's answer is not finite.
        """
        if self._before is None:
            raise gymnasium.error.ResetNeeded("reset() must come before step(), and after an episode has ended")
        observation, reward, terminated, truncated, info = self.env.step(action)
        after = 0.0 if terminated else self._ask(observation, info)
        lasted = 1 if self._duration is None else self._duration(info)
        added = float(shaping(self.config, self._before, after, lasted, terminated, truncated))
        self._before = None if terminated or truncated else after
        info = {**info, "task_reward": float(reward), "shaping": added, "potential_value": after}
        return observation, float(reward) + added, terminated, truncated, info

    def _ask(self, observation: Observation, info: dict[str, Any]) -> float:
        value = float(self._value(observation, info))
        if not np.isfinite(value):
            raise InvalidValue(f"the value of a state must be finite, got {value}")
        return value
