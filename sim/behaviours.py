"""Who acts while episodes are collected: experts, experts that slip or act at random, and play without any task."""

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
# Rummaging: episodes that begin with a closed gripper, moves to a place nearby, and how far that is [m].
CLOSED_SHARE, NEARBY_SHARE, NEARBY_M = 0.5, 0.4, 0.06
# Slips of "stumble" and their lengths; between them the expert acts for some steps, unless it has given up.
SLIPS = ("rest", "stray", "retreat", "fumble", "miss")
SLIP_STEPS, EXPERT_STEPS, GIVE_UP_STEPS = (6, 25), (8, 45), (10, 90)
GIVE_UP_CHANCE = 0.5
# Shifts of "graze" from the expert's way [m]: deviation at most, share of tries that are hardly shifted, and how far.
SHIFT_M, CLOSE_SHARE, CLOSE_M = 0.06, 0.3, 0.008
# Steps that it takes from the expert at most, and for which its hand stays where a try ended.
LONGEST_WAY, STAY_STEPS = 200, (0, 25)


class Behaviour(Protocol):
    """Acts in a world."""

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode; all chance comes from the generator."""
        ...

    def act(self, observation: Observation) -> Array:
        """Tell the next action."""
        ...


def straight_on(away: Array, limit: npt.NDArray[Any]) -> Array:
    """Move straight towards a place; the longest side sets the pace.

    Args:
        away: Where it is, seen from here, shape (D,) [m].
        limit: Longest move along each axis, shape (D,) [m].

    Returns:
        The move, shape (D,) [m].
    """
    return np.asarray(away * min(1.0, float((limit / np.maximum(np.abs(away), 1e-9)).min())))


class ShiftedWay:
    """A way beside another one: first to where it begins, until that is near or takes too long, then place by place.

    Attributes:
        places: It leads through, shape (N, D) [m].
    """

    def __init__(self, places: Array, shift: Array, workspace: Array) -> None:
        """Lay it out.

        Args:
            places: Of the other way, shape (N, D) [m].
            shift: From there, shape (D,) [m].
            workspace: Lowest and highest places, shape (2, D) [m].
        """
        self.places = np.clip(places + shift, *workspace)
        self._next, self._left = 0, PATIENCE

    def arrive(self, place: Array) -> bool:
        """Take note of where the hand is, once a step.

        Args:
            place: It, shape (D,) [m].

        Returns:
            Whether the last place was headed for already.
        """
        if self._next == 0:
            self._left -= 1
            self._next = int(self._left < 0 or float(np.linalg.norm(self.places[0] - place)) < NEAR_M)
        return self._next >= len(self.places)

    def go(self, place: Array, limit: npt.NDArray[Any]) -> tuple[Array, int]:
        """Go on, or stay at the end.

        Args:
            place: Where the hand is, shape (D,) [m].
            limit: Longest move along each axis, shape (D,) [m].

        Returns:
            The move, shape (D,) [m], and the number of the place that it heads for.
        """
        at = min(self._next, len(self.places) - 1)
        self._next += self._next > 0
        return straight_on(self.places[at] - place, limit), at


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
        move = straight_on(away, self._world.action_space.high[:width] * self._speed)
        if not self._world.has_gripper:
            return np.asarray(move, dtype=np.float64)
        if self._rng.uniform() < TOGGLE_CHANCE:
            self._gripper = -self._gripper
        return np.append(move, self._gripper)

    def _draw(self) -> None:
        low, high = self._world.workspace
        self._target, self._speed = self._rng.uniform(low, high), self._rng.uniform(0.3, 1.0)
        self._left = PATIENCE


class Rummage(Play):
    """Plays where hands work: low, often with a closed gripper, in long and in short moves.

    A place drawn evenly from the workspace is mostly in the air, where nothing is to be learned of how things and a
    hand beside them look. Things of the scene are touched and moved, but only because they stand where the hand goes.
    """

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Draws places, speeds and commands.
        """
        self._here: Array | None = None
        super().begin(world, rng)
        self._gripper = 1.0 if rng.uniform() < CLOSED_SHARE else -1.0

    def act(self, observation: Observation) -> Array:
        """Act.

        Args:
            observation: Its pose tells when a place is reached, and where short moves begin.

        Returns:
            Action.
        """
        self._here = observation[POSE][: self._world.workspace.shape[1]].astype(np.float64)
        return super().act(observation)

    def _draw(self) -> None:
        super()._draw()
        low, high = self._world.workspace
        if len(low) > 2:
            # Evenly drawn heights, squared: half of all places are in the lowest quarter.
            share = (self._target[2] - low[2]) / (high[2] - low[2])
            self._target[2] = low[2] + share**2 * (high[2] - low[2])
        if self._here is not None and self._rng.uniform() < NEARBY_SHARE:
            self._target = np.clip(self._here + self._rng.normal(0.0, NEARBY_M, len(low)), low, high)


