"""The loop's baseline: a cloned policy that acts, keeps its successes and clones them as well.

The same rollouts, filter, exploring and replay as for a planner; nothing is imagined. Every training begins with the
first policy and learns from all that was kept so far, so that nothing drifts away over the iterations.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from controllers.errors import InvalidValue
from policies.sail.kept_episodes import OWN, PLAY, check_play, read_kept
from policies.sail.loop_world import InWorld
from policies.video.cloning import BEST, Cloner, CloningConfig, CloningTraining
from policies.video.fitting import FitConfig
from policies.video.planner import Planner
from policies.video.shipped import CLONING
from sim.episodes import find_episodes, read_episode
from sim.world_tasks import MANIPULATION


@dataclass(frozen=True)
class CloningStudioConfig:
    """Settings of worlds, policies and their fine-tuning.

    Attributes:
        policy: Weights of the policy that the loop begins with.
        data: Folders of the episodes that it was trained on, for replay.
        views: Cameras of a judge of rollouts, which are recorded, too.
        play: Behaviour that explores (`sim.behaviours`); empty where the policy does.
        steps: Batches of each fine-tuning.
        rate: Their learning rate.
        share: Of the new task in what is learned from; the rest is replay.
        world: Which body.
        camera: Which pictures.
        horizon: Actions of an episode at most.
        tail: Last actions of kept play that are learned from.
        tries: Last actions of what was kept of those that tried it again.
        straight: Kept rollouts that went straight, from which on play is not cloned any more.
    """

    policy: Path
    data: tuple[Path, ...]
    views: tuple[str, ...] = ()
    play: str = ""
    steps: int = 600
    rate: float = 3e-4
    share: float = 0.33
    world: str = MANIPULATION
    camera: str = "corner4"
    horizon: int = 200
    tail: int = 60
    tries: int = 100
    straight: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range, or there are no data to replay.
        """
        for name in ("steps", "tail", "tries", "straight"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"CloningStudioConfig.{name} must be at least 1, got {getattr(self, name)}")
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidValue(f"CloningStudioConfig.rate must be finite and positive, got {self.rate}")
        if not 0.0 < self.share < 1.0:
            raise InvalidValue(f"CloningStudioConfig.share must lie in (0, 1), got {self.share}")
        check_play("CloningStudioConfig", self.play, self.world)
        if not self.data:
            raise InvalidValue("fine-tuning needs the data of the first training for replay, got no folder")


@dataclass(frozen=True)
class CloningStudio(InWorld):
    """A `policies.sail.rollouts.Studio` of a cloned policy."""

    config: CloningStudioConfig

    def planner(self, models: Path | None, explore: bool = False) -> Planner:
        """Load a policy.

        Args:
            models: Folder of a fine-tuning; None for the weights that the loop begins with.
            explore: A policy has nobody else who might explore, and does it itself.

        Returns:
            The policy.

        Raises:
            InvalidValue: Weights are missing or damaged.
        """
        torch.set_num_threads(1)
        return Cloner.load(self._policy(models))

    def files(self, models: Path | None) -> dict[str, Path]:
        """Name the weights of a policy.

        Args:
            models: Folder of a fine-tuning; None for the weights that the loop begins with.

        Returns:
            Files by part, as `policies.video.shipped.weights_of` calls them.
        """
        return {CLONING: self._policy(models)}

    def improve(
        self, models: Path | None, kept: Sequence[Path], rollouts: Sequence[Path], folder: Path, seed: int
    ) -> Iterator[str]:
        """Fine-tune the first policy on what was kept, with replay of the demonstrations.

        Args:
            models: Folder of those that acted last; not gone on from.
            kept: Rollouts to clone; without any the first policy stays.
            rollouts: Not cloned where they were not kept: what fails is no example.
            folder: For the new policy and the state of its training.
            seed: Of the training.

        Yields:
            How it goes.

        Raises:
            InvalidValue: A loss is not finite; what was kept last stays.
        """
        torch.set_num_threads(1)
        config, start = self.config, Cloner.load(self.config.policy)
        if not kept:
            folder.mkdir(parents=True, exist_ok=True)
            start.save(folder / BEST)
            yield "nothing was kept, so the first policy stays"
            return
        own = read_kept(kept, config.tail, config.tries, config.straight)
        there = [item for place in config.data for item in find_episodes(place).items()]
        shown = [read_episode(path) for path, info in there if info.behaviour not in PLAY]
        fit = FitConfig(steps=config.steps, rate=config.rate, seed=seed, every=config.steps, batch=64)
        training = CloningTraining(
            *([*own, *shown], config.camera, CloningConfig(fit), folder, "pronk train sail", start),
            *((own[0].info.task, config.share), OWN),
        )
        for step in training.run():
            yield f"cloned policy, batch {step.step}: loss {step.loss:.4f}, held out {step.error:.5f}"

    def _policy(self, models: Path | None) -> Path:
        return self.config.policy if models is None else models / BEST
