"""What a small network sees on a floor from above: what moves, where words send it, and where it may pass."""

from dataclasses import dataclass

import torch
from torch import nn

from controllers.errors import InvalidValue
from policies.text import WIDTH as TEXT_WIDTH

# Pixels per cell of what it tells, along each side.
CELL = 2


@dataclass(frozen=True)
class FloorNetworkConfig:
    """Sizes of the network.

    Attributes:
        size: Width and height of the pictures [pixel], even.
        channels: Of each layer.
        meanings: Numbers by which cells and words are compared.
    """

    size: int = 64
    channels: int = 32
    meanings: int = 32

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.size < 8 or self.size % CELL:
            raise InvalidValue(f"FloorNetworkConfig.size must be even and at least 8, got {self.size}")
        for name in ("channels", "meanings"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"FloorNetworkConfig.{name} must be at least 1, got {getattr(self, name)}")


class FloorNetwork(nn.Module):
    """A few convolutions, whose answer for each cell of 2 x 2 pixels depends on its surroundings and not on its place.

    Words are compared with what every cell looks like, as contrastive models of pictures and words do (Radford et al.
    2021, arXiv 2103.00020). Everything is learned from videos alone: which cells will have changed when all is done,
    with words and without, and which will have been different in between.
    """

    def __init__(self, config: FloorNetworkConfig | None = None) -> None:
        """Build it with random weights.

        Args:
            config: Sizes.
        """
        super().__init__()
        self.config = config or FloorNetworkConfig()
        c, meanings = self.config.channels, self.config.meanings
        self.body = nn.Sequential(
            *(nn.Conv2d(3, c, 6, CELL, 2), nn.SiLU()),
            *(nn.Conv2d(c, c, 3, 1, 1), nn.SiLU()),
            *(nn.Conv2d(c, c, 3, 1, 2, dilation=2), nn.SiLU()),
        )
        self.tell = nn.Conv2d(c, meanings + 2, 1)
        self.meaning = nn.Sequential(nn.Linear(TEXT_WIDTH, 128), nn.SiLU(), nn.Linear(128, meanings))
        # Most cells never change.
        nn.init.constant_(self.tell.bias[-2:], -3.0)

    def forward(
        self, picture: torch.Tensor, text: torch.Tensor, told: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Look and read.

        Args:
            picture: Shape (B, 3, size, size), in [0, 1].
            text: Vectors of the instructions, shape (B, 384).
            told: 1 where the instruction is told, 0 where it is left out, shape (B,).

        Returns:
            Logits of what each cell will have become when all is done (other than now), and of whether something will
            have passed over it till then, shape (B, size / 2, size / 2) each.
        """
        return self.read(self.see(picture), text, told)

    def see(self, picture: torch.Tensor) -> torch.Tensor:
        """Look, once for all that is read.

        Args:
            picture: Shape (B, 3, size, size), in [0, 1].

        Returns:
            Cells for `read`, shape (B, meanings + 2, size / 2, size / 2).
        """
        return torch.as_tensor(self.tell(self.body(2.0 * picture - 1.0)))

    def read(self, cells: torch.Tensor, text: torch.Tensor, told: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Compare what was seen with words.

        Args:
            cells: What `see` returned.
            text: As for `forward`.
            told: As for `forward`.

        Returns:
            As for `forward`.
        """
        meant = told[:, None] * self.meaning(text)
        done = torch.einsum("bmyx,bm->byx", cells[:, :-2], meant) + cells[:, -2]
        return done, cells[:, -1]
