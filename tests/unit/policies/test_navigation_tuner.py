from dataclasses import replace

import numpy as np
import pytest
from neighbourhoods import DT, POWER, crowd, look, rotation, trained

from controllers.errors import InvalidValue
from controllers.safety.agents import SensingConfig
from controllers.safety.barrier import steer
from controllers.safety.gains import bounded
from controllers.safety.liveness import Liveness
from controllers.safety.power_barrier import FixedPower
from policies.navigation.network import Network, NetworkConfig, initial
from policies.navigation.tuner import PowerTuner, Tuner

FIELDS = ("gain", "responsibility", "obstacle_gain", "turn", "pace")


def test_an_untrained_network_is_the_hand_made_schedule():
    view = look(*crowd(1))
    gains, hand_made = Tuner(DT, Network(initial(NetworkConfig()))).gains(view), Liveness(DT).gains(view)
    for name in FIELDS:
        assert getattr(gains, name) == pytest.approx(getattr(hand_made, name), abs=1e-12), name
    assert not Tuner(DT, Network(initial(NetworkConfig()))).choose(view).push.any()


def test_whatever_the_network_says_is_in_range_and_shares_sum_to_one():
    for seed in range(5):
        view = look(*crowd(seed))
        gains = Tuner(DT, Network(trained(seed=seed, scale=30.0))).gains(view)
        kept, changed = bounded(gains, view, DT)
        assert not changed.any()
        for i, j in zip(*np.nonzero(view.valid), strict=True):
            back = np.flatnonzero(view.index[view.index[i, j]] == i)[0]
            assert kept.responsibility[i, j] + kept.responsibility[view.index[i, j], back] == pytest.approx(1.0)


def test_the_choice_turns_with_the_map():
    position, goal, velocity, discs = crowd(8)
    turn, shift = rotation(1.1), np.array([20.0, -3.0])
    tuner = Tuner(DT, Network(trained()))
    here = tuner.choose(look(position, goal, velocity, discs))
    there = tuner.choose(
        look(position @ turn.T + shift, goal @ turn.T + shift, velocity @ turn.T, discs @ turn.T + shift)
    )
    for name in FIELDS:
        assert getattr(there.gains, name) == pytest.approx(getattr(here.gains, name), abs=1e-7), name
    assert there.push == pytest.approx(here.push @ turn.T, abs=1e-7) and np.abs(here.push).max() > 0.1


def test_a_robot_needs_nothing_but_its_own_neighbourhood():
    view, tuner = look(*crowd(5)), Tuner(DT, Network(trained()))
    together = tuner.choose(view)
    for i in range(6):
        alone = tuner.choose(view.rows([i]))
        for name in FIELDS:
            assert np.array_equal(getattr(alone.gains, name)[0], getattr(together.gains, name)[i]), name
        assert alone.push[0] == pytest.approx(together.push[i], abs=1e-15)


def test_robots_beyond_the_slots_cost_and_change_nothing():
    # 25 robots on a grid, 4 slots: with all others out of sight the four nearest give the same answer.
    position, goal, velocity, _ = crowd(6, 22)
    few = SensingConfig(10.0, 4, dt=DT)
    view, tuner = look(position, goal, velocity, sensing=few), Tuner(DT, Network(trained()))
    nearest = view.index[0][view.valid[0]]
    assert len(nearest) == 4
    chosen = np.concatenate(([0], nearest))
    small = look(position[chosen], goal[chosen], velocity[chosen], sensing=few)
    assert tuner.choose(small).gains.turn[0] == tuner.choose(view).gains.turn[0]
    assert np.array_equal(tuner.choose(small).gains.gain[0], tuner.choose(view).gains.gain[0])


def test_what_is_not_a_number_stays_with_the_robot_that_perceives_it():
    view = look(*crowd(5)[:3])
    goal = view.goal.copy()
    goal[2] = np.nan
    tuner = Tuner(DT, Network(trained()))
    broken, sound = tuner.choose(replace(view, goal=goal)), tuner.choose(view)
    others = np.arange(6) != 2
    assert np.array_equal(broken.gains.turn[others], sound.gains.turn[others])
    kept, changed = bounded(broken.gains, replace(view, goal=goal), DT)
    assert changed[2] > 0 and np.isfinite(kept.turn).all()


def test_a_target_is_turned_pushed_and_no_faster_than_allowed():
    choice = Tuner(DT, Network(trained())).choose(look(*crowd(5, 20)))
    speed, preferred = np.ones(20), np.tile([0.6, 0.0], (20, 1))
    target = choice.target(preferred, speed)
    free = steer(preferred, choice.gains) + choice.push
    length = np.linalg.norm(free, axis=1)
    assert target == pytest.approx(free / np.maximum(length, 1.0)[:, None])
    assert length.max() > 1.0 > length.min()


