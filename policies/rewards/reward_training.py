"""Trains the hop network on clips; goes on where it was stopped."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from controllers.errors import InvalidValue
from policies.rewards.clips import Clip
from policies.rewards.hop_batches import BatchConfig, HopBatch, HopBatches, phrasings
from policies.rewards.hop_network import Answers, Comparison, HopConfig, HopNetwork
from policies.rewards.reward_model import RewardModel
from policies.rewards.reward_validation import Score, validate
from policies.text import SentenceEncoder
from policies.training_state import load_training, save_training

WEIGHTS = "reward.safetensors"
# Weights are averaged over about this many batches at the end.
AVERAGE = 0.99


@dataclass(frozen=True)
class RewardTrainingConfig:
    """Settings of a training.

    Attributes:
        steps: Number of batches.
        rate: Learning rate at the start; falls to zero as a cosine.
        decay: Of the weights.
        seed: Of weights and batches.
        every: Batches between validations, each of which saves.
        validation_tasks: Nothing of them is learned; they tell how far it carries over, and calibrate success.
        network: Sizes.
        batch: How batches are drawn.
    """

    steps: int = 1500
    rate: float = 1.5e-3
    decay: float = 0.02
    seed: int = 0
    every: int = 100
    validation_tasks: tuple[str, ...] = ("dial-turn", "door-unlock", "handle-pull", "coffee-push")
    network: HopConfig = field(default_factory=HopConfig)
    batch: BatchConfig = field(default_factory=BatchConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name, least in (("steps", 1), ("seed", 0), ("every", 1)):
            if getattr(self, name) < least:
                raise InvalidValue(f"RewardTrainingConfig.{name} must be at least {least}, got {getattr(self, name)}")
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidValue(f"RewardTrainingConfig.rate must be finite and positive, got {self.rate}")
        if not (math.isfinite(self.decay) and self.decay >= 0.0):
            raise InvalidValue(f"RewardTrainingConfig.decay must be finite and not negative, got {self.decay}")


@dataclass(frozen=True)
class RewardProgress:
    """What is known after a validation.

    Attributes:
        step: Batches so far.
        loss: Mean of those since the last validation.
        score: On tasks of which nothing was learned.
    """

    step: int
    loss: float
    score: Score


def to_comparison(batch: HopBatch) -> Comparison:
    """Hand the questions of a batch to the network.

    Args:
        batch: The batch.

    Returns:
        The questions.
    """
    parts = (batch.moments, batch.view, batch.question, batch.sentence)
    return Comparison(*(torch.from_numpy(part) for part in parts))


def loss_of(answers: Answers, batch: HopBatch) -> torch.Tensor:
    """Add up what the network says wrong: hops, its doubt about them, success, and what does not fit.

    Args:
        answers: What it says.
        batch: What is right.

    Returns:
        The loss, shape ().
    """
    hop, weight = torch.from_numpy(batch.hop), torch.from_numpy(batch.hop_weight)
    error = functional.smooth_l1_loss(answers.hop, hop, beta=0.1, reduction="none")
    # A Gaussian around the answer as it is; it moves the doubt alone.
    surprise = answers.doubt + 0.5 * ((hop - answers.hop.detach()) / answers.doubt.exp()) ** 2
    total = _mean(error + 0.02 * surprise, weight)
    for logit, right, counts, share in (
        (answers.success, batch.success, batch.success_weight, 0.4),
        (answers.match, batch.match, batch.match_weight, 0.1),
    ):
        each = functional.binary_cross_entropy_with_logits(logit, torch.from_numpy(right), reduction="none")
        total = total + share * _mean(each, torch.from_numpy(counts))
    return total


def _mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (values * weight).sum() / weight.sum().clamp(min=1.0)


class RewardTraining:
    """A training in a folder."""

    def __init__(
        self,
        clips: Sequence[Clip],
        encoder: SentenceEncoder,
        config: RewardTrainingConfig,
        folder: Path,
        command: str = "",
        instructions: Sequence[str] = (),
    ) -> None:
        """Begin, or go on where the folder's last training was.

        Args:
            clips: What to learn from, and those of the validation tasks.
            encoder: Of instructions; it must know all phrasings, or have its weights.
            config: Settings.
            folder: For weights and state.
            command: What trains like this, for the weights.
            instructions: More that the model shall be able to read without the encoder.

        Raises:
            InvalidValue: There are too few clips, or the folder holds another training.
        """
        train = [clip for clip in clips if clip.task not in config.validation_tasks]
        self._kept = [clip for clip in clips if clip.task in config.validation_tasks]
        texts = sorted({phrase for clip in clips for phrase in phrasings(clip.instruction)})
        sentences = dict(zip(texts, encoder.encode(texts), strict=True))
        self.config, self.folder, self._command = config, folder, command
        self.tasks = tuple(sorted({clip.task for clip in train}))
        self._batches = HopBatches(train, sentences, config.batch)
        torch.manual_seed(config.seed)
        network = HopNetwork(config.network)
        # Instructions of this project need no sentence encoder later; only those of the clips are learned from.
        plain = sorted({clip.instruction for clip in clips} | set(instructions))
        self.model = RewardModel(network, SentenceEncoder(dict(zip(plain, encoder.encode(plain), strict=True))))
        # Averaged weights are those that are kept.
        self._average = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        self._optimiser = torch.optim.AdamW(network.parameters(), lr=config.rate, weight_decay=config.decay)
        self.step = 0
        self._name = f"{config} {len(clips)} clips {sum(len(c.success) for c in clips)} states"
        saved = load_training(folder, self._name, self._optimiser)
        if saved is not None:
            self.step, networks, _ = saved
            network.load_state_dict(networks["model"])
            self._average = networks["average"]

    def run(self) -> Iterator[RewardProgress]:
        """Train to the end.

        Yields:
            What is known after each validation.

        Raises:
            InvalidValue: The loss is not finite any more; the weights of the last validation are kept.
        """
        config, losses, network = self.config, [], self.model.network
        while self.step < config.steps:
            # Batches depend on their number alone, so that a stop changes nothing.
            batch = self._batches.draw(np.random.default_rng([config.seed, self.step]))
            warm = min(1.0, (self.step + 1) / 50.0)
            for group in self._optimiser.param_groups:
                group["lr"] = config.rate * warm * 0.5 * (1.0 + math.cos(math.pi * self.step / config.steps))
            network.train()
            loss = loss_of(network(network.encode(torch.from_numpy(batch.pictures)), to_comparison(batch)), batch)
            if not torch.isfinite(loss):
                raise InvalidValue(
                    f"the loss is {loss.item()} in step {self.step}; {WEIGHTS} holds the last good weights"
                )
            self._optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            self._optimiser.step()
            keep = min(AVERAGE, (1.0 + self.step) / (10.0 + self.step))
            for name, tensor in network.state_dict().items():
                self._average[name].lerp_(tensor, 1.0 - keep)
            losses.append(loss.item())
            self.step += 1
            if self.step % config.every == 0 or self.step == config.steps:
                yield self._validate(float(np.mean(losses)))
                losses = []

    def _validate(self, loss: float) -> RewardProgress:
        network = self.model.network
        raw = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        network.load_state_dict(self._average)
        network.eval()
        score = validate(self.model, self._kept, np.random.default_rng(self.config.seed))
        # A handful of tasks says too little to choose weights by; the average of the last ones is kept.
        texts = {"command": self._command, "step": str(self.step), "tasks": ",".join(self.tasks)}
        self.model.save(self.folder / WEIGHTS, texts)
        network.load_state_dict(raw)
        networks = {"model": network.state_dict(), "average": self._average}
        save_training(self.folder, self._name, self.step, networks, self._optimiser)
        return RewardProgress(self.step, loss, score)
