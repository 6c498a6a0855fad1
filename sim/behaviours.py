"""Who acts while episodes are collected: experts, experts that stumble, and play without any task."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import UnknownName
from sim.image_world import POSE, Observation, World

Array = npt.NDArray[np.float64]

# Share of random actions of "mixed", as in the suboptimal data of SILVR (arXiv 2506.06658).
RANDOM_SHARE = 0.7
# Play heads for a place for at most this many steps, then for another; near counts as there [m].
PATIENCE, NEAR_M = 40, 0.02
TOGGLE_CHANCE = 0.03


class Behaviour(Protocol):
    """Acts in a world."""

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode; all chance comes from the generator."""
        ...

    def act(self, observation: Observation) -> Array:
        """Tell the next action."""
        ...


class Expert:
    """Does what the world's scripted expert does."""

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Not used.
        """
        self._world = world

    def act(self, observation: Observation) -> Array:
        """Ask the expert.

        Args:
            observation: Not used; the expert sees the true state.

        Returns:
            Action.
        """
        return self._world.expert()


class Mixed:
    """Acts at random most of the time, else like the expert."""

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Draws which actions are random, and those.
        """
        self._world, self._rng = world, rng

    def act(self, observation: Observation) -> Array:
        """Act.

        Args:
            observation: Not used.

        Returns:
            Action.
        """
        space = self._world.action_space
        drawn = self._rng.uniform(space.low, space.high)
        return drawn if self._rng.uniform() < RANDOM_SHARE else self._world.expert()


class Play:
    """Heads for one random place after another at a random speed; opens and closes the gripper now and then.

    Data of this kind show what actions do in a scene, and nothing of its task.
    """

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Draws places, speeds and commands.
        """
        self._world, self._rng = world, rng
        self._gripper, self._left = -1.0, 0
        self._draw()

    def act(self, observation: Observation) -> Array:
        """Act.

        Args:
            observation: Its pose tells when a place is reached.

        Returns:
            Action.
        """
        width = self._world.workspace.shape[1]
        away = self._target - observation[POSE][:width]
        if self._left == 0 or float(np.linalg.norm(away)) < NEAR_M:
            self._draw()
            away = self._target - observation[POSE][:width]
        self._left -= 1
        limit = self._world.action_space.high[:width] * self._speed
        move = away * min(1.0, float((limit / np.maximum(np.abs(away), 1e-9)).min()))
        if not self._world.has_gripper:
            return np.asarray(move, dtype=np.float64)
        if self._rng.uniform() < TOGGLE_CHANCE:
            self._gripper = -self._gripper
        return np.append(move, self._gripper)

    def _draw(self) -> None:
        low, high = self._world.workspace
        self._target, self._speed = self._rng.uniform(low, high), self._rng.uniform(0.3, 1.0)
        self._left = PATIENCE


BEHAVIOURS: dict[str, Any] = {"expert": Expert, "mixed": Mixed, "play": Play}


def make_behaviour(name: str) -> Behaviour:
    """Make a behaviour.

    Args:
        name: "expert", "mixed" or "play".

    Returns:
        The behaviour.

    Raises:
        UnknownName: There is no such behaviour.
    """
    if name not in BEHAVIOURS:
        raise UnknownName("behaviour", name, BEHAVIOURS)
    behaviour: Behaviour = BEHAVIOURS[name]()
    return behaviour