def test_a_schedule_without_pushes_steers_a_robot_on_its_way_to_the_same_target():
    view, tuner = look(*crowd(5, 20)), Tuner(DT, Network(trained(scale=0.1)))
    choice, gains = tuner.choose(view), tuner.gains(view)
    straight = view.goal / np.linalg.norm(view.goal, axis=1)[:, None]
    # All goals are farther than a step away, all speeds are 1 m/s.
    assert steer(straight, gains) == pytest.approx(choice.target(straight, np.ones(20)), abs=1e-12)
    assert np.linalg.norm(choice.push, axis=1).max() > 0.01


def test_a_schedule_leaves_a_robot_at_its_goal_alone():
    position, _, velocity, _ = crowd(5, 20)
    gains = Tuner(DT, Network(trained())).gains(look(position, position, velocity))
    assert np.isfinite(gains.turn).all() and (gains.pace <= 1.0).all()


def test_the_published_parameters_are_those_of_the_base_where_nothing_is_learned():
    view, base = look(*crowd(1)), FixedPower(10.0, 1.5)
    chosen, fixed = PowerTuner(Network(initial(POWER)), base).power_gains(view), base.power_gains(view)
    for name in ("zeta", "eta", "obstacle_zeta", "obstacle_eta"):
        assert np.array_equal(getattr(chosen, name), getattr(fixed, name))


def test_learned_published_parameters_are_positive_and_differ_by_neighbour():
    chosen = PowerTuner(Network(trained(POWER, scale=3.0)), FixedPower(10.0)).power_gains(look(*crowd(1)))
    assert (chosen.zeta > 0.0).all() and (chosen.eta > 0.0).all() and np.ptp(chosen.zeta) > 1.0


def test_a_network_of_the_other_variant_is_refused():
    with pytest.raises(InvalidValue, match="the network must answer heading, impatience, pace, gain"):
        Tuner(DT, Network(trained(POWER)))
    with pytest.raises(InvalidValue, match="the network must answer zeta, eta for every edge and nothing else"):
        PowerTuner(Network(trained()), FixedPower(1.0))


def test_a_robot_that_loses_patience_does_what_the_hand_made_schedule_says_but_keeps_its_shares():
    view = replace(look(*crowd(5)), stall=np.array([0.0, 4.9, 5.1, 64.9, 65.1, 0.0]))
    always, patient = Tuner(DT, Network(trained())), Tuner(DT, Network(trained()), patience_s=5.0)
    asked, found, by_hand = always.choose(view), patient.choose(view), Liveness(DT).gains(view)
    lost = np.array([False, False, True, True, False, False])
    np.testing.assert_array_equal(found.gains.turn[~lost], asked.gains.turn[~lost])
    np.testing.assert_array_equal(found.gains.gain[~lost], asked.gains.gain[~lost])
    np.testing.assert_allclose(found.gains.turn[lost], by_hand.turn[lost], atol=1e-12)
    np.testing.assert_allclose(found.gains.gain[lost], by_hand.gain[lost], atol=1e-12)
    np.testing.assert_array_equal(found.push[lost], 0.0)
    assert not np.allclose(asked.gains.gain[lost], by_hand.gain[lost])
    np.testing.assert_array_equal(found.gains.responsibility, asked.gains.responsibility)
    with pytest.raises(InvalidValue, match=r"Tuner.patience_s must be positive, got 0"):
        Tuner(DT, Network(trained()), patience_s=0.0)


def test_a_robot_that_is_wedged_draws_back_before_it_tries_anything_else():
    # Three abreast, all but touching, their goals ahead; the one in the middle has two neighbours to touch.
    position = np.array([[0.0, -0.65], [0.0, 0.0], [0.0, 0.65]])
    goal, velocity = position + np.array([10.0, 0.0]), np.zeros((3, 2))
    tuner = Tuner(DT, Network(trained()), patience_s=5.0)
    for stall, back in ((4.9, False), (5.1, True), (8.9, True), (9.1, False), (70.1, True)):
        view = replace(look(position, goal, velocity), stall=np.full(3, stall))
        assert (view.gap[view.valid] < 0.2 * 0.6).sum() == 4
        gains = tuner.choose(view).gains
        assert (gains.turn[1] == np.pi and gains.pace[1] == 1.0) == back
        assert gains.turn[0] != np.pi and gains.turn[2] != np.pi
