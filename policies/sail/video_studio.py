"""The true parts of the loop: a video model that may be adapted to a prior, inverse dynamics, and their fine-tuning."""

import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from controllers.errors import InvalidValue
from policies.sail.kept_episodes import OWN, PLAY, check_play, read_kept
from policies.sail.loop_world import InWorld
from policies.sail.rollouts import CAUTIOUS
from policies.sail.weight_mean import write_mean
from policies.video.adaptation import Adaptation
from policies.video.adapted_video import AdaptedVideo
from policies.video.fitting import FitConfig
from policies.video.flow_model import FlowModel
from policies.video.flow_training import BEST as VIDEO_FILE
from policies.video.flow_training import FlowTraining, FlowTrainingConfig
from policies.video.imagined_pairs import imagine_pairs
from policies.video.inverse_model import InverseModel
from policies.video.inverse_training import BEST as INVERSE_FILE
from policies.video.inverse_training import InverseTraining, InverseTrainingConfig
from policies.video.planner import Planner
from policies.video.shipped import ADAPTATIONS, IN_DOMAIN, PRIOR, STEPS
from policies.video.video_planner import VideoPlanner
from sim.episodes import Episode, find_episodes, read_episode
from sim.world_tasks import MANIPULATION

VIDEO, INVERSE, DRAFT, MEAN = "video", "inverse", "draft.safetensors", "mean.safetensors"
EXPERT = "expert"


