"""The network of the video model: it sees a noisy future and the present, and tells the clean future."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from controllers.errors import InvalidValue
from policies.text import WIDTH as TEXT_WIDTH

# Width of the signal that carries time and text into every block.
SIGNAL = 256
HEADS = 4
# Side of the patches that latents stand for [pixel].
PATCH = 8


@dataclass(frozen=True)
class FlowNetworkConfig:
    """Sizes of the network.

    Attributes:
        size: Width and height of the pictures [pixel], a multiple of 16.
        frames: Imagined frames, K.
        rank: Numbers per patch of 8 x 8 pixels, R.
        width: Of a token, a multiple of 4 heads.
        depth: Number of layers.
    """

    size: int = 64
    frames: int = 8
    rank: int = 16
    width: int = 192
    depth: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.size < 16 or self.size % 16:
            raise InvalidValue(f"FlowNetworkConfig.size must be a multiple of 16, got {self.size}")
        if self.width < 8 or self.width % 8:
            raise InvalidValue(f"FlowNetworkConfig.width must be a multiple of 8, got {self.width}")
        for name in ("frames", "rank", "depth"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"FlowNetworkConfig.{name} must be at least 1, got {getattr(self, name)}")


class Layer(nn.Module):
    """Attention between all places, then a perceptron for each.

    Time and text scale and shift what goes in (DiT, Peebles and Xie 2023, arXiv 2212.09748).
    """

    def __init__(self, width: int) -> None:
        """Build it; at first it lets its input through.

        Args:
            width: Of a token.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.signal = nn.Linear(SIGNAL, 4 * width)
        self.ask = nn.Linear(width, 3 * width)
        self.answer = nn.Linear(width, width)
        self.think = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width))
        for last in (self.answer, self.think[2]):
            nn.init.zeros_(last.weight)  # type: ignore[arg-type]
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor, signal: torch.Tensor) -> torch.Tensor:
        """Compute.

        Args:
            x: Tokens, shape (B, N, width).
            signal: Shape (B, 256).

        Returns:
            Tokens, shape (B, N, width).
        """
        first_scale, first_shift, scale, shift = self.signal(signal)[:, None].chunk(4, dim=2)
        count, tokens, width = x.shape
        asked = self.ask(self.norm(x) * (1.0 + first_scale) + first_shift)
        query, key, value = asked.view(count, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        found = nn.functional.scaled_dot_product_attention(query, key, value)
        x = x + self.answer(found.transpose(1, 2).reshape(count, tokens, width))
        return torch.as_tensor(x + self.think(self.norm(x) * (1.0 + scale) + shift))


class FlowNetwork(nn.Module):
    """A small transformer; a token is what happens at one place of 16 x 16 pixels in all frames.

    Time is thus mixed within tokens and space between them. The present is read from its full picture, since its
    latents leave out what is finest. It tells the clean future rather than velocity or noise (Li and He 2025, arXiv
    2511.13720): a small network cannot afford to repeat the noise that it was given. All of it is products of large
    matrices, which a CPU without much else to do multiplies twice as fast as it convolves.
    """

    def __init__(self, config: FlowNetworkConfig | None = None) -> None:
        """Build it with random weights; at first it tells that nothing will change.

        Args:
            config: Sizes.
        """
        super().__init__()
        self.config = config or FlowNetworkConfig()
        width, stack = self.config.width, 4 * self.config.frames * self.config.rank
        self.look = nn.Sequential(nn.Linear(3 * PATCH**2, width // 2), nn.SiLU())
        self.gather = nn.Linear(2 * width, width)
        self.place = nn.Parameter(0.02 * torch.randn((self.config.size // (2 * PATCH)) ** 2, width))
        self.time = nn.Sequential(nn.Linear(64, SIGNAL), nn.SiLU(), nn.Linear(SIGNAL, SIGNAL))
        self.text = nn.Sequential(nn.Linear(TEXT_WIDTH, SIGNAL), nn.SiLU(), nn.Linear(SIGNAL, SIGNAL))
        self.silence = nn.Parameter(torch.zeros(SIGNAL))
        self.enter = nn.Linear(stack, width)
        self.layers = nn.ModuleList(Layer(width) for _ in range(self.config.depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, stack)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def see(self, picture: torch.Tensor) -> torch.Tensor:
        """Look at the present, once for all steps of a sampler.

        Args:
            picture: Shape (B, 3, size, size), in [0, 1].

        Returns:
            Features by place, shape (B, N, width).
        """
        patches = nn.functional.pixel_unshuffle(2.0 * picture - 1.0, PATCH)
        return torch.as_tensor(self.gather(_tokens(self.look(patches.movedim(1, 3)).movedim(3, 1))))

    def forward(
        self, noisy: torch.Tensor, time: torch.Tensor, seen: torch.Tensor, text: torch.Tensor, told: torch.Tensor
    ) -> torch.Tensor:
        """Tell the clean future.

        Args:
            noisy: Changes since the present with noise, frames stacked, shape (B, K * R, H, W).
            time: Share of noise, shape (B,).
            seen: What `see` made of the present, shape (B, N, width).
            text: Vectors of the instructions, shape (B, 384).
            told: 1 where the instruction is told, 0 where it is left out, shape (B,).

        Returns:
            Changes since the present, shape (B, K * R, H, W).
        """
        words = told[:, None] * self.text(text) + (1.0 - told[:, None]) * self.silence
        signal = nn.functional.silu(self.time(waves(time)) + words)
        x = self.enter(_tokens(noisy)) + seen + self.place
        for layer in self.layers:
            x = layer(x, signal)
        side = self.config.size // (2 * PATCH)
        out = self.leave(self.norm(x)).transpose(1, 2).reshape(len(x), -1, side, side)
        return nn.functional.pixel_shuffle(out, 2)


def _tokens(x: torch.Tensor) -> torch.Tensor:
    """Squares of 2 x 2 as tokens: shape (B, C, H, W) to (B, H * W / 4, 4 * C)."""
    return nn.functional.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)


def waves(time: torch.Tensor) -> torch.Tensor:
    """Show a number in [0, 1] at many scales.

    Args:
        time: Shape (B,).

    Returns:
        Shape (B, 64).
    """
    rates = torch.exp(torch.linspace(0.0, math.log(200.0), 32))
    angles = time[:, None] * rates[None]
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)
