"""What may be tuned of each method: ranges that are searched with the same budget."""

import math
from dataclasses import dataclass
from typing import Any

from scipy.stats import qmc

from controllers.errors import InvalidValue, UnknownName

SCALES = ("log", "linear")
DRAW_SEED = 2510
DIGITS = 3
LARGEST_BUDGET = 4096


@dataclass(frozen=True)
class Range:
    """A number between two bounds.

    Attributes:
        name: Field of the learner's configuration.
        low: Smallest value.
        high: Largest value.
        unit: Unit of both, as text.
        scale: "log" or "linear": in what the values are spread evenly.
    """

    name: str
    low: float
    high: float
    unit: str
    scale: str = "log"

    def __post_init__(self) -> None:
        """Refuse empty ranges and logarithms of what has none.

        Raises:
            InvalidValue: Names the range, what was got and what is allowed.
        """
        if self.scale not in SCALES:
            raise InvalidValue(f"scale of range '{self.name}' must be one of {', '.join(SCALES)}, got '{self.scale}'")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InvalidValue(f"range '{self.name}' must have finite low < high, got {self.low} and {self.high}")
        if self.scale == "log" and self.low <= 0.0:
            raise InvalidValue(f"low of the log range '{self.name}' must be > 0, got {self.low}")

    def value(self, share: float) -> float:
        """Take a value.

        Args:
            share: Where in the range, in [0, 1].

        Returns:
            The value to three significant digits, so that what is written down is what was run.
        """
        if self.scale == "linear":
            exact = self.low + share * (self.high - self.low)
        else:
            exact = self.low * (self.high / self.low) ** share
        return min(max(float(f"{exact:.{DIGITS}g}"), self.low), self.high)


@dataclass(frozen=True)
class Choice:
    """One of several values.

    Attributes:
        name: Field of the learner's configuration.
        options: The values.
    """

    name: str
    options: tuple[Any, ...]

    def __post_init__(self) -> None:
        """Refuse a choice without alternatives.

        Raises:
            InvalidValue: Names the choice.
        """
        if len(self.options) < 2:
            raise InvalidValue(f"choice '{self.name}' must have at least 2 options, got {len(self.options)}")

    def value(self, share: float) -> Any:
        """Take an option.

        Args:
            share: Where among the options, in [0, 1].

        Returns:
            The option; each has an equal share.
        """
        return self.options[min(int(share * len(self.options)), len(self.options) - 1)]


@dataclass(frozen=True)
class Setting:
    """One point of a space.

    Attributes:
        preset: Learner of the catalog that it starts from.
        values: Fields of its configuration that differ.
    """

    preset: str
    values: dict[str, Any]

    def __str__(self) -> str:
        """Write it on one line."""
        values = ", ".join(f"{name}={value}" for name, value in self.values.items())
        return f"{self.preset}: {values}"


@dataclass(frozen=True)
class Space:
    """What is searched for one method.

    Attributes:
        presets: Learners of the catalog to start from; where there are several, they are searched as well.
        dimensions: What is set.
    """

    presets: tuple[str, ...]
    dimensions: tuple[Range | Choice, ...]

    def __post_init__(self) -> None:
        """Refuse a space with nothing to search.

        Raises:
            InvalidValue: Says what is missing or doubled.
        """
        names = [dimension.name for dimension in self.dimensions]
        if not self.presets or not names or len(set(names)) != len(names):
            raise InvalidValue(
                "a space must have a preset and at least one dimension, each of its own name, "
                f"got presets {self.presets} and dimensions {names}"
            )

    def draw(self, budget: int) -> list[Setting]:
        """Spread settings over the space: the first points of a scrambled Sobol sequence with a fixed seed.

        A larger budget begins with the settings of a smaller one.

        Args:
            budget: How many.

        Returns:
            The settings.

        Raises:
            InvalidValue: The budget is out of range.
        """
        if not 1 <= budget <= LARGEST_BUDGET:
            raise InvalidValue(f"budget must lie in [1, {LARGEST_BUDGET}], got {budget}")
        start = Choice("preset", self.presets) if len(self.presets) > 1 else None
        axes = [*self.dimensions, *([] if start is None else [start])]
        sequence = qmc.Sobol(len(axes), scramble=True, seed=DRAW_SEED)
        settings = []
        for point in sequence.random_base2(math.ceil(math.log2(budget)))[:budget].tolist():
            values = {axis.name: axis.value(share) for axis, share in zip(axes, point, strict=True)}
            preset = self.presets[0] if start is None else values.pop("preset")
            settings.append(Setting(preset, values))
        return settings


