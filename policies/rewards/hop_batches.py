"""Draws questions for the hop network: pairs of moments, references from other episodes, and what does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.clips import Clip
from policies.rewards.hop_network import NONE
from policies.rewards.hops import hop
from policies.rewards.pairs import sample_pairs
from policies.rewards.picture_jitter import Jitter, draw_jitter
from policies.rewards.subgoals import part_of

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]
# Shares of pairs whose two moments are one, of those that end in any state, and of clips of which a success is shown.
STILL_SHARE, ANY_SHARE, SUCCESS_SHARE = 0.08, 0.2, 0.3
# Ways to say an instruction.
PHRASES = ("{}", "{}", "please {}", "{} now", "the robot should {}", "your task is to {}", "go and {}", "try to {}")


@dataclass(frozen=True)
class BatchConfig:
    """Settings.

    Attributes:
        clips: In a batch.
        pairs: Of each clip, drawn level over hop and distance; of the later state of each the anchored hops are asked.
        own_start: Share of clips whose start is their own first state; else that of the reference.
        no_goal: Share of clips without pictures of the goal.
        no_words: Share of clips with a goal whose instruction is left out.
        misfit: Share of clips whose instruction or reference is that of another task.
        view_dropout: Chance of each camera to be missing; one always stays.
        parts: Share of clips of which a part is asked: the goal is a state on the reference's way.
        noise: Standard deviation of what is added to the vectors of sentences, relative to their length.
    """

    clips: int = 20
    pairs: int = 3
    own_start: float = 0.5
    no_goal: float = 0.3
    no_words: float = 0.15
    misfit: float = 0.2
    view_dropout: float = 0.3
    parts: float = 0.25
    noise: float = 0.25

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn.

        Raises:
            InvalidValue: A number is out of range.
        """
        for name in ("clips", "pairs"):
            if getattr(self, name) < 1:
                raise InvalidValue(f"BatchConfig.{name} must be at least 1, got {getattr(self, name)}")
        for name in ("own_start", "no_goal", "no_words", "misfit", "view_dropout", "parts"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InvalidValue(f"BatchConfig.{name} must lie in [0, 1], got {getattr(self, name)}")
        if not (np.isfinite(self.noise) and self.noise >= 0.0):
            raise InvalidValue(f"BatchConfig.noise must be finite and not negative, got {self.noise}")


@dataclass(frozen=True)
class HopBatch:
    """N pictures, M views of Q questions, and what is right.

    A weight of zero says that nobody knows what is right.

    Attributes:
        pictures: Shape (N, 3, size, size), in [0, 1].
        moments: Rows of pictures before, after, at the start and at the goal; -1 for none, shape (M, 4).
        view: Shape (M,).
        question: Shape (M,).
        sentence: Shape (Q, 384).
        hop: Shape (Q,), with its weight.
        success: Shape (Q,), with its weight.
        match: Shape (Q,), with its weight.
    """

    pictures: Array
    moments: npt.NDArray[np.int64]
    view: npt.NDArray[np.int64]
    question: npt.NDArray[np.int64]
    sentence: Array
    hop: Array
    hop_weight: Array
    success: Array
    success_weight: Array
    match: Array
    match_weight: Array


@dataclass(frozen=True)
class Reference:
    """Where the pictures of start and goal of a clip come from."""

    clip: Clip
    goal: int


class HopBatches:
    """Draws batches from clips."""

    def __init__(
        self,
        clips: Sequence[Clip],
        sentences: Mapping[str, Array],
        config: BatchConfig | None = None,
        foreign: Sequence[str] = (),
    ) -> None:
        """Sort the clips.

        Args:
            clips: What to learn from.
            sentences: Vectors of all that `phrasings` makes of their instructions.
            config: Settings.
            foreign: More instructions, of tasks of which there are no clips; they fit none of the clips.

        Raises:
            InvalidValue: No clip shows a success, or a sentence has no vector.
        """
        self.config, self._foreign = config or BatchConfig(), tuple(foreign)
        self._sentences = sentences
        self._clips = [clip for clip in clips if len(clip.success) > 1]
        self._by_task: dict[str, list[Clip]] = {}
        self._references: dict[tuple[str, str], list[Clip]] = {}
        for clip in self._clips:
            self._by_task.setdefault(clip.task, []).append(clip)
            if clip.expert and clip.done > 0:
                self._references.setdefault((clip.task, clip.look), []).append(clip)
        self._by_task = {
            task: [c for c in group if (task, c.look) in self._references] for task, group in self._by_task.items()
        }
        self._by_task = {task: group for task, group in self._by_task.items() if group}
        if not self._by_task:
            raise InvalidValue(f"none of {len(clips)} clips is of a task of which an expert's success is shown")
        needed = {phrase for clip in self._clips for phrase in phrasings(clip.instruction)}
        for text in sorted(needed.union(*(phrasings(text) for text in self._foreign))):
            if text not in sentences:
                raise InvalidValue(f"the sentence '{text}' has no vector")

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks that are drawn, each as often as any other."""
        return tuple(self._by_task)

    def draw(self, rng: np.random.Generator, augment: bool = True) -> HopBatch:
        """Draw a batch.

        Args:
            rng: Draws it.
            augment: Whether colours, places, cameras and words vary, and misfits are made.

        Returns:
            The batch.
        """
        built = _Builder()
        for _ in range(self.config.clips):
            task = self.tasks[int(rng.integers(len(self.tasks)))]
            group = self._by_task[task]
            self._add(built, group[int(rng.integers(len(group)))], rng, augment)
        return built.finish()

    def reference(self, clip: Clip, rng: np.random.Generator) -> Reference:
        """Draw an episode of the same task and look; another one where there is one.

        Args:
            clip: For which.
            rng: Draws it.

        Returns:
            The reference.
        """
        group = [c for c in self._references[(clip.task, clip.look)] if c is not clip] or [clip]
        chosen = group[int(rng.integers(len(group)))]
        return Reference(chosen, int(rng.choice(np.flatnonzero(chosen.success))))

    def _add(self, built: "_Builder", clip: Clip, rng: np.random.Generator, augment: bool) -> None:
        config, fits = self.config, True
        reference, instruction = self.reference(clip, rng), clip.instruction
        part = part_of(clip, reference.clip, rng) if augment and rng.uniform() < config.parts else None
        if part is not None:
            clip, reference = part[0], Reference(reference.clip, part[1])
        has_goal = part is not None or not (augment and rng.uniform() < config.no_goal)
        misfit = "" if not augment or rng.uniform() >= config.misfit else "words" if rng.uniform() < 0.6 else "goal"
        # Nobody says in words what lies on the way.
        misfit = "" if part is not None else misfit
        other = self._other_task(clip, rng) if misfit else None
        if misfit and other is None and self._foreign:
            instruction, misfit, fits = self._foreign[int(rng.integers(len(self._foreign)))], "words", False
        elif other is not None and (misfit == "words" or not has_goal):
            instruction, misfit, fits = other.instruction, "words", False
        elif other is not None:
            reference, fits = self.reference(other, rng), False
        has_words = not has_goal or not fits or not (augment and rng.uniform() < config.no_words)
        has_words = has_words and part is None
        sentence = self._sentence(instruction, rng, augment) if has_words else np.zeros_like(self._any_sentence())
        before, after = self._moments(clip, rng)
        jitters = [draw_jitter(rng) if augment else None for _ in range(clip.images.shape[1])]
        far = [jitter.another(rng) if jitter is not None else None for jitter in jitters]
        views = [v for v in range(clip.images.shape[1]) if not (augment and rng.uniform() < config.view_dropout)]
        views = views or [int(rng.integers(clip.images.shape[1]))]
        own = misfit == "goal" or not has_goal or rng.uniform() < config.own_start
        begin = clip if own else reference.clip
        filled = np.nan_to_num(clip.progress)
        known = float(np.isfinite(clip.progress[0]) or not own)
        start_progress = float(filled[0]) if own else 0.0
        place = {
            view: {
                "start": built.picture(begin.images[0, view], jitters[view] if own else far[view], rng),
                "goal": built.picture(reference.clip.images[reference.goal, view], far[view], rng)
                if has_goal
                else NONE,
                "states": {k: built.picture(clip.images[k, view], jitters[view], rng) for k in {*before, *after}},
            }
            for view in views
        }
        # What is asked of a misfit has no hop that anybody knows, but for words alone: towards them nothing is done.
        lost = not fits and not has_goal
        weight = 1.0 if fits else 0.0
        for p, q in zip(before, after, strict=True):
            done, at_p, at_q = float(clip.success[q]), float(filled[p]), float(filled[q])
            sure = weight * np.isfinite(clip.progress[q])
            seen = [(view, place[view]) for view in views]
            built.ask(
                [(v, (x["states"][p], x["states"][q], x["start"], x["goal"])) for v, x in seen],
                *(sentence, float(hop(at_p, at_q)), sure * np.isfinite(clip.progress[p])),
                success=(done if fits else 0.0, 0.5 if fits else 0.0),
                match=(float(fits), 0.5),
            )
            forward = 0.0 if lost else float(hop(start_progress, at_q))
            built.ask(
                [(v, (x["start"], x["states"][q], x["start"], x["goal"])) for v, x in seen],
                *(sentence, forward, 1.0 if lost else sure * known),
                success=(done if fits else 0.0, 1.0 if fits or lost else 0.0),
                match=(float(fits), 1.0),
            )
            if has_goal:
                built.ask(
                    [(v, (x["goal"], x["states"][q], x["start"], x["goal"])) for v, x in seen],
                    *(sentence, float(hop(1.0, at_q)), sure),
                    success=(done if fits else 0.0, 1.0 if fits else 0.0),
                    match=(float(fits), 1.0),
                )

    def _moments(self, clip: Clip, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """Pairs that are level over hop and distance; now and then one still moment, a success, or any state at all.

        Where success alone is known, pairs of it would hide what came before: then moments are drawn evenly.
        """
        labels, count = clip.labels, len(clip.success)
        if len(labels.frame) >= 2 and np.ptp(labels.progress) > 0.0:
            pairs = sample_pairs(labels, self.config.pairs, rng)
            before, after = pairs.before.tolist(), pairs.after.tolist()
        else:
            before, after = (rng.integers(0, count, self.config.pairs).tolist() for _ in range(2))
        for i in range(len(before)):
            drawn = rng.uniform()
            if drawn < STILL_SHARE:
                before[i] = after[i]
            elif drawn < STILL_SHARE + ANY_SHARE:
                after[i] = int(rng.integers(count))
        if clip.done >= 0 and rng.uniform() < SUCCESS_SHARE:
            after[-1] = int(rng.choice(np.flatnonzero(clip.success)))
        return before, after

    def _other_task(self, clip: Clip, rng: np.random.Generator) -> Clip | None:
        others = [task for task in self.tasks if task != clip.task]
        # Half of the misfits are close relatives: they share an object, and often all of the scene.
        noun = clip.task.split("-")[0]
        relatives = [task for task in others if task.split("-")[0] == noun]
        if relatives and rng.uniform() < 0.5:
            others = relatives
        if not others:
            return None
        group = self._by_task[others[int(rng.integers(len(others)))]]
        return group[int(rng.integers(len(group)))]

    def _sentence(self, instruction: str, rng: np.random.Generator, augment: bool) -> Array:
        phrases = phrasings(instruction)
        vector = self._sentences[phrases[int(rng.integers(len(phrases))) if augment else 0]]
        if augment:
            vector = vector + rng.normal(0.0, self.config.noise / np.sqrt(len(vector)), len(vector))
        return np.asarray(vector, dtype=np.float32)

    def _any_sentence(self) -> Array:
        return next(iter(self._sentences.values()))


def phrasings(instruction: str) -> tuple[str, ...]:
    """Say an instruction in several ways.

    Args:
        instruction: A short sentence in the imperative.

    Returns:
        Sentences, the first of which is the instruction.
    """
    return tuple(dict.fromkeys(phrase.format(instruction) for phrase in PHRASES))


class _Builder:
    """Collects pictures and questions."""

    def __init__(self) -> None:
        self._pictures: list[Array] = []
        self._rows: list[tuple[tuple[int, int, int, int], int, int]] = []
        self._sentences: list[Array] = []
        self._answers: list[tuple[float, float, float, float, float, float]] = []

    def picture(self, image: Image, jitter: Jitter | None, rng: np.random.Generator) -> int:
        picture = image.astype(np.float32).transpose(2, 0, 1) / np.float32(255.0)
        self._pictures.append(picture if jitter is None else jitter.apply(picture, rng))
        return len(self._pictures) - 1

    def ask(
        self,
        seen: list[tuple[int, tuple[int, int, int, int]]],
        sentence: Array,
        size: float,
        weight: float,
        success: tuple[float, float],
        match: tuple[float, float],
    ) -> None:
        question = len(self._answers)
        self._rows += [(moments, view, question) for view, moments in seen]
        self._sentences.append(sentence)
        self._answers.append((size, weight, *success, *match))

    def finish(self) -> HopBatch:
        answers = np.array(self._answers, dtype=np.float32).reshape(-1, 6).T
        return HopBatch(
            np.stack(self._pictures),
            np.array([row[0] for row in self._rows], dtype=np.int64),
            np.array([row[1] for row in self._rows], dtype=np.int64),
            np.array([row[2] for row in self._rows], dtype=np.int64),
            np.stack(self._sentences),
            *answers,
        )
