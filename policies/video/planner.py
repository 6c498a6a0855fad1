"""What a planner is: a picture and an instruction in, an imagined future and what to do about it out.

Everything that plans, executes plans or carries them onto topics goes through these types; none of them needs torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

# A picture whose brightest and darkest values differ by less than this shows nothing: a covered or dead camera.
LEAST_CONTRAST = 8


@dataclass(frozen=True)
class Plan:
    """An imagined future of K frames, and what brings it about.

    Attributes:
        frames: The present picture and the K imagined ones, shape (K + 1, size, size, 3).
        displacement: Of hand or body from each frame to the next, shape (K, D) [m].
        deviation: Standard deviation of the error of each, shape (K, D) [m].
        closing: Chance that the gripper is told to close on the way to each frame, shape (K,); 0 without a gripper.
        steps_per_frame: Number of actions between two frames.
        confidence: From 0 (a guess, such as for an instruction like none before) to 1.
    """

    frames: Image
    displacement: Array
    deviation: Array
    closing: Array
    steps_per_frame: int
    confidence: float

    def __post_init__(self) -> None:
        """Refuse what nobody should follow.

        Raises:
            InvalidValue: Shapes disagree, or a number is not finite or out of range.
        """
        frames, count = self.frames, len(self.frames) - 1
        if frames.ndim != 4 or count < 1 or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise InvalidValue(
                f"Plan.frames must be bytes of shape (K + 1, S, S, 3) with K at least 1, got {frames.dtype} "
                f"{frames.shape}"
            )
        for name, dimensions in (("displacement", 2), ("deviation", 2), ("closing", 1)):
            array = getattr(self, name)
            if array.ndim != dimensions or len(array) != count:
                raise InvalidValue(f"Plan.{name} must have {count} rows, one per imagined frame, got {array.shape}")
            if not np.isfinite(array).all():
                raise InvalidValue(f"Plan.{name} must be finite, got {array[~np.isfinite(array)][0]}")
        if self.deviation.shape != self.displacement.shape or (self.deviation < 0.0).any():
            raise InvalidValue(
                f"Plan.deviation must be at least 0 and of shape {self.displacement.shape}, got {self.deviation.shape}"
            )
        if not ((self.closing >= 0.0) & (self.closing <= 1.0)).all():
            raise InvalidValue(f"Plan.closing must lie in [0, 1], got {self.closing}")
        if self.steps_per_frame < 1:
            raise InvalidValue(f"Plan.steps_per_frame must be at least 1, got {self.steps_per_frame}")
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidValue(f"Plan.confidence must lie in [0, 1], got {self.confidence}")


class Planner(Protocol):
    """Plans from what a camera sees.

    Attributes:
        size: Width and height of the pictures that it takes [pixel].
    """

    size: int

    def plan(self, image: Image, instruction: str, rng: np.random.Generator) -> Plan:
        """Plan for one picture.

        Args:
            image: The present, shape (size, size, 3).
            instruction: What is to be done.
            rng: All chance comes from it.

        Returns:
            The plan.

        Raises:
            InvalidValue: The picture or the instruction cannot be planned from.
        """
        ...

    def plan_all(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> list[Plan]:
        """Plan for several worlds at once, which is faster than one after the other and comes to the same.

        Args:
            images: Shape (B, size, size, 3).
            instructions: B of them.
            rngs: One for each, so that a plan does not depend on who else plans.

        Returns:
            B plans.

        Raises:
            InvalidValue: A picture or an instruction cannot be planned from.
        """
        ...


class VideoModel(Protocol):
    """Imagines how a picture will go on.

    Attributes:
        size: Width and height of the pictures [pixel].
        steps_per_frame: Number of actions between two frames.
    """

    size: int
    steps_per_frame: int

    def imagine(self, images: Image, instructions: Sequence[str], rngs: Sequence[np.random.Generator]) -> Image:
        """Imagine futures.

        Args:
            images: The present, shape (B, size, size, 3).
            instructions: B of them.
            rngs: One for each.

        Returns:
            K imagined frames of each, shape (B, K, size, size, 3).
        """
        ...

    def familiarity(self, instruction: str) -> float:
        """Tell how near an instruction is to those that the model was trained on.

        Args:
            instruction: What is to be done.

        Returns:
            From 0 (like none) to 1 (one of them).
        """
        ...


def check_picture(image: Image, size: int) -> None:
    """Refuse pictures that nobody can plan from.

    Args:
        image: What should be a picture.
        size: Wanted width and height [pixel].

    Raises:
        InvalidValue: It has another shape or type, or shows nothing.
    """
    if image.shape != (size, size, 3) or image.dtype != np.uint8:
        raise InvalidValue(f"a picture must be bytes of shape ({size}, {size}, 3), got {image.dtype} {image.shape}")
    low, high = int(image.min()), int(image.max())
    if high - low < LEAST_CONTRAST:
        raise InvalidValue(
            f"the picture shows nothing, all its values lie in [{low}, {high}]: the camera is covered or dead"
        )


def check_request(images: Image, instructions: Sequence[str], rngs: Sequence[object], size: int) -> None:
    """Refuse what cannot be planned.

    Args:
        images: Shape (B, size, size, 3).
        instructions: B of them.
        rngs: B generators.
        size: Wanted width and height of the pictures [pixel].

    Raises:
        InvalidValue: Numbers disagree, a picture shows nothing, or an instruction is empty.
    """
    if not len(images) == len(instructions) == len(rngs) or len(images) == 0:
        raise InvalidValue(
            f"each picture needs an instruction and a generator, got {len(images)} pictures, {len(instructions)} "
            f"instructions and {len(rngs)} generators"
        )
    for image, instruction in zip(images, instructions, strict=True):
        check_picture(image, size)
        if not instruction.strip():
            raise InvalidValue("an instruction must say what is to be done, got an empty one")
