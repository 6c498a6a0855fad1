"""Inverse dynamics: what was done between two pictures."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights, save_arrays

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

COMMAND = "pronk train inverse --data DIR,… --out DIR"
CONFIG = {"size": int, "channels": int, "width": int, "scale_m": float}


@dataclass(frozen=True)
class InverseConfig:
    """Sizes of the network.

    Attributes:
        size: Width and height of the pictures [pixel], a multiple of 16.
        channels: Of the first layer; deeper ones have up to four times as many.
        width: Number of coordinates that actions displace.
        scale_m: Typical displacement, in whose unit the network computes [m].
    """

    size: int = 64
    channels: int = 32
    width: int = 3
    scale_m: float = 0.02

    def __post_init__(self) -> None:
        """Refuse what cannot be built.

        Raises:
            InvalidValue: A number is out of range.
        """
        if self.size < 16 or self.size % 16:
            raise InvalidValue(f"InverseConfig.size must be a multiple of 16, got {self.size}")
        for name in ("channels", "width"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"InverseConfig.{name} must be at least 1, got {getattr(self, name)}")
        if not (np.isfinite(self.scale_m) and self.scale_m > 0.0):
            raise InvalidValue(f"InverseConfig.scale_m must be finite and positive, got {self.scale_m}")


@dataclass(frozen=True)
class Doing:
    """What the network takes to have been done, for B pairs.

    Attributes:
        displacement: Shape (B, D) [m].
        deviation: Standard deviation of its error, shape (B, D) [m].
        closing: Chance that the gripper was told to close, shape (B,).
    """

    displacement: Array
    deviation: Array
    closing: Array


class InverseModel(nn.Module):
    """A convolutional network that sees a picture, its difference from the next, and where each pixel is.

    It predicts the displacement over the whole interval, however many steps that was, since a single step moves less
    than a pixel; the command to the gripper by a head of its own, since it cannot be seen from a displacement; and how
    far off it may be.
    """

    def __init__(self, config: InverseConfig | None = None) -> None:
        """Build it with random weights.

        Args:
            config: Sizes.
        """
        super().__init__()
        self.config = config or InverseConfig()
        c, size = self.config.channels, self.config.size
        edge = torch.linspace(-1.0, 1.0, size)
        self.register_buffer("place", torch.stack(torch.meshgrid(edge, edge, indexing="ij")), persistent=False)
        layers: list[nn.Module] = []
        widths = (8, c, 2 * c, 3 * c, 4 * c)
        for i, (a, b) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(a, b, 4 if i == 0 else 3, 2, 1), nn.GroupNorm(8, b), nn.SiLU()]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * c * (size // 16) ** 2, 256), nn.SiLU())
        self.move = nn.Linear(256, self.config.width)
        self.doubt = nn.Linear(256, self.config.width)
        self.grip = nn.Linear(256, 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, before: torch.Tensor, after: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Compare pictures.

        Args:
            before: Shape (B, 3, size, size), in [0, 1].
            after: Shape (B, 3, size, size), in [0, 1].

        Returns:
            Displacement and the logarithm of its deviation, both in units of the scale, shape (B, D), and the logit of
            closing, shape (B,).
        """
        place = self.place.expand(len(before), -1, -1, -1)
        seen = torch.cat([before - 0.5, 4.0 * (after - before), place], dim=1)
        features = self.body(seen)
        # Doubt is learned beside the answer, not in its place: what it learns does not reach the features.
        doubt = self.doubt(features.detach()).clamp(-5.0, 3.0)
        return self.move(features), doubt, self.grip(features).squeeze(1)

    @torch.no_grad()
    def infer(self, before: Image, after: Image) -> Doing:
        """Tell what was done between pictures.

        Args:
            before: Shape (B, size, size, 3).
            after: Shape (B, size, size, 3).

        Returns:
            What was done.

        Raises:
            InvalidValue: Pictures have another size than those that it was trained on.
        """
        size = self.config.size
        for name, images in (("before", before), ("after", after)):
            if images.ndim != 4 or images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
                raise InvalidValue(
                    f"pictures {name} must be bytes of shape (B, {size}, {size}, 3), got {images.dtype} {images.shape}"
                )
        self.eval()
        move, doubt, grip = self(to_tensor(before), to_tensor(after))
        scale = self.config.scale_m
        return Doing(
            move.double().numpy() * scale, doubt.exp().double().numpy() * scale, torch.sigmoid(grip).double().numpy()
        )

    def save(self, path: Path, texts: dict[str, str] | None = None) -> None:
        """Write the weights in half precision.

        Args:
            path: A safetensors file.
            texts: What goes with them, such as the command that made them.
        """
        arrays = {name: tensor.numpy() for name, tensor in self.state_dict().items()}
        sizes = {name: repr(getattr(self.config, name)) for name in CONFIG}
        save_arrays(path, arrays, {**sizes, **(texts or {})}, kind="F16")

    @classmethod
    def load(cls, path: Path) -> "InverseModel":
        """Read a network.

        Args:
            path: A safetensors file that `save` wrote.

        Returns:
            The network.

        Raises:
            MissingModel: The file is not there; the message names the command that makes it.
            InvalidValue: It is damaged or holds another network.
        """
        arrays, texts = load_weights(path, COMMAND)
        try:
            model = cls(InverseConfig(**{name: kind(texts[name]) for name, kind in CONFIG.items()}))
            model.load_state_dict({name: torch.from_numpy(array).float() for name, array in arrays.items()})
        except (KeyError, ValueError, RuntimeError) as error:
            raise InvalidValue(f"'{path}' holds no inverse dynamics: {error}") from error
        return model


def to_tensor(images: Image) -> torch.Tensor:
    """Turn pictures into what the network takes.

    Args:
        images: Shape (B, H, W, 3).

    Returns:
        Shape (B, 3, H, W), in [0, 1].
    """
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() / 255.0
