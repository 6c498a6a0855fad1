"""Trains the network by evolution strategies on scenes of at most 16 robots.

Every generation is on disk before the next begins; a training that is called again in the same folder goes on where it
was. Kept are the weights that cost least on the validation scenes; the untrained network, which is the hand-made
schedule, is validated first, so that a training that finds nothing better keeps it and says so.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from policies.checkpoints import fingerprint, load_arrays, save_arrays
from policies.navigation.curriculum import training_scenes, validation_scenes
from policies.navigation.evolution import Evolution, EvolutionConfig
from policies.navigation.navigator import VARIANTS, Learned, LearnedPower
from policies.navigation.network import LAST, POWER_ANSWERS, Network, NetworkConfig, flatten, initial, unflatten
from policies.navigation.rollout import Costs, measure

Array = npt.NDArray[np.float64]

STATE, BEST, HISTORY = "state.safetensors", "best.safetensors", "history.jsonl"
# Inner layers move by this share of what the last ones do.
INNER_SCALE = 0.3
SIZES = {"pronk": NetworkConfig(), "paper": NetworkConfig(pair=0, node_answers=0, edge_answers=len(POWER_ANSWERS))}


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training.

    Attributes:
        variant: "pronk" or "paper".
        budget: Number of generations.
        seed: Seed of noise, scenes and inner layers.
        every: Generations between validations.
        evolution: Settings of the search.
    """

    variant: str = "pronk"
    budget: int = 80
    seed: int = 0
    every: int = 5
    evolution: EvolutionConfig = field(default_factory=EvolutionConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            UnknownName: There is no such variant.
            InvalidValue: A number is too small.
        """
        if self.variant not in VARIANTS:
            raise UnknownName("variant of the navigation policy", self.variant, VARIANTS)
        for name, least in (("budget", 1), ("seed", 0), ("every", 1)):
            if getattr(self, name) < least:
                raise InvalidValue(f"TrainingConfig.{name} must be at least {least}, got {getattr(self, name)}")

    @property
    def command(self) -> str:
        """The command that trains like this."""
        return f"pronk train navigation --variant {self.variant} --budget {self.budget} --seed {self.seed}"


@dataclass(frozen=True)
class Progress:
    """What is known after a generation; number 0 is the untrained network.

    Attributes:
        generation: Its number.
        cost: Mean cost of the generation on its own scenes; NaN for number 0 [s].
        validation: Cost, success, extra time and SPL on the validation scenes by name; None where not validated.
        best: Least cost on the validation scenes so far [s].
        best_generation: When that was.
    """

    generation: int
    cost: float
    validation: dict[str, float] | None
    best: float
    best_generation: int


def _summary(costs: Costs) -> dict[str, float]:
    return {
        "cost_s": float(costs.cost.mean()),
        "success": float(costs.success.mean()),
        "extra_time_s": float(np.nanmean(costs.extra_time)),
        "spl": float(costs.spl.mean()),
    }


class Training:
    """One training in one folder."""

    def __init__(self, config: TrainingConfig, out: Path) -> None:
        """Begin, or go on from what the folder holds.

        Args:
            config: Settings.
            out: Folder.

        Raises:
            InvalidValue: The folder holds a training with other settings.
        """
        self.config, self.out = config, out
        self.sizes = SIZES[config.variant]
        start = initial(self.sizes, config.seed)
        scale = {name: np.full_like(v, 1.0 if name.startswith(LAST) else INNER_SCALE) for name, v in start.items()}
        scales = np.concatenate([scale[name].ravel() for name in self.sizes.shapes()])
        self.search = Evolution(config.evolution, flatten(start), scales, config.budget, config.seed)
        self.best, self.best_generation, self.untrained = np.inf, -1, np.nan
        path = out / STATE
        if path.exists():
            arrays, texts = load_arrays(path)
            if texts.get("settings") != self._settings():
                raise InvalidValue(
                    f"'{out}' holds a training with other settings ({texts.get('settings')}); choose another folder"
                )
            self.search.arrays = arrays
            known = json.loads(texts["progress"])
            self.search.generation, self.best_generation = int(known["generation"]), int(known["best_generation"])
            self.best, self.untrained = float(known["best"]), float(known["untrained"])

    def _settings(self) -> str:
        return json.dumps({"command": self.config.command, **asdict(self.config)}, sort_keys=True)

    def measure(self, vectors: Array, generation: int) -> Array:
        """Measure the members of a generation on the same scenes, all in one world.

        Args:
            vectors: Parameters, shape (P, D).
            generation: Number of the generation.

        Returns:
            Mean costs, shape (P,) [s].
        """
        scenes, count = training_scenes(self.config.seed, generation), len(vectors)
        networks = Network(*(unflatten(self.sizes, vector) for vector in vectors))
        navigator = VARIANTS[self.config.variant](networks, np.repeat(np.arange(count), len(scenes)))
        return measure(scenes * count, navigator).cost.reshape(count, -1).mean(axis=1)

    def _validate(self) -> dict[str, float]:
        average = unflatten(self.sizes, self.search.arrays["average"])
        navigator: Learned | LearnedPower = VARIANTS[self.config.variant](Network(average))
        found = _summary(measure(validation_scenes(), navigator))
        generation = self.search.generation
        if generation == 0:
            self.untrained = found["cost_s"]
        if found["cost_s"] < self.best:
            self.best, self.best_generation = found["cost_s"], generation
            save_arrays(self.out / BEST, average, self._texts(found, average))
        return found

    def _texts(self, found: dict[str, float], average: dict[str, Array]) -> dict[str, str]:
        generation = self.search.generation
        return {
            "variant": self.config.variant,
            "command": self.config.command,
            "settings": self._settings(),
            "generation": str(generation),
            "trained": "yes" if generation else "no: as without a network",
            "validation": json.dumps({**found, "untrained_cost_s": self.untrained}),
            "fingerprint": fingerprint(average),
        }

    def _save(self, progress: Progress) -> None:
        known = {
            "generation": self.search.generation,
            "best": self.best,
            "best_generation": self.best_generation,
            "untrained": self.untrained,
        }
        save_arrays(self.out / STATE, self.search.arrays, {"settings": self._settings(), "progress": json.dumps(known)})
        with (self.out / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress)) + "\n")

    def run(self) -> Iterator[Progress]:
        """Train until the budget is spent.

        Yields:
            What is known after every generation; all of it is on disk by then.
        """
        search, config = self.search, self.config
        self.out.mkdir(parents=True, exist_ok=True)
        if search.generation == 0 and self.best_generation < 0:
            progress = Progress(0, float("nan"), self._validate(), self.best, self.best_generation)
            self._save(progress)
            yield progress
        while search.generation < config.budget:
            costs = self.measure(search.ask(), search.generation)
            search.tell(costs)
            due = search.generation % config.every == 0 or search.generation == config.budget
            validation = self._validate() if due else None
            progress = Progress(search.generation, float(costs.mean()), validation, self.best, self.best_generation)
            self._save(progress)
            yield progress
