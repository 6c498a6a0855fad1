"""Running sums of differences, so that a bag of any length needs no memory."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


BLOCK = 512


@dataclass
class Differences:
    """Differences of one quantity.

    Attributes:
        count: Number of samples.
    """

    count: int = 0
    _squares: float = 0.0
    _greatest: float = 0.0
    _width: int = 1
    _rows: list[Array] = field(default_factory=list)

    def add(self, difference: Array) -> None:
        """Take in a sample.

        Args:
            difference: Its components, shape (n,), always as many.
        """
        self.count += 1
        self._rows.append(difference)
        if len(self._rows) >= BLOCK:
            self._settle()

    def _settle(self) -> None:
        if self._rows:
            values = np.array(self._rows)
            self._squares += float(np.square(values).mean(axis=1).sum())
            self._greatest = max(self._greatest, float(np.abs(values).max()))
            self._width = values.shape[1]
            self._rows.clear()

    @property
    def rms(self) -> float:
        """Root mean square over samples and components; NaN without samples."""
        self._settle()
        return math.sqrt(self._squares / self.count) if self.count else math.nan

    @property
    def norm_rms(self) -> float:
        """Root mean square of the samples' length; NaN without samples."""
        return self.rms * math.sqrt(self._width)

    @property
    def worst(self) -> float:
        """Largest component without its sign; NaN without samples."""
        self._settle()
        return self._greatest if self.count else math.nan
