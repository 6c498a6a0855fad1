"""Errands of quadrupeds that share a floor: which coloured thing each is told to go to, and how a planner sees it.

What a planner sees is drawn from where everything is, in the manner of `sim.coloured_arena`, as a map that a camera
under the ceiling or a motion capture system would make; it is no picture of the rendered world.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.arena_view import ArenaView
from sim.coloured_arena import HALF_M, LENGTH_M, RADIUS_M, THING_HALF_M, WIDTH_M, colour_of
from sim.world_tasks import ARENA, ARENA_TRAIN, instruction_of

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

THINGS = 4
# Least distances when places are drawn [m]: robots keep clear of one another by discs of 0.45 m, and two that stand at
# their things must not be in each other's way; the last is that of a way worth walking.
APART_M, FROM_POST_M, WAY_M = 1.3, 0.65, 1.5
EDGE_M = HALF_M - 0.4
# Tries of the places of one drawing before everything is drawn anew.
TRIES = 200


@dataclass(frozen=True)
class Errands:
    """What stands on the floor, and where each robot is sent.

    Attributes:
        things: Names of the things, such as "red-box"; all differ in colour.
        places: Their centres, shape (T, 2) [m].
        targets: For each robot, which thing it is sent to.
        instructions: For each robot, what it is told.
    """

    things: tuple[str, ...]
    places: Array
    targets: tuple[int, ...]
    instructions: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse what does not go together.

        Raises:
            InvalidValue: There is not one place per thing or one instruction per robot, or a target is no thing.
        """
        if self.places.shape != (len(self.things), 2):
            raise InvalidValue(f"each of {len(self.things)} things needs a place, got places of {self.places.shape}")
        if len(self.targets) != len(self.instructions):
            raise InvalidValue(
                f"each robot needs a target and an instruction, got {len(self.targets)} targets and "
                f"{len(self.instructions)} instructions"
            )
        if not all(0 <= target < len(self.things) for target in self.targets):
            raise InvalidValue(f"targets must lie in [0, {len(self.things) - 1}], got {self.targets}")

    def told(self, instructions: Sequence[str]) -> "Errands":
        """Send robots elsewhere, in words.

        Args:
            instructions: For each robot; an empty one leaves it as it is.

        Returns:
            Other errands.

        Raises:
            InvalidValue: There are more instructions than robots, or one does not name exactly one thing of the floor.
        """
        if len(instructions) > len(self.targets):
            raise InvalidValue(f"there are {len(self.targets)} robots, got {len(instructions)} instructions")
        targets, texts = list(self.targets), list(self.instructions)
        for robot, text in enumerate(instructions):
            if text.strip():
                targets[robot], texts[robot] = self.meant(text), text.strip()
        return Errands(self.things, self.places, tuple(targets), tuple(texts))

    def meant(self, instruction: str) -> int:
        """Find the thing that an instruction names, by the word for its colour.

        Args:
            instruction: Such as "walk to the red box, please".

        Returns:
            Its number.

        Raises:
            InvalidValue: It names none or several of the things.
        """
        words = re.findall(r"[a-z]+", instruction.lower())
        found = [i for i, thing in enumerate(self.things) if thing.partition("-")[0] in words]
        if len(found) != 1:
            raise InvalidValue(
                f"'{instruction}' must name exactly one colour of the things on the floor: "
                f"{', '.join(thing.replace('-', ' ') for thing in self.things)}"
            )
        return found[0]

    def goals(self) -> tuple[tuple[float, float], ...]:
        """Tell where each robot is to be [m]."""
        return tuple((float(self.places[target][0]), float(self.places[target][1])) for target in self.targets)


class ErrandMap:
    """Draws what the planner of each robot sees."""

    def __init__(self, errands: Errands, posts: Array, size: int = 64) -> None:
        """Lay the floor.

        Args:
            errands: What stands on it.
            posts: Centre and radius of each, shape (O, 3) [m].
            size: Width and height of the pictures [pixel].
        """
        self._errands, self._posts = errands, posts.reshape(-1, 3)
        self._view = ArenaView(HALF_M, size)
        self._marks = []
        for thing, place in zip(errands.things, errands.places, strict=True):
            colour, _, shape = thing.partition("-")
            self._marks.append((place, THING_HALF_M, shape, colour_of(colour)))

    def draw(self, poses: Array, robot: int) -> Image:
        """Draw the present for one robot; the others are posts to it.

        Args:
            poses: Place and heading of every robot, shape (N, 3) [m, rad].
            robot: Whose planner looks.

        Returns:
            Pixels, shape (size, size, 3).
        """
        others = [(x, y, RADIUS_M) for i, (x, y, _) in enumerate(poses.tolist()) if i != robot]
        posts = np.array([*self._posts.tolist(), *others]).reshape(-1, 3)
        return self._view.draw(posts, self._marks, poses[robot], LENGTH_M, WIDTH_M)

    def draw_done(self, poses: Array, robot: int) -> Image:
        """Draw what it looks like when a robot is where it was sent.

        Args:
            poses: Place and heading of every robot, shape (N, 3) [m, rad].
            robot: Which.

        Returns:
            Pixels, shape (size, size, 3).
        """
        done = poses.copy()
        done[robot, :2] = self._errands.places[self._errands.targets[robot]]
        return self.draw(done, robot)


def draw_errands(robots: int, posts: Array, rng: np.random.Generator) -> tuple[Errands, Array]:
    """Draw things, of those that planners know, and starts at random, with room between all that must not touch.

    Args:
        robots: How many.
        posts: Centre and radius of each, shape (O, 3) [m].
        rng: Draws them.

    Returns:
        Errands, and where the robots start, shape (robots, 2) [m].
    """
    things: list[str] = []
    for thing in rng.permutation(ARENA_TRAIN).tolist():
        if len(things) < THINGS and thing.partition("-")[0] not in {other.partition("-")[0] for other in things}:
            things.append(thing)
    while True:
        places = _scatter(THINGS, APART_M, posts, rng)
        starts = _scatter(robots, APART_M, posts, rng)
        if places is None or starts is None:
            continue
        ways = np.linalg.norm(starts[:, None] - places[None, :robots], axis=2)
        # Nobody starts at its own thing, nor where another is to stand.
        if min(np.diag(ways).min(), ways.min() + WAY_M - APART_M) < WAY_M:
            continue
        told = tuple(instruction_of(ARENA, thing) for thing in things[:robots])
        return Errands(tuple(things), places, tuple(range(robots)), told), starts


def _scatter(count: int, apart: float, posts: Array, rng: np.random.Generator) -> Array | None:
    """Draw places that are apart from one another and from posts; None where there is no luck."""
    found: list[Array] = []
    for _ in range(TRIES):
        place = rng.uniform(-EDGE_M, EDGE_M, 2)
        clear = all(np.linalg.norm(place - other) >= apart for other in found)
        if clear and (np.linalg.norm(posts[:, :2] - place, axis=1) - posts[:, 2] >= FROM_POST_M).all():
            found.append(place)
            if len(found) == count:
                return np.array(found)
    return None
