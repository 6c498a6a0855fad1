"""Text on pictures."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image as PilImage
from PIL import ImageDraw, ImageFont

Pixels = npt.NDArray[np.uint8]

INK = (28, 34, 44)
PAPER = (255, 255, 255, 175)
MARGIN = 12


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # The font inside Pillow: the same on every machine.
    return ImageFont.load_default(size)


def annotate(picture: Pixels, lines: Sequence[tuple[str, Sequence[float] | None]]) -> Pixels:
    """Write lines of text into the upper left corner.

    Args:
        picture: Pixels, shape (height, width, 3).
        lines: Text of each line and its colour (red, green, blue in [0, 1]; None for dark ink).

    Returns:
        A new picture of the same shape.
    """
    if not lines:
        return picture.copy()
    image = PilImage.fromarray(picture)
    draw = ImageDraw.Draw(image, "RGBA")
    size = max(12, picture.shape[0] // 28)
    font = _font(size)
    width = max(draw.textlength(text, font=font) for text, _ in lines)
    step = int(1.35 * size)
    box = (MARGIN, MARGIN, MARGIN + int(width) + size, MARGIN + step * len(lines) + size // 2)
    draw.rounded_rectangle(box, radius=size // 2, fill=PAPER)
    for number, (text, colour) in enumerate(lines):
        ink = INK if colour is None else tuple(int(200 * part) for part in colour[:3])
        draw.text((MARGIN + size // 2, MARGIN + size // 4 + step * number), text, fill=ink, font=font)
    return np.asarray(image)
