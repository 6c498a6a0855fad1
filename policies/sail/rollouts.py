"""Rollouts of a planner in batches that any process can run."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from policies.video.commitment import CommitmentConfig
from policies.video.execution import ExecutionConfig, Rollout, execute_all
from policies.video.planner import Planner
from sim.behaviours import Behaviour, make_behaviour
from sim.episodes import Episode, file_name, read_episode, read_info, record, write_episode
from sim.image_world import World
from sim.retrace import NAME as RETRACE
from sim.retrace import Retrace
from sim.tinker import NAME as TINKER
from sim.tinker import Tinker, moved

# In a folder of new models, others that change less.
CAUTIOUS = "cautious"
# Of the episodes that explore once something was kept, those that try it again.
RETRACED_SHARE = 0.6
# Of the others of one that tinkers, those that go back to what moved things, and how many episodes they go back to.
TINKERED_SHARE, MOVERS = 0.8, 4
# What it does where nothing has moved yet.
BEFORE_TINKERING = "rummage"


class Studio(Protocol):
    """What the loop learns with, and where; it travels to other processes.

    Attributes:
        camera: Which pictures planners look at.
        play: Behaviour whose episodes explore (`sim.behaviours`); empty where a planner does.
    """

    @property
    def camera(self) -> str:
        """Which pictures planners look at."""
        ...

    @property
    def play(self) -> str:
        """Behaviour whose episodes explore."""
        ...

    def world(self, task: str, goes_on: bool = False) -> World:
        """Make a world of a task, with the camera in its observations; success ends its episodes, or they go on."""
        ...

    def planner(self, models: Path | None, explore: bool = False) -> Planner:
        """Make the planner of a folder of models; of None, the one that the loop begins with.

        With `explore`, make one that tries what those models may not think of.
        """
        ...

    def improve(
        self, models: Path | None, kept: Sequence[Path], rollouts: Sequence[Path], folder: Path, seed: int
    ) -> Iterator[str]:
        """Train models on rollouts, with replay of the data that the first ones were trained on.

        Goes on where it was stopped in the same folder; when it ends, the folder holds models that `planner` takes. So
        may its folder `CAUTIOUS`: models that change less, for a loop that tries both.

        Args:
            models: Folder of those to go on from; None for those that the loop begins with.
            kept: Rollouts, of all iterations, that the video model learns from.
            rollouts: All rollouts, failures too, that inverse dynamics learns from.
            folder: For the new models.
            seed: Of the training.

        Yields:
            What is going on, in words.

        Raises:
            InvalidValue: A loss is not finite; what was kept last stays.
        """
        ...


class Known(NamedTuple):
    """What explorers know of a task.

    Attributes:
        examples: Episodes that were kept so far; who plays tries some of them again.
        tried: All episodes so far; who tinkers goes back to those that moved things most.
    """

    examples: tuple[Path, ...] = ()
    tried: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Rollouts that are run together.

    Attributes:
        studio: Makes worlds and planner.
        models: Folder of the planner's models.
        task: Name of the task.
        seeds: Of the episodes.
        frames: Frames of a plan that are acted out before the next.
        folder: Where episodes are written, one file each; None for nowhere.
        known: With it the studio's explorer acts instead of the planner of the models, even if it knows nothing yet.
        goes_on: Whether episodes go on to the horizon after success, as where nobody tells that it is one.
    """

    studio: Studio
    models: Path | None
    task: str
    seeds: tuple[int, ...]
    frames: int
    folder: Path | None
    known: Known | None = None
    goes_on: bool = False


@dataclass(frozen=True)
class Result:
    """How a rollout went.

    Attributes:
        task: Name of the task.
        seed: Of the episode.
        success: Whether any state was a success.
        steps: Number of actions.
        confidence: Mean of the plans'.
    """

    task: str
    seed: int
    success: bool
    steps: int
    confidence: float


