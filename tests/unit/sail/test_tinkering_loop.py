import dataclasses

import numpy as np
import pytest
from line_world import LineStudio, LineWorld

from controllers.errors import InvalidValue
from policies.sail import loop as loop_module
from policies.sail.filters import KeepSuccesses
from policies.sail.loop import SailConfig, SailLoop
from policies.sail.rollouts import MOVERS, Batch, Known, find_movers, run_batch
from sim.episodes import Episode, EpisodeInfo, read_episode, write_episode


class ThingWorld(LineWorld):
    """A thing stands in the way at 0.8 and is taken along; nothing succeeds."""

    name = "manipulation"

    def step(self, action):
        answer = super().step(np.minimum(action, 0.95 - self.x))
        self.thing = max(self.thing, self.x)
        return *answer[:4], self._info()

    def reset(self, *, seed=None, options=None):
        self.thing = 0.8
        return super().reset(seed=seed)

    def _info(self):
        state = np.zeros(39)
        state[4] = self.thing
        return {**super()._info(), "state": state}


@dataclasses.dataclass(frozen=True)
class ThingStudio(LineStudio):
    play: str = "tinker"

    def world(self, task, goes_on=False):
        return ThingWorld(task, goes_on)


def moving(folder, seed, distance, world="manipulation"):
    """An episode on disk that moves a thing."""
    state = np.zeros((3, 39))
    state[2, 11] = distance
    info = EpisodeInfo(world, "line", "go", seed, "rummage", 0.1, ("x_m",), 2, False, False, True)
    pose, flags = np.zeros((3, 1), np.float32), np.zeros(3, bool)
    path = folder / f"{seed}.safetensors"
    write_episode(path, Episode(info, {}, pose, state, flags, np.zeros((2, 1), np.float32), np.zeros(2)))
    return path


def test_movers_are_the_episodes_that_moved_things_farthest_whatever_came_of_it(tmp_path):
    distances = [0.1, 0.0, 0.5, 0.3, 0.2, 0.4]
    files = [moving(tmp_path, seed, distance) for seed, distance in enumerate(distances)]
    assert [episode.info.seed for episode in find_movers(files)] == [2, 5, 3, 4][:MOVERS]
    assert [episode.info.seed for episode in find_movers(files[:2])] == [0] and find_movers([]) == []


def test_what_moved_things_in_a_round_is_gone_back_to_in_the_next_and_before_any_success(tmp_path, monkeypatch):
    monkeypatch.setattr(loop_module, "ROUND", 5)
    config = SailConfig("line", iterations=1, rollouts=15, goals=2, batch=5, explored=15)
    loop = SailLoop(ThingStudio(), KeepSuccesses(), config, tmp_path)
    next(loop.run())
    names = [read_episode(path).info.behaviour for path in loop.rollouts(0)]
    assert names[:5] == ["rummage"] * 5 and set(names[5:]) == {"rummage", "tinker"}
    assert names[5:].count("tinker") >= 5


def test_what_was_given_is_gone_back_to_at_once(tmp_path):
    given = [moving(tmp_path, 7, 0.3)]
    config = SailConfig("line", iterations=1, rollouts=10, goals=2, explored=10)
    loop = SailLoop(ThingStudio(), KeepSuccesses(), config, tmp_path / "loop", given=given)
    next(loop.run())
    assert "tinker" in [read_episode(path).info.behaviour for path in loop.rollouts(0)]


def test_other_explorers_do_not_ask_what_moved(tmp_path):
    # Episodes of other worlds could not answer.
    known = Known(tried=(moving(tmp_path, 1, 0.3, "line"),))
    seeds = tuple(range(4))
    results = run_batch(Batch(ThingStudio(play="rummage"), None, "line", seeds, 2, None, known=known))
    assert len(results) == 4
    with pytest.raises(InvalidValue, match="only in the world 'manipulation' are things moved, got 'line'"):
        run_batch(Batch(ThingStudio(), None, "line", seeds, 2, None, known=known))
