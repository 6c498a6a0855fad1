"""Tasks whose goal looks like their start: a judge that remembers which sub-goals were reached.

A drawer that is to be opened and closed again ends as it began, so that no picture of the end says anything, and a
model of progress between a start and a goal is lost (Robo-Dopamine, arXiv 2512.23703, cannot do it). A demonstration
says more than its last picture: cut into stages whose ends look different, it makes each stage a task with a start and
a goal of its own. What was reached stays reached.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.judge import Judge, Judgement, Judgements, Pictures, check_pictures, judge_episode

IntArray = npt.NDArray[np.int64]


def turning_points(pictures: npt.NDArray[np.uint8], stages: int = 2) -> IntArray:
    """Find where a demonstration is furthest from where it was: the ends of stages.

    Args:
        pictures: Shape (K, V, size, size, 3).
        stages: Number of stages.

    Returns:
        States that end the stages, increasing; the last one ends the demonstration, shape (stages,).

    Raises:
        InvalidValue: There are fewer states than ends.
    """
    count = len(pictures)
    if stages < 1 or count <= stages:
        raise InvalidValue(f"{stages} stages need more states than that, got {count}")
    flat = pictures.reshape(count, -1).astype(np.float32)
    ends = [0, count - 1]
    while len(ends) <= stages:
        # The next end is the state that looks least like any of those that are known.
        least = np.min([np.mean((flat - flat[end]) ** 2, axis=1) for end in ends], axis=0)
        ends.append(int(np.argmax(least)))
    return np.array(sorted(ends)[1:], dtype=np.int64)


class LatchedJudge:
    """Judges stage after stage of a demonstration; a `policies.rewards.judge.Judge`.

    A stage is over when its own progress, or the chance that it is done, has been high for some states in a row. The
    progress of the whole is (stages behind + progress of this stage) / stages: it may fall within a stage, but never
    behind its beginning.

    A stage that goes back to where the one before it began is judged as that one, backwards: a model that has learned
    what it is to close a drawer knows how far one is from having closed it, and little of opening it again.
    """

    def __init__(self, judge: Judge, stages: Sequence[Pictures], enough: float = 0.7, patience: int = 1) -> None:
        """Set up.

        Args:
            judge: Judges each stage; it is begun anew for each.
            stages: Pictures of the start of the demonstration, and of the end of each of its stages.
            enough: Progress from which on a stage counts as over.
            patience: States in a row for which it must.

        Raises:
            InvalidValue: There is no stage, or a number is out of range.
        """
        if len(stages) < 2:
            raise InvalidValue(f"a start and the end of at least one stage are needed, got {len(stages)} moments")
        if not 0.0 < enough <= 1.0 or patience < 1:
            raise InvalidValue(f"enough must lie in (0, 1] and patience be at least 1, got {enough} and {patience}")
        for pictures in stages:
            check_pictures(pictures, judge.views, judge.size)
        self.views, self.size = judge.views, judge.size
        self._judge, self._stages = judge, list(stages)
        self._enough, self._patience = enough, patience
        self._backwards = [k > 0 and self._undoes(k) for k in range(len(stages) - 1)]

    @property
    def stage(self) -> int:
        """Number of stages that are over."""
        return self._stage

    def begin(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgement:
        """Begin an episode.

        Args:
            images: First pictures by camera.
            instruction: What is to be done.
            goal: Not used; the demonstration has the goals.
            start: Not used.

        Returns:
            What is thought of the first state.
        """
        self._instruction, self._stage, self._count = instruction, 0, 0
        return self._whole(self._enter(images))

    def step(self, images: Pictures) -> Judgement:
        """Judge the next state.

        Args:
            images: Its pictures by camera.

        Returns:
            What is thought of it.
        """
        if self._stage == len(self._stages) - 1:
            # All is done, and stays so.
            check_pictures(images, self.views, self.size)
            return self._last
        told = self._turned(self._judge.step(images))
        self._count = self._count + 1 if told.progress >= self._enough else 0
        if self._count >= self._patience:
            self._stage, self._count = self._stage + 1, 0
            if self._stage < len(self._stages) - 1:
                told = self._enter(images)
        return self._whole(told)

    def episode(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgements:
        """Judge a whole episode.

        Args:
            images: Pictures by camera, shape (T + 1, size, size, 3) each.
            instruction: What is to be done.
            goal: Not used.
            start: Not used.

        Returns:
            What is thought of each state.
        """
        return judge_episode(self, images, instruction)

    def _enter(self, images: Pictures) -> Judgement:
        # Backwards or not, pictures of start and goal are those of the way that was shown first.
        first = self._stage - self._backwards[self._stage]
        start, goal = self._stages[first], self._stages[first + 1]
        return self._turned(self._judge.begin(images, self._instruction, goal, start))

    def _turned(self, told: Judgement) -> Judgement:
        """What is thought of a stage; backwards, nothing is known of its success but that all was undone."""
        if not self._backwards[self._stage]:
            return told
        return Judgement(1.0 - told.progress, told.deviation, 0.0, told.confidence)

    def _undoes(self, stage: int) -> bool:
        """Whether a stage ends nearer to where the one before it began than half of that one's way."""
        begin, turn, end = self._stages[stage - 1], self._stages[stage], self._stages[stage + 1]
        return 2.0 * self._distance(begin, end) < self._distance(begin, turn)

    def _whole(self, told: Judgement) -> Judgement:
        stages = len(self._stages) - 1
        over = self._stage == stages
        progress = 1.0 if over else min((self._stage + told.progress) / stages, 1.0)
        # Only the last stage can end the task.
        success = 1.0 if over else told.success if self._stage == stages - 1 else 0.0
        self._last = Judgement(progress, told.deviation / stages, success, told.confidence)
        return self._last

    def _distance(self, first: Pictures, second: Pictures) -> float:
        gaps = [np.asarray(first[view], dtype=np.float64) - second[view] for view in self.views]
        return float(np.sqrt(np.mean(np.square(gaps))))
