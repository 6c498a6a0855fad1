import dataclasses

import numpy as np
import pytest
from small_problems import corridor_rollout

from controllers.errors import InvalidValue, UnknownName
from policies.rewards.shaping import ShapingConfig
from policies.rl.replay import Replay
from policies.rl.reward_forms import ABSOLUTE, NAIVE, SHAPED, SPARSE, pay

CONFIG = ShapingConfig(0.9)
DEMONSTRATION = corridor_rollout([2, 3, 4], [1.0, 1.0])
# Held for 3, 3 and 2 steps; cut by the time limit.
CUT = corridor_rollout([2, 1, 2, 1], [-1.0, 1.0, -1.0])
CUT = dataclasses.replace(CUT, shaped=dataclasses.replace(CUT.shaped, duration=np.array([3, 3, 2])))


def rows(replay, count=4000):
    """Distinct transitions: places before and after, reward and continuation, with the share of each."""
    batch = replay.sample(np.random.default_rng(0), count)
    keys = [
        (int(b.argmax()), int(a.argmax()), round(float(r), 5), round(float(c), 5))
        for b, a, r, c in zip(batch.observation, batch.following, batch.reward, batch.continuation, strict=True)
    ]
    return {key: keys.count(key) / count for key in set(keys)}, batch


def replay(form):
    made = Replay([DEMONSTRATION], CONFIG, form)
    made.add(CUT)
    return made


def test_sparse_transitions_hold_the_reward_of_the_task_and_discount_by_duration():
    found, _ = rows(replay(SPARSE))
    # Behind success nothing counts; at the time limit the learner bootstraps.
    assert set(found) == {(2, 3, 0.0, 0.9), (3, 4, 1.0, 0.0), (2, 1, 0.0, 0.729), (1, 2, 0.0, 0.729), (2, 1, 0.0, 0.81)}


def test_shaped_transitions_add_the_discounted_difference_of_stored_potentials():
    found, _ = rows(replay(SHAPED))
    # Potentials are place / 4; 0.9 · 0.75 - 0.5 = 0.175; 1 - 0.75; 0.729 · 0.25 - 0.5; 0.729 · 0.5 - 0.25; …
    assert set(found) == {
        *((2, 3, 0.175, 0.9), (3, 4, 0.25, 0.0)),
        *((2, 1, -0.31775, 0.729), (1, 2, 0.1145, 0.729), (2, 1, -0.2975, 0.81)),
    }


def test_absolute_progress_pays_for_where_one_is():
    found, _ = rows(replay(ABSOLUTE))
    assert {(2, 3, 0.75, 0.9), (3, 4, 2.0, 0.0), (2, 1, 0.25, 0.729)} <= set(found)


def test_the_naive_difference_has_neither_discount_nor_zero_behind_an_end():
    found, _ = rows(replay(NAIVE))
    assert {(2, 3, 0.25, 0.9), (3, 4, 1.25, 0.0), (2, 1, -0.25, 0.81)} <= set(found)


def test_half_of_a_batch_is_prior():
    found, batch = rows(replay(SPARSE))
    assert batch.prior.mean() == 0.5
    assert found[(2, 3, 0.0, 0.9)] == pytest.approx(0.25, abs=0.03)
    assert found[(1, 2, 0.0, 0.729)] == pytest.approx(1.0 / 6.0, abs=0.03)


def test_all_of_a_batch_is_prior_before_anything_was_tried_and_none_where_there_is_nothing_prior():
    assert Replay([DEMONSTRATION], CONFIG).sample(np.random.default_rng(0), 8).prior.all()
    online = Replay([], CONFIG)
    online.add(CUT)
    assert not online.sample(np.random.default_rng(0), 8).prior.any()


def test_successful_rollouts_become_prior_data_where_that_is_wanted():
    for keep in (False, True):
        made = Replay([], CONFIG, keep_successes=keep)
        made.add(DEMONSTRATION)
        assert made.sample(np.random.default_rng(0), 8).prior.all() == keep


def test_a_newer_model_relabels_both_sides_of_all_transitions():
    made = replay(SHAPED)
    made.relabel(lambda rollout: np.full(len(rollout.observation), 0.5), 1)
    found, _ = rows(made)
    # γ^k / 2 - 1 / 2 everywhere, and - 1 / 2 on top of success: no transition mixes old and new.
    expected = {(2, 3, -0.05), (3, 4, 0.5), (2, 1, -0.1355), (1, 2, -0.1355), (2, 1, -0.095)}
    assert {key[:3] for key in found} == expected
    with pytest.raises(InvalidValue, match="version must be greater"):
        made.relabel(lambda rollout: np.zeros(len(rollout.observation)), 1)


def test_a_failed_relabelling_changes_nothing():
    made = replay(SHAPED)
    before, _ = rows(made)
    with pytest.raises(InvalidValue, match="must be finite"):
        made.relabel(lambda rollout: np.full(len(rollout.observation), np.nan), 1)
    assert rows(made)[0] == before


def test_several_decisions_in_one_transition_telescope():
    made = Replay([corridor_rollout([0, 1, 2, 3, 4], [1.0] * 4)], CONFIG, SHAPED, lookahead=3)
    found, _ = rows(made, 400)
    # 0.9³ · 0.75 - 0 from the first place, which ends up at the fourth; success is two decisions from the third place.
    assert {(0, 3, round(0.729 * 0.75, 5), 0.729), (2, 4, round(0.9 - 0.5, 5), 0.0)} <= set(found)


def test_an_unknown_form_and_an_empty_store_are_refused():
    with pytest.raises(UnknownName, match="form of reward 'dense'; available: absolute, naive, shaped, sparse"):
        pay(CUT.shaped, "dense", CONFIG)
    with pytest.raises(InvalidValue, match="nothing is stored"):
        Replay([], CONFIG).sample(np.random.default_rng(0), 2)
