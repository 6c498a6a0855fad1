"""Clips to learn rewards from: pictures of episodes with the progress and the success of each."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.rewards.keyframes import KeyframeConfig, find_keyframes
from policies.rewards.step_labels import StepLabels, progress_of_frames
from sim.collection import SETTINGS
from sim.episodes import Episode, find_episodes, read_episode

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

# Episodes for rewards keep every fifth state or so: a rest of the hand is short there.
COARSE = KeyframeConfig(smoothing=1, gap=3)
GRID = np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True)
class Clip:
    """An episode as rewards are learned from it; K states.

    Attributes:
        task: Name of the task.
        look: What its world looks like: references must look alike.
        instruction: What was to be done.
        seed: Of the episode.
        expert: Whether the expert alone acted.
        images: Shape (K, V, size, size, 3).
        elapsed: Share of the expert's time that is behind each state, in [0, 1]; NaN where nobody knows, shape (K,).
        progress: The same in steps of equal worth, shape (K,).
        success: Whether the task is done in each state, shape (K,).
    """

    task: str
    look: str
    instruction: str
    seed: int
    expert: bool
    images: Image
    elapsed: Array
    progress: Array
    success: npt.NDArray[np.bool_]

    @property
    def done(self) -> int:
        """First state in which the task is done; -1 where there is none."""
        return int(np.argmax(self.success)) if self.success.any() else -1

    @property
    def labels(self) -> StepLabels:
        """States whose progress is known, as points to draw pairs from."""
        frame = np.flatnonzero(np.isfinite(self.progress))
        near = np.append(frame[1:], frame[-1:]) - np.insert(frame[:-1], 0, frame[:1])
        return StepLabels(frame, self.progress[frame], near)


def elapsed_share(episode: Episode) -> Array:
    """Tell how much of the expert's time to success is behind each state.

    Where the expert was asked, 1 - τ / τ₀ with its remaining time τ from there and τ₀ from the start: what was undone
    counts as undone, and what a slow hand wastes as nothing. Else, for an expert's own episode, the time itself.

    Args:
        episode: An episode.

    Returns:
        Shares in [0, 1], shape (T + 1,); NaN where nobody knows.
    """
    count = len(episode.success)
    if episode.remaining is not None:
        first = float(episode.remaining[0])
        if not (np.isfinite(first) and first > 0.0):
            return np.where(episode.success, 1.0, np.nan)
        left = np.where(np.isfinite(episode.remaining), episode.remaining, np.nan).astype(np.float64)
        return np.clip(1.0 - left / first, 0.0, 1.0)
    if episode.info.behaviour != "expert" or not episode.success.any():
        return np.where(episode.success, 1.0, np.nan)
    done = int(np.argmax(episode.success))
    share = np.arange(count) / max(done, 1)
    return np.where(np.arange(count) <= done, np.minimum(share, 1.0), np.where(episode.success, 1.0, np.nan))


def step_curve(episodes: Iterable[Episode]) -> Array:
    """Turn time into steps of equal worth for a task: the mean over its experts' keyframes.

    One episode's keyframes are noisy, and two episodes that disagree on them would teach two values of one state.

    Args:
        episodes: Of one task; only successful ones of the expert count.

    Returns:
        Progress at shares of the expert's time `GRID`, shape (51,); the shares themselves where no expert succeeded.
    """
    curves = []
    for episode in episodes:
        done = int(np.argmax(episode.success))
        if episode.info.behaviour != "expert" or done < 2:
            continue
        grip = np.append(episode.action[:, -1], episode.action[-1:, -1])[: done + 1] if _has_gripper(episode) else None
        place = episode.pose[: done + 1, : 3 if _has_gripper(episode) else 2].astype(np.float64)
        progress = progress_of_frames(find_keyframes(place, grip, COARSE))
        curves.append(np.interp(GRID, np.linspace(0.0, 1.0, done + 1), progress))
    # Half of plain time keeps the curve rising everywhere, however short a step was.
    return 0.5 * GRID + 0.5 * np.mean(curves, axis=0) if curves else GRID.copy()


def make_clip(episode: Episode, views: Sequence[str], curve: Array | None = None, look: str = "") -> Clip:
    """Make a clip of an episode.

    Args:
        episode: The episode.
        views: Cameras, in order.
        curve: Progress by share of time, shape (51,); None for the time itself.
        look: Name of what its world looks like.

    Returns:
        The clip.

    Raises:
        InvalidValue: The episode lacks a camera.
    """
    missing = [view for view in views if view not in episode.images]
    if missing:
        raise InvalidValue(
            f"an episode of '{episode.info.task}' has no pictures of {', '.join(missing)}; "
            f"it has those of {', '.join(episode.images) or 'none'}"
        )
    info, elapsed = episode.info, elapsed_share(episode)
    return Clip(
        *(info.task, look, info.instruction, info.seed, info.behaviour == "expert"),
        images=np.stack([episode.images[view] for view in views], axis=1),
        elapsed=elapsed,
        progress=np.interp(elapsed, GRID, GRID if curve is None else curve),
        success=episode.success.astype(np.bool_),
    )


def _has_gripper(episode: Episode) -> bool:
    return any(name.startswith("gripper") for name in episode.info.pose_names)


def load_clips(folders: Sequence[Path], views: Sequence[str], besides: Collection[str] = ()) -> list[Clip]:
    """Load what `pronk collect` has recorded.

    Args:
        folders: Of collections.
        views: Cameras, in order.
        besides: Tasks that are left out.

    Returns:
        Clips; what is known of a task's steps comes from all of its experts' episodes.

    Raises:
        InvalidValue: There are no episodes, or one is damaged or lacks a camera.
    """
    found: list[tuple[Path, str]] = []
    for folder in folders:
        paths = [path for path, info in find_episodes(folder).items() if info.task not in besides]
        found += [(path, _look(folder)) for path in paths]
    if not found:
        raise InvalidValue(f"there are no episodes in {', '.join(str(folder) for folder in folders) or 'no folder'}")
    # The pictures of one episode at a time: all of them at once would take twice the memory.
    seen: dict[str, list[Episode]] = {}
    for path, _ in found:
        episode = read_episode(path)
        seen.setdefault(episode.info.task, []).append(replace(episode, images={}))
    curves = {task: step_curve(group) for task, group in seen.items()}
    clips = []
    for path, look in found:
        episode = read_episode(path)
        clips.append(make_clip(episode, views, curves[episode.info.task], look))
    return clips


def _look(folder: Path) -> str:
    """Name of what the worlds of a collection look like; that of the usual look is empty."""
    try:
        look = json.loads((folder / SETTINGS).read_text(encoding="utf-8")).get("look")
    except (OSError, ValueError, AttributeError):
        return ""
    return "" if look is None else str(look)
