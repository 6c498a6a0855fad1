"""Where a video model imagines: changes of patches since the present, in units in which noise and change compare."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.checkpoints import load_weights, save_arrays
from policies.video.clips import Clips
from policies.video.patch_codec import PatchCodec, fit_codec

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]

COMMAND = "pronk train video --variant codec --data DIR,… --out DIR"
SAMPLES = 400


@dataclass(frozen=True)
class LatentSpace:
    """A codec and units.

    Attributes:
        codec: Turns patches into R numbers.
        scale: Unit of the change of each number, shape (R,).
    """

    codec: PatchCodec
    scale: Array

    def __post_init__(self) -> None:
        """Refuse what cannot be divided by.

        Raises:
            InvalidValue: A unit is not finite and positive, or their number is wrong.
        """
        if self.scale.shape != (self.codec.rank,) or not (np.isfinite(self.scale) & (self.scale > 0.0)).all():
            raise InvalidValue(f"a latent space needs {self.codec.rank} finite, positive units, got {self.scale}")

    def changes(self, frames: Array | Image) -> Array:
        """Tell what changes in clips.

        Args:
            frames: The present and K later frames, shape (B, K + 1, S, S, 3).

        Returns:
            Frames stacked, shape (B, K * R, H, W).
        """
        latents = self.codec.encode(frames)
        moved = (latents[:, 1:] - latents[:, :1]) / self.scale[:, None, None]
        return np.ascontiguousarray(moved.reshape(len(frames), -1, *moved.shape[-2:]))

    def frames(self, images: Image, changes: Array) -> Image:
        """Draw later frames.

        Args:
            images: The present, shape (B, S, S, 3).
            changes: Shape (B, K * R, H, W).

        Returns:
            Shape (B, K, S, S, 3).
        """
        now = self.codec.encode(images)[:, None]
        moved = changes.reshape(len(images), -1, *now.shape[2:]) * self.scale[:, None, None]
        return self.codec.decode(now + moved)

    def arrays(self) -> dict[str, Array]:
        """Everything that defines it, by name."""
        return {"space.mean": self.codec.mean, "space.basis": self.codec.basis, "space.scale": self.scale}

    @classmethod
    def of_arrays(cls, arrays: dict[str, npt.NDArray[np.float64]]) -> "LatentSpace":
        """Make one again.

        Args:
            arrays: What `arrays` returned, and more.

        Returns:
            The space.

        Raises:
            KeyError: An array is missing.
            InvalidValue: Arrays do not go together.
        """
        mean, basis, scale = (arrays[f"space.{name}"].astype(np.float32) for name in ("mean", "basis", "scale"))
        return cls(PatchCodec(round((len(mean) / 3) ** 0.5), mean, np.ascontiguousarray(basis)), scale)

    def save(self, path: Path, command: str) -> None:
        """Write it.

        Args:
            path: A safetensors file.
            command: What made it.
        """
        save_arrays(path, self.arrays(), {"command": command}, kind="F32")

    @classmethod
    def load(cls, path: Path) -> "LatentSpace":
        """Read it.

        Args:
            path: A file that `save` wrote.

        Returns:
            The space.

        Raises:
            MissingModel: The file is not there.
            InvalidValue: It is damaged or holds something else.
        """
        arrays, _ = load_weights(path, COMMAND)
        try:
            return cls.of_arrays(arrays)
        except KeyError as error:
            raise InvalidValue(f"'{path}' holds no latent space: {error} is missing") from error


def fit_space(many: Sequence[Clips], rank: int = 16, patch: int = 8, seed: int = 0) -> LatentSpace:
    """Find a latent space for clips.

    Args:
        many: Clips of one or more kinds, which count alike.
        rank: Numbers per patch.
        patch: Side of a patch [pixel].
        seed: Of the sample.

    Returns:
        The space; its units are such that the strongest change of a patch that moves has about unit size, and weaker
        ones less, but not as much less as they are: what is fine matters for control.
    """
    rng = np.random.default_rng(seed)
    batches = [clips.draw(SAMPLES, rng).frames for clips in many]
    codec = fit_codec([np.asarray(frames[:, ::4], dtype=np.uint8) for frames in batches], rank, patch)
    squares = []
    for frames in batches:
        latents = codec.encode(frames)
        moved = np.moveaxis(latents[:, 1:] - latents[:, :1], 2, -1).reshape(-1, rank) ** 2
        size = moved.sum(axis=1)
        squares.append(moved[size > size.mean()].mean(axis=0))
    typical = np.sqrt(np.mean(squares, axis=0))
    return LatentSpace(codec, np.sqrt(typical * typical.max()).astype(np.float32))
