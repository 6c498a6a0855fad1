"""The network of the reward: pictures of four moments and an instruction in, a hop and three doubts out."""

from dataclasses import dataclass

import torch
from torch import nn

from controllers.errors import InvalidValue
from policies.text import WIDTH

# Moments, in the order in which the network takes them.
MOMENTS = ("before", "after", "start", "goal")
NONE = -1
# Logarithm of the deviation of a hop is kept in this range: 0.01 to 1.
LEAST_DOUBT, MOST_DOUBT = -4.6, 0.0


@dataclass(frozen=True)
class HopConfig:
    """Sizes of the network.

    Attributes:
        views: Cameras that it knows, in order.
        size: Width and height of the pictures [pixel], a multiple of 16.
        channels: Of the first layer.
        features: Numbers by which a view, or all views together, are described.
        words: Numbers by which an instruction is described.
    """

    views: tuple[str, ...] = ("corner4", "topview", "gripperPOV")
    size: int = 64
    channels: int = 16
    features: int = 192
    words: int = 48

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            InvalidValue: A number is out of range, or a view is named twice.
        """
        if not self.views or len(set(self.views)) != len(self.views):
            raise InvalidValue(f"HopConfig.views must name at least one camera, each once, got {self.views}")
        if self.size < 16 or self.size % 16:
            raise InvalidValue(f"HopConfig.size must be a multiple of 16, got {self.size}")
        if self.channels < 8 or self.channels % 8:
            raise InvalidValue(f"HopConfig.channels must be a multiple of 8, got {self.channels}")
        for name in ("features", "words"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"HopConfig.{name} must be at least 1, got {getattr(self, name)}")


@dataclass(frozen=True)
class Comparison:
    """What is compared: Q questions, each seen by one camera or more, M in all.

    Attributes:
        moments: Rows of the encoded pictures of the four moments, -1 for none, shape (M, 4).
        view: Number of the camera, shape (M,).
        question: Which question it belongs to, shape (M,).
        sentence: Vector of the instruction, zero where there is none, shape (Q, 384).
    """

    moments: torch.Tensor
    view: torch.Tensor
    question: torch.Tensor
    sentence: torch.Tensor


@dataclass(frozen=True)
class Answers:
    """What the network says, shape (Q,) each.

    Attributes:
        hop: From before to after, in (-1, 1).
        doubt: Logarithm of its standard deviation.
        success: Logit that the task is done in the state after.
        match: Logit that instruction, references and pictures belong together.
    """

    hop: torch.Tensor
    doubt: torch.Tensor
    success: torch.Tensor
    match: torch.Tensor


class HopNetwork(nn.Module):
    """Compares moments where they still are pictures, and cameras where they are but descriptions.

    Every picture is encoded once, to a small picture of features. Those of the four moments are laid over one another,
    so that what moved between two of them is seen in its place; what describes a known object is not needed for that,
    which is why it carries over to objects that were never seen. The instruction scales and shifts the sum. Cameras
    are averaged: any of them may be missing.

    Success has a head of its own, which does not see the hop.
    """

    def __init__(self, config: HopConfig | None = None) -> None:
        """Build it with random weights.

        Args:
            config: Sizes.
        """
        super().__init__()
        self.config = config or HopConfig()
        c, f, w = self.config.channels, self.config.features, self.config.words
        edge = torch.linspace(-1.0, 1.0, self.config.size)
        self.register_buffer("place", torch.stack(torch.meshgrid(edge, edge, indexing="ij")), persistent=False)
        self.encoder = nn.Sequential(
            *(nn.Conv2d(5, c, 5, 2, 2), nn.GroupNorm(8, c), nn.SiLU()),
            *(nn.Conv2d(c, 2 * c, 3, 2, 1), nn.GroupNorm(8, 2 * c), nn.SiLU()),
        )
        self.roles = nn.ModuleList(nn.Conv2d(2 * c, 2 * c, 1) for _ in MOMENTS)
        self.nothing = nn.Parameter(torch.zeros(len(MOMENTS), 2 * c))
        self.views = nn.Embedding(len(self.config.views), 2 * c)
        self.read = nn.Sequential(nn.Linear(WIDTH, w), nn.SiLU())
        self.unread = nn.Parameter(torch.zeros(w))
        self.scale = nn.Linear(w, 4 * c)
        self.body = nn.Sequential(
            *(nn.GroupNorm(8, 2 * c), nn.SiLU()),
            *(nn.Conv2d(2 * c, 3 * c, 3, 2, 1), nn.GroupNorm(8, 3 * c), nn.SiLU()),
            *(nn.Conv2d(3 * c, 4 * c, 3, 2, 1), nn.GroupNorm(8, 4 * c), nn.SiLU()),
            *(nn.Flatten(), nn.Linear(4 * c * (self.config.size // 16) ** 2, f), nn.SiLU()),
        )
        self.hop = nn.Sequential(nn.Linear(f + w, f), nn.SiLU(), nn.Linear(f, 2))
        self.judge = nn.Sequential(nn.Linear(f + w, f), nn.SiLU(), nn.Linear(f, 2))

    def encode(self, pictures: torch.Tensor) -> torch.Tensor:
        """Encode pictures.

        Args:
            pictures: Shape (N, 3, size, size), in [0, 1].

        Returns:
            Small pictures of features, shape (N, 2 channels, size / 4, size / 4).
        """
        place = self.place.expand(len(pictures), -1, -1, -1)  # type: ignore[operator]
        encoded: torch.Tensor = self.encoder(torch.cat([2.0 * pictures - 1.0, place], dim=1))
        return encoded

    def forward(self, encoded: torch.Tensor, asked: Comparison) -> Answers:
        """Answer questions about encoded pictures.

        Args:
            encoded: What `encode` returned.
            asked: The questions.

        Returns:
            The answers.
        """
        total = self.views(asked.view)[:, :, None, None]
        for role, (project, nothing) in enumerate(zip(self.roles, self.nothing, strict=True)):
            # Each picture is projected once, however many questions are about it; in front of them lies none.
            used, place = torch.unique(asked.moments[:, role], return_inverse=True)
            absent = bool((used[:1] == NONE).any())
            layers = [nothing[None, :, None, None].expand(1, -1, *encoded.shape[2:])] if absent else []
            total = total + torch.cat([*layers, project(encoded[used[int(absent) :]])]).index_select(0, place)
        words = self.read(asked.sentence)
        silent = (asked.sentence == 0.0).all(dim=1, keepdim=True)
        words = torch.where(silent, self.unread.expand_as(words), words)
        scale, shift = self.scale(words)[asked.question].chunk(2, dim=1)
        described = self.body(total * (1.0 + scale[:, :, None, None]) + shift[:, :, None, None])
        count = torch.bincount(asked.question, minlength=len(words)).clamp(min=1)
        seen = torch.zeros(len(words), described.shape[1], dtype=described.dtype, device=described.device)
        seen = seen.index_add(0, asked.question, described) / count[:, None]
        known = torch.cat([seen, words], dim=1)
        hop, doubt = self.hop(known).unbind(dim=1)
        success, match = self.judge(known).unbind(dim=1)
        return Answers(torch.tanh(hop), doubt.clamp(LEAST_DOUBT, MOST_DOUBT), success, match)
