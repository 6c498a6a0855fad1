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
# Shares of a few patches are about this small; what enters the network is of about unit size.
POINTED = 4.0


@dataclass(frozen=True)
class FlowNetworkConfig:
    """Sizes of the network.

    Attributes:
        size: Width and height of the pictures [pixel], a multiple of 16.
        frames: Imagined frames, K.
        rank: Numbers per patch of 8 x 8 pixels, R.
        width: Of a token, a multiple of 4 heads.
        depth: Number of layers.
        pointing: Numbers by which patches and words are compared, G; 0 leaves that out.
        square: Side of the square of patches that a token stands for; 1 for scenes of many small things.
        fading: Whether what a patch shows may fade as it is, without passing through a token.
    """

    size: int = 64
    frames: int = 8
    rank: int = 16
    width: int = 192
    depth: int = 4
    pointing: int = 0
    square: int = 2
    fading: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.size < 16 or self.size % 16:
            raise InvalidValue(f"FlowNetworkConfig.size must be a multiple of 16, got {self.size}")
        if self.size % (PATCH * max(self.square, 1)):
            raise InvalidValue(f"FlowNetworkConfig.square must divide {self.size // PATCH} patches, got {self.square}")
        if self.width < 8 or self.width % 8:
            raise InvalidValue(f"FlowNetworkConfig.width must be a multiple of 8, got {self.width}")
        for name in ("frames", "rank", "depth", "square"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"FlowNetworkConfig.{name} must be at least 1, got {getattr(self, name)}")
        if self.pointing < 0:
            raise InvalidValue(f"FlowNetworkConfig.pointing must be at least 0, got {self.pointing}")
        if self.fading not in (0, 1):
            raise InvalidValue(f"FlowNetworkConfig.fading must be 0 or 1, got {self.fading}")


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
    """A small transformer; a token is what happens at one place, usually of 16 x 16 pixels, in all frames.

    Time is thus mixed within tokens and space between them. The present is read from its full picture, since its
    latents leave out what is finest. It tells the clean future rather than velocity or noise (Li and He 2025, arXiv
    2511.13720): a small network cannot afford to repeat the noise that it was given. All of it is products of large
    matrices, which a CPU without much else to do multiplies twice as fast as it convolves.

    With pointing, words are compared with what every patch looks like, wherever it is, before anything is imagined, as
    contrastive models of pictures and words do (Radford et al. 2021, arXiv 2103.00020): which of several like things
    is meant is then known to all places at once. It matters where a scene holds many things of which words name one.
    With fading, the share of the present that is gone is told for each patch and frame beside what comes anew: what was
    there need not fit through a token to be taken away.
    """

    def __init__(self, config: FlowNetworkConfig | None = None) -> None:
        """Build it with random weights; at first it tells that nothing will change.

        Args:
            config: Sizes.
        """
        super().__init__()
        self.config = config or FlowNetworkConfig()
        width, four = self.config.width, self.config.square**2
        stack = four * self.config.frames * self.config.rank
        self.look = nn.Sequential(nn.Linear(3 * PATCH**2, width // 2), nn.SiLU())
        self.gather = nn.Linear(four * (width // 2), width)
        self.place = nn.Parameter(0.02 * torch.randn((self.config.size // (self.config.square * PATCH)) ** 2, width))
        self.time = nn.Sequential(nn.Linear(64, SIGNAL), nn.SiLU(), nn.Linear(SIGNAL, SIGNAL))
        self.text = nn.Sequential(nn.Linear(TEXT_WIDTH, SIGNAL), nn.SiLU(), nn.Linear(SIGNAL, SIGNAL))
        self.silence = nn.Parameter(torch.zeros(SIGNAL))
        self.enter = nn.Linear(stack, width)
        self.layers = nn.ModuleList(Layer(width) for _ in range(self.config.depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, stack)
        if self.config.pointing:
            self.regard = nn.Sequential(
                nn.Linear(3 * PATCH**2, 128), nn.SiLU(), nn.Linear(128, self.config.pointing + 1)
            )
            self.meaning = nn.Sequential(nn.Linear(TEXT_WIDTH, 128), nn.SiLU(), nn.Linear(128, self.config.pointing))
            self.heed = nn.Linear(four, width)
        if self.config.fading:
            self.fade = nn.Linear(width, four * self.config.frames)
            nn.init.zeros_(self.fade.weight)
            nn.init.constant_(self.fade.bias, -3.0)
            self.present = nn.Linear(3 * PATCH**2, self.config.rank)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def see(self, picture: torch.Tensor) -> torch.Tensor:
        """Look at the present, once for all steps of a sampler.

        Args:
            picture: Shape (B, 3, size, size), in [0, 1].

        Returns:
            Features by place, shape (B, N, width). Behind them stand, with pointing, those that words are compared
            with, 4 (G + 1) where a token stands for four patches, and with fading, what may fade, 4 R.
        """
        patches = nn.functional.pixel_unshuffle(2.0 * picture - 1.0, PATCH).movedim(1, 3)
        parts = [self.gather(self._tokens(self.look(patches)))]
        if self.config.pointing:
            parts.append(self._tokens(self.regard(patches)))
        if self.config.fading:
            parts.append(self._tokens(self.present(patches)))
        return torch.cat(parts, dim=2)

    def know(self, mean: torch.Tensor, basis: torch.Tensor, scale: torch.Tensor) -> None:
        """Begin to learn what may fade where the codec of patches is.

        Args:
            mean: Mean patch in rows, columns and colours, shape (P,).
            basis: Directions, shape (P, R).
            scale: Unit of each number, shape (R,).
        """
        # Patches come here by colour, row and column, in [-1, 1] and not in [0, 1].
        turned = basis.T.reshape(-1, PATCH, PATCH, 3).permute(0, 3, 1, 2).reshape(len(scale), -1)
        with torch.no_grad():
            self.present.weight.copy_(0.5 * turned / scale[:, None])
            self.present.bias.copy_((0.5 * basis.sum(dim=0) - mean @ basis) / scale)

    def point(self, seen: torch.Tensor, text: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
        """Compare what patches look like with what is meant.

        Args:
            seen: What `see` made of the present.
            text: Vectors of the instructions, shape (B, 384).
            told: 1 where the instruction is told, 0 where it is left out, shape (B,).

        Returns:
            Score of each patch of each token, shape (B, N, 4) where it stands for four; the higher, the more likely
            something will have changed there when all is done.
        """
        count, places, _ = seen.shape
        # Patches were folded behind the features, so those of a token stand side by side.
        first, four = self.config.width, self.config.square**2
        looks = seen[:, :, first : first + (self.config.pointing + 1) * four]
        looks = looks.view(count, places, self.config.pointing + 1, four)
        meant = told[:, None] * self.meaning(text)
        return torch.as_tensor(torch.einsum("bngq,bg->bnq", looks[:, :, :-1], meant) + looks[:, :, -1])

    def forward(
        self, noisy: torch.Tensor, time: torch.Tensor, seen: torch.Tensor, text: torch.Tensor, told: torch.Tensor
    ) -> torch.Tensor:
        """Tell the clean future.

        Args:
            noisy: Changes since the present with noise, frames stacked, shape (B, K * R, H, W).
            time: Share of noise, shape (B,).
            seen: What `see` made of the present.
            text: Vectors of the instructions, shape (B, 384).
            told: 1 where the instruction is told, 0 where it is left out, shape (B,).

        Returns:
            Changes since the present, shape (B, K * R, H, W).
        """
        words = told[:, None] * self.text(text) + (1.0 - told[:, None]) * self.silence
        signal = nn.functional.silu(self.time(waves(time)) + words)
        x = self.enter(self._tokens(noisy.movedim(1, 3))) + seen[:, :, : self.config.width] + self.place
        if self.config.pointing:
            # As shares, so that the only thing that fits stands out, however well it fits.
            score = self.point(seen, text, told)
            share = torch.softmax(score.flatten(1), dim=1).view_as(score)
            x = x + self.heed(POINTED * share)
        for layer in self.layers:
            x = layer(x, signal)
        x = self.norm(x)
        out = self._patches(self.leave(x))
        if self.config.fading:
            four = self.config.square**2
            present = self._patches(seen[:, :, -four * self.config.rank :])
            gone = self._patches(torch.sigmoid(self.fade(x)))
            faded = gone[:, :, None] * present[:, None]
            out = out - faded.flatten(1, 2)
        return torch.as_tensor(out)

    def _tokens(self, x: torch.Tensor) -> torch.Tensor:
        """Squares of patches as tokens: shape (B, H, W, C) to (B, N, C * square**2)."""
        return nn.functional.pixel_unshuffle(x.movedim(3, 1), self.config.square).flatten(2).transpose(1, 2)

    def _patches(self, x: torch.Tensor) -> torch.Tensor:
        """Tokens as squares of patches: shape (B, N, C * square**2) to (B, C, H, W)."""
        side = self.config.size // (self.config.square * PATCH)
        return nn.functional.pixel_shuffle(x.transpose(1, 2).reshape(len(x), -1, side, side), self.config.square)


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
