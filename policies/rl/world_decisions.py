"""Decisions in a world of the planner: displacement and gripper, held for several steps."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.potentials import check_discount
from policies.rl.decisions import Outcome, Recorder, Rollout, Seen
from policies.rl.progress import NoProgress, ProgressSource
from sim.image_world import Observation, World

Array = npt.NDArray[np.float64]

# Seeds that are tried for a demonstration before the expert is given up.
EXPERT_TRIES = 10


@dataclass(frozen=True)
class DecisionConfig:
    """Settings of decisions.

    Attributes:
        lasting: k, steps for which an action is held.
        discount: γ per step.
    """

    lasting: int = 5
    discount: float = 0.99

    def __post_init__(self) -> None:
        """Refuse what is no decision.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.lasting < 1:
            raise InvalidValue(f"DecisionConfig.lasting must be at least 1, got {self.lasting}")
        check_discount(self.discount, "DecisionConfig.discount")


class WorldDecisions:
    """Decisions in a world.

    The policy sees the *true state* of the world, as the info tells it (in manipulation the 39 numbers of MetaWorld:
    hand, object, their last places, goal), not pictures: to learn from pixels would take hours on a processor. Pictures
    are what the model of progress sees, so that the reward comes from images. They are drawn where it is asked, once a
    decision.
    """

    def __init__(
        self, world: World, config: DecisionConfig | None = None, progress: ProgressSource | None = None
    ) -> None:
        """Take a world.

        Args:
            world: It ends at success; pictures in its observations cost time and are not needed.
            config: Settings.
            progress: Values states; None for no progress.

        Raises:
            InvalidValue: The world does not end at success.
        """
        if not world.config.end_on_success:
            raise InvalidValue("a world to learn in must end at success")
        self.world, self.config = world, config or DecisionConfig()
        self.progress: ProgressSource = progress or NoProgress()
        self.lasting, self.discount = self.config.lasting, self.config.discount
        self.actions = int(world.action_space.shape[0])
        self._limit = world.action_space.high.astype(np.float64)
        self._valued = True
        self.width = len(self.reset(0).observation)

    def evaluating(self, on: bool) -> None:
        """Leave values of progress out, or ask for them again.

        Args:
            on: Whether they are left out.
        """
        self._valued = not on

    def reset(self, seed: int) -> Seen:
        """Begin an episode.

        Args:
            seed: Decides which.

        Returns:
            Its first state.
        """
        observation, info = self.world.reset(seed=seed)
        self.progress.begin()
        return self._seen(observation, info, False)

    def step(self, action: Array) -> Outcome:
        """Hold an action until the decision is over or the episode ends.

        Args:
            action: Shape (A,), in [-1, 1]; beyond is clipped by the world.

        Returns:
            What it led to.
        """
        scaled = np.asarray(action, dtype=np.float64) * self._limit
        outcome, _ = self._run(lambda: scaled)
        return outcome

    def demonstrate(self, seed: int) -> Rollout:
        """Record a successful episode of the scripted expert; its actions are averaged over each decision.

        Args:
            seed: Of the first episode tried; failures are left out.

        Returns:
            It.

        Raises:
            InvalidValue: The expert fails again and again.
        """
        for tried in range(seed, seed + EXPERT_TRIES):
            recorder, over = Recorder(self.reset(tried)), False
            while not over:
                outcome, taken = self._run(self.world.expert)
                recorder.add(np.clip(np.mean(taken, axis=0) / self._limit, -1.0, 1.0), outcome)
                over = outcome.terminated or outcome.truncated
            if outcome.success:
                return recorder.finish()
        raise InvalidValue(f"the expert of '{self.world.task}' failed with all seeds {seed} … {tried}")

    def picture(self) -> npt.NDArray[np.uint8]:
        """Draw the first camera.

        Returns:
            Pixels, shape (size, size, 3).
        """
        return self.world.render()

    def close(self) -> None:
        """Free what draws."""
        self.world.close()

    def _run(self, choose: Callable[[], Array]) -> tuple[Outcome, list[Array]]:
        taken: list[Array] = []
        reward, terminated, truncated = 0.0, False, False
        while len(taken) < self.lasting and not (terminated or truncated):
            action = choose()
            observation, paid, terminated, truncated, info = self.world.step(action)
            reward += self.discount ** len(taken) * paid
            taken.append(action)
        seen = self._seen(observation, info, terminated)
        return Outcome(seen, reward, len(taken), terminated, truncated, bool(info["success"])), taken

    def _seen(self, observation: Observation, info: dict[str, Any], terminated: bool) -> Seen:
        state = np.asarray(info["state"], dtype=np.float64)
        if not np.isfinite(state).all():
            raise InvalidValue(f"the state of '{self.world.task}' is not finite: {state}")
        # Shaping asks for nothing behind an end; the forms that do get what success is worth.
        value = 1.0 if terminated else self.progress.value(self.world, observation, info) if self._valued else 0.0
        return Seen(state, value)
