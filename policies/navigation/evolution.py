"""Evolution strategies: follow the gradient of the expected cost under Gaussian noise on the parameters.

After Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning" (arXiv 1703.03864):
mirrored samples, costs replaced by their ranks, steps by Adam (Kingma and Ba, ICLR 2015). Validated is the moving
average of the mean, which is less noisy than the mean itself.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EvolutionConfig:
    """Settings.

    Attributes:
        pairs: Mirrored pairs of a generation.
        noise: Standard deviation of the noise, in units of each parameter's scale.
        rate: Length of a step, in the same units.
        last_rate: Share of the rate that is left at the end.
        first_moment: Decay of Adam's mean of gradients.
        second_moment: Decay of Adam's mean of their squares.
        average: Decay of the moving average.
    """

    pairs: int = 24
    noise: float = 0.03
    rate: float = 0.02
    last_rate: float = 0.3
    first_moment: float = 0.9
    second_moment: float = 0.98
    average: float = 0.8

    def __post_init__(self) -> None:
        """Refuse values that make no sense.

        Raises:
            InvalidValue: Names the field.
        """
        if self.pairs < 1:
            raise InvalidValue(f"EvolutionConfig.pairs must be at least 1, got {self.pairs}")
        for name in ("noise", "rate"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0.0):
                raise InvalidValue(f"EvolutionConfig.{name} must be positive and finite, got {value}")
        for name in ("last_rate", "first_moment", "second_moment", "average"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"EvolutionConfig.{name} must lie in [0, 1], got {getattr(self, name)}")


def ranks(costs: Array) -> Array:
    """Replace costs by centred ranks; equal costs share theirs.

    Args:
        costs: Costs, shape (P,).

    Returns:
        From −½ (least cost) to ½, shape (P,).
    """
    below = (costs[None, :] < costs[:, None]).sum(axis=1)
    equal = (costs[None, :] == costs[:, None]).sum(axis=1) - 1
    return np.asarray((below + 0.5 * equal) / max(len(costs) - 1, 1) - 0.5)


class Evolution:
    """The state of a search; `arrays` holds all of it."""

    def __init__(self, config: EvolutionConfig, start: Array, scale: Array, generations: int, seed: int) -> None:
        """Begin.

        Args:
            config: Settings.
            start: Parameters to begin with, shape (D,).
            scale: Scale of each parameter, shape (D,).
            generations: After how many generations the rate is down to its last.
            seed: Seed of the noise.
        """
        self.config = config
        self.scale = scale
        self.generations = generations
        self.seed = seed
        zero = np.zeros_like(start)
        self.arrays = {"mean": start.copy(), "average": start.copy(), "gradient": zero, "square": zero.copy()}
        self.generation = 0

    def _noise(self) -> Array:
        rng = np.random.default_rng([self.seed, self.generation])
        half = rng.standard_normal((self.config.pairs, self.scale.size))
        return np.concatenate((half, -half))

    def ask(self) -> Array:
        """Draw the parameters of a generation; asked twice, it answers the same.

        Returns:
            Parameters, the mirror images in the second half, shape (2·pairs, D).
        """
        return np.asarray(self.arrays["mean"] + self.config.noise * self.scale * self._noise())

    def tell(self, costs: Array) -> None:
        """Take a step away from what was dear.

        Args:
            costs: Costs of what `ask` answered, shape (2·pairs,).

        Raises:
            InvalidValue: There are too many or too few.
        """
        config, state = self.config, self.arrays
        if costs.shape != (2 * config.pairs,):
            raise InvalidValue(f"costs must have shape ({2 * config.pairs},), got {costs.shape}")
        gradient = ranks(costs) @ self._noise() / (2 * config.pairs)
        self.generation += 1
        first, second = config.first_moment, config.second_moment
        state["gradient"] = first * state["gradient"] + (1.0 - first) * gradient
        state["square"] = second * state["square"] + (1.0 - second) * gradient**2
        mean = state["gradient"] / (1.0 - first**self.generation)
        spread = np.sqrt(state["square"] / (1.0 - second**self.generation)) + 1e-12
        done = min(self.generation / max(self.generations, 1), 1.0)
        rate = config.rate * (1.0 - (1.0 - config.last_rate) * done)
        state["mean"] = state["mean"] - rate * self.scale * mean / spread
        state["average"] = config.average * state["average"] + (1.0 - config.average) * state["mean"]
