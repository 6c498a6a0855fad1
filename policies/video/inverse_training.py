"""Trains inverse dynamics on recorded episodes; goes on where it was stopped."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from controllers.errors import InvalidValue
from policies.training_state import load_training, save_training
from policies.video.frame_pairs import FramePairs, PairBatch, coded, jitter, join, take
from policies.video.inverse_model import InverseConfig, InverseModel, to_tensor
from policies.video.patch_codec import fit_codec
from sim.episodes import Episode

BEST = "inverse.safetensors"
VALIDATION_PAIRS = 512
# A codec is fitted to one picture in this many.
CODEC_EVERY = 10


@dataclass(frozen=True)
class InverseTrainingConfig:
    """Settings of a training.

    Attributes:
        steps: Number of batches.
        batch: Pairs in each.
        rate: Learning rate at the start; falls to zero as a cosine.
        seed: Of weights and pairs.
        strides: Least and greatest number of steps between two pictures.
        reversed_share: Share of pairs whose time runs backwards.
        held_out: One episode in this many is kept for validation.
        every: Batches between validations, each of which saves.
        channels: Of the network's first layer.
        imagined_share: Share of pairs that a video model imagined, where there are such.
        coded_share: Share of pictures that are seen as a video model would imagine them, coded and decoded again.
    """

    steps: int = 4000
    batch: int = 64
    rate: float = 1e-3
    seed: int = 0
    strides: tuple[int, int] = (1, 8)
    reversed_share: float = 0.3
    held_out: int = 10
    every: int = 200
    channels: int = 32
    imagined_share: float = 0.4
    coded_share: float = 0.4

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name, least in (("steps", 1), ("batch", 2), ("seed", 0), ("held_out", 2), ("every", 1)):
            if getattr(self, name) < least:
                raise InvalidValue(f"InverseTrainingConfig.{name} must be at least {least}, got {getattr(self, name)}")
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidValue(f"InverseTrainingConfig.rate must be finite and positive, got {self.rate}")
        for name in ("imagined_share", "coded_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"InverseTrainingConfig.{name} must lie in [0, 1], got {getattr(self, name)}")


@dataclass(frozen=True)
class InverseProgress:
    """What is known after a validation.

    Attributes:
        step: Batches so far.
        loss: Mean of those since the last validation.
        error_m: Median distance between told and true displacement of held-out episodes [m].
        gripper_accuracy: Share of held-out pairs whose command to the gripper is told right; NaN without a gripper.
        best_m: Least median error so far [m].
    """

    step: int
    loss: float
    error_m: float
    gripper_accuracy: float
    best_m: float


def split(episodes: Sequence[Episode], held_out: int) -> tuple[list[Episode], list[Episode]]:
    """Keep some episodes for validation, spread over all.

    Args:
        episodes: All.
        held_out: One in this many is kept.

    Returns:
        Those to train on and those kept.

    Raises:
        InvalidValue: There are too few to keep one.
    """
    kept = list(episodes[held_out - 1 :: held_out])
    if not kept:
        raise InvalidValue(f"at least {held_out} episodes are needed to keep one for validation, got {len(episodes)}")
    return [episode for i, episode in enumerate(episodes) if (i + 1) % held_out], kept


def loss_of(model: InverseModel, batch: PairBatch) -> torch.Tensor:
    """Add up what the network tells wrong: displacement, its doubt, and the command to the gripper.

    Args:
        model: The network.
        batch: Pairs.

    Returns:
        The loss, shape ().
    """
    move, doubt, grip = model(to_tensor(batch.before), to_tensor(batch.after))
    true = torch.from_numpy(batch.displacement / np.float32(model.config.scale_m))
    error = functional.smooth_l1_loss(move, true, beta=0.1)
    # A Gaussian around the answer as it is; it moves the doubt alone.
    surprise = (doubt + 0.5 * ((true - move.detach()) / doubt.exp()) ** 2).mean()
    known = torch.from_numpy(batch.known.astype(np.float32))
    each = functional.binary_cross_entropy_with_logits(grip, torch.from_numpy(batch.closing), reduction="none")
    return error + 0.1 * surprise + 0.3 * (each * known).sum() / known.sum().clamp(min=1.0)


class InverseTraining:
    """A training in a folder."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        camera: str,
        config: InverseTrainingConfig,
        folder: Path,
        command: str = "",
        start: InverseModel | None = None,
        imagined: PairBatch | None = None,
    ) -> None:
        """Begin, or go on where the folder's last training was.

        Args:
            episodes: What to learn from; of one world.
            camera: Which pictures.
            config: Settings.
            folder: For weights and state.
            command: What trains like this, for the weights.
            start: A network to go on from; None for random weights. Its sizes count, not those of the settings.
            imagined: Pairs that a video model imagined (`policies.video.imagined_pairs`), to be seen beside the others.

        Raises:
            InvalidValue: There are too few episodes, or the folder holds another training.
        """
        has_gripper = any(name.startswith("gripper") for name in episodes[0].info.pose_names) if episodes else False
        train, kept = split(episodes, config.held_out)
        self.config, self.folder, self._command = config, folder, command
        self._pairs = FramePairs(train, camera, has_gripper)
        held_out = FramePairs(kept, camera, has_gripper)
        self._codec = fit_codec([self._pairs.images[::CODEC_EVERY]])
        self._validation = held_out.draw(VALIDATION_PAIRS, np.random.default_rng(config.seed), config.strides)
        torch.manual_seed(config.seed)
        size = train[0].images[camera].shape[1]
        typical = self._pairs.draw(VALIDATION_PAIRS, np.random.default_rng(config.seed), config.strides)
        scale_m = max(float(np.abs(typical.displacement).mean()), 1e-6)
        self.model = InverseModel(InverseConfig(size, config.channels, self._pairs.width, scale_m))
        if start is not None:
            self.model = InverseModel(start.config)
            self.model.load_state_dict(start.state_dict())
        self._imagined = imagined
        if imagined is not None:
            # What is kept for validation is imagined from the last moments that were drawn.
            many = len(imagined.before)
            self._imagined = take(imagined, np.arange(many - many // config.held_out))
            kept_imagined = take(imagined, np.arange(many - many // config.held_out, many))
            self._validation = join(self._validation, kept_imagined)
        self._optimiser = torch.optim.AdamW(self.model.parameters(), lr=config.rate, weight_decay=1e-3)
        self.step, self.best_m = 0, math.inf
        more = 0 if imagined is None else len(imagined.before)
        self._name = f"{config} {camera} {len(self._pairs)} pictures {more} imagined, goes on: {start is not None}"
        saved = load_training(folder, self._name, self._optimiser)
        if saved is not None:
            self.step, networks, texts = saved
            self.best_m = float(texts["best_m"])
            self.model.load_state_dict(networks["model"])

    def run(self) -> Iterator[InverseProgress]:
        """Train to the end.

        Yields:
            What is known after each validation.

        Raises:
            InvalidValue: The loss is not finite any more; the weights of the last validation are kept.
        """
        config, losses = self.config, []
        while self.step < config.steps:
            # Pairs depend on the number of the batch alone, so that a stop changes nothing.
            rng = np.random.default_rng([config.seed, self.step])
            batch = jitter(self._pairs.draw(config.batch, rng, config.strides, config.reversed_share), rng)
            batch = coded(batch, self._codec, rng, config.coded_share)
            if self._imagined is not None:
                few = round(config.imagined_share * config.batch)
                seen = take(self._imagined, rng.integers(0, len(self._imagined.before), few))
                batch = join(take(batch, np.arange(config.batch - few)), jitter(seen, rng, shift=1))
            for group in self._optimiser.param_groups:
                group["lr"] = config.rate * 0.5 * (1.0 + math.cos(math.pi * self.step / config.steps))
            self.model.train()
            loss = loss_of(self.model, batch)
            if not torch.isfinite(loss):
                raise InvalidValue(f"the loss is {loss.item()} in step {self.step}; {BEST} holds the last good weights")
            self._optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self._optimiser.step()
            losses.append(loss.item())
            self.step += 1
            if self.step % config.every == 0 or self.step == config.steps:
                yield self._validate(float(np.mean(losses)))
                losses = []

    def _validate(self, loss: float) -> InverseProgress:
        told, true = self.model.infer(self._validation.before, self._validation.after), self._validation
        error = float(np.median(np.linalg.norm(told.displacement - true.displacement, axis=1)))
        right = (told.closing > 0.5) == (true.closing > 0.5)
        accuracy = float(right[true.known].mean()) if true.known.any() else math.nan
        if error <= self.best_m:
            self.best_m = error
            self.model.save(self.folder / BEST, {"command": self._command, "error_m": f"{error:.6f}"})
        networks, texts = {"model": self.model.state_dict()}, {"best_m": repr(self.best_m)}
        save_training(self.folder, self._name, self.step, networks, self._optimiser, texts, kind="F64")
        return InverseProgress(self.step, loss, error, accuracy, self.best_m)
