"""A compact soft actor-critic that learns from prior data and from its own at the same time.

After Haarnoja et al. 2018 with what Ball et al. 2023 (RLPD) found to matter with prior data: half of every batch is
prior, critics are normalised and several, targets take the least of two drawn ones, and there are several updates per
decision. The backup holds no entropy, so that what the critics learn is the value that the theorem on shaping speaks
of. The policy may be held near the demonstrations by a term of behaviour cloning.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rl.networks import Adam, Floats, Networks
from policies.rl.replay import Batch, Replay

Array = npt.NDArray[np.float64]

LEAST_LOG_DEVIATION, LARGEST_LOG_DEVIATION = -4.0, 0.5
# Of the temperature's logarithm, so that it stays a number.
LOWEST_LOG_TEMPERATURE, HIGHEST_LOG_TEMPERATURE = -12.0, 2.0


@dataclass(frozen=True)
class LearnerConfig:
    """Settings of the learner.

    Attributes:
        hidden: Width of the two layers of all networks.
        critics: Number of critics.
        rate: Learning rate of all.
        batch: Transitions of one update.
        updates: Of the critics for each of the policy.
        repeats: Updates of the policy per decision: few rollouts are to be learned from well.
        follow: Share by which target networks follow after each update.
        temperature: Weight of entropy at the start.
        target_entropy: Per number of an action, that the temperature is tuned to; None keeps the temperature.
        cloning: Weight of behaviour cloning in the policy's loss; grows with the size of the values where that is above
            1, so that forms of reward with greater sums do not loosen the hold of the demonstrations.
        pretraining: Updates of behaviour cloning before the first rollout.
        gradient: Largest norm of a gradient.
    """

    hidden: int = 64
    critics: int = 3
    rate: float = 1e-3
    batch: int = 64
    updates: int = 4
    repeats: int = 3
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
        for name, least in (
            ("hidden", 1),
            ("critics", 2),
            ("batch", 2),
            ("updates", 1),
            ("repeats", 1),
            ("pretraining", 0),
        ):
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

    def __call__(self, observation: Floats, kind: Any) -> Floats:
        """Scale.

        Args:
            observation: Shape (B, O).
            kind: Precision of the answer.

        Returns:
            Shape (B, O), within [-10, 10].
        """
        scaled = observation.astype(kind) - self.mean.astype(kind)
        scaled /= self.deviation.astype(kind)
        np.maximum(scaled, -10.0, out=scaled)
        return np.asarray(np.minimum(scaled, 10.0, out=scaled))


@dataclass(frozen=True)
class Drawn:
    """Actions drawn from the policy, and what their gradient needs.

    Attributes:
        action: tanh(mean + deviation · noise), shape (B, A).
        density: Logarithm of the density of each, shape (B,).
        mean: Before squashing, shape (B, A).
        deviation: Before squashing, shape (B, A).
        share: Of the range of the logarithm of the deviation, in (0, 1), shape (B, A).
    """

    action: Floats
    density: Floats
    mean: Floats
    deviation: Floats
    share: Floats


def draw(output: Floats, noise: Floats) -> Drawn:
    """Draw actions from a Gaussian that is squashed into [-1, 1].

    Args:
        output: Of the policy's network: means, and what the deviations are made of, shape (B, 2 A).
        noise: Standard normal, shape (B, A).

    Returns:
        The actions.
    """
    mean, raw = np.split(output, 2, axis=1)
    # Written so that neither side overflows.
    share = 0.5 * (1.0 + np.tanh(0.5 * raw))
    log_deviation = LEAST_LOG_DEVIATION + (LARGEST_LOG_DEVIATION - LEAST_LOG_DEVIATION) * share
    deviation = np.exp(log_deviation)
    inner = mean + deviation * noise
    gauss = -0.5 * noise**2 - log_deviation - 0.5 * math.log(2.0 * math.pi)
    # log(1 - tanh²(x)) without the loss of digits for large x.
    squash = 2.0 * (math.log(2.0) - inner - np.logaddexp(0.0, -2.0 * inner))
    return Drawn(np.tanh(inner), (gauss - squash).sum(axis=1), mean, deviation, share)


def slope_of_draw(drawn: Drawn, noise: Floats, by_action: Floats, by_density: float) -> Floats:
    """Lead a gradient back from drawn actions and their density to the network's outputs.

    With u = m + s ε, a = tanh(u) and log p = … - log s - log(1 - a²), d log p / du = 2 a at fixed ε.

    Args:
        drawn: The actions.
        noise: They were drawn with, shape (B, A).
        by_action: Gradient by the actions, shape (B, A).
        by_density: Gradient by the logarithm of each density, the same for all.

    Returns:
        Gradient by the outputs, shape (B, 2 A).
    """
    by_inner = by_action * (1.0 - drawn.action**2) + by_density * 2.0 * drawn.action
    by_log_deviation = by_inner * drawn.deviation * noise - by_density
    width = LARGEST_LOG_DEVIATION - LEAST_LOG_DEVIATION
    return np.concatenate([by_inner, by_log_deviation * width * drawn.share * (1.0 - drawn.share)], axis=1)


class Learner:
    """Policy, critics and their training."""

    def __init__(
        self, width: int, actions: int, scaling: Scaling, config: LearnerConfig, seed: int, kind: Any = np.float32
    ) -> None:
        """Begin with random weights.

        Args:
            width: Numbers in an observation.
            actions: Numbers in an action.
            scaling: Of observations.
            config: Settings.
            seed: Of the weights.
            kind: Precision.
        """
        rng = np.random.default_rng(seed)
        self.config, self.scaling, self.actions, self._kind = config, scaling, actions, kind
        self.policy = Networks(1, width, config.hidden, 2 * actions, rng, kind)
        self.critics = Networks(config.critics, width + actions, config.hidden, 1, rng, kind)
        self.targets = Networks(config.critics, width + actions, config.hidden, 1, rng, kind)
        self.targets.parameters[:] = self.critics.parameters
        self.temperature = np.array([math.log(config.temperature)], dtype=kind)
        self.optimisers = {
            "policy": Adam(self.policy.parameters, config.rate, config.gradient),
            "critics": Adam(self.critics.parameters, config.rate, config.gradient),
            "temperature": Adam(self.temperature, config.rate, config.gradient),
        }

    def act(self, observation: Array, noise: Array | None = None) -> Array:
        """Decide.

        Args:
            observation: Shape (B, O).
            noise: Standard normal, shape (B, A); None for the middle of the policy.

        Returns:
            Actions in [-1, 1], shape (B, A).
        """
        output, _ = self.policy.forward(self.scaling(observation, self._kind))
        if noise is None:
            return np.tanh(output[0, :, : self.actions]).astype(np.float64)
        return draw(output[0], noise.astype(self._kind)).action.astype(np.float64)

    def values(self, observation: Array, action: Array) -> Array:
        """Tell what all critics think.

        Args:
            observation: Shape (B, O).
            action: Shape (B, A).

        Returns:
            Shape (E, B).
        """
        return self._criticise(self.critics, self.scaling(observation, self._kind), action)[0].astype(np.float64)

    def clone(self, replay: Replay, rng: np.random.Generator) -> None:
        """Imitate the prior data before anything was tried.

        Args:
            replay: Its transitions.
            rng: Draws batches.

        Raises:
            InvalidValue: A gradient is not finite.
        """
        for _ in range(self.config.pretraining):
            batch = replay.sample(rng, self.config.batch)
            output, tape = self.policy.forward(self.scaling(batch.observation, self._kind))
            slope = self._slope_of_imitation(output[0], batch)
            self.optimisers["policy"].descend(self.policy.backward(tape, slope[None]), "policy")

    def learn(self, replay: Replay, rng: np.random.Generator, decisions: int) -> dict[str, float]:
        """Learn from what is stored.

        Args:
            replay: Where batches come from.
            rng: Draws batches, noise and critics.
            decisions: That were made since the last time; each is worth the configured numbers of updates.

        Returns:
            Means of the critics' loss, of their values, and of the temperature.

        Raises:
            InvalidValue: A gradient is not finite.
        """
        config, sums, turns = self.config, np.zeros(3), decisions * self.config.repeats
        for _ in range(turns):
            loss = 0.0
            for _ in range(config.updates):
                batch = replay.sample(rng, config.batch)
                loss += self._improve_critics(batch, rng) / config.updates
            sums += (loss, self._improve_policy(batch, rng), math.exp(float(self.temperature[0])))
        return dict(zip(("critic_loss", "value", "temperature"), (sums / max(turns, 1)).tolist(), strict=True))

    def targets_of(self, batch: Batch, noise: Floats, chosen: npt.NDArray[np.int64]) -> Floats:
        """Compute what the critics should say: r + c min Q'(s', a').

        Args:
            batch: Transitions.
            noise: Of the next actions, shape (B, A).
            chosen: Numbers of the critics of which the least counts.

        Returns:
            Shape (B,).
        """
        following = self.scaling(batch.following, self._kind)
        action = draw(self.policy.forward(following)[0][0], noise).action
        ahead = self._criticise(self.targets, following, action)[0][chosen].min(axis=0)
        return np.asarray(batch.reward + batch.continuation * ahead)

    def _improve_critics(self, batch: Batch, rng: np.random.Generator) -> float:
        chosen = rng.permutation(self.config.critics)[:2]
        target = self.targets_of(batch, self._noise(rng, len(batch.reward)), chosen)
        told, tape = self._criticise(self.critics, self.scaling(batch.observation, self._kind), batch.action)
        error = told - target
        slope = (2.0 / len(target)) * error[..., None]
        self.optimisers["critics"].descend(self.critics.backward(tape, slope), "critics")
        self.targets.parameters += self.config.follow * (self.critics.parameters - self.targets.parameters)
        return float(np.mean(error**2))

    def _improve_policy(self, batch: Batch, rng: np.random.Generator) -> float:
        config, count = self.config, len(batch.reward)
        noise, temperature = self._noise(rng, count), math.exp(float(self.temperature[0]))
        seen = self.scaling(batch.observation, self._kind)
        output, tape = self.policy.forward(seen)
        drawn = draw(output[0], noise)
        value, critics_tape = self._criticise(self.critics, seen, drawn.action)
        # The mean of all critics is what the policy climbs.
        up = np.full((*value.shape, 1), -1.0 / (count * config.critics), dtype=self._kind)
        by_action = self.critics.backward_to_inputs(critics_tape, up).sum(axis=0)[:, -self.actions :]
        slope = slope_of_draw(drawn, noise, by_action, temperature / count)
        if config.cloning > 0.0 and batch.prior.any():
            size = max(float(np.abs(value.mean(axis=0)).mean()), 1.0)
            slope += config.cloning * size * self._slope_of_imitation(output[0], batch)
        self.optimisers["policy"].descend(self.policy.backward(tape, slope[None].astype(self._kind)), "policy")
        if config.target_entropy is not None:
            gap = float(-drawn.density.mean()) - config.target_entropy * self.actions
            self.optimisers["temperature"].descend(np.array([gap], dtype=self._kind), "temperature")
            np.clip(self.temperature, LOWEST_LOG_TEMPERATURE, HIGHEST_LOG_TEMPERATURE, out=self.temperature)
        return float(value.mean())

    def _criticise(self, critics: Networks, seen: Floats, action: Floats) -> tuple[Floats, Any]:
        told, tape = critics.forward(np.concatenate([seen, action.astype(self._kind)], axis=1))
        return told[..., 0], tape

    def _slope_of_imitation(self, output: Floats, batch: Batch) -> Floats:
        """Gradient, by the outputs, of the mean squared distance between middle and demonstrated actions."""
        middle = np.tanh(output[:, : self.actions])
        scale = 2.0 / (max(int(batch.prior.sum()), 1) * self.actions)
        slope = np.zeros_like(output)
        by_middle = scale * (middle - batch.action) * batch.prior[:, None]
        slope[:, : self.actions] = by_middle * (1.0 - middle**2)
        return slope

    def _noise(self, rng: np.random.Generator, count: int) -> Floats:
        return rng.standard_normal((count, self.actions), dtype=np.float32).astype(self._kind)

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """Write down all that training has changed.

        Returns:
            Arrays by name.
        """
        arrays = {part: getattr(self, part).parameters for part in ("policy", "critics", "targets")}
        for part, optimiser in self.optimisers.items():
            arrays |= {f"{part}.first": optimiser.first, f"{part}.second": optimiser.second}
            arrays[f"{part}.steps"] = np.array([optimiser.steps])
        arrays["temperature"] = self.temperature
        return arrays | {"scaling.mean": self.scaling.mean, "scaling.deviation": self.scaling.deviation}

    def restore(self, arrays: dict[str, npt.NDArray[Any]]) -> None:
        """Go back to what `state` wrote down.

        Args:
            arrays: By name.

        Raises:
            InvalidValue: They belong to another learner.
        """
        try:
            places = {part: getattr(self, part).parameters for part in ("policy", "critics", "targets")}
            for part, optimiser in self.optimisers.items():
                places |= {f"{part}.first": optimiser.first, f"{part}.second": optimiser.second}
            places["temperature"] = self.temperature
            for name, place in places.items():
                if arrays[name].shape != place.shape:
                    raise InvalidValue(f"the state is of another learner: '{name}' has shape {arrays[name].shape}")
            for name, place in places.items():
                place[:] = arrays[name]
            for part, optimiser in self.optimisers.items():
                optimiser.steps = int(arrays[f"{part}.steps"][0])
            self.scaling.mean = np.array(arrays["scaling.mean"])
            self.scaling.deviation = np.array(arrays["scaling.deviation"])
        except KeyError as error:
            raise InvalidValue(f"the state is of another learner: {error} is missing") from error
