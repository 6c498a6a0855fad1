"""The planner: a video model imagines what will be seen, inverse dynamics tells what brings it about."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.planner import Plan, VideoModel, check_request

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

# An imagined step whose displacement is uncertain by this much halves the confidence [m]; with 1 cm of error most
# tasks of the arm fail.
DOUBTFUL_M = 0.01


class Told(Protocol):
    """What inverse dynamics tells of B pairs."""

    displacement: Array
    deviation: Array
    closing: Array


class Inverse(Protocol):
    """Inverse dynamics."""

    def infer(self, before: Image, after: Image) -> Told:
        """Tell what was done between B pairs of pictures."""
        ...


class VideoPlanner:
    """A `policies.video.planner.Planner` of two parts that are trained and measured apart."""

    def __init__(self, model: VideoModel, inverse: Inverse, doubtful: float = DOUBTFUL_M) -> None:
        """Join them.

        Args:
            model: Imagines frames.
            inverse: Tells displacement and command between two frames that follow each other.
            doubtful: Deviation of displacements that halves the confidence [m].

        Raises:
            InvalidValue: The deviation is not finite and positive.
        """
        if not (np.isfinite(doubtful) and doubtful > 0.0):
            raise InvalidValue(f"the deviation that halves the confidence must be finite and positive, got {doubtful}")
        self.size = model.size
        self._model, self._inverse, self._doubtful = model, inverse, doubtful

    def plan(self, image: Image, instruction: str, rng: np.random.Generator) -> Plan:
        """Plan for one picture.

        Args:
            image: The present, shape (size, size, 3).
            instruction: What is to be done.
            rng: Draws the future.

        Returns:
            The plan.

        Raises:
            InvalidValue: The picture or the instruction cannot be planned from.
        """
        return self.plan_all(image[None], (instruction,), (rng,))[0]

    def plan_all(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> list[Plan]:
        """Plan for several worlds at once.

        Args:
            images: Shape (B, size, size, 3).
            instructions: B of them.
            rngs: One for each.

        Returns:
            B plans.

        Raises:
            InvalidValue: A picture or an instruction cannot be planned from, or a model answered with nonsense.
        """
        check_request(images, instructions, rngs, self.size)
        imagined = self._model.imagine(images, instructions, rngs)
        if imagined.ndim != 5 or imagined.shape[0] != len(images) or imagined.shape[2:] != images.shape[1:]:
            raise InvalidValue(
                f"a video model must answer with shape ({len(images)}, K, {self.size}, {self.size}, 3), got "
                f"{imagined.shape}"
            )
        frames = np.concatenate([images[:, None], imagined], axis=1)
        flat = (-1, *images.shape[1:])
        told = self._inverse.infer(frames[:, :-1].reshape(flat), frames[:, 1:].reshape(flat))
        shape = imagined.shape[:2]
        displacement = told.displacement.reshape(*shape, -1)
        deviation, closing = told.deviation.reshape(*shape, -1), told.closing.reshape(shape)
        return [
            Plan(
                *(frames[i], displacement[i], deviation[i], closing[i], self._model.steps_per_frame),
                confidence(self._model.familiarity(instruction), deviation[i], self._doubtful),
            )
            for i, instruction in enumerate(instructions)
        ]


def confidence(familiarity: float, deviation: Array, doubtful: float = DOUBTFUL_M) -> float:
    """Tell how far a plan can be relied on.

    Args:
        familiarity: Of its instruction, in [0, 1].
        deviation: Of its displacements, shape (K, D) [m].
        doubtful: Deviation that halves it [m].

    Returns:
        The familiarity, less where inverse dynamics doubts what it sees.
    """
    doubt = float(np.sqrt(np.mean(np.square(deviation)))) / doubtful
    return float(np.clip(familiarity, 0.0, 1.0)) / (1.0 + doubt**2)