SKIP_CONTACT_CHANGES = Choice("skip_contact_changes", (False, True))
FORCE_TIME = Range("force_time_constant_s", 0.03, 0.3, "s")
MOMENT_TIME = Range("moment_time_constant_s", 0.01, 0.3, "s")
MOMENT_SPEED = Range("moment_speed", 1.0, 6.0, "1")

SPACES: dict[str, Space] = {
    "integrator": Space(
        ("integrator_default",),
        (
            Range("height_gain", 200.0, 5000.0, "1/s³"),
            Range("velocity_gain", 1.0, 50.0, "1/s²"),
            Range("attitude_gain", 4.0, 100.0, "m²/s³"),
        ),
    ),
    "l1_tuned": Space(
        ("l1_published",),
        (
            Range("force_cutoff", 2.0, 40.0, "rad/s"),
            Range("moment_cutoff", 2.0, 100.0, "rad/s"),
            Range("moment_second_cutoff", 4.0, 300.0, "rad/s"),
        ),
    ),
    "rff_tuned": Space(
        ("rff_published", "rff_whitened"),
        (
            Range("learning_rate", 0.01, 0.15, "1 per 5 ms"),
            Range("kernel_std", 0.01, 1.0, "1 per scaled input"),
            MOMENT_SPEED,
            SKIP_CONTACT_CHANGES,
        ),
    ),
    "random_features": Space(
        ("random_features_default",),
        (
            Range("time_constant_s", 0.03, 0.3, "s"),
            Range("kernel_std", 0.1, 1.5, "1 per whitened input"),
            Range("constant_share", 0.2, 0.9, "1", "linear"),
            MOMENT_SPEED,
        ),
    ),
    "bias": Space(("bias_default",), (FORCE_TIME, MOMENT_TIME, SKIP_CONTACT_CHANGES)),
    "kalman": Space(
        ("kalman_default",),
        (
            FORCE_TIME,
            MOMENT_TIME,
            Choice("harmonics", ((), (2,), (2, 4))),
            Range("switch_noise", 1.0, 10.0, "1"),
            Range("gate", 3.0, 30.0, "standard deviations"),
        ),
    ),
    "pronk": Space(
        ("pronk_default",),
        (
            Range("vertical_drift", 30.0, 120.0, "N/√s"),
            Range("lateral_drift", 4.0, 20.0, "N/√s"),
            Range("moment_drift", 0.6, 4.0, "N·m/√s"),
            Range("kernel_std", 0.2, 1.5, "1 per whitened input"),
        ),
    ),
    "rls_inertia": Space(
        ("rls_inertia_default",),
        (
            Range("time_constant_s", 0.03, 0.5, "s"),
            Range("filter_s", 0.02, 0.15, "s"),
            Range("acceleration_share", 0.0, 1.0, "1", "linear"),
            Range("inertia_prior", 0.03, 0.3, "1"),
        ),
    ),
}


def get_space(method: str) -> Space:
    """Look the space of a method up.

    Args:
        method: One of `SPACES`.

    Returns:
        The space.

    Raises:
        UnknownName: There is no such method; lists those that can be tuned.
    """
    if method not in SPACES:
        raise UnknownName("method that can be tuned", method, SPACES)
    return SPACES[method]
