"""Running sums of differences, so that a bag of any length needs no memory."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass
class Differences:
    """Differences of one quantity.

    Attributes:
        count: Number of samples.
        squares: Sum of the mean squares of each sample's components.
        greatest: Largest component of all, without its sign.
        total: Sum of the samples' means.
    """

    count: int = 0
    squares: float = 0.0
    greatest: float = 0.0
    total: float = 0.0

    def add(self, difference: Array) -> None:
        """Take in a sample.

        Args:
            difference: Its components, shape (n,).
        """
        n = len(difference)
        if not n:
            return
        self.count += 1
        self.squares += float(difference @ difference) / n
        self.total += float(np.add.reduce(difference)) / n
        self.greatest = max(self.greatest, float(np.abs(difference).max()))

    @property
    def rms(self) -> float:
        """Root mean square over samples and components; NaN without samples."""
        return float(np.sqrt(self.squares / self.count)) if self.count else float("nan")

    @property
    def norm_rms(self) -> float:
        """Root mean square of the samples' length, for three components; NaN without samples."""
        return float(np.sqrt(3.0)) * self.rms

    @property
    def mean(self) -> float:
        """Mean over samples and components; NaN without samples."""
        return self.total / self.count if self.count else float("nan")

    @property
    def worst(self) -> float:
        """Largest difference; NaN without samples."""
        return self.greatest if self.count else float("nan")
