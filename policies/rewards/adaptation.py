"""Adapts a reward to a new task from a single demonstration (Robo-Dopamine, arXiv 2512.23703, section 3.2.1)."""

import copy
import math
from dataclasses import dataclass, field

import numpy as np
import torch

from controllers.errors import InvalidValue, MissingModel
from policies.rewards.clips import Clip
from policies.rewards.hop_batches import BatchConfig, HopBatches, phrasings
from policies.rewards.reward_model import RewardModel
from policies.rewards.reward_training import loss_of, to_comparison
from policies.text import SentenceEncoder


@dataclass(frozen=True)
class AdaptationConfig:
    """Settings.

    Attributes:
        steps: Number of batches; 80 take about 12 s on one core.
        rate: Learning rate at the start; falls to zero as a cosine.
        pull: Weight of the squared distance to the weights before.
        seed: Of batches.
        batch: How they are drawn from the demonstration.
    """

    steps: int = 80
    rate: float = 5e-4
    pull: float = 1e-3
    seed: int = 0
    batch: BatchConfig = field(
        default_factory=lambda: BatchConfig(clips=4, pairs=4, no_goal=0.2, misfit=0.25, view_dropout=0.2, parts=0.0)
    )

    def __post_init__(self) -> None:
        """Refuse what cannot adapt.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.steps < 1:
            raise InvalidValue(f"AdaptationConfig.steps must be at least 1, got {self.steps}")
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidValue(f"AdaptationConfig.rate must be finite and positive, got {self.rate}")
        if not (math.isfinite(self.pull) and self.pull >= 0.0):
            raise InvalidValue(f"AdaptationConfig.pull must be finite and not negative, got {self.pull}")


def adapt(model: RewardModel, demonstration: Clip, config: AdaptationConfig | None = None) -> RewardModel:
    """Adapt a model to the task of a demonstration.

    All pairs of its states are learned, with the demonstration as its own reference, in other light and from other
    places; what precedes its success is a failure; instructions of other tasks do not fit. What encodes pictures stays
    as it is: one scene alone would spoil it.

    Args:
        model: A trained model; it is left as it is.
        demonstration: An expert's success, best with some states behind it.
        config: Settings.

    Returns:
        The adapted model, with the calibration of the old one.

    Raises:
        InvalidValue: The demonstration shows no success, or lacks a camera; or the loss is not finite.
    """
    config = config or AdaptationConfig()
    if demonstration.done < 1:
        raise InvalidValue("a demonstration must begin before its success and show it")
    if demonstration.images.shape[1] != len(model.config.views):
        raise InvalidValue(
            f"a demonstration must show {', '.join(model.config.views)}, got {demonstration.images.shape[1]} cameras"
        )
    known = model.encoder.known
    foreign = [text for text in known if text != demonstration.instruction]
    texts = sorted(set(phrasings(demonstration.instruction)))
    vectors = _vectors(model.encoder, texts, demonstration.instruction)
    sentences = {**vectors, **{phrase: known[text] for text in foreign for phrase in phrasings(text)}}
    batches = HopBatches([demonstration], sentences, config.batch, foreign)
    network = copy.deepcopy(model.network).train()
    for parameter in network.encoder.parameters():
        parameter.requires_grad_(False)
    free = [parameter for parameter in network.parameters() if parameter.requires_grad]
    anchors = [parameter.detach().clone() for parameter in free]
    optimiser = torch.optim.Adam(free, lr=config.rate)
    for step in range(config.steps):
        batch = batches.draw(np.random.default_rng([config.seed, step]))
        for group in optimiser.param_groups:
            group["lr"] = config.rate * 0.5 * (1.0 + math.cos(math.pi * step / config.steps))
        with torch.no_grad():
            encoded = network.encode(torch.from_numpy(batch.pictures))
        loss = loss_of(network(encoded, to_comparison(batch)), batch)
        if not torch.isfinite(loss):
            raise InvalidValue(f"the loss is {loss.item()} in step {step} of the adaptation")
        away = sum(((p - a) ** 2).sum() for p, a in zip(free, anchors, strict=True))
        optimiser.zero_grad()
        (loss + config.pull * away).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
    encoder = SentenceEncoder({**known, demonstration.instruction: vectors[demonstration.instruction]})
    return RewardModel(network.eval(), encoder, model.calibration)


def _vectors(encoder: SentenceEncoder, texts: list[str], instruction: str) -> dict[str, np.ndarray]:
    """Vectors of all phrasings; where the sentence encoder is not installed, that of the instruction stands for all."""
    try:
        return dict(zip(texts, SentenceEncoder(encoder.known).encode(texts), strict=True))
    except MissingModel:
        return dict.fromkeys(texts, encoder.encode([instruction])[0])
