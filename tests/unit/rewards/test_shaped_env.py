import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from controllers.errors import InvalidValue
from policies.rewards.shaped_env import ShapedEnv
from policies.rewards.shaping import ShapingConfig

GOAL = 4


class Corridor(gymnasium.Env):
    """Five cells in a row; the last one ends the task with a reward of 1."""

    observation_space = gymnasium.spaces.Box(0.0, GOAL, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.cell = 0
        return self._look(), {}

    def step(self, action):
        self.cell = max(self.cell + (1 if action else -1), 0)
        done = self.cell == GOAL
        return self._look(), float(done), done, False, {"steps": 3}

    def _look(self):
        return np.array([self.cell], np.float32)


def progress(observation, info):
    return float(observation[0]) / GOAL


def corridor(limit=None, **settings):
    env = Corridor() if limit is None else gymnasium.wrappers.TimeLimit(Corridor(), limit)
    return ShapedEnv(env, settings.pop("value", progress), ShapingConfig(0.9, **settings.pop("config", {})), **settings)


@pytest.mark.filterwarnings("ignore:.*unwrapped version")
def test_the_wrapped_environment_fulfils_the_contract_of_gymnasium():
    check_env(corridor(), skip_render_check=True)


def test_rewards_and_infos_are_those_of_the_formula():
    env = corridor()
    assert env.reset(seed=0)[1]["potential_value"] == 0.0
    rewards, added = [], []
    for _ in range(4):
        _, reward, terminated, _, info = env.step(1)
        rewards.append(reward)
        added.append(info["shaping"])
    assert terminated and info["task_reward"] == 1.0 and info["potential_value"] == 0.0
    # 0.9 · 0.25 - 0, 0.9 · 0.5 - 0.25, 0.9 · 0.75 - 0.5, 0 - 0.75.
    assert added == pytest.approx([0.225, 0.2, 0.175, -0.75]) and rewards[-1] == pytest.approx(0.25)


def test_a_time_limit_keeps_the_potential_unless_it_counts_as_the_end():
    for settings, last in (({}, 0.9 * 0.5 - 0.25), ({"time_limit": "end"}, -0.25)):
        env = corridor(limit=2, config=settings)
        env.reset()
        env.step(1)
        _, _, terminated, truncated, info = env.step(1)
        assert truncated and not terminated and info["shaping"] == pytest.approx(last)


def test_potentials_are_held_as_they_were_when_the_state_was_seen():
    scale = iter([1.0, 0.5, 0.8])
    env = corridor(value=lambda observation, info: next(scale) * progress(observation, info))
    env.reset()
    assert env.step(1)[4]["shaping"] == pytest.approx(0.9 * 0.125)
    # The model has changed; the state before still counts 0.125.
    assert env.step(1)[4]["shaping"] == pytest.approx(0.9 * 0.4 - 0.125)


def test_actions_that_last_are_discounted_by_their_duration():
    env = corridor(duration=lambda info: info["steps"])
    env.reset()
    assert env.step(1)[4]["shaping"] == pytest.approx(0.9**3 * 0.25)


def test_the_model_is_told_of_a_new_episode_and_not_asked_behind_the_end():
    calls = []
    env = corridor(
        value=lambda observation, info: calls.append(int(observation[0])) or 0.0, begin=lambda: calls.append("begin")
    )
    env.reset()
    for _ in range(4):
        env.step(1)
    assert calls == ["begin", 0, 1, 2, 3]


def test_a_step_outside_of_an_episode_is_refused():
    env = corridor()
    with pytest.raises(gymnasium.error.ResetNeeded, match="reset"):
        env.step(1)
    env.reset()
    for _ in range(4):
        env.step(1)
    with pytest.raises(gymnasium.error.ResetNeeded, match="after an episode has ended"):
        env.step(1)


def test_a_value_that_is_not_finite_is_refused():
    with pytest.raises(InvalidValue, match="the value of a state must be finite, got nan"):
        corridor(value=lambda observation, info: np.nan).reset()
