"""A planner as one who acts in an episode, for collections of what planners do."""

from typing import Any

import numpy as np
import numpy.typing as npt

from policies.video.camera_watch import CameraWatch
from policies.video.execution import way_of
from policies.video.planner import Planner
from sim.image_world import POSE, Observation, World

Array = npt.NDArray[np.float64]


class PlannedBehaviour:
    """Plans, follows the first frames, looks again; a `sim.behaviours.Behaviour`."""

    def __init__(self, planner: Planner, frames: int = 2) -> None:
        """Take a planner.

        Args:
            planner: Plans from the world's first camera.
            frames: Frames of a plan that are acted out before the next.
        """
        self._planner, self._frames = planner, frames

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: All chance of the plans comes from it.
        """
        self._world, self._rng, self._watch = world, rng, CameraWatch()
        self._width, self._next = world.workspace.shape[1], 0
        self._way, self._commands = np.zeros((0, self._width)), np.zeros(0)

    def act(self, observation: Observation) -> npt.NDArray[Any]:
        """Act.

        Args:
            observation: Its pose tells where hand or body is; a picture is taken whenever it is time for a plan.

        Returns:
            Action.

        Raises:
            InvalidValue: The camera is frozen or shows nothing.
        """
        place = observation[POSE][: self._width].astype(np.float64)
        if self._next == len(self._way):
            image = self._world.render()
            self._watch.look(image, place)
            plan = self._planner.plan_all(image[None], [self._world.instruction], [self._rng])[0]
            (self._way, self._commands), self._next = way_of(plan, place, self._frames), 0
        step, command = self._way[self._next] - place, self._commands[self._next]
        self._next += 1
        return np.append(step, command) if self._world.has_gripper else step
