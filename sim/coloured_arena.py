"""The arena: a quadruped among posts is told which of several coloured things to go to, and is seen from above.

The planner's second body. An action is a planar displacement, as a locomotion controller follows it; the legs
themselves are simulated elsewhere (`sim.team_backend`).
"""

import heapq
import math
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
import numpy.typing as npt

from controllers.errors import UnknownName
from sim.arena_view import ArenaView
from sim.colour_names import PALETTE
from sim.episodic_world import EpisodicWorld
from sim.image_world import POSE, Observation, WorldConfig, check_action
from sim.world_tasks import ARENA, ARENA_NOVEL, ARENA_PRIOR, ARENA_TASKS, ARENA_TRAIN, COLOURS

Array = npt.NDArray[np.float64]

CAMERAS = ("top",)
HALF_M = 2.0
# A Go2 with its feet; a disc of this radius keeps clear of posts.
LENGTH_M, WIDTH_M, RADIUS_M = 0.65, 0.31, 0.3
# At most 0.5 m/s along each axis.
REACH_M, PERIOD_S = 0.1, 0.2
THINGS, POSTS, THING_HALF_M = 4, 3, 0.2
ARRIVED_M = 0.3
# How fast the body turns to where it goes, per step [rad].
TURN_RAD = 0.4
# Colours of things in one layout of the prior differ by at least this in RGB (Euclidean, of 255); others always do.
LEAST_DIFFERENCE = 70.0
GRID_M = 0.1
DIRECTIONS = 24


@dataclass(frozen=True)
class Layout:
    """Where everything is.

    Attributes:
        start: Place and heading of the robot, shape (3,) [m, rad].
        posts: Centre and radius of each, shape (O, 3) [m].
        things: Names of the things, such as "red-box"; the first is the goal.
        places: Their centres, shape (T, 2) [m].
    """

    start: Array
    posts: Array
    things: tuple[str, ...]
    places: Array


