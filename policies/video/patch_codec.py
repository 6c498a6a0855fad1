"""Pictures as few numbers: the best linear autoencoder of square patches.

A video model works in these numbers, as latent diffusion does in those of a learned autoencoder (Rombach et al. 2022,
arXiv 2112.10752). For pictures of 64 x 64 pixels a linear one suffices: with 16 numbers for each of 8 x 8 patches,
inverse dynamics reads displacements from decoded pictures as well as from true ones (`tests` and the README have the
figures), it needs no training, and it treats every scene alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PatchCodec:
    """A mean patch and orthonormal directions around it.

    Attributes:
        patch: Side of a patch [pixel].
        mean: Shape (P,) with P = 3 * patch**2.
        basis: Directions in columns, those that explain most first, shape (P, R).
    """

    patch: int
    mean: Array
    basis: Array

    def __post_init__(self) -> None:
        """Refuse what is no codec.

        Raises:
            InvalidValue: Shapes disagree, or a number is not finite.
        """
        count = 3 * self.patch**2
        if self.mean.shape != (count,) or self.basis.ndim != 2 or len(self.basis) != count:
            raise InvalidValue(
                f"a codec of patches of {self.patch} pixels needs a mean of shape ({count},) and a basis of shape "
                f"({count}, R), got {self.mean.shape} and {self.basis.shape}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.basis).all()):
            raise InvalidValue("a codec must be finite, got NaN or infinity")

    @property
    def rank(self) -> int:
        """Numbers per patch, R."""
        return int(self.basis.shape[1])

    def encode(self, images: Image) -> Array:
        """Turn pictures into numbers.

        Args:
            images: Shape (..., S, S, 3); S is a multiple of the patch.

        Returns:
            Shape (..., R, S / patch, S / patch).
        """
        coded = (to_patches(images, self.patch) - self.mean) @ self.basis
        return np.ascontiguousarray(np.moveaxis(coded, -1, -3))

    def decode(self, latents: Array) -> Image:
        """Turn numbers into pictures.

        Args:
            latents: Shape (..., R, H, W).

        Returns:
            Shape (..., patch * H, patch * W, 3).
        """
        return from_patches(np.moveaxis(latents, -3, -1) @ self.basis.T + self.mean, self.patch)


def fit_codec(images: Sequence[Image], rank: int = 16, patch: int = 8) -> PatchCodec:
    """Find the directions that explain most of the variance of patches (principal components).

    Args:
        images: Each of shape (N, S, S, 3).
        rank: R.
        patch: Side of a patch [pixel].

    Returns:
        The codec.

    Raises:
        InvalidValue: There are no pictures, or there are more directions wanted than there are.
    """
    count = 3 * patch**2
    if not images:
        raise InvalidValue("a codec needs pictures, got none")
    if not 1 <= rank <= count:
        raise InvalidValue(f"the rank of a codec must lie in [1, {count}], got {rank}")
    total, squares, number = np.zeros(count), np.zeros((count, count)), 0
    for block in images:
        patches = to_patches(block, patch).reshape(-1, count)
        total += patches.sum(axis=0, dtype=np.float64)
        squares += patches.T @ patches
        number += len(patches)
    mean = total / number
    _, vectors = np.linalg.eigh(squares / number - np.outer(mean, mean))
    basis = vectors[:, ::-1][:, :rank]
    # The sign of a direction is arbitrary; that of its largest entry is made positive.
    basis = basis * np.sign(basis[np.abs(basis).argmax(axis=0), np.arange(rank)])
    return PatchCodec(patch, mean.astype(np.float32), np.ascontiguousarray(basis.astype(np.float32)))


def to_patches(images: Image, patch: int) -> Array:
    """Cut pictures into patches.

    Args:
        images: Shape (..., S, S, 3).
        patch: Side of a patch [pixel].

    Returns:
        Values in [0, 1], shape (..., S / patch, S / patch, 3 * patch**2).

    Raises:
        InvalidValue: Patches do not fill the pictures.
    """
    *many, height, width, colours = images.shape
    if height % patch or width % patch or colours != 3:
        raise InvalidValue(f"pictures must be of shape (S, S, 3) with S a multiple of {patch}, got {images.shape[-3:]}")
    rows, columns = height // patch, width // patch
    cut = images.reshape(*many, rows, patch, columns, patch, 3).swapaxes(-4, -3)
    return np.asarray(cut.reshape(*many, rows, columns, 3 * patch**2), dtype=np.float32) / np.float32(255.0)


def from_patches(patches: Array, patch: int) -> Image:
    """Put pictures together.

    Args:
        patches: Values in [0, 1], beyond which they are clipped, shape (..., H, W, 3 * patch**2).
        patch: Side of a patch [pixel].

    Returns:
        Shape (..., patch * H, patch * W, 3).
    """
    *many, rows, columns, _ = patches.shape
    values = np.clip(patches * np.float32(255.0) + np.float32(0.5), 0.0, 255.0).astype(np.uint8)
    cut = values.reshape(*many, rows, columns, patch, patch, 3).swapaxes(-4, -3)
    return np.ascontiguousarray(cut.reshape(*many, rows * patch, columns * patch, 3))
