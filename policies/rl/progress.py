"""Where values of progress come from: nowhere, the simulator, or a model that looks at pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from policies.rewards.judge import Judge
from sim.image_world import Observation, World

Image = npt.NDArray[np.uint8]

NONE, ORACLE, JUDGED = "none", "oracle", "judge"
SOURCES = (NONE, ORACLE, JUDGED)


class ProgressSource(Protocol):
    """Values states."""

    def begin(self) -> None:
        """Begin an episode; the next state asked for is its first."""
        ...

    def value(self, world: World, observation: Observation, info: dict[str, Any]) -> float:
        """Value the present state; called once for each, in their order."""
        ...


class NoProgress:
    """Values nothing; for sparse rewards."""

    def begin(self) -> None:
        """Begin an episode."""

    def value(self, world: World, observation: Observation, info: dict[str, Any]) -> float:
        """Value a state.

        Args:
            world: Not used.
            observation: Not used.
            info: Not used.

        Returns:
            0.
        """
        return 0.0


class OracleProgress:
    """Asks the simulator; for comparison."""

    def begin(self) -> None:
        """Begin an episode."""

    def value(self, world: World, observation: Observation, info: dict[str, Any]) -> float:
        """Value a state.

        Args:
            world: Asked.
            observation: Not used.
            info: Not used.

        Returns:
            True progress in [0, 1].
        """
        return world.progress()


@dataclass(frozen=True)
class References:
    """What a judge is shown of one demonstration.

    Attributes:
        goal: Pictures of the task done, by camera.
        start: Pictures of its start, by camera.
    """

    goal: dict[str, Image]
    start: dict[str, Image]


class JudgedProgress:
    """Shows a judge the pictures of every state; it compares them with start and goal of one demonstration.

    The judge's own opinion of success plays no part: what is paid for success comes from the world, so that a judge
    that errs can slow learning down and cannot change what is best.
    """

    def __init__(self, judge: Judge, instruction: str, references: References | None = None) -> None:
        """Take a judge.

        Args:
            judge: Who judges.
            instruction: What is to be done.
            references: From a demonstration; None where the judge does without.
        """
        self._judge, self._instruction, self.references = judge, instruction, references
        self._fresh = True

    def begin(self) -> None:
        """Begin an episode."""
        self._fresh = True

    def value(self, world: World, observation: Observation, info: dict[str, Any]) -> float:
        """Value a state.

        Args:
            world: Draws what the observation does not hold.
            observation: Its pictures.
            info: Not used; the true state is not for the judge.

        Returns:
            Progress in [0, 1].

        Raises:
            InvalidValue: A picture is not what the judge needs.
        """
        seen = draw_views(world, self._judge.views, observation)
        if self._fresh:
            self._fresh, known = False, self.references
            found = self._judge.begin(
                seen, self._instruction, known.goal if known else None, known.start if known else None
            )
            return found.progress
        return self._judge.step(seen).progress


def draw_views(world: World, views: Sequence[str], observation: Observation) -> dict[str, Image]:
    """Gather pictures of the present state.

    Args:
        world: Draws what the observation does not hold.
        views: Names of cameras.
        observation: Of the present state.

    Returns:
        Pictures by camera, shape (size, size, 3) each.
    """
    return {view: observation[view] if view in observation else world.draw(view) for view in views}