class ArenaWorld(EpisodicWorld):
    """One task of the arena as a `sim.image_world.World`.

    The pose is the place of the robot in the map [m] and its heading [rad]. Posts stop it; it slides along them. The
    info tells beside success whether it "touched" a post or a wall and which thing it has "reached", the wrong ones
    included. All things differ in colour, so that the instruction always tells them apart; a task to train on shows
    only things to train on, and one of the prior only things of the prior.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 5}
    name = ARENA
    period = PERIOD_S
    pose_names = ("x_m", "y_m", "heading_rad")
    has_gripper = False

    def __init__(self, task: str, config: WorldConfig | None = None) -> None:
        """Lay the floor.

        Args:
            task: Name of the task, such as "red-box".
            config: Settings.

        Raises:
            UnknownName: There is no such task or camera.
        """
        super().__init__(task, config, CAMERAS)
        room = HALF_M - RADIUS_M
        self.workspace = np.array([[-room, -room], [room, room]])
        self.action_space = gymnasium.spaces.Box(-REACH_M, REACH_M, (2,), np.float32)
        self._view = ArenaView(HALF_M, self.config.size, self.config.look)
        self._robot, self._touched = np.zeros(3), False
        self.layout = draw_layout(task, np.random.default_rng(0))
        self._ways: Array | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Decides the layout; None draws one.
            options: None are known.

        Returns:
            Observation and info.

        Raises:
            InvalidValue: An option is given.
        """
        self._begin(seed, options)
        self.layout, self._ways = draw_layout(self.task, self.np_random), None
        self._robot = self.layout.start.copy()
        self._touched = False
        return self._observe(), self._info()

    def step(self, action: npt.NDArray[Any]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Walk for one step.

        Args:
            action: Displacement in the map [m], shape (2,); beyond is clipped.

        Returns:
            Observation, 1 on the first success, whether success ended the episode, whether the horizon cut it, info.

        Raises:
            InvalidValue: The action has the wrong shape or is not finite.
            ResetNeeded: The episode has not begun or is over.
        """
        self._require_episode()
        move = check_action(action, self.action_space)
        wanted = self._robot[:2] + move
        place = pushed_out(wanted, self.layout.posts)
        self._touched = bool(np.abs(place - wanted).max() > 1e-9)
        if np.hypot(*move) > 1e-3:
            turn = math.remainder(math.atan2(move[1], move[0]) - self._robot[2], math.tau)
            self._robot[2] = math.remainder(self._robot[2] + min(max(turn, -TURN_RAD), TURN_RAD), math.tau)
        self._robot[:2] = place
        return self._observe(), *self._count(self._reached() == self.task), self._info()

    def expert(self) -> Array:
        """Tell how to go on along the shortest way around the posts.

        Returns:
            Action, shape (2,).
        """
        if self._ways is None:
            self._ways = distances_to(self.layout.places[0], self.layout.posts)
        place, goal = self._robot[:2], self.layout.places[0]
        if clear(place, goal, self.layout.posts):
            move = goal - place
            return np.asarray(move * min(1.0, REACH_M / max(float(np.abs(move).max()), 1e-9)))
        angle = np.arange(DIRECTIONS) / DIRECTIONS * math.tau
        moves = REACH_M * np.stack((np.cos(angle), np.sin(angle)), axis=1)
        ahead = [_at(self._ways, pushed_out(place + 2.0 * move, self.layout.posts)) for move in moves]
        return np.asarray(moves[int(np.argmin(ahead))])

    def save(self) -> Any:
        """Keep the present moment.

        Returns:
            What `load` takes.
        """
        return self._robot.copy(), self._left, self._succeeded, self._touched

    def load(self, moment: Any) -> None:
        """Go back to a moment of the same episode.

        Args:
            moment: What `save` returned.
        """
        robot, self._left, self._succeeded, self._touched = moment
        self._robot = robot.copy()

    def progress(self) -> float:
        """Tell how far the robot is, by the length of the way around the posts.

        Returns:
            Progress in [0, 1]; 1 in a success.
        """
        if self._reached() == self.task:
            return 1.0
        if self._ways is None:
            self._ways = distances_to(self.layout.places[0], self.layout.posts)
        whole = _at(self._ways, self.layout.start[:2])
        return float(np.clip(1.0 - _at(self._ways, self._robot[:2]) / whole, 0.0, 1.0))

    def render(self) -> npt.NDArray[np.uint8]:
        """Draw the arena from above.

        Returns:
            Pixels, shape (size, size, 3).
        """
        marks = []
        for thing, place in zip(self.layout.things, self.layout.places, strict=True):
            colour, _, shape = thing.partition("-")
            marks.append((place, THING_HALF_M, shape, colour_of(colour)))
        return self._view.draw(self.layout.posts, marks, self._robot, LENGTH_M, WIDTH_M)

    def draw(self, camera: str) -> npt.NDArray[np.uint8]:
        """Draw the only camera there is.

        Args:
            camera: Its name.

        Returns:
            Pixels, shape (size, size, 3).

        Raises:
            UnknownName: There is no such camera.
        """
        if camera not in CAMERAS:
            raise UnknownName("camera", camera, CAMERAS)
        return self.render()

    def close(self) -> None:
        """Nothing is to be freed."""

    def _observe(self) -> Observation:
        return {camera: self.render() for camera in self.cameras} | {POSE: self._robot.astype(np.float32)}

    def _reached(self) -> str:
        distance = np.linalg.norm(self.layout.places - self._robot[:2], axis=1)
        nearest = int(distance.argmin())
        return self.layout.things[nearest] if distance[nearest] <= ARRIVED_M else ""

    def _info(self) -> dict[str, Any]:
        reached = self._reached()
        return {
            "success": reached == self.task,
            "instruction": self.instruction,
            "state": np.concatenate([self._robot, self.layout.places[0]]),
            "touched": self._touched,
            "reached": reached,
        }


def colour_of(name: str) -> tuple[int, int, int]:
    """Look a colour up.

    Args:
        name: Of a colour of the arena or of its prior.

    Returns:
        Red, green and blue, each from 0 to 255.
    """
    return COLOURS[name] if name in COLOURS else PALETTE[name]


def _differ(first: str, second: str) -> bool:
    """Whether two things can be told apart by their colours."""
    one, other = first.partition("-")[0], second.partition("-")[0]
    if one in COLOURS and other in COLOURS:
        return one != other
    return float(np.linalg.norm(np.subtract(colour_of(one), colour_of(other)))) >= LEAST_DIFFERENCE


def draw_layout(task: str, rng: np.random.Generator) -> Layout:
    """Draw where everything is, with room between all and a way to the goal.

    Args:
        task: The goal.
        rng: Draws it.

    Returns:
        The layout.
    """
    known = ARENA_PRIOR if task in ARENA_PRIOR else ARENA_TASKS if task in ARENA_NOVEL else ARENA_TRAIN
    things = [task]
    for other in rng.permutation(known).tolist():
        if len(things) < THINGS and all(_differ(other, thing) for thing in things):
            things.append(other)
    count, room = 1 + len(things), HALF_M - RADIUS_M
    while True:
        places = rng.uniform(-room, room, (count + POSTS, 2))
        radius = np.concatenate([[0.35], np.full(len(things), 0.3), rng.uniform(0.12, 0.3, POSTS)])
        apart = np.linalg.norm(places[:, None] - places[None], axis=2) - radius[:, None] - radius[None]
        np.fill_diagonal(apart, np.inf)
        # Nobody starts on a thing, and things stand where a robot can go to them.
        apart[count:, :count] -= RADIUS_M
        if min(apart.min(), apart[0, 1:].min() - 0.3) < 0.0:
            continue
        posts = np.column_stack([places[count:], radius[count:]])
        if math.isfinite(_at(distances_to(places[1], posts), places[0])):
            start = np.array([*places[0], rng.uniform(-math.pi, math.pi)])
            return Layout(start, posts, tuple(things), places[1:count])


def pushed_out(place: Array, posts: Array) -> Array:
    """Find where a robot ends up that wants to be somewhere: outside of posts and inside of the walls.

    Args:
        place: Where it wants to be, shape (2,) [m].
        posts: Centre and radius of each, shape (O, 3) [m].

    Returns:
        Shape (2,) [m].
    """
    place = np.clip(place, -HALF_M + RADIUS_M, HALF_M - RADIUS_M)
    # Out of one post may be into another; after a few rounds it is out of all, as they leave room.
    for _ in range(4):
        for x, y, radius in posts:
            away = place - (x, y)
            distance, least = float(np.hypot(*away)), radius + RADIUS_M
            if distance < least:
                place = np.array([x, y]) + (away / distance if distance > 0.0 else np.array([1.0, 0.0])) * least
        place = np.clip(place, -HALF_M + RADIUS_M, HALF_M - RADIUS_M)
    return place


def clear(first: Array, second: Array, posts: Array) -> bool:
    """Tell whether a robot can go straight.

    Args:
        first: From here, shape (2,) [m].
        second: To here, shape (2,) [m].
        posts: Centre and radius of each, shape (O, 3) [m].

    Returns:
        Whether no post is in the way.
    """
    along = second - first
    share = np.clip((posts[:, :2] - first) @ along / max(float(along @ along), 1e-12), 0.0, 1.0)
    nearest = first + share[:, None] * along
    return bool((np.linalg.norm(posts[:, :2] - nearest, axis=1) >= posts[:, 2] + RADIUS_M - 1e-6).all())


def distances_to(goal: Array, posts: Array) -> Array:
    """Find how far it is from everywhere to a goal, around the posts.

    Args:
        goal: Shape (2,) [m].
        posts: Centre and radius of each, shape (O, 3) [m].

    Returns:
        Distance by row (y) and column (x) of a grid, inf where a robot cannot be, shape (K, K) [m].
    """
    edge = np.arange(-HALF_M + RADIUS_M, HALF_M - RADIUS_M + 0.5 * GRID_M, GRID_M)
    x, y = np.meshgrid(edge, edge)
    free = np.ones(x.shape, dtype=bool)
    for px, py, radius in posts:
        free &= np.hypot(x - px, y - py) >= radius + RADIUS_M
    distance = np.full(x.shape, np.inf)
    row, column = (int(i) for i in np.unravel_index(np.hypot(x - goal[0], y - goal[1]).argmin(), x.shape))
    distance[row, column] = 0.0
    queue = [(0.0, row, column)]
    while queue:
        far, row, column = heapq.heappop(queue)
        if far > distance[row, column]:
            continue
        for dr in (-1, 0, 1):
            for dc in (-1, 0, 1):
                r, c = row + dr, column + dc
                if (dr or dc) and 0 <= r < len(edge) and 0 <= c < len(edge) and free[r, c]:
                    there = far + GRID_M * math.hypot(dr, dc)
                    if there < distance[r, c] - 1e-12:
                        distance[r, c] = there
                        heapq.heappush(queue, (there, r, c))
    return distance


def _at(distances: Array, place: Array) -> float:
    """Distance at a place: that of the nearest cells plus the way to them."""
    cell = (place + HALF_M - RADIUS_M) / GRID_M
    low = np.clip(np.floor(cell).astype(np.int64), 0, len(distances) - 2)
    best = math.inf
    for dx in (0, 1):
        for dy in (0, 1):
            off = np.hypot(*(low + np.array([dx, dy]) - cell)) * GRID_M
            best = min(best, float(distances[low[1] + dy, low[0] + dx] + off))
    return best
