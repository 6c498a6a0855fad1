"""Pairs of imagined pictures: inverse dynamics that has seen how a video model draws reads its drawings better.

Where a demonstration is imagined from one of its moments, what was done next is known. The video model draws a little
blurred, and not quite the same future; read by a network that only knows cameras, its pictures tell displacements with
four times the error of true ones.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from controllers.errors import InvalidValue
from policies.video.frame_pairs import PairBatch
from policies.video.planner import VideoModel
from sim.episodes import Episode

Image = npt.NDArray[np.uint8]

# So many moments are imagined at once.
TOGETHER = 16


def imagine_pairs(
    episodes: Sequence[Episode], camera: str, video: VideoModel, count: int, frames: int, seed: int
) -> PairBatch:
    """Imagine on from moments of demonstrations.

    Args:
        episodes: Demonstrations of tasks that the video model was trained on.
        camera: Which pictures.
        video: The video model.
        count: Number of moments.
        frames: Frames that are looked at after each, as many as are acted out.
        seed: Draws moments and futures.

    Returns:
        count * frames pairs: from the camera's picture to the first imagined one, and on from there.

    Raises:
        InvalidValue: There are no episodes that are long enough.
    """
    span = frames * video.steps_per_frame
    usable = [episode for episode in episodes if episode.info.steps >= span]
    if not usable:
        raise InvalidValue(f"imagining needs an episode of at least {span} steps, got none")
    rng = np.random.default_rng(seed)
    has_gripper = any(name.startswith("gripper") for name in usable[0].info.pose_names)
    width = usable[0].action.shape[1] - has_gripper
    before, after, displacement, closing = [], [], [], []
    for begin in range(0, count, TOGETHER):
        chosen = [usable[i] for i in rng.integers(0, len(usable), min(TOGETHER, count - begin))]
        first = [int(rng.integers(0, episode.info.steps - span + 1)) for episode in chosen]
        now = np.stack([episode.images[camera][k] for episode, k in zip(chosen, first, strict=True)])
        generators = list(rng.spawn(len(chosen)))
        imagined = video.imagine(now, [episode.info.instruction for episode in chosen], generators)[:, :frames]
        seen = np.concatenate([now[:, None], imagined], axis=1)
        for i, (episode, k) in enumerate(zip(chosen, first, strict=True)):
            corners = k + video.steps_per_frame * np.arange(frames + 1)
            before.append(seen[i, :-1])
            after.append(seen[i, 1:])
            displacement.append(np.diff(episode.pose[corners, :width], axis=0))
            command = episode.action[k : k + span, -1] if has_gripper else np.full(span, -1.0)
            closing.append(0.5 * (command.reshape(frames, -1).mean(axis=1) + 1.0))
    known = np.full(count * frames, has_gripper)
    moved, closed = np.concatenate(displacement), np.concatenate(closing)
    return PairBatch(
        *(np.concatenate(before), np.concatenate(after)), moved.astype(np.float32), closed.astype(np.float32), known
    )