# Runs batches, here or in other processes, and hands each one's results over as soon as they are there.
Spread = Callable[[Sequence[Batch], Callable[[list[Result]], None]], None]


def one_after_the_other(batches: Sequence[Batch], keep: Callable[[list[Result]], None]) -> None:
    """Run batches in this process.

    Args:
        batches: What to run.
        keep: Takes the results of each.
    """
    for batch in batches:
        keep(run_batch(batch))


def run_batch(batch: Batch) -> list[Result]:
    """Run the rollouts of a batch side by side; each depends on its seed and the models alone.

    Args:
        batch: What to run.

    Returns:
        How each went.

    Raises:
        OSError: An episode cannot be written; those before it are.
    """
    if batch.known is not None and batch.studio.play:
        return _explore(batch, batch.known)
    rollouts = play(batch)
    for rollout in rollouts:
        if batch.folder is not None and rollout.episode is not None:
            write_episode(batch.folder / file_name(rollout.seed), rollout.episode)
    return [
        Result(r.task, r.seed, r.success, r.steps, sum(plan.confidence for plan in r.plans) / max(len(r.plans), 1))
        for r in rollouts
    ]


def _explore(batch: Batch, known: Known) -> list[Result]:
    """Act without any planner, one episode after another."""
    results, world = [], batch.studio.world(batch.task, batch.goes_on)
    movers = find_movers(known.tried) if batch.studio.play == TINKER else []
    try:
        for seed in batch.seeds:
            episode = _act_freely(world, batch.studio.play, seed, known.examples, movers)
            if batch.folder is not None:
                write_episode(batch.folder / file_name(seed), episode)
            results.append(Result(batch.task, seed, episode.info.successful, episode.info.steps, 0.0))
    finally:
        world.close()
    return results


def find_movers(files: Sequence[Path]) -> list[Episode]:
    """Look for the episodes that moved things most, whatever came of it.

    Args:
        files: Episodes of one task.

    Returns:
        A few of them, those that moved things farthest first; fewer where less has moved.
    """
    farthest = {path: float(moved(read_episode(path)).max()) for path in files}
    chosen = sorted((path for path in files if farthest[path] > 0.0), key=lambda path: -farthest[path])
    return [read_episode(path) for path in chosen[:MOVERS]]


def _act_freely(world: World, name: str, seed: int, examples: Sequence[Path], movers: Sequence[Episode]) -> Episode:
    rng = np.random.default_rng(seed)
    behaviour: Behaviour
    if examples and rng.uniform() < RETRACED_SHARE:
        # Who was there soon went straight; luck that came late is rarely had again.
        weight = np.array([1.0 / max(read_info(path).steps, 1) ** 2 for path in examples])
        chosen = examples[int(rng.choice(len(examples), p=weight / weight.sum()))]
        name, behaviour = RETRACE, Retrace(read_episode(chosen))
    elif movers and rng.uniform() < TINKERED_SHARE:
        behaviour = Tinker(movers)
    else:
        name = BEFORE_TINKERING if name == TINKER else name
        behaviour = make_behaviour(name)
    return record(world, name, behaviour.act, seed, lambda: behaviour.begin(world, rng))


def play(batch: Batch) -> list[Rollout]:
    """Run the rollouts of a batch and keep all of them.

    Args:
        batch: What to run; with a folder, or a camera to be shown, episodes are recorded.

    Returns:
        The rollouts.
    """
    worlds = [batch.studio.world(batch.task, batch.goes_on) for _ in batch.seeds]
    try:
        # Who does something new gains nothing from looking again sooner: its futures hold it up.
        commitment = CommitmentConfig(batch.frames, stalled_m=0.0)
        config = ExecutionConfig(commitment, record=batch.folder is not None)
        return execute_all(worlds, batch.studio.planner(batch.models, batch.known is not None), batch.seeds, config)
    finally:
        for world in worlds:
            world.close()
