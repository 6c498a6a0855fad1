"""Play that comes back to what gave way: retraces what moved things, and goes on from there."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.behaviours import NEAR_M, ShiftedWay, straight_on
from sim.episodes import Episode, first_actions
from sim.image_world import POSE, Observation, World
from sim.world_tasks import MANIPULATION

Array = npt.NDArray[np.float64]

NAME = "tinker"
# Where MetaWorld's state has the places of its two things.
THINGS = (slice(4, 7), slice(11, 14))
# After a way fewer strokes than this, each for at most so many steps; and how often the gripper turns over before one.
STROKES, STROKE_STEPS, TOGGLE_CHANCE = 3, 30, 0.2


def moved(episode: Episode) -> Array:
    """Tell how far things are from where they stood after the first action, as the simulator knows.

    A robot would need a tracker. It says nothing of a task: neither success nor reward is looked at.

    Args:
        episode: Of the world of manipulation.

    Returns:
        Of the thing that is farthest away in each state, shape (T + 1,) [m].

    Raises:
        InvalidValue: The episode is of another world, where things stand still.
    """
    if episode.info.world != MANIPULATION:
        raise InvalidValue(f"only in the world '{MANIPULATION}' are things moved, got '{episode.info.world}'")
    state = episode.state.astype(np.float64)
    # What MetaWorld tells of a window or a drawer before the first action is not yet of this scene.
    state[0] = state[1]
    return np.max([np.linalg.norm(state[:, thing] - state[0, thing], axis=1) for thing in THINGS], axis=0)


class Tinker:
    """Follows the ways that moved things most, shifted by chance, and pushes on at random from where they end.

    A thing that gave way once is worth another try, wherever it was meant to go: tasks that random play hardly ever
    does, such as sliding a plate into a goal, come of moving it a bit, and then a bit farther. What it has moved
    farther is retraced in its turn, once it is among the examples.
    """

    def __init__(
        self, examples: Sequence[Episode], steps: int = 60, spread_m: float = 0.04, push_m: float = 0.1
    ) -> None:
        """Take episodes.

        Args:
            examples: Those that moved things most; each is followed to where it had moved them farthest.
            steps: Actions before that place which are followed.
            spread_m: Standard deviation of the shift of each try [m].
            push_m: Standard deviation of each stroke that goes on from there, along each axis [m].

        Raises:
            InvalidValue: There is no example, or a number is out of range.
        """
        lengths = np.array([spread_m, push_m])
        if not examples or steps < 1 or not (np.isfinite(lengths).all() and (lengths >= 0.0).all()):
            raise InvalidValue(
                "Tinker needs examples, steps of at least 1 and a spread and a push of at least 0, got "
                f"{len(examples)}, {steps}, {spread_m}, {push_m}"
            )
        parts = [first_actions(example, max(int(moved(example).argmax()), 1)) for example in examples]
        self._poses = [part.pose[-steps - 1 :].astype(np.float64) for part in parts]
        self._actions = [part.action[-steps:].astype(np.float64) for part in parts]
        self._spread, self._push = spread_m, push_m

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Draws ways, shifts and strokes.
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
        limit = self._world.action_space.high[: self._width]
        if self._strokes < 0 and self._way.arrive(place):
            self._strokes = int(self._rng.integers(STROKES))
            self._stroke(place)
        elif self._strokes >= 0 and (self._left == 0 or float(np.linalg.norm(self._target - place)) < NEAR_M):
            self._stroke(place)
        if self._strokes < 0:
            step, at = self._way.go(place, limit)
            self._command = self._action[max(at - 1, 0), self._width :]
        else:
            self._left -= 1
            step = straight_on(self._target - place, limit)
        return np.concatenate([step, self._command])

    def _aim(self) -> None:
        """Choose a way."""
        chosen = int(self._rng.integers(len(self._poses)))
        self._action = self._actions[chosen]
        shift = self._rng.normal(0.0, self._spread, self._width)
        self._way = ShiftedWay(self._poses[chosen][:, : self._width], shift, self._world.workspace)
        self._strokes = -1

    def _stroke(self, place: Array) -> None:
        """Begin the next stroke, or after the last another way."""
        self._strokes -= 1
        if self._strokes < 0:
            self._aim()
            return
        self._target = np.clip(place + self._rng.normal(0.0, self._push, self._width), *self._world.workspace)
        self._left = STROKE_STEPS
        if self._rng.uniform() < TOGGLE_CHANCE:
            self._command = -self._command
