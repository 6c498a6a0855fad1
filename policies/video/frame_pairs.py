"""Pairs of pictures with the displacement between them: what inverse dynamics learns from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.patch_codec import PatchCodec
from sim.episodes import Episode

Array = npt.NDArray[np.float32]
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class PairBatch:
    """B pairs of moments of the same episodes.

    Attributes:
        before: Pictures, shape (B, size, size, 3).
        after: Pictures a few steps later (or earlier, where time is reversed), shape (B, size, size, 3).
        displacement: Of hand or body from before to after, shape (B, D) [m].
        closing: Mean command to the gripper on the way, from 0 (open) to 1 (close), shape (B,).
        known: Whether the command is known: nobody commanded a way back in time, shape (B,).
    """

    before: Image
    after: Image
    displacement: Array
    closing: Array
    known: npt.NDArray[np.bool_]


def take(batch: PairBatch, index: npt.NDArray[np.int64]) -> PairBatch:
    """Choose pairs.

    Args:
        batch: Pairs.
        index: Which, shape (N,).

    Returns:
        N pairs.
    """
    parts = (batch.before, batch.after, batch.displacement, batch.closing, batch.known)
    return PairBatch(*(part[index] for part in parts))


def join(first: PairBatch, second: PairBatch) -> PairBatch:
    """Put pairs behind others.

    Args:
        first: Pairs.
        second: Pairs of pictures of the same size.

    Returns:
        All.
    """
    names = ("before", "after", "displacement", "closing", "known")
    return PairBatch(*(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names))


class FramePairs:
    """Draws pairs of pictures from episodes, a random number of steps apart.

    Displacements are those that were *achieved*, whatever was commanded: every episode tells them right, failures and
    play included.
    """

    def __init__(self, episodes: Sequence[Episode], camera: str, has_gripper: bool) -> None:
        """Join episodes.

        Args:
            episodes: Of one world, with pictures of the same size.
            camera: Which pictures.
            has_gripper: Whether the last number of an action commands a gripper.

        Raises:
            InvalidValue: There is nothing to learn from, or the camera was not recorded.
        """
        if not episodes:
            raise InvalidValue("inverse dynamics needs at least one episode, got none")
        for episode in episodes:
            if camera not in episode.images:
                recorded = ", ".join(sorted(episode.images)) or "none"
                raise InvalidValue(f"camera '{camera}' was not recorded in '{episode.info.task}'; recorded: {recorded}")
        width = episodes[0].action.shape[1] - has_gripper
        self.width = width
        self.images = np.concatenate([episode.images[camera] for episode in episodes])
        self._place = np.concatenate([episode.pose[:, :width] for episode in episodes])
        # One command per state, the last one of an episode repeated, summed up: means of intervals by two look-ups.
        commands = [e.action[:, -1] if has_gripper else np.zeros(len(e.action), np.float32) for e in episodes]
        closing = np.concatenate([np.append(0.5 * (c + 1.0), 0.0) for c in commands])
        self._closed = np.concatenate([[0.0], np.cumsum(closing)])
        lengths = np.array([len(episode.pose) for episode in episodes])
        self._end = np.repeat(np.cumsum(lengths), lengths)
        self._has_gripper = has_gripper

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.images)

    def draw(
        self, count: int, rng: np.random.Generator, strides: tuple[int, int] = (1, 8), reversed_share: float = 0.0
    ) -> PairBatch:
        """Draw pairs.

        Args:
            count: B.
            rng: Draws them.
            strides: Least and greatest number of steps between the two; fewer where an episode ends before.
            reversed_share: Share of pairs whose time runs backwards: as many new displacements for nothing.

        Returns:
            The pairs.

        Raises:
            InvalidValue: The strides are no range of at least 1.
        """
        low, high = strides
        if not 1 <= low <= high:
            raise InvalidValue(f"strides must be a range of at least 1, got {strides}")
        first = rng.integers(0, len(self.images), count)
        second = np.minimum(first + rng.integers(low, high + 1, count), self._end[first] - 1)
        # Who drew the last picture of an episode looks back from it.
        alone = second == first
        first = np.where(alone, first - 1, first)
        steps = second - first
        closing = (self._closed[second] - self._closed[first]) / steps
        back = rng.uniform(size=count) < reversed_share
        before, after = np.where(back, second, first), np.where(back, first, second)
        return PairBatch(
            self.images[before],
            self.images[after],
            (self._place[after] - self._place[before]).astype(np.float32),
            closing.astype(np.float32),
            ~back & self._has_gripper,
        )


def jitter(batch: PairBatch, rng: np.random.Generator, shift: int = 3, tint: float = 0.15) -> PairBatch:
    """Move and tint both pictures of a pair alike: what lies between them stays the same.

    Args:
        batch: Pairs.
        rng: Draws shifts and tints.
        shift: Greatest shift [pixel]; edges are repeated.
        tint: Greatest relative change of each colour.

    Returns:
        Other pairs with the same labels.
    """
    count, size = batch.before.shape[:2]
    index = np.arange(size)
    rows, columns = (
        np.clip(index + rng.integers(-shift, shift + 1, (count, 1)), 0, size - 1) for _ in ("rows", "columns")
    )
    colour = rng.uniform(1.0 - tint, 1.0 + tint, (count, 1, 1, 3)).astype(np.float32)
    number = np.arange(count)[:, None, None]

    def moved(images: Image) -> Image:
        picked = images[number, rows[:, :, None], columns[:, None, :]]
        return np.asarray(np.clip(picked * colour + 0.5, 0.0, 255.0), dtype=np.uint8)

    return PairBatch(moved(batch.before), moved(batch.after), batch.displacement, batch.closing, batch.known)


def coded(batch: PairBatch, codec: PatchCodec, rng: np.random.Generator, share: float) -> PairBatch:
    """Let some pictures look as a video model would imagine them.

    Args:
        batch: Pairs.
        codec: Of a video model.
        rng: Draws which.
        share: Of the later pictures; half as many of the earlier ones, most of which are of a camera.

    Returns:
        The pairs with the same labels.
    """
    images = []
    for pictures, part in ((batch.before, 0.5 * share), (batch.after, share)):
        chosen = rng.uniform(size=len(pictures)) < part
        changed = pictures.copy()
        if chosen.any():
            changed[chosen] = codec.decode(codec.encode(pictures[chosen]))
        images.append(changed)
    return PairBatch(*images, batch.displacement, batch.closing, batch.known)
