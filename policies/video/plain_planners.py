"""Planners without any learning: one that knows the future of a simulated world, and one that knows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.execution import way_of
from policies.video.planner import Image, Plan, check_request
from sim.image_world import POSE, World, WorldConfig
from sim.worlds import make_world

Array = npt.NDArray[np.float64]

# Pictures of the same state differ by less than this in the mean; other states of a world differ by more.
SAME = 0.5


@dataclass(frozen=True)
class PlanShape:
    """What a plan consists of.

    Attributes:
        count: Imagined frames.
        steps: Actions between two frames.
        acted: Frames that are acted out before the next plan is asked for.
    """

    count: int = 8
    steps: int = 5
    acted: int = 2

    def __post_init__(self) -> None:
        """Refuse what is no plan.

        Raises:
            InvalidValue: A number is below 1, or more frames are acted out than imagined.
        """
        if min(self.count, self.steps, self.acted) < 1 or self.acted > self.count:
            raise InvalidValue(
                f"a plan needs frames, steps between them, and no more frames acted out than imagined; got {self}"
            )


class PerfectPlanner:
    """Plans what the scripted expert of a simulated world would do, in a copy of the world of its own.

    It is no planner for a camera: it knows the world and the seed. It shows what a plan that is right is worth, and
    that everything around a planner works. The copy follows each plan as whoever executes it does; where a picture is
    not what the copy shows, somebody else has acted, and it says that it is lost.
    """

    def __init__(self, world: str, task: str, seed: int, size: int = 64, shape: PlanShape | None = None) -> None:
        """Begin an episode of the copy.

        Args:
            world: "manipulation" or "arena".
            task: Name of the task.
            seed: Of the episode.
            size: Width and height of the pictures [pixel].
            shape: Of the plans.

        Raises:
            UnknownName: There is no such world or task.
            MissingModel: A package that the world needs is not installed.
        """
        self.size, self._shape = size, shape or PlanShape()
        self._copy: World = make_world(world, task, WorldConfig(size=size, end_on_success=False, horizon=500))
        self._seed = seed
        self._width = self._copy.workspace.shape[1]
        self._last: Plan | None = None
        self._position = self._begin()

    def plan(self, image: Image, instruction: str, rng: np.random.Generator) -> Plan:
        """Plan for the next moment.

        Args:
            image: The present, shape (size, size, 3).
            instruction: What is to be done; the copy's task is done whatever it says, with no confidence where the two
                differ.
            rng: Not asked.

        Returns:
            The plan.

        Raises:
            InvalidValue: The picture or the instruction cannot be planned from, or the copy is lost.
        """
        return self.plan_all(image[None], [instruction], [rng])[0]

    def plan_all(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> list[Plan]:
        """Plan for the one world that is known.

        Args:
            images: Shape (1, size, size, 3).
            instructions: One.
            rngs: One, not asked.

        Returns:
            One plan.

        Raises:
            InvalidValue: As for `plan`; or there are several.
        """
        check_request(images, instructions, rngs, self.size)
        if len(images) != 1:
            raise InvalidValue(f"a perfect planner knows one world, got {len(images)} pictures")
        if self._last is not None:
            self._follow(self._last)
        if not self._seen(images[0]):
            # A new episode looks like the first moment of it.
            self._position = self._begin()
            if not self._seen(images[0]):
                raise InvalidValue(
                    f"the picture is not that of '{self._copy.task}' with seed {self._seed} as far as it has been "
                    "planned: a perfect plan needs the same world, task and seed, and nobody else who acts"
                )
        self._last = self._look_ahead(float(instructions[0].strip() == self._copy.instruction))
        return [self._last]

    def _begin(self) -> Array:
        observation, _ = self._copy.reset(seed=self._seed)
        self._last = None
        return observation[POSE][: self._width].astype(np.float64)

    def _seen(self, image: Image) -> bool:
        return float(np.abs(self._copy.render().astype(np.float64) - image).mean()) < SAME

    def _follow(self, plan: Plan) -> None:
        way, commands = way_of(plan, self._position, self._shape.acted)
        for target, command in zip(way, commands, strict=True):
            step = target - self._position
            observation, _, _, over, _ = self._copy.step(np.append(step, command) if self._copy.has_gripper else step)
            self._position = observation[POSE][: self._width].astype(np.float64)
            if over:
                self._position = self._begin()
                return

    def _look_ahead(self, confidence: float) -> Plan:
        moment, there = self._copy.save(), self._position
        frames, moves, closing = [self._copy.render()], [], []
        over = False
        for _ in range(self._shape.count):
            before, commands = there, [-1.0]
            for step in range(self._shape.steps):
                if over:
                    break
                action = self._copy.expert()
                observation, _, _, over, _ = self._copy.step(action)
                there = observation[POSE][: self._width].astype(np.float64)
                commands = [*commands[step == 0 :], float(action[-1]) if self._copy.has_gripper else -1.0]
            moves.append(there - before)
            closing.append((np.mean(commands) + 1.0) / 2.0)
            frames.append(self._copy.render())
        self._copy.load(moment)
        displacement = np.array(moves)
        return Plan(
            *(np.stack(frames), displacement, np.zeros_like(displacement), np.clip(closing, 0.0, 1.0)),
            *(self._shape.steps, confidence),
        )


class StraightPlanner:
    """Goes straight on, imagines that nothing changes, and says that it is not to be relied on; for dry runs."""

    def __init__(
        self, move: tuple[float, ...] = (0.01, 0.0, 0.0), size: int = 64, shape: PlanShape | None = None
    ) -> None:
        """Set up.

        Args:
            move: Displacement from frame to frame, D numbers [m].
            size: Width and height of the pictures [pixel].
            shape: Of the plans.

        Raises:
            InvalidValue: The displacement is not finite.
        """
        self.size, self._shape, self._move = size, shape or PlanShape(), np.array(move, dtype=np.float64)
        if self._move.ndim != 1 or len(self._move) < 1 or not np.isfinite(self._move).all():
            raise InvalidValue(f"a displacement must be finite numbers, got {move}")

    def plan(self, image: Image, instruction: str, rng: np.random.Generator) -> Plan:
        """Plan for one picture.

        Args:
            image: The present, shape (size, size, 3).
            instruction: What is to be done.
            rng: Not asked.

        Returns:
            The plan.

        Raises:
            InvalidValue: The picture or the instruction cannot be planned from.
        """
        return self.plan_all(image[None], [instruction], [rng])[0]

    def plan_all(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> list[Plan]:
        """Plan for several pictures.

        Args:
            images: Shape (B, size, size, 3).
            instructions: B of them.
            rngs: B of them, not asked.

        Returns:
            B plans.

        Raises:
            InvalidValue: As for `plan`.
        """
        check_request(images, instructions, rngs, self.size)
        count = self._shape.count
        displacement = np.tile(self._move, (count, 1))
        return [
            Plan(
                *(np.repeat(image[None], count + 1, axis=0), displacement, np.zeros_like(displacement)),
                *(np.zeros(count), self._shape.steps, 0.0),
            )
            for image in images
        ]