@dataclass(frozen=True)
class StudioConfig:
    """Settings of worlds, planners and their fine-tuning.

    Attributes:
        video: Weights of the in-domain model that the loop begins with.
        inverse: Weights of the inverse dynamics that it begins with.
        data: Folders of the episodes that both were trained on, for replay.
        prior: Weights of the prior; None for none. The prior is never trained in the loop.
        adaptation: How the two are added up.
        world: Which body.
        camera: Which pictures.
        views: Cameras of a judge of rollouts, which are recorded, too.
        horizon: Actions of an episode at most.
        video_steps: Batches of each fine-tuning of the video model.
        video_rate: Their learning rate.
        inverse_steps: Batches of each fine-tuning of inverse dynamics.
        inverse_rate: Their learning rate.
        imagined: Moments from which the new video model imagines on, for inverse dynamics to read; 0 for none.
        imagined_frames: Frames that are looked at after each.
        explorer: Weights of a video model that explores alone, such as the prior; None for none.
        average: Whether the planner is the mean of all fine-tunings so far; else it is the last one.
        play: Behaviour that explores without any planner (`sim.behaviours`), instead of an explorer; empty for none.
        tail: Last actions of kept play that the video model learns from: what led to success, and not what was aimless.
        tries: Last actions of what was kept of those that tried it again: from where the hand began.
        share: Of the new task in what the video model learns from; the rest is replay.
        straight: Kept rollouts that went straight, by planner or second tries, from which on play is not imagined any
            more: most of it is aimless, and a future that may be anything is no plan.
    """

    video: Path
    inverse: Path
    data: tuple[Path, ...]
    prior: Path | None = None
    adaptation: Adaptation = field(default_factory=lambda: ADAPTATIONS[IN_DOMAIN])
    world: str = MANIPULATION
    camera: str = "corner4"
    views: tuple[str, ...] = ()
    horizon: int = 200
    video_steps: int = 300
    video_rate: float = 3e-4
    inverse_steps: int = 300
    inverse_rate: float = 3e-4
    imagined: int = 160
    imagined_frames: int = 2
    explorer: Path | None = None
    average: bool = True
    play: str = ""
    tail: int = 60
    tries: int = 100
    share: float = 0.33
    straight: int = 3

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range, there are no data to replay, or play does not go with the rest.
        """
        for name in ("video_steps", "inverse_steps"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"StudioConfig.{name} must be at least 1, got {getattr(self, name)}")
        if self.imagined < 0 or self.imagined_frames < 1:
            raise InvalidValue(
                "StudioConfig.imagined must be at least 0 and imagined_frames at least 1, got "
                f"{self.imagined} and {self.imagined_frames}"
            )
        check_play("StudioConfig", self.play, self.world)
        if self.play and self.explorer is not None:
            raise InvalidValue(f"StudioConfig.play needs no explorer, got '{self.play}' and {self.explorer}")
        if not 0.0 < self.share < 1.0:
            raise InvalidValue(f"StudioConfig.share must lie in (0, 1), got {self.share}")
        for name in ("tail", "tries", "straight"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"StudioConfig.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("video_rate", "inverse_rate"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise InvalidValue(f"StudioConfig.{name} must be finite and positive, got {getattr(self, name)}")
        if not self.data:
            raise InvalidValue("fine-tuning needs the data of the first training for replay, got no folder")


@dataclass(frozen=True)
class VideoStudio(InWorld):
    """A `policies.sail.rollouts.Studio` of a video planner."""

    config: StudioConfig

    def planner(self, models: Path | None, explore: bool = False) -> Planner:
        """Make a planner.

        Args:
            models: Folder of a fine-tuning; None for the weights that the loop begins with.
            explore: Whether the explorer imagines alone. What it does is seen in the loop's own world: where it
                succeeds, the in-domain model learns how the task looks there.

        Returns:
            The planner.

        Raises:
            InvalidValue: Weights are missing or damaged, or there is no explorer.
        """
        torch.set_num_threads(1)
        inverse = InverseModel.load(self._inverse(models))
        if explore:
            if self.config.explorer is None:
                raise InvalidValue("rollouts that explore need the weights of an explorer, got none")
            alone = AdaptedVideo(None, FlowModel.load(self.config.explorer), ADAPTATIONS[PRIOR], STEPS)
            return VideoPlanner(alone, inverse)
        prior = None if self.config.prior is None else FlowModel.load(self.config.prior)
        video = AdaptedVideo(FlowModel.load(self._video(models)), prior, self.config.adaptation, STEPS)
        return VideoPlanner(video, inverse)

    def files(self, models: Path | None) -> dict[str, Path]:
        """Name the weights of a planner.

        Args:
            models: Folder of a fine-tuning; None for the weights that the loop begins with.

        Returns:
            Files by part, as `policies.video.shipped.weights_of` calls them.
        """
        found = {f"{VIDEO}_{IN_DOMAIN}": self._video(models), INVERSE: self._inverse(models)}
        return found if self.config.prior is None else {**found, f"{VIDEO}_{PRIOR}": self.config.prior}

    def improve(
        self, models: Path | None, kept: Sequence[Path], rollouts: Sequence[Path], folder: Path, seed: int
    ) -> Iterator[str]:
        """Fine-tune the video model on what was kept and inverse dynamics on everything, both with replay.

        Inverse dynamics learns from failures, too: what was done between two pictures is known whatever came of it.

        Args:
            models: Folder of those to go on from; None for the first ones.
            kept: Rollouts for the video model; without any it stays as it is.
            rollouts: All rollouts.
            folder: For the new models and the state of their training.
            seed: Of the training.

        Yields:
            How it goes.

        Raises:
            InvalidValue: A loss is not finite; what was kept last stays.
        """
        torch.set_num_threads(1)
        replay = [read_episode(path) for place in self.config.data for path in find_episodes(place)]
        yield from self._improve_video(models, replay, kept, folder / VIDEO, seed)
        yield from self._improve_inverse(models, replay, kept, rollouts, folder, seed)
        self._keep_cautious(models, folder)

    def _improve_video(
        self, models: Path | None, replay: list[Episode], kept: Sequence[Path], folder: Path, seed: int
    ) -> Iterator[str]:
        config = self.config
        if not kept:
            folder.mkdir(parents=True, exist_ok=True)
            for name in (MEAN, VIDEO_FILE):
                shutil.copyfile(self._video(models), folder / DRAFT)
                (folder / DRAFT).replace(folder / name)
            yield "nothing was kept, so the video model stays as it is"
            return
        start = FlowModel.load(self._video(models))
        shown = [episode for episode in replay if episode.info.behaviour not in PLAY]
        fit = FitConfig(steps=config.video_steps, rate=config.video_rate, seed=seed, every=config.video_steps)
        settings = FlowTrainingConfig(fit=fit, steps_per_frame=start.steps_per_frame, own=OWN)
        # Beside the kept rollouts the demonstrations, so that they are not forgotten.
        own = self._read_kept(kept)
        favoured = (own[0].info.task, config.share)
        training = FlowTraining(
            *([*own, *shown], config.camera, start.space, settings, folder, "pronk train sail", start, favoured)
        )
        for step in training.run():
            yield f"video model, batch {step.step}: loss {step.loss:.4f}, held out {step.error:.5f}"
        write_mean(self._video(models), folder / VIDEO_FILE, folder / MEAN)

    def _improve_inverse(
        self,
        models: Path | None,
        replay: list[Episode],
        kept: Sequence[Path],
        rollouts: Sequence[Path],
        folder: Path,
        seed: int,
    ) -> Iterator[str]:
        config, start = self.config, InverseModel.load(self._inverse(models))
        settings = InverseTrainingConfig(
            steps=config.inverse_steps, rate=config.inverse_rate, seed=seed, every=config.inverse_steps
        )
        imagined = None
        if config.imagined:
            # It must read what the new video model draws, of the new task as well.
            model = FlowModel.load(self._video(folder))
            shown = [*self._read_kept(kept), *(e for e in replay if e.info.behaviour == EXPERT)]
            known = [episode for episode in shown if episode.info.instruction in model.trained]
            video = AdaptedVideo(model, None, ADAPTATIONS[IN_DOMAIN], STEPS)
            imagined = imagine_pairs(known, config.camera, video, config.imagined, config.imagined_frames, seed)
        episodes = [*(read_episode(path) for path in rollouts), *replay]
        training = InverseTraining(
            *(episodes, config.camera, settings, folder / INVERSE, "pronk train sail", start, imagined)
        )
        for step in training.run():
            yield f"inverse dynamics, batch {step.step}: median error {100.0 * step.error_m:.2f} cm"
        write_mean(self._inverse(models), folder / INVERSE / INVERSE_FILE, folder / INVERSE / MEAN)

    def _read_kept(self, kept: Sequence[Path]) -> list[Episode]:
        return read_kept(kept, self.config.tail, self.config.tries, self.config.straight)

    def _keep_cautious(self, models: Path | None, folder: Path) -> None:
        """Put the new inverse dynamics beside the video model that was there before.

        What was done between two pictures is known, so that inverse dynamics hardly ever gets worse; a video model that
        learns from few successes may.
        """
        for source, part, names in (
            (self._video(models), VIDEO, (MEAN, VIDEO_FILE)),
            (self._inverse(folder), INVERSE, (MEAN, INVERSE_FILE)),
        ):
            place = folder / CAUTIOUS / part
            place.mkdir(parents=True, exist_ok=True)
            for name in names:
                shutil.copyfile(source, place / DRAFT)
                (place / DRAFT).replace(place / name)

    def _video(self, models: Path | None) -> Path:
        name = MEAN if self.config.average else VIDEO_FILE
        return self.config.video if models is None else models / VIDEO / name

    def _inverse(self, models: Path | None) -> Path:
        name = MEAN if self.config.average else INVERSE_FILE
        return self.config.inverse if models is None else models / INVERSE / name
