import numpy as np

from sim.behaviours import make_behaviour
from sim.coloured_arena import ArenaWorld
from sim.episodes import Episode, EpisodeInfo, record
from sim.image_world import WorldConfig


def made_up(steps=6, width=2, gripper=(), seed=0):
    """An episode whose pictures tell their number and whose place is that number squared."""
    number = np.arange(steps + 1)
    info = EpisodeInfo("w", "t", "do", seed, "play", 0.1, ("x_m", "y_m"), steps, False, False, True)
    images = np.broadcast_to(number[:, None, None, None], (steps + 1, 16, 16, 3)).astype(np.uint8)
    action = np.zeros((steps, width + bool(len(gripper))), np.float32)
    if len(gripper):
        action[:, -1] = gripper
    pose = np.stack([number**2] * 3, axis=1).astype(np.float32)
    empty = np.zeros(steps + 1)
    return Episode(info, {"top": images}, pose, pose, empty.astype(bool), action, empty[1:].astype(np.float32))


def play(count, size=32, horizon=40):
    """Episodes of play in the arena."""
    world = ArenaWorld("red-box", WorldConfig(size=size, horizon=horizon, end_on_success=False))
    episodes = []
    for seed in range(1000, 1000 + count):
        actor = make_behaviour("play")
        begin = lambda a=actor, s=seed: a.begin(world, np.random.default_rng(s))  # noqa: E731
        episodes.append(record(world, "play", actor.act, seed, begin))
    return episodes
