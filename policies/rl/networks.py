"""Networks of the learner: several critics computed at once, and a policy."""

import math

import torch
from torch import nn
from torch.nn import functional

LEAST_LOG_DEVIATION, LARGEST_LOG_DEVIATION = -4.0, 0.5


class Ensemble(nn.Module):
    """E networks of two hidden layers with layer normalisation, without which prior data make critics diverge (RLPD).

    All are computed by one product of matrices each layer.
    """

    def __init__(self, members: int, inputs: int, hidden: int) -> None:
        """Build them with random weights.

        Args:
            members: E.
            inputs: Numbers in.
            hidden: Width of the layers.
        """
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for width, out in ((inputs, hidden), (hidden, hidden), (hidden, 1)):
            bound = 1.0 / math.sqrt(width)
            self.weights.append(nn.Parameter(torch.empty(members, width, out).uniform_(-bound, bound)))
            self.biases.append(nn.Parameter(torch.empty(members, 1, out).uniform_(-bound, bound)))

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        """Compute all.

        Args:
            seen: Shape (B, inputs).

        Returns:
            Shape (E, B).
        """
        hidden = seen.expand(len(self.weights[0]), -1, -1)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            hidden = torch.baddbmm(bias, hidden, weight)
            hidden = functional.relu(functional.layer_norm(hidden, hidden.shape[-1:]))
        return torch.baddbmm(self.biases[-1], hidden, self.weights[-1]).squeeze(-1)


class Policy(nn.Module):
    """A Gaussian, squashed into [-1, 1]."""

    def __init__(self, inputs: int, actions: int, hidden: int) -> None:
        """Build it with random weights.

        Args:
            inputs: Numbers in an observation.
            actions: Numbers in an action.
            hidden: Width of the two layers.
        """
        super().__init__()
        self.body = nn.Sequential(
            *(nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden), nn.LayerNorm(hidden), nn.ReLU()),
        )
        self.mean, self.spread = nn.Linear(hidden, actions), nn.Linear(hidden, actions)

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tell where actions lie before they are squashed.

        Args:
            observation: Shape (B, O).

        Returns:
            Mean and logarithm of the deviation, shape (B, A).
        """
        features = self.body(observation)
        share = torch.sigmoid(self.spread(features))
        return self.mean(features), LEAST_LOG_DEVIATION + (LARGEST_LOG_DEVIATION - LEAST_LOG_DEVIATION) * share

    def draw(self, observation: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw actions.

        Args:
            observation: Shape (B, O).
            noise: Standard normal, shape (B, A).

        Returns:
            Actions, shape (B, A), and the logarithm of their density, shape (B,).
        """
        mean, log_deviation = self(observation)
        raw = mean + log_deviation.exp() * noise
        density = -0.5 * noise**2 - log_deviation - 0.5 * math.log(2.0 * math.pi)
        # log(1 - tanh²(x)) without the loss of digits for large x.
        squash = 2.0 * (math.log(2.0) - raw - functional.softplus(-2.0 * raw))
        return torch.tanh(raw), (density - squash).sum(dim=1)
