"""Trains the model of a floor seen from above on recorded episodes; it needs no actions, only videos and words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights
from policies.text import SentenceEncoder
from policies.video.clips import ClipBatch, Clips, refuse_novel
from policies.video.fitting import Fit, FitConfig, FitProgress
from policies.video.floor_model import COMMAND, FloorModel, cell_means
from policies.video.floor_network import CELL, FloorNetwork, FloorNetworkConfig
from policies.video.floor_ways import BODY_CELLS, GOAL_CELLS, MOVES, SENT, middle_of, near
from policies.video.inverse_model import to_tensor
from policies.video.inverse_training import split
from policies.video.named_looks import to_lab
from sim.episodes import Episode
from sim.world_tasks import TASK_LISTS

Array = npt.NDArray[np.float32]

BEST = "video.safetensors"
VALIDATION_CLIPS = 128
# A cell has changed where its mean colour differs by this, of 1.
CHANGED = 0.08
POINTING_WEIGHT = 0.3
# With fewer instructions nothing can be guessed of others.
LEAST_LOOKS = 8
# Pictures from which the looks of what an instruction names are taken.
LOOKED_AT = 6
# Most clips show motion at full speed, some the end of it.
FULL_SPEED = 0.7


@dataclass(frozen=True)
class FloorTrainingConfig:
    """Settings of a training.

    Attributes:
        fit: Batches, learning rate, seed.
        network: Sizes.
        frames: Pictures between the present and the end that are looked at.
        stride: Actions between two of them.
        silent_share: Share of clips whose instruction is left out.
        tint: Greatest relative change of each colour.
        held_out: One episode in this many is kept for validation.
        steps_per_frame: Actions between two frames that the model imagines.
        demonstrated: Share of clips that are of tasks to train on, whatever else there is; 0 draws all tasks alike.
    """

    fit: FitConfig = field(default_factory=FitConfig)
    network: FloorNetworkConfig = field(default_factory=FloorNetworkConfig)
    frames: int = 10
    stride: int = 2
    silent_share: float = 0.3
    tint: float = 0.1
    held_out: int = 12
    steps_per_frame: int = 3
    demonstrated: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name, least in (("frames", 1), ("stride", 1), ("held_out", 2), ("steps_per_frame", 1)):
            if getattr(self, name) < least:
                raise InvalidValue(f"FloorTrainingConfig.{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("silent_share", "tint", "demonstrated"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InvalidValue(f"FloorTrainingConfig.{name} must lie in [0, 1), got {getattr(self, name)}")


class FloorTraining:
    """A training in a folder."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        camera: str,
        config: FloorTrainingConfig,
        folder: Path,
        command: str = "",
        start: FloorModel | None = None,
    ) -> None:
        """Begin, or go on where the folder's last training was.

        Args:
            episodes: What to learn from; of one world.
            camera: Which pictures.
            config: Settings.
            folder: For weights and state.
            command: What trains like this, for the weights.
            start: A model to go on from; None for random weights. Its sizes count, not those of the settings.

        Raises:
            InvalidValue: A novel task is among the episodes, there are too few, or the folder holds another training.
        """
        refuse_novel(episode.info for episode in episodes)
        train, kept = split(episodes, config.held_out)
        self.config, self.folder, self._command = config, folder, command
        self._clips = Clips(train, camera, config.frames, config.stride)
        held_out = Clips(kept, camera, config.frames, config.stride)
        encoder = SentenceEncoder()
        self._words = encoder.encode(self._clips.instructions)
        texts = sorted(set(self._clips.instructions))
        shown = [i for i, e in enumerate(train) if e.info.task in TASK_LISTS.get(e.info.world, {}).get("train", ())]
        self._shown = np.array(shown, dtype=np.int64)
        torch.manual_seed(config.fit.seed)
        network = FloorNetwork(config.network if start is None else start.network.config)
        trained = dict(zip(texts, encoder.encode(texts), strict=True))
        self._known_looks = {} if start is None or start.looks is None else start.looks.looks
        if start is not None:
            network.load_state_dict(start.network.state_dict())
            trained = {**start.trained, **trained}
        self.model = FloorModel(network, config.steps_per_frame, trained)
        self._held_out = held_out.draw(VALIDATION_CLIPS, np.random.default_rng(config.fit.seed))
        self._held_words = encoder.encode([held_out.instructions[i] for i in self._held_out.episode])
        name = f"{config} {camera} {len(self._clips)} pictures"
        self._fit = Fit(network, self._loss, self._error, self._keep, config.fit, folder, name)

    @property
    def step(self) -> int:
        """Batches so far."""
        return self._fit.step

    def run(self) -> Iterator[FitProgress]:
        """Train to the end.

        Yields:
            What is known after each validation; the error is the loss on what was held out.

        Raises:
            InvalidValue: The loss is not finite any more; the weights of the last validation are kept.
        """
        yield from self._fit.run()
        best = FloorModel.load(self.folder / BEST)
        looks = self._known_looks | self._looks(best)
        if len(looks) >= LEAST_LOOKS:
            model = FloorModel(best.network, best.steps_per_frame, best.trained, best.pace, looks)
            model.save(self.folder / BEST, load_weights(self.folder / BEST, COMMAND)[1])

    def _looks(self, model: FloorModel) -> dict[str, npt.NDArray[np.float64]]:
        """Look how that looks in the mean to which each instruction sends, as the model sees it in the present."""
        rng, found = np.random.default_rng(self.config.fit.seed), {}
        instructions = np.array(self._clips.instructions)
        for text in sorted(set(self._clips.instructions)):
            clips = self._clips.draw(LOOKED_AT, rng, among=np.flatnonzero(instructions == text))
            pictures = clips.frames[:, 0].astype(np.uint8)
            told, silent, _ = model.look(pictures, np.repeat(model.trained[text][None], LOOKED_AT, axis=0))
            seen = []
            for goal, mover, colours in zip(told, silent, to_lab(cell_means(pictures)), strict=True):
                away = np.where(near(mover >= MOVES), 0.0, goal)
                middle = middle_of(away, SENT, GOAL_CELLS)
                if middle is not None:
                    row, column = (round(x) for x in middle)
                    seen.append(colours[row, column])
            if seen:
                found[text] = np.median(seen, axis=0)
        return found

    def _loss(self, rng: np.random.Generator) -> torch.Tensor:
        config = self.config
        among = self._shown if len(self._shown) and rng.uniform() < config.demonstrated else None
        clips = self._clips.draw(config.fit.batch, rng, config.tint, turns=True, among=among)
        told = (rng.uniform(size=len(clips.episode)) >= config.silent_share).astype(np.float32)
        return self._entropy(clips, self._words[clips.episode], told)

    @torch.no_grad()
    def _error(self) -> float:
        return float(self._entropy(self._held_out, self._held_words, np.ones(VALIDATION_CLIPS, dtype=np.float32)))

    def _entropy(self, clips: ClipBatch, words: Array, told: Array) -> torch.Tensor:
        picture = to_tensor(clips.frames[:, 0])
        done, passed = self.model.network(picture, torch.from_numpy(words), torch.from_numpy(told))
        ending, between = (torch.from_numpy(cells) for cells in changes(clips))
        each = functional.binary_cross_entropy_with_logits
        # Few cells are what words are about: which of all, is asked once more of each clip as a whole.
        share = ending / ending.sum(dim=(1, 2), keepdim=True).clamp(min=1.0)
        astray = -(share.flatten(1) * torch.log_softmax(done.flatten(1), dim=1)).sum(dim=1)
        spoken = torch.from_numpy(told)
        pointing = (astray * spoken).sum() / spoken.sum().clamp(min=1.0)
        return torch.as_tensor(each(done, ending) + each(passed, between) + POINTING_WEIGHT * pointing)

    def _keep(self, error: float) -> None:
        self.model.pace = self._pace()
        self.model.save(self.folder / BEST, {"command": self._command, "error": f"{error:.6f}"})

    def _pace(self) -> float:
        """How far what moves gets from frame to frame at full speed, as the model sees held-out clips [pixel]."""
        config, count = self.config, VALIDATION_CLIPS
        apart = max(1, round(config.steps_per_frame / config.stride))
        pictures = np.clip(self._held_out.frames[:, [0, apart]], 0.0, 255.0).astype(np.uint8)
        _, silent, _ = self.model.look(
            pictures.reshape(2 * count, *pictures.shape[2:]), np.repeat(self._held_words, 2, axis=0)
        )
        moved = []
        for first, second in silent.reshape(count, 2, *silent.shape[1:]):
            places = [middle_of(mover, MOVES, BODY_CELLS) for mover in (first, second)]
            if places[0] is not None and places[1] is not None:
                moved.append(CELL * float(np.hypot(places[1][0] - places[0][0], places[1][1] - places[0][1])))
        speed = config.steps_per_frame / (apart * config.stride)
        return max(float(np.quantile(moved, FULL_SPEED)) * speed, 1.0) if moved else 1.0


def changes(clips: ClipBatch) -> tuple[Array, Array]:
    """Tell which cells change.

    Args:
        clips: Clips with their endings.

    Returns:
        1 where a cell is another at the end than now, and where it has been another at any time, shape (B, H, W) each.
    """
    frames = np.concatenate([clips.frames, clips.ending[:, None]], axis=1)
    cells = cell_means(frames) / 255.0
    differs = np.abs(cells[:, 1:] - cells[:, :1]).max(axis=-1) > CHANGED
    return differs[:, -1].astype(np.float32), differs.any(axis=1).astype(np.float32)