class Stumble:
    """An expert that slips again and again, and in half of the episodes gives up for good.

    It rests, strays, goes back to where it began, opens or closes the gripper at the wrong time, or misses by a
    constant offset. So there are pauses, retries after a failure, near misses and episodes that end half-way, all of
    which an expert never shows.
    """

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode.

        Args:
            world: Where.
            rng: Draws slips and their times.
        """
        self._world, self._rng = world, rng
        self._slip, self._left = "", int(rng.integers(*EXPERT_STEPS))
        gives_up = rng.uniform() < GIVE_UP_CHANCE
        self._patience = float(rng.integers(*GIVE_UP_STEPS)) if gives_up else np.inf
        self._home: Array | None = None
        self._drift = np.zeros(0)

    def act(self, observation: Observation) -> Array:
        """Act.

        Args:
            observation: Its pose tells the way back.

        Returns:
            Action.
        """
        width = self._world.workspace.shape[1]
        place = np.asarray(observation[POSE][:width], dtype=np.float64)
        if self._home is None:
            self._home = place
        self._patience -= 1
        if self._left == 0 or self._patience == 0:
            self._turn(width)
        self._left -= 1
        expert = self._world.expert()
        if not self._slip:
            return expert
        limit = self._world.action_space.high[:width].astype(np.float64)
        action = expert.copy()
        if self._slip == "fumble" and self._world.has_gripper:
            action[width:] = -np.sign(expert[width:])
        elif self._slip == "miss":
            action[:width] = np.clip(expert[:width] + 0.6 * limit * self._drift, -limit, limit)
        else:
            moves = {"stray": limit * self._drift, "retreat": np.clip(self._home - place, -limit, limit)}
            action[:width] = moves.get(self._slip, np.zeros(width))
        return action

    def _turn(self, width: int) -> None:
        """Slip after a spell of the expert, and the other way round."""
        given_up = self._patience <= 0
        if self._slip and not given_up:
            self._slip, self._left = "", int(self._rng.integers(*EXPERT_STEPS))
            return
        # Who has given up does not go on with the task, not even badly.
        self._slip = SLIPS[int(self._rng.integers(3 if given_up else len(SLIPS)))]
        self._left = int(self._rng.integers(*SLIP_STEPS))
        self._drift = self._rng.uniform(-1.0, 1.0, width)


class Graze:
    """Follows what the expert would do in this very scene, shifted by a few centimetres, and tries again elsewhere.

    A planner fails like this: the hand goes where it should, nearly, does what it should do there, and stays about. An
    expert never shows it, and one that slips does not either. Who judges by where the hand is takes it for a success.
    """

    def begin(self, world: World, rng: np.random.Generator) -> None:
        """Begin an episode: see what the expert does, and come back to the beginning.

        Args:
            world: Where; what the expert does in it costs no step of the episode.
            rng: Draws shifts and how long the hand stays.
        """
        self._world, self._rng = world, rng
        self._width = world.workspace.shape[1]
        moment, cameras = world.save(), world.cameras
        world.cameras = ()
        expert, places, actions = Expert(), [], []
        expert.begin(world, rng)
        try:
            for _ in range(min(LONGEST_WAY, world.config.horizon)):
                action = expert.act({})
                observation, _, terminated, truncated, info = world.step(action)
                places.append(observation[POSE][: self._width].astype(np.float64))
                actions.append(action)
                if info["success"] or terminated or truncated:
                    break
        finally:
            world.load(moment)
            world.cameras = cameras
        self._places, self._actions = np.array(places), np.array(actions)
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
            self._stay -= 1
            if self._stay < 0:
                self._aim()
        step, at = self._way.go(place, self._world.action_space.high[: self._width])
        return np.concatenate([step, self._actions[at, self._width :]])

    def _aim(self) -> None:
        spread = CLOSE_M if self._rng.uniform() < CLOSE_SHARE else SHIFT_M * self._rng.uniform()
        shift = self._rng.normal(0.0, spread, self._width)
        self._way = ShiftedWay(self._places, shift, self._world.workspace)
        self._stay = int(self._rng.integers(*STAY_STEPS))


BEHAVIOURS: dict[str, Any] = {
    "expert": Expert,
    "mixed": Mixed,
    "play": Play,
    "rummage": Rummage,
    "stumble": Stumble,
    "graze": Graze,
}


def make_behaviour(name: str) -> Behaviour:
    """Make a behaviour.

    Args:
        name: "expert", "mixed", "play", "rummage", "stumble" or "graze".

    Returns:
        The behaviour.

    Raises:
        UnknownName: There is no such behaviour.
    """
    if name not in BEHAVIOURS:
        raise UnknownName("behaviour", name, BEHAVIOURS)
    behaviour: Behaviour = BEHAVIOURS[name]()
    return behaviour
