"""Trains a policy in a folder; goes on where it was stopped."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.shaped_episodes import ShapedEpisode
from policies.rewards.shaping import ShapingConfig
from policies.rl.decisions import Decisions, Recorder, Rollout
from policies.rl.replay import Replay
from policies.rl.reward_forms import FORMS, SHAPED
from policies.rl.soft_actor_critic import Learner, LearnerConfig, Scaling
from sim.tensor_file import read_tensors, write_tensors

Array = npt.NDArray[np.float64]

STATE, CURVE = "state.safetensors", "curve.json"
# Where the seeds of demonstrations, of rollouts and of evaluations begin, in a block that belongs to each training.
BLOCK, DEMONSTRATED, ROLLED_OUT, EVALUATED = 100_000, 0, 1_000, 50_000


@dataclass(frozen=True)
class RlConfig:
    """Settings of a training.

    Attributes:
        reward: Form of the reward, one of `policies.rl.reward_forms.FORMS`.
        demonstrations: Of the expert, before the first rollout.
        rollouts: In all.
        seed: Of everything: weights, noise, demonstrations, episodes.
        every: Rollouts between evaluations.
        episodes: Of each evaluation; the same goals in all, none of which is rolled out.
        save_every: Rollouts between saves.
        scale: Multiplies potentials.
        offset: Added to potentials before that.
        lookahead: Decisions that a transition spans.
        keep_successes: Whether successful rollouts count as prior data.
        random_rollouts: How many rollouts act at random before the policy takes over.
        resets: Rollouts after which networks begin anew and learn from all that is stored: what they made of the first
            few rollouts holds them back for good in some trainings (primacy bias: Nikishin et al., arXiv 2205.07802).
        relearning: Decisions' worth of updates that a reset is followed by.
        learner: Settings of the learner.
    """

    reward: str = SHAPED
    demonstrations: int = 1
    rollouts: int = 150
    seed: int = 0
    every: int = 15
    episodes: int = 20
    save_every: int = 15
    scale: float = 1.0
    offset: float = 0.0
    lookahead: int = 1
    keep_successes: bool = True
    random_rollouts: int = 0
    resets: tuple[int, ...] = (60,)
    relearning: int = 2000
    learner: LearnerConfig = field(default_factory=LearnerConfig)

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            UnknownName: There is no such form of reward.
            InvalidValue: A number is out of range.
        """
        if self.reward not in FORMS:
            raise UnknownName("form of reward", self.reward, FORMS)
        leasts = {"demonstrations": 0, "rollouts": 1, "seed": 0, "every": 1, "episodes": 1, "save_every": 1}
        leasts |= {"random_rollouts": 0, "relearning": 0}
        for name, least in leasts.items():
            if getattr(self, name) < least:
                raise InvalidValue(f"RlConfig.{name} must be at least {least}, got {getattr(self, name)}")
        if any(count < 1 for count in self.resets):
            raise InvalidValue(f"RlConfig.resets must each come after at least 1 rollout, got {self.resets}")


@dataclass(frozen=True)
class RolloutProgress:
    """What is known after a rollout.

    Attributes:
        rollouts: How many there were; 0 after cloning alone.
        success: Whether the last one succeeded.
        steps: Elementary steps of all rollouts, without those of evaluations.
        evaluated: Share of evaluation episodes that succeed without noise; None where there was no evaluation.
        losses: Of the learner.
    """

    rollouts: int
    success: bool
    steps: int
    evaluated: float | None
    losses: dict[str, float]


