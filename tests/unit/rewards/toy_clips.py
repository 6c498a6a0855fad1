"""Clips of a square that slides over a noisy ground: where it is tells all there is to know."""

import numpy as np

from policies.rewards.clips import Clip
from policies.rewards.hop_network import HopConfig
from sim.episodes import Episode, EpisodeInfo

VIEWS = ("front", "side")
SIZE = 16
SMALL = HopConfig(VIEWS, SIZE, channels=8, features=16, words=8)
TASKS = {"right": "slide to the right", "down": "slide downwards", "slant": "slide across"}


def picture(task, share, seed=0):
    """The square at a share of its way; the ground is that of the episode."""
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 90, (SIZE, SIZE, 3)).astype(np.uint8)
    at = round(float(np.nan_to_num(share)) * (SIZE - 5))
    row, column = {"right": (6, at), "down": (at, 6), "slant": (at, at)}[task]
    image[row : row + 5, column : column + 5] = (220, 40, 40)
    return image


def toy_images(task, shares, seed=0):
    return np.stack([np.stack([picture(task, s, 10 * seed + v) for v in range(len(VIEWS))]) for s in shares])


def toy_clip(task="right", shares=None, seed=0, expert=True):
    """An expert needs ten states and stays for two; others do what they are told to."""
    shares = np.minimum(np.arange(12) / 9.0, 1.0) if shares is None else np.asarray(shares, dtype=np.float64)
    return Clip(
        task, "", TASKS[task], seed, expert, toy_images(task, shares, seed), shares, shares.copy(), shares >= 1.0
    )


def by_view(clip):
    return {view: clip.images[:, i] for i, view in enumerate(VIEWS)}


def toy_episode(shares, remaining=None, behaviour="expert", task="right"):
    shares = np.asarray(shares, dtype=np.float64)
    steps = len(shares) - 1
    info = EpisodeInfo(
        *("toy", task, TASKS[task], 0, behaviour, 0.1, ("x_m", "y_m", "z_m", "gripper_opening")),
        steps=steps,
        successful=bool((shares >= 1.0).any()),
        terminated=False,
        truncated=True,
    )
    pose = np.stack([shares, 0.0 * shares, 0.0 * shares, np.ones(steps + 1)], axis=1).astype(np.float32)
    images = {view: toy_images(task, shares)[:, i] for i, view in enumerate(VIEWS)}
    left = None if remaining is None else np.asarray(remaining, dtype=np.float32)
    zeros = np.zeros((steps, 4), dtype=np.float32)
    return Episode(info, images, pose, pose, shares >= 1.0, zeros, zeros[:, 0], left)


def toy_sentences(instructions):
    """A vector for each sentence, drawn from its letters."""
    from policies.rewards.hop_batches import phrasings

    found = {}
    for text in instructions:
        rng = np.random.default_rng(sum(map(ord, text)))
        vector = rng.normal(size=384)
        for phrase in phrasings(text):
            found[phrase] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return found
