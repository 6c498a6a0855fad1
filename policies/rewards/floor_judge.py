"""Judges errands on a floor seen from above by what is left of the way; a `policies.rewards.judge.Judge`.

It sees the floor as the planner's video model does: what moves, where words send it, where it may pass. Progress is the
share of the way that is behind; pictures of the goal are not needed.
"""

import math

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.judge import Judgement, Judgements, Pictures, check_pictures, judge_episode
from policies.video.floor_model import FloorModel
from policies.video.shipped import load_floor

VIEW = "top"
# Nearer than this to where it is sent, what moves covers it [pixel]; and how sharp that is.
ARRIVED_PX, SHARPNESS_PX = 5.0, 1.0
# A goal that was this near may be hidden below what moves [pixel].
HIDDEN_PX = 16.0


class FloorJudge:
    """Measures the way that is left.

    Attributes:
        views: The camera above the floor.
        size: Of its pictures [pixel].
    """

    def __init__(self, model: FloorModel | None = None, views: tuple[str, ...] | None = None) -> None:
        """Set up.

        Args:
            model: Sees the floor; None for the shipped one.
            views: Must be the camera above the floor, or None.

        Raises:
            UnknownName: Another camera is named.
            MissingModel: The shipped weights are not there; the message names the command that makes them.
        """
        self._model = model or load_floor()
        for view in views or ():
            if view != VIEW:
                raise UnknownName("camera of the judge of floors", view, (VIEW,))
        self.views, self.size = (VIEW,), self._model.size
        self._instruction = ""

    def begin(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgement:
        """Begin an episode.

        Args:
            images: First picture by camera, shape (size, size, 3).
            instruction: What is to be done, in words.
            goal: Not needed.
            start: Not needed.

        Returns:
            What is thought of the first state; with little confidence where words point at nothing.

        Raises:
            InvalidValue: The camera is missing, its picture shows nothing, or the instruction is empty.
        """
        check_pictures(images, self.views, self.size)
        if not instruction.strip():
            raise InvalidValue("an instruction must say what is to be done, got an empty one")
        self._instruction = instruction
        left, self._sure = self._model.left(images[VIEW], instruction)
        # What is left now is all there is; where nothing is pointed at, nobody knows.
        self._whole = self._last = left
        return self._judgement()

    def step(self, images: Pictures) -> Judgement:
        """Judge the next state.

        Args:
            images: Its picture by camera.

        Returns:
            What is thought of it.

        Raises:
            InvalidValue: The episode has not begun, the camera is missing, or its picture shows nothing.
        """
        if not self._instruction:
            raise InvalidValue("an episode must begin before its next state is judged")
        check_pictures(images, self.views, self.size)
        left, sure = self._model.left(images[VIEW], self._instruction)
        close = self._last is not None and self._last <= HIDDEN_PX
        if close and (left is None or left > self._last + HIDDEN_PX):
            # It stands on what it was sent to, and hides it: nothing jumps so far from one state to the next.
            self._last = 0.0
        elif left is not None:
            self._last, self._sure = left, sure
            self._whole = left if self._whole is None else max(self._whole, left)
        else:
            self._sure = sure
        return self._judgement()

    def episode(
        self, images: Pictures, instruction: str, goal: Pictures | None = None, start: Pictures | None = None
    ) -> Judgements:
        """Judge a whole episode.

        Args:
            images: Pictures by camera, shape (T + 1, size, size, 3).
            instruction: What is to be done, in words.
            goal: Not needed.
            start: Not needed.

        Returns:
            What is thought of each state.
        """
        return judge_episode(self, images, instruction, goal, start)

    def _judgement(self) -> Judgement:
        if self._last is None or not self._whole:
            return Judgement(0.0, 0.5, 0.0, self._sure)
        success = 1.0 / (1.0 + math.exp((self._last - ARRIVED_PX) / SHARPNESS_PX))
        # The middle of what it covers is read to about a cell.
        return Judgement(1.0 - self._last / self._whole, min(2.0 / self._whole, 1.0), success, self._sure)
