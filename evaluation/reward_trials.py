"""Runs judges on episodes of tasks that they did not learn, one line of a journal per episode and judge."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from evaluation.journal import append_line, read_lines
from evaluation.published_judges import PublishedJudge
from evaluation.results import finite
from evaluation.reward_methods import ADAPTED, WORDS, RewardMethod
from evaluation.reward_probes import (
    Reference,
    merged,
    probe_loop,
    probe_misfit,
    probe_order,
    probe_pause,
    probe_retry,
    probe_success,
    reference_of,
)
from policies.rewards.adaptation import AdaptationConfig, adapt
from policies.rewards.clips import Clip
from policies.rewards.fusion import FusionConfig
from policies.rewards.judge import Judge
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.plain_judges import make_plain_judge
from policies.rewards.reward_model import RewardModel

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RewardTrial:
    """One judge's opinion of one episode.

    Attributes:
        method: Name of the judge.
        task: Task of the episode.
        behaviour: "expert" or another.
        seed: Of the episode.
        metrics: Numbers by name.
        progress: In each state.
        chance: Of success in each state.
        confidence: In each state.
        done: Whether the task is done in each state.
        elapsed: Share of the expert's time that is behind each state; NaN where nobody knows.
    """

    method: str
    task: str
    behaviour: str
    seed: int
    metrics: Mapping[str, float | None]
    progress: Array
    chance: Array
    confidence: Array
    done: npt.NDArray[np.bool_]
    elapsed: Array


class RewardTrials:
    """Judges and episodes, and what came out so far."""

    def __init__(
        self,
        model: RewardModel,
        clips: Sequence[Clip],
        methods: Sequence[RewardMethod],
        out: Path,
        digest: str,
        published: Mapping[str, PublishedJudge] | None = None,
    ) -> None:
        """Sort the episodes.

        Args:
            model: The network; it is adapted here.
            clips: Of each task at least two successes of its expert: the first is the demonstration, no judge is asked
                about it.
            methods: The judges.
            out: Folder for the journal and for adapted weights.
            digest: Of everything else that decides the outcome.
            published: Published models among the judges, by name.

        Raises:
            InvalidValue: A task lacks a demonstration, there are fewer than two tasks, or two episodes of one have the
                same seed.
        """
        self._model, self._methods, self._out = model, tuple(methods), out
        self.names = model.config.views
        self._digest, self._published = digest, dict(published or {})
        tasks = sorted({clip.task for clip in clips})
        if len(tasks) < 2:
            raise InvalidValue(f"episodes of at least 2 tasks are needed, got {', '.join(tasks) or 'none'}")
        self.demonstrations: dict[str, Clip] = {}
        for task in tasks:
            experts = sorted((c for c in clips if c.task == task and c.expert and c.done > 3), key=lambda c: c.seed)
            if len(experts) < 2:
                raise InvalidValue(f"at least 2 successes of the expert at '{task}' are needed, got {len(experts)}")
            self.demonstrations[task] = experts[0]
        demonstrations = set(map(id, self.demonstrations.values()))
        self.clips = sorted(
            (clip for clip in clips if id(clip) not in demonstrations),
            key=lambda c: (c.task, not c.expert, c.seed),
        )
        for one, other in pairwise(self.clips):
            if (one.task, one.expert, one.seed) == (other.task, other.expert, other.seed):
                who = "the expert" if one.expert else "others"
                raise InvalidValue(
                    f"two episodes of {who} at '{one.task}' have seed {one.seed}: each must have a seed of its own"
                )
        self._adapted: dict[str, RewardModel] = {}

    def run(self) -> Iterator[RewardTrial]:
        """Ask all judges about all episodes.

        Yields:
            Their opinions, those of an earlier run included.
        """
        journal = self._out / "trials.jsonl"
        known = {}
        for line in read_lines(journal):
            try:
                entry = json.loads(line)
                known[tuple(entry["key"])] = entry
            except (ValueError, KeyError, TypeError):
                # A line that was cut off is run again.
                continue
        for method, clip in ((m, c) for c in self.clips for m in self._methods if m.is_whole or c.expert):
            key = (self._mark(method), method.name, clip.task, "expert" if clip.expert else "other", clip.seed)
            if key not in known:
                trial = self._try(method, clip)
                arrays = {name: getattr(trial, name).tolist() for name in _ARRAYS}
                entry = {"key": list(key), "metrics": finite(trial.metrics), **finite(arrays)}
                append_line(journal, entry)
                known[key] = entry
            yield _trial(known[key])

    def judge(self, method: RewardMethod, task: str) -> Judge:
        """Make a judge for a task.

        Args:
            method: Which.
            task: Name of the task.

        Returns:
            The judge.
        """
        if method.dummy:
            return make_plain_judge(method.dummy, self.names, self._model.config.size)
        if method.published:
            return self._published[method.name].judge
        model = self.adapted(task) if method.knowledge == ADAPTED else self._model
        views = (method.view,) if method.view else None
        return LearnedJudge(model, views, FusionConfig(method=method.fusion))

    def adapted(self, task: str) -> RewardModel:
        """Adapt the network to a task, once.

        Args:
            task: Name of the task.

        Returns:
            The adapted network.
        """
        if task not in self._adapted:
            path = self._out / "adapted" / f"{task}-{self._digest}.safetensors"
            if not path.exists():
                begin = time.process_time()
                model = adapt(self._model, self.demonstrations[task], AdaptationConfig())
                model.save(path, {"seconds": f"{time.process_time() - begin:.2f}"})
            self._adapted[task] = RewardModel.load(path)
        return self._adapted[task]

    def reference(self, method: RewardMethod, task: str, views: tuple[str, ...]) -> Reference:
        """Tell what a judge knows of a task.

        Args:
            method: Which judge.
            task: Name of the task.
            views: Its cameras.

        Returns:
            The reference.
        """
        return reference_of(self.demonstrations[task], views, self.names, method.knowledge != WORDS)

    def _try(self, method: RewardMethod, clip: Clip) -> RewardTrial:
        judge = self.judge(method, clip.task)
        reference, names = self.reference(method, clip.task, judge.views), self.names
        parts, told = probe_success(judge, clip, reference, names)
        found: list[Mapping[str, float]] = [parts]
        if clip.expert and clip.done > 3:
            found.append(probe_order(judge, clip, reference, names))
            if method.is_whole:
                found += [
                    probe_pause(judge, clip, reference, names),
                    probe_retry(judge, clip, reference, names),
                    *self._misfits(method, clip),
                ]
                if method.knowledge != WORDS:
                    demonstration = self.demonstrations[clip.task]
                    bare = probe_loop(judge, clip, demonstration, names, False)
                    found.append({f"bare_{name}": value for name, value in bare.items()})
                    found.append(probe_loop(judge, clip, demonstration, names, True))
        return RewardTrial(
            *(method.name, clip.task, "expert" if clip.expert else "other", clip.seed, merged(*found)),
            *(told.progress, told.success, told.confidence, clip.success, clip.elapsed),
        )

    def _misfits(self, method: RewardMethod, clip: Clip) -> list[dict[str, float]]:
        """A wrong task with its own reference, and wrong words with the right one."""
        rng = np.random.default_rng([clip.seed, len(clip.task)])
        others = [task for task in self.demonstrations if task != clip.task]
        other = others[int(rng.integers(len(others)))]
        judge, threshold = self.judge(method, other), self._threshold(method)
        found = [probe_misfit(judge, clip, self.reference(method, other, judge.views), threshold, self.names)]
        if method.knowledge != WORDS:
            judge = self.judge(method, clip.task)
            right = self.reference(method, clip.task, judge.views)
            wrong = replace(right, instruction=self.demonstrations[other].instruction)
            found.append(probe_misfit(judge, clip, wrong, threshold, self.names, "misfit_words"))
        return found

    def _threshold(self, method: RewardMethod) -> float:
        return self._model.calibration.threshold if method.is_learned else 0.5

    def _mark(self, method: RewardMethod) -> str:
        return self._digest + (f"-{self._published[method.name].mark}" if method.published else "")


_ARRAYS = ("progress", "chance", "confidence", "done", "elapsed")


def _trial(entry: Mapping[str, Any]) -> RewardTrial:
    _, method, task, behaviour, seed = entry["key"]
    progress, chance, confidence, elapsed = (
        np.array([np.nan if value is None else value for value in entry[name]], dtype=np.float64)
        for name in ("progress", "chance", "confidence", "elapsed")
    )
    done = np.array(entry["done"], dtype=np.bool_)
    return RewardTrial(
        method, task, behaviour, int(seed), entry["metrics"], progress, chance, confidence, done, elapsed
    )


def digest_of(weights: Path, clips: Sequence[Clip]) -> str:
    """Digest what decides an evaluation.

    Args:
        weights: File of the network.
        clips: The episodes.

    Returns:
        Hexadecimal digest.
    """
    digest = hashlib.sha256(weights.read_bytes())
    for clip in clips:
        digest.update(f"{clip.task} {clip.look} {clip.seed} {clip.images.shape}".encode())
        digest.update(np.ascontiguousarray(clip.images[:: max(len(clip.images) - 1, 1)]).tobytes())
    return digest.hexdigest()[:12]
