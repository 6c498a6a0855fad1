"""Varies pictures so that a network cannot lean on a colour, a side, or the exact place of a camera."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# Largest shift [pixel], spread of gain and offset of a colour, and of noise.
SHIFT, GAIN, OFFSET, NOISE = 3, 0.2, 0.1, 0.02
MIRROR_CHANCE, SWAP_CHANCE, CUT_CHANCE = 0.3, 0.3, 0.15


@dataclass(frozen=True)
class Jitter:
    """What is done to all pictures of a camera in an episode.

    Attributes:
        mirrored: Whether left and right change places.
        order: New order of the colours.
        gain: Factors of the colours, shape (3,).
        offset: Added to the colours, shape (3,).
        shift: Down and to the right [pixel].
    """

    mirrored: bool
    order: tuple[int, int, int]
    gain: Array
    offset: Array
    shift: tuple[int, int]

    def another(self, rng: np.random.Generator) -> "Jitter":
        """Draw what is done to pictures of another episode of the same task in the same world.

        Args:
            rng: Draws it.

        Returns:
            The same side and the same colours, in another light from a slightly other place.
        """
        return replace(self, **_light(rng, 0.5))

    def apply(self, picture: Array, rng: np.random.Generator) -> Array:
        """Vary a picture.

        Args:
            picture: Shape (3, size, size), in [0, 1].
            rng: Draws the noise, which is of this picture alone.

        Returns:
            The picture, of the same shape, in [0, 1].
        """
        size, (down, right) = picture.shape[1], self.shift
        varied = picture[:, :, ::-1] if self.mirrored else picture
        # The edge goes on beyond the edge.
        rows, columns = np.clip(np.arange(size) - down, 0, size - 1), np.clip(np.arange(size) - right, 0, size - 1)
        varied = varied[list(self.order)][:, rows][:, :, columns]
        varied = varied * self.gain[:, None, None] + self.offset[:, None, None]
        varied = varied + rng.standard_normal(varied.shape, dtype=np.float32) * np.float32(NOISE * rng.uniform())
        if rng.uniform() < CUT_CHANCE:
            top, left = rng.integers(0, size - size // 5, 2)
            varied[:, top : top + size // 5, left : left + size // 5] = rng.uniform(0.0, 1.0, 3)[:, None, None]
        return np.asarray(np.clip(varied, 0.0, 1.0), dtype=np.float32)


def draw_jitter(rng: np.random.Generator) -> Jitter:
    """Draw what is done to a camera.

    Args:
        rng: Draws it.

    Returns:
        The jitter.
    """
    swapped = rng.uniform() < SWAP_CHANCE
    order = tuple(int(c) for c in (rng.permutation(3) if swapped else np.arange(3)))
    light = _light(rng, 1.0)
    return Jitter(bool(rng.uniform() < MIRROR_CHANCE), order, **light)  # type: ignore[arg-type]


def _light(rng: np.random.Generator, much: float) -> dict[str, object]:
    """Gain, offset and shift."""
    common = rng.normal(0.0, GAIN * much)
    return {
        "gain": np.exp(common + rng.normal(0.0, 0.5 * GAIN * much, 3)).astype(np.float32),
        "offset": rng.normal(0.0, OFFSET * much, 3).astype(np.float32),
        "shift": tuple(int(s) for s in rng.integers(-SHIFT, SHIFT + 1, 2)),
    }