class RlTraining:
    """A training in a folder.

    Everything that is drawn depends on the seed and on the number of the rollout alone, so that a stop at any time
    changes nothing: rollouts since the last save are made again, to the bit.
    """

    def __init__(self, decisions: Decisions, config: RlConfig, folder: Path, name: str = "") -> None:
        """Begin, or go on where the folder's training was.

        Args:
            decisions: Where to act.
            config: Settings.
            folder: For state and curve.
            name: What else makes this training another one, such as task and source of progress.

        Raises:
            InvalidValue: The folder holds another training, or a damaged one.
        """
        self.decisions, self.config, self.folder = decisions, config, folder
        self._name = f"{name} {config}"
        self.shaping = ShapingConfig(decisions.discount, config.scale, config.offset)
        self.curve: list[RolloutProgress] = []
        begin = config.seed * BLOCK
        self._seeds = {place: begin + place for place in (DEMONSTRATED, ROLLED_OUT, EVALUATED)}
        saved = read_tensors(folder / STATE) if (folder / STATE).exists() else None
        if saved is not None and saved[1].get("training") != self._name:
            raise InvalidValue(f"'{folder}' holds another training ({saved[1].get('training')}); choose another folder")
        prior = self._load_rollouts(saved[0], "prior") if saved is not None else self._demonstrate()
        self.replay = Replay(prior, self.shaping, config.reward, config.lookahead, config.keep_successes)
        seen = [rollout.observation for rollout in prior] or [
            decisions.reset(self._seeds[ROLLED_OUT]).observation[None]
        ]
        self.learner = Learner(
            decisions.width, decisions.actions, Scaling(np.concatenate(seen)), config.learner, config.seed
        )
        if saved is not None:
            self._restore(*saved)

    @property
    def evaluation_seed(self) -> int:
        """Seed of the first episode of an evaluation."""
        return self._seeds[EVALUATED]

    @property
    def done(self) -> int:
        """Rollouts so far."""
        return len(self.replay.rollouts)

    def run(self) -> Iterator[RolloutProgress]:
        """Train to the end.

        Yields:
            What is known after each rollout, after cloning first.

        Raises:
            InvalidValue: A loss is not finite; the state of the last save is kept.
            OSError: The state cannot be written; that of the last save is kept.
        """
        config = self.config
        if not self.curve:
            if self.replay.demonstrations:
                self.learner.clone(self.replay, np.random.default_rng([config.seed, BLOCK]))
            yield self._keep(RolloutProgress(0, False, 0, self.evaluate(), {}))
        while self.done < config.rollouts:
            number = self.done
            rng = np.random.default_rng([config.seed, number])
            rollout = self._roll_out(self._seeds[ROLLED_OUT] + number, rng)
            self.replay.add(rollout)
            losses = self.learner.learn(self.replay, rng, len(rollout.action))
            if self.done in config.resets:
                self._begin_anew(rng)
            due = self.done % config.every == 0 or self.done == config.rollouts
            steps = self.curve[-1].steps + rollout.steps
            yield self._keep(
                RolloutProgress(self.done, rollout.success, steps, self.evaluate() if due else None, losses)
            )

    def evaluate(self) -> float:
        """Run the policy without noise on the goals that are kept for it.

        Returns:
            Share that succeeds.
        """
        self.decisions.evaluating(True)
        try:
            first, count = self._seeds[EVALUATED], self.config.episodes
            return float(np.mean([self._roll_out(first + i, None).success for i in range(count)]))
        finally:
            self.decisions.evaluating(False)

    def record(self, seed: int) -> list[npt.NDArray[np.uint8]]:
        """Draw an episode of the policy without noise.

        Args:
            seed: Of the episode.

        Returns:
            Pictures, one per decision, shape (size, size, 3) each.
        """
        pictures: list[npt.NDArray[np.uint8]] = []
        self.decisions.evaluating(True)
        try:
            self._roll_out(seed, None, pictures)
        finally:
            self.decisions.evaluating(False)
        return pictures

    def _begin_anew(self, rng: np.random.Generator) -> None:
        """Forget the networks and learn from all that is stored."""
        config, old = self.config, self.learner
        # Weights that no other training of this task begins with.
        seed = config.seed * BLOCK + self.done
        self.learner = Learner(self.decisions.width, self.decisions.actions, old.scaling, config.learner, seed)
        if self.replay.demonstrations:
            self.learner.clone(self.replay, rng)
        self.learner.learn(self.replay, rng, config.relearning)

    def _demonstrate(self) -> list[Rollout]:
        # Each tries as many seeds as it must; they are far enough apart.
        first, apart = self._seeds[DEMONSTRATED], 20
        return [self.decisions.demonstrate(first + apart * i) for i in range(self.config.demonstrations)]

    def _roll_out(
        self, seed: int, rng: np.random.Generator | None, pictures: list[npt.NDArray[np.uint8]] | None = None
    ) -> Rollout:
        seen, over = self.decisions.reset(seed), False
        recorder = Recorder(seen)
        while not over:
            noise = None if rng is None else rng.standard_normal((1, self.decisions.actions))
            if pictures is not None:
                pictures.append(self.decisions.picture())
            if rng is not None and self.done < self.config.random_rollouts:
                action = rng.uniform(-1.0, 1.0, self.decisions.actions)
            else:
                action = self.learner.act(seen.observation[None], noise)[0]
            outcome = self.decisions.step(action)
            recorder.add(action, outcome)
            seen, over = outcome.seen, outcome.terminated or outcome.truncated
        if pictures is not None:
            pictures.append(self.decisions.picture())
        return recorder.finish()

    def _keep(self, progress: RolloutProgress) -> RolloutProgress:
        self.curve.append(progress)
        if self.done % self.config.save_every == 0 or self.done == self.config.rollouts:
            self._save()
        return progress

    def _save(self) -> None:
        arrays: dict[str, npt.NDArray[Any]] = {f"learner.{k}": v for k, v in self.learner.state().items()}
        for kind, stored in (("prior", self.replay.demonstrations), ("rollout", self.replay.rollouts)):
            for i, rollout in enumerate(stored):
                shaped = rollout.shaped
                ends = np.array([shaped.terminated, shaped.truncated, shaped.version, rollout.success], dtype=np.int64)
                for name, array in (
                    *(("observation", rollout.observation), ("action", rollout.action), ("reward", shaped.reward)),
                    *(("value", shaped.value), ("duration", shaped.duration), ("ends", ends)),
                ):
                    arrays[f"{kind}.{i}.{name}"] = array
        curve = [asdict(progress) for progress in self.curve]
        write_tensors(self.folder / STATE, arrays, {"training": self._name, "curve": json.dumps(curve)})
        draft = self.folder / (CURVE + ".part")
        draft.write_text(json.dumps({"training": self._name, "curve": curve}, indent=1) + "\n", encoding="utf-8")
        draft.replace(self.folder / CURVE)

    @staticmethod
    def _load_rollouts(arrays: dict[str, npt.NDArray[Any]], kind: str) -> list[Rollout]:
        found: list[Rollout] = []
        while (start := f"{kind}.{len(found)}") + ".ends" in arrays:
            terminated, truncated, version, success = arrays[f"{start}.ends"].tolist()
            reward, value, duration = (arrays[f"{start}.{name}"] for name in ("reward", "value", "duration"))
            shaped = ShapedEpisode(reward, value, duration, bool(terminated), bool(truncated), version)
            found.append(Rollout(arrays[f"{start}.observation"], arrays[f"{start}.action"], shaped, bool(success)))
        return found

    def _restore(self, arrays: dict[str, npt.NDArray[Any]], texts: dict[str, str]) -> None:
        self.learner.restore({k.partition(".")[2]: v for k, v in arrays.items() if k.startswith("learner.")})
        for rollout in self._load_rollouts(arrays, "rollout"):
            self.replay.rollouts.append(rollout)
        self.replay._build()
        try:
            self.curve = [RolloutProgress(**entry) for entry in json.loads(texts["curve"])]
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValue(f"'{self.folder / STATE}' is damaged: {error}") from error


def first_seed(seed: int) -> int:
    """Tell with which seed a training's demonstrations begin.

    Args:
        seed: Of the training.

    Returns:
        Seed of the first demonstration that is tried.
    """
    return seed * BLOCK + DEMONSTRATED


def rollouts_to(curve: list[RolloutProgress], share: float = 0.8) -> float:
    """Tell how many rollouts it took until evaluations succeeded often enough.

    Args:
        curve: Of a training.
        share: That is often enough.

    Returns:
        Rollouts at the first such evaluation; inf where there was none.
    """
    return next((float(p.rollouts) for p in curve if p.evaluated is not None and p.evaluated >= share), math.inf)
