"""Tries again, in another scene, what the hand did before it succeeded."""

from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.behaviours import ShiftedWay
from sim.episodes import Episode
from sim.image_world import POSE, Observation, World

Array = npt.NDArray[np.float64]

NAME = "retrace"


class Retrace:
    """Goes to where the end of an episode began, follows it to its end, and begins again elsewhere nearby.

    Things stand elsewhere in every scene, so that each try is shifted by chance. Needs nothing but the pose of hand or
    body, as a robot has it: what was found once by luck becomes a straight way that can be learned from.
    """

    def __init__(self, example: Episode, steps: int = 40, spread_m: float = 0.05) -> None:
        """Take an episode.

        Args:
            example: It should have succeeded.
            steps: Its last actions that are followed.
            spread_m: Standard deviation of the shift of each try [m].

        Raises:
            InvalidValue: There is no action to follow, or a number is out of range.
        """
        if steps < 1 or not (np.isfinite(spread_m) and spread_m >= 0.0):
            raise InvalidValue(f"Retrace needs steps of at least 1 and a spread of at least 0, got {steps}, {spread_m}")
        if example.info.steps < 1:
            raise InvalidValue(f"an episode of '{example.info.task}' without any action cannot be followed")
        self._pose = example.pose[-steps - 1 :].astype(np.float64)
        self._action = example.action[-steps:].astype(np.float64)
        self._spread = spread_m

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Draws shifts.
        """
        self._world, self._rng = world, rng
        self._width = world.workspace.shape[1]
        self._aim()

    def act(self, observation: Observation) -> npt.NDArray[Any]:
        """Act.

        Args:
            observation: Its pose tells how far it has come.

        Returns:
            Action.
        """
        place = observation[POSE][: self._width].astype(np.float64)
        if self._way.arrive(place):
            self._aim()
        step, at = self._way.go(place, self._world.action_space.high[: self._width])
        return np.concatenate([step, self._action[max(at - 1, 0), self._width :]])

    def _aim(self) -> None:
        shift = self._rng.normal(0.0, self._spread, self._width)
        self._way = ShiftedWay(self._pose[:, : self._width], shift, self._world.workspace)
