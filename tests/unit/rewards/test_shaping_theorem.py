"""The theorem in the docstring of `policies.rewards.shaping`, counted on a thousand random problems per condition.

Kept, a condition must leave the optimal policy alone in all of them. Broken, it changes the policy in these shares
(sparse rewards, 8 states, 3 actions, γ = 0.95): plain difference 22 %, another discount 19 %, progress as a wage 97 %,
clipped reward 70 %, differences estimated anew 99 %, chunks discounted like steps 47 %, potential kept behind an end
49 % (57 % where all ends look like success), zero at a limit that is bootstrapped from 80 %, potential kept at a limit
that counts as the end 99 %, one side asked again 90 %, one side relabelled 95 %.
"""

import numpy as np
import pytest

from policies.rewards.finite_problem import FiniteProblem, keeps_optimum, solve_backwards
from policies.rewards.ledge import GO, LEDGE, PROGRESS, STAY, ledge
from policies.rewards.shaping import ShapingConfig, continuation, shaping

PROBLEMS, STATES, ACTIONS, DISCOUNT, HORIZON = 1000, 8, 3, 0.95, 12
CONFIG = ShapingConfig(DISCOUNT)


class Sample:
    """Random problems with a random potential of each state; the last two states may be terminal."""

    def __init__(self, seed, terminal=False, durations=1):
        self.rng = rng = np.random.default_rng(seed)
        shape = (PROBLEMS, STATES, ACTIONS, STATES)
        # Few successors each, so that actions differ.
        chance = rng.dirichlet(np.full(STATES, 0.3), shape[:3])
        self.value = rng.uniform(0.0, 1.0, (PROBLEMS, STATES))
        self.ends = np.broadcast_to(np.arange(STATES) >= STATES - 2 if terminal else np.zeros(STATES, bool), shape)
        self.duration = rng.integers(1, durations + 1, shape)
        self.live = ~self.ends[:, 0, 0]
        onward = continuation(CONFIG, self.duration, self.ends, False)
        # One transition in ten pays, as where shaping is wanted.
        reward = rng.uniform(0.0, 1.0, shape) * (rng.uniform(size=shape) < 0.1)
        self.problem = FiniteProblem(chance, reward, onward)
        self.original = self.problem.solve()

    @property
    def before(self):
        return self.value[:, :, None, None]

    @property
    def after(self):
        return self.value[:, None, None, :]

    def shaped(self, addition):
        return self.problem.with_reward(self.problem.reward + addition).solve()

    def share_kept(self, addition):
        return keeps_optimum(self.shaped(addition), self.original, self.live).mean()


@pytest.fixture(scope="module")
def continuing():
    return Sample(1)


@pytest.fixture(scope="module")
def episodic():
    return Sample(2, terminal=True)


@pytest.fixture(scope="module")
def chunked():
    return Sample(3, durations=5)


def test_shaping_lowers_every_action_by_the_potential_of_its_state(continuing, episodic, chunked):
    for sample in (continuing, episodic, chunked):
        addition = shaping(CONFIG, sample.before, sample.after, sample.duration, sample.ends)
        shaped = sample.shaped(addition)
        lowered = sample.original - sample.value[:, :, None]
        assert np.abs(shaped - lowered)[np.broadcast_to(sample.live[..., None], lowered.shape)].max() < 1e-9
        assert sample.share_kept(addition) == 1.0


def test_potentials_out_of_range_are_clipped_on_both_sides(continuing):
    wild = 3.0 * continuing.value - 1.0
    assert continuing.share_kept(shaping(CONFIG, wild[:, :, None, None], wild[:, None, None, :])) == 1.0


def test_scale_and_offset_change_nothing(episodic):
    config = ShapingConfig(DISCOUNT, scale=5.0, offset=-0.7)
    addition = shaping(config, episodic.before, episodic.after, 1, episodic.ends)
    assert episodic.share_kept(addition) == 1.0


def test_the_plain_difference_of_progress_changes_the_policy(continuing):
    assert continuing.share_kept(continuing.after - continuing.before) < 0.85


def test_progress_as_a_wage_changes_the_policy(continuing):
    assert continuing.share_kept(continuing.after + 0.0 * continuing.before) < 0.1


def test_another_discount_than_the_learners_changes_the_policy(continuing):
    other = shaping(ShapingConfig(0.99), continuing.before, continuing.after)
    assert continuing.share_kept(other) < 0.87


def test_clipping_the_reward_instead_of_the_potential_changes_the_policy(continuing):
    addition = np.clip(shaping(CONFIG, continuing.before, continuing.after), -0.2, 0.2)
    assert continuing.share_kept(addition) < 0.4


def test_differences_estimated_anew_for_each_pair_change_the_policy(continuing):
    noise = continuing.rng.normal(0.0, 0.3, continuing.problem.reward.shape)
    assert continuing.share_kept(shaping(CONFIG, continuing.before, continuing.after) + noise) < 0.1


def test_chunks_discounted_like_single_steps_change_the_policy(chunked):
    assert chunked.share_kept(shaping(CONFIG, chunked.before, chunked.after)) < 0.6


def test_a_potential_that_stays_behind_the_end_changes_the_policy(episodic):
    kept = shaping(CONFIG, episodic.before, episodic.after)
    assert episodic.share_kept(kept) < 0.6
    # The same for all ends, as where success always looks like success, is no better.
    same = shaping(CONFIG, episodic.before, np.where(episodic.ends, 1.0, episodic.after))
    assert episodic.share_kept(same) < 0.6


