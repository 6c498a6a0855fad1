"""What all trainings of the network share: scenes, validation, and a folder in which nothing is lost.

Every generation is on disk before the next begins; a training that is called again in the same folder goes on where it
was. Kept are the weights that cost least on the validation scenes; the untrained network, which is the hand-made
schedule, is validated first, so that a training that finds nothing better keeps it and says so.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from policies.checkpoints import fingerprint, load_arrays, save_arrays
from policies.navigation.curriculum import validation_scenes
from policies.navigation.navigator import VARIANTS
from policies.navigation.network import POWER_ANSWERS, Network, NetworkConfig
from policies.navigation.rollout import Costs, measure

Array = npt.NDArray[np.float64]

STATE, BEST, HISTORY = "state.safetensors", "best.safetensors", "history.jsonl"
SIZES = {"pronk": NetworkConfig(), "paper": NetworkConfig(pair=0, node_answers=0, edge_answers=len(POWER_ANSWERS))}


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of any training.

    Attributes:
        variant: "pronk" or "paper".
        budget: Number of generations.
        seed: Seed of noise, scenes and inner layers.
        every: Generations between validations.
    """

    variant: str = "pronk"
    budget: int = 80
    seed: int = 0
    every: int = 5

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
                raise InvalidValue(f"{type(self).__name__}.{name} must be at least {least}, got {getattr(self, name)}")

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
        agent_steps: How many robots were moved for how many periods so far, validation apart.
    """

    generation: int
    cost: float
    validation: dict[str, float] | None
    best: float
    best_generation: int
    agent_steps: int


def _summary(costs: Costs) -> dict[str, float]:
    return {
        "cost_s": float(costs.cost.mean()),
        "success": float(costs.success.mean()),
        "extra_time_s": float(np.nanmean(costs.extra_time)),
        "spl": float(costs.spl.mean()),
    }


class Training(ABC):
    """One training in one folder; how it learns is left to those that inherit."""

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
        self.generation, self.agent_steps = 0, 0
        self.best, self.best_generation, self.untrained = np.inf, -1, np.nan
        self._begin()
        path = out / STATE
        if path.exists():
            arrays, texts = load_arrays(path)
            if texts.get("settings") != self._settings():
                raise InvalidValue(
                    f"'{out}' holds a training with other settings ({texts.get('settings')}); choose another folder"
                )
            known = json.loads(texts["progress"])
            self.generation, self.best_generation = int(known["generation"]), int(known["best_generation"])
            self.best, self.untrained = float(known["best"]), float(known["untrained"])
            self.agent_steps = int(known["agent_steps"])
            self._restore(arrays)

    @abstractmethod
    def _begin(self) -> None:
        """Prepare the first generation."""

    @abstractmethod
    def _restore(self, arrays: dict[str, Array]) -> None:
        """Go on from what `_state` told."""

    @abstractmethod
    def _state(self) -> dict[str, Array]:
        """Tell all that a training that goes on needs."""

    @abstractmethod
    def _generation(self) -> Costs:
        """Learn from the scenes of generation `self.generation`; what these cost."""

    @abstractmethod
    def _parameters(self) -> dict[str, Array]:
        """Tell the parameters that are validated."""

    def _settings(self) -> str:
        return json.dumps({"command": self.config.command, **asdict(self.config)}, sort_keys=True)

    def _validate(self) -> dict[str, float]:
        parameters = self._parameters()
        found = _summary(measure(validation_scenes(), VARIANTS[self.config.variant](Network(parameters))))
        if self.generation == 0:
            self.untrained = found["cost_s"]
        if found["cost_s"] < self.best:
            self.best, self.best_generation = found["cost_s"], self.generation
            save_arrays(self.out / BEST, parameters, self._texts(found, parameters))
        return found

    def _texts(self, found: dict[str, float], parameters: dict[str, Array]) -> dict[str, str]:
        return {
            "variant": self.config.variant,
            "command": self.config.command,
            "settings": self._settings(),
            "generation": str(self.generation),
            "trained": "yes" if self.generation else "no: as without a network",
            "validation": json.dumps({**found, "untrained_cost_s": self.untrained}),
            "fingerprint": fingerprint(parameters),
        }

    def _save(self, progress: Progress) -> None:
        known = {
            "generation": self.generation,
            "best": self.best,
            "best_generation": self.best_generation,
            "untrained": self.untrained,
            "agent_steps": self.agent_steps,
        }
        save_arrays(self.out / STATE, self._state(), {"settings": self._settings(), "progress": json.dumps(known)})
        with (self.out / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(progress)) + "\n")

    def _tell(self, cost: float, validation: dict[str, float] | None) -> Progress:
        progress = Progress(self.generation, cost, validation, self.best, self.best_generation, self.agent_steps)
        self._save(progress)
        return progress

    def run(self) -> Iterator[Progress]:
        """Train until the budget is spent.

        Yields:
            What is known after every generation; all of it is on disk by then.
        """
        config = self.config
        self.out.mkdir(parents=True, exist_ok=True)
        if self.generation == 0 and self.best_generation < 0:
            validation = self._validate()
            yield self._tell(float("nan"), validation)
        while self.generation < config.budget:
            costs = self._generation()
            self.generation += 1
            self.agent_steps += costs.agent_steps
            due = self.generation % config.every == 0 or self.generation == config.budget
            validation = self._validate() if due else None
            yield self._tell(float(costs.cost.mean()), validation)
