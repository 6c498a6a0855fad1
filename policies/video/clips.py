"""Clips of recorded episodes: what a video model learns from. Nobody may learn from demonstrations of novel tasks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from sim.episodes import Episode, EpisodeInfo
from sim.world_tasks import TASK_LISTS

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ClipBatch:
    """B clips of K + 1 frames.

    Attributes:
        frames: Shape (B, K + 1, S, S, 3), values in [0, 255] that need not be whole.
        episode: Which episode each is from, shape (B,).
        ending: Last picture of each episode, tinted, shifted and turned as the clip is, shape (B, S, S, 3).
    """

    frames: Array
    episode: npt.NDArray[np.int64]
    ending: Array


class Clips:
    """Draws clips from episodes; beyond the end of an episode its last frame stays."""

    def __init__(
        self,
        episodes: Sequence[Episode],
        camera: str,
        frames: int,
        steps_per_frame: int,
        favoured: tuple[str, float] | None = None,
    ) -> None:
        """Join episodes.

        Args:
            episodes: Of one world, with pictures of the same size.
            camera: Which pictures.
            frames: K, after the first one.
            steps_per_frame: Actions between two frames.
            favoured: A task, and its share of the clips; None for as many of one task as of another.

        Raises:
            InvalidValue: There is nothing to learn from, the camera was not recorded, or a share is none.
        """
        if not episodes:
            raise InvalidValue("a video model needs at least one episode, got none")
        for episode in episodes:
            if camera not in episode.images:
                recorded = ", ".join(sorted(episode.images)) or "none"
                raise InvalidValue(f"camera '{camera}' was not recorded in '{episode.info.task}'; recorded: {recorded}")
        self.instructions = [episode.info.instruction for episode in episodes]
        self.images = np.concatenate([episode.images[camera] for episode in episodes])
        lengths = np.array([len(episode.pose) for episode in episodes])
        self._end = np.cumsum(lengths)
        self._begin = self._end - lengths
        # The first frame after the present is always a true one: who only ever sees the end stay learns to stop early.
        self._starts = np.maximum(lengths - steps_per_frame, 1)
        self._offsets = steps_per_frame * np.arange(frames + 1)
        names = np.array([episode.info.task for episode in episodes])
        tasks = np.unique(names, return_inverse=True)[1]
        # A long task would else be learned at the cost of short ones.
        self._weight = 1.0 / np.bincount(tasks)[tasks]
        if favoured is not None:
            name, share = favoured
            if not 0.0 < share < 1.0:
                raise InvalidValue(f"the share of '{name}' in the clips must lie in (0, 1), got {share}")
            own = names == name
            for part, part_share in ((own, share), (~own, 1.0 - share)):
                self._weight[part] *= part_share / max(self._weight[part].sum(), 1e-12)

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.images)

    def draw(
        self,
        count: int,
        rng: np.random.Generator,
        tint: float = 0.0,
        shift: int = 0,
        turns: bool = False,
        among: npt.NDArray[np.int64] | None = None,
    ) -> ClipBatch:
        """Draw clips, as many of one task as of another on average, unless one is favoured.

        Args:
            count: B.
            rng: Draws them.
            tint: Greatest relative change of each colour, the same for all frames of a clip.
            shift: Greatest shift of all frames of a clip [pixel]; edges are repeated.
            turns: Whether a clip may be turned by quarters and mirrored.
            among: Numbers of the episodes to draw from; None for all.

        Returns:
            The clips.
        """
        weight = self._weight
        if among is not None:
            weight = np.where(np.isin(np.arange(len(weight)), among), weight, 0.0)
        episode = rng.choice(len(self._begin), count, p=weight / weight.sum())
        first = self._begin[episode] + (rng.uniform(size=count) * self._starts[episode]).astype(np.int64)
        index = np.minimum(first[:, None] + self._offsets, self._end[episode, None] - 1)
        index = np.concatenate([index, self._end[episode, None] - 1], axis=1)
        size = np.arange(self.images.shape[1])
        rows, columns = (
            np.clip(size + rng.integers(-shift, shift + 1, (count, 1)), 0, len(size) - 1) for _ in ("rows", "columns")
        )
        frames = self.images[index[:, :, None, None], rows[:, None, :, None], columns[:, None, None, :]]
        if turns:
            hows = rng.integers(0, 8, count).tolist()
            frames = np.stack([turned(clip, how) for clip, how in zip(frames, hows, strict=True)])
        colour = rng.uniform(1.0 - tint, 1.0 + tint, (count, 1, 1, 1, 3)).astype(np.float32)
        frames = np.clip(frames * colour, 0.0, 255.0)
        return ClipBatch(frames[:, :-1], episode, frames[:, -1])


def turned(pictures: Image, how: int) -> Image:
    """Turn pictures of a floor seen from above.

    Args:
        pictures: Shape (..., S, S, 3).
        how: Quarters of a turn against the clock, from 0 to 3; 4 more if mirrored left to right afterwards.

    Returns:
        Shape (..., S, S, 3).
    """
    quarter = np.rot90(pictures, how % 4, axes=(-3, -2))
    return quarter[..., ::-1, :] if how >= 4 else quarter


def refuse_novel(infos: Iterable[EpisodeInfo], allowed: Sequence[str] = ()) -> None:
    """Hold the border between what is learned from and what is tested on.

    Args:
        infos: What would be learned from.
        allowed: Behaviours whose episodes of novel tasks may be used: "play", which shows what actions do in a scene
            and nothing of its task, and "planner", what a planner has found out itself. Both count as interaction.

    Raises:
        InvalidValue: A novel task is among them.
    """
    for info in infos:
        novel = TASK_LISTS.get(info.world, {}).get("novel", ())
        if info.task in novel and info.behaviour not in allowed:
            raise InvalidValue(
                f"'{info.task}' is a novel task of the world '{info.world}': nobody may learn from its episodes by "
                f"'{info.behaviour}' before it is tested on them; allowed here: {', '.join(allowed) or 'none'}"
            )
