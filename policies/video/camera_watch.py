"""Notices a camera that does not show the present: frozen, or behind the hand that it looks at."""

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

# Whoever has moved by this much between two plans and sees the very same picture looks through a frozen camera [m].
SEEN_MOTION_M = 0.02


class CameraWatch:
    """Compares each picture that is planned from with the one before."""

    def __init__(self) -> None:
        """Begin without a picture."""
        self._last: tuple[Image, Array] | None = None

    def look(self, image: Image, position: Array) -> None:
        """Take a picture.

        Args:
            image: The present, shape (size, size, 3).
            position: Where hand or body is, shape (D,) [m].

        Raises:
            InvalidValue: It is the last one although hand or body has moved.
        """
        if self._last is not None:
            moved = float(np.linalg.norm(position - self._last[1]))
            if moved > SEEN_MOTION_M and np.array_equal(image, self._last[0]):
                raise InvalidValue(
                    f"the picture has not changed although {100.0 * moved:.1f} cm were gone: the camera is frozen"
                )
        self._last = image, position
