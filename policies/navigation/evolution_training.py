"""Trains the network by evolution strategies: every member of a generation drives the robots of the same scenes."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from policies.navigation.curriculum import training_scenes
from policies.navigation.evolution import Evolution, EvolutionConfig
from policies.navigation.navigator import VARIANTS
from policies.navigation.network import LAST, Network, flatten, initial, unflatten
from policies.navigation.rollout import Costs, measure
from policies.navigation.training import Training, TrainingConfig

Array = npt.NDArray[np.float64]

# Inner layers move by this share of what the last ones do.
INNER_SCALE = 0.3


@dataclass(frozen=True)
class EvolutionTrainingConfig(TrainingConfig):
    """Settings of a training by evolution strategies.

    Attributes:
        evolution: Settings of the search.
    """

    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)


class EvolutionTraining(Training):
    """One training by evolution strategies in one folder."""

    config: EvolutionTrainingConfig

    def _begin(self) -> None:
        config = self.config
        start = initial(self.sizes, config.seed)
        scale = {name: np.full_like(v, 1.0 if name.startswith(LAST) else INNER_SCALE) for name, v in start.items()}
        scales = np.concatenate([scale[name].ravel() for name in self.sizes.shapes()])
        self.search = Evolution(config.evolution, flatten(start), scales, config.budget, config.seed)

    def _restore(self, arrays: dict[str, Array]) -> None:
        self.search.arrays, self.search.generation = arrays, self.generation

    def _state(self) -> dict[str, Array]:
        return self.search.arrays

    def _parameters(self) -> dict[str, Array]:
        return unflatten(self.sizes, self.search.arrays["average"])

    def measure(self, vectors: Array, generation: int) -> Costs:
        """Measure the members of a generation on the same scenes, all in one world.

        Args:
            vectors: Parameters, shape (P, D).
            generation: Number of the generation.

        Returns:
            Costs of all scenes of the first member, then of the second, and so on.
        """
        scenes, count = training_scenes(self.config.seed, generation), len(vectors)
        networks = Network(*(unflatten(self.sizes, vector) for vector in vectors))
        navigator = VARIANTS[self.config.variant](networks, np.repeat(np.arange(count), len(scenes)))
        return measure(scenes * count, navigator)

    def _generation(self) -> Costs:
        vectors = self.search.ask()
        costs = self.measure(vectors, self.search.generation)
        self.search.tell(costs.cost.reshape(len(vectors), -1).mean(axis=1))
        return costs
