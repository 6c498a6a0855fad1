"""Proximal policy optimisation of the network, every robot an agent of the same policy.

After Schulman et al., "Proximal Policy Optimization Algorithms" (arXiv 1707.06347): the ratio of new and old
probability of all that a robot answered at one decision, bounded; Adam; steps end where the policy has drifted far.
The critic reads the same features through a network of the same kind, and knows more than a robot does (`Experience`).

Needs the extra `learn`.
"""

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from controllers.errors import InvalidValue
from policies.navigation.experience import OUTLOOK_S, OUTLOOK_WIDTH, Deviation, Experience, advantages
from policies.navigation.model import LAYER, TunerModel
from policies.navigation.network import NetworkConfig

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Width of the critic's own layers.
SUMMARY = 16
# Least standard deviation of an answer's noise.
QUIETEST = 0.01


@dataclass(frozen=True)
class PpoConfig:
    """Settings.

    Attributes:
        copies: How many times as many scenes a generation has as one of evolution strategies gives each member.
        epochs: How often a generation's experience is gone through, at most.
        batch: Rows (robots and decisions) of one step.
        rate: Length of a step.
        last_rate: Share of the rate that is left at the end.
        clip: How far the ratio of probabilities may move from one and still count.
        discount: Weight γ of the next decision.
        trace: Decay λ of the influence of later surprises.
        team: Share of the team's mean reward in that of a robot; the rest is its own.
        deviation: Standard deviation of the noise at the beginning.
        hold: Periods for which noise stays as it was drawn.
        drift: Estimated divergence of new from old policy at which a generation ends early.
        norm: Gradients longer than this are shortened to it.
    """

    copies: int = 12
    epochs: int = 4
    batch: int = 4096
    rate: float = 1e-3
    last_rate: float = 0.1
    clip: float = 0.2
    discount: float = 0.99
    trace: float = 0.9
    team: float = 0.5
    deviation: float = 0.1
    hold: int = 10
    drift: float = 0.05
    norm: float = 0.5

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        for name in ("copies", "epochs", "batch", "hold"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"PpoConfig.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("rate", "clip", "deviation", "drift", "norm"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"PpoConfig.{name} must be positive and finite, got {value}")
        for name in ("last_rate", "discount", "trace", "team"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"PpoConfig.{name} must lie in [0, 1], got {getattr(self, name)}")


class Critic(nn.Module):
    """Expects the rewards that are to come."""

    def __init__(self) -> None:
        """Make a critic that expects nothing."""
        super().__init__()
        self.view = TunerModel(NetworkConfig(pair=0, node_answers=SUMMARY, edge_answers=1))
        self.view.layers["node" + LAYER] = nn.Linear(self.view.config.hidden, SUMMARY)
        self.head = nn.Sequential(nn.Linear(SUMMARY + OUTLOOK_WIDTH, SUMMARY), nn.Tanh(), nn.Linear(SUMMARY, 1))
        nn.init.zeros_(self.head[2].weight)
        nn.init.zeros_(self.head[2].bias)

    def forward(self, rows: "Rows") -> Tensor:
        """Expect.

        Args:
            rows: What robots perceive.

        Returns:
            Rewards to come, shape (R,) [`OUTLOOK_S`].
        """
        summary = torch.relu(self.view(rows.node, rows.edge, rows.receiver, rows.pair, rows.reverse)[0])
        expected: Tensor = self.head(torch.cat((summary, rows.outlook), dim=1)).squeeze(1)
        return expected


@dataclass(frozen=True)
class Rows:
    """Some rows of an experience as tensors; as there, but `receiver` numbers the rows chosen."""

    node: Tensor
    edge: Tensor
    receiver: Tensor
    pair: Tensor
    reverse: Tensor
    shared: Tensor
    outlook: Tensor
    answers: tuple[Tensor, Tensor, Tensor]

    @classmethod
    def of(cls, experience: Experience, chosen: IntArray) -> "Rows":
        """Choose.

        Args:
            experience: All rows.
            chosen: Numbers of the rows.

        Returns:
            These rows and their edges.
        """
        first = experience.first
        count = first[chosen + 1] - first[chosen]
        begin = np.repeat(first[chosen] - np.append(0, np.cumsum(count)[:-1]), count)
        edges = begin + np.arange(int(count.sum()))
        receiver = np.repeat(np.arange(len(chosen)), count)
        tensor = torch.from_numpy
        return cls(
            tensor(experience.node[chosen]),
            tensor(experience.edge[edges]),
            tensor(receiver),
            tensor(experience.pair[edges]),
            tensor(experience.reverse[edges]),
            tensor(experience.shared[edges]),
            tensor(experience.outlook[chosen]),
            (
                tensor(experience.answers_node[chosen]),
                tensor(experience.answers_edge[edges]),
                tensor(experience.answers_share[edges]),
            ),
        )


@dataclass(frozen=True)
class Update:
    """What became of a generation's steps.

    Attributes:
        steps: How many there were.
        drift: Estimated divergence of the last ones.
        explained: Share of the variance of returns that the critic knew beforehand.
    """

    steps: int
    drift: float
    explained: float


class Ppo:
    """Policy, critic and optimiser; `state` and `restore` carry all of it."""

    def __init__(self, config: PpoConfig, parameters: dict[str, Array], seed: int) -> None:
        """Begin.

        Args:
            config: Settings.
            parameters: Parameters of the policy to begin with.
            seed: Seed of the critic's layers.
        """
        self.config = config
        self.policy = TunerModel.of(parameters).float()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.critic = Critic()
        sizes = self.policy.config
        log = float(np.log(config.deviation))
        self.log_deviation = nn.ParameterDict(
            {
                "node": nn.Parameter(torch.full((sizes.node_answers,), log)),
                "edge": nn.Parameter(torch.full((sizes.edge_answers,), log)),
                "common": nn.Parameter(torch.full((sizes.edge_answers,), log)),
                "share": nn.Parameter(torch.full((1,), log)),
            }
        )
        self.optimiser = torch.optim.Adam(self._all().values(), lr=config.rate, eps=1e-5)

    def _all(self) -> dict[str, nn.Parameter]:
        parts = {"policy": self.policy, "critic": self.critic, "log_deviation": self.log_deviation}
        return dict(
            chain.from_iterable(
                ((f"{part}.{name}", value) for name, value in module.named_parameters())
                for part, module in parts.items()
            )
        )

    def parameters(self) -> dict[str, Array]:
        """Copy the parameters of the policy.

        Returns:
            Parameters by name, as `network` has them.
        """
        return self.policy.parameters_by_name()

    def deviation(self) -> Deviation:
        """Tell how noisy the policy is.

        Returns:
            Standard deviations.
        """
        found = {name: value.detach().double().exp().numpy() for name, value in self.log_deviation.items()}
        return Deviation(found["node"], found["edge"], found["common"], float(found["share"][0]))

    def state(self) -> dict[str, Array]:
        """Tell all that a training that goes on needs.

        Returns:
            Arrays by name; single precision in double, so nothing is rounded.
        """
        arrays: dict[str, Array] = {}
        moments = self.optimiser.state
        for name, value in self._all().items():
            arrays[name] = value.detach().double().numpy().copy()
            if value in moments:
                arrays[f"first:{name}"] = moments[value]["exp_avg"].double().numpy().copy()
                arrays[f"second:{name}"] = moments[value]["exp_avg_sq"].double().numpy().copy()
                arrays[f"steps:{name}"] = np.array([float(moments[value]["step"])])
        return arrays

    def restore(self, arrays: dict[str, Array]) -> None:
        """Go on from a state.

        Args:
            arrays: As `state` told them.
        """
        for name, value in self._all().items():
            with torch.no_grad():
                value.copy_(torch.from_numpy(arrays[name]))
            if f"first:{name}" in arrays:
                self.optimiser.state[value] = {
                    "step": torch.tensor(float(arrays[f"steps:{name}"][0])),
                    "exp_avg": torch.from_numpy(arrays[f"first:{name}"]).float(),
                    "exp_avg_sq": torch.from_numpy(arrays[f"second:{name}"]).float(),
                }

    def log_probability(self, rows: Rows) -> Tensor:
        """Tell how probable what the robots answered is under the policy.

        Args:
            rows: What they perceived and answered.

        Returns:
            Logarithms of densities, shape (R,), each summed over the answers of a robot for itself and its edges. The
            share of a pair counts for both of its robots.
        """
        node, edge, share = self.policy(rows.node, rows.edge, rows.receiver, rows.pair, rows.reverse)
        log = self.log_deviation
        found = _density(rows.answers[0] - node, log["node"]).sum(dim=1)
        found = found + _density_of_edges(
            rows.answers[1] - edge, rows.receiver, len(node), log["edge"], log["common"]
        ).sum(dim=1)
        if self.policy.config.pair:
            of_pairs = _density(rows.answers[2] - share, log["share"]) * rows.shared
            found = found.index_add(0, rows.receiver, of_pairs)
        return found

    def update(self, experience: Experience, rate: float, rng: np.random.Generator) -> Update:
        """Learn from a generation.

        Args:
            experience: What happened under the policy as it is.
            rate: Length of a step, as a share of the configured one.
            rng: Order of the rows.

        Returns:
            What became of it.

        Raises:
            InvalidValue: The loss is not a number; the policy is as it was before that step.
        """
        config, count = self.config, len(experience.robot)
        parts = np.array_split(np.arange(count), max(count // config.batch, 1))
        with torch.no_grad():
            rows = [Rows.of(experience, part) for part in parts]
            old = torch.cat([self.log_probability(item) for item in rows])
            value = torch.cat([self.critic(item) for item in rows]).double().numpy()
            del rows
        reward = (config.team * experience.team + (1.0 - config.team) * experience.reward) / OUTLOOK_S
        advantage, returns = advantages(experience, reward, value, config.discount, config.trace)
        explained = 1.0 - float(np.var(returns - value) / max(np.var(returns), 1e-12))
        scaled = torch.from_numpy((advantage - advantage.mean()) / (advantage.std() + 1e-8)).float()
        target = torch.from_numpy(returns).float()
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate * rate
        parameters = list(self._all().values())
        steps, drift = 0, 0.0
        for _ in range(config.epochs):
            drifts = []
            for part in np.array_split(rng.permutation(count), len(parts)):
                some = Rows.of(experience, part)
                change = self.log_probability(some) - old[part]
                ratio = change.exp()
                bounded = ratio.clamp(1.0 - config.clip, 1.0 + config.clip)
                gain = torch.minimum(ratio * scaled[part], bounded * scaled[part]).mean()
                loss = 0.5 * (self.critic(some) - target[part]).square().mean() - gain
                if not torch.isfinite(loss):
                    raise InvalidValue(
                        f"the loss of the navigation policy is {float(loss.detach())} after {steps} steps"
                    )
                self.optimiser.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(parameters, config.norm)
                self.optimiser.step()
                with torch.no_grad():
                    for log in self.log_deviation.values():
                        log.clamp_(min=float(np.log(QUIETEST)))
                    # Never negative, and of little variance (Schulman, "Approximating KL divergence", 2020).
                    drifts.append(float((ratio - 1.0 - change).mean()))
                steps += 1
            drift = float(np.mean(drifts))
            if drift > config.drift:
                break
        return Update(steps, drift, explained)


def _density(miss: Tensor, log_deviation: Tensor) -> Tensor:
    return -0.5 * (miss / log_deviation.exp()).square() - log_deviation - 0.5 * float(np.log(2.0 * np.pi))


def _density_of_edges(miss: Tensor, receiver: Tensor, robots: int, own: Tensor, common: Tensor) -> Tensor:
    """Logarithm of the density of what all edges of a robot were answered, for each answer, shape (R, `edge_answers`).

    The covariance of the E edges of a robot is σ² I + κ² 1 1ᵀ, with inverse (I − κ²/(σ² + E κ²) 1 1ᵀ)/σ² (Sherman and
    Morrison) and determinant σ^(2E−2) (σ² + E κ²).
    """
    nothing = miss.new_zeros((robots, miss.shape[1]))
    count = nothing[:, :1].index_add(0, receiver, torch.ones_like(miss[:, :1]))
    total, square = nothing.index_add(0, receiver, miss), nothing.index_add(0, receiver, miss.square())
    variance, shared = (2.0 * own).exp(), (2.0 * common).exp()
    together = variance + count * shared
    distance = (square - shared / together * total.square()) / variance
    determinant = torch.where(count > 0.0, (count - 1.0) * 2.0 * own + together.log(), 0.0)
    return -0.5 * (distance + determinant + count * float(np.log(2.0 * np.pi)))
