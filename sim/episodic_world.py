"""What the planner's worlds share: settings, cameras, and how episodes begin and end."""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from sim.image_world import POSE, Observation, WorldConfig
from sim.world_tasks import instruction_of


class EpisodicWorld(gymnasium.Env[Observation, npt.NDArray[np.float32]]):
    """A task of a world, until its horizon or its success."""

    name: str
    pose_names: tuple[str, ...]
    render_mode = "rgb_array"
    observation_space: gymnasium.spaces.Dict
    action_space: gymnasium.spaces.Box

    def __init__(self, task: str, config: WorldConfig | None, cameras: Sequence[str]) -> None:
        """Take the settings.

        Args:
            task: Name of the task.
            config: Settings; None for the defaults.
            cameras: Names of all cameras; the first one is in observations where nothing else is asked for.

        Raises:
            UnknownName: There is no such task or camera.
        """
        self.task, self.config = task, config or WorldConfig()
        self.instruction = instruction_of(self.name, task)
        self.cameras = tuple(cameras[:1]) if self.config.cameras is None else self.config.cameras
        for camera in self.cameras:
            if camera not in cameras:
                raise UnknownName("camera", camera, cameras)
        size = self.config.size
        self.observation_space = gymnasium.spaces.Dict(
            {camera: gymnasium.spaces.Box(0, 255, (size, size, 3), np.uint8) for camera in self.cameras}
            | {POSE: gymnasium.spaces.Box(-np.inf, np.inf, (len(self.pose_names),), np.float32)}
        )
        self._left, self._succeeded = 0, False

    def _begin(self, seed: int | None, options: dict[str, Any] | None) -> None:
        """Begin an episode.

        Args:
            seed: Of the generator; None goes on with it.
            options: None are known.

        Raises:
            InvalidValue: An option is given.
        """
        super().reset(seed=seed)
        if options:
            raise InvalidValue(f"unknown reset options: {', '.join(sorted(options))}; known: none")
        self._left, self._succeeded = self.config.horizon, False

    def _require_episode(self) -> None:
        """Refuse to act outside of an episode.

        Raises:
            ResetNeeded: The episode has not begun or is over.
        """
        if self._left == 0:
            raise gymnasium.error.ResetNeeded("reset() must come before step(), and after an episode is over")

    def _count(self, success: bool) -> tuple[float, bool, bool]:
        """Count an action.

        Args:
            success: Whether the state after it is a success.

        Returns:
            1 on the first success and else 0, whether success ended the episode, whether the horizon cut it.
        """
        first, self._succeeded = success and not self._succeeded, self._succeeded or success
        if first and self.config.end_on_success:
            self._left = min(self._left, 1 + self.config.linger)
        self._left -= 1
        over, ends = self._left == 0, self._succeeded and self.config.end_on_success
        return float(first), over and ends, over and not ends
