"""Collects episodes of tasks into a folder, and goes on there after whatever stopped it."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from controllers.errors import InvalidValue, UnknownName
from sim.behaviours import BEHAVIOURS, Behaviour, make_behaviour
from sim.coarse_recording import record_coarse
from sim.episodes import Episode, EpisodeInfo, file_name, read_info, record, write_episode
from sim.image_world import World, WorldConfig
from sim.world_tasks import find_tasks
from sim.worlds import make_world

SETTINGS = "collection.json"
# With `successes`, at most this many episodes are tried for each that is wanted.
TRIES = 4
# Behaviour that somebody else must hand over: planners are not known here.
PLANNED = "planner"


@dataclass(frozen=True)
class Collection:
    """What is to be collected.

    Attributes:
        world: "manipulation" or "arena".
        tasks: Names of tasks or of lists of tasks.
        episodes: Of each task.
        seed: Of the first episode of each task; the others count up from it.
        behaviour: One of `sim.behaviours.BEHAVIOURS`, or "planner".
        successes: Whether only successful episodes count; failures are kept, but more are collected.
        config: Settings of the world.
        every: Steps between the states that are kept.
        ahead: Steps that the expert may take from each kept state to succeed; with 0 it is not asked.
    """

    world: str
    tasks: tuple[str, ...]
    episodes: int
    seed: int = 0
    behaviour: str = "expert"
    successes: bool = False
    config: WorldConfig = field(default_factory=WorldConfig)
    every: int = 1
    ahead: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be collected.

        Raises:
            UnknownName: There is no such world, task or behaviour.
            InvalidValue: A number is too small.
        """
        find_tasks(self.world, self.tasks)
        if self.behaviour not in (*BEHAVIOURS, PLANNED):
            raise UnknownName("behaviour", self.behaviour, (*BEHAVIOURS, PLANNED))
        if self.episodes < 1:
            raise InvalidValue(f"Collection.episodes must be at least 1, got {self.episodes}")
        if self.seed < 0:
            raise InvalidValue(f"Collection.seed must be at least 0, got {self.seed}")
        if self.every < 1:
            raise InvalidValue(f"Collection.every must be at least 1, got {self.every}")
        if self.ahead < 0:
            raise InvalidValue(f"Collection.ahead must be at least 0, got {self.ahead}")

    @property
    def settings(self) -> dict[str, object]:
        """What must be the same for all episodes of a folder."""
        coarse = {"every": self.every, "ahead": self.ahead} if self.is_coarse else {}
        config = asdict(self.config)
        if not config["linger"]:
            # Folders from before there was such a thing go on.
            del config["linger"]
        return {"world": self.world, "behaviour": self.behaviour, **config, **coarse}

    @property
    def is_coarse(self) -> bool:
        """Whether not every state is kept, or more is asked of them."""
        return self.every > 1 or self.ahead > 0


@dataclass(frozen=True)
class Step:
    """What is known after an episode.

    Attributes:
        info: What the episode is.
        path: Its file.
        fresh: Whether it was recorded now; False where it was there already.
        done: How many of the wanted episodes are there, of all tasks together.
    """

    info: EpisodeInfo
    path: Path
    fresh: bool
    done: int


def episode_path(folder: Path, task: str, seed: int) -> Path:
    """Name the file of an episode.

    Args:
        folder: Of the collection.
        task: Name of the task.
        seed: Of the episode.

    Returns:
        Its path.
    """
    return folder / task / file_name(seed)


def collect(collection: Collection, folder: Path, planned: Callable[[], Behaviour] | None = None) -> Iterator[Step]:
    """Record what is not there yet, one episode after another.

    Every episode is on disk before the next begins. Each depends on its task and seed alone, so that an interrupted
    collection ends up with the same files as one that was left alone.

    Args:
        collection: What is to be collected.
        folder: Where.
        planned: Makes the behaviour "planner".

    Yields:
        What is known after each episode.

    Raises:
        InvalidValue: The folder holds episodes with other settings or a damaged one; or a task does not succeed often
            enough; or there is no planner.
        MissingModel: A package that the world needs is not installed.
    """
    if collection.behaviour == PLANNED and planned is None:
        raise InvalidValue(f"behaviour '{PLANNED}' needs a planner, got none")
    _agree(folder / SETTINGS, collection.settings)
    done = 0
    for task in find_tasks(collection.world, collection.tasks):
        # The expert needs time behind the end of the episode.
        longer = replace(collection.config, horizon=collection.config.horizon + collection.ahead)
        world = make_world(collection.world, task, longer)
        try:
            counted, seed = 0, collection.seed
            limit = collection.seed + collection.episodes * (TRIES if collection.successes else 1)
            while counted < collection.episodes:
                if seed >= limit:
                    raise InvalidValue(
                        f"only {counted} of {seed - collection.seed} episodes of '{task}' succeeded, "
                        f"{collection.episodes} are wanted"
                    )
                path = episode_path(folder, task, seed)
                fresh = not path.exists()
                if fresh:
                    acting = planned() if planned is not None else make_behaviour(collection.behaviour)
                    write_episode(path, _record(collection, world, acting, seed))
                info = read_info(path)
                counts = info.successful or not collection.successes
                counted, done, seed = counted + counts, done + counts, seed + 1
                yield Step(info, path, fresh, done)
        finally:
            world.close()


def _record(collection: Collection, world: World, behaviour: Behaviour, seed: int) -> Episode:
    rng = np.random.default_rng(seed)
    name, act = collection.behaviour, behaviour.act

    def begin() -> None:
        behaviour.begin(world, rng)

    if collection.is_coarse:
        return record_coarse(world, name, act, seed, begin, collection.every, collection.ahead)
    return record(world, name, act, seed, begin)


def _agree(path: Path, settings: dict[str, object]) -> None:
    """Write the settings of a new folder down; refuse others in an old one."""
    wanted = json.loads(json.dumps(settings))
    if path.exists():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidValue(f"'{path}' cannot be read: {error}") from error
        if found != wanted:
            other = [k for k in wanted if not isinstance(found, dict) or found.get(k) != wanted[k]]
            raise InvalidValue(
                f"'{path.parent}' holds episodes with other settings ({', '.join(other)}); choose another folder"
            )
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    os.replace(draft, path)
