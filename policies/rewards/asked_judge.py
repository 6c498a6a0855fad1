"""What is asked of the published reward model (Robo-Dopamine, arXiv 2512.23703), and what is made of its answers.

A question has eight pictures, as the model was trained: start and goal seen by the first camera, then before and after
seen by three. The answer holds a hop in percent inside a tag. Who answers, a server or a model in this process, is told
apart elsewhere.
"""

import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from controllers.errors import InvalidValue
from policies.rewards.fusion import FusionConfig, HopEstimates, fuse
from policies.rewards.fusion import start as start_of
from policies.rewards.judge import (
    Image,
    Judgement,
    Judgements,
    Pictures,
    StillnessWatch,
    check_pictures,
    judge_episode,
)

VIEWS = ("corner4", "topview", "gripperPOV")
SCORE = re.compile(r"<score>\s*([+\-\u2212]?\s*\d+(?:[.,]\d+)?)\s*%?\s*</score>", re.IGNORECASE)
PROMPT = (
    "You watch a robot that has this task: {instruction}.\n"
    "Picture 1 shows the scene before the task was begun, picture 2 shows it when the task is done. Pictures 3 to 5 "
    "show one moment, seen by {cameras}; pictures 6 to 8 show another moment, seen by the same cameras.\n"
    "Compare the two moments. If the second one is closer to the task being done, answer how much of what remained to "
    "be done at the first moment has been done since, as a positive percentage. If it is further away, answer how much "
    "of what had been done has been undone, as a negative percentage. If nothing relevant has changed, answer zero.\n"
    "Answer with one line and nothing else, a whole number between -100 and +100: <score>+NN%</score>"
)
# The model has no detector of success of its own: published is its own progress from here on.
SUCCESS = 0.95


class UnreadableAnswer(InvalidValue):
    """The model answered something that holds no score."""


def parse_score(answer: str) -> float:
    """Read a hop out of an answer.

    Args:
        answer: What the model wrote.

    Returns:
        The hop in [-1, 1]; the last one where there are several, since the model may think aloud before.

    Raises:
        UnreadableAnswer: There is none, or it is beyond 100 %.
    """
    found = SCORE.findall(answer)
    if not found:
        raise UnreadableAnswer(f"the answer holds no score: '{answer[:200]}'")
    value = float(found[-1].replace("\u2212", "-").replace(",", ".").replace(" ", ""))
    if abs(value) > 100.0:
        raise UnreadableAnswer(f"a score must lie in [-100, 100] %, got {value:g}")
    return value / 100.0


class AskedJudge:
    """Judges by what a model answers; a `policies.rewards.judge.Judge`.

    An answer that cannot be read is asked for again; where none can, the state is taken to be as the one before, and
    confidence is zero: what failed is shown, not filled in.
    """

    def __init__(
        self,
        ask: Callable[[str, Sequence[Image]], str],
        views: tuple[str, ...] = VIEWS,
        size: int = 64,
        fusion: FusionConfig | None = None,
        success: float = SUCCESS,
        tries: int = 1,
    ) -> None:
        """Set up.

        Args:
            ask: Answers a prompt with pictures, shape (size, size, 3) each.
            views: Three cameras; the first one also shows start and goal.
            size: Width and height of their pictures [pixel].
            fusion: How the three sides become one; published: their mean.
            success: Progress from which on the task counts as done.
            tries: Answers that are waited for before giving up.

        Raises:
            InvalidValue: There are not three cameras.
        """
        if len(views) != 3:
            raise InvalidValue(f"the model looks through 3 cameras, got {len(views)}")
        self.views, self.size = tuple(views), size
        self._answer, self._fusion = ask, fusion or FusionConfig(method="mean")
        self._success, self._tries = success, tries
        self._begun = False

    def begin(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgement:
        """Begin an episode; nothing is asked yet.

        Args:
            images: First pictures by camera.
            instruction: What is to be done.
            goal: Pictures of the task done; the model cannot do without.
            start: Pictures of its start; None takes the first ones.

        Returns:
            What is thought of the first state: zero progress by definition.

        Raises:
            InvalidValue: Pictures, instruction or goal are missing.
        """
        check_pictures(images, self.views, self.size)
        if not instruction.strip():
            raise InvalidValue("the model needs an instruction, got an empty one")
        if goal is None:
            raise InvalidValue("the model needs pictures of the goal, got none")
        check_pictures(goal, self.views, self.size)
        self._goal, self._start = dict(goal), dict(images if start is None else start)
        check_pictures(self._start, self.views, self.size)
        self._prompt = PROMPT.format(instruction=instruction.strip().rstrip("."), cameras=", ".join(self.views))
        self._watch, self._before, self._begun = StillnessWatch(self.views), dict(images), True
        self._progress = start_of(self._fusion)
        return Judgement(0.0, math.sqrt(self._progress.variance), 0.0, self._watch.see(images))

    def step(self, images: Pictures) -> Judgement:
        """Judge the next state by three questions.

        Args:
            images: Its pictures by camera.

        Returns:
            What is thought of it.

        Raises:
            InvalidValue: A picture cannot be judged, no episode has begun, or nobody can be asked.
        """
        if not self._begun:
            raise InvalidValue("step() must come after begin()")
        check_pictures(images, self.views, self.size)
        trust, after = self._watch.see(images), dict(images)
        hops = [self._hop(before, after) for before in (self._before, self._start, self._goal)]
        self._before = after
        if any(hop is None for hop in hops):
            trust = 0.0
        else:
            incremental, forward, backward = (float(hop) for hop in hops if hop is not None)
            self._progress = fuse(self._progress, HopEstimates(incremental, forward, backward), self._fusion)
        value = self._progress.value
        return Judgement(value, math.sqrt(self._progress.variance), float(value >= self._success), trust)

    def episode(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgements:
        """Judge a whole episode.

        Args:
            images: Pictures by camera, shape (T + 1, size, size, 3) each.
            instruction: What is to be done.
            goal: As for `begin`.
            start: As for `begin`.

        Returns:
            What is thought of each state.
        """
        return judge_episode(self, images, instruction, goal, start)

    def _hop(self, before: Pictures, after: Pictures) -> float | None:
        front = self.views[0]
        pictures = [self._start[front], self._goal[front]]
        pictures += [moment[view] for moment in (before, after) for view in self.views]
        for _ in range(self._tries):
            try:
                return parse_score(self._answer(self._prompt, [np.asarray(picture) for picture in pictures]))
            except UnreadableAnswer:
                continue
        return None
