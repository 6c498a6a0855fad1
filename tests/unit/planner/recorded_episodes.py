import numpy as np

from sim.episodes import Episode, EpisodeInfo


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


def wandering(count, size=32, steps=40):
    """Episodes in which a bright spot wanders over a dark square of one metre."""
    edge = (np.arange(size) + 0.5) / size
    episodes = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        place = rng.uniform(0.2, 0.8, 2) + np.cumsum(rng.normal(0.0, 0.03, (steps + 1, 2)), axis=0)
        place = np.clip(place, 0.1, 0.9)
        x, y = edge - place[:, :1], edge - place[:, 1:]
        spot = np.exp(-(x[:, None, :] ** 2 + y[:, :, None] ** 2) / (2.0 * 0.06**2))
        images = np.repeat((200.0 * spot).astype(np.uint8)[..., None], 3, axis=3)
        base = made_up(steps, seed=seed)
        episodes.append(Episode(base.info, {"top": images}, place, place, base.success, base.action, base.reward))
    return episodes
