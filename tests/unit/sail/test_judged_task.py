import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra 'learn') is not installed")

import torch

from controllers.errors import InvalidValue
from policies.rewards.adaptation import adapt
from policies.rewards.clips import make_clip
from policies.rewards.hop_network import HopConfig, HopNetwork
from policies.rewards.learned_judge import LearnedJudge
from policies.rewards.reward_model import Calibration, RewardModel
from policies.sail.judged_task import open_judge
from policies.text import SentenceEncoder
from sim.collection import Collection, collect
from sim.coloured_arena import ArenaWorld
from sim.episodes import find_episodes, read_episode
from sim.image_world import WorldConfig


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    network = HopNetwork(HopConfig(("top",), 16, channels=8, features=16, words=8)).eval()
    vectors = np.random.default_rng(0).normal(0.0, 0.05, (2, 384)).astype(np.float32)
    words = [ArenaWorld("red-box").instruction, ArenaWorld("blue-box").instruction]
    known = dict(zip(words, vectors, strict=True))
    return RewardModel(network, SentenceEncoder(known), Calibration(threshold=0.7))


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shown")
    world = WorldConfig(size=16, linger=3)
    list(collect(Collection("arena", ("red-box",), 2, seed=1000, config=world), folder))
    return folder


def test_without_demonstrations_the_model_stays_and_the_words_are_all_that_is_known(model):
    found = open_judge("red-box", (), model)
    assert found.goal is None and found.name == "judge"
    assert found.judge.threshold == 0.7 and found.judge.views == ("top",)


def test_the_demonstration_with_the_lowest_seed_is_learned_from_and_its_last_success_is_the_goal(model, shown):
    found = open_judge("red-box", (shown,), model)
    first = min(find_episodes(shown).items(), key=lambda item: item[1].seed)[0]
    episode = read_episode(first)
    assert np.array_equal(found.goal["top"], episode.images["top"][np.flatnonzero(episode.success)[-1]])
    assert str(first) in found.name
    asked = (episode.images, episode.info.instruction, found.goal)
    shown_it, plain = LearnedJudge(adapt(model, make_clip(episode, ("top",)))), open_judge("red-box", (), model).judge
    told = found.judge.episode(*asked)
    assert np.array_equal(told.success, shown_it.episode(*asked).success)
    assert not np.allclose(told.success, plain.episode(*asked).success, atol=1e-6)


def test_the_filter_asks_with_the_goal_and_the_threshold_of_the_model(model, shown):
    found = open_judge("red-box", (shown,), model)
    episode = read_episode(next(iter(find_episodes(shown))))
    told = found.filter().judge(episode)
    blind = dataclasses.replace(found, goal=None).filter().judge(episode)
    assert told.kept == (told.score >= 0.7) and told.score != blind.score


def test_a_task_that_nobody_demonstrated_is_refused(model, shown):
    with pytest.raises(InvalidValue, match=r"needs a success of the expert at 'blue-box' .* none among the 2 episodes"):
        open_judge("blue-box", (shown,), model)
