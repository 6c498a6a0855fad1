"""Trains the network by proximal policy optimisation (extra `learn`)."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from policies.navigation.curriculum import training_scenes
from policies.navigation.experience import Exploring, Recorder
from policies.navigation.navigator import VARIANTS
from policies.navigation.network import initial
from policies.navigation.ppo import Ppo, PpoConfig
from policies.navigation.rollout import Costs, measure
from policies.navigation.training import Training, TrainingConfig

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PpoTrainingConfig(TrainingConfig):
    """Settings of a training by PPO. Generations are a quarter as large as those of evolution strategies.

    Attributes:
        ppo: Settings of the search.
    """

    budget: int = 320
    every: int = 20
    ppo: PpoConfig = field(default_factory=PpoConfig)

    @property
    def command(self) -> str:
        """The command that trains like this."""
        return f"{super().command} --algorithm ppo"


class PpoTraining(Training):
    """One training by PPO in one folder."""

    config: PpoTrainingConfig

    def _begin(self) -> None:
        config = self.config
        self.search = Ppo(config.ppo, initial(self.sizes, config.seed), config.seed)

    def _restore(self, arrays: dict[str, Array]) -> None:
        self.search.restore(arrays)

    def _state(self) -> dict[str, Array]:
        return self.search.state()

    def _parameters(self) -> dict[str, Array]:
        return self.search.parameters()

    def _generation(self) -> Costs:
        config, search = self.config, self.search
        scenes = [
            scene
            for copy in range(config.ppo.copies)
            for scene in training_scenes(config.seed, self.generation * config.ppo.copies + copy)
        ]
        rng = np.random.default_rng([config.seed, self.generation, 2])
        network = Exploring(search.parameters(), search.deviation(), rng)
        recorder = Recorder(VARIANTS[config.variant](network), network, scenes, config.ppo.hold)
        costs = measure(scenes, recorder)
        done = (self.generation + 1) / config.budget
        search.update(recorder.experience(costs), 1.0 - (1.0 - config.ppo.last_rate) * done, rng)
        return costs
