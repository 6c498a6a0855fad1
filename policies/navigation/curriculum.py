"""The scenes on which the network is trained and validated: at most 16 robots, seeds that no suite reports."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from sim.navigation_scene import Scene
from sim.navigation_scenes import scene_maker

# Seeds below are for reporting.
FIRST_SEED = 1000
# Validation takes seeds from here on, training those behind.
FIRST_TRAINING_SEED = 100_000
# Scenes of a generation, and scenes of the validation, by name.
TRAINING = {
    "random_10": 8,
    "random_6": 1,
    "corridor": 2,
    "doorway": 1,
    "intersection": 1,
    "clutter": 1,
    "circle_16": 1,
    "streams_16": 1,
}
VALIDATION = {
    "random_10": 200,
    "random_6": 60,
    "corridor": 40,
    "doorway": 20,
    "intersection": 20,
    "clutter": 40,
    "circle_16": 10,
    "streams_16": 10,
}
# Time in a training scene, in times of the fastest robot alone, and on top [s].
TIMES, MORE = 2.0, 8.0


def _scenes(counts: dict[str, int], seeds: Sequence[int]) -> list[Scene]:
    return [scene_maker(name)(seed) for name, count in counts.items() for seed in seeds[:count]]


def training_scenes(seed: int, generation: int) -> list[Scene]:
    """Make the scenes of a generation, with time limits that end hopeless ones early.

    Args:
        seed: Seed of the training.
        generation: Number of the generation.

    Returns:
        Scenes that no other generation of this seed has (almost surely).
    """
    rng = np.random.default_rng([seed, generation, 1])
    seeds = [int(number) for number in rng.integers(FIRST_TRAINING_SEED, 2**31, max(TRAINING.values()))]
    found = []
    for scene in _scenes(TRAINING, seeds):
        fastest = float((scene.shortest / scene.speed).max())
        found.append(replace(scene, time_limit_s=min(scene.time_limit_s, TIMES * fastest + MORE)))
    return found


def validation_scenes() -> list[Scene]:
    """Make the scenes that decide which weights are kept.

    Returns:
        The same scenes every time.
    """
    return _scenes(VALIDATION, range(FIRST_SEED, FIRST_SEED + max(VALIDATION.values())))
