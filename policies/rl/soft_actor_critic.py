"""A compact soft actor-critic that learns from prior data and from its own at the same time.

After Haarnoja et al. 2018 with what Ball et al. 2023 (RLPD) found to matter with prior data: half of every batch is
prior, critics are normalised and several, targets take the least of two drawn ones, and there are several updates per
decision. The backup holds no entropy, so that what the critics learn is the value that the theorem on shaping speaks
of. The policy may be held near the demonstrations by a term of behaviour cloning.
"""

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from controllers.errors import InvalidValue
from policies.rl.networks import Ensemble, Policy
from policies.rl.replay import Batch, Replay

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LearnerConfig:
    """Settings of the learner.

    Attributes:
        hidden: Width of the two layers of all networks.
        critics: Number of critics.
        rate: Learning rate of all.
        batch: Transitions of one update.
        updates: Of the critics per decision; the policy gets one.
        follow: Share by which target networks follow after each update.
        temperature: Weight of entropy at the start.
        target_entropy: Per number of an action, that the temperature is tuned to; None keeps the temperature.
        cloning: Weight of behaviour cloning in the policy's loss, relative to the size of the critics' values.
        pretraining: Updates of behaviour cloning before the first rollout.
        gradient: Largest norm of a gradient.
    """

    hidden: int = 128
    critics: int = 4
    rate: float = 1e-3
    batch: int = 128
    updates: int = 4
    follow: float = 0.01
    temperature: float = 0.01
    target_entropy: float | None = -1.0
    cloning: float = 0.5
    pretraining: int = 300
    gradient: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what cannot learn.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name, least in (("hidden", 1), ("critics", 2), ("batch", 2), ("updates", 1), ("pretraining", 0)):
            if getattr(self, name) < least:
                raise InvalidValue(f"LearnerConfig.{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("rate", "follow", "temperature", "gradient"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0.0):
                raise InvalidValue(f"LearnerConfig.{name} must be finite and positive, got {getattr(self, name)}")
        if not (math.isfinite(self.cloning) and self.cloning >= 0.0):
            raise InvalidValue(f"LearnerConfig.cloning must be finite and not negative, got {self.cloning}")


class Scaling:
    """Brings observations to a common scale, fixed once from prior data."""

    def __init__(self, observation: Array, least: float = 0.05) -> None:
        """Fit.

        Args:
            observation: Shape (N, O).
            least: Deviation below which a number is not blown up.
        """
        self.mean = observation.mean(axis=0)
        self.deviation = np.maximum(observation.std(axis=0), least)

    def __call__(self, observation: npt.NDArray[Any]) -> torch.Tensor:
        """Scale.

        Args:
            observation: Shape (B, O).

        Returns:
            Shape (B, O), within [-10, 10].
        """
        scaled = np.clip((observation - self.mean) / self.deviation, -10.0, 10.0)
        return torch.from_numpy(scaled.astype(np.float32))


class Learner:
    """Policy, critics and their training."""

    def __init__(self, width: int, actions: int, scaling: Scaling, config: LearnerConfig, seed: int) -> None:
        """Begin with random weights.

        Args:
            width: Numbers in an observation.
            actions: Numbers in an action.
            scaling: Of observations.
            config: Settings.
            seed: Of the weights.
        """
        torch.manual_seed(seed)
        self.config, self.scaling, self.actions = config, scaling, actions
        self.policy = Policy(width, actions, config.hidden)
        self.critics = Ensemble(config.critics, width + actions, config.hidden)
        self.targets = copy.deepcopy(self.critics).requires_grad_(False)
        self.log_temperature = torch.nn.Parameter(torch.tensor(math.log(config.temperature)))
        self.optimisers = {
            "policy": torch.optim.Adam(self.policy.parameters(), lr=config.rate, fused=True),
            "critics": torch.optim.Adam(self.critics.parameters(), lr=config.rate, fused=True),
            "temperature": torch.optim.Adam([self.log_temperature], lr=config.rate),
        }

    @torch.no_grad()
    def act(self, observation: Array, noise: Array | None = None) -> Array:
        """Decide.

        Args:
            observation: Shape (B, O).
            noise: Standard normal, shape (B, A); None for the middle of the policy.

        Returns:
            Actions in [-1, 1], shape (B, A).
        """
        mean, log_deviation = self.policy(self.scaling(observation))
        if noise is not None:
            mean = mean + log_deviation.exp() * torch.from_numpy(noise.astype(np.float32))
        return np.asarray(torch.tanh(mean).double().numpy())

    @torch.no_grad()
    def values(self, observation: Array, action: Array) -> Array:
        """Tell what all critics think.

        Args:
            observation: Shape (B, O).
            action: Shape (B, A).

        Returns:
            Shape (E, B).
        """
        acted = torch.from_numpy(action.astype(np.float32))
        return np.asarray(self.critics(torch.cat([self.scaling(observation), acted], dim=1)).double().numpy())

    def clone(self, replay: Replay, rng: np.random.Generator) -> None:
        """Imitate the prior data before anything was tried.

        Args:
            replay: Its transitions.
            rng: Draws batches.

        Raises:
            InvalidValue: A loss is not finite.
        """
        for _ in range(self.config.pretraining):
            batch = replay.sample(rng, self.config.batch)
            self._descend("policy", self._imitation(self.scaling(batch.observation), batch))

    def learn(self, replay: Replay, rng: np.random.Generator, decisions: int) -> dict[str, float]:
        """Learn from what is stored.

        Args:
            replay: Where batches come from.
            rng: Draws batches, noise and critics.
            decisions: That were made since the last time; each is worth the configured number of updates.

        Returns:
            Means of the losses, of the critics' values and of the temperature.

        Raises:
            InvalidValue: A loss is not finite.
        """
        config = self.config
        sums = np.zeros(4)
        for _ in range(decisions):
            whole = replay.sample(rng, config.batch * config.updates)
            # Prior data come first in a batch; every update gets its share.
            order = rng.permutation(len(whole.reward)).reshape(config.updates, config.batch)
            loss = 0.0
            for rows in order:
                batch = Batch(*(getattr(whole, name)[rows] for name in Batch.__dataclass_fields__))
                loss += self._improve_critics(batch, rng) / config.updates
            actor, value = self._improve_policy(batch, rng)
            sums += (loss, actor, value, math.exp(float(self.log_temperature)))
        means = (sums / max(decisions, 1)).tolist()
        return dict(zip(("critic_loss", "policy_loss", "value", "temperature"), means, strict=True))

    def targets_of(self, batch: Batch, noise: torch.Tensor, chosen: npt.NDArray[np.int64]) -> torch.Tensor:
        """Compute what the critics should say: r + c min Q'(s', a').

        Args:
            batch: Transitions.
            noise: Of the next actions, shape (B, A).
            chosen: Numbers of the critics of which the least counts.

        Returns:
            Shape (B,).
        """
        with torch.no_grad():
            following = self.scaling(batch.following)
            action, _ = self.policy.draw(following, noise)
            ahead = self.targets(torch.cat([following, action], dim=1))[torch.from_numpy(chosen)].min(dim=0).values
            return torch.from_numpy(batch.reward) + torch.from_numpy(batch.continuation) * ahead

    def _improve_critics(self, batch: Batch, rng: np.random.Generator) -> float:
        config = self.config
        target = self.targets_of(batch, self._noise(rng, len(batch.reward)), rng.permutation(config.critics)[:2])
        acted = torch.cat([self.scaling(batch.observation), torch.from_numpy(batch.action)], dim=1)
        loss = ((self.critics(acted) - target) ** 2).mean(dim=1).sum()
        self._descend("critics", loss)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.targets.parameters()), list(self.critics.parameters()), config.follow)
        return float(loss.detach())

    def _improve_policy(self, batch: Batch, rng: np.random.Generator) -> tuple[float, float]:
        config = self.config
        seen = self.scaling(batch.observation)
        action, density = self.policy.draw(seen, self._noise(rng, len(seen)))
        self.critics.requires_grad_(False)
        value = self.critics(torch.cat([seen, action], dim=1)).mean(dim=0)
        loss = (math.exp(float(self.log_temperature)) * density - value).mean()
        if config.cloning > 0.0 and batch.prior.any():
            loss = loss + config.cloning * self._imitation(seen, batch)
        self._descend("policy", loss)
        self.critics.requires_grad_(True)
        if config.target_entropy is not None:
            gap = float(-density.detach().mean()) - config.target_entropy * self.actions
            self._descend("temperature", self.log_temperature * gap)
        return float(loss.detach()), float(value.detach().mean())

    def _imitation(self, seen: torch.Tensor, batch: Batch) -> torch.Tensor:
        prior = torch.from_numpy(batch.prior)
        mean, _ = self.policy(seen[prior])
        return functional.mse_loss(torch.tanh(mean), torch.from_numpy(batch.action)[prior])

    def _noise(self, rng: np.random.Generator, count: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal((count, self.actions), dtype=np.float32))

    def _descend(self, part: str, loss: torch.Tensor) -> None:
        if not torch.isfinite(loss):
            raise InvalidValue(f"the loss of the {part} is {float(loss)}; the last good state is kept")
        optimiser = self.optimisers[part]
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], self.config.gradient)
        optimiser.step()

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Write down all that training has changed.

        Returns:
            Arrays by name.
        """
        arrays = {"temperature": np.array([float(self.log_temperature.detach())])}
        for part in ("policy", "critics", "targets"):
            arrays |= {f"{part}.{name}": t.numpy().copy() for name, t in getattr(self, part).state_dict().items()}
        for part, optimiser in self.optimisers.items():
            for i, moments in optimiser.state_dict()["state"].items():
                arrays |= {f"moments.{part}.{i}.{name}": np.asarray(m) for name, m in moments.items()}
        return arrays | {"scaling.mean": self.scaling.mean, "scaling.deviation": self.scaling.deviation}

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Go back to what `state` wrote down.

        Args:
            arrays: By name.

        Raises:
            InvalidValue: They belong to another learner.
        """
        try:
            with torch.no_grad():
                self.log_temperature.fill_(float(arrays["temperature"][0]))
            for part in ("policy", "critics", "targets"):
                network = getattr(self, part)
                network.load_state_dict(
                    {name: torch.from_numpy(arrays[f"{part}.{name}"].copy()) for name in network.state_dict()}
                )
            for part, optimiser in self.optimisers.items():
                self._restore_moments(part, optimiser, arrays)
            self.scaling.mean, self.scaling.deviation = arrays["scaling.mean"], arrays["scaling.deviation"]
        except (KeyError, RuntimeError) as error:
            raise InvalidValue(f"the state belongs to another learner: {error}") from error

    @staticmethod
    def _restore_moments(part: str, optimiser: torch.optim.Optimizer, arrays: dict[str, npt.NDArray[Any]]) -> None:
        found: dict[int, dict[str, torch.Tensor]] = {}
        for name, array in arrays.items():
            if name.startswith(f"moments.{part}."):
                number, moment = name.split(".")[2:]
                found.setdefault(int(number), {})[moment] = torch.from_numpy(np.array(array, dtype=np.float32))
        state = optimiser.state_dict()
        optimiser.load_state_dict({**state, "state": found})
