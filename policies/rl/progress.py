"""Where values of progress come from: nowhere, the simulator, or a model that looks at pictures."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.image_world import Observation, World

Image = npt.NDArray[np.uint8]

NONE, ORACLE, JUDGE = "none", "oracle", "judge"
SOURCES = (NONE, ORACLE, JUDGE)


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


class PictureProgress:
    """Shows a model the pictures of every state."""

    def __init__(
        self, cameras: tuple[str, ...], judge: Callable[[dict[str, Image]], float], begin: Callable[[], None]
    ) -> None:
        """Take the model.

        Args:
            cameras: Which pictures it wants.
            judge: Answers the pictures of the present state, by camera, with progress; it may remember the episode.
            begin: Called before the first state of each episode.
        """
        self._cameras, self._judge, self._begin = cameras, judge, begin

    def begin(self) -> None:
        """Begin an episode."""
        self._begin()

    def value(self, world: World, observation: Observation, info: dict[str, Any]) -> float:
        """Value a state.

        Args:
            world: Draws what the observation does not hold.
            observation: Its pictures.
            info: Not used; the true state is not for the model.

        Returns:
            Progress.

        Raises:
            InvalidValue: The model's answer is not finite.
        """
        seen = {camera: observation[camera] if camera in observation else world.draw(camera) for camera in self._cameras}
        told = float(self._judge(seen))
        if not np.isfinite(told):
            raise InvalidValue(f"the progress of a state must be finite, got {told}")
        return told
