"""Trains a network of the planner batch by batch; goes on where it was stopped, and stops where nothing is learned."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from controllers.errors import InvalidValue
from policies.training_state import load_training, save_training


@dataclass(frozen=True)
class FitConfig:
    """Settings of a training.

    Attributes:
        steps: Number of batches.
        batch: Examples in each.
        rate: Learning rate after a warm-up; falls to zero as a cosine.
        warmup: Batches over which the rate rises.
        seed: Of weights and batches.
        every: Batches between validations, each of which saves.
        average: Weights are averaged over about this many batches; what is validated and kept is the average.
    """

    steps: int = 3000
    batch: int = 32
    rate: float = 1e-3
    warmup: int = 50
    seed: int = 0
    every: int = 200
    average: int = 200

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            InvalidValue: A number is out of range.
        """
        least = {"steps": 1, "batch": 2, "warmup": 0, "seed": 0, "every": 1, "average": 1}
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InvalidValue(f"FitConfig.{name} must be at least {value}, got {getattr(self, name)}")
        if not (math.isfinite(self.rate) and self.rate > 0.0):
            raise InvalidValue(f"FitConfig.rate must be finite and positive, got {self.rate}")


@dataclass(frozen=True)
class FitProgress:
    """What is known after a validation.

    Attributes:
        step: Batches so far.
        loss: Mean of those since the last validation.
        error: Of the averaged weights on what was held out.
        best: Least error so far.
    """

    step: int
    loss: float
    error: float
    best: float


class Fit:
    """A training in a folder."""

    def __init__(
        self,
        model: torch.nn.Module,
        loss_of: Callable[[np.random.Generator], torch.Tensor],
        error_of: Callable[[], float],
        keep: Callable[[float], None],
        config: FitConfig,
        folder: Path,
        name: str,
    ) -> None:
        """Begin, or go on where the folder's last training was.

        Args:
            model: The network, with random weights that the seed decides.
            loss_of: Draws a batch and tells its loss.
            error_of: Tells the error of the model as it is on what was held out.
            keep: Writes the model as it is, with its error.
            config: Settings.
            folder: For the state.
            name: What tells this training from others: settings and data.

        Raises:
            InvalidValue: The folder holds another training.
        """
        self.model, self.config, self.folder, self._name = model, config, folder, f"{name} {config}"
        self._loss_of, self._error_of, self._keep = loss_of, error_of, keep
        self._optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=1e-3)
        self._average = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.step, self.best = 0, math.inf
        saved = load_training(folder, self._name, self._optimiser)
        if saved is not None:
            self.step, networks, texts = saved
            self.best, self._average = float(texts["best"]), networks["average"]
            model.load_state_dict(networks["model"])

    def run(self) -> Iterator[FitProgress]:
        """Train to the end.

        Yields:
            What is known after each validation.

        Raises:
            InvalidValue: The loss is not finite any more; what was kept last stays.
        """
        config, losses = self.config, []
        while self.step < config.steps:
            # A batch depends on its number alone, so that a stop changes nothing.
            rng = np.random.default_rng([config.seed, self.step])
            rise = min(1.0, (self.step + 1) / max(config.warmup, 1))
            for group in self._optimiser.param_groups:
                group["lr"] = config.rate * rise * 0.5 * (1.0 + math.cos(math.pi * self.step / config.steps))
            self.model.train()
            loss = self._loss_of(rng)
            if not torch.isfinite(loss):
                raise InvalidValue(f"the loss is {loss.item()} in step {self.step}; the last good weights are kept")
            self._optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self._optimiser.step()
            losses.append(loss.item())
            self.step += 1
            # Early averages would be of weights that have hardly learned anything.
            share = min(1.0 - 1.0 / config.average, self.step / (self.step + 10.0))
            for name, tensor in self.model.state_dict().items():
                self._average[name].lerp_(tensor, 1.0 - share)
            if self.step % config.every == 0 or self.step == config.steps:
                yield self._validate(float(np.mean(losses)))
                losses = []

    def _validate(self, loss: float) -> FitProgress:
        own = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(self._average)
        self.model.eval()
        error = self._error_of()
        if error <= self.best:
            self.best = error
            self._keep(error)
        self.model.load_state_dict(own)
        networks = {"model": self.model.state_dict(), "average": self._average}
        save_training(self.folder, self._name, self.step, networks, self._optimiser, {"best": repr(self.best)})
        return FitProgress(self.step, loss, error, self.best)