def test_a_time_limit_that_the_learner_bootstraps_from_keeps_the_potential():
    sample = Sample(4)
    # Every transition into a state is cut with a chance of its own; the learner's target is the same, cut or not.
    cut = sample.rng.uniform(0.0, 0.5, (PROBLEMS, 1, 1, STATES))
    never, always = (shaping(CONFIG, sample.before, sample.after, 1, False, truncated) for truncated in (False, True))
    assert sample.share_kept((1.0 - cut) * never + cut * always) == 1.0
    # Zero at the limit although the learner bootstraps.
    zeroed = (1.0 - cut) * never + cut * -sample.before
    assert sample.share_kept(zeroed) < 0.3


def test_a_time_limit_that_the_learner_takes_for_the_end_zeroes_the_potential():
    sample, config = Sample(5), ShapingConfig(DISCOUNT, time_limit="end")
    ended = FiniteProblem(sample.problem.chance, sample.problem.reward, 0.0 * sample.problem.continuation)
    original = solve_backwards([sample.problem] * (HORIZON - 1) + [ended])

    def share(last):
        on_the_way = sample.problem.reward + shaping(config, sample.before, sample.after)
        stages = [sample.problem.with_reward(on_the_way)] * (HORIZON - 1)
        shaped = solve_backwards([*stages, ended.with_reward(ended.reward + last)])
        return np.mean([keeps_optimum(a, b) for a, b in zip(shaped, original, strict=True)], axis=0)

    assert share(shaping(config, sample.before, sample.after, 1, False, True)).min() == 1.0
    kept = share(DISCOUNT * sample.after - sample.before)
    assert (kept == 1.0).mean() < 0.05


def values_over_time(sample):
    """A model that is updated between the states of an episode: another potential at every time."""
    return sample.rng.uniform(0.0, 1.0, (HORIZON + 1, PROBLEMS, STATES))


def test_values_that_change_while_an_episode_runs_do_no_harm_where_both_sides_read_what_was_stored():
    sample = Sample(6)
    value = values_over_time(sample)
    ended = FiniteProblem(sample.problem.chance, sample.problem.reward, 0.0 * sample.problem.continuation)
    original = solve_backwards([sample.problem] * (HORIZON - 1) + [ended])
    config = ShapingConfig(DISCOUNT, time_limit="end")

    def stages(before, after):
        for t in range(HORIZON):
            last = t == HORIZON - 1
            added = shaping(config, before[t][:, :, None, None], after[t + 1][:, None, None, :], 1, False, last)
            base = ended if last else sample.problem
            yield base.with_reward(base.reward + added)

    stored = solve_backwards(list(stages(value, value)))
    assert all(keeps_optimum(a, b).all() for a, b in zip(stored, original, strict=True))
    assert np.abs(stored - (original - value[:-1, :, :, None])).max() < 1e-9
    # One side is asked again of a newer model: what was "after" is another number than what is "before" next.
    again = solve_backwards(list(stages(value, values_over_time(sample))))
    assert np.mean([keeps_optimum(a, b) for a, b in zip(again, original, strict=True)]) < 0.2


def test_relabelling_both_sides_does_no_harm_and_one_side_does(continuing):
    newer = np.clip(continuing.value + continuing.rng.normal(0.0, 0.3, continuing.value.shape), 0.0, 1.0)
    both = shaping(CONFIG, newer[:, :, None, None], newer[:, None, None, :])
    assert continuing.share_kept(both) == 1.0
    assert continuing.share_kept(shaping(CONFIG, continuing.before, newer[:, None, None, :])) < 0.1


def best_on_the_ledge(addition, chance, discount, gold=1.0):
    problem = ledge(chance, discount)
    q = problem.with_reward(gold * problem.reward + addition).solve()
    return int(q[0, LEDGE].argmax())


BEFORE, AFTER = PROGRESS[None, :, None, None], PROGRESS[None, None, None, :]
ENDS = np.arange(5) == 3


@pytest.mark.parametrize("discount", [0.9, 0.95, 0.98, 0.99])
@pytest.mark.parametrize("chance", [0.1, 0.3, 0.6, 1.0])
def test_on_the_ledge_potential_based_shaping_goes_and_the_plain_difference_stays(chance, discount):
    config = ShapingConfig(discount)
    assert best_on_the_ledge(0.0, chance, discount) == GO
    assert best_on_the_ledge(shaping(config, BEFORE, AFTER, 1, ENDS), chance, discount) == GO
    # Going is paid p (-0.6 + γ 0.3 + γ² 0.4 + γ² gold) - (1 - p) 0.7 in differences, staying 0.
    for gold in (0.0, 1.0):
        going = chance * (-0.6 + 0.3 * discount + (0.4 + gold) * discount**2) - 0.7 * (1.0 - chance)
        assert best_on_the_ledge(AFTER - BEFORE, chance, discount, gold) == (GO if going > 0.0 else STAY)
    if chance <= 0.3:
        assert best_on_the_ledge(AFTER - BEFORE, chance, discount) == STAY
    # To stay at 0.9 is worth 0.9 / (1 - γ) of absolute progress, more than an end can pay.
    assert best_on_the_ledge(AFTER + 0.0 * BEFORE, chance, discount) == STAY


def test_on_the_ledge_the_trap_comes_back_through_a_time_limit_that_keeps_its_potential():
    problem, limit = ledge(0.1, 0.99), 30
    ended = FiniteProblem(problem.chance, problem.reward, 0.0 * problem.continuation)
    config = ShapingConfig(0.99, time_limit="end")
    added = shaping(config, BEFORE, AFTER, 1, ENDS)

    def first_choice(last):
        stages = [problem.with_reward(problem.reward + added)] * (limit - 1)
        q = solve_backwards([*stages, ended.with_reward(problem.reward + last)])
        return int(q[0, 0, LEDGE].argmax())

    assert first_choice(shaping(config, BEFORE, AFTER, 1, ENDS, True)) == GO
    assert first_choice(added) == STAY
