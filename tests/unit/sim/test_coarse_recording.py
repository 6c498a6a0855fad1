import numpy as np
import pytest

from controllers.errors import InvalidValue
from sim.behaviours import make_behaviour
from sim.coarse_recording import expert_needs, record_coarse
from sim.collection import Collection, collect
from sim.coloured_arena import ArenaWorld
from sim.episodes import read_episode, record
from sim.image_world import WorldConfig

FULL = WorldConfig(size=16, horizon=40, end_on_success=False)
LONGER = WorldConfig(size=16, horizon=140, end_on_success=False)


def recorded(every, ahead, behaviour="expert", config=LONGER):
    world, acting = ArenaWorld("red-box", config), make_behaviour(behaviour)
    return record_coarse(
        world, behaviour, acting.act, 1000, lambda: acting.begin(world, np.random.default_rng(0)), every, ahead
    )


def test_every_third_state_of_an_episode_is_that_of_the_whole_episode():
    world, expert = ArenaWorld("red-box", FULL), make_behaviour("expert")
    fine = record(world, "expert", expert.act, 1000, lambda: expert.begin(world, np.random.default_rng(0)))
    coarse = recorded(3, 100)
    # 40 steps: 0, 3, …, 39 and the last.
    kept = [*range(0, 40, 3), 40]
    assert np.array_equal(coarse.images["top"], fine.images["top"][kept])
    assert np.array_equal(coarse.pose, fine.pose[kept]) and np.array_equal(coarse.success, fine.success[kept])
    assert coarse.info.period_s == pytest.approx(3 * fine.info.period_s) and coarse.info.steps == 14
    assert coarse.action[0] == pytest.approx(fine.action[:3].sum(axis=0), abs=1e-6)
    assert coarse.reward.sum() == fine.reward.sum() == 1.0


def test_the_expert_needs_three_steps_less_after_three_of_its_own_steps():
    needs = recorded(3, 100).remaining
    done = int(np.argmax(needs == 0.0))
    assert done > 3 and (needs[done:] == 0.0).all()
    assert np.diff(needs[:done]).tolist() == [-3.0] * (done - 1)


def test_asking_the_expert_leaves_the_episode_as_it_would_have_been():
    asked, not_asked = recorded(5, 100, "stumble"), recorded(5, 0, "stumble", FULL)
    assert not_asked.remaining is None and asked.remaining is not None
    assert np.array_equal(asked.images["top"], not_asked.images["top"])
    assert np.array_equal(asked.action, not_asked.action)


def test_an_expert_that_is_given_no_time_counts_as_lost():
    world = ArenaWorld("red-box", LONGER)
    world.reset(seed=1000)
    enough = expert_needs(world, 100, False)
    assert expert_needs(world, int(enough), False) == enough
    assert expert_needs(world, int(enough) - 1, False) == float("inf")


def test_times_to_go_come_back_from_disk(tmp_path):
    collection = Collection("arena", ("red-box",), 1, 1000, "stumble", config=FULL, every=4, ahead=100)
    (step,) = collect(collection, tmp_path)
    episode = read_episode(step.path)
    assert episode.remaining is not None and episode.remaining.shape == (11,) == episode.success.shape


def test_numbers_of_steps_out_of_range_are_refused():
    with pytest.raises(InvalidValue, match=r"every must be at least 1 and ahead in \[0, 140\), got 0 and 140"):
        recorded(0, 140)
    with pytest.raises(InvalidValue, match=r"Collection\.every must be at least 1, got 0"):
        Collection("arena", ("red-box",), 1, every=0)
    with pytest.raises(InvalidValue, match=r"Collection\.ahead must be at least 0, got -1"):
        Collection("arena", ("red-box",), 1, ahead=-1)


def test_who_stumbles_succeeds_sometimes_and_needs_longer_than_an_expert():
    world = ArenaWorld("red-box", FULL)
    found = {}
    for behaviour in ("expert", "stumble"):
        lengths = []
        for seed in range(1000, 1012):
            acting = make_behaviour(behaviour)
            episode = record(
                world,
                behaviour,
                acting.act,
                seed,
                lambda a=acting, s=seed: a.begin(world, np.random.default_rng(s)),
            )
            lengths.append(int(np.argmax(episode.success)) if episode.success.any() else 999)
        found[behaviour] = np.array(lengths)
    assert (found["expert"] < 999).all()
    assert 0 < (found["stumble"] < 999).sum() < 12
    assert (found["stumble"] >= found["expert"]).all()
