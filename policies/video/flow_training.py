"""Trains a video model on recorded episodes by flow matching."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from controllers.errors import InvalidValue
from policies.text import SentenceEncoder
from policies.video.clips import Clips, refuse_novel
from policies.video.fitting import Fit, FitConfig, FitProgress
from policies.video.flow_model import FlowModel
from policies.video.flow_network import FlowNetwork, FlowNetworkConfig
from policies.video.inverse_training import split
from policies.video.latent_space import LatentSpace
from sim.episodes import Episode

Array = npt.NDArray[np.float32]

BEST = "video.safetensors"
VALIDATION_CLIPS = 96
# Times at which errors are told: those of a sampler of four steps.
VALIDATION_TIMES = (1.0, 0.75, 0.5, 0.25)


@dataclass(frozen=True)
class FlowTrainingConfig:
    """Settings of a training.

    Attributes:
        fit: Batches, learning rate, seed.
        frames: Imagined frames, K.
        steps_per_frame: Actions between two frames.
        width: Of the network.
        depth: Of the network.
        silent_share: Share of clips whose instruction is left out, for classifier-free guidance.
        tint: Greatest relative change of each colour.
        shift: Greatest shift [pixel].
        held_out: One episode in this many is kept for validation.
        least_time: Errors at times below count as at this one, since they are divided by it.
        acted: Frames that are acted out before the next plan; they count more.
        acted_weight: How much more than the others.
        own: Behaviours whose episodes of novel tasks may be used; "planner" where a planner improves itself.
    """

    fit: FitConfig = field(default_factory=FitConfig)
    frames: int = 8
    steps_per_frame: int = 5
    width: int = 192
    depth: int = 4
    silent_share: float = 0.1
    tint: float = 0.1
    shift: int = 1
    held_out: int = 12
    least_time: float = 0.25
    acted: int = 2
    acted_weight: float = 3.0
    own: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name, least in (("frames", 1), ("steps_per_frame", 1), ("shift", 0), ("held_out", 2), ("acted", 0)):
            if getattr(self, name) < least:
                raise InvalidValue(f"FlowTrainingConfig.{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("silent_share", "tint", "least_time"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise InvalidValue(f"FlowTrainingConfig.{name} must lie in [0, 1), got {getattr(self, name)}")


class FlowTraining:
    """A training in a folder."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        camera: str,
        space: LatentSpace,
        config: FlowTrainingConfig,
        folder: Path,
        command: str = "",
        start: FlowModel | None = None,
        favoured: tuple[str, float] | None = None,
    ) -> None:
        """Begin, or go on where the folder's last training was.

        Args:
            episodes: What to learn from; of one world.
            camera: Which pictures.
            space: Where the model shall imagine.
            config: Settings.
            folder: For weights and state.
            command: What trains like this, for the weights.
            start: A model to go on from; None for random weights. Its sizes count, not those of the settings.
            favoured: A task, and its share of what is learned from; None for as much of one task as of another.

        Raises:
            InvalidValue: A novel task is among the episodes, there are too few, or the folder holds another training.
        """
        refuse_novel((episode.info for episode in episodes), config.own)
        train, kept = split(episodes, config.held_out)
        self.config, self.folder, self._command, self._space = config, folder, command, space
        self._clips = Clips(train, camera, config.frames, config.steps_per_frame, favoured)
        held_out = Clips(kept, camera, config.frames, config.steps_per_frame)
        self._encoder = SentenceEncoder(start.trained if start is not None else None)
        self._words = self._encoder.encode(self._clips.instructions)
        texts = sorted(set(self._clips.instructions))
        trained = dict(zip(texts, self._encoder.encode(texts), strict=True))
        torch.manual_seed(config.fit.seed)
        size = self._clips.images.shape[1]
        network = FlowNetwork(FlowNetworkConfig(size, config.frames, space.codec.rank, config.width, config.depth))
        if start is not None:
            network = FlowNetwork(start.network.config)
            network.load_state_dict(start.network.state_dict())
            trained = {**start.trained, **trained}
        self.model = FlowModel(network, space, config.steps_per_frame, trained)
        self._importance = torch.ones(config.frames)
        self._importance[: config.acted] = config.acted_weight
        self._importance /= self._importance.mean()
        rng = np.random.default_rng(config.fit.seed)
        clips = held_out.draw(VALIDATION_CLIPS, rng)
        self._validation = (
            self._picture(clips.frames[:, 0]),
            torch.from_numpy(space.changes(clips.frames)),
            torch.from_numpy(self._encoder.encode([held_out.instructions[i] for i in clips.episode])),
        )
        self._noise = torch.from_numpy(rng.standard_normal(self._validation[1].shape, dtype=np.float32))
        name = f"{config} {camera} {len(self._clips)} pictures"
        name += "" if favoured is None else f", {favoured[1]} of them of {favoured[0]}"
        self._fit = Fit(network, self._loss, self._error, self._keep, config.fit, folder, name)

    @property
    def step(self) -> int:
        """Batches so far."""
        return self._fit.step

    def run(self) -> Iterator[FitProgress]:
        """Train to the end.

        Yields:
            What is known after each validation; the error is that of changes in units of the latent space, squared.

        Raises:
            InvalidValue: The loss is not finite any more; the weights of the last validation are kept.
        """
        yield from self._fit.run()

    def _loss(self, rng: np.random.Generator) -> torch.Tensor:
        config, count = self.config, self.config.fit.batch
        clips = self._clips.draw(count, rng, config.tint, config.shift)
        clean = torch.from_numpy(self._space.changes(clips.frames))
        noise = torch.from_numpy(rng.standard_normal(clean.shape, dtype=np.float32))
        # Few steps of a sampler are most of all few steps at much noise.
        time = torch.from_numpy(np.sqrt(rng.uniform(size=count)).astype(np.float32))
        told = torch.from_numpy((rng.uniform(size=count) >= config.silent_share).astype(np.float32))
        share = time[:, None, None, None]
        text = torch.from_numpy(self._words[clips.episode])
        answer = self.model.network(
            (1.0 - share) * clean + share * noise,
            time,
            self.model.network.see(self._picture(clips.frames[:, 0])),
            text,
            told,
        )
        # The error of the velocity (x_t - x) / t that follows from the answer.
        weight = 1.0 / time.clamp(min=config.least_time) ** 2
        each = ((answer - clean) ** 2).reshape(count, config.frames, -1).mean(dim=2)
        return torch.as_tensor((weight[:, None] * self._importance * each).mean())

    @torch.no_grad()
    def _error(self) -> float:
        picture, clean, text = self._validation
        network, count = self.model.network, len(clean)
        seen, errors = network.see(picture), []
        for t in VALIDATION_TIMES:
            noisy = (1.0 - t) * clean + t * self._noise
            answer = network(noisy, torch.full((count,), t), seen, text, torch.ones(count))
            each = ((answer - clean) ** 2).reshape(count, self.config.frames, -1).mean(dim=2)
            errors.append(float((self._importance * each).mean()))
        return float(np.mean(errors))

    def _keep(self, error: float) -> None:
        self.model.save(self.folder / BEST, {"command": self._command, "error": f"{error:.6f}"})

    @staticmethod
    def _picture(frames: Array) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float() / 255.0
