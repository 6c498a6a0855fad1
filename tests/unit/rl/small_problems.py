import numpy as np

from policies.rewards.shaped_episodes import ShapedEpisode
from policies.rl.decisions import Outcome, Recorder, Rollout, Seen

STATES = 5


def corridor_rollout(path, choices, values=None):
    """A walk along a corridor of five places that ends at the right end, with place as one-hot observation."""
    n = len(choices)
    ended = path[-1] == STATES - 1
    reward = np.zeros(n)
    reward[-1] = float(ended)
    values = np.array(path) / (STATES - 1.0) if values is None else values
    shaped = ShapedEpisode(reward, values, np.ones(n, dtype=np.int64), ended, not ended)
    return Rollout(np.eye(STATES)[list(path)], np.array(choices, dtype=float)[:, None], shaped, ended)


class Corridor:
    """Five places in a row; a positive action leads to the right, another to the left; the right end is the goal.

    Built from the rule alone, so that values can be told by hand: γ^(steps to the goal - 1).
    """

    width, actions = STATES, 1

    def __init__(self, discount=0.9, lasting=1, limit=12):
        self.discount, self.lasting, self._limit = discount, lasting, limit
        self.valued = True

    def evaluating(self, on):
        self.valued = not on

    def reset(self, seed):
        self.place, self.left = seed % (STATES - 1), self._limit
        return self._seen()

    def step(self, action):
        assert np.isfinite(action).all()
        self.place = min(max(self.place + (1 if action[0] > 0.0 else -1), 0), STATES - 1)
        self.left -= 1
        done = self.place == STATES - 1
        return Outcome(self._seen(), float(done), 1, done, self.left == 0 and not done, done)

    def demonstrate(self, seed):
        recorder = Recorder(self.reset(seed))
        while self.place < STATES - 1:
            recorder.add(np.array([0.8]), self.step(np.array([0.8])))
        return recorder.finish()

    def picture(self):
        return np.full((16, 16, 3), 10 * self.place, dtype=np.uint8)

    def close(self):
        pass

    def _seen(self):
        return Seen(np.eye(STATES)[self.place], self.place / (STATES - 1.0) if self.valued else 0.0)
