"""The learned judge: one network asked from three sides, fused, with success and fit beside."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.fusion import FusionConfig, HopEstimates, Progress, fuse
from policies.rewards.fusion import start as start_of
from policies.rewards.hop_network import NONE
from policies.rewards.judge import (
    Image,
    Judgement,
    Judgements,
    Pictures,
    StillnessWatch,
    check_length,
    check_pictures,
    gather,
)
from policies.rewards.reward_model import RewardModel

Array = npt.NDArray[np.float64]

# Deviation of a side that says nothing.
IGNORED = 1e3
# What is believed of the first state where it need not be the start of the task.
UNKNOWN = Progress(0.0, 0.25, np.zeros(3))
# Rows of the pictures that every question is about.
START, GOAL, BEFORE, AFTER = range(4)


@dataclass(frozen=True)
class Sides:
    """What the network says of one state.

    Attributes:
        hops: From before, from the start and from the goal.
        success: Logit.
        match: Logit.
    """

    hops: HopEstimates
    success: float
    match: float


class LearnedJudge:
    """Judges by a `RewardModel`; a `policies.rewards.judge.Judge`."""

    def __init__(
        self,
        model: RewardModel | None = None,
        views: tuple[str, ...] | None = None,
        fusion: FusionConfig | None = None,
    ) -> None:
        """Set up.

        Args:
            model: The network; None for the shipped one.
            views: Cameras to look through; None for all that it knows.
            fusion: How the three sides become one.

        Raises:
            UnknownName: The network does not know a camera.
            InvalidValue: No camera is named.
            MissingModel: The shipped weights are not there; the message names the command that makes them.
        """
        self._model = model or RewardModel.load()
        known = self._model.config.views
        self.views, self.size = known if views is None else tuple(views), self._model.config.size
        if not self.views:
            raise InvalidValue("a judge needs at least one camera, got none")
        for view in self.views:
            if view not in known:
                raise UnknownName("camera of the reward", view, known)
        self._numbers = [known.index(view) for view in self.views]
        self._fusion = fusion or FusionConfig()
        self._begun = False

    @property
    def threshold(self) -> float:
        """Chance of success from which on the task counts as done."""
        return self._model.calibration.threshold

    def begin(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgement:
        """Begin an episode.

        Args:
            images: First pictures by camera.
            instruction: What is to be done; where it is empty or says nothing familiar, confidence is low.
            goal: Pictures of the task done, from another episode of it; None where there are none.
            start: Pictures of the start of that other episode; None takes the first pictures of this one, whose
                progress is then zero by definition.

        Returns:
            What is thought of the first state.

        Raises:
            InvalidValue: A camera is missing, or a picture has the wrong shape or type or shows nothing.
        """
        check_pictures(images, self.views, self.size)
        self._set_references(images, instruction, goal, start)
        self._watch, trust = StillnessWatch(self.views), 1.0
        trust = self._watch.see(images)
        self._before = self._encode(images)
        sides = self._ask(torch.cat([self._references, self._before, self._before]), self._moments(0))[0]
        return self._first(sides, start is None, trust)

    def step(self, images: Pictures) -> Judgement:
        """Judge the next state; the time since the last one does not matter.

        Args:
            images: Its pictures by camera.

        Returns:
            What is thought of it.

        Raises:
            InvalidValue: As for `begin`; or no episode has begun.
        """
        if not self._begun:
            raise InvalidValue("step() must come after begin()")
        check_pictures(images, self.views, self.size)
        trust = self._watch.see(images)
        after = self._encode(images)
        sides = self._ask(torch.cat([self._references, self._before, after]), self._moments(0))[0]
        self._before = after
        return self._next(sides, trust)

    def episode(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgements:
        """Judge a whole episode at once; the same as `begin` and `step`.

        Args:
            images: Pictures by camera, shape (T + 1, size, size, 3) each.
            instruction: What is to be done, in words.
            goal: As for `begin`.
            start: As for `begin`.

        Returns:
            What is thought of each state.

        Raises:
            InvalidValue: As for `begin`; or cameras have different numbers of pictures.
        """
        count = check_length(images, self.views)
        moments = [{view: images[view][t] for view in self.views} for t in range(count)]
        for pictures in moments:
            check_pictures(pictures, self.views, self.size)
        self._set_references(moments[0], instruction, goal, start)
        encoded = self._encode({view: images[view] for view in self.views})
        rows = torch.cat([self._references, encoded[: len(self.views)], encoded])
        # The first state has itself before it.
        sides = self._ask(rows, np.concatenate([self._moments(t) for t in range(count)]))
        self._before, self._watch = encoded[-len(self.views) :], StillnessWatch(self.views)
        trust = [self._watch.see(pictures) for pictures in moments]
        told = [self._first(sides[0], start is None, trust[0])]
        told += [self._next(each, seen) for each, seen in zip(sides[1:], trust[1:], strict=True)]
        return gather(told)

    def _set_references(
        self, images: Pictures, instruction: str, goal: Pictures | None, start: Pictures | None
    ) -> None:
        for name, pictures in (("goal", goal), ("start", start)):
            if pictures is not None:
                try:
                    check_pictures(pictures, self.views, self.size)
                except InvalidValue as error:
                    raise InvalidValue(f"pictures of the {name}: {error}") from error
        self._has_goal = goal is not None
        # Where there is no goal its rows are never asked for.
        self._references = torch.cat([self._encode(start or images), self._encode(goal or images)])
        self._sentence, familiar = self._model.sentence(instruction)
        self._familiar = 0.5 + 0.5 * familiar if self._has_goal else familiar
        self._matches: list[float] = []
        self._begun = True

    def _encode(self, images: Pictures) -> torch.Tensor:
        stacked: Image = np.stack([np.asarray(images[view]) for view in self.views], axis=-4)
        return self._model.encode(stacked.reshape(-1, *stacked.shape[-3:]))

    def _moments(self, step: int) -> npt.NDArray[np.int64]:
        """Before, after, start and goal of the three questions about a step of which the state before is row 2."""
        goal = GOAL if self._has_goal else NONE
        before, after = BEFORE + step, AFTER + step
        asked = [(before, after, START, goal), (START, after, START, goal), (GOAL, after, START, goal)]
        return np.array(asked if self._has_goal else asked[:2], dtype=np.int64)

    def _ask(self, encoded: torch.Tensor, moments: npt.NDArray[np.int64]) -> list[Sides]:
        told, each = self._model.ask(encoded, moments, self._numbers, self._sentence), 3 if self._has_goal else 2
        found = []
        for i in range(0, len(moments), each):
            hop, deviation = told.hop[i : i + each], told.deviation[i : i + each]
            if not self._has_goal:
                # Without a goal the side of the goal repeats that of the start, and counts for nothing where it can.
                hop, deviation = np.append(hop, hop[1] - 1.0), np.append(deviation, IGNORED)
            # The state before knows neither start nor goal better; success is asked from the two that do.
            success, match = told.success[i + 1 : i + each].mean(), told.match[i + 1 : i + each].mean()
            found.append(Sides(HopEstimates(*hop.tolist(), deviation), float(success), float(match)))
        return found

    def _first(self, sides: Sides, is_start: bool, trust: float) -> Judgement:
        # What only adds up has nothing else to begin with.
        known = is_start or self._fusion.method == "incremental"
        self._progress = start_of(self._fusion) if known else UNKNOWN
        if known:
            return self._judgement(sides, trust)
        deviation = np.asarray(sides.hops.deviation)
        unknown = HopEstimates(
            0.0, sides.hops.forward, sides.hops.backward, np.array([IGNORED, deviation[1], deviation[2]])
        )
        return self._next(Sides(unknown, sides.success, sides.match), trust)

    def _next(self, sides: Sides, trust: float) -> Judgement:
        self._progress = fuse(self._progress, sides.hops, self._fusion)
        return self._judgement(sides, trust)

    def _judgement(self, sides: Sides, trust: float) -> Judgement:
        calibration = self._model.calibration
        self._matches.append(sides.match)
        # What fits together does so for the whole episode.
        match = float(calibration.match(np.array(np.mean(self._matches))))
        success = float(calibration.success(np.array(sides.success))) * min(1.0, 2.0 * match)
        confidence = match * self._familiar * trust
        return Judgement(self._progress.value, float(np.sqrt(self._progress.variance)), success, confidence)
