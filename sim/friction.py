"""Ground friction under the feet: constant, changing in time, or in strips across the way."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controllers.errors import InvalidValue


class Friction(Protocol):
    """Coulomb coefficient of a foot on the ground."""

    varies_in_space: bool
    varies_in_time: bool

    def coefficient(self, x: float, elapsed: float) -> float:
        """Return the coefficient at world position `x` [m], `elapsed` seconds after the reset."""
        ...


def _check_coefficients(owner: str, values: Sequence[float]) -> None:
    for value in values:
        if not (math.isfinite(value) and 0.0 < value <= 5.0):
            raise InvalidValue(f"{owner} coefficients must lie in (0, 5], got {value}")


@dataclass(frozen=True)
class UniformFriction:
    """The same coefficient everywhere, always.

    Attributes:
        value: Coulomb coefficient.
    """

    value: float = 0.8
    varies_in_space = False
    varies_in_time = False

    def __post_init__(self) -> None:
        """Refuse impossible coefficients.

        Raises:
            InvalidValue: The coefficient lies outside (0, 5].
        """
        _check_coefficients("UniformFriction", (self.value,))

    def coefficient(self, x: float, elapsed: float) -> float:
        """Return the coefficient.

        Args:
            x: World position of the foot [m]; without influence.
            elapsed: Time since the reset [s]; without influence.

        Returns:
            Coulomb coefficient.
        """
        return self.value


@dataclass(frozen=True)
class FrictionSchedule:
    """A coefficient that changes in steps.

    Attributes:
        at_s: Times of change since the reset [s], increasing, the first one 0.
        values: The coefficient from each of these times on.
    """

    at_s: tuple[float, ...]
    values: tuple[float, ...]
    varies_in_space = False
    varies_in_time = True

    def __post_init__(self) -> None:
        """Refuse times out of order and impossible coefficients.

        Raises:
            InvalidValue: Says what was got and what is allowed.
        """
        if len(self.at_s) != len(self.values) or not self.at_s:
            raise InvalidValue(
                f"FrictionSchedule needs as many values as times, got {len(self.values)} and {len(self.at_s)}"
            )
        if self.at_s[0] != 0.0 or any(b <= a for a, b in zip(self.at_s, self.at_s[1:], strict=False)):
            raise InvalidValue(f"FrictionSchedule.at_s must start at 0 and increase, got {self.at_s}")
        _check_coefficients("FrictionSchedule", self.values)

    def coefficient(self, x: float, elapsed: float) -> float:
        """Return the coefficient in force.

        Args:
            x: World position of the foot [m]; without influence.
            elapsed: Time since the reset [s].

        Returns:
            Coulomb coefficient.
        """
        return self.values[max(bisect_right(self.at_s, elapsed) - 1, 0)]


@dataclass(frozen=True)
class FrictionPatches:
    """Strips of equal width across the x axis, their coefficients taking turns.

    Attributes:
        width_m: Width of a strip along x [m].
        values: Coefficients of the strips, repeated for ever.
        start_m: Where the first strip begins [m].
        before: Coefficient up to there.
    """

    width_m: float = 0.5
    values: tuple[float, ...] = (0.5, 0.2)
    start_m: float = 1.0
    before: float = 0.8
    varies_in_space = True
    varies_in_time = False

    def __post_init__(self) -> None:
        """Refuse strips without width and impossible coefficients.

        Raises:
            InvalidValue: Says what was got and what is allowed.
        """
        if not (math.isfinite(self.width_m) and self.width_m > 0.0):
            raise InvalidValue(f"FrictionPatches.width_m must be > 0, got {self.width_m}")
        if not math.isfinite(self.start_m):
            raise InvalidValue(f"FrictionPatches.start_m must be finite, got {self.start_m}")
        if not self.values:
            raise InvalidValue("FrictionPatches.values must hold at least one coefficient, got none")
        _check_coefficients("FrictionPatches", (*self.values, self.before))

    def coefficient(self, x: float, elapsed: float) -> float:
        """Return the coefficient of the strip under a foot.

        Args:
            x: World position of the foot [m].
            elapsed: Time since the reset [s]; without influence.

        Returns:
            Coulomb coefficient.
        """
        if x < self.start_m:
            return self.before
        return self.values[int((x - self.start_m) / self.width_m) % len(self.values)]
